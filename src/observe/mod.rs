//! Observers: what is made of facts. They read facts and the plan, nothing else.

pub mod guarantees;
pub mod report;
pub mod stats;
