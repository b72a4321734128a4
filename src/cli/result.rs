//! `result.json`: what a run came to, for programs. The same bytes for the same scenario, seeds and version.
//!
//! It measures nothing and judges nothing; it puts what reports and judgements say under stable names, which [`KEYS`]
//! documents (`help result`). A length of time is in seconds, as the ending `_s` says. What is not known is `null`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::input::Input;
use crate::observe::report::{ConsumerReport, Counts, FaultBand, Finding, QueueReport, Report, Series, Verdict};
use crate::observe::{Estimate, estimate};
use crate::scenario::Subject;
use crate::scenario::metric::Metric;
use crate::ways::judge::{Break, Judgement, Standing, number_of};

/// Each key, and what it says.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("version", "the version of redelivery"),
    ("scenario", "the file"),
    ("title", "its title"),
    ("question", "its question"),
    ("variant", "which variant, or null for the base"),
    ("seed", "the world of counts, guarantees, metrics, series and faults"),
    ("seeds", "every world that was run: {seed, fingerprint}"),
    ("settings", "what `--set` changed"),
    (
        "standing",
        "as-expected, not-as-expected or undecided: the worst of the expectations; a run cut short is undecided",
    ),
    (
        "expectations",
        "each sentence: subject, text, expected, outcome, standing, measured {mean, half_width, n}, values by seed, first {seed, op} that violates it, missing",
    ),
    (
        "counts",
        "totals: produced, delivered, runs, effects, duplicates, lost, missing, dead_lettered, ..; of an operation routed to several queues produced, published and confirmed count one, the others one for each queue",
    ),
    ("guarantees", "each guarantee: id, name, verdict, checked, violations, first_op, first_at_s, missing"),
    ("metrics", "consumers and queues, in the order of their names: counts, causes, latencies in seconds, depths"),
    (
        "over_seeds",
        "with more than one seed: all, consumers and queues, by name, each number {mean, half_width, n} with its 95 % interval",
    ),
    (
        "series",
        "each queue over time: depth, in_flight, lag, oldest_age_s, effects, duplicates; a value every `every_s`",
    ),
    ("faults", "when faults were at work: {what, from_s, to_s}, the first 1,000"),
    ("more_faults", "how many more there were"),
    ("end_s", "when the last event happened"),
    ("produced_for_s", "how long producers produced"),
    ("still_stored", "operations of which something was still stored or at work when the drain ended"),
    ("cut", "why the run was cut short, or null"),
    ("fingerprint", "the digest of all facts: equal runs have equal fingerprints"),
];

/// What a run came to.
#[derive(Debug, Serialize)]
pub(super) struct RunResult<'a> {
    version: &'static str,
    pub scenario: &'a str,
    pub title: &'a str,
    question: &'a str,
    pub variant: Option<&'a str>,
    pub seed: u64,
    pub seeds: Vec<World<'a>>,
    settings: Vec<String>,
    pub standing: Standing,
    pub expectations: Vec<Sentence<'a>>,
    pub counts: &'a Counts,
    pub guarantees: &'a [Finding],
    pub metrics: Metrics<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    over_seeds: Option<OverSeeds<'a>>,
    series: &'a [Series],
    faults: &'a [FaultBand],
    more_faults: u64,
    pub end_s: f64,
    produced_for_s: f64,
    pub still_stored: u64,
    pub cut: Option<&'a str>,
    fingerprint: &'a str,
}

/// A world that was run.
#[derive(Debug, Serialize)]
pub(super) struct World<'a> {
    seed: u64,
    fingerprint: &'a str,
}

/// An expectation, and what it came to.
#[derive(Debug, Serialize)]
pub(super) struct Sentence<'a> {
    pub subject: &'a str,
    pub text: &'a str,
    pub expected: Verdict,
    pub outcome: Verdict,
    pub standing: Standing,
    pub measured: Option<Mean>,
    values: &'a [f64],
    pub first: Option<Break>,
    pub missing: Option<&'a str>,
}

