//! The slots of messages: since when each stands in its queue, how often it was delivered there, and who came before.
//!
//! The unsettled messages of a queue stand in a ring, in the order in which they came into it, and the queue itself is
//! one place of it: so the age of the oldest is known at any moment, and who comes or leaves asks for no special case.
//! A slot is reused; this knows of its operation only which word is moved by what befalls the message.

use crate::model::plan::QueueId;
use crate::sim::Time;

/// A place of a ring: a message, or a queue.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// When it came into its queue.
    since: Time,
    older: u32,
    younger: u32,
    word: u32,
    deliveries: u16,
    at_home: bool,
}

/// What is known of a message in its queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    /// When it came into its queue.
    pub since: Time,
    /// How often it was handed out in this queue.
    pub deliveries: u16,
    /// Whether this is its home.
    pub at_home: bool,
    /// The number of its operation's word.
    pub word: u32,
}

impl Place {
    #[inline(always)]
    fn message(&self) -> Message {
        let Place { since, deliveries, at_home, word, .. } = *self;
        Message { since, deliveries, at_home, word }
    }
}

/// All rings.
#[derive(Clone, Debug)]
pub(super) struct Messages {
    /// The queues, then the slots.
    places: Vec<Place>,
    queues: u32,
}

impl Messages {
    pub fn new(queues: usize) -> Messages {
        let alone = |q| Place { since: Time::ZERO, older: q, younger: q, word: 0, deliveries: 0, at_home: false };
        Messages { places: (0..queues as u32).map(alone).collect(), queues: queues as u32 }
    }

    #[inline(always)]
    fn place(&self, slot: u32) -> usize {
        (slot + self.queues) as usize
    }

    /// A message comes into a queue.
    #[inline(always)]
    pub fn enter(&mut self, slot: u32, queue: QueueId, now: Time, word: u32, at_home: bool) {
        let (place, line) = (self.place(slot), queue.at());
        if place >= self.places.len() {
            return self.enter_a_new_place(slot, queue, now, word, at_home);
        }
        let places = self.places.as_mut_slice(); // looked up once
        let older = std::mem::replace(&mut places[line].older, place as u32);
        places[older as usize].younger = place as u32;
        // Written field by field: a copy of the whole would wait for its parts.
        places[place] = Place { since: now, older, younger: line as u32, word, deliveries: 0, at_home };
    }

    /// The same, once there is room: so where there is, that is asked once.
    #[cold]
    #[inline(never)]
    fn enter_a_new_place(&mut self, slot: u32, queue: QueueId, now: Time, word: u32, at_home: bool) {
        let empty = Place { since: Time::ZERO, older: 0, younger: 0, word: 0, deliveries: 0, at_home: false };
        self.places.resize(self.place(slot) + 1, empty);
        self.enter(slot, queue, now, word, at_home);
    }

    /// It leaves its queue. Gives the number of its operation's word.
    #[inline(always)]
    pub fn leave(&mut self, slot: u32) -> u32 {
        let Place { older, younger, word, .. } = self.places[self.place(slot)];
        self.places[older as usize].younger = younger;
        self.places[younger as usize].older = older;
        word
    }

    /// It is handed out; this is what is known of it then.
    #[inline(always)]
    pub fn deliver(&mut self, slot: u32) -> Message {
        let place = self.place(slot);
        let place = &mut self.places[place];
        if let Some(more) = place.deliveries.checked_add(1) {
            place.deliveries = more;
        }
        place.message()
    }

    /// What is known of it.
    pub fn at(&self, slot: u32) -> Message {
        self.places[self.place(slot)].message()
    }

    /// Since when the oldest unsettled message stands in a queue.
    pub fn oldest(&self, queue: QueueId) -> Option<Time> {
        let oldest = self.places[queue.at()].younger;
        (oldest >= self.queues).then(|| self.places[oldest as usize].since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_24_bytes() {
        assert_eq!(size_of::<Place>(), 24);
    }

    #[test]
    fn the_oldest_is_known_whoever_leaves_first() {
        let q = QueueId(0);
        let at = |n| Time::from_nanos(n);
        let mut messages = Messages::new(1);
        assert_eq!(messages.oldest(q), None);
        for slot in 0..4 {
            messages.enter(slot, q, at(u64::from(slot) + 10), slot, true);
        }
        for (leaves, oldest) in [(1, Some(10)), (0, Some(12)), (3, Some(12)), (2, None)] {
            messages.leave(leaves);
            assert_eq!(messages.oldest(q), oldest.map(at), "after {leaves} left");
        }
        messages.enter(3, q, at(20), 3, true);
        assert_eq!(messages.oldest(q), Some(at(20)));
    }
}
