//! What came of recordings, as a table by product and version, and each difference with the steps before it.

use serde_json::Value;

use super::paint::Paint;
use crate::ways::conform::{Case, Folder, Outcome};

/// So many steps before a difference are told.
const STEPS: usize = 8;

/// How wide the first column is.
#[derive(Clone, Copy, Debug)]
pub struct Width(usize);

impl Width {
    /// That all names fit.
    pub fn of(folders: &[Folder]) -> Width {
        Width(folders.iter().map(|folder| folder.folder.chars().count()).max().unwrap_or(0))
    }
}

/// `sqs-moto-5.2.5  83 played: 83 agree, 0 differ`, and why others were not.
pub fn line(folder: &Folder, Width(width): Width) -> String {
    let Folder { folder: name, played, agree, differ, not_modelled, skipped, cases } = folder;
    let mut text = format!("{name:<width$}  {played:>4} played: {agree:>4} agree, {differ:>3} differ");
    if *not_modelled > 0 {
        text.push_str(&format!("; {not_modelled} not modelled"));
    }
    if *skipped > 0 {
        text.push_str(&format!("; {skipped} skipped ({})", reasons(cases)));
    }
    text.push('\n');
    for case in cases.iter().filter(|case| case.result == Outcome::NotModelled) {
        text.push_str(&format!("  not modelled  {}: {}\n", case.name, case.reason.as_deref().unwrap_or_default()));
    }
    text
}

/// Why cases were skipped, each reason once.
fn reasons(cases: &[Case]) -> String {
    let skipped = cases.iter().filter(|case| case.result == Outcome::Skipped);
    let mut all: Vec<&str> = skipped.filter_map(|case| case.reason.as_deref()).collect();
    all.sort_unstable();
    all.dedup();
    all.join("; ")
}

/// Every difference: what is asked, the steps before, and both sides of the first event that is not the same.
pub fn differences(folder: &Folder, paint: Paint) -> String {
    let mut text = String::new();
    for case in folder.cases.iter().filter(|case| case.result == Outcome::Differ) {
        let name = format!("{}/{}", folder.folder, case.name);
        text.push_str(&format!("\n{}  {}\n", paint.strong(&name), case.meaning));
        let first = case.before.len().saturating_sub(STEPS);
        if first > 0 {
            text.push_str(&format!("  step  0..{}  ...\n", first - 1));
        }
        for (number, step) in case.before.iter().enumerate().skip(first) {
            text.push_str(&format!("  step {number:>2}  {step}\n"));
        }
        let event = |event: &Option<Value>| event.as_ref().map_or("nothing further".into(), Value::to_string);
        text.push_str(&format!("  recorded  {}\n  modelled  {}\n", event(&case.expected), event(&case.got)));
    }
    text
}
