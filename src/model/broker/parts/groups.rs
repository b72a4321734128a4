//! Ready order by group: within a group strictly in order, and a group that something of is out stands still.
//!
//! It knows entries by slot and place, and groups by name. A group is *open* where nothing of it is out (in flight or
//! delayed) and something waits; groups are served in the order of their oldest waiting entry. Rule: whoever takes several at a
//! time gets all that he can of one group, in order, before he turns to the next.

use std::collections::{BTreeMap, BTreeSet};

use crate::sim::{Canon, Ring};

/// Entries that wait, by group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    /// By name: those of which something waits or is out.
    groups: BTreeMap<u64, Group>,
    /// The open ones, by the place of the oldest entry that waits.
    open: BTreeSet<(u32, u64)>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    /// Places and entries, in order.
    waiting: Ring<(u32, u32)>,
    /// How many of it are out.
    out: u32,
    /// Where it stands among the open ones.
    open_at: Option<u32>,
}

impl Groups {
    /// An entry waits, at its place.
    pub fn add(&mut self, group: u64, entry: u32, place: u32) {
        self.change(group, |of| of.waiting.insert((place, entry), |&(other, _)| other < place));
    }

    /// An entry of a group is out without having waited: it is delayed.
    pub fn goes_out(&mut self, group: u64) {
        self.change(group, |of| of.out += 1);
    }

    /// One that was out is out no longer: it is settled, or will wait again.
    pub fn comes_back(&mut self, group: u64) {
        self.change(group, |of| {
            debug_assert!(of.out > 0, "what comes back was out");
            of.out -= 1;
        });
    }

    /// Whether any group is open.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Takes the next entry, for whoever took the one before of the group `of`, and says of which group it is. It is out.
    pub fn take(&mut self, of: Option<u64>) -> Option<(u32, u64)> {
        let more = of.filter(|group| self.groups.get(group).is_some_and(|of| !of.waiting.is_empty()));
        let group = more.or_else(|| self.open.first().map(|&(_, group)| group))?;
        let (_, entry) = self.change(group, |of| {
            of.out += 1;
            of.waiting.pop()
        })?;
        Some((entry, group))
    }

    /// All that wait: groups in the order of their names, each in its order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.groups.values().flat_map(|of| of.waiting.iter().map(|&(_, entry)| entry))
    }

    /// Takes out those that wait and that `keep` does not hold of.
    pub fn retain(&mut self, mut keep: impl FnMut(u32) -> bool) {
        let groups: Vec<u64> = self.groups.keys().copied().collect();
        for group in groups {
            self.change(group, |of| of.waiting.retain(|&(_, entry)| keep(entry)));
        }
    }

    /// Writes who waits, in the order of groups' names. What is out stands elsewhere.
    pub fn canon<F: Canon>(&self, form: &mut F, mut each: impl FnMut(&mut F, u32)) {
        form.put(self.groups.len() as u64);
        for (&name, of) in &self.groups {
            form.put(name);
            form.list(of.waiting.iter(), |form, &(_, entry)| each(form, entry));
        }
    }

    /// Changes a group, puts it where it then belongs among the open ones, and forgets it where nothing of it is left.
    fn change<T>(&mut self, name: u64, change: impl FnOnce(&mut Group) -> T) -> T {
        let of = self.groups.entry(name).or_default();
        let result = change(of);
        let head = of.waiting.front().map(|&(place, _)| place).filter(|_| of.out == 0);
        if head != of.open_at {
            if let Some(place) = of.open_at {
                self.open.remove(&(place, name));
            }
            if let Some(place) = head {
                self.open.insert((place, name));
            }
            of.open_at = head;
        }
        if of.waiting.is_empty() && of.out == 0 {
            self.groups.remove(&name);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: u64 = 7;
    const B: u64 = 3;

    fn batch(groups: &mut Groups, most: usize) -> Vec<u32> {
        let mut of = None;
        std::iter::from_fn(|| {
            let (entry, group) = groups.take(of)?;
            of = Some(group);
            Some(entry)
        })
        .take(most)
        .collect()
    }

    fn filled() -> Groups {
        let mut groups = Groups::default();
        for (name, entry) in [(A, 1), (B, 2), (A, 3), (B, 4), (A, 5)] {
            groups.add(name, entry, entry);
        }
        groups
    }

    #[test]
    fn a_batch_takes_all_of_one_group_before_it_turns_to_the_next() {
        assert_eq!(batch(&mut filled(), 4), [1, 3, 5, 2]);
    }

    #[test]
    fn a_group_that_something_is_out_of_stands_still_for_others() {
        let mut groups = filled();
        assert_eq!(batch(&mut groups, 1), [1]);
        assert_eq!(batch(&mut groups, 9), [2, 4]);
        assert!(!groups.is_open());
        groups.comes_back(A);
        groups.add(A, 1, 1);
        assert_eq!(batch(&mut groups, 9), [1, 3, 5]);
    }

    #[test]
    fn what_comes_back_of_a_batch_waits_for_the_rest_of_it() {
        let mut groups = filled();
        assert_eq!(batch(&mut groups, 3), [1, 3, 5]);
        groups.comes_back(A);
        groups.add(A, 3, 3);
        assert_eq!(batch(&mut groups, 9), [2, 4], "1 and 5 are still out");
        [A, A].into_iter().for_each(|name| groups.comes_back(name));
        assert_eq!(batch(&mut groups, 9), [3]);
    }

    #[test]
    fn a_group_of_which_nothing_is_left_is_forgotten() {
        let mut groups = filled();
        assert_eq!(batch(&mut groups, 9).len(), 5);
        for name in [A, A, A, B, B] {
            groups.comes_back(name);
        }
        assert!(groups.groups.is_empty() && groups.open.is_empty());
    }
}
