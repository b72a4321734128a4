//! `redelivery run`: a scenario simulated, judged, told, and its result put where it belongs.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::args::Run;
use super::exit::{Exit, Failure};
use super::folder::Folder;
use super::input::{self, Input};
use super::interrupt::{self, Aside};
use super::progress::Progress;
use super::result::RunResult;
use super::{answer, parallel, screen};
use crate::model::Stage;
use crate::observe::Report;
use crate::sim::{Span, Time};
use crate::tell::plot;
use crate::ways::facts::FactLines;
use crate::ways::judge::judge;
use crate::ways::run::{record, run as run_one, run_many, run_watched};

pub(super) fn run(args: &Run) -> Result<Exit, Failure> {
    let input = Input::read(&args.source)?;
    let stage = input::stage(&input.scenario.plan)?;
    let facts_here = args.facts.as_deref() == Some(Path::new("-"));
    if facts_here && args.json {
        return Err(Failure::input("`--facts -` and `--json` both write to the standard output")
            .help("give the facts a file: --facts facts.jsonl"));
    }
    let first = args.seed.unwrap_or(input.scenario.plan.seed);
    if let Some(op) = args.op {
        return life(&input, &stage, first, op, args.json);
    }
    let folder = if args.no_files { None } else { Some(Folder::of(&args.source.file, input.variant())?) };
    let seeds: Vec<u64> = (0..u64::from(args.seeds)).map(|more| first.wrapping_add(more)).collect();
    let reports = simulate(&stage, &seeds, parallel::threads(args.threads), args.facts.as_deref())?;
    let judgements = judge(&input.scenario.expect, &reports);
    let result = RunResult::new(&input, &reports, &judgements).expect("at least one seed was run");

    let json = json(&result);
    if let Some(folder) = folder {
        let drawn = |picture: Result<String, plot::PlotError>| {
            picture.map(Some).map_err(|error| Failure::input(format!("cannot draw a plot: {error}")))
        };
        folder.write(&[
            ("lag.svg", drawn(plot::lag_svg(result.title, &reports[0]))?),
            ("duplicates.svg", drawn(plot::duplicates_svg(result.title, &reports[0]))?),
            ("result.json", Some(json.clone())),
        ])?;
    }
    if args.json {
        screen::say(&json)?;
    } else if !facts_here {
        let seeds = if args.seeds > 1 { format!(" --seeds {}", args.seeds) } else { String::new() };
        screen::say(&answer::answer(&result, &format!("{} --seed {first}{seeds}", input.command("run"))))?;
    }
    Ok(result.standing.into())
}

/// A value as a text of JSON, ending with its line.
pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("names and numbers are JSON") + "\n"
}

/// The worlds of these seeds, in their order; the facts of the first one go to a file.
fn simulate(stage: &Stage, seeds: &[u64], threads: usize, facts: Option<&Path>) -> Result<Vec<Report>, Failure> {
    let progress = Progress::new();
    let pace = |now: Time, produced: u32| {
        progress.show(|| how_far(now, produced, seeds.len()));
        !interrupt::asked()
    };
    let (mut reports, rest) = match (facts, seeds) {
        (Some(file), [first, rest @ ..]) => (vec![with_facts(stage, *first, file, &pace)?], rest),
        (None, [only]) => (vec![run_one(stage, *only, &pace)], [].as_slice()),
        (_, all) => (Vec::new(), all),
    };
    reports.extend(run_many(stage, rest, threads, &pace));
    interrupt::stop_if_asked()?;
    Ok(reports)
}

/// Where a run is: for its line of progress.
pub(super) fn how_far(now: Time, produced: u32, worlds: usize) -> String {
    let which = if worlds > 1 { format!("{worlds} worlds, one of them: ") } else { String::new() };
    format!("{which}{} simulated, {produced} operations", Span::from_nanos(now.nanos() / 1_000_000_000 * 1_000_000_000))
}

/// Runs a world and writes its facts: aside first, so that the file is complete or absent.
fn with_facts(
    stage: &Stage,
    seed: u64,
    file: &Path,
    pace: &(impl Fn(Time, u32) -> bool + Sync),
) -> Result<Report, Failure> {
    if file == Path::new("-") {
        let mut lines = FactLines::new(stage, io::stdout().lock());
        let report = run_watched(stage, seed, &mut [&mut lines], pace);
        screen::written(lines.finish().map(drop))?;
        return Ok(report);
    }
    let cannot = |error: io::Error| Failure::input(format!("cannot write facts to {}: {error}", file.display()));
    let Some(name) = file.file_name().filter(|_| !file.is_dir()) else {
        return Err(cannot(io::ErrorKind::IsADirectory.into()));
    };
    if file.exists() && !file.is_file() {
        // A pipe or a device is written to, never replaced.
        let mut lines = FactLines::new(stage, File::options().write(true).open(file).map_err(cannot)?);
        let report = run_watched(stage, seed, &mut [&mut lines], pace);
        lines.finish().map_err(cannot)?;
        return Ok(report);
    }
    let aside = format!(".{}.writing-{}", name.to_string_lossy(), std::process::id());
    let aside = Aside::new(file.with_file_name(aside));
    let mut lines = FactLines::new(stage, File::create(aside.path()).map_err(cannot)?);
    let report = run_watched(stage, seed, &mut [&mut lines], pace);
    lines.finish().and_then(|mut file| file.flush()).map_err(cannot)?;
    interrupt::stop_if_asked()?;
    std::fs::rename(aside.path(), file).map_err(cannot)?;
    Ok(report)
}

/// Tells the life of one operation.
fn life(input: &Input, stage: &Stage, seed: u64, op: u32, as_json: bool) -> Result<Exit, Failure> {
    let progress = Progress::new();
    let facts = record(stage, seed, &[op], &|now: Time, produced: u32| {
        progress.show(|| how_far(now, produced, 1));
        !interrupt::asked()
    });
    drop(progress);
    interrupt::stop_if_asked()?;
    if facts.is_empty() {
        let failure = Failure::input(format!("operation {op} is never produced in the world of seed {seed}"));
        return Err(failure.help("operations are numbered from 0 in the order in which they are produced"));
    }
    let story = answer::story(stage, &facts, op);
    if as_json {
        #[derive(serde::Serialize)]
        struct Life<'a> {
            scenario: &'a str,
            variant: Option<&'a str>,
            seed: u64,
            op: u32,
            story: Vec<String>,
        }
        let life = Life { scenario: &input.name, variant: input.variant(), seed, op, story };
        screen::say(&json(&life))?;
    } else {
        screen::say(&format!("op {op}\n{}\n", story.join("\n")))?;
    }
    Ok(Exit::AsExpected)
}
