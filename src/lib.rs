//! A deterministic simulator and teaching model of message-queue delivery semantics.

pub mod model;
pub mod observe;
#[cfg(feature = "scenario")]
pub mod scenario;
pub mod sim;
pub mod tell;
pub mod ways;
