//! A ring: first in, first out, in slots that are used over and over.
//!
//! What `VecDeque` does, for plain values and with a power of two of slots: a place is found with one mask, and a copy into
//! a ring that is no longer needed is one copy of memory. Queues of everything that happens pass through rings.

use super::clone_by_field;

/// Values in order, the next one out first.
#[derive(Debug, Default)]
pub struct Ring<T> {
    /// None, or a power of two of them.
    slots: Vec<T>,
    /// Counts what went out, over the end of its range too.
    first: u32,
    /// Counts what came in.
    end: u32,
}

clone_by_field!(Ring<T> { slots, first, end });

impl<T: Copy + Default> Ring<T> {
    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.end.wrapping_sub(self.first) as usize
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.end == self.first
    }

    #[inline]
    fn slot(&self, count: u32) -> usize {
        count as usize & self.slots.len().wrapping_sub(1)
    }

    /// Behind all others.
    #[inline(always)]
    pub fn push(&mut self, value: T) {
        if self.len() == self.slots.len() {
            self.grow();
        }
        let at = self.slot(self.end);
        self.slots[at] = value;
        self.end = self.end.wrapping_add(1);
    }

    #[cold]
    fn grow(&mut self) {
        let len = self.len();
        // Numbers that are all zero come from the system as they are: memory that nobody uses yet is not touched.
        let mut slots = vec![T::default(); (2 * len).max(4)];
        for (slot, value) in slots.iter_mut().zip(self.iter()) {
            *slot = *value;
        }
        *self = Ring { slots, first: 0, end: u32::try_from(len).expect("at most 2^31 wait in a ring") };
    }

    /// Takes the first one.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let first = *self.front()?;
        self.first = self.first.wrapping_add(1);
        Some(first)
    }

    /// The first one.
    #[inline]
    pub fn front(&self) -> Option<&T> {
        if self.is_empty() { None } else { Some(&self.slots[self.slot(self.first)]) }
    }

    /// The one behind the first.
    #[inline]
    pub fn second(&self) -> Option<&T> {
        if self.len() < 2 { None } else { Some(&self.slots[self.slot(self.first.wrapping_add(1))]) }
    }

    /// Takes the one behind the first out.
    #[inline]
    pub fn drop_second(&mut self) {
        debug_assert!(self.len() >= 2, "there is a second one");
        let [first, second] = [self.first, self.first.wrapping_add(1)].map(|count| self.slot(count));
        self.slots[second] = self.slots[first];
        self.first = self.first.wrapping_add(1);
    }

    /// The last one.
    #[inline]
    pub fn back(&self) -> Option<&T> {
        if self.is_empty() { None } else { Some(&self.slots[self.slot(self.end.wrapping_sub(1))]) }
    }

    /// All, the first one first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &T> {
        (0..self.len() as u32).map(|nth| &self.slots[self.slot(self.first.wrapping_add(nth))])
    }

    /// Takes all.
    pub fn drain(&mut self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.pop())
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.first = self.end;
    }

    /// Changes each.
    pub fn change(&mut self, mut change: impl FnMut(&mut T)) {
        for nth in 0..self.len() as u32 {
            let at = self.slot(self.first.wrapping_add(nth));
            change(&mut self.slots[at]);
        }
    }

    /// Keeps those of which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        for _ in 0..self.len() {
            if let Some(value) = self.pop().filter(&mut keep) {
                self.push(value);
            }
        }
    }

    /// The one at a place, counted from the first.
    #[inline]
    pub fn get(&self, nth: usize) -> Option<&T> {
        if nth < self.len() { Some(&self.slots[self.slot(self.first.wrapping_add(nth as u32))]) } else { None }
    }

    /// How many stand before the first one that is not `before`; those that are stand first.
    pub fn partition_point(&self, before: impl Fn(&T) -> bool) -> usize {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = from + (to - from) / 2;
            if self.get(middle).is_some_and(&before) { from = middle + 1 } else { to = middle }
        }
        from
    }

    /// Before the first one that is not `before`; those that are stand first. The shorter side makes room.
    pub fn insert(&mut self, value: T, before: impl Fn(&T) -> bool) {
        let at = self.partition_point(before) as u32;
        let behind = self.len() as u32 - at;
        if behind <= at {
            self.push(value);
            (at..at + behind).rev().for_each(|nth| self.swap_with_next(nth));
        } else {
            if self.len() == self.slots.len() {
                self.grow();
            }
            self.first = self.first.wrapping_sub(1);
            let first = self.slot(self.first);
            self.slots[first] = value;
            (0..at).for_each(|nth| self.swap_with_next(nth));
        }
    }

    /// Takes the one at a place, counted from the first; those before it make up for it.
    pub fn remove(&mut self, nth: usize) -> Option<T> {
        let value = *self.get(nth)?;
        (0..nth as u32).rev().for_each(|nth| self.swap_with_next(nth));
        self.first = self.first.wrapping_add(1);
        Some(value)
    }

    /// Takes the last one.
    pub fn pop_last(&mut self) -> Option<T> {
        let last = *self.back()?;
        self.end = self.end.wrapping_sub(1);
        Some(last)
    }

    fn swap_with_next(&mut self, nth: u32) {
        let [at, next] = [nth, nth + 1].map(|nth| self.slot(self.first.wrapping_add(nth)));
        self.slots.swap(at, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::oracle::mix;
    use std::collections::VecDeque;

    #[test]
    fn a_ring_does_what_a_deque_does() {
        let mut ring = Ring { slots: Vec::new(), first: u32::MAX - 20, end: u32::MAX - 20 };
        let mut deque = VecDeque::new();
        for i in 0..2_000u64 {
            match mix(i) % 16 {
                0..8 => {
                    ring.push(i);
                    deque.push_back(i);
                }
                8..14 => assert_eq!(ring.pop(), deque.pop_front()),
                14 if ring.len() > 5 => {
                    ring.drop_second();
                    deque.remove(1);
                }
                14 => {
                    ring.retain(|value| value % 5 != 0);
                    deque.retain(|value| value % 5 != 0);
                }
                _ if deque.iter().is_sorted() => {
                    let value = mix(i) % (i + 1);
                    ring.insert(value, |&other| other < value);
                    deque.insert(deque.partition_point(|&other| other < value), value);
                }
                _ => {}
            }
            assert!(ring.iter().eq(deque.iter()), "step {i}");
            assert_eq!((ring.front(), ring.back()), (deque.front(), deque.back()));
            assert_eq!(ring.second(), deque.get(1));
            assert_eq!((ring.len(), ring.is_empty()), (deque.len(), deque.is_empty()));
        }
        assert!(ring.clone().drain().eq(deque));
    }
}
