//! Observers: what is made of facts. They read facts and the plan, nothing else.
//!
//! The [`Judge`] is the one ledger of a run: it counts, measures and judges, and ends as a [`Report`].

pub mod automata;
mod bands;
pub mod fingerprint;
mod finish;
pub mod guarantees;
mod histogram;
pub mod homes;
mod judge;
mod ledger;
mod messages;
mod metrics;
mod ops;
mod records;
pub mod report;
pub mod roles;
mod series;
mod several;
pub mod stats;
mod sum;
#[cfg(test)]
mod tests;

pub use fingerprint::Fingerprint;
pub use homes::Homes;
pub use judge::Judge;
pub use report::Report;
pub use roles::Roles;
pub use stats::{Estimate, estimate};
