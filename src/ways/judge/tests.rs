//! The decision rule, a sentence a test: sentences over seeds, each seed said by what it showed.

use super::*;
use crate::model::broker::products;
use crate::observe::guarantees::{GUARANTEES, Id};
use crate::observe::report::{CauseCount, Latency};
use crate::scenario::Scenario;

const FILE: &str = r#"
title = "t"
run = { for = "1h" }

[producer.shop]
to = "orders"
arrivals = { constant = "1/s" }

[queue.orders]
product = "PRODUCT"

[store.db]
kind = "database"

[consumer.capture]
from = "orders"
pattern = "process-then-ack"
effect = "db"
"#;

/// What a seed showed, as far as a test says it; the rest is a quiet run of 1,000 operations.
#[derive(Clone, Debug)]
struct Seed {
    produced: u64,
    duplicates: u64,
    lost: u64,
    p99: f64,
    measured: u64,
    depth: u64,
    still_stored: u64,
    cut: bool,
    exactly_once: (Verdict, u64),
}

const QUIET: Seed = Seed {
    produced: 1_000,
    duplicates: 0,
    lost: 0,
    p99: 1.0,
    measured: 1_000,
    depth: 0,
    still_stored: 0,
    cut: false,
    exactly_once: (Verdict::Holds, 1_000),
};

fn report((number, seed): (usize, &Seed)) -> Report {
    let counts = Counts {
        produced: seed.produced,
        runs: seed.produced,
        duplicates: seed.duplicates,
        lost: seed.lost,
        ..Counts::default()
    };
    let latency = Latency { count: seed.measured, p99_s: seed.p99, ..Latency::default() };
    let (verdict, checked) = seed.exactly_once;
    let guarantees: Vec<Finding> = GUARANTEES
        .iter()
        .map(|guarantee| Finding {
            id: guarantee.id,
            name: guarantee.name,
            verdict,
            checked,
            violations: u64::from(verdict == Verdict::Violated),
            first_op: (verdict == Verdict::Violated).then_some(42),
            first_at_s: None,
            missing: None,
        })
        .collect();
    let cause = CauseCount { cause: "crashes".into(), count: seed.duplicates, first_op: 17 };
    Report {
        seed: 7 + number as u64,
        end_s: 3_600.0,
        produced_for_s: 3_600.0,
        cut: seed.cut.then(|| "memory".into()),
        still_stored: seed.still_stored,
        counts: counts.clone(),
        consumers: vec![ConsumerReport {
            name: "capture".into(),
            counts,
            duplicates_by_cause: vec![cause],
            lost_by_reason: Vec::new(),
            queueing: latency.clone(),
            handler: latency.clone(),
            end_to_end: latency,
            utilisation: 0.5,
            runs_per_operation: 1.0,
            goodput_per_s: 1.0,
            guarantees: guarantees.clone(),
        }],
        queues: vec![QueueReport {
            name: "orders".into(),
            accepted: seed.produced,
            delivered: seed.produced,
            dead_lettered: 0,
            dropped: 0,
            depth: seed.depth,
            in_flight: 0,
            max_depth: seed.depth,
            mean_depth: 0.0,
            mean_in_flight: 0.0,
            max_age_s: 0.0,
        }],
        guarantees,
        series: Vec::new(),
        more_faults: 0,
        faults: Vec::new(),
        fingerprint: String::new(),
    }
}

fn judged(subject: &str, sentence: &str, seeds: &[Seed]) -> Judgement {
    let file = FILE.replace("PRODUCT", products().next().unwrap().name);
    let text = format!("{file}\n[expect]\n{subject} = [\"{sentence}\"]\n");
    let scenario = Scenario::read("t.toml", &text, &[], None).unwrap_or_else(|problems| panic!("{problems}"));
    let reports: Vec<Report> = seeds.iter().enumerate().map(report).collect();
    judge(&scenario.expect, &reports).remove(0)
}

fn check(sentence: &str, seeds: &[Seed], outcome: Verdict) {
    let subject = if sentence.contains("depth") { "orders" } else { "capture" };
    let judgement = judged(subject, sentence, seeds);
    assert_eq!(judgement.outcome, outcome, "{sentence}: {judgement:?}");
    assert_eq!(judgement.missing.is_some(), outcome == Verdict::Undecided, "{judgement:?}");
    assert_eq!(judgement.first.is_some(), outcome == Verdict::Violated, "{judgement:?}");
}

fn duplicates(counts: &[u64]) -> Vec<Seed> {
    counts.iter().map(|&duplicates| Seed { duplicates, ..QUIET }).collect()
}

fn exactly_once(verdicts: &[(Verdict, u64)]) -> Vec<Seed> {
    verdicts.iter().map(|&exactly_once| Seed { exactly_once, ..QUIET }).collect()
}

use Verdict::{Holds, Undecided, Violated};

#[test]
fn a_guarantee_is_violated_if_any_seed_violates_it() {
    check("effects exactly-once", &exactly_once(&[(Holds, 9), (Violated, 9), (Holds, 9)]), Violated);
    check("effects exactly-once", &exactly_once(&[(Holds, 9), (Holds, 9)]), Holds);
    check("A7 holds", &exactly_once(&[(Violated, 9), (Undecided, 9)]), Violated);
}

