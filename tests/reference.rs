//! The reference workloads against programs that were written apart from this one, and the promise that two runs of one
//! seed face the same world.
//!
//! The figures are those of hand-written simulators and of two model checkers, for a million operations and for three.

#![cfg(feature = "scenario")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use redelivery::model::fact::{Fact, Watch};
use redelivery::model::{Leases, Stage};
use redelivery::observe::Report;
use redelivery::observe::automata::Questions;
use redelivery::observe::guarantees::{Asked, Id};
use redelivery::scenario::{self, Scenario};
use redelivery::sim::{Span, Time};
use redelivery::ways::explore::{Exploration, Late, Limits, Rules, explore};
use redelivery::ways::run::{run_many, run_watched};

fn read(file: &str, variant: Option<&str>, settings: &[(&str, &str)]) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(file);
    let text = fs::read_to_string(path).expect("a scenario");
    let settings: Vec<(String, String)> = settings.iter().map(|(p, v)| (p.to_string(), v.to_string())).collect();
    Scenario::read(file, &text, &settings, variant).unwrap_or_else(|problems| panic!("{problems}"))
}

fn stage(file: &str, settings: &[(&str, &str)]) -> Stage {
    Stage::new(read(file, None, settings).plan).expect("the reader checks plans")
}

fn pace(_: Time, _: u32) -> bool {
    true
}

/// A figure of the peers against our mean over some seeds. Their one run and each of ours have the spread `sigma`.
#[track_caller]
fn agrees(what: &str, theirs: f64, ours: &[f64], sigma: f64) {
    let n = ours.len() as f64;
    let mean = ours.iter().sum::<f64>() / n;
    let z = (mean - theirs) / (sigma * (1.0 + 1.0 / n).sqrt());
    println!("{what}: theirs {theirs}, ours {mean:.4} over {n} seeds, z = {z:.2}");
    assert!(z.abs() < 4.0, "{what}: theirs {theirs}, ours {ours:?}, sigma {sigma}, z = {z}");
}

