//! Ready order: which entry is handed out next.
//!
//! It knows entries by slot and the place that each was given, and nothing of messages. What is new goes to the tail; what
//! comes back goes to the tail, or to its old place: before all that came after it.

use crate::sim::{Canon, Ring, clone_by_field};

/// Entries that wait, the next one first.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    order: Ring<u32>,
}

clone_by_field!(Ready { order });

impl Ready {
    /// Behind all that wait.
    #[inline]
    pub fn push(&mut self, entry: u32) {
        self.order.push(entry);
    }

    /// Before the first entry of a later place. Places are looked up with `place_of`.
    pub fn put_back(&mut self, entry: u32, place_of: impl Fn(u32) -> u32) {
        let place = place_of(entry);
        self.order.insert(entry, |&other| place_of(other) < place);
    }

    /// Takes the next one.
    #[inline]
    pub fn pop(&mut self) -> Option<u32> {
        self.order.pop()
    }

    /// Takes the one at a place, counted from the next one; the last one, where fewer wait.
    pub fn take(&mut self, nth: usize) -> Option<u32> {
        self.order.remove(nth.min(self.order.len().saturating_sub(1)))
    }

    /// The next one.
    #[inline]
    pub fn front(&self) -> Option<u32> {
        self.order.front().copied()
    }

    /// How many wait.
    #[inline]
    pub fn len(&self) -> u32 {
        self.order.len() as u32
    }

    /// Whether none waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// All of them, the next one first.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.order.iter().copied()
    }

    /// Keeps those of which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(u32) -> bool) {
        self.order.retain(|&entry| keep(entry));
    }

    /// Takes all.
    pub fn drain(&mut self) -> impl Iterator<Item = u32> + '_ {
        self.order.drain()
    }

    /// Writes them in order.
    pub fn canon<F: Canon>(&self, form: &mut F, each: impl FnMut(&mut F, u32)) {
        form.list(self.order.iter().copied(), each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_stands_before_all_that_came_after_it() {
        let mut ready = Ready::default();
        [3, 4, 6].into_iter().for_each(|entry| ready.push(entry));
        ready.put_back(5, |entry| entry);
        ready.put_back(1, |entry| entry);
        ready.put_back(9, |entry| entry);
        assert_eq!(ready.drain().collect::<Vec<_>>(), [1, 3, 4, 5, 6, 9]);
    }
}
