//! Recordings of real brokers, played on the models: every one that may be judged agrees, event by event.

#![cfg(feature = "scenario")]

use std::fs;
use std::path::Path;

use redelivery::ways::conform::trace::Trace;
use redelivery::ways::conform::{Case, Folder, Outcome, judge};

fn traces() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/traces"))
}

fn read(folder: &str, name: &str) -> Trace {
    let text = fs::read_to_string(traces().join(folder).join(name)).expect("a recording");
    Trace::read(&text).unwrap_or_else(|why| panic!("{folder}/{name}: {why}"))
}

fn folder(name: &str) -> Folder {
    let files = fs::read_dir(traces().join(name)).expect("a folder of recordings");
    let mut files: Vec<String> =
        files.map(|file| file.expect("an entry").file_name().into_string().expect("a name")).collect();
    files.sort();
    Folder::of(name, files.iter().map(|file| judge(name, &read(name, file))).collect())
}

fn told(case: &Case) -> String {
    let Case { name, meaning, before, expected, got, .. } = case;
    format!("{name}: {meaning}\n{}\nrecorded {expected:?}\nmodelled {got:?}\n", before.join("\n"))
}

/// A folder: so many were played, and of those that were not, which.
#[track_caller]
fn check(name: &str, played: usize, not_modelled: &[&str]) {
    let folder = folder(name);
    let differ: Vec<String> = folder.cases.iter().filter(|case| case.result == Outcome::Differ).map(told).collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    let left: Vec<&str> =
        folder.cases.iter().filter(|case| case.result == Outcome::NotModelled).map(|case| case.name.as_str()).collect();
    assert_eq!((folder.played, left.as_slice()), (played, not_modelled));
}

#[test]
fn sqs_does_what_two_emulators_and_the_documentation_say() {
    check("sqs-moto-5.2.5", 103, &[]);
    check("sqs-fauxqs-2.4.1", 103, &[]);
}

#[test]
fn rabbitmq_does_what_three_versions_of_it_did() {
    // A restart rebuilds the ring in the order of a hash table: that a key keeps its queue is not promised before 4.3.
    let restart = ["rabbitmq-consistent-hash-restart"];
    check("rabbitmq-3.10", 230, &restart);
    check("rabbitmq-4.0", 231, &restart);
    check("rabbitmq-4.3", 232, &[]);
}

#[test]
fn a_difference_is_found_with_both_sides_and_the_steps_before_it() {
    let text = fs::read_to_string(traces().join("sqs-moto-5.2.5/sqs-dlq-max-2.json")).unwrap();
    let wrong = text.replace("\"maxReceiveCount\":2", "\"maxReceiveCount\":3");
    assert_ne!(text, wrong);
    let case = judge("sqs-moto-5.2.5", &Trace::read(&wrong).unwrap());
    assert_eq!((case.result, case.step), (Outcome::Differ, Some(6)), "{}", told(&case));
    assert_eq!(case.before.len(), 7);
    let kind = |event: &Option<serde_json::Value>| event.as_ref().unwrap()["kind"].clone();
    assert_eq!((kind(&case.expected), kind(&case.got)), ("empty".into(), "delivered".into()));
}

#[test]
fn what_the_model_does_not_have_is_said_and_never_agrees_by_chance() {
    let text = |steps: &str| {
        format!(
            r#"{{"broker":"moto","version":"1","name":"n","meaning":"m","scenario":{{"steps":[{steps}]}},"observed":[],"varies":[]}}"#
        )
    };
    let case = |folder: &str, steps: &str| judge(folder, &Trace::read(&text(steps)).unwrap());
    let not_modelled = case("sqs-moto-5.2.5", r#"{"op":"move","queue":"d"}"#);
    assert_eq!(not_modelled.result, Outcome::NotModelled);
    assert_eq!(not_modelled.reason.as_deref(), Some("the word `move`"));
    let attribute = case("sqs-moto-5.2.5", r#"{"op":"queue","name":"q","attrs":{"KmsMasterKeyId":"k"}}"#);
    assert_eq!(attribute.reason.as_deref(), Some("the attribute `KmsMasterKeyId`"));
    let other = case("elsewhere-1.0", "");
    assert_eq!((other.result, other.reason.as_deref()), (Outcome::Skipped, Some("no model of this product yet")));
}
