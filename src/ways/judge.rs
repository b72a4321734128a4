//! The judge of expectations: what each sentence of a scenario came to, over the worlds that were run.
//!
//! It knows reports and sentences, no world and no text. The decision rule: a guarantee is violated if any seed violates
//! it, and so is `= 0` on a count. A bound on a number holds or is violated where the 95 % interval of its mean over the
//! seeds lies wholly on one side; with one seed the number itself is compared. Nothing is concluded from what was not
//! seen: where something is missing, the answer is undecided, and says what.

use serde::Serialize;

use super::explore::ask::id_of;
use crate::observe::guarantees::Id;
use crate::observe::report::{ConsumerReport, Counts, Finding, QueueReport, Report, Verdict};
use crate::observe::stats::{Estimate, estimate};
use crate::scenario::metric::{Metric, Unit};
use crate::scenario::{Asks, Expectation, Subject, Test};

/// What a sentence came to.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Of whom it speaks, as it was written.
    pub subject: String,
    /// The sentence.
    pub text: String,
    /// What the file says of it: [`Verdict::Violated`] where the file shows a break.
    pub expected: Verdict,
    /// What it came to.
    pub outcome: Verdict,
    /// What the numbers are in; those of a guarantee count its violations.
    pub unit: Unit,
    /// The number in each seed that has one, in the order of the seeds.
    pub values: Vec<f64>,
    /// Their mean and its 95 % interval; `None` where no seed has one.
    pub measured: Option<Estimate>,
    /// Where it was violated first.
    pub first: Option<Break>,
    /// What was missing, where it is undecided.
    pub missing: Option<String>,
}

/// Where a sentence was violated first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Break {
    /// In which world.
    pub seed: u64,
    /// For which operation, where one is known.
    pub op: Option<u32>,
    /// Which guarantee, where the sentence is about one.
    #[serde(skip)]
    pub guarantee: Option<Id>,
}

/// Whether the outcome is the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is.
    AsExpected,
    /// It is the opposite.
    NotAsExpected,
    /// Nobody knows.
    Undecided,
}

impl Judgement {
    /// Whether the outcome is the expected one.
    pub fn standing(&self) -> Standing {
        match self.outcome {
            Verdict::Undecided => Standing::Undecided,
            outcome if outcome == self.expected => Standing::AsExpected,
            _ => Standing::NotAsExpected,
        }
    }
}

/// Judges every sentence over the reports of some seeds of one scenario.
pub fn judge(expectations: &[Expectation], reports: &[Report]) -> Vec<Judgement> {
    expectations.iter().map(|expectation| one(expectation, reports)).collect()
}

/// What one report says to a sentence.
struct Sample {
    value: Option<f64>,
    /// For a guarantee: what was found.
    found: Option<Verdict>,
    op: Option<u32>,
    /// What nobody knows of it.
    missing: Option<String>,
}

