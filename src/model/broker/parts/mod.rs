//! What a broker can be made of, an idea a file. Parts know no product.

mod ages;
mod dedup;
mod groups;
mod pull;
mod ready;
mod waiting;

pub(crate) use ages::Ages;
pub(crate) use dedup::Dedup;
pub(crate) use groups::Groups;
pub(crate) use pull::Pull;
pub(crate) use ready::Ready;
pub(crate) use waiting::Waiting;
