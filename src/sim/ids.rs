//! A slab: dense slots that are reused. An index is never part of a result, for it depends on history.
//!
//! What is free is chained through the free slots themselves, so a slab is as large as the most that it ever held.

/// A value that a slab can hold.
pub trait Slot: Copy + Default {
    /// A number in it that nobody asks for while its slot is free: there stands the next one that is.
    fn link(&mut self) -> &mut u32;
}

/// Values under dense `u32` indices; a freed slot is the next one given out.
#[derive(Debug)]
pub struct Slab<T> {
    slots: Vec<T>,
    /// The first free slot, or [`NONE`].
    free: u32,
    len: u32,
}

/// No slot.
const NONE: u32 = u32::MAX;

super::clone_by_field!(Slab<T> { slots, free, len });

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { slots: Vec::new(), free: NONE, len: 0 }
    }
}

impl<T: Slot> Slab<T> {
    /// Stores `value` and says where.
    // Nothing is called with the value: it goes to its slot field by field, straight from registers. A copy that is made by
    // halves and read at once as a whole waits for both.
    #[inline(always)]
    pub fn insert(&mut self, value: T) -> u32 {
        if self.free as usize >= self.slots.len() {
            self.one_more();
        }
        let at = self.free;
        let slot = &mut self.slots[at as usize];
        self.free = *slot.link();
        *slot = value;
        self.len += 1;
        at
    }

    /// None is free: makes one that is.
    #[cold]
    #[inline(never)]
    fn one_more(&mut self) {
        let at = u32::try_from(self.slots.len()).ok().filter(|&at| at != NONE);
        self.free = at.expect("fewer than 2^32 records at a time");
        self.slots.push(T::default());
        *self.slots[self.free as usize].link() = NONE;
    }

    /// Gives the slot back. The caller drops every copy of the index.
    #[inline]
    pub fn remove(&mut self, at: u32) {
        *self.slots[at as usize].link() = self.free;
        self.free = at;
        self.len -= 1;
    }

    /// Every slot, freed ones as they were left but for their [link](Slot::link).
    pub fn slots(&self) -> &[T] {
        &self.slots
    }

    /// How many values are stored.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T> std::ops::Index<u32> for Slab<T> {
    type Output = T;
    fn index(&self, at: u32) -> &T {
        &self.slots[at as usize]
    }
}

impl<T> std::ops::IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, at: u32) -> &mut T {
        &mut self.slots[at as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    struct Card(char, u32);

    impl Slot for Card {
        fn link(&mut self) -> &mut u32 {
            &mut self.1
        }
    }

    #[test]
    fn the_slot_that_was_freed_last_is_the_next_one_given_out_and_says_what_it_said() {
        let mut slab = Slab::default();
        let [a, b, c] = ['a', 'b', 'c'].map(|name| slab.insert(Card(name, 7)));
        slab.remove(a);
        slab.remove(c);
        assert_eq!((slab.len(), slab[a].0, slab[b], slab[c].0), (1, 'a', Card('b', 7), 'c'));
        assert_eq!(['d', 'e', 'f'].map(|name| slab.insert(Card(name, 8))), [c, a, 3]);
        assert_eq!((slab.len(), slab[a], slab[c]), (4, Card('e', 8), Card('d', 8)));
        assert!(!slab.is_empty());
    }
}
