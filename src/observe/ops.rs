//! The operations of a run: those that may still change are kept, the others only counted, by their words.
//!
//! Of an operation there is a word for each queue that it may be routed to. The words of an operation stand side by side, as
//! many for each, and operations are numbered densely; so a word stands in a ring at its number modulo the ring's length. There is room for the
//! newest as long as the oldest can be let go; only where it may still change, or hear a late confirm, the ring grows. So
//! a run of any length that keeps up needs a kilobyte or two; 16 bytes a word are the worst case.

use super::guarantees::{self, OpState};
use crate::sim::Time;

/// An operation, as the readers of one queue see it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Op {
    pub produced_at: Time,
    pub state: OpState,
}

/// All of them.
#[derive(Clone, Debug)]
pub(super) struct Ops {
    /// Grows up to its last place as it is filled, so that memory that nobody uses yet is not touched.
    ring: Vec<Op>,
    /// One less than its places, a power of two.
    mask: usize,
    /// The oldest that is kept.
    oldest: u64,
    /// So many were produced.
    produced: u64,
    /// The words of those that are not kept, and how many ended with each.
    words: Vec<(OpState, u64)>,
}

impl Default for Ops {
    fn default() -> Ops {
        Ops { ring: Vec::with_capacity(64), mask: 63, oldest: 0, produced: 0, words: Vec::new() }
    }
}

impl Ops {
    /// The next one is produced.
    #[inline(always)]
    pub fn push(&mut self, op: Op) {
        if (self.produced - self.oldest) as usize > self.mask {
            self.make_room();
        }
        let place = self.produced as usize & self.mask;
        match self.ring.get_mut(place) {
            Some(slot) => *slot = op,
            None => self.ring.push(op),
        }
        self.produced += 1;
    }

    /// One that may still change.
    #[inline(always)]
    pub fn at(&mut self, word: u32) -> &mut Op {
        let behind = word.wrapping_sub(self.oldest as u32);
        debug_assert!(u64::from(behind) < self.produced - self.oldest, "nothing is told of what cannot change");
        let mask = self.mask;
        &mut self.ring[word as usize & mask]
    }

    /// How many words were produced.
    pub fn produced(&self) -> u64 {
        self.produced
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        while self.oldest < self.produced && guarantees::is_final(self.at(self.oldest as u32).state) {
            self.let_go();
        }
        if (self.produced - self.oldest) as usize > self.mask / 2 {
            let mask = 2 * self.mask + 1;
            // One after the other from the oldest: where that passes the end, the places before it are filled too.
            let (first, last) = (self.oldest as usize & mask, (self.produced - 1) as usize & mask);
            let filled = if first <= last { last + 1 } else { mask + 1 };
            let mut ring = Vec::with_capacity(mask + 1);
            ring.resize(filled, Op::default());
            for op in (self.oldest..self.produced).map(|op| op as usize) {
                ring[op & mask] = self.ring[op & self.mask];
            }
            (self.ring, self.mask) = (ring, mask);
        }
    }

    /// Counts the oldest, and all behind it that ended alike, and keeps them no longer.
    fn let_go(&mut self) {
        let (state, first) = (self.at(self.oldest as u32).state, self.oldest);
        while self.oldest < self.produced && self.at(self.oldest as u32).state == state {
            self.oldest += 1;
        }
        let alike = self.oldest - first;
        match self.words.iter_mut().find(|(word, _)| *word == state) {
            Some((_, n)) => *n += alike,
            None => self.words.push((state, alike)),
        }
    }

    /// The words of all, and how many have each.
    pub fn words(&mut self) -> &[(OpState, u64)] {
        while self.oldest < self.produced {
            self.let_go();
        }
        &self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_takes_16_bytes() {
        assert_eq!(size_of::<Op>(), 16);
    }

    #[test]
    fn the_ring_stays_small_while_the_oldest_can_be_let_go_and_grows_while_it_cannot() {
        let born = OpState::produced(0, false, true, false);
        let done = born.published().not_stored();
        let mut ops = Ops::default();
        for n in 0..100_000 {
            ops.push(Op { produced_at: Time::from_nanos(n), state: born });
            if n >= 50 {
                ops.at(n as u32 - 50).state = done;
            }
        }
        assert_eq!(ops.mask, 127);
        for n in 100_000..101_000 {
            ops.push(Op { produced_at: Time::from_nanos(n), state: born });
        }
        assert!(ops.ring.len() >= 1_050);
        assert!((99_950..101_000).all(|n| ops.at(n).produced_at == Time::from_nanos(u64::from(n))));
        assert_eq!(ops.words(), [(done, 99_950), (born, 1_050)]);
    }
}
