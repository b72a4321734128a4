//! What the driver of a client keeps: what came in, what it holds, whether its channel is open.
//!
//! The broker sees no difference between what waits in an inbox and what is held.

use super::super::trace::Event;
use super::script::Which;

/// One consumer name: a connection with a channel.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// It has a connection.
    pub connected: bool,
    /// It has a channel.
    pub open: bool,
    /// Deliveries that were not drained.
    pub inbox: Vec<Arrived>,
    /// What it was given and has not settled.
    pub held: Vec<Held>,
    /// The tags under which it settled.
    pub settled: Vec<Held>,
    /// The broker closed its channel, and that was not reported yet.
    pub closed: Option<u16>,
    /// Queues from which the broker cancelled it, not reported yet.
    pub cancelled: Vec<String>,
}

/// A delivery that was not drained.
#[derive(Debug)]
pub(super) struct Arrived {
    pub event: Event,
    /// What it leaves to be settled, if anything.
    pub held: Option<Held>,
    /// Its queue writes to a log before it does anything.
    pub slow: bool,
}

/// A delivery that is not settled.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub tag: u32,
    pub message: String,
    pub queue: String,
}

impl Client {
    /// It opens what it needs.
    pub fn connect(&mut self) {
        (self.connected, self.open) = (true, true);
    }

    /// Its channel is gone.
    pub fn lose_channel(&mut self) {
        *self = Client { connected: self.connected, ..Client::default() };
    }

    /// The tags that a choice among what is held means, each with the message, in the order in which they are sent. Where
    /// `multiple`, the choice is the first.
    pub fn choose(&self, which: &Which, multiple: bool) -> Vec<Held> {
        let last = self.held.len().saturating_sub(1);
        let mut chosen: Vec<Held> = match which {
            Which::Tags(_) => Vec::new(),
            Which::Messages { names, queue } => {
                let mut left = self.held.clone();
                let mut chosen = Vec::new();
                for name in names {
                    let fits = |held: &Held| held.message == *name && queue.as_ref().is_none_or(|it| *it == held.queue);
                    if let Some(at) = left.iter().position(fits) {
                        let held = left.remove(at);
                        if multiple {
                            left.retain(|other| other.tag > held.tag);
                        }
                        chosen.push(held);
                    }
                }
                return chosen;
            }
            Which::Oldest => self.held.first().cloned().into_iter().collect(),
            Which::Newest => self.held.last().cloned().into_iter().collect(),
            Which::All => self.held.clone(),
            Which::AllReversed => self.held.iter().rev().cloned().collect(),
            Which::Nth(nth) => {
                let at = (*nth as usize).checked_rem(last + 1).unwrap_or(0);
                self.held.get(at).cloned().into_iter().collect()
            }
        };
        if multiple {
            chosen.truncate(1);
        }
        chosen
    }

    /// It lets go of what it settles.
    pub fn settle(&mut self, held: &Held, multiple: bool) {
        let goes = |other: &Held| other.tag == held.tag || multiple && other.tag < held.tag;
        self.settled.extend(self.held.iter().filter(|other| goes(other)).cloned());
        self.held.retain(|other| !goes(other));
    }
}
