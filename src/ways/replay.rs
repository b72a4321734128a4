//! Schedules as files, and a schedule run again exactly.
//!
//! A schedule knows which scenario it belongs to and the budget under which it was found, but not the scenario itself: when
//! that has changed, a step may no longer exist. Rule: such a schedule is refused with the step's number, never bent until
//! it fits.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::explore::{Choice, Late, Rules};
use super::trial::Both;
use crate::model::seat::Empty;
use crate::model::{Actor, Fact, Leases, Stage};
use crate::observe::automata::{Automata, Broke, Questions, Step};
use crate::observe::guarantees::Id;
use crate::observe::roles::Roles;
use crate::sim::{Lane, Time};

/// The format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;

/// A schedule, as `schedule.json` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The format of the file: [`FORMAT`].
    pub format: u32,
    /// The scenario's file, as it was named.
    pub scenario: String,
    /// Which of its variants.
    pub variant: Option<String>,
    /// Settings that were changed besides: `PATH=VALUE`.
    pub settings: Vec<String>,
    /// The budget of faults.
    pub faults: u8,
    /// The budget of late events.
    pub late: Late,
    /// In which order leases ran out.
    pub leases: Leases,
    /// Whether hops with a link were wires.
    pub wires: bool,
    /// How many operations there were.
    pub operations: u32,
    /// What broke at its end.
    pub broke: Broken,
    /// From the first state on.
    pub steps: Vec<Labelled>,
}

/// What broke, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broken {
    /// The names of the guarantees.
    pub guarantees: Vec<String>,
    /// Whether an operation is missing.
    pub missing: bool,
    /// Whose.
    pub op: u32,
}

impl From<Broke> for Broken {
    fn from(broke: Broke) -> Broken {
        let guarantees = broke.guarantees.iter().map(|id| id.guarantee().name.into()).collect();
        Broken { guarantees, missing: broke.missing, op: broke.op }
    }
}

impl Broken {
    /// What has to be asked so that this is found again.
    ///
    /// # Errors
    /// The name that no guarantee has.
    pub fn questions(&self) -> Result<Questions, &str> {
        let mut questions = Questions { missing: self.missing, ..Questions::default() };
        for name in &self.guarantees {
            let id = Id::ALL.iter().find(|id| id.guarantee().name == name).ok_or(name.as_str())?;
            questions.guarantees = questions.guarantees | crate::observe::guarantees::Asked::of(*id);
        }
        Ok(questions)
    }
}

/// A step, and what it is to a reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// In words, which nobody reads back.
    pub what: String,
    /// What is chosen.
    pub choice: Choice,
}

/// What a schedule came to.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Everything that happened.
    pub facts: Vec<(Time, Fact)>,
    /// The first thing that broke and was asked for.
    pub broke: Option<Broke>,
}

/// A step of a schedule that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchStep {
    /// Which, from 1.
    pub number: usize,
    /// Of how many.
    pub of: usize,
    /// What the file calls it.
    pub what: String,
    /// What could be done instead.
    pub instead: Vec<String>,
}

impl fmt::Display for NoSuchStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoSuchStep { number, of, what, instead } = self;
        write!(f, "step {number} of {of} cannot be taken: {what:?}")?;
        match instead.as_slice() {
            [] => write!(f, "; nothing can happen there any more"),
            instead => write!(f, "; what can happen there: {}", instead.join(", ")),
        }
    }
}

impl std::error::Error for NoSuchStep {}

