//! What a broker can be made of, an idea a file. Parts know no product.

mod ages;
mod dedup;
mod groups;
pub(crate) mod headers;
pub(crate) mod jump;
mod levels;
mod pull;
mod ready;
pub(crate) mod topic;
mod turns;
mod waiting;

pub(crate) use ages::Ages;
pub(crate) use dedup::Dedup;
pub(crate) use groups::Groups;
pub(crate) use levels::Levels;
pub(crate) use pull::Pull;
pub(crate) use ready::Ready;
pub(crate) use turns::Turns;
pub(crate) use waiting::Waiting;
