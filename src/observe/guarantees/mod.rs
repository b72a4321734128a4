//! The guarantees: one file a family, each an automaton over a few bytes of one subject, with its naive twin and its words.
//!
//! An automaton knows neither times nor metrics nor who asks: the [judge](super::Judge) stores its bytes for every
//! operation of a run, an explorer stores the same bytes, reduced by [`mask`], as part of each state. What it remembers
//! of an operation is one word, [`OpState`]; order keeps two numbers a key, attempts one a copy.

#[cfg(test)]
mod agreement;
mod counts;
mod dead_letters;
mod durability;
#[cfg(test)]
mod history;
mod lease;
mod op;
mod order;
mod outcome;
#[cfg(test)]
mod toy;

use std::ops::BitOr;

use super::roles::Roles;
use crate::model::fact::Fact;

pub(crate) use counts::undelivered_yet;
pub use dead_letters::attempts_exact;
pub(crate) use lease::acked_without_effect;
pub use op::{FULL as MANY_COPIES, OpState};
pub use order::{first_effect, run_begins, run_ends};
pub use outcome::{Outcome, REASONS, may_change, outcome};
pub(crate) use outcome::{endless_yet, is_final, reason, unsettled_yet};

/// What the command knows of a guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarantee {
    /// Its id in the catalogue.
    pub id: &'static str,
    /// Its name in expectations.
    pub name: &'static str,
    /// What it says, in a sentence.
    pub text: &'static str,
    /// Whether it is about one consumer's effects (its verdict is then found by consumer too).
    pub by_consumer: bool,
    /// What has to occur before it can be judged: "an operation was delivered".
    pub subject: &'static str,
    /// Which bits of [`OpState`] it needs.
    pub mask: u64,
}

macro_rules! guarantees {
    ($($id:ident $name:literal, $by_consumer:literal, $text:literal, $subject:literal, $mask:expr;)*) => {
        /// A guarantee by its id in the catalogue; as a number its place in [`GUARANTEES`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Id { $(#[doc = $text] $id),* }

        impl Id {
            /// All of them, in the order of the catalogue.
            pub const ALL: &[Id] = &[$(Id::$id),*];
        }

        /// Every guarantee, in the order of the catalogue.
        pub const GUARANTEES: &[Guarantee] = &[$(Guarantee {
            id: stringify!($id),
            name: $name,
            text: $text,
            by_consumer: $by_consumer,
            subject: $subject,
            mask: ($mask) | OpState::BORN,
        }),*];
    };
}

/// What decides whether an operation has its effect, or can still have it.
const ENDED: u64 = OpState::EFFECTS_ONCE | OpState::DONE | OpState::ALIVE | OpState::HANDS;

guarantees! {
    A1 "deliveries at-most-once", false, "no operation is delivered twice",
        "an operation was delivered", OpState::DELIVERED;
    A2 "runs at-most-once", false, "no operation's handler is started twice",
        "a handler was started", OpState::STARTED;
    A3 "effects at-most-once", true, "no operation takes effect twice",
        "an operation took effect", OpState::EFFECTS;
    A4 "deliveries at-least-once", false, "every confirmed operation is delivered",
        "an operation was confirmed", OpState::DELIVERED_ONCE | OpState::ALIVE | OpState::CONFIRMED;
    A5 "effects at-least-once", true, "every confirmed operation takes effect or is dead-lettered",
        "an operation was confirmed", ENDED | OpState::DEAD_ONCE | OpState::CONFIRMED;
    A7 "effects exactly-once", true, "effects at-most-once and effects at-least-once",
        "an operation was confirmed or took effect", ENDED | OpState::EFFECTS | OpState::DEAD_ONCE | OpState::CONFIRMED;
    A9 "publishes deduplicated", false, "no operation is stored twice in a queue",
        "an operation was stored", OpState::STORED;
    B4 "effects in order", true, "first effects of a key come in the order in which they were produced",
        "an operation with a key took effect", OpState::EFFECTS_ONCE;
    B5 "runs of a key one at a time", false, "no two handlers of one key run at the same time",
        "a handler was started for an operation with a key", 0;
    C3 "no effect after its lease", true, "no effect comes from a delivery that is no longer current",
        "an operation took effect", 0;
    C6 "ack implies effect", true, "no message is acked before its operation took effect",
        "a consumer with an effect acked", OpState::EFFECTS_ONCE | OpState::DONE | OpState::FOUND;
    D1 "no loss of a confirmed publish", false, "no broker loses what it confirmed",
        "an operation was confirmed", ENDED | OpState::CONFIRMED | OpState::LAST;
    E1 "every operation ends", false,
        "every stored operation takes effect, is dead-lettered or is dropped by declared policy",
        "an operation was stored",
        ENDED | OpState::DEAD_ONCE | OpState::SETTLED | OpState::STORED_ONCE | OpState::LAST;
    E2 "attempts exact", false, "each copy is dead-lettered after exactly the deliveries that its queue says",
        "a copy was dead-lettered", 0;
    E4 "dead-lettered at-most-once", false, "no operation is dead-lettered twice",
        "an operation was dead-lettered", OpState::DEAD;
}

