//! `redelivery explore`: every schedule of a scenario within a budget, what that proves, and the smallest story.
//!
//! Each guarantee is a search of its own: the first violation ends a search, and nothing may be concluded of what else it
//! asked. Rule: nothing asked is nothing proved, so a scenario that asks nothing is refused.

use serde::Serialize;

use super::args::{self, Explore};
use super::exit::{Exit, Failure, standing};
use super::folder::Folder;
use super::input::{Input, quoted};
use super::progress::{Progress, Watch};
use super::run::{json, lines};
use super::{interrupt, screen};
use crate::model::Leases;
use crate::observe::automata::Questions;
use crate::observe::guarantees::Asked;
use crate::observe::report::Verdict;
use crate::scenario;
use crate::tell::answer;
use crate::tell::paint::Paint;
use crate::tell::violation::of_schedule;
use crate::ways::explore::ask::Ask;
use crate::ways::explore::{Exploration, Late, Limits, Rules, Violation, explore as search};
use crate::ways::judge::Standing;
use crate::ways::replay::{Broken, FORMAT, Schedule, labelled};

/// Where the schedule of a violation goes.
pub(super) const SCHEDULE: &str = "schedule.json";

/// Each key that `--json` prints, and what it says.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("scenario", "the file"),
    ("title", "its title"),
    ("variant", "which variant, or null for the base"),
    ("settings", "what `--set` changed"),
    ("faults", "how many faults a schedule may have"),
    ("late", "how many events it may delay: {at-most}, or unlimited"),
    ("leases", "in which order leases may end: strict or loose"),
    ("wires", "whether hops with a link were events of their own, which may be late or lost"),
    ("operations", "how many operations each world has"),
    ("asked", "the guarantees that the search asked for; of several searches, the one that decides stands here"),
    ("expected", "the verdict that the scenario expects"),
    ("standing", "as-expected, not-as-expected or undecided"),
    ("verdict", "holds in every schedule within the budget, violated, or undecided where it was stopped"),
    ("states", "different states visited"),
    ("generated", "states generated, known ones included"),
    ("depth", "the most steps from the first state to one visited"),
    ("stopped", "what stopped the search short, or null"),
    ("violations", "violations met: one, or with `--all` each"),
    (
        "violation",
        "the smallest, or null: faults, late events and steps of its schedule, broke {guarantees, missing, op}",
    ),
    ("story", "what happened in it, a line each"),
    ("others", "the other searches, with the keys from asked to story"),
    ("not_asked", "sentences that only a run can answer"),
    ("widened", "sentences about one consumer that were asked of all together"),
];

/// What `--json` prints: the search that decides, and the others.
#[derive(Debug, Serialize)]
pub(super) struct Explored<'a> {
    scenario: &'a str,
    pub title: &'a str,
    variant: Option<&'a str>,
    settings: Vec<String>,
    /// The budget.
    faults: u8,
    late: Late,
    leases: Leases,
    wires: bool,
    operations: u32,
    #[serde(flatten)]
    pub search: Search,
    /// The other searches of the same scenario.
    pub others: Vec<Search>,
    /// Sentences that only a run can answer.
    pub not_asked: Vec<String>,
    /// Sentences about one consumer that were asked of all together.
    pub widened: Vec<String>,
}

/// One search, and what it found.
#[derive(Debug, Serialize)]
pub(super) struct Search {
    /// The names of the guarantees.
    pub asked: Vec<String>,
    pub expected: Verdict,
    pub standing: Standing,
    pub verdict: Verdict,
    pub states: u64,
    generated: u64,
    pub depth: u32,
    /// What stopped it short, if anything did.
    pub stopped: Option<String>,
    /// Violations met, with `--all`.
    violations: u64,
    /// The smallest violation.
    violation: Option<Smallest>,
    /// Its story, a line each.
    pub story: Vec<String>,
}

/// How small the smallest violation is, and what it breaks.
#[derive(Debug, Serialize)]
struct Smallest {
    faults: u8,
    late: u8,
    steps: usize,
    broke: Broken,
}

