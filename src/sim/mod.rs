//! The ground floor: time, ids, pending events, chance. It knows nothing of queues.

pub mod agenda;
pub mod dist;
pub mod ids;
pub mod keys;
mod normal;
pub mod oracle;
pub mod time;

pub use agenda::{Agenda, Handle, Head, Lane};
pub use dist::Dist;
pub use ids::Slab;
pub use keys::KeyDraw;
pub use oracle::{Address, Chance, Oracle, Source};
pub use time::{Span, Time};