impl Id {
    /// What is known of it.
    pub fn guarantee(self) -> &'static Guarantee {
        &GUARANTEES[self as usize]
    }
}

/// A set of guarantees: those asked for, or those that broke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked(u16);

impl Asked {
    /// None of them.
    pub const NONE: Asked = Asked(0);

    /// This one only.
    pub const fn of(id: Id) -> Asked {
        Asked(1 << id as u8)
    }
    /// This one, or none.
    #[inline]
    pub(crate) fn when(yes: bool, id: Id) -> Asked {
        Asked(u16::from(yes) << id as u8)
    }
    /// Whether it is among them.
    pub fn contains(self, id: Id) -> bool {
        self.0 >> id as u8 & 1 == 1
    }
    /// Whether there is none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// In the order of the catalogue.
    pub fn iter(self) -> impl Iterator<Item = Id> {
        Id::ALL.iter().copied().filter(move |&id| self.contains(id))
    }
}

impl BitOr for Asked {
    type Output = Asked;
    fn bitor(self, other: Asked) -> Asked {
        Asked(self.0 | other.0)
    }
}

/// The bits of [`OpState`] that these guarantees need: whoever keeps only those of each operation still judges right.
pub fn mask(asked: Asked) -> u64 {
    asked.iter().fold(0, |mask, id| mask | id.guarantee().mask)
}

/// Which guarantees about an operation broke when its word changed. (A7 is A3 and A5.)
#[inline]
pub(crate) fn broken(before: OpState, after: OpState) -> Asked {
    if !notable(before, after) {
        return Asked::NONE;
    }
    counts::broken(before, after)
        | Asked::when(counts::undelivered_for_good(after) && !counts::undelivered_for_good(before), Id::A4)
        | outcome::broken(before, after)
        | durability::broken(before, after)
        | dead_letters::broken(before, after)
}

/// Whether anything may have broken, or an outcome may have changed: two tests that nearly every fact fails.
#[inline]
pub(crate) fn notable(before: OpState, after: OpState) -> bool {
    let happened_again = after.word() & !before.word() & OpState::TWICE != 0;
    happened_again || may_be_gone(after)
}

/// The second of the two, which is enough where nothing is counted.
#[inline]
pub(crate) fn may_be_gone(after: OpState) -> bool {
    after.has_none(OpState::ALIVE | OpState::DONE)
}

/// A fact about an operation: its word from now on, and which guarantees broke. Order (B4, B5), attempts (E2) and
/// deliveries that are [abandoned](OpState::abandoned) go by what else is remembered.
pub fn step(before: OpState, roles: &Roles, fact: &Fact) -> (OpState, Asked) {
    let after = before.next(roles, fact);
    let broke = broken(before, after) | lease::broken(before, roles, fact);
    (after, broke | a7(broke))
}

/// A delivery of the operation will never have its run.
pub fn abandon(before: OpState) -> (OpState, Asked) {
    let after = before.abandoned();
    let broke = broken(before, after);
    (after, broke | a7(broke))
}

fn a7(broke: Asked) -> Asked {
    Asked::when(broke.contains(Id::A3) || broke.contains(Id::A5), Id::A7)
}
