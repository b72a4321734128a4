//! The seat: whoever decides what a handler does next, asked as the oracle is.
//!
//! The world asks `resume(answer) -> point`: it says what the last point gave, and hears where the handler stands now. Both
//! are plain data, so a program, a Rust type or a process in another language may sit there, and nothing foreign lives
//! inside the world. A consumer with written steps needs no seat: its program is the plan's.

use serde::{Deserialize, Serialize};

/// What the last point gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// A handler starts on this message.
    Start {
        /// Which operation: the id that the producer gave it.
        op: u32,
        /// Its key.
        key: u32,
        /// Which copy of it, from 0.
        copy: u16,
        /// Handler runs of this copy, this one included.
        run: u16,
    },
    /// The point was passed.
    Done,
    /// The store knows the operation already ([`Point::Seen`], or [`Point::Mark`] in a transaction), or does not.
    Known(bool),
}

/// Where a handler stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Point {
    /// A place in its code at which it may crash, or stand still.
    At(String),
    /// It is about to ask a store whether the operation is marked.
    Seen(String),
    /// It is about to apply the operation's effect to a store.
    Effect(String),
    /// It is about to mark the operation in a store.
    Mark(String),
    /// It is about to ack.
    Ack,
    /// It ended with an error, in its words.
    Failed(String),
    /// It ended.
    End,
}

/// Whoever sits in the consumer's seat. Workers are numbered over the whole plan.
pub trait Seat {
    /// Goes on from the last point to the next.
    fn resume(&mut self, worker: u32, answer: &Answer) -> Point;
    /// The worker's process died: what its handler held in memory is gone. No destructor of the handler runs.
    fn forget(&mut self, worker: u32);
}

/// Nobody sits there: every consumer has written steps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Empty;

impl Seat for Empty {
    fn resume(&mut self, worker: u32, _: &Answer) -> Point {
        Point::Failed(format!("worker {worker} has a foreign handler, and nobody sits in its seat"))
    }
    fn forget(&mut self, _: u32) {}
}
