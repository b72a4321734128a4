//! Recordings of real brokers, played on the models and compared event by event.

#![cfg(feature = "scenario")]

use std::fs;
use std::path::{Path, PathBuf};

use redelivery::ways::conform::trace::Trace;
use redelivery::ways::conform::{Case, Folder, Outcome, judge};

/// What the models do not have, and why.
const NOT_MODELLED: &[(&str, &str, &str)] = &[
    // Before 4.3 a restart rebuilds the ring in the order of a hash table: that a key keeps its queue, is not promised.
    ("rabbitmq-3.10", "rabbitmq-consistent-hash-restart", "a hash table's order"),
    ("rabbitmq-4.0", "rabbitmq-consistent-hash-restart", "a hash table's order"),
];

fn inside(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry of it").path()).collect();
    all.sort();
    all
}

/// Plays every trace of a folder.
fn play(folder: &Path) -> Folder {
    let name = folder.file_name().and_then(|name| name.to_str()).expect("a folder with a name");
    let case = |file: &PathBuf| -> Case {
        let trace = Trace::read(&fs::read_to_string(file).expect("a text")).expect("a trace");
        judge(name, &trace)
    };
    Folder::of(name, inside(folder).iter().map(case).collect())
}

fn tell(folder: &Folder) {
    let Folder { folder, agree, differ, not_modelled, skipped, cases, .. } = folder;
    println!("{folder}: {agree} agree, {differ} differ, {not_modelled} not modelled, {skipped} skipped");
    for case in cases.iter().filter(|case| matches!(case.result, Outcome::Differ | Outcome::NotModelled)) {
        println!("  {}: {}", case.name, case.reason.as_deref().unwrap_or(&case.meaning));
        if case.result == Outcome::Differ {
            let written = |event: &Option<serde_json::Value>| event.as_ref().map(ToString::to_string);
            println!("    step {:?}", case.step);
            println!("    want {}", written(&case.expected).unwrap_or_default());
            println!("    got  {}", written(&case.got).unwrap_or_default());
        }
    }
}

#[test]
fn every_recording_agrees_or_says_what_is_not_modelled() {
    for folder in inside(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces")) {
        let told = play(&folder);
        tell(&told);
        let known = |case: &Case| {
            let reason = case.reason.clone().unwrap_or_default();
            let is = |(folder, name, why): &&(&str, &str, &str)| {
                *folder == told.folder && *name == case.name && reason.contains(why)
            };
            NOT_MODELLED.iter().any(|known| is(&known))
        };
        for case in &told.cases {
            match case.result {
                Outcome::Agree => {}
                Outcome::NotModelled => assert!(known(case), "{}/{}: {:?}", told.folder, case.name, case.reason),
                Outcome::Differ | Outcome::Skipped => panic!("{}/{}: {:?}", told.folder, case.name, case.result),
            }
        }
        assert!(told.agree >= 150, "{}: {} agree", told.folder, told.agree);
    }
}

/// Prints what came of the folders below the one that `TRACES` names.
#[test]
#[ignore = "a report on recordings elsewhere"]
fn report() {
    let Ok(root) = std::env::var("TRACES") else { return };
    inside(Path::new(&root)).iter().filter(|folder| folder.is_dir()).for_each(|folder| tell(&play(folder)));
}
