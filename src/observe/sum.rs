//! A sum of many numbers, as exact as it is cheap.
//!
//! Numbers are added in one word; how often that went round is counted apart. An addition with a carry would change a second
//! word in memory each time; a message pays for seven sums, and for each it is slower than what is measured.

use std::hint::cold_path;

/// What was added up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    low: u64,
    rounds: u64,
}

impl Sum {
    #[inline(always)]
    pub fn add(&mut self, number: u64) {
        let (low, went_round) = self.low.overflowing_add(number);
        self.low = low;
        if went_round {
            cold_path();
            self.rounds += 1;
        }
    }

    pub fn total(self) -> u128 {
        u128::from(self.rounds) << 64 | u128::from(self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_where_a_word_goes_round() {
        let mut sum = Sum::default();
        for _ in 0..5 {
            sum.add(u64::MAX);
        }
        sum.add(7);
        assert_eq!(sum.total(), 5 * u128::from(u64::MAX) + 7);
    }
}
