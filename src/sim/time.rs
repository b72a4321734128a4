//! Time: a moment and a length are two types, both whole nanoseconds.
//!
//! A sum of two moments does not compile. Arithmetic saturates at the far end (some 584 years), so that "never"
//! ([`Time::NEVER`]) stays never. This module knows no clock: moments come in from the loop.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

use serde::Serialize;

/// A moment: nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Time(u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span(u64);

impl Time {
    /// The start of every run.
    pub const ZERO: Time = Time(0);
    /// Later than everything.
    pub const NEVER: Time = Time(u64::MAX);

    /// The moment `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }
    /// Nanoseconds since the start.
    pub const fn nanos(self) -> u64 {
        self.0
    }
    /// Seconds since the start, for people and plots; never for the model.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
    /// The length from `earlier` to here, zero where `earlier` is later.
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// Longer than every run.
    pub const FOREVER: Span = Span(u64::MAX);

    /// A length of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Span {
        Span(nanos)
    }
    /// A length of `micros` microseconds.
    pub const fn from_micros(micros: u64) -> Span {
        Span(micros.saturating_mul(1_000))
    }
    /// A length of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Span {
        Span(millis.saturating_mul(1_000_000))
    }
    /// A length of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Span {
        Span(secs.saturating_mul(1_000_000_000))
    }
    /// The nearest whole number of nanoseconds; negative and NaN give zero, too large gives the longest.
    pub fn from_secs_f64(secs: f64) -> Span {
        Span((secs * 1e9 + 0.5) as u64)
    }
    /// The length in nanoseconds.
    pub const fn nanos(self) -> u64 {
        self.0
    }
    /// The length in seconds, for people and plots.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub for Time {
    type Output = Span;
    /// # Panics
    /// In debug builds where `earlier` is later: time ran backwards.
    fn sub(self, earlier: Time) -> Span {
        debug_assert!(self >= earlier, "time ran backwards: {earlier} to {self}");
        Span(self.0.wrapping_sub(earlier.0))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, times: u64) -> Span {
        Span(self.0.saturating_mul(times))
    }
}

impl fmt::Display for Time {
    /// Seconds with three decimals, as stories show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000_000_000, self.0 / 1_000_000 % 1_000)
    }
}

impl fmt::Display for Span {
    /// Three significant digits in the largest unit that gives at least one: `30 s`, `4.1 s`, `374 ms`, `2 min`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 6] = [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "min"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        if self.0 == 0 {
            return f.write_str("0 s");
        }
        // 90 s reads better than 1.5 min: the larger units only where they come out even.
        let (size, name) = UNITS
            .into_iter()
            .find(|&(size, _)| self.0 >= size && (size <= 1_000_000_000 || self.0.is_multiple_of(size)))
            .unwrap_or((1, "ns"));
        let value = self.0 as f64 / size as f64;
        let decimals = if value >= 99.95 {
            0
        } else if value >= 9.995 {
            1
        } else {
            2
        };
        let text = format!("{value:.decimals$}");
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        write!(f, "{text} {name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_stays_never() {
        assert_eq!(Time::NEVER + Span::from_secs(1), Time::NEVER);
        assert_eq!(Span::FOREVER * 2, Span::FOREVER);
    }

    #[test]
    fn a_span_reads_in_the_unit_a_person_would_use() {
        for (nanos, text) in [
            (0, "0 s"),
            (1, "1 ns"),
            (2_000_000, "2 ms"),
            (374_200_000, "374 ms"),
            (4_100_000_000, "4.1 s"),
            (30_000_000_000, "30 s"),
            (90_000_000_000, "90 s"),
            (120_000_000_000, "2 min"),
            (3_600_000_000_000, "1 h"),
            (12_712_000_000, "12.7 s"),
        ] {
            assert_eq!(Span::from_nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn seconds_round_to_the_nearest_nanosecond() {
        assert_eq!(Span::from_secs_f64(1e-9).nanos(), 1);
        assert_eq!(Span::from_secs_f64(0.374).nanos(), 374_000_000);
        assert_eq!(Span::from_secs_f64(-1.0), Span::ZERO);
        assert_eq!(Span::from_secs_f64(f64::NAN), Span::ZERO);
    }
}
