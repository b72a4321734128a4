//! The model: a plan, and a world that runs it. Machines without I/O, clock or chance of their own.

pub mod broker;
pub mod fact;
pub mod parameter;
pub mod plan;

pub use fact::{Fact, Silent, Watch};
pub use plan::Plan;
