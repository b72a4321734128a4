//! The agenda: everything that is pending, in lanes.
//!
//! A *lane* is a set of pending events of one source. Three kinds: a `single` lane holds at most one event (an arrival
//! process, the continuation of a worker, a restart); a `fifo` lane keeps the order of its events by nature (timers of one
//! length, one direction of a link); every event of a `loose` lane (timers of any length) is a head. The earliest head is
//! the one of the least (time, class, sequence): class 0 is the continuation of a step that takes no time, class 1 all
//! else, and the sequence is the order of booking.
//!
//! The agenda does not know what an event means: whether a timer still stands is asked of its owner ([`Agenda::pop`]), and
//! one that does not is skipped. Rule: heads are all that may happen next; the heap over them is an index, kept only where
//! the earliest head is asked for millions of times, and no part of the state.

use super::heap::{Heap, NO_KEY};
use super::ring::Ring;
use super::time::Time;

/// A lane's number: singles first, then fifos, then loose ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(pub u32);

/// At most so many lanes: a heap's key keeps 24 bits for them.
pub const MAX_LANES: u32 = 1 << 24;

/// A pending event.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// When it is due.
    pub at: Time,
    /// The place in the order of booking. Its lower half names the event to its owner ([`Event::token`]).
    seq: u64,
    /// What the owner said when it was booked.
    pub payload: u32,
    class: Class,
}

/// What is known of an event beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// The continuation of a step that takes no time.
    Soon,
    /// It may be taken back.
    Any,
    /// Nobody can take it back, so nobody is asked whether it stands.
    Sure,
}

impl Event {
    /// What the owner keeps to tell this event from others of the same payload.
    pub fn token(&self) -> u32 {
        self.seq as u32
    }
    /// The order in which a run takes events: time, class, booking.
    pub fn rank(&self) -> (Time, bool, u64) {
        (self.at, self.class != Class::Soon, self.seq)
    }
}

/// What may happen next.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Whose event it is.
    pub lane: Lane,
    /// The event.
    pub event: Event,
}

const NOTHING: Event = Event { at: Time::NEVER, seq: u64::MAX, payload: 0, class: Class::Any };

impl Default for Event {
    fn default() -> Self {
        NOTHING
    }
}

/// Everything that is pending.
#[derive(Debug, Default)]
pub struct Agenda {
    /// A lane without an event has one that is never due.
    singles: Vec<Event>,
    fifos: Vec<Ring<Event>>,
    loose: Vec<Vec<Event>>,
    /// Lanes whose single event is due now and of class 0, in the order of booking; by lane and token.
    soon: Ring<(Lane, u32)>,
    /// The lane whose head stands beside the heap: the one that nearly always has one, and books it most often.
    beside: Lane,
    /// Its key, or [`NO_KEY`]. It may no longer stand, as those in the heap.
    next_beside: u128,
    /// The heads but that one and those in `soon`, the earliest first, with entries that no longer stand. Empty where not
    /// indexed.
    heap: Heap,
    indexed: bool,
    next_seq: u64,
}

super::clone_by_field!(Agenda { singles, fifos, loose, soon, beside, next_beside, heap, indexed, next_seq });

impl Agenda {
    /// An agenda of so many lanes of each kind. `indexed`: the earliest head will be asked for often ([`Agenda::pop`]), and
    /// mostly it is that of the single lane `beside`.
    pub fn new([singles, fifos, loose]: [u32; 3], beside: Lane, indexed: bool) -> Agenda {
        assert!(singles + fifos + loose < MAX_LANES, "a world has fewer lanes than {MAX_LANES}");
        Agenda {
            singles: vec![NOTHING; singles as usize],
            fifos: vec![Ring::default(); fifos as usize],
            loose: vec![Vec::new(); loose as usize],
            beside,
            next_beside: NO_KEY,
            indexed,
            ..Agenda::default()
        }
    }

    #[inline]
    fn event(&mut self, at: Time, payload: u32, class: Class) -> Event {
        self.next_seq += 1;
        Event { at, seq: self.next_seq, payload, class }
    }

