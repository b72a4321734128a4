//! Telling: results into words and pictures. It reads reports and changes nothing.

#[cfg(feature = "cli")]
pub mod answer;
#[cfg(feature = "cli")]
pub mod paint;
#[cfg(feature = "cli")]
pub mod plot;
#[cfg(feature = "cli")]
pub mod recordings;
pub mod story;
pub mod violation;
pub(crate) mod words;
