//! A run over time, in bounded memory: some 240 to 480 samples of every queue, however long the run is.
//!
//! How long a run will be is not known when it starts. So samples begin close together, one a microsecond; each time
//! there are 480 of them, every second one is thrown away and the interval doubles. A sample is taken at a multiple of
//! the interval and shows what stood just before the facts of that moment; it depends on the facts alone.

use super::report::Series;
use crate::sim::{Span, Time};

/// When there are so many samples, half of them go.
const MOST: usize = 480;
const FIRST_INTERVAL: Span = Span::from_micros(1);

/// A queue at a sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    pub depth: u64,
    pub in_flight: u64,
    pub oldest_age_s: f64,
    /// First effects so far.
    pub effects: u64,
    /// Duplicates so far.
    pub duplicates: u64,
}

/// The samples of all queues.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    every: Span,
    /// By queue.
    samples: Vec<Vec<Sample>>,
}

impl Sampler {
    pub fn new(queues: usize) -> Sampler {
        Sampler { every: FIRST_INTERVAL, samples: vec![Vec::new(); queues] }
    }

    /// The moment of the next sample; never, where there is no queue.
    pub fn next(&self) -> Time {
        self.samples.first().map_or(Time::NEVER, |taken| Time::ZERO + self.every * (taken.len() as u64 + 1))
    }

    /// Takes the next sample: one of each queue, in their order.
    pub fn take(&mut self, queues: impl Iterator<Item = Sample>) {
        for (samples, sample) in self.samples.iter_mut().zip(queues) {
            samples.push(sample);
        }
        if self.samples.first().is_some_and(|s| s.len() == MOST) {
            for samples in &mut self.samples {
                let mut place = 0;
                samples.retain(|_| {
                    place += 1;
                    place % 2 == 0
                });
            }
            self.every = self.every * 2;
        }
    }

    /// As the report shows it: effects and duplicates by interval.
    pub fn series<'a>(self, names: impl Iterator<Item = &'a str>) -> Vec<Series> {
        let by_interval = |samples: &[Sample], of: fn(&Sample) -> u64| {
            samples
                .iter()
                .scan(0, |last, sample| {
                    let so_far = of(sample);
                    Some(so_far - std::mem::replace(last, so_far))
                })
                .collect()
        };
        self.samples
            .iter()
            .zip(names)
            .map(|(samples, name)| Series {
                queue: name.to_owned(),
                every_s: self.every.as_secs_f64(),
                depth: samples.iter().map(|s| s.depth).collect(),
                in_flight: samples.iter().map(|s| s.in_flight).collect(),
                lag: samples.iter().map(|s| s.depth + s.in_flight).collect(),
                oldest_age_s: samples.iter().map(|s| s.oldest_age_s).collect(),
                effects: by_interval(samples, |s| s.effects),
                duplicates: by_interval(samples, |s| s.duplicates),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One effect a microsecond; the depth is the number of microseconds.
    fn sampled(until: Time) -> Series {
        let mut sampler = Sampler::new(1);
        while sampler.next() <= until {
            let micros = sampler.next().nanos() / 1_000;
            sampler.take([Sample { depth: micros, effects: micros, ..Sample::default() }].into_iter());
        }
        sampler.series(["q"].into_iter()).remove(0)
    }

    #[test]
    fn the_interval_doubles_and_each_sample_stays_at_its_moment() {
        for micros in [1u64, 479, 480, 481, 10_000, 1_000_000_007] {
            let series = sampled(Time::from_nanos(micros * 1_000));
            let every = (series.every_s * 1e6) as u64;
            assert!(every.is_power_of_two());
            assert_eq!(series.depth.len() as u64, micros / every, "one a multiple of {every} us up to {micros} us");
            assert!(series.depth.iter().enumerate().all(|(i, &depth)| depth == every * (i as u64 + 1)));
            assert!(series.effects.iter().all(|&n| n == every), "nothing is lost between samples");
            assert!(micros < 480 || (240..480).contains(&series.depth.len()));
        }
    }
}
