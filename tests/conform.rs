//! Recordings of real brokers, event by event.

use std::fs;
use std::path::Path;

use redelivery::ways::conform::trace::Trace;
use redelivery::ways::conform::{Case, Folder, Outcome, judge};

/// Plays every trace of a folder.
fn play(folder: &Path) -> Folder {
    let name = folder.file_name().and_then(|name| name.to_str()).expect("a folder with a name").to_owned();
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let case = |file: &std::path::PathBuf| -> Case {
        let trace = Trace::read(&fs::read_to_string(file).expect("a text")).expect("a trace");
        judge(&name, &trace)
    };
    Folder::of(&name, files.iter().map(case).collect())
}

/// Prints what came of the folders below the one that `TRACES` names, and the first difference of each trace that differs.
#[test]
#[ignore = "a report on recordings elsewhere"]
fn report() {
    let Ok(root) = std::env::var("TRACES") else { return };
    let mut folders: Vec<_> =
        fs::read_dir(root).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let told = play(folder);
        println!(
            "{}: {} agree, {} differ, {} not modelled, {} skipped",
            told.folder, told.agree, told.differ, told.not_modelled, told.skipped
        );
        for case in told.cases.iter().filter(|case| matches!(case.result, Outcome::Differ | Outcome::NotModelled)) {
            println!("  {}: {}", case.name, case.reason.as_deref().unwrap_or(&case.meaning));
            if case.result == Outcome::Differ {
                println!("    step {:?}", case.step);
                println!("    want {}", case.expected.as_ref().map(ToString::to_string).unwrap_or_default());
                println!("    got  {}", case.got.as_ref().map(ToString::to_string).unwrap_or_default());
            }
        }
    }
}