fn one(expectation: &Expectation, reports: &[Report]) -> Judgement {
    let subject = expectation.subject;
    let sample = |report| match expectation.asks {
        Asks::Guarantee { guarantee, .. } => {
            found(finding(report, subject, guarantee.id, guarantee.by_consumer), report)
        }
        Asks::Number { metric, .. } => measured(metric, subject, report),
    };
    let samples: Vec<Sample> = reports.iter().map(sample).collect();
    let values: Vec<f64> = samples.iter().filter_map(|sample| sample.value).collect();
    let measured = (!values.is_empty()).then(|| estimate(&values));
    let (expected, unit) = match expectation.asks {
        Asks::Guarantee { violated: true, .. } => (Verdict::Violated, Unit::Count),
        Asks::Guarantee { .. } => (Verdict::Holds, Unit::Count),
        Asks::Number { metric, .. } => (Verdict::Holds, metric.unit()),
    };
    let breaks = |sample: &Sample| match expectation.asks {
        Asks::Guarantee { .. } => sample.found == Some(Verdict::Violated),
        Asks::Number { test, .. } => sample.value.is_some_and(|value| decide(test, value, value) == Verdict::Violated),
    };
    let safety = matches!(expectation.asks, Asks::Guarantee { .. }) || expectation.asks.never();
    let mut missing = samples.iter().find_map(|sample| sample.missing.clone());
    let outcome = match (expectation.asks, measured) {
        _ if safety && samples.iter().any(breaks) => Verdict::Violated,
        _ if missing.is_some() => Verdict::Undecided,
        (Asks::Guarantee { .. }, _) if samples.iter().any(|sample| sample.found == Some(Verdict::Holds)) => {
            Verdict::Holds
        }
        (Asks::Guarantee { .. }, _) | (_, None) => Verdict::Undecided,
        (Asks::Number { test, .. }, Some(mean)) => {
            let half = if mean.n == 1 { 0.0 } else { mean.half_width };
            decide(test, mean.mean - half, mean.mean + half)
        }
    };
    if outcome != Verdict::Undecided {
        missing = None;
    } else if missing.is_none() {
        missing = Some(match measured {
            _ if reports.is_empty() => "no world was run".into(),
            Some(mean) if !safety => interval(mean),
            _ => "what it is about never occurred".into(),
        });
    }
    let guarantee = match expectation.asks {
        Asks::Guarantee { guarantee, .. } => Some(id_of(guarantee)),
        Asks::Number { .. } => None,
    };
    let first = (outcome == Verdict::Violated)
        .then(|| reports.iter().zip(&samples).find(|(_, sample)| breaks(sample)))
        .flatten()
        .map(|(report, sample)| Break { seed: report.seed, op: sample.op, guarantee });
    let (subject, text) = (expectation.name.clone(), expectation.text.clone());
    Judgement { subject, text, expected, outcome, unit, values, measured, first, missing }
}

/// The comparison for a number that lies somewhere from `low` to `high`.
fn decide(test: Test, low: f64, high: f64) -> Verdict {
    let (holds, violated) = match test {
        Test::Equal(v) => (low == v && high == v, v < low || v > high),
        Test::Less(v) => (high < v, low >= v),
        Test::AtMost(v) => (high <= v, low > v),
        Test::More(v) => (low > v, high <= v),
        Test::AtLeast(v) => (low >= v, high < v),
        Test::Within(from, to) => (from <= low && high <= to, high < from || low > to),
    };
    match (holds, violated) {
        (true, _) => Verdict::Holds,
        (_, true) => Verdict::Violated,
        _ => Verdict::Undecided,
    }
}

fn interval(mean: Estimate) -> String {
    let (low, high) = (mean.mean - mean.half_width, mean.mean + mean.half_width);
    format!("the 95 % interval of the mean, {low:.4} to {high:.4}, lies on both sides: more seeds narrow it")
}

fn finding<'r>(report: &'r Report, subject: Subject, id: &str, by_consumer: bool) -> Option<&'r Finding> {
    let findings = match subject {
        Subject::Consumer(c) if by_consumer => report.consumers.get(c.at()).map(|consumer| &consumer.guarantees),
        _ => Some(&report.guarantees),
    };
    findings?.iter().find(|finding| finding.id == id)
}

fn found(finding: Option<&Finding>, report: &Report) -> Sample {
    let Some(finding) = finding else {
        let missing = Some("the report does not speak of it".into());
        return Sample { value: None, found: None, op: None, missing };
    };
    // Undecided after something was checked is not the same as never seen: that seed might violate it.
    let unsure = finding.verdict == Verdict::Undecided && finding.checked > 0;
    let why = || finding.missing.clone().unwrap_or_else(|| "not all of it was seen".into());
    Sample {
        value: Some(finding.violations as f64),
        found: Some(finding.verdict),
        op: finding.first_op,
        missing: cut(report).or_else(|| unsure.then(why)),
    }
}

