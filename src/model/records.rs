//! The three records: message, subscription's entry, delivery.
//!
//! A message is stored once. An entry is what one subscription tracks of it, and only an entry is ever settled. A delivery
//! is one hand-out; its slot lives while the broker counts it as current or someone (a worker, a wire) holds it, so a late
//! handler can go on with it after its message is gone. Slots are reused, and an index is never part of a result.

use super::fact::{Cause, Held, Holder};
use super::plan::{ProducerId, QueueId};
use crate::sim::oracle::attempt;
use crate::sim::{Address, Event, Slab, Slot, clone_by_field};

/// No record.
pub const NONE: u32 = u32::MAX;

/// One copy of an operation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message {
    /// The 64 bits drawn for the operation when it was produced; of a further copy see [`fate_of_next`](crate::sim::oracle).
    pub fate: u64,
    /// Which operation.
    pub op: u32,
    /// Its key.
    pub key: u32,
    /// Which copy, from 0.
    pub copy: u16,
    /// Who produced it.
    pub producer: ProducerId,
    /// What else it was born with.
    pub traits: Traits,
}

/// What a message was born with that is seldom asked for, in one word: it is copied with every hand-out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(u32);

impl Traits {
    /// Which of its producer's kinds it is, and whether no handler can do it.
    #[inline]
    pub fn new(kind: u8, poison: bool) -> Traits {
        Traits(u32::from(kind) << 1 | u32::from(poison))
    }
    /// No handler can do it.
    #[inline]
    pub fn poison(self) -> bool {
        self.0 & 1 == 1
    }
    /// Which of its producer's kinds it is.
    pub fn kind(self) -> u8 {
        (self.0 >> 1) as u8
    }
    /// The number of its queue among its producer's homes. No machine looks at it: the readers of each home are judged on
    /// their own copy, wherever it goes from there.
    pub fn home(self) -> u16 {
        (self.0 >> 16) as u16
    }
    /// The same of another home.
    pub fn at_home(self, number: u16) -> Traits {
        Traits(self.0 & 0xffff | u32::from(number) << 16)
    }
}

/// What a subscription tracks of a message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry {
    /// Of which message.
    pub message: u32,
    /// The current delivery, or [`NONE`]. Where a receipt outlives its lease: the last one.
    pub delivery: u32,
    /// Its place in the order in which messages came.
    pub place: u32,
    /// Hand-outs so far.
    pub attempts: u16,
    /// Handler runs begun so far. No broker sees it, and it is no part of the canonical form: it only addresses chance.
    pub runs: u16,
    /// Why the next delivery will exist.
    pub cause: Cause,
    /// What the former holder was doing.
    pub holder: Holder,
}

/// One hand-out of a message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delivery {
    /// The message as it was handed out.
    pub message: Message,
    /// Where it is stored; only while `current`, or while the entry names it.
    pub slot: u32,
    /// The entry; only while `current`, or while the entry names it.
    pub entry: u32,
    /// To whom.
    pub worker: u32,
    /// The next one that the same worker holds, or [`NONE`].
    pub next: u32,
    /// The token of its lease.
    pub lease: u32,
    /// The token of its next renewal, or [`NONE`].
    pub beat: u32,
    /// Where questions about its run stand.
    pub attempt: u64,
    /// The run that its handler is or would be, from 1.
    pub run: u16,
    /// The queue.
    pub queue: QueueId,
    /// The broker counts it as the message's delivery.
    pub current: bool,
    /// How many have it: a worker, calls on their way. With heartbeats over a slow wire those may be very many.
    pub holds: u32,
    /// What its holder is doing.
    pub doing: Holder,
}

/// All records of a world.
#[derive(Debug, Default)]
pub struct Records {
    /// By slot.
    pub messages: Slab<Message>,
    /// By slot.
    pub entries: Slab<Entry>,
    /// By slot.
    pub deliveries: Slab<Delivery>,
}

clone_by_field!(Records { messages, entries, deliveries });

impl Message {
    /// Its name in canonical forms: the operation, the home, the copy, and whether a handler can do it.
    pub fn name(&self) -> u64 {
        let (home, poison) = (u64::from(self.traits.home()), u64::from(self.traits.poison()));
        u64::from(self.op) << 32 | home << 17 | u64::from(self.copy) << 1 | poison
    }

