//! What is measured: levels over time and distributions, by queue and by consumer.
//!
//! It reads no fact by itself: the [judge](super::Judge) tells it of each change. Means over time and rates are about
//! the time in which producers produced. When that is over is often known only afterwards; so whenever it may turn out
//! to be over, every level keeps what it is at that moment.

use super::histogram::Histogram;
use super::report::Counts;
use super::sum::Sum;
use crate::model::plan::{Arrivals, Plan};
use crate::sim::{Span, Time};

/// The time in which producers produce. Where the length of a run is a span alone, it is that span; otherwise it ends
/// with the last operation produced. Of a run that is cut short before, it is all of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The end, where it is known from the start.
    pub stop: Option<Time>,
    /// So many operations are produced in all, as far as it is known: each one from there on may be the last.
    operations: u64,
    /// When it was over, or seemed to be.
    over: Option<Time>,
}

impl Window {
    pub fn new(plan: &Plan) -> Window {
        let finite = plan.producers.iter().map(|producer| match producer.arrivals {
            Arrivals::AtOnce { count } => Some(u64::from(count)),
            _ => None,
        });
        let all: Option<u64> = finite.sum();
        let (stop, operations) = match (plan.length.span, plan.length.operations) {
            (Some(span), None) => (Some(Time::ZERO + span), u64::MAX),
            (None, Some(most)) => (None, all.map_or(most.into(), |all| all.min(most.into()))),
            _ => (None, 0),
        };
        Window { stop, operations, over: (operations == 0).then_some(Time::ZERO) }
    }

    /// Whether producing may be over with this operation.
    #[inline(always)]
    pub fn may_end_with(&self, op: u32) -> bool {
        u64::from(op) + 1 >= self.operations
    }

    /// Whether it seems to be over.
    pub fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// It is over, as far as anyone knows, at this moment; all levels have to [keep](Level::keep) what they are.
    pub fn ends(&mut self, at: Time) {
        self.over = Some(at);
    }

    /// How long producers produced.
    pub fn end(&self) -> Time {
        self.over.unwrap_or(Time::ZERO)
    }
}

/// A number that changes by ones, with its area under the curve.
///
/// The area up to T is `value * T + downs - ups`, where each adds up the moments of its steps: so a step costs an addition,
/// not a product.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    pub value: u64,
    ups: Sum,
    downs: Sum,
    kept: (u64, Sum, Sum),
}

impl Level {
    #[inline(always)]
    pub fn up(&mut self, now: Time) {
        self.value += 1;
        self.ups.add(now.nanos());
    }
    #[inline(always)]
    pub fn down(&mut self, now: Time) {
        debug_assert!(self.value > 0, "what leaves was there");
        self.value = self.value.wrapping_sub(1);
        self.downs.add(now.nanos());
    }
    /// Producing seems to be over.
    pub fn keep(&mut self) {
        self.kept = (self.value, self.ups, self.downs);
    }
    /// Its mean up to the moment when producers stopped.
    pub fn mean(&self, stop: Time) -> f64 {
        let (value, ups, downs) = self.kept;
        let area = u128::from(value) * u128::from(stop.nanos()) + downs.total() - ups.total();
        if stop == Time::ZERO { 0.0 } else { area as f64 / stop.nanos() as f64 }
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
    /// Dead letters that had had their last delivery.
    pub spent: u64,
    /// Dead letters that came in, and those that were moved back.
    pub moved_in: u64,
    pub max_age_s: f64,
}

impl QueueMetrics {
    /// A message is ready.
    #[inline(always)]
    pub fn ready(&mut self, now: Time) {
        self.depth.up(now);
        if self.depth.value > self.max_depth {
            self.max_depth = self.depth.value;
        }
    }
}

/// What is measured of a consumer. What a distribution counts is not counted a second time: a message pays for each.
#[derive(Clone, Debug, Default)]
pub(super) struct ConsumerMetrics {
    pub counts: Counts,
    /// The nanoseconds of runs that ended before they were done.
    pub cut_short: u128,
    /// The nanoseconds of all runs until producers stopped.
    pub worked_in_time: u128,
    /// Operations with their first effect here (without effects: with their first ack).
    pub done: u64,
    /// The same, when producers stopped.
    pub done_in_time: u64,
    /// Effects of operations that had one here before.
    pub later_effects: u64,
    /// Runs that ended before they were done.
    pub cut_runs: u64,
    /// Runs of operations that had one before.
    pub reruns: u64,
    /// Runs of operations with a key that others share, from the queue that they were published to.
    pub keyed_runs: u64,
    /// First effects of operations with a key that others share.
    pub first_in_key: u64,
    pub queueing: Histogram,
    pub handler: Histogram,
    pub end_to_end: Histogram,
}

impl ConsumerMetrics {
    /// An operation has its first effect here (without effects: its first ack), so long after it was produced.
    #[inline(always)]
    pub fn done_after(&mut self, length: Span) {
        self.done += 1;
        self.end_to_end.record(length);
    }

