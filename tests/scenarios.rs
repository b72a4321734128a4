//! The scenarios of the tour: each comes out as its file says, and would not if the one changed line were changed back.

#![cfg(feature = "scenario")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use redelivery::model::Stage;
use redelivery::observe::Report;
use redelivery::scenario::{Expectation, Scenario};
use redelivery::sim::Time;
use redelivery::ways::judge::{Standing, judge};
use redelivery::ways::run::run_many;

const THREADS: usize = 3;

/// A scenario file below `scenarios/`, by its path there.
fn read(file: &str, variant: Option<&str>, settings: &[(&str, &str)]) -> Scenario {
    let path = root().join("scenarios").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let settings: Vec<(String, String)> = settings.iter().map(|(p, v)| (p.to_string(), v.to_string())).collect();
    Scenario::read(file, &text, &settings, variant).unwrap_or_else(|problems| panic!("{problems}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `scenarios/`, in order.
fn files() -> Vec<String> {
    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder of ours") {
            let path = entry.expect("an entry of it").path();
            match path.is_dir() {
                true => collect(&path, files),
                false if path.extension().is_some_and(|extension| extension == "toml") => files.push(path),
                false => {}
            }
        }
    }
    let scenarios = root().join("scenarios");
    let mut files = Vec::new();
    collect(&scenarios, &mut files);
    files.sort();
    let below = |file: &PathBuf| file.strip_prefix(&scenarios).expect("a file of the folder").to_path_buf();
    files.iter().map(|file| below(file).to_string_lossy().replace('\\', "/")).collect()
}

/// The base and the variants of a file: `""` is the base.
fn variants(file: &str) -> Vec<String> {
    let variants = read(file, None, &[]).variants.into_iter().map(|variant| variant.name);
    [String::new()].into_iter().chain(variants).collect()
}

fn variant(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.is_empty())
}

/// The worlds that `check` judges.
fn worlds(scenario: &Scenario, threads: usize) -> Vec<Report> {
    let seeds: Vec<u64> = (0..u64::from(scenario.check_seeds)).map(|i| scenario.plan.seed + i).collect();
    let stage = Stage::new(scenario.plan.clone()).expect("the reader checks plans");
    run_many(&stage, &seeds, threads, &|_: Time, _: u32| true)
}

/// Those of a variant of a file as it stands, run once for all tests.
fn judged_worlds(file: &str, name: &str) -> Arc<OnceLock<Vec<Report>>> {
    type Known = BTreeMap<(String, String), Arc<OnceLock<Vec<Report>>>>;
    static KNOWN: Mutex<Known> = Mutex::new(BTreeMap::new());
    let cell = KNOWN.lock().expect("no test panics here").entry((file.into(), name.into())).or_default().clone();
    cell.get_or_init(|| worlds(&read(file, variant(name), &[]), THREADS));
    cell
}

/// The sentences that are not as expected, as `file variant: subject: sentence: values`.
fn wrong(what: &str, expect: &[Expectation], reports: &[Report]) -> Vec<String> {
    let judged = judge(expect, reports).into_iter().filter(|judged| judged.standing() != Standing::AsExpected);
    judged
        .map(|judged| {
            let missing = judged.missing.unwrap_or_default();
            format!("{what}: {}: {}: {:?} {:?} {missing}", judged.subject, judged.text, judged.outcome, judged.values)
        })
        .collect()
}