/// A mean over the seeds; with one seed no half width is known.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Mean {
    pub mean: f64,
    pub half_width: f64,
    pub n: usize,
}

impl From<Estimate> for Mean {
    fn from(Estimate { mean, half_width, n }: Estimate) -> Mean {
        Mean { mean, half_width, n }
    }
}

/// The numbers of the first world.
#[derive(Debug, Serialize)]
pub(super) struct Metrics<'a> {
    pub consumers: &'a [ConsumerReport],
    pub queues: &'a [QueueReport],
}

type Means = BTreeMap<String, Mean>;

/// Every number that expectations may speak of, over the seeds.
#[derive(Debug, Serialize)]
struct OverSeeds<'a> {
    all: Means,
    consumers: BTreeMap<&'a str, Means>,
    queues: BTreeMap<&'a str, Means>,
}

impl<'a> RunResult<'a> {
    /// The result of these reports, one a seed; `None` without any.
    pub fn new(input: &'a Input, reports: &'a [Report], judgements: &'a [Judgement]) -> Option<RunResult<'a>> {
        let first = reports.first()?;
        let plan = &input.scenario.plan;
        Some(RunResult {
            version: env!("CARGO_PKG_VERSION"),
            scenario: &input.name,
            title: &plan.title,
            question: &plan.question,
            variant: input.variant(),
            seed: first.seed,
            seeds: reports.iter().map(|r| World { seed: r.seed, fingerprint: &r.fingerprint }).collect(),
            settings: input.written_settings(),
            standing: worst(judgements, reports),
            expectations: judgements.iter().map(Sentence::of).collect(),
            counts: &first.counts,
            guarantees: &first.guarantees,
            metrics: Metrics { consumers: &first.consumers, queues: &first.queues },
            over_seeds: (reports.len() > 1).then(|| OverSeeds::of(input, reports)),
            series: &first.series,
            faults: &first.faults,
            more_faults: first.more_faults,
            end_s: first.end_s,
            produced_for_s: first.produced_for_s,
            still_stored: first.still_stored,
            cut: first.cut.as_deref(),
            fingerprint: &first.fingerprint,
        })
    }
}

impl<'a> Sentence<'a> {
    fn of(judgement: &'a Judgement) -> Sentence<'a> {
        Sentence {
            subject: &judgement.subject,
            text: &judgement.text,
            expected: judgement.expected,
            outcome: judgement.outcome,
            standing: judgement.standing(),
            measured: judgement.measured.map(Mean::from),
            values: &judgement.values,
            first: judgement.first,
            missing: judgement.missing.as_deref(),
        }
    }
}

fn worst(judgements: &[Judgement], reports: &[Report]) -> Standing {
    let any = |standing| judgements.iter().any(|judgement| judgement.standing() == standing);
    if any(Standing::NotAsExpected) {
        Standing::NotAsExpected
    } else if any(Standing::Undecided) || reports.iter().any(|report| report.cut.is_some()) {
        Standing::Undecided
    } else {
        Standing::AsExpected
    }
}

impl<'a> OverSeeds<'a> {
    fn of(input: &'a Input, reports: &[Report]) -> OverSeeds<'a> {
        let plan = &input.scenario.plan;
        let consumers =
            plan.consumer_ids().map(|c| (plan.consumers[c.at()].name.as_str(), means(Subject::Consumer(c), reports)));
        let queues = plan.queue_ids().map(|q| (plan.queues[q.at()].name.as_str(), means(Subject::Queue(q), reports)));
        OverSeeds { all: means(Subject::All, reports), consumers: consumers.collect(), queues: queues.collect() }
    }
}

/// Each number of a subject that some world has.
fn means(subject: Subject, reports: &[Report]) -> Means {
    let mean = |metric: Metric| {
        let values: Vec<f64> = reports.iter().filter_map(|report| number_of(metric, subject, report)).collect();
        (!values.is_empty()).then(|| (metric.name(), estimate(&values).into()))
    };
    subject.metrics().into_iter().filter_map(mean).collect()
}