pub(super) fn explore(args: &Explore) -> Result<Exit, Failure> {
    let input = Input::read(&args.source)?;
    let Budget { faults, late, leases, operations } = Budget::of(args, &input.scenario.explore)?;
    let plan = &input.scenario.plan;
    let rules = Rules::new(plan.clone(), faults, late, leases, args.wires, Some(operations))
        .map_err(|error| Failure::input(error.to_string()))?;
    let ask = Ask::of(&input.scenario.expect, plan.consumers.len());
    if ask.is_empty() {
        let failure = Failure::input(format!("{} expects nothing that an explorer can answer", input.name));
        return Err(failure.help("add a guarantee to [expect], such as \"effects exactly-once\" or \"lost = 0\""));
    }
    let folder = if args.no_files { None } else { Some(Folder::of(&args.source.file, input.variant())?) };

    let schedule = |violation: &Violation| Schedule {
        format: FORMAT,
        scenario: input.name.clone(),
        variant: input.variant().map(str::to_owned),
        settings: input.written_settings(),
        faults,
        late,
        leases,
        wires: args.wires,
        operations,
        broke: violation.broke.into(),
        steps: labelled(rules.stage(), &violation.schedule),
    };
    let mut found = Vec::new();
    for (questions, expected) in searches(&ask) {
        let watch = Watch::start();
        let limits = Limits { states: args.max_states as usize, all: args.all };
        let exploration = searched(&rules, questions, limits)?;
        found.push((Search::of(&rules, questions, expected, &exploration), exploration, watch.took()));
    }
    // The one that decides comes first: not as expected, undecided, then what has a story.
    found.sort_by_key(|(search, ..)| match (search.standing, search.violation.is_some()) {
        (Standing::NotAsExpected, _) => 0,
        (Standing::Undecided, _) => 1,
        (Standing::AsExpected, true) => 2,
        (Standing::AsExpected, false) => 3,
    });
    let exit = found.iter().fold(Exit::AsExpected, |exit, (search, ..)| exit.worse(search.standing.into()));
    let smallest = found.iter().find_map(|(_, exploration, _)| exploration.violation.as_ref()).map(schedule);
    let mut written = None;
    if let Some(folder) = folder {
        // Of an older search, no schedule stays behind.
        folder.write(&[(SCHEDULE, smallest.as_ref().map(json))])?;
        written = smallest.map(|_| quoted(&folder.file(SCHEDULE)));
    }
    if args.json {
        let mut searches = found.into_iter().map(|(search, ..)| search);
        let explored = Explored {
            scenario: &input.name,
            title: &plan.title,
            variant: input.variant(),
            settings: input.written_settings(),
            faults,
            late,
            leases,
            wires: args.wires,
            operations,
            search: searches.next().expect("something was asked"),
            others: searches.collect(),
            not_asked: ask.not_asked,
            widened: ask.widened,
        };
        screen::say(&json(&explored))?;
        return Ok(exit);
    }
    let mut not_asked = ask.not_asked.as_slice();
    for (search, exploration, took) in &found {
        let schedule = written.take_if(|_| exploration.violation.is_some());
        let told = answer::Explored {
            rules: &rules,
            found: exploration,
            faults,
            leases,
            operations: Some(operations),
            wires_left_out: !args.wires && !plan.links.is_empty(),
            asked: &search.asked,
            not_asked: std::mem::take(&mut not_asked),
            schedule: schedule.as_deref(),
            took: Some(*took),
        };
        screen::say(&(answer::exploration(&told, Paint::On) + "\n"))?;
    }
    for sentence in &ask.widened {
        screen::say(&format!("asked of all consumers together: {sentence}\n"))?;
    }
    Ok(exit)
}

/// One search for each guarantee, so that each has a verdict and a smallest story of its own.
fn searches(ask: &Ask) -> Vec<(Questions, Verdict)> {
    let one = |id| Questions { guarantees: Asked::of(id), ..Questions::default() };
    let holds = ask.holds.guarantees.iter().map(|id| (one(id), Verdict::Holds));
    let missing = ask.holds.missing.then(|| (Questions { missing: true, ..Questions::default() }, Verdict::Holds));
    let violated = ask.violated.iter().map(|id| (one(id), Verdict::Violated));
    holds.chain(missing).chain(violated).collect()
}

fn searched(rules: &Rules, questions: Questions, limits: Limits) -> Result<Exploration, Failure> {
    let progress = Progress::new();
    let exploration = search(rules, questions, limits, |states, waiting| {
        progress.show(|| format!("{states} states, {waiting} waiting"));
        !interrupt::asked()
    });
    interrupt::stop_if_asked()?;
    Ok(exploration)
}

impl Search {
    fn of(rules: &Rules, questions: Questions, expected: Verdict, exploration: &Exploration) -> Search {
        let story = exploration.violation.as_ref().map(|found| of_schedule(rules, &found.schedule, &found.broke.ops()));
        let missing = questions.missing.then(|| "no operation is missing".to_owned());
        let violation = exploration.violation.as_ref().map(|violation| Smallest {
            faults: violation.faults,
            late: violation.late,
            steps: violation.schedule.len(),
            broke: violation.broke.into(),
        });
        Search {
            asked: questions.guarantees.iter().map(|id| id.guarantee().name.into()).chain(missing).collect(),
            expected,
            standing: standing(exploration.verdict, expected),
            verdict: exploration.verdict,
            states: exploration.states,
            generated: exploration.generated,
            depth: exploration.depth,
            stopped: exploration.stopped.clone(),
            violations: exploration.violations,
            violation,
            story: story.map(|story| lines(&story)).unwrap_or_default(),
        }
    }
}

/// How far to go.
struct Budget {
    faults: u8,
    late: Late,
    leases: Leases,
    operations: u32,
}

impl Budget {
    /// The command line's, and the scenario's where that says nothing.
    fn of(args: &Explore, file: &scenario::Explore) -> Result<Budget, Failure> {
        let small = |number: u32, what: &str| {
            u8::try_from(number).map_err(|_| Failure::input(format!("{number} {what}: an explorer takes up to 255")))
        };
        let faults = match args.faults {
            Some(faults) => faults,
            None => small(file.faults, "faults")?,
        };
        let late = match args.late.unwrap_or(file.late) {
            scenario::Late::AtMost(most) => Late::AtMost(small(most, "late events")?),
            scenario::Late::Unlimited => Late::Unlimited,
        };
        let leases = match (args.leases, file.leases) {
            (Some(args::Leases::Strict), _) | (None, scenario::Leases::Strict) => Leases::Strict,
            (Some(args::Leases::Loose), _) | (None, scenario::Leases::Loose) => Leases::Loose,
        };
        Ok(Budget { faults, late, leases, operations: args.operations.unwrap_or(file.operations) })
    }
}
