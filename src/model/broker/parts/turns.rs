//! Turns: who is served next, by priority and then one after the other.
//!
//! It knows takers by number, neither what they take nor whether they may. Of those of one priority, the one that has
//! waited longest is next.

use crate::sim::{Canon, Ring, clone_by_field};

/// Those who wait for their turn.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// By priority, the highest first; each with its priority.
    order: Ring<(i32, u32)>,
}

clone_by_field!(Turns { order });

impl Turns {
    /// Behind all of its priority.
    #[inline]
    pub fn push(&mut self, who: u32, priority: i32) {
        match self.order.back() {
            Some(&(last, _)) if last < priority => {
                self.order.insert((priority, who), |&(other, _)| other >= priority);
            }
            _ => self.order.push((priority, who)),
        }
    }

    /// Whose turn it is.
    #[inline]
    pub fn front(&self) -> Option<u32> {
        self.order.front().map(|&(_, who)| who)
    }

    /// Takes the one whose turn it is.
    #[inline]
    pub fn pop(&mut self) -> Option<u32> {
        self.order.pop().map(|(_, who)| who)
    }

    /// One no longer waits.
    pub fn remove(&mut self, who: u32) {
        self.order.retain(|&(_, other)| other != who);
    }

    /// All leave.
    pub fn clear(&mut self) {
        self.order.clear();
    }

    /// Writes them in order.
    pub fn canon<F: Canon>(&self, form: &mut F, each: impl Fn(u32) -> u64) {
        form.list(self.order.iter(), |form, &(_, who)| form.put(each(who)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_priority_is_first_and_equals_take_turns() {
        let mut turns = Turns::default();
        [(1, 0), (2, 5), (3, 0), (4, 5), (5, -1), (6, 9)].into_iter().for_each(|(who, p)| turns.push(who, p));
        turns.remove(3);
        let first = turns.pop().unwrap();
        turns.push(first, 0);
        let order: Vec<u32> = std::iter::from_fn(|| turns.pop()).collect();
        assert_eq!((first, order), (6, vec![2, 4, 1, 6, 5]));
    }
}