    /// Books an event and gives its token. A single lane takes one at a time; a fifo lane takes none that is due before the
    /// last of it.
    pub fn book(&mut self, lane: Lane, at: Time, payload: u32) -> u32 {
        let index = lane.0 as usize;
        if index < self.singles.len() {
            return self.book_single(lane, at, payload);
        }
        if index < self.singles.len() + self.fifos.len() {
            return self.book_fifo(lane, at, payload);
        }
        let event = self.event(at, payload, Class::Any);
        self.loose[index - self.singles.len() - self.fifos.len()].push(event);
        if self.indexed {
            self.heap.push(key(lane, event));
        }
        event.token()
    }

    /// The token of the event that is booked next.
    #[inline]
    pub fn next_token(&self) -> u32 {
        (self.next_seq + 1) as u32
    }

    /// [`Agenda::book`] on a lane that is known to be a single one.
    #[inline(always)]
    pub fn book_single(&mut self, lane: Lane, at: Time, payload: u32) -> u32 {
        let event = self.event(at, payload, Class::Any);
        let single = &mut self.singles[lane.0 as usize];
        debug_assert_eq!(single.at, Time::NEVER, "lane {} already has an event", lane.0);
        *single = event;
        if self.indexed {
            if lane == self.beside {
                self.next_beside = key(lane, event);
            } else {
                self.heap.push(key(lane, event));
            }
        }
        event.token()
    }

    /// [`Agenda::book`] on a lane that is known to be a fifo one.
    #[inline(always)]
    pub fn book_fifo(&mut self, lane: Lane, at: Time, payload: u32) -> u32 {
        let event = self.event(at, payload, Class::Any);
        let fifo = &mut self.fifos[lane.0 as usize - self.singles.len()];
        debug_assert!(fifo.back().is_none_or(|last| last.at <= at), "a fifo lane keeps its order");
        let is_head = fifo.is_empty();
        fifo.push(event);
        if is_head && self.indexed {
            self.heap.push(key(lane, event));
        }
        event.token()
    }

    /// Books an event on a fifo lane that always stands. Where the last of the lane is due later, it is due with that.
    #[inline]
    pub fn book_behind(&mut self, lane: Lane, at: Time, payload: u32) {
        let mut event = self.event(at, payload, Class::Sure);
        let fifo = &mut self.fifos[lane.0 as usize - self.singles.len()];
        let last = fifo.back().map(|last| last.at);
        event.at = at.max(last.unwrap_or(Time::ZERO));
        fifo.push(event);
        if last.is_none() && self.indexed {
            self.heap.push(key(lane, event));
        }
    }

    /// Books the continuation of a step that takes no time, on a single lane.
    #[inline]
    pub fn book_soon(&mut self, lane: Lane, now: Time, payload: u32) {
        let event = self.event(now, payload, Class::Soon);
        debug_assert_eq!(self.singles[lane.0 as usize].at, Time::NEVER, "lane {} already has an event", lane.0);
        self.singles[lane.0 as usize] = event;
        if self.indexed {
            self.soon.push((lane, event.token()));
        }
    }

    /// Whether the continuation of a step that takes no time, booked now, would be the next event for sure. Where heads are
    /// taken one by one, nothing is.
    #[inline]
    pub fn would_be_next(&self) -> bool {
        self.indexed && self.soon.is_empty()
    }

    /// Takes the event of a single lane back.
    pub fn cancel(&mut self, lane: Lane) {
        self.singles[lane.0 as usize] = NOTHING;
    }

    /// Whether a single lane has an event.
    pub fn is_booked(&self, lane: Lane) -> bool {
        self.singles[lane.0 as usize].at != Time::NEVER
    }

    /// When the event of a single lane is due; never, where it has none.
    pub fn due(&self, lane: Lane) -> Time {
        self.singles[lane.0 as usize].at
    }

    /// Takes all events of a fifo or loose lane back.
    pub fn clear(&mut self, lane: Lane) {
        let index = lane.0 as usize - self.singles.len();
        match self.fifos.get_mut(index) {
            Some(fifo) => fifo.clear(),
            None => self.loose[index - self.fifos.len()].clear(),
        }
    }

