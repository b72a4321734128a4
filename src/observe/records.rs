//! The records of the ledger: what is kept of each key and delivery, and of each queue and consumer.
//!
//! Keys and slots are numbered densely, so a record is found by its place; slots are reused.

use super::guarantees::{Id, REASONS};
use super::metrics::{ConsumerMetrics, QueueMetrics};
use super::report::CAUSES;
use crate::sim::Time;

/// What a delivery's slot is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Its run may still come.
    Waiting,
    Running,
    /// Its run ended, or will never come.
    Over,
}

/// A delivery's slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    pub started_at: Time,
    /// The number of its operation's word.
    pub word: u32,
    pub worker: u32,
    pub consumer: u16,
    pub at: At,
    /// Whether its queue is the message's home.
    pub at_home: bool,
}

/// A slot that was never given out.
pub(super) const NO_DELIVERY: Delivery =
    Delivery { started_at: Time::ZERO, word: 0, worker: 0, consumer: 0, at: At::Over, at_home: false };

/// The keys of a strand: for each, its open runs, and the newest operation with an effect, by consumer.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    columns: usize,
    cells: Vec<u32>,
}

impl Keys {
    pub fn new(consumers: usize) -> Keys {
        Keys { columns: consumers + 1, cells: Vec::new() }
    }
    /// Makes room for a key.
    #[inline]
    pub fn know(&mut self, key: u32) {
        let cells = (key as usize + 1) * self.columns;
        if cells > self.cells.len() {
            self.cells.resize(cells, 0);
        }
    }
    #[inline]
    pub fn open_runs(&mut self, key: u32) -> &mut u32 {
        &mut self.cells[key as usize * self.columns]
    }
    #[inline]
    pub fn newest(&mut self, key: u32, consumer: usize) -> &mut u32 {
        &mut self.cells[key as usize * self.columns + 1 + consumer]
    }
}

/// How often, and when first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub count: u64,
    pub first: Option<First>,
}

/// The first time: what happens has an order even where its moments are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct First {
    pub nth: u64,
    pub at: Time,
    pub op: u32,
}

impl Tally {
    pub fn count(&mut self, first: First) {
        self.count += 1;
        self.first.get_or_insert(first);
    }
    pub fn add(&mut self, other: Tally) {
        self.count += other.count;
        self.first = [self.first, other.first].into_iter().flatten().min();
    }
}

/// A queue: what is measured, and what broke among the operations whose home it is.
#[derive(Clone, Debug, Default)]
pub(super) struct QueueBook {
    pub metrics: QueueMetrics,
    pub broken: [Tally; Id::ALL.len()],
    /// By reason.
    pub lost: [Tally; REASONS.len()],
}

/// A consumer: what is measured, and what it broke.
#[derive(Clone, Debug, Default)]
pub(super) struct ConsumerBook {
    /// See [`ConsumerRole`](super::roles::ConsumerRole).
    pub sites: u64,
    /// Where an operation has none of these bits, its effect is the first and the only one, and nobody shares its key: the
    /// site and KEYED, or, where there are several sites, one that is set of all that have effects.
    pub more_to_ask: u64,
    pub metrics: ConsumerMetrics,
    pub broken: [Tally; Id::ALL.len()],
    /// Duplicates, by cause.
    pub causes: [Tally; CAUSES.len()],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_takes_24_bytes() {
        assert_eq!(size_of::<Delivery>(), 24);
    }
}
