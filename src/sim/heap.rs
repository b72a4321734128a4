//! A heap of plain keys: which is the least. It knows no event and no lane; whether a key still stands is asked of whoever
//! put it in. The agenda's index over its heads.

use std::hint::select_unpredictable;

/// Keys, the least on top, four children a node: shallower than a binary one, and the children of a node are four in a
/// row, compared without a look at how many there are. A top that was taken leaves a hole, for whoever handles an event
/// mostly books the next one: it goes in at the top.
#[derive(Debug)]
pub(super) struct Heap {
    /// The least; [`NO_KEY`] where there is none.
    top: u128,
    /// The others: the four children of the top, then the children of `at` from `4 * at + 4` on. What is free, up to a
    /// multiple of four, is [`NO_KEY`].
    keys: Vec<u128>,
    /// The first place that is free.
    end: usize,
    /// The top was taken.
    hole: bool,
}

super::clone_by_field!(Heap { top, keys, end, hole });

/// No key: above every key.
pub(super) const NO_KEY: u128 = u128::MAX;

impl Default for Heap {
    fn default() -> Self {
        Heap { top: NO_KEY, keys: vec![NO_KEY; 4], end: 0, hole: false }
    }
}

impl Heap {
    /// The least key; [`NO_KEY`] where there is none.
    #[inline]
    pub fn peek(&mut self) -> u128 {
        if self.hole {
            self.hole = false;
            if self.end == 0 {
                self.top = NO_KEY;
            } else {
                self.end -= 1;
                let last = std::mem::replace(&mut self.keys[self.end], NO_KEY);
                self.sink(last);
            }
        }
        self.top
    }

    /// Takes what [`Heap::peek`] gave.
    #[inline]
    pub fn take(&mut self) {
        self.hole = true;
    }

    /// One more key.
    #[inline]
    pub fn push(&mut self, key: u128) {
        if self.hole {
            self.hole = false;
            self.sink(key);
        } else {
            self.rise(key);
        }
    }

    /// Puts a key in at the end.
    fn rise(&mut self, new: u128) {
        if self.top == NO_KEY {
            self.top = new;
            return;
        }
        let mut at = self.end;
        self.end += 1;
        if at == self.keys.len() {
            self.keys.extend([NO_KEY; 4]);
        }
        while at >= 4 {
            let parent = at / 4 - 1;
            if self.keys[parent] <= new {
                break;
            }
            self.keys[at] = self.keys[parent];
            at = parent;
        }
        if at < 4 && new < self.top {
            self.keys[at] = std::mem::replace(&mut self.top, new);
        } else {
            self.keys[at] = new;
        }
    }

    /// Puts a key in at the top, in place of what is there.
    #[inline]
    fn sink(&mut self, new: u128) {
        let Some((mut at, key)) = self.least_of(0).filter(|&(_, key)| key < new) else {
            self.top = new;
            return;
        };
        self.top = key;
        while let Some((child, key)) = self.least_of(4 * at + 4).filter(|&(_, key)| key < new) {
            self.keys[at] = key;
            at = child;
        }
        self.keys[at] = new;
    }

    /// The least of four in a row, and its place.
    #[inline(always)]
    fn least_of(&self, first: usize) -> Option<(usize, u128)> {
        let &[a, b, c, d] = self.keys.get(first..)?.first_chunk::<4>()?;
        let less = |one: (usize, u128), other: (usize, u128)| {
            let less = other.1 < one.1;
            (select_unpredictable(less, other.0, one.0), select_unpredictable(less, other.1, one.1))
        };
        let (nth, key) = less(less((0, a), (1, b)), less((2, c), (3, d)));
        Some((first + nth, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::oracle::mix;

    #[test]
    fn keys_come_out_in_order_however_they_are_put_in() {
        let (mut heap, mut kept, mut out) = (Heap::default(), Vec::new(), 0);
        for i in 0..10_000u64 {
            let new = u128::from(mix(i));
            heap.push(new);
            kept.push(new);
            if !mix(i).is_multiple_of(3) {
                kept.sort_unstable();
                assert_eq!(heap.peek(), kept.remove(0));
                heap.take();
                out += 1;
            }
        }
        kept.sort_unstable();
        for key in kept {
            assert_eq!(heap.peek(), key);
            heap.take();
            out += 1;
        }
        assert_eq!((heap.peek(), out), (NO_KEY, 10_000));
    }
}