    /// Forgets the events behind the first one of a fifo lane that no longer stand, up to one that does. So a lane of long
    /// timers that are mostly taken back stays short; the first one keeps its place in the heap.
    #[inline]
    pub fn tidy(&mut self, lane: Lane, stands: impl Fn(&Event) -> bool) {
        let fifo = &mut self.fifos[lane.0 as usize - self.singles.len()];
        while fifo.second().is_some_and(|event| !stands(event)) {
            fifo.drop_second();
        }
    }

    /// When the last event of a fifo lane is due.
    pub fn last_at(&self, lane: Lane) -> Option<Time> {
        self.fifos[lane.0 as usize - self.singles.len()].back().map(|event| event.at)
    }

    /// The events of a fifo or loose lane, in their order; a loose lane has none, it gives that of booking.
    pub fn events(&self, lane: Lane) -> impl Iterator<Item = &Event> {
        let index = lane.0 as usize - self.singles.len();
        let fifo = self.fifos.get(index).into_iter().flat_map(Ring::iter);
        fifo.chain(index.checked_sub(self.fifos.len()).and_then(|index| self.loose.get(index)).into_iter().flatten())
    }

    /// Every pending event, those included that no longer stand.
    pub fn for_each(&self, mut each: impl FnMut(Lane, &Event)) {
        for (index, event) in self.singles.iter().enumerate().filter(|(_, event)| event.at != Time::NEVER) {
            each(Lane(index as u32), event);
        }
        let timers = self.fifos.iter().map(Ring::iter).enumerate();
        for (index, events) in timers {
            events.for_each(|event| each(Lane((self.singles.len() + index) as u32), event));
        }
        for (index, events) in self.loose.iter().enumerate() {
            events.iter().for_each(|event| each(Lane((self.singles.len() + self.fifos.len() + index) as u32), event));
        }
    }

    /// Takes the earliest head that is due by `until`. `stands` says whether a timer (an event of a fifo or loose lane) is
    /// still one; those that are not are dropped on the way.
    // It is handed on as a copy: by its address it would be written to memory for each event, and few are timers.
    #[inline]
    pub fn pop(&mut self, until: Time, stands: impl Fn(Lane, &Event) -> bool + Copy) -> Option<Head> {
        debug_assert!(self.indexed, "only an indexed agenda knows its earliest head");
        while let Some((lane, token)) = self.soon.pop() {
            let single = &mut self.singles[lane.0 as usize];
            if single.token() == token && single.at != Time::NEVER {
                let event = *single;
                single.at = Time::NEVER;
                return Some(Head { lane, event });
            }
        }
        self.pop_later(until, stands)
    }

    #[inline]
    fn pop_later(&mut self, until: Time, stands: impl Fn(Lane, &Event) -> bool + Copy) -> Option<Head> {
        loop {
            let of_heap = self.heap.peek();
            let is_beside = self.next_beside < of_heap;
            let top = if is_beside { self.next_beside } else { of_heap };
            if time_of(top) > until || top == NO_KEY {
                return None;
            }
            if is_beside {
                self.next_beside = NO_KEY;
            } else {
                self.heap.take();
            }
            let lane = lane_of(top);
            if let Some(single) = self.singles.get_mut(lane.0 as usize) {
                // What was taken back has left its key; the place in the order of booking tells it.
                if place(lane, *single) == top as u64 {
                    let event = Event { at: time_of(top), ..*single };
                    single.at = Time::NEVER;
                    return Some(Head { lane, event });
                }
            } else if let Some(event) = self.pop_timer(lane, top, stands) {
                return Some(Head { lane, event });
            }
        }
    }

    /// Takes the event of `top` from its lane and puts the lane's next head into the heap; `None` where it stood no more.
    #[inline(never)]
    fn pop_timer(&mut self, lane: Lane, top: u128, stands: impl Fn(Lane, &Event) -> bool) -> Option<Event> {
        let index = lane.0 as usize - self.singles.len();
        if let Some(fifo) = self.fifos.get_mut(index) {
            let mut taken = None;
            // A fifo that was cleared has left its key in the heap.
            match fifo.front() {
                Some(event) if key(lane, *event) == top => {
                    taken = fifo.pop().filter(|event| event.class == Class::Sure || stands(lane, event));
                }
                Some(event) if key(lane, *event) > top => return None,
                _ => {}
            }
            while let Some(next) = fifo.front() {
                if next.class == Class::Sure || stands(lane, next) {
                    self.heap.push(key(lane, *next));
                    break;
                }
                fifo.pop();
            }
            return taken;
        }
        let loose = &mut self.loose[index - self.fifos.len()];
        let at = loose.iter().position(|event| key(lane, *event) == top)?;
        Some(loose.swap_remove(at)).filter(|event| stands(lane, event))
    }

