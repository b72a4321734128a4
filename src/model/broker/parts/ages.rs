//! Ages: when what stands at a place was sent.
//!
//! Places are given in order, and what is sent in one moment is one record: a backlog that came at once costs nothing. It knows
//! neither entries nor limits.

use crate::sim::{Canon, Ring, Time, clone_by_field};

/// The moments of places.
#[derive(Debug, Default)]
pub(crate) struct Ages {
    /// The first place of each moment.
    since: Ring<(u32, Time)>,
}

clone_by_field!(Ages { since });

impl Ages {
    /// What stands at the next place was sent then.
    pub fn came(&mut self, place: u32, sent: Time) {
        match self.since.back() {
            Some(&(_, last)) if last == sent => {}
            _ => self.since.push((place, sent)),
        }
    }

    /// When what stands at a place was sent; the beginning of time, where that is forgotten.
    pub fn sent(&self, place: u32) -> Time {
        let before = self.since.partition_point(|&(first, _)| first <= place);
        before.checked_sub(1).and_then(|nth| self.since.get(nth)).map_or(Time::ZERO, |&(_, sent)| sent)
    }

    /// The earliest moment after `after`.
    pub fn first_after(&self, after: Option<Time>) -> Option<Time> {
        self.since.iter().map(|&(_, sent)| sent).filter(|&sent| after.is_none_or(|after| sent > after)).min()
    }

    /// Writes them, as seen from the next place and from now.
    pub fn canon(&self, next_place: u32, now: Time, form: &mut impl Canon) {
        form.list(self.since.iter(), |form, &(first, sent)| {
            form.puts([u64::from(next_place.wrapping_sub(first)), now.since(sent).nanos()]);
        });
    }

    /// Nothing stands anywhere.
    pub fn clear(&mut self) {
        self.since.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_one_moment_share_a_record() {
        let at = Time::from_nanos;
        let mut ages = Ages::default();
        for (place, sent) in [(1, 10), (2, 10), (3, 12), (4, 12), (5, 11)] {
            ages.came(place, at(sent));
        }
        assert_eq!(ages.since.len(), 3);
        assert_eq!([1, 2, 3, 4, 5, 9].map(|place| ages.sent(place)), [10, 10, 12, 12, 11, 11].map(at));
        assert_eq!(ages.first_after(Some(at(10))), Some(at(11)));
        ages.clear();
        assert_eq!((ages.sent(7), ages.first_after(None)), (Time::ZERO, None));
    }
}
