//! The model: a plan, and a world that runs it. Machines without I/O, clock or chance of their own.

pub mod broker;
mod consumer;
pub mod fact;
mod form;
mod machines;
mod out;
pub mod parameter;
pub mod plan;
mod producer;
mod records;
pub mod rig;
pub mod seat;
mod stage;
mod store;
pub mod text;
mod timeline;
mod wire;
mod world;

pub use consumer::program::RESTART_AFTER_POISON;
pub use fact::{Fact, Silent, Watch};
pub use machines::{MAX_AT_ONE_INSTANT, Stop};
pub use plan::Plan;
pub use stage::{Actor, Process, Stage};
pub use world::{Around, Leases, Times, World};