    /// Everything that may happen next, in the order of lanes. Timers of a fifo lane overtake each
    /// other where `passes` says so of their lane.
    pub fn heads(&self, stands: impl Fn(Lane, &Event) -> bool, passes: impl Fn(Lane) -> bool, out: &mut Vec<Head>) {
        for (index, event) in self.singles.iter().enumerate() {
            if event.at != Time::NEVER {
                out.push(Head { lane: Lane(index as u32), event: *event });
            }
        }
        for (index, fifo) in self.fifos.iter().enumerate() {
            let lane = Lane((self.singles.len() + index) as u32);
            let most = if passes(lane) { usize::MAX } else { 1 };
            let standing = fifo.iter().filter(|event| stands(lane, event)).take(most);
            out.extend(standing.map(|event| Head { lane, event: *event }));
        }
        for (index, loose) in self.loose.iter().enumerate() {
            let lane = Lane((self.singles.len() + self.fifos.len() + index) as u32);
            out.extend(loose.iter().filter(|event| stands(lane, event)).map(|event| Head { lane, event: *event }));
        }
    }

    /// Takes a head that [`Agenda::heads`] gave, from an agenda that is not indexed.
    pub fn take(&mut self, head: Head) {
        debug_assert!(!self.indexed, "an indexed agenda gives its earliest head only");
        let index = head.lane.0 as usize;
        if index < self.singles.len() {
            self.singles[index].at = Time::NEVER;
            return;
        }
        let index = index - self.singles.len();
        match self.fifos.get_mut(index) {
            Some(fifo) => fifo.retain(|event| event.seq != head.event.seq),
            None => self.loose[index - self.fifos.len()].retain(|event| event.seq != head.event.seq),
        }
    }

    /// Drops timers that no longer stand.
    pub fn sweep(&mut self, stands: impl Fn(Lane, &Event) -> bool) {
        let singles = self.singles.len();
        let fifos = self.fifos.len();
        for (index, fifo) in self.fifos.iter_mut().enumerate() {
            fifo.retain(|event| stands(Lane((singles + index) as u32), event));
        }
        for (index, loose) in self.loose.iter_mut().enumerate() {
            loose.retain(|event| stands(Lane((singles + fifos + index) as u32), event));
        }
    }
}

