//! `redelivery replay`: a schedule again, exactly, from the file that `explore` wrote.
//!
//! It ends well where what the file says breaks still breaks, for the same operation. Rule: a schedule that no longer fits
//! its scenario is refused with the step that does not.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::{Replay, Source, setting};
use super::exit::{Exit, Failure};
use super::input::{self, Input};
use super::run::{json, lines};
use super::screen;
use crate::tell::violation::of_schedule;
use crate::ways::explore::{Choice, Rules};
use crate::ways::replay::{Broken, FORMAT, Schedule, replay as again};

/// Each key that `--json` prints, and what it says.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("scenario", "the file"),
    ("variant", "which variant, or null for the base"),
    ("reproduced", "whether it broke what the schedule says, for the same operation"),
    ("broke", "what it broke, {guarantees, missing, op}, or null"),
    ("steps", "the steps of the schedule, in words"),
    ("story", "what happened, a line each"),
];

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Told<'a> {
    scenario: &'a str,
    variant: Option<&'a str>,
    /// Whether it broke what the file says, for the same operation.
    reproduced: bool,
    broke: Option<Broken>,
    steps: Vec<&'a str>,
    story: Vec<String>,
}

pub(super) fn replay(args: &Replay) -> Result<Exit, Failure> {
    let schedule = read(&args.schedule)?;
    let unfit = |what: String| Failure::input(format!("{}: {what}", args.schedule.display()));
    let set: Result<Vec<_>, _> = schedule.settings.iter().map(|text| setting(text)).collect();
    let set = set.map_err(&unfit)?;
    let source = Source { file: PathBuf::from(&schedule.scenario), variant: schedule.variant.clone(), set };
    let input = Input::read(&source)?;
    let plan = input.scenario.plan.clone();
    let Schedule { faults, late, leases, wires, operations, .. } = schedule;
    let rules = Rules::new(plan, faults, late, leases, wires, Some(operations))
        .map_err(|error| Failure::input(error.to_string()))?;
    let questions = schedule.broke.questions().map_err(|name| unfit(format!("no guarantee is called {name:?}")))?;
    let replayed = again(&rules, questions, &schedule).map_err(|error| {
        unfit(error.to_string())
            .help(format!("{} has changed since, or the schedule was edited: explore it again", input.name))
    })?;
    let ops = replayed.broke.map_or(vec![schedule.broke.op], |broke| broke.ops());
    let broke = replayed.broke.map(Broken::from);
    let reproduced = broke.as_ref() == Some(&schedule.broke);
    let choices: Vec<Choice> = schedule.steps.iter().map(|step| step.choice).collect();
    let story = of_schedule(&rules, &choices, &ops);
    if args.json {
        let steps = schedule.steps.iter().map(|step| step.what.as_str()).collect();
        let (scenario, variant) = (input.name.as_str(), input.variant());
        screen::say(&json(&Told { scenario, variant, reproduced, broke, steps, story: lines(&story) }))?;
    } else {
        let found = match &broke {
            _ if reproduced => "it breaks again, as the schedule says",
            Some(_) => "it breaks something else than the schedule says",
            None => "nothing breaks any more",
        };
        screen::say(&format!("{}\n{found}\n", story.trim_end()))?;
    }
    Ok(if reproduced { Exit::AsExpected } else { Exit::NotAsExpected })
}

/// The schedule in a file; one of another format is refused by its number, whatever else it says.
fn read(file: &Path) -> Result<Schedule, Failure> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let text = input::text(file)?;
    let shown = file.display();
    match serde_json::from_str(&text) {
        Ok(Format { format: FORMAT }) => {}
        Ok(Format { format }) => {
            return Err(Failure::input(format!("{shown} has format {format}: this version reads format {FORMAT}")));
        }
        Err(error) => return Err(no_schedule(file, &error)),
    }
    serde_json::from_str(&text).map_err(|error| no_schedule(file, &error))
}

fn no_schedule(file: &Path, error: &serde_json::Error) -> Failure {
    Failure::input(format!("{} is no schedule: {error}", file.display()))
        .help("`redelivery explore` writes schedule.json under output/")
}
