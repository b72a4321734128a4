//! Axes: round ticks in the units that people use, and the words for them.
//!
//! It knows values only, neither pixels nor colours. Every tick is a whole multiple of one step, and the step alone
//! chooses the unit, so a reader never compares `90 s` with `2 min` on one axis.

/// An axis that starts at zero.
#[derive(Debug, PartialEq)]
pub(super) struct Axis {
    /// Its far end.
    pub max: f64,
    /// Where a tick stands, and what it says.
    pub ticks: Vec<(f64, String)>,
}

/// Days, hours, minutes, seconds and below: the length in seconds, the name, and the steps that are round in it.
const UNITS: [(f64, &str, &[u32]); 6] = [
    (1e-6, "us", &[1, 2, 5, 10, 20, 50, 100, 200, 500]),
    (1e-3, "ms", &[1, 2, 5, 10, 20, 50, 100, 200, 500]),
    (1.0, "s", &[1, 2, 5, 10, 20, 30]),
    (60.0, "min", &[1, 2, 5, 10, 20, 30]),
    (3600.0, "h", &[1, 2, 3, 6, 12]),
    (86_400.0, "d", &[1, 2, 7, 14, 30, 90, 365, 3650, 36_500, 365_000]),
];

impl Axis {
    /// Lengths of time in seconds, ending at the first tick at or above `max`, with at most `most` steps.
    pub fn seconds(max: f64, most: u32) -> Axis {
        if max <= 0.0 {
            return Axis::of_steps(1.0, 1.0, |i| format!("{i} s"));
        }
        let steps =
            UNITS.iter().flat_map(|&(unit, name, steps)| steps.iter().map(move |&n| (f64::from(n), unit, name)));
        let fits = |&(n, unit, _): &(f64, f64, &str)| n * unit * f64::from(most) >= max;
        let (n, unit, name) = steps.clone().find(fits).or(steps.last()).unwrap_or((1.0, 1.0, "s"));
        Axis::of_steps(max, n * unit, |i| format!("{} {name}", i as f64 * n))
    }

    /// Whole numbers of things, ending at the first tick at or above `max`, with at most `most` steps.
    pub fn counts(max: u64, most: u32) -> Axis {
        let mut step = 1u64;
        for factor in [2, 5, 10].into_iter().cycle() {
            if step.saturating_mul(u64::from(most)) >= max {
                break;
            }
            // 1, 2, 5, 10, 20, 50, ...
            step = match factor {
                2 => step * 2,
                5 => step / 2 * 5,
                _ => step * 2,
            };
        }
        Axis::of_steps(max as f64, step as f64, |i| count(i.saturating_mul(step)))
    }

    /// The same ticks on an axis that ends exactly at `max`, as time does.
    pub fn ending_at(mut self, max: f64) -> Axis {
        self.ticks.retain(|&(at, _)| at <= max);
        self.max = max;
        self
    }

    fn of_steps(max: f64, step: f64, words: impl Fn(u64) -> String) -> Axis {
        // A picture without a single step has no axis; a hair of rounding makes no further one.
        let steps = ((max / step - 1e-9).ceil() as u64).max(1);
        let tick = |i| (i as f64 * step, if i == 0 { "0".to_owned() } else { words(i) });
        Axis { max: steps as f64 * step, ticks: (0..=steps).map(tick).collect() }
    }
}

/// A count as a tick says it: `1,500`, `200 k`, `2.5 M`.
pub(super) fn count(n: u64) -> String {
    let (size, name) = match n {
        0..1_000 => return n.to_string(),
        1_000..100_000 => return format!("{},{:03}", n / 1_000, n % 1_000),
        100_000..1_000_000 => (1e3, "k"),
        1_000_000..1_000_000_000 => (1e6, "M"),
        _ => (1e9, "G"),
    };
    let text = format!("{:.2}", n as f64 / size);
    format!("{} {name}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(axis: &Axis) -> String {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn time_is_told_in_the_unit_of_its_step() {
        for (max, text) in [
            (0.0, "0 | 1 s"),
            (0.35, "0 | 100 ms | 200 ms | 300 ms | 400 ms"),
            (90.0, "0 | 20 s | 40 s | 60 s | 80 s | 100 s"),
            (4200.0, "0 | 20 min | 40 min | 60 min | 80 min"),
            (86_400.0, "0 | 6 h | 12 h | 18 h | 24 h"),
            (1e6, "0 | 2 d | 4 d | 6 d | 8 d | 10 d | 12 d"),
        ] {
            assert_eq!(words(&Axis::seconds(max, 6)), text, "{max}");
        }
        assert_eq!(words(&Axis::seconds(4200.0, 6).ending_at(4200.0)), "0 | 20 min | 40 min | 60 min");
    }

    #[test]
    fn counts_are_whole_and_round() {
        for (max, text) in [
            (0, "0 | 1"),
            (3, "0 | 1 | 2 | 3"),
            (7, "0 | 2 | 4 | 6 | 8"),
            (734, "0 | 200 | 400 | 600 | 800"),
            (12_500, "0 | 5,000 | 10,000 | 15,000"),
            (2_100_000, "0 | 500 k | 1 M | 1.5 M | 2 M | 2.5 M"),
        ] {
            assert_eq!(words(&Axis::counts(max, 5)), text, "{max}");
        }
        assert!(Axis::counts(u64::MAX, 5).ticks.len() < 8);
    }

    #[test]
    fn the_last_tick_of_values_covers_them() {
        for max in [0.001, 0.7, 59.0, 61.0, 3599.0, 1e9, 1e15] {
            assert!(Axis::seconds(max, 4).max >= max * (1.0 - 1e-9), "{max}");
        }
    }
}