    /// The counts, with those that follow from others; `effects`: whether there is any effect to count.
    pub fn complete(&mut self, effects: bool) {
        self.counts.delivered = self.queueing.count() + self.counts.redelivered;
        self.counts.effects = if effects { self.done + self.later_effects } else { 0 };
        self.counts.runs = self.handler.count() + self.cut_runs;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Time {
        Time::from_nanos(s * 1_000_000_000)
    }

    fn window(span: Option<u64>, operations: Option<u32>, arrivals: &[Arrivals]) -> Window {
        let mut plan = crate::observe::tests::plan();
        (plan.length.span, plan.length.operations) = (span.map(Span::from_secs), operations);
        let producer = plan.producers.remove(0);
        plan.producers
            .extend(arrivals.iter().map(|a| crate::model::plan::Producer { arrivals: a.clone(), ..producer.clone() }));
        Window::new(&plan)
    }

    #[test]
    fn which_operation_may_be_the_last_follows_from_the_plan() {
        let endless = Arrivals::Constant { gap: Span::from_secs(1) };
        let once = Arrivals::AtOnce { count: 3 };
        for (window, first) in [
            (window(None, Some(5), &[endless.clone(), once.clone()]), 4),
            (window(None, Some(5), &[once.clone(), once.clone()]), 4),
            (window(None, Some(9), &[once.clone(), once.clone()]), 5),
            (window(Some(10), Some(5), std::slice::from_ref(&endless)), 0),
            (window(Some(10), None, &[endless]), u32::MAX),
        ] {
            assert!(window.may_end_with(first) || window.stop == Some(at(10)));
            assert!(first == 0 || !window.may_end_with(first - 1));
        }
    }

    #[test]
    fn a_mean_runs_to_where_producing_ended_however_long_the_drain() {
        let mut level = Level::default();
        level.up(at(2)); // 0 for 2 s
        level.keep(); // too early
        level.up(at(3)); // 1 for 1 s
        level.keep(); // 2 for 2 s
        level.down(at(9));
        level.down(at(100));
        assert_eq!(level.mean(at(5)), 1.0);
    }

    #[test]
    fn a_mean_is_exact_where_the_sums_of_moments_went_round() {
        let (late, second) = (5_000_000_000_000_000_000, 1_000_000_000);
        let mut level = Level::default();
        for moment in [late, late + second] {
            (0..8).for_each(|_| level.up(Time::from_nanos(moment)));
        }
        (0..8).for_each(|_| level.down(Time::from_nanos(late + 2 * second)));
        level.keep();
        let stop = late + 3 * second; // 8, then 16, then 8, for a second each
        assert_eq!(level.mean(Time::from_nanos(stop)), (32 * second) as f64 / stop as f64);
    }
}