#[test]
fn a_guarantee_whose_subject_never_occurred_is_undecided() {
    check("effects exactly-once", &exactly_once(&[(Undecided, 0), (Undecided, 0)]), Undecided);
    check("effects exactly-once", &exactly_once(&[(Undecided, 0), (Holds, 9)]), Holds);
    check("effects exactly-once", &[], Undecided);
}

#[test]
fn a_guarantee_that_a_seed_could_not_decide_is_undecided() {
    check("effects exactly-once", &exactly_once(&[(Undecided, 9), (Holds, 9)]), Undecided);
}

#[test]
fn a_file_that_shows_a_break_expects_it() {
    let judgement = judged("capture", "effects exactly-once violated", &exactly_once(&[(Holds, 9), (Violated, 9)]));
    assert_eq!(judgement.standing(), Standing::AsExpected);
    assert_eq!(judgement.first, Some(Break { seed: 8, op: Some(42), guarantee: Some(Id::A7) }));
    let judgement = judged("capture", "effects exactly-once violated", &exactly_once(&[(Holds, 9)]));
    assert_eq!(judgement.standing(), Standing::NotAsExpected);
}

#[test]
fn no_duplicates_means_none_in_any_seed() {
    check("duplicates = 0", &duplicates(&[0, 0, 0]), Holds);
    check("duplicates = 0", &duplicates(&[0, 0, 1]), Violated);
    check("duplicates from crashes = 0", &duplicates(&[0, 1]), Violated);
    check("duplicates from nacks = 0", &duplicates(&[0, 1]), Holds);
    let judgement = judged("capture", "duplicates = 0", &duplicates(&[0, 3]));
    assert_eq!(judgement.first, Some(Break { seed: 8, op: Some(17), guarantee: None }));
}

#[test]
fn the_mean_alone_is_asked_for_where_a_sentence_says_mean() {
    check("mean duplicates = 0", &duplicates(&[0, 0, 1]), Undecided);
    check("mean duplicates in 0..6", &duplicates(&[1, 2, 1, 2]), Holds);
}

#[test]
fn a_count_is_decided_once_an_operation_was_produced() {
    check("lost = 0", &[Seed { produced: 0, ..QUIET }], Undecided);
    check("lost = 0", &[QUIET], Holds);
}

#[test]
fn with_one_seed_the_number_itself_is_compared() {
    for (sentence, outcome) in [
        ("duplicates < 5", Violated),
        ("duplicates <= 5", Holds),
        ("duplicates > 5", Violated),
        ("duplicates >= 5", Holds),
        ("duplicates = 5", Holds),
        ("duplicates = 6", Violated),
        ("duplicates in 5..9", Holds),
        ("duplicates in 1..4", Violated),
        ("p99(end to end) < 1s", Violated),
        ("p99(end to end) <= 1s", Holds),
        ("utilisation = 50%", Holds),
        ("goodput < 2/s", Holds),
    ] {
        check(sentence, &duplicates(&[5]), outcome);
    }
}

#[test]
fn over_seeds_a_bound_is_decided_where_the_whole_interval_lies_on_one_side() {
    // Mean 3, half width 1.963.
    let seeds = duplicates(&[1, 2, 3, 4, 5]);
    for (sentence, outcome) in [
        ("duplicates < 5", Holds),
        ("duplicates < 4", Undecided),
        ("duplicates < 1", Violated),
        ("duplicates > 1", Holds),
        ("duplicates > 2", Undecided),
        ("duplicates >= 5", Violated),
        ("duplicates in 1..5", Holds),
        ("duplicates in 2..5", Undecided),
        ("duplicates in 6..9", Violated),
        ("duplicates = 3", Undecided),
        ("duplicates = 9", Violated),
    ] {
        check(sentence, &seeds, outcome);
    }
    check("duplicates = 3", &duplicates(&[3, 3]), Holds);
}

#[test]
fn a_run_cut_short_decides_nothing_but_what_it_violated() {
    let cut = Seed { cut: true, ..QUIET };
    check("duplicates = 0", &[cut.clone(), QUIET], Undecided);
    check("duplicates = 0", &[Seed { duplicates: 1, ..cut.clone() }, QUIET], Violated);
    check("effects exactly-once", &[QUIET, cut.clone()], Undecided);
    check("effects exactly-once", &[Seed { exactly_once: (Violated, 9), ..cut.clone() }], Violated);
    check("duplicates < 5", &[cut], Undecided);
}

#[test]
fn what_is_still_stored_is_not_lost_yet_and_may_be() {
    check("lost = 0", &[Seed { still_stored: 3, ..QUIET }], Undecided);
    check("lost = 0", &[Seed { still_stored: 3, lost: 1, ..QUIET }], Violated);
    check("duplicates = 0", &[Seed { still_stored: 3, ..QUIET }], Holds);
}

#[test]
fn a_time_that_was_never_measured_is_undecided() {
    check("p99(end to end) < 10s", &[Seed { measured: 0, ..QUIET }], Undecided);
}

#[test]
fn a_queue_is_judged_by_its_own_report() {
    check("depth in 600..840", &[Seed { depth: 734, ..QUIET }], Holds);
    check("max depth < 10", &[Seed { depth: 734, ..QUIET }], Violated);
}

#[test]
fn totals_are_judged_for_all_and_for_the_only_producer() {
    for subject in ["all", "shop"] {
        assert_eq!(judged(subject, "produced = 1_000", &[QUIET]).outcome, Holds);
        assert_eq!(judged(subject, "A9", &[QUIET]).outcome, Holds);
    }
}
