//! The slots of messages: since when each stands in its queue, how often it was delivered there, and who came before.
//!
//! The unsettled messages of a queue stand in a doubly linked line, in the order in which they came into it: so the age
//! of the oldest is known at any moment, at constant cost. A slot is reused; this knows no operation.

use crate::model::plan::QueueId;
use crate::sim::Time;

/// No slot.
const NONE: u32 = u32::MAX;

/// A message in its slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    /// When it came into its queue.
    pub since: Time,
    older: u32,
    younger: u32,
    queue: QueueId,
    /// How often it was handed out in this queue.
    pub deliveries: u16,
}

/// The two ends of a queue's line.
#[derive(Clone, Copy, Debug)]
struct Line {
    oldest: u32,
    youngest: u32,
}

/// All slots and all lines.
#[derive(Clone, Debug)]
pub(super) struct Messages {
    slots: Vec<Message>,
    lines: Vec<Line>,
}

impl Messages {
    pub fn new(queues: usize) -> Messages {
        Messages { slots: Vec::new(), lines: vec![Line { oldest: NONE, youngest: NONE }; queues] }
    }

    /// A message comes into a queue.
    #[inline]
    pub fn enter(&mut self, slot: u32, queue: QueueId, now: Time) {
        let line = &mut self.lines[queue.at()];
        let message = Message { since: now, older: line.youngest, younger: NONE, queue, deliveries: 0 };
        let older = std::mem::replace(&mut line.youngest, slot);
        if older == NONE {
            line.oldest = slot;
        } else {
            self.slots[older as usize].younger = slot;
        }
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = message,
            None => self.slots.resize(slot as usize + 1, message),
        }
    }

    /// It leaves its queue.
    #[inline]
    pub fn leave(&mut self, slot: u32) {
        let Message { older, younger, queue, .. } = self.slots[slot as usize];
        let line = &mut self.lines[queue.at()];
        if older == NONE {
            line.oldest = younger;
        } else {
            self.slots[older as usize].younger = younger;
        }
        if younger == NONE {
            line.youngest = older;
        } else {
            self.slots[younger as usize].older = older;
        }
    }

    /// It is handed out; this is what it was before.
    #[inline]
    pub fn deliver(&mut self, slot: u32) -> Message {
        let message = &mut self.slots[slot as usize];
        let before = *message;
        message.deliveries = before.deliveries.saturating_add(1);
        before
    }

    /// How often it was handed out in its queue.
    pub fn deliveries(&self, slot: u32) -> u16 {
        self.slots[slot as usize].deliveries
    }

    /// Since when the oldest unsettled message stands in a queue.
    pub fn oldest(&self, queue: QueueId) -> Option<Time> {
        let slot = self.lines[queue.at()].oldest;
        (slot != NONE).then(|| self.slots[slot as usize].since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_24_bytes() {
        assert_eq!(size_of::<Message>(), 24);
    }

    #[test]
    fn the_oldest_is_known_whoever_leaves_first() {
        let q = QueueId(0);
        let at = |n| Time::from_nanos(n);
        let mut messages = Messages::new(1);
        assert_eq!(messages.oldest(q), None);
        for slot in 0..4 {
            messages.enter(slot, q, at(u64::from(slot) + 10));
        }
        for (leaves, oldest) in [(1, Some(10)), (0, Some(12)), (3, Some(12)), (2, None)] {
            messages.leave(leaves);
            assert_eq!(messages.oldest(q), oldest.map(at), "after {leaves} left");
        }
        messages.enter(3, q, at(20));
        assert_eq!(messages.oldest(q), Some(at(20)));
    }
}
