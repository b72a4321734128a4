//! What waits in a queue, in the order of its kind.
//!
//! Standard: by arrival, and what comes back stands where it stood (one choice among those that the documentation leaves).
//! FIFO: by group, with the window of deduplication ids and the receive attempts that may be repeated.

use std::collections::VecDeque;

use super::{Kind, Settings};
use crate::model::broker::parts::{Dedup, Groups, Ready};
use crate::sim::Canon;

/// What waits.
#[derive(Clone, Debug)]
pub(super) enum Order {
    Standard(Ready),
    Fifo(Box<Fifo>),
}

/// What only a FIFO queue keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Fifo {
    pub groups: Groups,
    pub dedup: Dedup,
    /// Named receive attempts and what they got, the oldest first; nothing, where they cannot be repeated.
    pub attempts: VecDeque<(u64, Vec<u32>)>,
}

/// Where an entry belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Home {
    pub entry: u32,
    pub place: u32,
    /// The name of its group; a standard queue does not ask.
    pub group: u64,
}

impl Order {
    pub fn new(settings: &Settings) -> Order {
        match settings.kind {
            Kind::Standard { .. } => Order::Standard(Ready::default()),
            Kind::Fifo { .. } => Order::Fifo(Box::default()),
        }
    }

    /// A new one waits: behind all others.
    #[inline]
    pub fn add(&mut self, home: Home) {
        match self {
            Order::Standard(ready) => ready.push(home.entry),
            Order::Fifo(fifo) => fifo.groups.add(home.group, home.entry, home.place),
        }
    }

    /// One that was out waits again, at its place.
    pub fn put_back(&mut self, home: Home, place_of: impl Fn(u32) -> u32) {
        match self {
            Order::Standard(ready) => ready.put_back(home.entry, place_of),
            Order::Fifo(fifo) => {
                fifo.groups.comes_back(home.group);
                fifo.groups.add(home.group, home.entry, home.place);
            }
        }
    }

    /// A new one is out from the start: it is delayed.
    pub fn goes_out(&mut self, group: u64) {
        if let Order::Fifo(fifo) = self {
            fifo.groups.goes_out(group);
        }
    }

    /// One that was out is gone.
    #[inline]
    pub fn settled(&mut self, group: impl FnOnce() -> u64) {
        if let Order::Fifo(fifo) = self {
            fifo.groups.comes_back(group());
        }
    }

    /// Whether a receive would get anything.
    #[inline]
    pub fn is_open(&self) -> bool {
        match self {
            Order::Standard(ready) => !ready.is_empty(),
            Order::Fifo(fifo) => fifo.groups.is_open(),
        }
    }

    /// The next one, for a receive that took of the group `of` before.
    #[inline]
    pub fn take(&mut self, of: &mut Option<u64>) -> Option<u32> {
        match self {
            Order::Standard(ready) => ready.pop(),
            Order::Fifo(fifo) => {
                let (entry, group) = fifo.groups.take(*of)?;
                *of = Some(group);
                Some(entry)
            }
        }
    }

    /// All that wait.
    pub fn waiting(&self) -> Vec<u32> {
        match self {
            Order::Standard(ready) => ready.iter().collect(),
            Order::Fifo(fifo) => fifo.groups.iter().collect(),
        }
    }

    /// Keeps those that wait and of which `keep` says so.
    pub fn retain(&mut self, keep: impl FnMut(u32) -> bool) {
        match self {
            Order::Standard(ready) => ready.retain(keep),
            Order::Fifo(fifo) => fifo.groups.retain(keep),
        }
    }

    /// Writes them.
    pub fn canon<F: Canon>(&self, form: &mut F, mut each: impl FnMut(&mut F, u32)) {
        match self {
            Order::Standard(ready) => ready.canon(form, each),
            Order::Fifo(fifo) => {
                fifo.groups.canon(form, &mut each);
                fifo.dedup.canon(form);
            }
        }
    }
}
