//! What a broker can be made of, an idea a file. Parts know no product.

mod ready;
mod waiting;

pub(crate) use ready::Ready;
pub(crate) use waiting::Waiting;
