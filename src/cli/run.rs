//! `redelivery run`: a scenario simulated, judged, told, and its result put where it belongs.

use std::path::Path;

use super::args::Run;
use super::exit::{Exit, Failure};
use super::facts::{STDOUT, run_with_facts};
use super::folder::Folder;
use super::input::{self, Input};
use super::progress::{Progress, Watch};
use super::result::RunResult;
use super::worlds::{pace, seeds, threads, worlds};
use super::{interrupt, screen};
use crate::model::Stage;
use crate::observe::Report;
use crate::tell::answer::{Telling, answer, worth_telling};
use crate::tell::paint::Paint;
use crate::tell::plot;
use crate::tell::story::{Clock, story as told};
use crate::ways::judge::{Break, Judgement, judge};
use crate::ways::run::{involved, record};

pub(super) fn run(args: &Run) -> Result<Exit, Failure> {
    let input = Input::read(&args.source)?;
    let stage = input::stage(&input.scenario.plan)?;
    let facts_here = args.facts.as_deref() == Some(Path::new(STDOUT));
    if facts_here && args.json {
        return Err(Failure::input("`--facts -` and `--json` both write to the standard output")
            .help("give the facts a file: --facts facts.jsonl"));
    }
    let first = args.seed.unwrap_or(input.scenario.plan.seed);
    if let Some(op) = args.op {
        return life(&input, &stage, first, op, args.json);
    }
    let folder = if args.no_files { None } else { Some(Folder::of(&args.source.file, input.variant())?) };
    let watch = Watch::start();
    let reports = simulate(&stage, &seeds(first, args.seeds), threads(args.threads), args.facts.as_deref())?;
    let took = watch.took();
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
        let telling = Telling {
            command: &input.command("run"),
            variant: input.variant(),
            plan: &stage.plan,
            reports: &reports,
            judgements: &judgements,
            story: story(&stage, &judgements, &reports)?,
            took: Some(took),
        };
        screen::say(&answer(&telling, Paint::On))?;
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
    let (mut reports, rest) = match (facts, seeds) {
        (Some(file), [first, rest @ ..]) => (vec![run_with_facts(stage, *first, file, &progress)?], rest),
        _ => (Vec::new(), seeds),
    };
    reports.extend(worlds(stage, rest, threads, &progress));
    interrupt::stop_if_asked()?;
    Ok(reports)
}

/// The life of the operation that shows best what happened, by running its seed again; of an order, of both operations.
fn story(stage: &Stage, judgements: &[Judgement], reports: &[Report]) -> Result<Option<String>, Failure> {
    match worth_telling(judgements, reports) {
        Some(Break { seed, op: Some(op), guarantee }) => {
            let progress = Progress::new();
            let ops = involved(stage, seed, op, guarantee, &pace(&progress, seed, || (0, 1)));
            drop(progress);
            lived(stage, seed, &ops)
        }
        _ => Ok(None),
    }
}

/// The life of an operation, or of two; `None` where it is never produced.
fn lived(stage: &Stage, seed: u64, ops: &[u32]) -> Result<Option<String>, Failure> {
    let progress = Progress::new();
    let facts = record(stage, seed, ops, &pace(&progress, seed, || (0, 1)));
    drop(progress);
    interrupt::stop_if_asked()?;
    Ok((!facts.is_empty()).then(|| told(&stage.plan, &facts, ops, Clock::Since)))
}

/// A story, a line each.
pub(super) fn lines(story: &str) -> Vec<String> {
    story.lines().map(str::to_owned).collect()
}

/// Each key that `--json` prints with `--op`, and what it says.
pub(super) const LIFE_KEYS: &[(&str, &str)] = &[
    ("scenario", "the file"),
    ("variant", "which variant, or null for the base"),
    ("seed", "the world"),
    ("op", "the operation"),
    ("story", "its life, a line each"),
];

/// Tells the life of one operation.
fn life(input: &Input, stage: &Stage, seed: u64, op: u32, as_json: bool) -> Result<Exit, Failure> {
    let Some(story) = lived(stage, seed, &[op])? else {
        let failure = Failure::input(format!("operation {op} is never produced in the world of seed {seed}"));
        return Err(failure.help("operations are numbered from 0 in the order in which they are produced"));
    };
    if as_json {
        #[derive(serde::Serialize)]
        struct Life<'a> {
            scenario: &'a str,
            variant: Option<&'a str>,
            seed: u64,
            op: u32,
            story: Vec<String>,
        }
        let story = lines(&story);
        let life = Life { scenario: &input.name, variant: input.variant(), seed, op, story };
        screen::say(&json(&life))?;
    } else {
        screen::say(&story)?;
    }
    Ok(Exit::AsExpected)
}
