//! What a queue keeps: ready orders, consumers, whose turn it is; and what is noted of an entry beside the shared record.
//!
//! It knows nothing of other queues. Both families use it; what they do with it is in `classic.rs` and `quorum.rs`.

use super::settings::{Family, Settings};
use super::topology::Version;
use crate::model::broker::parts::{Levels, Ready, Turns};
use crate::model::records::{NONE, Records};
use crate::sim::{Ring, Time, clone_by_field};

/// What changes in a queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Its declaration stands.
    pub stands: bool,
    /// What came back and goes first (quorum).
    pub returns: Ready,
    /// What is ready, by priority.
    pub levels: Levels,
    /// Bytes of what is ready, where they are limited.
    pub bytes: u64,
    /// Dequeued in a row from the higher of two priorities (4.0).
    pub streak: u8,
    /// Consumers, in slots that are used over.
    pub consumers: Vec<Consumer>,
    /// Those of them who may be served.
    pub turns: Turns,
    /// The single active consumer, or the exclusive one (classic).
    pub active: Option<u32>,
    /// Those who wait to become the single active one (quorum).
    pub waiting: Vec<u32>,
    /// It has had a consumer.
    pub was_consumed: bool,
    /// The channel whose connection owns it, or [`NONE`].
    pub owner: u32,
    /// The place of the next message; it only orders messages against each other.
    pub next_place: u32,
    /// Behind the furthest place that was delivered.
    pub delivered_to: u32,
    /// What stands before this place counts as delivered (classic, after a restart).
    pub redelivered_to: u32,
    /// Its publishers are known to it, and are told to stop (quorum).
    pub knows_publishers: bool,
    pub blocks_publishers: bool,
    /// Dead letters that wait for their targets' confirms, or for a further try.
    pub retained: Ring<(u32, super::letters::Reason)>,
    /// Messages that the broker itself holds back for a while.
    pub delayed: u32,
    /// Some message of it had an end.
    pub may_expire: bool,
    /// The entry whose end it waits for, or [`NONE`] (classic, with priorities).
    pub watched: u32,
    /// When it was last used, where that matters.
    pub last_used: Time,
    /// How many consumers were attached so far: they are ordered by it.
    pub attached: u32,
}

clone_by_field!(Queue {
    stands,
    returns,
    levels,
    bytes,
    streak,
    consumers,
    turns,
    active,
    waiting,
    was_consumed,
    owner,
    next_place,
    delivered_to,
    redelivered_to,
    knows_publishers,
    blocks_publishers,
    retained,
    delayed,
    may_expire,
    watched,
    last_used,
    attached
});

/// One who consumes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Consumer {
    pub worker: u32,
    /// Its channel, or [`NONE`]: it is a ghost.
    pub channel: u32,
    /// The consumer tag.
    pub tag: u32,
    /// At most so many at a time; 0: no limit.
    pub prefetch: u32,
    /// Deliveries that it may still be sent.
    pub credit: u32,
    /// Deliveries that it holds.
    pub held: u32,
    pub priority: i32,
    pub auto_ack: bool,
    pub status: Status,
    /// It was found without credit and waits for some (classic), or has its turn (quorum).
    pub marked: bool,
    /// Deliveries whose time ran out and that it has not settled.
    pub timed_out: u32,
    /// What its channel knows of the number of its deliveries (quorum, 3.10).
    pub count: Count,
    /// How many were attached before it.
    pub order: u32,
}

/// What a channel knows of how many deliveries a consumer had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// All.
    Kept,
    /// Nothing: it subscribed anew while it held messages.
    Lost,
    /// It was sent one more, and the channel broke on those that it misses.
    Broken,
}

/// What a consumer may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// The slot is free.
    Gone,
    /// Messages.
    Up,
    /// Nothing: another waits to take over once it has settled all (quorum, single active consumer).
    Quiescing,
    /// Nothing: it was cancelled and still holds messages (quorum).
    Cancelled,
}

/// What is noted of an entry, where anything is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// The token of the timer that ends its life, or [`NONE`].
    pub expires: u32,
    /// It is too old.
    pub expired: bool,
    /// How often it came back (quorum, since 4.0).
    pub acquired: u16,
    /// How often it failed.
    pub failed: u16,
}

/// Nothing is noted.
pub(super) const UNMARKED: Mark = Mark { expires: NONE, expired: false, acquired: 0, failed: 0 };

impl Mark {
    /// How often it was assigned before, as a quorum queue reckons.
    pub fn shown(&self) -> u16 {
        if self.acquired > 0 { self.acquired } else { self.failed }
    }

