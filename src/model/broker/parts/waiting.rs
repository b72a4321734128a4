//! Waiting polls: workers that wait for a message, first come first served.

use crate::sim::{Canon, Ring, clone_by_field};

/// Workers that wait.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    order: Ring<u32>,
}

clone_by_field!(Waiting { order });

impl Waiting {
    /// One more.
    #[inline]
    pub fn push(&mut self, worker: u32) {
        self.order.push(worker);
    }

    /// The one that has waited longest.
    #[inline]
    pub fn pop(&mut self) -> Option<u32> {
        self.order.pop()
    }

    /// The one that came last, if `is` holds of it.
    pub fn pop_last_if(&mut self, is: impl Fn(u32) -> bool) -> Option<u32> {
        if self.order.back().is_some_and(|&worker| is(worker)) { self.order.pop_last() } else { None }
    }

    /// Whether nobody does.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// `workers` workers from `first` on no longer wait.
    pub fn leave(&mut self, first: u32, workers: u32) {
        self.order.retain(|&worker| worker.wrapping_sub(first) >= workers);
    }

    /// Writes them in order.
    pub fn canon(&self, form: &mut impl Canon) {
        form.list(self.order.iter(), |form, &worker| form.put(u64::from(worker)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_dies_waits_no_more() {
        let mut waiting = Waiting::default();
        [4, 1, 5, 2].into_iter().for_each(|worker| waiting.push(worker));
        waiting.leave(4, 2);
        assert_eq!([waiting.pop(), waiting.pop(), waiting.pop()], [Some(1), Some(2), None]);
    }
}
