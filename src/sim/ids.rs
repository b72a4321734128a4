//! A slab: dense slots that are reused. An index is never part of a result, for it depends on history.

/// Values under dense `u32` indices; a freed slot is the next one given out.
#[derive(Debug)]
pub struct Slab<T> {
    slots: Vec<T>,
    free: Vec<u32>,
}

impl<T: Copy> Clone for Slab<T> {
    fn clone(&self) -> Self {
        Slab { slots: self.slots.clone(), free: self.free.clone() }
    }
    fn clone_from(&mut self, source: &Self) {
        self.slots.clone_from(&source.slots);
        self.free.clone_from(&source.free);
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T: Copy + Default> Slab<T> {
    /// Stores `value` and says where.
    #[inline(always)]
    pub fn insert(&mut self, value: T) -> u32 {
        let at = self.free.pop().unwrap_or_else(|| self.one_more());
        self.slots[at as usize] = value;
        at
    }

    #[cold]
    fn one_more(&mut self) -> u32 {
        self.slots.push(T::default());
        u32::try_from(self.slots.len() - 1).expect("at most 2^32 records at a time")
    }

    /// Gives the slot back. The caller drops every copy of the index.
    #[inline]
    pub fn remove(&mut self, at: u32) {
        debug_assert!((at as usize) < self.slots.len(), "what is given back was given out");
        self.free.push(at);
    }

    /// Every slot, freed ones as they were left.
    pub fn slots(&self) -> &[T] {
        &self.slots
    }

    /// How many values are stored.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    #[test]
    fn a_freed_slot_is_the_next_one_given_out() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        slab.remove(a);
        assert_eq!(slab.len(), 1);
        assert_eq!(slab.insert('c'), a);
        assert_eq!((slab[a], slab[b]), ('c', 'b'));
    }
}
