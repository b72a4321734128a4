//! What broke, and how: a violation of the explorer and the failure of a trial, each with the story of its operation.
//!
//! It replays a schedule and changes nothing about it. Rule: the first line says what broke and by how much trouble; the
//! story ends where it broke.

use std::fmt;

use super::story::{Clock, story};
use super::words::counted;
use crate::model::Watch;
use crate::model::fact::Fact;
use crate::model::seat::Empty;
use crate::observe::automata::Broke;
use crate::sim::Time;
use crate::ways::explore::{Choice, Late, Rules, Violation};
use crate::ways::trial::{Failure, What};

/// `effects at-most-once: violated by 1 fault, 9 steps`, and the story. Where lateness is unlimited, nobody counts it.
pub fn violation(rules: &Rules, violation: &Violation) -> String {
    let steps = violation.schedule.iter().filter(|choice| !matches!(choice, Choice::Delay { .. })).count();
    format!(
        "{}: violated {}, {}\n\n{}",
        names(violation.broke),
        trouble(rules.late(), violation.faults.into(), violation.late.into()),
        counted(steps as u64, "step"),
        of_schedule(rules, &violation.schedule, &violation.broke.ops()),
    )
}

/// `by 1 fault and 1 late event`, without what there was none of.
fn trouble(bound: Late, faults: u64, late: u64) -> String {
    let faults = (faults > 0).then(|| counted(faults, "fault"));
    let late = match bound {
        Late::Unlimited if faults.is_none() => Some("lateness alone".to_owned()),
        Late::Unlimited => Some("any number of late events".to_owned()),
        Late::AtMost(_) => (late > 0).then(|| counted(late, "late event")),
    };
    match (faults, late) {
        (None, None) => "without a fault or a late event".to_owned(),
        (Some(one), None) | (None, Some(one)) => format!("by {one}"),
        (Some(faults), Some(late)) => format!("by {faults} and {late}"),
    }
}

/// The story of some operations along a schedule.
pub fn of_schedule(rules: &Rules, schedule: &[Choice], ops: &[u32]) -> String {
    let clock = if rules.late() == Late::Unlimited { Clock::Steps } else { Clock::Since };
    let mut notes = Notes { clock, step: 0, facts: Vec::new() };
    let mut state = rules.start(&mut notes, &mut Empty);
    for &choice in schedule {
        notes.step += u64::from(!matches!(choice, Choice::Delay { .. }));
        rules.follow(&mut state, choice, &mut notes, &mut Empty);
    }
    story(&rules.stage().plan, &notes.facts, ops, clock)
}

/// The facts of a replay, each with its moment: a time, or the number of its step where there are none.
struct Notes {
    clock: Clock,
    step: u64,
    facts: Vec<(Time, Fact)>,
}

impl Watch for Notes {
    fn fact(&mut self, now: Time, fact: &Fact) {
        let at = if self.clock == Clock::Steps { Time::from_nanos(self.step) } else { now };
        self.facts.push((at, *fact));
    }
}

fn names(broke: Broke) -> String {
    let mut names: Vec<&str> = broke.guarantees.iter().map(|id| id.guarantee().name).collect();
    if broke.missing {
        names.push("nothing is missing");
    }
    names.join(", ")
}

/// What broke, the story of the operation that it broke on, and how to read it.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ops = match self.what {
            What::Broke(broke) => broke.ops(),
            What::Effects(op, _) => vec![op],
            What::TooMany(_) => return write!(f, "{self}; allow more with `Trial::schedules`, or ask for less"),
            What::Endless => return write!(f, "{self}; does the handler give its message back for ever?"),
        };
        let told = story(&self.stage.plan, &self.facts, &ops, Clock::Since);
        writeln!(f, "{self}\n\n{told}")?;
        write!(
            f,
            "Read it from above: when, who, what. No schedule with fewer faults and late events breaks it; \
             `Failure::schedule` has its {}.",
            counted(self.schedule.len() as u64, "choice")
        )
    }
}
