//! Telling: results into words and pictures. It reads reports and changes nothing.

#[cfg(feature = "cli")]
pub mod plot;
pub mod story;