#[test]
#[cfg_attr(debug_assertions, ignore = "millions of operations: seconds in release, minutes in debug")]
fn every_scenario_comes_out_as_it_says() {
    let mut breaches = Vec::new();
    for file in files() {
        for name in variants(&file) {
            let scenario = read(&file, variant(&name), &[]);
            assert!(!scenario.expect.is_empty(), "{file} {name} expects nothing");
            let reports = judged_worlds(&file, &name);
            breaches.extend(wrong(&format!("{file} {name}"), &scenario.expect, reports.wait()));
        }
    }
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

/// Whose sentence fails in whose world: file, variant that says it, sentence, variant that is run (`""` is the base).
const CONTRASTS: &[(&str, &str, &str, &str)] = &[
    ("02-shapes/fan-out.toml", "", "delivered in 29_000..31_500", "by-kind"),
    ("02-shapes/fan-out.toml", "by-kind", "delivered in 8_500..9_600", ""),
    ("02-shapes/work-queue.toml", "", "duplicates = 0", "slow"),
    ("02-shapes/work-queue.toml", "rabbitmq", "duplicates = 0", "slow"),
    ("03-delivery-guarantees/ack-first.toml", "rabbitmq-auto-ack", "lost in 250..420", "rabbitmq"),
    ("03-delivery-guarantees/three-causes.toml", "rabbitmq-slow", "duplicates = 0", "slow"),
    ("03-delivery-guarantees/ack-first.toml", "", "lost = 0", "ack-first"),
    ("03-delivery-guarantees/ack-first.toml", "", "effects at-least-once", "ack-first"),
    ("03-delivery-guarantees/ack-first.toml", "", "duplicates from crashes in 250..350", "ack-first"),
    ("03-delivery-guarantees/ack-first.toml", "ack-first", "duplicates = 0", ""),
    ("03-delivery-guarantees/ack-first.toml", "ack-first", "lost in 250..350", ""),
    ("03-delivery-guarantees/ack-first.toml", "sqs-ack-first", "lost in 250..350", "sqs"),
    ("03-delivery-guarantees/three-causes.toml", "", "duplicates = 0", "crash"),
    ("03-delivery-guarantees/three-causes.toml", "", "duplicates = 0", "slow"),
    ("03-delivery-guarantees/three-causes.toml", "", "duplicates = 0", "retry"),
    ("03-delivery-guarantees/three-causes.toml", "crash", "duplicates from crashes in 250..350", ""),
    ("03-delivery-guarantees/three-causes.toml", "retry", "duplicates from producer's copies in 250..350", ""),
    ("04-timeouts/ack-nack-silence.toml", "", "delivered = 1", "nack"),
    ("04-timeouts/ack-nack-silence.toml", "nack", "nacked = 3", "silence"),
    ("04-timeouts/ack-nack-silence.toml", "silence", "max age in 89s..91s", "nack"),
    ("04-timeouts/lease.toml", "", "duplicates = 0", "too-short"),
    ("04-timeouts/lease.toml", "", "max(end to end) < 3min", "too-long"),
    ("04-timeouts/lease.toml", "", "max age < 3min", "too-long"),
    ("04-timeouts/lease.toml", "too-short", "mean duplicates in 1_700..2_200", ""),
    ("04-timeouts/lease.toml", "too-long", "max(end to end) > 9min", ""),
    ("05-poison/poison.toml", "", "p99(end to end) > 3s", "cap"),
    ("05-poison/poison.toml", "cap", "p99(end to end) < 100ms", ""),
    ("05-poison/poison.toml", "front", "goodput < 10/s", ""),
    ("05-poison/poison.toml", "front", "goodput < 10/s", "front-cap"),
    ("05-poison/poison.toml", "front-cap", "goodput in 97/s..101/s", "front"),
    ("05-poison/poison.toml", "rabbitmq-reject", "utilisation < 60%", "rabbitmq"),
    ("05-poison/poison.toml", "rabbitmq-limit-4-0", "utilisation < 60%", "rabbitmq-limit"),
    ("05-poison/poison.toml", "sqs", "goodput < 10/s", "sqs-cap"),
    ("05-poison/poison.toml", "sqs-cap", "goodput in 97/s..101/s", "sqs"),
    ("05-poison/redrive.toml", "", "redriven in 1_200..1_600", "forgotten"),
    ("05-poison/redrive.toml", "forgotten", "dropped in 1_200..1_600", ""),
    ("06-payment-capture/capture.toml", "", "effects exactly-once violated", "inbox"),
    ("06-payment-capture/capture.toml", "", "mean duplicates in 70..115", "two-minutes"),
    ("06-payment-capture/capture.toml", "inbox", "duplicates = 0", ""),
    ("06-payment-capture/capture.toml", "inbox", "duplicates = 0", "inbox-crashes-at-commit"),
    ("06-payment-capture/capture.toml", "inbox-crashes-at-commit", "duplicates from crashes in 55..105", "inbox"),
    ("06-payment-capture/capture.toml", "heartbeat", "duplicates from leases expired under a live handler = 0", ""),
    ("06-payment-capture/capture.toml", "two-minutes", "mean duplicates < 6", ""),
    ("06-payment-capture/capture.toml", "two-minutes", "max(end to end) > 90s", ""),
    ("06-payment-capture/capture.toml", "idempotency-key", "duplicates = 0", ""),
    ("06-payment-capture/capture.toml", "idempotency-key", "mean suppressed in 70..115", ""),
    ("06-payment-capture/inbox-key.toml", "", "duplicates = 0", "message"),
    ("06-payment-capture/inbox-key.toml", "", "duplicates = 0", "delivery"),
    ("06-payment-capture/inbox-key.toml", "message", "duplicates from producer's copies in 250..350", ""),
    ("06-payment-capture/poison-by-hash.toml", "", "depth in 7_700..8_400", "aside"),
    ("06-payment-capture/poison-by-hash.toml", "", "depth in 7_700..8_400", "version-4-0"),
    ("06-payment-capture/poison-by-hash.toml", "", "depth in 7_700..8_400", "no-limit"),
    ("06-payment-capture/poison-by-hash.toml", "aside", "depth < 20", ""),
    ("06-payment-capture/poison-by-hash.toml", "version-4-0", "dead lettered = 1", ""),
    ("06-payment-capture/poison-by-hash.toml", "no-limit", "utilisation > 0.99", "version-4-0"),
    ("06-payment-capture/poison-by-key.toml", "", "depth > 1_000", "cap"),
    ("06-payment-capture/poison-by-key.toml", "cap", "depth < 100", ""),
    ("06-payment-capture/poison-by-key.toml", "any-order", "depth < 100", ""),
    ("07-ordering/by-hash.toml", "", "effects in order", "all-active"),
    ("07-ordering/by-hash.toml", "one-queue", "depth > 1_000", ""),
    ("07-ordering/by-key.toml", "", "effects in order", "any-order"),
    ("07-ordering/by-key.toml", "", "goodput > 39/s", "one-group"),
    ("07-ordering/partial-delete.toml", "", "effects in order violated", "one-at-a-time"),
    ("07-ordering/partial-delete.toml", "one-at-a-time", "effects in order", ""),
    ("07-ordering/workers.toml", "", "effects in order", "eight-workers"),
    ("07-ordering/workers.toml", "", "effects in order", "requeued"),
    ("07-ordering/workers.toml", "eight-workers", "effects in order violated", ""),
    ("07-ordering/workers.toml", "requeued", "effects in order violated", ""),
    ("reference/mc.toml", "", "effects at-most-once violated", "inbox"),
    ("reference/mc.toml", "inbox", "effects at-most-once", ""),
    ("reference/ref.toml", "slower-lease", "stale = 0", ""),
];

#[test]
#[cfg_attr(debug_assertions, ignore = "millions of operations: seconds in release, minutes in debug")]
fn every_sentence_fails_once_its_line_is_changed_back() {
    let mut breaches = Vec::new();
    for &(file, says, sentence, runs) in CONTRASTS {
        let reports = judged_worlds(file, runs);
        let said: Vec<Expectation> = read(file, variant(says), &[]).expect;
        let said: Vec<Expectation> = said.into_iter().filter(|expectation| expectation.text == sentence).collect();
        assert_eq!(said.len(), 1, "{file} {says} says once: {sentence}");
        let judged = judge(&said, reports.wait()).remove(0);
        if judged.standing() != Standing::NotAsExpected {
            let values = judged.values;
            breaches.push(format!("{file}: `{sentence}` of `{says}` in the world of `{runs}`: {values:?}"));
        }
    }
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

/// Small twins of all scenarios, by the digest of all their facts: the same in every build and on any number of threads.
/// `UPDATE=1` writes them anew.
#[test]
fn every_run_is_the_same_to_the_byte() {
    let twin = [("run.operations", "3_000"), ("check.seeds", "2")];
    let mut lines = String::new();
    for file in files() {
        for name in variants(&file) {
            let scenario = read(&file, variant(&name), &twin);
            let prints = |threads| -> Vec<String> {
                worlds(&scenario, threads).into_iter().map(|report| report.fingerprint).collect()
            };
            let one = prints(1);
            assert_eq!(one, prints(THREADS), "{file} {name}");
            lines += &format!("{file} {} {}\n", if name.is_empty() { "base" } else { &name }, one.join(" "));
        }
    }
    let golden = root().join("tests/golden/fingerprints.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(golden, lines).expect("written");
    } else {
        assert_eq!(lines, fs::read_to_string(golden).expect("the golden fingerprints"));
    }
}

#[test]
fn every_file_opens_with_its_question_and_how_to_run_it() {
    for file in files() {
        let text = fs::read_to_string(root().join("scenarios").join(&file)).expect("a text");
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let has = |part: &str| head.iter().any(|line| line.contains(part));
        assert!(has("?"), "{file} asks nothing");
        assert!(has(&format!("scenarios/{file}")), "{file} does not say how it is run");
    }
}