/// Time, then the order of booking, then the lane, in one number.
#[inline]
fn key(lane: Lane, event: Event) -> u128 {
    u128::from(event.at.nanos()) << 64 | u128::from(place(lane, event))
}
/// The lower half of a key, which names the event: 40 bits of the order of booking, and the lane.
#[inline]
fn place(lane: Lane, event: Event) -> u64 {
    event.seq << 24 | u64::from(lane.0)
}
fn time_of(key: u128) -> Time {
    Time::from_nanos((key >> 64) as u64)
}
fn lane_of(key: u128) -> Lane {
    Lane(key as u32 & (MAX_LANES - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::oracle::mix;

    const ALL: fn(Lane, &Event) -> bool = |_, _| true;

    fn pop_all(agenda: &mut Agenda) -> Vec<(u64, u32, u32)> {
        std::iter::from_fn(|| agenda.pop(Time::NEVER, ALL))
            .map(|h| (h.event.at.nanos(), h.lane.0, h.event.payload))
            .collect()
    }

    #[test]
    fn heads_come_by_time_then_class_then_booking() {
        let mut agenda = Agenda::new([3, 1, 1], Lane(0), true);
        let at = Time::from_nanos;
        agenda.book(Lane(0), at(5), 1);
        agenda.book(Lane(3), at(5), 2);
        agenda.book(Lane(4), at(4), 3);
        agenda.book(Lane(3), at(6), 4);
        agenda.book(Lane(1), at(5), 5);
        agenda.book_soon(Lane(2), at(0), 6);
        assert_eq!(pop_all(&mut agenda), [(0, 2, 6), (4, 4, 3), (5, 0, 1), (5, 3, 2), (5, 1, 5), (6, 3, 4)]);
    }

    #[test]
    fn what_was_taken_back_or_no_longer_stands_does_not_happen() {
        let mut agenda = Agenda::new([2, 1, 0], Lane(0), true);
        let at = Time::from_nanos;
        agenda.book(Lane(0), at(1), 0);
        agenda.cancel(Lane(0));
        agenda.book(Lane(0), at(9), 7);
        agenda.book_soon(Lane(1), at(0), 0);
        agenda.cancel(Lane(1));
        for payload in 0..6 {
            agenda.book(Lane(2), at(u64::from(payload)), payload);
        }
        let odd = |_: Lane, event: &Event| event.payload % 2 == 1;
        let taken: Vec<u32> = std::iter::from_fn(|| agenda.pop(Time::NEVER, odd)).map(|h| h.event.payload).collect();
        assert_eq!(taken, [1, 3, 5, 7]);
    }

    #[test]
    fn a_tidied_lane_forgets_what_no_longer_stands_up_to_what_does() {
        let mut agenda = Agenda::new([0, 1, 0], Lane(0), true);
        let stands = |event: &Event| event.payload % 10 == 9;
        for payload in 0..30 {
            agenda.tidy(Lane(0), stands);
            agenda.book(Lane(0), Time::from_nanos(u64::from(payload)), payload);
        }
        assert_eq!(agenda.events(Lane(0)).count(), 1 + 21, "the first, and from the first that stands on");
        let taken = std::iter::from_fn(|| agenda.pop(Time::NEVER, |_, event| stands(event)));
        assert_eq!(taken.map(|head| head.event.payload).collect::<Vec<_>>(), [9, 19, 29]);
    }

    #[test]
    fn a_cleared_lane_starts_anew() {
        let mut agenda = Agenda::new([0, 1, 0], Lane(0), true);
        let at = Time::from_nanos;
        agenda.book(Lane(0), at(1), 1);
        agenda.clear(Lane(0));
        agenda.book(Lane(0), at(3), 2);
        agenda.book(Lane(0), at(4), 3);
        assert_eq!(pop_all(&mut agenda), [(3, 0, 2), (4, 0, 3)]);
    }

    #[test]
    fn the_index_agrees_with_the_least_of_all_heads() {
        for seed in 0..200u64 {
            let mut indexed = Agenda::new([4, 2, 1], Lane(0), true);
            let mut plain = Agenda::new([4, 2, 1], Lane(0), false);
            let mut now = 0;
            for i in 0..60u64 {
                let draw = mix(seed * 1_000 + i);
                let lane = Lane((draw % 7) as u32);
                let at = match lane.0 {
                    4 | 5 => Time::from_nanos(now + 10 * u64::from(lane.0)),
                    _ => Time::from_nanos(now + draw / 7 % 30),
                };
                if lane.0 >= 4 || !plain.is_booked(lane) {
                    indexed.book(lane, at, i as u32);
                    plain.book(lane, at, i as u32);
                } else if (draw / 1_000).is_multiple_of(4) {
                    indexed.cancel(lane);
                    plain.cancel(lane);
                }
                let stands = |lane: Lane, event: &Event| lane.0 != 5 || !event.payload.is_multiple_of(3);
                if (draw / 10_000).is_multiple_of(2) {
                    let mut heads = Vec::new();
                    plain.heads(stands, |_| false, &mut heads);
                    let least = heads.into_iter().min_by_key(|h| h.event.rank());
                    let popped = indexed.pop(Time::NEVER, stands);
                    assert_eq!(popped.map(|h| h.event.rank()), least.map(|h| h.event.rank()), "seed {seed}, step {i}");
                    if let Some(head) = least {
                        plain.take(head);
                        now = head.event.at.nanos();
                    }
                }
            }
        }
    }
}
