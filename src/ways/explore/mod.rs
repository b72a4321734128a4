//! The explorer: every schedule of a scenario within a budget of faults and late events.
//!
//! It takes any head at any time, lets anything crash at any boundary that the scenario declares, and never enters a known
//! state twice. States are visited by faults and late events, then by steps, so the first violation found is the smallest.
//! It measures nothing: bounds on numbers are not asked. Rule: an answer says what it covered.

#[cfg(feature = "scenario")]
pub mod ask;
mod choice;
mod table;

use std::collections::BTreeMap;

use serde::Serialize;

pub use choice::{Allowed, Answers, Choice, Late, Rules, State};
use table::{Print, Table};

use crate::model::seat::Empty;
use crate::observe::automata::{Automata, Broke, Questions, Step};
use crate::observe::roles::Roles;
use crate::sim::Fingerprint;
use crate::sim::oracle::Odometer;

/// States are told apart by so many bits.
pub const FINGERPRINT_BITS: u32 = Print::BITS;

/// When to stop short.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// States visited at the most. A state takes some 40 bytes, a state still to be visited a few hundred more.
    pub states: usize,
    /// Go on past a violation and count every state.
    pub all: bool,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Exploration {
    /// Holds, violated or undecided.
    pub verdict: crate::observe::report::Verdict,
    /// Unique states visited.
    pub states: u64,
    /// States generated, the first one and known ones included.
    pub generated: u64,
    /// The most steps from the first state to a visited one.
    pub depth: u32,
    /// What stopped the search short, if anything did.
    pub stopped: Option<String>,
    /// The smallest schedule that breaks what was asked.
    #[serde(skip)]
    pub violation: Option<Violation>,
    /// Violations met, where the search went on past the first.
    pub violations: u64,
}

/// What broke, and how.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What broke.
    pub broke: Broke,
    /// From the first state on.
    pub schedule: Vec<Choice>,
    /// Faults in it.
    pub faults: u8,
    /// Late events in it.
    pub late: u8,
}

/// A state whose successors are still to be visited.
#[derive(Debug)]
struct Live {
    state: State,
    automata: Automata,
}

crate::sim::clone_by_field!(Live { state, automata });

/// A state and its number in the table.
type Numbered = (u32, Box<Live>);

/// Visits every state. `progress` hears now and then how many were visited and are waiting; `false` stops the search.
pub fn explore(
    rules: &Rules,
    questions: Questions,
    limits: Limits,
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Exploration {
    let mut search = Search::new(rules, questions);
    let mut stopped = None;
    while let Some((cost, depth, number, live)) = search.next() {
        search.visit(cost, depth, number, &live);
        search.spare.push(live);
        if search.first.is_some() && !limits.all {
            break;
        }
        if search.table.len() > limits.states {
            stopped = Some(format!("the limit of {} states", limits.states));
            break;
        }
        if search.visited.is_multiple_of(4096) && !progress(search.table.len(), search.waiting) {
            stopped = Some("an interrupt".into());
            break;
        }
    }
    search.finish(stopped)
}

struct Search<'a> {
    rules: &'a Rules,
    roles: Roles,
    questions: Questions,
    table: Table,
    /// By faults and late events, then steps.
    frontier: BTreeMap<(u32, u32), Vec<Numbered>>,
    waiting: usize,
    /// Worlds that are no longer needed: their memory is.
    #[allow(clippy::vec_box, reason = "a box moves between this list and the frontier; a world is large")]
    spare: Vec<Box<Live>>,
    visited: u64,
    generated: u64,
    depth: u32,
    first: Option<Violation>,
    violations: u64,
    /// Why nothing may be concluded from what was not found.
    incomplete: Option<String>,
    // Reused from state to state.
    heads: Vec<crate::sim::Head>,
    choices: Vec<Choice>,
}

