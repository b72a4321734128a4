//! Ways to use a world: what is run, and what is made of the reports.

pub mod judge;
