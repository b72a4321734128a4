//! The ground floor: time, ids, pending events, chance. It knows nothing of queues.

pub mod agenda;
pub mod canon;
pub mod dist;
mod heap;
pub mod ids;
pub mod keys;
mod ln;
mod normal;
pub mod oracle;
pub mod ring;
pub mod time;

pub use agenda::{Agenda, Event, Head, Lane};
pub use canon::{Canon, Fingerprint};
pub use dist::Dist;
pub use ids::{Slab, Slot};
pub use keys::KeyDraw;
pub use oracle::{Address, Chance, Oracle, Source};
pub use ring::Ring;
pub use time::{Span, Time};

/// `Clone` field by field, also in `clone_from`: a copy into a value that is no longer needed reuses its memory, and the
/// explorer copies worlds a million times a second.
macro_rules! clone_by_field {
    ($name:ident $(<$of:ident>)? { $($field:ident),* $(,)? }) => {
        impl $(<$of: Clone>)? Clone for $name $(<$of>)? {
            fn clone(&self) -> Self {
                $name { $($field: self.$field.clone()),* }
            }
            fn clone_from(&mut self, source: &Self) {
                $(self.$field.clone_from(&source.$field);)*
            }
        }
    };
}
pub(crate) use clone_by_field;
