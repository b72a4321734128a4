//! Ways to use a world.

pub mod explore;
pub mod facts;
#[cfg(feature = "scenario")]
pub mod judge;
pub(crate) mod pool;
pub mod replay;
pub mod run;
pub mod trial;
