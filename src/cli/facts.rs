//! `run --facts`: a world run with every fact of it written, to a file or to the standard output.
//!
//! Rule: a file is complete or absent, so it is written aside first. A pipe or a device is written to, never replaced.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use super::exit::Failure;
use super::interrupt::{self, Aside};
use super::progress::Progress;
use super::screen;
use super::worlds::pace;
use crate::model::Stage;
use crate::observe::Report;
use crate::ways::facts::FactLines;
use crate::ways::run::run_watched;

/// The standard output, as a file is named.
pub(super) const STDOUT: &str = "-";

/// How a file of facts begins.
const FIRST_FACT: &[u8] = br#"{"t":0,"fact":"names""#;

/// Runs the world of `seed` and writes its facts.
pub(super) fn run_with_facts(stage: &Stage, seed: u64, file: &Path, progress: &Progress) -> Result<Report, Failure> {
    if file == Path::new(STDOUT) {
        let (report, written) = told(stage, seed, io::stdout().lock(), progress);
        screen::written(written.map(drop))?;
        return Ok(report);
    }
    let cannot = |error: io::Error| Failure::input(format!("cannot write facts to {}: {error}", file.display()));
    let Some(name) = file.file_name().filter(|_| !file.is_dir()) else {
        return Err(cannot(io::ErrorKind::IsADirectory.into()));
    };
    if file.exists() && !file.is_file() {
        let (report, written) = told(stage, seed, File::options().write(true).open(file).map_err(cannot)?, progress);
        written.map_err(cannot)?;
        return Ok(report);
    }
    if file.exists() && !holds_facts(file) {
        let why = format!("{} is not replaced: it is no file of facts", file.display());
        return Err(Failure::input(why).help("give another name, or remove it"));
    }
    let aside = format!(".{}.writing-{}", name.to_string_lossy(), std::process::id());
    let aside = Aside::new(file.with_file_name(aside));
    let (report, written) = told(stage, seed, File::create(aside.path()).map_err(cannot)?, progress);
    written.map_err(cannot)?;
    interrupt::stop_if_asked()?;
    fs::rename(aside.path(), file).map_err(cannot)?;
    Ok(report)
}

/// Whether a file is an earlier one of ours, or empty.
fn holds_facts(file: &Path) -> bool {
    let mut begins = Vec::new();
    let read = File::open(file).and_then(|file| file.take(FIRST_FACT.len() as u64).read_to_end(&mut begins));
    read.is_ok() && (begins.is_empty() || begins == FIRST_FACT)
}

/// Runs it and writes; what could not be written does not stop it.
fn told<W: Write>(stage: &Stage, seed: u64, to: W, progress: &Progress) -> (Report, io::Result<W>) {
    let mut lines = FactLines::new(stage, to);
    let report = run_watched(stage, seed, &mut [&mut lines], &pace(progress, seed, || (0, 1)));
    (report, lines.finish())
}
