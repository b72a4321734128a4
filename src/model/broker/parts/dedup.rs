//! A deduplication window: which names were said of late, and of what.
//!
//! It knows no clock: whoever opens a name books its end and says when it has come. A name is known whatever became of what
//! it was said of.

use std::collections::BTreeMap;

use crate::sim::{Canon, Slab, Slot};

/// Names in the window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dedup {
    by_name: BTreeMap<Name, u32>,
    slots: Slab<(Name, u32)>,
}

/// A name within a scope.
pub(crate) type Name = (u64, u64);

impl Slot for (Name, u32) {
    fn link(&mut self) -> &mut u32 {
        &mut self.1
    }
}

impl Dedup {
    /// What a name was said of, where it is known.
    pub fn known(&self, name: Name) -> Option<u32> {
        self.by_name.get(&name).map(|&slot| self.slots[slot].1)
    }

    /// A name is said of something. Gives the slot to [`Dedup::forget`] when its time is over.
    pub fn say(&mut self, name: Name, of: u32) -> u32 {
        let slot = self.slots.insert((name, of));
        let before = self.by_name.insert(name, slot);
        debug_assert_eq!(before, None, "a name that is known is not said again");
        slot
    }

    /// The time of a name is over.
    pub fn forget(&mut self, slot: u32) {
        let (name, _) = self.slots[slot];
        self.by_name.remove(&name);
        self.slots.remove(slot);
    }

    /// The name in a slot, and of what it was said.
    pub fn name(&self, slot: u32) -> (Name, u32) {
        self.slots[slot]
    }

    /// Writes the names, in their order.
    pub fn canon(&self, form: &mut impl Canon) {
        form.list(self.by_name.keys(), |form, &(scope, name)| form.puts([scope, name]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_until_its_time_is_over_and_then_it_is_new() {
        let mut dedup = Dedup::default();
        let first = dedup.say((0, 5), 1);
        dedup.say((1, 5), 2);
        assert_eq!([dedup.known((0, 5)), dedup.known((1, 5)), dedup.known((0, 6))], [Some(1), Some(2), None]);
        dedup.forget(first);
        assert_eq!([dedup.known((0, 5)), dedup.known((1, 5))], [None, Some(2)]);
        dedup.say((0, 5), 3);
        assert_eq!(dedup.known((0, 5)), Some(3));
    }
}
