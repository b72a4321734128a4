//! What is measured: levels over time and distributions, by queue and by consumer.
//!
//! It reads no fact by itself: the [judge](super::Judge) tells it of each change. Means over time and rates are about
//! the time in which producers produced, which is known only afterwards where a run is bounded by operations; so each
//! level keeps what it was at the last moment that may turn out to be the end of that time.

use super::histogram::Histogram;
use super::report::Counts;
use crate::model::plan::Length;
use crate::sim::Time;

/// The time in which producers produce. Where the length of a run is a span alone, it is that span; otherwise it ends
/// with the last operation produced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The end, where it is known from the start.
    pub stop: Option<Time>,
    last_produced: Time,
    /// Moves on whenever means may have to be taken as of this moment.
    mark: u32,
}

impl Window {
    pub fn new(length: &Length) -> Window {
        let stop = match (length.span, length.operations) {
            (Some(span), None) => Some(Time::ZERO + span),
            _ => None,
        };
        Window { stop, last_produced: Time::ZERO, mark: 0 }
    }

    #[inline]
    pub fn produced(&mut self, now: Time) {
        if self.stop.is_none() {
            self.mark = self.mark.wrapping_add(1);
            self.last_produced = now;
        }
    }

    /// The known end has come.
    pub fn stops(&mut self) {
        self.mark = 1;
    }

    /// A run that ended at `end` is over: how long producers produced.
    pub fn close(&mut self, end: Time) -> Time {
        match self.stop {
            Some(stop) => {
                self.mark = 1;
                stop.min(end)
            }
            None => self.last_produced,
        }
    }
}

/// A number that changes by ones, with its area under the curve.
///
/// The area up to T is `value * T - sum`, where `sum` adds up the moments of all steps up and takes away those of all
/// steps down: so a step costs an addition, not a product.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    pub value: u64,
    sum: i128,
    mark: u32,
    marked: (u64, i128),
}

impl Level {
    #[inline]
    fn keep(&mut self, window: &Window) {
        if self.mark != window.mark {
            self.mark = window.mark;
            self.marked = (self.value, self.sum);
        }
    }
    #[inline]
    pub fn up(&mut self, now: Time, window: &Window) {
        self.keep(window);
        self.value += 1;
        self.sum += i128::from(now.nanos());
    }
    #[inline]
    pub fn down(&mut self, now: Time, window: &Window) {
        self.keep(window);
        debug_assert!(self.value > 0, "what leaves was there");
        self.value = self.value.saturating_sub(1);
        self.sum -= i128::from(now.nanos());
    }
    /// Its value when producers stopped, and its mean up to then. The window is closed.
    pub fn at_stop(mut self, window: &Window, stop: Time) -> (u64, f64) {
        self.keep(window);
        let (value, sum) = self.marked;
        let area = i128::from(value) * i128::from(stop.nanos()) - sum;
        let mean = if stop == Time::ZERO { 0.0 } else { area as f64 / stop.nanos() as f64 };
        (value, mean)
    }
}

/// What is measured of a queue.
#[derive(Clone, Debug, Default)]
pub(super) struct QueueMetrics {
    /// What happened to the operations that are published here.
    pub counts: Counts,
    /// Ready messages.
    pub depth: Level,
    /// The most that were ready at once.
    pub max_depth: u64,
    /// Messages out with consumers.
    pub in_flight: Level,
    /// Dead letters that came in.
    pub dead_in: u64,
    pub max_age_s: f64,
}

impl QueueMetrics {
    /// A message is ready.
    #[inline]
    pub fn ready(&mut self, now: Time, window: &Window) {
        self.depth.up(now, window);
        self.max_depth = self.max_depth.max(self.depth.value);
    }
}

/// What is measured of a consumer.
#[derive(Clone, Debug, Default)]
pub(super) struct ConsumerMetrics {
    pub counts: Counts,
    /// Workers with an open run.
    pub busy: Level,
    /// Operations with their first effect here (without effects: with their first ack).
    pub done: Level,
    /// Operations that had a run here.
    pub ran: u64,
    /// First effects of operations with a key that others share.
    pub first_in_key: u64,
    pub queueing: Histogram,
    pub handler: Histogram,
    pub end_to_end: Histogram,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Span;

    fn at(s: u64) -> Time {
        Time::from_nanos(s * 1_000_000_000)
    }

    #[test]
    fn a_mean_runs_to_the_last_operation_produced_however_long_the_drain() {
        let mut window = Window::new(&Length { span: None, operations: Some(2), drain: Span::ZERO });
        let mut level = Level::default();
        window.produced(at(0));
        level.up(at(2), &window); // 0 for 2 s
        level.up(at(3), &window); // 1 for 1 s
        window.produced(at(5)); // 2 for 2 s
        level.down(at(9), &window);
        level.down(at(100), &window);
        let stop = window.close(at(100));
        assert_eq!(stop, at(5));
        assert_eq!(level.at_stop(&window, stop), (2, 1.0));
    }

    #[test]
    fn a_mean_over_a_span_ends_with_the_span() {
        let length = Length { span: Some(Span::from_secs(10)), operations: None, drain: Span::ZERO };
        let mut window = Window::new(&length);
        let mut level = Level::default();
        level.up(at(5), &window);
        window.stops();
        level.down(at(12), &window);
        let stop = window.close(at(20));
        assert_eq!(level.at_stop(&window, stop), (1, 0.5));
    }

    #[test]
    fn a_level_that_never_changed_after_the_stop_counts_as_it_stands() {
        let length = Length { span: Some(Span::from_secs(10)), operations: None, drain: Span::ZERO };
        let mut window = Window::new(&length);
        let mut level = Level::default();
        level.up(at(0), &window);
        assert_eq!(window.close(at(4)), at(4), "a run cut short produced until then");
        assert_eq!(level.at_stop(&window, at(4)), (1, 1.0));
    }
}