    /// Where questions about a handler's run of it stand; 0: before there is any.
    #[inline]
    pub fn attempt(&self, run: u16) -> u64 {
        attempt(self.fate, run)
    }
}

impl Delivery {
    /// The next one of an entry, to a worker who holds it, without a lease.
    #[inline(always)]
    pub fn next(number: u32, entry: &Entry, message: Message, queue: QueueId, worker: u32) -> Delivery {
        let run = entry.runs.saturating_add(1);
        Delivery {
            message,
            slot: entry.message,
            entry: number,
            worker,
            next: NONE,
            lease: NONE,
            beat: NONE,
            run,
            attempt: message.attempt(run),
            queue,
            current: true,
            holds: 1,
            doing: Holder::Working,
        }
    }

    /// The parties, as facts name them.
    pub fn parties(&self, delivery: u32) -> Held {
        Held { op: self.message.op, key: self.message.key, delivery, worker: self.worker }
    }

    /// Where a question about this run stands.
    pub fn address(&self, site: u64) -> Address {
        Address { site, attempt: self.attempt }
    }
}

// What is asked of a free slot is whether it is still the one that somebody remembers: neither of these says.
impl Slot for Message {
    #[inline(always)]
    fn link(&mut self) -> &mut u32 {
        &mut self.key
    }
}
impl Slot for Entry {
    #[inline(always)]
    fn link(&mut self) -> &mut u32 {
        &mut self.place
    }
}
impl Slot for Delivery {
    #[inline(always)]
    fn link(&mut self) -> &mut u32 {
        &mut self.next
    }
}

impl Records {
    /// The message of an entry.
    pub fn message_of(&self, entry: u32) -> &Message {
        &self.messages[self.entries[entry].message]
    }

    /// Whether a delivery is the last one of a message that is still stored.
    pub fn is_last(&self, delivery: u32) -> bool {
        let entry = self.deliveries[delivery].entry;
        self.entries.slots().get(entry as usize).is_some_and(|entry| entry.delivery == delivery)
    }

    /// The name of a delivery in canonical forms: the message, whose hands it is in, and whether it still counts.
    pub fn name(&self, delivery: u32) -> [u64; 2] {
        let record = &self.deliveries[delivery];
        let counts = u64::from(record.current) | u64::from(self.is_last(delivery)) << 1;
        [record.message.name(), u64::from(record.worker) << 2 | counts]
    }

    /// Whether a lease's timer still stands: its delivery is current, and it is its last.
    #[inline]
    pub fn lease_runs(&self, event: &Event) -> bool {
        let delivery = &self.deliveries[event.payload];
        delivery.current && delivery.lease == event.token()
    }

    /// Whether a renewal still stands: its delivery is held, and it is its next.
    pub fn beat_stands(&self, event: &Event) -> bool {
        let delivery = &self.deliveries[event.payload];
        delivery.holds > 0 && delivery.beat == event.token()
    }

    /// One more has a delivery.
    pub fn hold(&mut self, delivery: u32) {
        self.deliveries[delivery].holds += 1;
    }

    /// One fewer has it.
    #[inline]
    pub fn release(&mut self, delivery: u32) {
        let record = &mut self.deliveries[delivery];
        debug_assert!(record.holds > 0, "what is released was held");
        record.holds -= 1;
        if !record.current && record.holds == 0 {
            self.deliveries.remove(delivery);
        }
    }

    /// The broker no longer counts a delivery as current.
    #[inline]
    pub fn retire(&mut self, delivery: u32) {
        let record = &mut self.deliveries[delivery];
        debug_assert!(record.current, "what is retired was current");
        record.current = false;
        if record.holds == 0 {
            self.deliveries.remove(delivery);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renewals on a slow wire: each holds what it is about.
    #[test]
    fn a_delivery_may_be_held_by_more_calls_than_anybody_would_send() {
        let mut records = Records::default();
        let new = Delivery::next(0, &Entry::default(), Message::default(), QueueId(0), 0);
        let delivery = records.deliveries.insert(new);
        (0..100_000).for_each(|_| records.hold(delivery));
        records.retire(delivery);
        (0..100_000).for_each(|_| records.release(delivery));
        assert!(!records.deliveries.is_empty(), "its worker has it still");
        records.release(delivery);
        assert!(records.deliveries.is_empty());
    }
}