/// The spread of a count is its root; of other numbers it is taken from the seeds.
fn spread(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

fn all(reports: &[Report], number: impl Fn(&Report) -> u64) -> Vec<f64> {
    reports.iter().map(|report| number(report) as f64).collect()
}

/// The mean time from the moment an operation was produced to its ack.
#[derive(Default)]
struct ToAck {
    produced: Vec<Time>,
    sum: u128,
    acked: u64,
}

impl Watch for ToAck {
    fn fact(&mut self, now: Time, fact: &Fact) {
        match *fact {
            Fact::Produced { .. } => self.produced.push(now),
            Fact::Acked { held, .. } => {
                self.sum += u128::from(now.since(self.produced[held.op as usize]).nanos());
                self.acked += 1;
            }
            _ => {}
        }
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "millions of operations: seconds in release, minutes in debug")]
fn the_reference_work_queue_counts_what_its_peers_count() {
    let stage = stage("reference/ref.toml", &[]);
    let mut to_ack = Vec::new();
    let mut run = |seed| {
        let mut watch = ToAck::default();
        let report = run_watched(&stage, seed, &mut [&mut watch], &pace);
        to_ack.push(watch.sum as f64 / watch.acked as f64 / 1e6);
        report
    };
    let reports: Vec<Report> = (1..=5).map(&mut run).collect();
    agrees("crashes", 10_103.0, &all(&reports, |report| report.counts.crashes), 100.0);
    agrees("redeliveries", 10_146.0, &all(&reports, |report| report.counts.expired), 101.0);
    agrees("stale acks", 43.0, &all(&reports, |report| report.counts.stale), 6.6);
    agrees("mean latency in ms", 1.9395, &to_ack, spread(&to_ack));
}

#[test]
#[cfg_attr(debug_assertions, ignore = "millions of operations: seconds in release, minutes in debug")]
fn the_hot_work_queue_counts_what_its_peers_count() {
    let reports = run_many(&stage("reference/hot.toml", &[]), &[1, 2, 3, 4], 2, &pace);
    agrees("effects", 1_005_144.0, &all(&reports, |report| report.counts.effects), 71.0);
    agrees("duplicates", 5_144.0, &all(&reports, |report| report.counts.duplicates), 71.0);
    let overtaken = all(&reports, |report| report.counts.out_of_order);
    // With two ways of drawing keys the peers count 226,502 and 225,925.
    agrees("out of order", 226_502.0, &overtaken, spread(&overtaken));
    agrees("out of order, keys by alias", 225_925.0, &overtaken, spread(&overtaken));
}

/// Explores a scenario as its `[explore]` says.
fn explored(file: &str, variant: Option<&str>, all: bool) -> Exploration {
    let scenario = read(file, variant, &[]);
    let budget = scenario.explore;
    let late = match budget.late {
        scenario::Late::Unlimited => Late::Unlimited,
        scenario::Late::AtMost(n) => Late::AtMost(n as u8),
    };
    let leases = if budget.leases == scenario::Leases::Loose { Leases::Loose } else { Leases::Strict };
    let rules = Rules::new(scenario.plan, budget.faults as u8, late, leases, false, Some(budget.operations));
    let questions = Questions { guarantees: Asked::of(Id::A3), missing: false };
    explore(&rules.expect("a plan"), questions, Limits { states: 1_000_000, all }, |_, _| true)
}

#[test]
fn the_explorer_finds_the_states_that_its_peers_found() {
    let found = explored("reference/mc.toml", None, true);
    assert_eq!((found.states, found.generated), (107_042, 337_513));
}

#[test]
fn check_then_process_falls_without_a_crash_and_the_inbox_stands_with_one() {
    // Where any event may be late, the lease ends under a live handler: that costs no fault.
    let broken = explored("reference/mc.toml", None, false).violation.expect("two handlers look before one marks");
    assert_eq!((broken.faults, broken.schedule.len()), (0, 6), "{:?}", broken.schedule);
    let inbox = explored("reference/mc.toml", Some("inbox"), false);
    assert!(inbox.violation.is_none() && inbox.stopped.is_none(), "{inbox:?}");
}

/// What a world is, whatever its policies: when each operation came, its key and whether it is poison; and how long each step of
/// each run took.
#[derive(Debug, Default, PartialEq)]
struct Faced {
    operations: BTreeMap<u32, (Time, u32, bool)>,
    /// By operation, copy, run and step.
    steps: BTreeMap<(u32, u16, u16, u8), Span>,
}

fn faced(stage: &Stage, seed: u64) -> Faced {
    let mut facts: Vec<(Time, Fact)> = Vec::new();
    run_watched(stage, seed, &mut [&mut facts], &pace);
    let mut faced = Faced::default();
    let (mut copies, mut out): (BTreeMap<u32, u16>, BTreeMap<u32, u16>) = Default::default();
    // By delivery: the run, its copy, and when its present step began.
    let mut runs: BTreeMap<u32, (u16, u16, Time)> = BTreeMap::new();
    for &(now, fact) in &facts {
        match fact {
            Fact::Produced { op, key, poison, .. } => {
                faced.operations.insert(op, (now, key, poison));
            }
            Fact::Accepted { copy, message, .. } => {
                copies.insert(message, copy);
            }
            Fact::Delivered { held, message, .. } => {
                out.insert(held.delivery, copies[&message]);
            }
            Fact::Started { held, run } => {
                runs.insert(held.delivery, (run, out[&held.delivery], now));
            }
            Fact::Stepped { held, step, .. } => {
                let (run, copy, since) = runs[&held.delivery];
                faced.steps.insert((held.op, copy, run, step), now.since(since));
                runs.insert(held.delivery, (run, copy, now));
            }
            Fact::Effect { held, site, .. } => {
                let (run, copy, since) = runs[&held.delivery];
                faced.steps.insert((held.op, copy, run, 100 + site), now.since(since));
                runs.insert(held.delivery, (run, copy, now));
            }
            _ => {}
        }
    }
    faced
}

/// A small world with everything that is drawn: keys, poison, calls, lost packets, crashes at a step and by a timeline.
const DRAWN: &str = r#"
title = "Everything that is drawn"
run = { operations = 3_000 }
[producer.source]
to = "work"
arrivals = { poisson = "100/s" }
keys = { zipf = { n = 100, exponent = 1.1 } }
poison = { fraction = "1%" }
publish = { pattern = "confirm-and-retry", timeout = "50ms" }
[queue.work]
product = "plain"
max_deliveries = 9
[store.network]
kind = "external"
latency = { p50 = "20ms", p99 = "500ms" }
[consumer.worker]
from = "work"
instances = 4
workers = 4
steps = ["work", "effect network", "ack"]
work = { exponential = "10ms" }
[fault.crash]
crash = "worker"
every = "10s"
[fault.unlucky]
crash = "worker"
at_step = "ack"
chance = "1%"
[link.wan]
from = "source"
to = "work"
latency = { uniform = ["1ms", "20ms"] }
lose_answer = "1%"
"#;

#[test]
fn two_leases_face_the_same_world() {
    for seed in 1..=3 {
        let [short, long] = ["100ms", "10s"].map(|lease| {
            let lease = [("queue.work.lease".to_string(), lease.to_string())];
            let scenario = Scenario::read("drawn.toml", DRAWN, &lease, None);
            let plan = scenario.unwrap_or_else(|problems| panic!("{problems}")).plan;
            faced(&Stage::new(plan).expect("a plan"), seed)
        });
        assert_eq!(short.operations, long.operations);
        let both: Vec<_> = short.steps.keys().filter(|&step| long.steps.contains_key(step)).collect();
        assert!(both.len() > 5_000 && both.len() < short.steps.len(), "{} of {}", both.len(), short.steps.len());
        assert!(both.iter().any(|(_, _, run, _)| *run > 1) && both.iter().any(|(_, copy, _, _)| *copy > 0));
        let differ = both.iter().find(|&&step| short.steps[step] != long.steps[step]);
        assert_eq!(differ, None, "seed {seed}");
    }
}
