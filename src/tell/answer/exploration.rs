//! The answer to `explore`: a verdict with its bound, what was covered, what was left out, and the smallest story.

use super::super::paint::Paint;
use super::super::violation::violation;
use super::super::words::{counted, listed, one_in, thousands};
use super::{heading, products, row};
use crate::model::Leases;
use crate::observe::report::Verdict;
use crate::sim::Span;
use crate::ways::explore::{Exploration, FINGERPRINT_BITS, Late, Rules};

/// What there is to tell of an exploration.
#[derive(Clone, Copy, Debug)]
pub struct Explored<'a> {
    /// The rules that it went by.
    pub rules: &'a Rules,
    /// What it found.
    pub found: &'a Exploration,
    /// At most so many faults in a schedule.
    pub faults: u8,
    /// In which order leases could end.
    pub leases: Leases,
    /// Operations in each world, where they were bounded.
    pub operations: Option<u32>,
    /// Whether the file has links whose hops were taken as direct.
    pub wires_left_out: bool,
    /// What was asked, in the words of the file.
    pub asked: &'a [String],
    /// Sentences that an explorer cannot ask: bounds on numbers.
    pub not_asked: &'a [String],
    /// The file of the smallest schedule, where one was written.
    pub schedule: Option<&'a str>,
    /// How long it took by the wall clock.
    pub took: Option<Span>,
}

/// The answer to `explore`.
pub fn exploration(explored: &Explored<'_>, paint: Paint) -> String {
    let Explored { rules, found, .. } = *explored;
    let plan = &rules.stage().plan;
    let took = explored.took.map_or(String::new(), |took| format!(" in {took}"));
    let mut text = heading(plan, &format!("{} · explored{took}", products(plan)), paint);
    let asked = if explored.asked.is_empty() { "nothing was asked".to_owned() } else { explored.asked.join(", ") };
    let (label, verdict) = match found.verdict {
        Verdict::Holds => ("holds", paint.good("holds")),
        Verdict::Violated => ("violated", paint.bad("violated")),
        Verdict::Undecided => ("undecided", paint.unsure("undecided")),
    };
    text.push_str(&row(label, &asked).replacen(label, &verdict, 1));
    text.push_str(&row("within", &bound(explored)));
    text.push_str(&row("covered", &covered(found)));
    if explored.wires_left_out {
        text.push_str(&row(
            "left out",
            "links: every hop was direct; `--wires` makes their packets events, and loses them",
        ));
    }
    if !explored.not_asked.is_empty() {
        let sentences = listed(explored.not_asked);
        text.push_str(&row("not asked", &format!("{sentences}: an explorer measures nothing")));
    }
    if let Some(broke) = &found.violation {
        text.push('\n');
        text.push_str(violation(rules, broke).trim_end());
        text.push('\n');
        if let Some(schedule) = explored.schedule {
            text.push_str(&format!("schedule  {schedule}\n"));
            text.push_str(&format!("again     {}\n", paint.strong(&format!("redelivery replay {schedule}"))));
        }
    }
    text
}

fn bound(explored: &Explored<'_>) -> String {
    let late = match explored.rules.late() {
        Late::Unlimited => "any number of late events".to_owned(),
        Late::AtMost(late) => format!("at most {}", counted(u64::from(late), "late event")),
    };
    let leases = match explored.leases {
        Leases::Strict => "leases end in their order",
        Leases::Loose => "leases end in any order",
    };
    let operations = explored
        .operations
        .map_or(String::new(), |operations| format!("{}, ", counted(u64::from(operations), "operation")));
    format!("{operations}at most {}, {late}; {leases}", counted(u64::from(explored.faults), "fault"))
}

fn covered(found: &Exploration) -> String {
    let states = format!(
        "{} of {} generated, at most {} deep",
        counted(found.states, "state"),
        thousands(found.generated),
        counted(u64::from(found.depth), "step"),
    );
    // Two states share a fingerprint of b bits with a chance of about n * n / 2^(b + 1): then one of them was not visited.
    let chance = one_in((found.states as f64) * (found.states as f64), (2u128 << FINGERPRINT_BITS) as f64);
    let missed =
        chance.map_or(String::new(), |chance| format!("; the chance that two of them were taken for one: {chance}"));
    match (&found.stopped, found.verdict) {
        (Some(why), _) => format!("{states}; stopped by {why}"),
        (None, Verdict::Violated) if found.violations <= 1 => format!("{states}; it stopped at the smallest violation"),
        (None, Verdict::Violated) => format!("{states}; {}", counted(found.violations, "violation")),
        (None, _) => format!("every schedule: {states}{missed}"),
    }
}
