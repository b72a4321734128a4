//! Ways to use a world.

pub mod explore;
pub mod run;
pub mod trial;
