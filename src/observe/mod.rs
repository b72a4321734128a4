//! Observers: what is made of facts. They read facts and the plan, nothing else.

pub mod fingerprint;
pub mod guarantees;
pub mod report;
pub mod stats;

pub use fingerprint::Fingerprint;
pub use report::Report;
pub use stats::{Estimate, estimate};