/// Runs a schedule again, step by step.
///
/// # Errors
/// A step that does not exist under these rules: the scenario has changed since, or the file was edited.
pub fn replay(rules: &Rules, questions: Questions, schedule: &Schedule) -> Result<Replayed, NoSuchStep> {
    let roles = Roles::new(&rules.stage().plan);
    let (mut automata, mut facts) = (Automata::default(), Vec::new());
    let step = Step { automata: &mut automata, roles: &roles, broke: None, questions };
    let mut watch = Both { step, facts: &mut facts };
    let mut state = rules.start(&mut watch, &mut Empty);
    let (mut heads, mut choices) = (Vec::new(), Vec::new());
    for (at, Labelled { what, choice }) in schedule.steps.iter().enumerate() {
        rules.choices(&state, &mut heads, &mut choices);
        let exists = choices.contains(&choice.typical());
        if !exists || !rules.follow(&mut state, *choice, &mut watch, &mut Empty) {
            let instead = choices.iter().map(|&choice| words(rules.stage(), choice)).collect();
            return Err(NoSuchStep { number: at + 1, of: schedule.steps.len(), what: what.clone(), instead });
        }
    }
    rules.choices(&state, &mut heads, &mut choices);
    let broke = watch.step.broke;
    let at_the_end = || heads.is_empty().then(|| automata.broken_at_the_end(&roles, &questions)).flatten();
    let broke = broke.or_else(at_the_end);
    Ok(Replayed { facts, broke })
}

/// The steps of a schedule with their words.
pub fn labelled(stage: &Stage, choices: &[Choice]) -> Vec<Labelled> {
    choices.iter().map(|&choice| Labelled { what: words(stage, choice), choice }).collect()
}

/// A choice in words: "a lease of payments ends", "capture-1 crashes".
pub fn words(stage: &Stage, choice: Choice) -> String {
    match choice {
        Choice::Take { lane, .. } => event(stage, Lane(lane)),
        Choice::Lose { lane } => format!("lost: {}", event(stage, Lane(lane))),
        Choice::Crash { process } => format!("{} crashes", stage.plan.instance_name(process)),
        Choice::CrashBroker { queue } => format!("{} crashes", stage.plan.queues[usize::from(queue)].name),
        Choice::Delay { lane } => format!("late: {}", event(stage, Lane(lane))),
    }
}

/// What happens when the head of a lane is taken.
fn event(stage: &Stage, lane: Lane) -> String {
    let plan = &stage.plan;
    match stage.actor(lane) {
        Actor::Worker(worker) => format!("{} goes on", stage.plan.worker_name(worker)),
        Actor::Arrivals(producer) => format!("{} produces", plan.producers[producer.at()].name),
        Actor::Timeline { fault, .. } => format!("{} strikes", plan.faults[usize::from(fault)].name),
        Actor::Restart(process) => format!("{} comes back", stage.plan.instance_name(process)),
        Actor::Resume(process) => format!("{} moves again", stage.plan.instance_name(process)),
        Actor::Quicken(process) => format!("{} is fast again", stage.plan.instance_name(process)),
        Actor::BrokerUp(queue) => format!("{} comes back", plan.queues[queue.at()].name),
        Actor::Leases(queue) => format!("a lease of {} ends", plan.queues[queue.at()].name),
        Actor::Confirms(producer) => format!("{} waits no longer for a confirm", plan.producers[producer.at()].name),
        Actor::Retries(producer) => format!("{} publishes again", plan.producers[producer.at()].name),
        Actor::Heartbeats(process) => format!("{} renews a lease", stage.plan.instance_name(process)),
        Actor::Redrive(redrive) => format!("{} moves dead letters back", plan.redrives[usize::from(redrive)].name),
        Actor::Polls(process) => format!("{} asks again", stage.plan.instance_name(process)),
        Actor::Keys(store) => format!("{} forgets an idempotency key", plan.stores[store.at()].name),
        Actor::Packets(packets) => {
            let link = &plan.links[stage.link_of(packets).at()].name;
            format!("{} of {link} arrives", if packets % 2 == 0 { "a request" } else { "an answer" })
        }
        Actor::Timer { queue, .. } => format!("a timer of {} fires", plan.queues[queue.at()].name),
        Actor::Delays(queue) => format!("a delay of {} ends", plan.queues[queue.at()].name),
    }
}