fn cut(report: &Report) -> Option<String> {
    report.cut.as_ref().map(|why| format!("the run of seed {} was cut short: {why}", report.seed))
}

/// A number of a subject in one world; `None` where nothing was measured.
pub fn number_of(metric: Metric, subject: Subject, report: &Report) -> Option<f64> {
    let consumer = consumer_of(subject, report);
    number(metric, counts_of(consumer, report), consumer, queue_of(subject, report)).ok()
}

fn consumer_of(subject: Subject, report: &Report) -> Option<&ConsumerReport> {
    if let Subject::Consumer(c) = subject { report.consumers.get(c.at()) } else { None }
}

fn queue_of(subject: Subject, report: &Report) -> Option<&QueueReport> {
    if let Subject::Queue(q) = subject { report.queues.get(q.at()) } else { None }
}

fn counts_of<'r>(consumer: Option<&'r ConsumerReport>, report: &'r Report) -> &'r Counts {
    consumer.map_or(&report.counts, |consumer| &consumer.counts)
}

fn measured(metric: Metric, subject: Subject, report: &Report) -> Sample {
    let consumer = consumer_of(subject, report);
    let (value, missing) = match number(metric, counts_of(consumer, report), consumer, queue_of(subject, report)) {
        Ok(value) => (Some(value), None),
        Err(missing) => (None, Some(missing.to_string())),
    };
    let op = consumer.and_then(|consumer| first_op(metric, consumer));
    let missing = cut(report).or(missing).or_else(|| still_stored(metric, report));
    Sample { value, found: None, op, missing }
}

/// What is still stored may still be lost.
fn still_stored(metric: Metric, report: &Report) -> Option<String> {
    let ends = matches!(metric, Metric::Count(figure) if matches!(figure.name, "lost" | "missing"));
    (ends && report.still_stored > 0).then(|| {
        format!("{} still stored or at work when the drain of seed {} ended", report.still_stored, report.seed)
    })
}

fn number(
    metric: Metric,
    counts: &Counts,
    consumer: Option<&ConsumerReport>,
    queue: Option<&QueueReport>,
) -> Result<f64, &'static str> {
    const SILENT: &str = "the report does not speak of it";
    if counts.produced == 0 {
        return Err("no operation was produced");
    }
    match metric {
        Metric::Count(figure) => Ok((figure.read)(counts)),
        Metric::OfQueue(figure) => queue.map(figure.read).ok_or(SILENT),
        Metric::OfConsumer(figure) => {
            let consumer = consumer.ok_or(SILENT)?;
            let value = (figure.read)(consumer);
            if value.is_finite() && consumer.counts.runs > 0 { Ok(value) } else { Err("no handler ran") }
        }
        Metric::DuplicatesFrom(cause) => {
            let by_cause = &consumer.ok_or(SILENT)?.duplicates_by_cause;
            Ok(by_cause.iter().find(|count| count.cause == cause).map_or(0.0, |count| count.count as f64))
        }
        Metric::Time(quantile, times) => {
            let latency = (times.read)(consumer.ok_or(SILENT)?);
            if latency.count > 0 { Ok((quantile.read)(latency)) } else { Err("no such time was measured") }
        }
    }
}

/// The first operation that is counted, where the report knows it.
fn first_op(metric: Metric, consumer: &ConsumerReport) -> Option<u32> {
    let causes = match metric {
        Metric::Count(figure) if figure.name == "lost" => &consumer.lost_by_reason,
        Metric::Count(figure) if figure.name == "duplicates" => &consumer.duplicates_by_cause,
        Metric::DuplicatesFrom(_) => &consumer.duplicates_by_cause,
        _ => return None,
    };
    let meant = |cause: &str| !matches!(metric, Metric::DuplicatesFrom(only) if only != cause);
    causes.iter().filter(|count| meant(&count.cause)).map(|count| count.first_op).min()
}

#[cfg(test)]
mod tests;
