//! What a broker can be made of, an idea a file. Parts know no product.

pub(crate) mod headers;
pub(crate) mod jump;
mod levels;
mod ready;
pub(crate) mod topic;
mod turns;
mod waiting;

pub(crate) use levels::Levels;
pub(crate) use ready::Ready;
pub(crate) use turns::Turns;
pub(crate) use waiting::Waiting;
