//! Lengths of time, counted: quantiles to three digits and an exact mean.
//!
//! Buckets are log-linear: 512 to each doubling, exact below 1,024 ns; a quantile is the middle of its bucket, off by
//! less than 1 in 1,000. The bucket of a value is read off its floating-point form: exponent and first digits. The crate
//! `hdrhistogram` keeps the same promise without the exact mean; measured side by side it took 1.7 times as long, and a
//! message pays that three times.

use super::report::Latency;
use super::sum::Sum;
use crate::sim::Span;

/// How many bits of a value choose the bucket within its doubling.
const BITS: u32 = 9;
/// The bits of a floating-point number that do not count.
const REST: u32 = f64::MANTISSA_DIGITS - 1 - BITS;
/// What counts of 1.0, the first number of the first bucket.
const FIRST: u64 = 1.0f64.to_bits() >> REST;
/// Longer is counted as this: 73 years.
const LONGEST: u64 = 1 << 61;

/// A distribution.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// The lower bits of the counts, up to the bucket before that of the longest value: values fall far apart, and what they
    /// touch is to stay in the nearest cache.
    counts: Vec<u8>,
    /// The upper bits.
    carried: Vec<u64>,
    /// The last bucket stands apart: so that a value is among the others is one question.
    longest: u64,
    sum: Sum,
    max: u64,
}

/// The bucket of a length, of twice the length and one: so that zero has one too, and no other bound moves. Of what is
/// longer than the longest it gives a bucket that nobody has.
#[inline(always)]
fn bucket(nanos: u64) -> usize {
    let number = nanos.wrapping_mul(2).wrapping_add(1) as i64 as f64;
    ((number.to_bits() >> REST) - FIRST) as usize
}

/// The middle of a bucket, in nanoseconds.
fn middle(bucket: usize) -> u64 {
    let low = |bucket| f64::from_bits((bucket as u64 + FIRST) << REST) as u64;
    let width = (low(bucket + 1) - low(bucket)) / 2;
    low(bucket) / 2 + width / 2
}

impl Histogram {
    /// Counts a length.
    #[inline(always)]
    pub fn record(&mut self, length: Span) {
        let nanos = length.nanos();
        self.sum.add(nanos);
        let at = bucket(nanos);
        match self.counts.get_mut(at) {
            Some(count) => {
                *count = count.wrapping_add(1);
                if *count == 0 {
                    self.carry(at);
                }
            }
            None => self.record_among_the_longest(nanos),
        }
    }

    #[cold]
    #[inline(never)]
    fn carry(&mut self, at: usize) {
        self.carried[at] += 1;
    }

    /// Counts one in the last bucket, or beyond it.
    #[cold]
    #[inline(never)]
    fn record_among_the_longest(&mut self, nanos: u64) {
        let at = bucket(nanos.min(LONGEST));
        if at > self.counts.len() {
            let last = std::mem::take(&mut self.longest);
            self.counts.push(last as u8);
            self.carried.push(last >> u8::BITS);
            self.counts.resize(at, 0);
            self.carried.resize(at, 0);
        }
        self.longest += 1;
        self.max = self.max.max(nanos);
    }

    /// The lengths of all that it counted.
    pub fn sum(&self) -> u128 {
        self.sum.total()
    }

    /// Every bucket.
    fn buckets(&self) -> impl Iterator<Item = u64> {
        let both = |(&low, &high): (&u8, &u64)| high << u8::BITS | u64::from(low);
        self.counts.iter().zip(&self.carried).map(both).chain([self.longest])
    }

    /// The length in nanoseconds that a share `q` of the values does not exceed.
    fn quantile(&self, q: f64, count: u64) -> u64 {
        let rank = ((q * count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, count) in self.buckets().enumerate() {
            seen += count;
            if seen >= rank {
                return middle(at).min(self.max);
            }
        }
        self.max
    }

    /// How many lengths it counted.
    pub fn count(&self) -> u64 {
        self.buckets().sum()
    }

    /// As the report shows it.
    pub fn latency(&self) -> Latency {
        let count = self.count();
        if count == 0 {
            return Latency::default();
        }
        let at = |q| self.quantile(q, count) as f64 / 1e9;
        Latency {
            count,
            mean_s: self.sum() as f64 / count as f64 / 1e9,
            p50_s: at(0.5),
            p90_s: at(0.9),
            p95_s: at(0.95),
            p99_s: at(0.99),
            p999_s: at(0.999),
            max_s: self.max as f64 / 1e9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_exact_at_first_then_follow_each_other_and_their_middle_is_within_one_in_a_thousand() {
        assert!((0..1_024).all(|nanos| middle(bucket(nanos)) == nanos));
        assert!((512..100_000).all(|nanos| bucket(nanos) - bucket(nanos - 1) <= 1));
        let around = |bit: u32| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + (1 << bit) / 3];
        for nanos in (0..5_000).chain((10..61).flat_map(around)) {
            let shown = middle(bucket(nanos));
            assert!(shown.abs_diff(nanos) * 1_000 <= nanos, "{nanos} is shown as {shown}");
        }
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(LONGEST), 62 * 512);
        assert!([LONGEST << 1, u64::MAX, u64::MAX / 2].iter().all(|&nanos| bucket(nanos) > bucket(LONGEST)));
    }

    #[test]
    fn quantiles_of_one_to_ten_thousand_milliseconds_are_those_numbers() {
        let mut histogram = Histogram::default();
        for ms in 1..=10_000 {
            histogram.record(Span::from_millis(ms));
        }
        let latency = histogram.latency();
        assert_eq!((latency.count, latency.mean_s, latency.max_s), (10_000, 5.0005, 10.0));
        for (shown, exact) in [
            (latency.p50_s, 5.0),
            (latency.p90_s, 9.0),
            (latency.p95_s, 9.5),
            (latency.p99_s, 9.9),
            (latency.p999_s, 9.99),
        ] {
            assert!((shown / exact - 1.0).abs() < 1e-3, "{shown} for {exact}");
        }
    }

    #[test]
    fn a_bucket_counts_as_far_as_it_must() {
        let mut histogram = Histogram::default();
        for _ in 0..200_000 {
            histogram.record(Span::from_millis(1));
        }
        for _ in 0..100_000 {
            histogram.record(Span::from_millis(2));
        }
        let latency = histogram.latency();
        assert_eq!((latency.count, latency.mean_s, latency.max_s), (300_000, 4.0 / 3.0 / 1_000.0, 0.002));
        assert!((latency.p50_s - 0.001).abs() < 1e-6 && (latency.p90_s - 0.002).abs() < 1e-6);
    }

    #[test]
    fn a_bucket_below_the_longest_counts_beyond_a_byte() {
        for n in [255u64, 256, 257, 65_536] {
            let mut histogram = Histogram::default();
            for (ms, times) in [(2, 1), (1, n), (3, 1), (2, n), (1, n)] {
                (0..times).for_each(|_| histogram.record(Span::from_millis(ms)));
            }
            let filled: Vec<u64> = histogram.buckets().filter(|&count| count > 0).collect();
            assert_eq!((filled, histogram.count()), (vec![2 * n, n + 1, 1], 3 * n + 2));
        }
    }

    #[test]
    fn without_values_all_is_zero() {
        assert_eq!(Histogram::default().latency(), Latency::default());
    }
}