impl<'a> Search<'a> {
    fn new(rules: &'a Rules, questions: Questions) -> Search<'a> {
        let roles = Roles::new(&rules.stage().plan);
        let mut automata = Automata::default();
        let mut step = Step { automata: &mut automata, roles: &roles, broke: None, questions };
        let state = rules.start(&mut step, &mut Empty);
        let live = Box::new(Live { state, automata });
        let mut search = Search {
            rules,
            roles,
            questions,
            table: Table::new(),
            frontier: BTreeMap::new(),
            waiting: 1,
            spare: Vec::new(),
            visited: 0,
            generated: 1,
            depth: 0,
            first: None,
            violations: 0,
            incomplete: None,
            heads: Vec::new(),
            choices: Vec::new(),
        };
        let print = search.fingerprint(&live);
        let nothing = Choice::Take { lane: 0, nth: 0, answers: Answers::default() };
        search.table.insert(print, 0, nothing);
        search.frontier.insert((0, 0), vec![(0, live)]);
        search
    }

    fn fingerprint(&self, live: &Live) -> Print {
        let mut print = Fingerprint::default();
        self.rules.canon(&live.state, &mut print);
        live.automata.canon(&self.questions, &mut print);
        print.finish()
    }

    fn next(&mut self) -> Option<(u32, u32, u32, Box<Live>)> {
        let mut first = self.frontier.first_entry()?;
        let (cost, depth) = *first.key();
        let (number, live) = first.get_mut().pop()?;
        if first.get().is_empty() {
            first.remove();
        }
        self.waiting -= 1;
        Some((cost, depth, number, live))
    }

    fn visit(&mut self, cost: u32, depth: u32, number: u32, live: &Live) {
        self.visited += 1;
        self.depth = self.depth.max(depth);
        let (mut heads, mut choices) = (std::mem::take(&mut self.heads), std::mem::take(&mut self.choices));
        self.rules.choices(&live.state, &mut heads, &mut choices);
        if heads.is_empty()
            && let Some(broke) = live.automata.broken_at_the_end(&self.roles, &self.questions)
        {
            self.violated(broke, self.table.path(number), &live.state);
        }
        for &choice in &choices {
            let mut odometer = Odometer::default();
            loop {
                self.successor(cost, depth, number, live, choice, &mut odometer);
                if !odometer.next_pass() {
                    break;
                }
            }
        }
        (self.heads, self.choices) = (heads, choices);
    }

    fn successor(&mut self, cost: u32, depth: u32, number: u32, live: &Live, choice: Choice, odometer: &mut Odometer) {
        let mut next = match self.spare.pop() {
            Some(mut spare) => {
                (*spare).clone_from(live);
                spare
            }
            None => Box::new(live.clone()),
        };
        let mut step =
            Step { automata: &mut next.automata, roles: &self.roles, broke: None, questions: self.questions };
        let within = self.rules.apply(&mut next.state, choice, odometer, &mut step, &mut Empty);
        let broke = step.broke;
        if !within {
            return self.spare.push(next);
        }
        if next.state.world.is_endless() {
            self.incomplete.get_or_insert_with(|| "calls without end in one instant".into());
            return self.spare.push(next);
        }
        let choice = match (choice, Answers::of(odometer)) {
            (Choice::Take { lane, nth, .. }, Some(answers)) => Choice::Take { lane, nth, answers },
            (Choice::Take { .. }, None) => {
                let why = format!("an event with more than {} questions", Answers::MOST);
                self.incomplete.get_or_insert(why);
                return self.spare.push(next);
            }
            (choice, _) => choice,
        };
        self.generated += 1;
        if let Some(broke) = broke {
            let mut schedule = self.table.path(number);
            schedule.push(choice);
            self.violated(broke, schedule, &next.state);
        }
        match self.table.insert(self.fingerprint(&next), number, choice) {
            None => self.spare.push(next),
            Some(found) => {
                let dearer = u32::from(next.state.faults) + u32::from(next.state.late);
                debug_assert!(dearer >= cost, "what is spent stays spent");
                let steps = depth + u32::from(!matches!(choice, Choice::Delay { .. }));
                self.frontier.entry((dearer, steps)).or_default().push((found, next));
                self.waiting += 1;
            }
        }
    }

    fn violated(&mut self, broke: Broke, schedule: Vec<Choice>, state: &State) {
        self.violations += 1;
        let found = Violation { broke, schedule, faults: state.faults, late: state.late };
        let size = |v: &Violation| (u32::from(v.faults) + u32::from(v.late), v.schedule.len());
        if self.first.as_ref().is_none_or(|first| size(&found) < size(first)) {
            self.first = Some(found);
        }
    }

    fn finish(self, stopped: Option<String>) -> Exploration {
        use crate::observe::report::Verdict;
        let stopped = stopped.or_else(|| self.incomplete.clone());
        let verdict = match (&self.first, &stopped) {
            (Some(_), _) => Verdict::Violated,
            (None, Some(_)) => Verdict::Undecided,
            (None, None) if self.questions.is_empty() => Verdict::Undecided,
            (None, None) => Verdict::Holds,
        };
        Exploration {
            verdict,
            states: self.table.len() as u64,
            generated: self.generated,
            depth: self.depth,
            stopped,
            violation: self.first,
            violations: self.violations,
        }
    }
}
