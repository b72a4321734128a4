//! A heap of plain keys: which is the least. It knows no event and no lane; whether a key still stands is asked of whoever
//! put it in. The agenda's index over its heads.

use std::hint::select_unpredictable;

/// Keys, the least on top, four children a node: shallower than a binary one, and the children of a node are four in a
/// row, compared without a look at how many there are. A top that was taken leaves a hole, for whoever handles an event
/// mostly books the next one: it goes in at the top.
#[derive(Debug)]
pub(super) struct Heap {
    /// The top at [`TOP`]; the children of `at` from `4 * at - 8` on. What is free, up to a multiple of four, is [`FREE`].
    keys: Vec<u128>,
    /// The first place that is free.
    end: usize,
    /// The top was taken.
    hole: bool,
}

super::clone_by_field!(Heap { keys, end, hole });

const TOP: usize = 3;
const FREE: u128 = u128::MAX;

impl Default for Heap {
    fn default() -> Self {
        Heap { keys: vec![FREE; TOP + 1], end: TOP, hole: false }
    }
}

impl Heap {
    /// The least key.
    #[inline]
    pub fn peek(&mut self) -> Option<u128> {
        if self.hole {
            self.hole = false;
            self.end -= 1;
            let last = std::mem::replace(&mut self.keys[self.end], FREE);
            if self.end > TOP {
                self.sink(last);
            }
        }
        // Asked of the end and not of the key: both halves of that were just written, and a look at it whole would wait.
        if self.end > TOP { Some(self.keys[TOP]) } else { None }
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
        let mut at = self.end;
        self.end += 1;
        if at == self.keys.len() {
            self.keys.extend([FREE; 4]);
        }
        while at > TOP {
            let parent = at / 4 + 2;
            if self.keys[parent] <= new {
                break;
            }
            self.keys[at] = self.keys[parent];
            at = parent;
        }
        self.keys[at] = new;
    }

    /// Puts a key in at the top, in place of what is there.
    #[inline]
    fn sink(&mut self, new: u128) {
        let mut at = TOP;
        while let Some(&children) = self.keys.get(4 * at - 8..).and_then(<[u128]>::first_chunk::<4>) {
            let less = |one: (usize, u128), other: (usize, u128)| {
                let less = other.1 < one.1;
                (select_unpredictable(less, other.0, one.0), select_unpredictable(less, other.1, one.1))
            };
            let [a, b, c, d] = children;
            let (child, key) = less(less((0, a), (1, b)), less((2, c), (3, d)));
            if new <= key {
                break;
            }
            self.keys[at] = key;
            at = 4 * at - 8 + child;
        }
        self.keys[at] = new;
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
                assert_eq!(heap.peek(), Some(kept.remove(0)));
                heap.take();
                out += 1;
            }
        }
        kept.sort_unstable();
        for key in kept {
            assert_eq!(heap.peek(), Some(key));
            heap.take();
            out += 1;
        }
        assert_eq!((heap.peek(), out), (None, 10_000));
    }
}
