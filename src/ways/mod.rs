//! Ways to use a world.

pub mod explore;
#[cfg(feature = "scenario")]
pub mod judge;
pub mod run;
pub mod trial;
