//! Metrics: the numbers of a report that a sentence may speak of, by the name that it uses.
//!
//! A table row says how a number is called, in which unit it is, and where it stands in a report. What is asked of the
//! number is no matter of this file.

use crate::observe::report::{CAUSES, ConsumerReport, Counts, Latency, QueueReport};

/// What a number is in, and so which values it can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things counted: `0`, `1_000`.
    Count,
    /// Seconds: `"10s"`.
    Span,
    /// A number, or a share: `1.02`, `80%`.
    Ratio,
    /// So many a second: `200/s`.
    Rate,
}

/// A number of a report: its name, its unit and what it says.
#[derive(Debug)]
pub struct Figure<R> {
    /// Its name in sentences.
    pub name: &'static str,
    /// What it is in.
    pub unit: Unit,
    /// Where it stands.
    pub read: fn(&R) -> f64,
}

const fn figure<R>(name: &'static str, unit: Unit, read: fn(&R) -> f64) -> Figure<R> {
    Figure { name, unit, read }
}

const fn count(name: &'static str, read: fn(&Counts) -> f64) -> Figure<Counts> {
    figure(name, Unit::Count, read)
}

/// Of a consumer, of a producer, and of the whole run.
pub const COUNTS: &[Figure<Counts>] = &[
    count("produced", |c| c.produced as f64),
    count("published", |c| c.published as f64),
    count("accepted", |c| c.accepted as f64),
    count("refused", |c| c.refused as f64),
    count("confirmed", |c| c.confirmed as f64),
    count("delivered", |c| c.delivered as f64),
    count("redelivered", |c| c.redelivered as f64),
    count("runs", |c| c.runs as f64),
    count("effects", |c| c.effects as f64),
    count("duplicates", |c| c.duplicates as f64),
    count("out of order", |c| c.out_of_order as f64),
    count("suppressed", |c| c.suppressed as f64),
    count("acked", |c| c.acked as f64),
    count("acked late", |c| c.acked_late as f64),
    count("swallowed", |c| c.swallowed as f64),
    count("stale", |c| c.stale as f64),
    count("nacked", |c| c.nacked as f64),
    count("expired", |c| c.expired as f64),
    count("dead lettered", |c| c.dead_lettered as f64),
    count("redriven", |c| c.redriven as f64),
    count("dropped", |c| c.dropped as f64),
    count("lost", |c| c.lost as f64),
    count("missing", |c| c.missing as f64),
    count("crashes", |c| c.crashes as f64),
];

/// Of a consumer.
pub const OF_CONSUMER: &[Figure<ConsumerReport>] = &[
    figure("utilisation", Unit::Ratio, |c| c.utilisation),
    figure("runs per operation", Unit::Ratio, |c| c.runs_per_operation),
    figure("goodput", Unit::Rate, |c| c.goodput_per_s),
];

/// Of a queue.
pub const OF_QUEUE: &[Figure<QueueReport>] = &[
    figure("depth", Unit::Count, |q| q.depth as f64),
    figure("max depth", Unit::Count, |q| q.max_depth as f64),
    figure("mean depth", Unit::Count, |q| q.mean_depth),
    figure("in flight", Unit::Count, |q| q.in_flight as f64),
    figure("mean in flight", Unit::Count, |q| q.mean_in_flight),
    figure("max age", Unit::Span, |q| q.max_age_s),
    figure("accepted", Unit::Count, |q| q.accepted as f64),
    figure("delivered", Unit::Count, |q| q.delivered as f64),
    figure("dead lettered", Unit::Count, |q| q.dead_lettered as f64),
];

/// Of a distribution of lengths of time: `p99(end to end)`.
pub const QUANTILES: &[Figure<Latency>] = &[
    figure("mean", Unit::Span, |l| l.mean_s),
    figure("p50", Unit::Span, |l| l.p50_s),
    figure("p90", Unit::Span, |l| l.p90_s),
    figure("p95", Unit::Span, |l| l.p95_s),
    figure("p99", Unit::Span, |l| l.p99_s),
    figure("p99.9", Unit::Span, |l| l.p999_s),
    figure("max", Unit::Span, |l| l.max_s),
];

/// A distribution of lengths of time that a consumer's report has.
#[derive(Debug)]
pub struct Times {
    /// Its name in sentences.
    pub name: &'static str,
    /// Where it stands.
    pub read: fn(&ConsumerReport) -> &Latency,
}

/// Of a consumer.
pub const TIMES: &[Times] = &[
    Times { name: "end to end", read: |c| &c.end_to_end },
    Times { name: "queueing", read: |c| &c.queueing },
    Times { name: "handler", read: |c| &c.handler },
];

/// A number that a sentence speaks of.
#[derive(Clone, Copy, Debug)]
pub enum Metric {
    /// One of [`COUNTS`].
    Count(&'static Figure<Counts>),
    /// Duplicates by one of [`CAUSES`].
    DuplicatesFrom(&'static str),
    /// One of [`QUANTILES`] of one of [`TIMES`].
    Time(&'static Figure<Latency>, &'static Times),
    /// One of [`OF_CONSUMER`].
    OfConsumer(&'static Figure<ConsumerReport>),
    /// One of [`OF_QUEUE`].
    OfQueue(&'static Figure<QueueReport>),
}

/// Whose numbers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Consumer,
    Queue,
    Totals,
}

impl Metric {
    /// What the number is in.
    pub fn unit(&self) -> Unit {
        match self {
            Metric::Count(_) | Metric::DuplicatesFrom(_) => Unit::Count,
            Metric::Time(..) => Unit::Span,
            Metric::OfConsumer(figure) => figure.unit,
            Metric::OfQueue(figure) => figure.unit,
        }
    }
    /// Its name in sentences.
    pub fn name(&self) -> String {
        match self {
            Metric::Count(figure) => figure.name.into(),
            Metric::DuplicatesFrom(cause) => format!("duplicates from {cause}"),
            Metric::Time(quantile, times) => format!("{}({})", quantile.name, times.name),
            Metric::OfConsumer(figure) => figure.name.into(),
            Metric::OfQueue(figure) => figure.name.into(),
        }
    }
    /// How the metrics of a subject of this kind are written, in short.
    pub(super) fn forms(whose: Whose) -> Vec<&'static str> {
        let counts = COUNTS.iter().map(|figure| figure.name);
        match whose {
            Whose::Totals => counts.collect(),
            Whose::Queue => OF_QUEUE.iter().map(|figure| figure.name).collect(),
            Whose::Consumer => counts
                .chain(OF_CONSUMER.iter().map(|figure| figure.name))
                .chain(["duplicates from CAUSE", "p99(end to end)", "p50(queueing)", "max(handler)"])
                .collect(),
        }
    }
    /// The metrics that a subject of this kind has.
    pub(super) fn all(whose: Whose) -> Vec<Metric> {
        let counts = || COUNTS.iter().map(Metric::Count);
        let times =
            || QUANTILES.iter().flat_map(|quantile| TIMES.iter().map(move |times| Metric::Time(quantile, times)));
        match whose {
            Whose::Totals => counts().collect(),
            Whose::Queue => OF_QUEUE.iter().map(Metric::OfQueue).collect(),
            Whose::Consumer => counts()
                .chain(CAUSES.iter().map(|cause| Metric::DuplicatesFrom(cause)))
                .chain(times())
                .chain(OF_CONSUMER.iter().map(Metric::OfConsumer))
                .collect(),
        }
    }
}
