//! `redelivery check`: every scenario below some paths, each with its variants, against its expectations.
//!
//! A line for each, in the order of the paths; below what is not as expected, the sentences and the command that repeats
//! them. Rule: nothing asked is nothing proved, so what has no expectations is an error.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::args::{Check, Source};
use super::exit::{Exit, Failure};
use super::guard::caught;
use super::input::{self, Input, quoted};
use super::progress::Progress;
use super::worlds::{self, seeds, worlds};
use super::{interrupt, screen};
use crate::tell::answer::{Checked, check_line};
use crate::tell::paint::Paint;
use crate::ways::judge::judge;
use crate::ways::pool;

/// What is not looked into.
const PASSED_OVER: [&str; 1] = ["output"];

/// One variant of one file, or what is wrong with the file.
struct Job {
    name: String,
    input: Result<Input, Failure>,
}

/// What a job came to, told.
struct Told {
    exit: Exit,
    text: String,
}

pub(super) fn check(args: &Check) -> Result<Exit, Failure> {
    let mut files = BTreeMap::new();
    for path in &args.paths {
        collect(path, &mut files)?;
    }
    if files.is_empty() {
        let paths: Vec<String> = args.paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::input(format!("no .toml or .json file below {}", paths.join(", "))));
    }
    let jobs: Vec<Job> = files.values().flat_map(|file| jobs(file)).collect();
    let threads = worlds::threads(args.threads);
    // Threads that have no job of their own take worlds of the others.
    let each = (threads / jobs.len()).max(1);
    let progress = Progress::new();
    let (mut exit, mut told, mut wrong) = (Exit::AsExpected, 0, 0);
    let mut printed = Ok(());
    pool::in_order(
        &jobs,
        threads,
        |job| {
            let defect = || Told { exit: Exit::Defect, text: format!("DEFECT     {}\n", job.name) };
            caught(|| one(job, args.seeds, each, &progress)).unwrap_or_else(defect)
        },
        |one| {
            if interrupt::asked() {
                return false;
            }
            told += 1;
            wrong += usize::from(one.exit != Exit::AsExpected);
            exit = exit.worse(one.exit);
            progress.clear();
            printed = screen::say(&one.text);
            printed.is_ok()
        },
    );
    drop(progress);
    printed?;
    interrupt::stop_if_asked()?;
    let all = if told == 1 { "1 scenario".into() } else { format!("{told} scenarios and variants") };
    let summary =
        if wrong == 0 { format!("{all}, as expected\n") } else { format!("{all}, {wrong} not as expected\n") };
    screen::say(&summary)?;
    Ok(exit)
}

/// The scenario files at a path: itself, or everything below that is called `.toml` or `.json`; by name, so each
/// once.
fn collect(path: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<(), Failure> {
    let about = fs::metadata(path).map_err(|error| input::unreadable(path, &error))?;
    if !about.is_dir() {
        files.insert(input::name(path), path.into());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|error| input::unreadable(path, &error))? {
        let entry = entry.map_err(|error| input::unreadable(path, &error))?;
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        // A link to a folder is not followed: it may lead in circles.
        if name.starts_with('.') {
            continue;
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !PASSED_OVER.contains(&name.as_ref()) {
                collect(&path, files)?;
            }
        } else if path.is_file() && path.extension().is_some_and(|kind| kind == "toml" || kind == "json") {
            files.insert(input::name(&path), path);
        }
    }
    Ok(())
}

/// The base of a file and its variants, or the one job of telling what is wrong with it.
fn jobs(file: &Path) -> Vec<Job> {
    let name = input::name(file);
    let source = Source { file: file.into(), variant: None, set: Vec::new() };
    let base = match Input::read(&source) {
        Ok(base) => base,
        Err(failure) => return vec![Job { name, input: Err(failure) }],
    };
    let variants: Vec<String> = base.scenario.variants.iter().map(|variant| variant.name.clone()).collect();
    let variants = variants.into_iter().map(|variant| Job {
        name: format!("{name} --variant {}", quoted(&variant)),
        input: Input::read(&Source { variant: Some(variant), ..source.clone() }),
    });
    std::iter::once(Job { name: name.clone(), input: Ok(base) }).chain(variants).collect()
}

/// Judges one variant over its seeds.
fn one(job: &Job, asked: Option<u32>, threads: usize, progress: &Progress) -> Told {
    let wrong = |failure: &Failure| Told { exit: failure.exit, text: format!("ERROR      {}\n{failure}\n", job.name) };
    let input = match &job.input {
        Ok(input) => input,
        Err(failure) => return wrong(failure),
    };
    if input.scenario.expect.is_empty() {
        let failure = Failure::input(format!("{} expects nothing, so there is nothing to check", job.name));
        return wrong(&failure.help("add [expect], such as: all = [\"lost = 0\"]"));
    }
    let stage = match input::stage(&input.scenario.plan) {
        Ok(stage) => stage,
        Err(failure) => return wrong(&failure),
    };
    let first = input.scenario.plan.seed;
    let count = asked.unwrap_or(input.scenario.check_seeds);
    let reports = worlds(&stage, &seeds(first, count), threads, progress);
    let judgements = judge(&input.scenario.expect, &reports);
    let exit = Exit::of(&judgements);
    let checked = Checked {
        file: &input.name,
        variant: input.variant(),
        command: &input.command("run"),
        seed: first,
        seeds: reports.len(),
        judgements: &judgements,
    };
    let text = check_line(&checked, Paint::On);
    Told { exit, text }
}