    /// It came back.
    pub fn count(&mut self, version: Version, failed: bool) {
        if version == Version::V3_10 {
            self.failed = self.failed.saturating_add(1);
        } else {
            self.acquired = self.acquired.saturating_add(1);
            self.failed = self.failed.saturating_add(u16::from(failed));
        }
    }
}

/// The lowest default priority of 32 (quorum, 4.3).
const DEFAULT_PRIORITY: usize = 4;
const HIGHEST_PRIORITY: usize = 31;

impl Queue {
    pub fn new(stands: bool) -> Queue {
        Queue { stands, owner: NONE, watched: NONE, ..Queue::default() }
    }

    /// How many are ready.
    #[inline]
    pub fn ready(&self) -> u32 {
        self.levels.len() + self.returns.len()
    }

    /// How many count to its limit.
    #[inline]
    pub fn counted(&self) -> u64 {
        u64::from(self.ready() + self.delayed) + self.retained.len() as u64
    }

    /// The level that a priority stands for.
    #[inline]
    pub fn level(settings: &Settings, priority: Option<u8>) -> usize {
        match (settings.family, settings.version) {
            (Family::Classic, _) => {
                settings.max_priority.map_or(0, |most| usize::from(priority.unwrap_or(0).min(most)))
            }
            (Family::Quorum, Version::V3_10) => 0,
            (Family::Quorum, Version::V4_0) => usize::from(priority.is_some_and(|priority| priority > 4)),
            (Family::Quorum, Version::V4_3) => {
                priority.map_or(DEFAULT_PRIORITY, |priority| usize::from(priority).min(HIGHEST_PRIORITY))
            }
        }
    }

    /// The level that is served next.
    #[inline]
    fn next_level(&self, settings: &Settings, records: &Records) -> Option<usize> {
        let highest = self.levels.highest()?;
        // Two high ones, then a normal one, unless it came after the next high one.
        let normal_is_due = self.streak == 2 && settings.family == Family::Quorum && settings.version == Version::V4_0;
        let place = |level: usize| self.levels.front(level).map(|entry| records.entries[entry].place);
        let normal = normal_is_due && place(0).is_some_and(|normal| Some(normal) < place(highest));
        Some(if normal { 0 } else { highest })
    }

    /// The head.
    #[inline]
    pub fn head(&self, settings: &Settings, records: &Records) -> Option<u32> {
        self.returns.front().or_else(|| self.levels.front(self.next_level(settings, records)?))
    }

    /// Takes the head.
    #[inline]
    pub fn take(&mut self, settings: &Settings, records: &Records) -> Option<u32> {
        if let Some(entry) = self.returns.pop() {
            return Some(entry);
        }
        let level = self.next_level(settings, records)?;
        if settings.family == Family::Quorum {
            self.streak = if self.streak == 2 { 0 } else { self.streak + 1 };
        }
        self.levels.pop(level)
    }

    /// Takes all that is ready.
    pub fn take_all(&mut self) -> Vec<u32> {
        let mut all: Vec<u32> = self.returns.drain().collect();
        all.extend(self.levels.drain());
        (self.streak, self.watched) = (0, NONE);
        all
    }

    /// Gives a consumer its slot.
    pub fn seat(&mut self, consumer: Consumer) -> u32 {
        match self.consumers.iter().position(|other| other.status == Status::Gone) {
            Some(free) => {
                self.consumers[free] = consumer;
                free as u32
            }
            None => {
                self.consumers.push(consumer);
                self.consumers.len() as u32 - 1
            }
        }
    }

    /// Frees a slot.
    pub fn unseat(&mut self, who: u32) {
        self.turns.remove(who);
        self.waiting.retain(|&other| other != who);
        self.consumers[who as usize].status = Status::Gone;
    }

    /// Those who are attached, in the order in which they were.
    pub fn attached(&self) -> Vec<u32> {
        let there = |who: &u32| self.consumers[*who as usize].status != Status::Gone;
        let mut all: Vec<u32> = (0..self.consumers.len() as u32).filter(there).collect();
        all.sort_by_key(|&who| self.consumers[who as usize].order);
        all
    }

    /// The one of a tag.
    pub fn by_tag(&self, channel: u32, tag: u32) -> Option<u32> {
        let is = |it: &Consumer| it.status != Status::Gone && it.channel == channel && it.tag == tag;
        self.consumers.iter().position(is).map(|who| who as u32)
    }
}
