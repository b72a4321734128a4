//! Ways to use a world.

#[cfg(feature = "scenario")]
pub mod conform;
pub mod explore;
pub mod facts;
#[cfg(feature = "scenario")]
pub mod judge;
pub(crate) mod pool;
pub mod replay;
pub mod run;
pub mod trial;
