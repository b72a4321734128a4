//! Stories: the life of one operation, or of a few, in words: when, who, what, and what more there is to know.
//!
//! A story is made of facts and the names of a plan. It knows neither what was asked nor what was found wrong: whoever
//! shows it says that. Rule: a line for each event that matters, in the order in which it happened; what is left out is
//! counted.

mod handlers;
mod teller;

use std::fmt::Write as _;

use super::words::{counted, listed};
use crate::model::Plan;
use crate::model::fact::Fact;
use crate::sim::{Span, Time};
use teller::{Line, Teller};

/// What stands in the first column of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The time since the first of the operations was produced.
    Since,
    /// The number of the step. The facts come from a schedule without times, and each carries its step as so many
    /// nanoseconds.
    Steps,
}

/// A story has at most so many lines; of a longer one the middle is left out.
const MOST_LINES: usize = 60;

/// Tells what befell these operations.
pub fn story(plan: &Plan, facts: &[(Time, Fact)], ops: &[u32], clock: Clock) -> String {
    let ruler = Ruler::new(facts, ops, clock);
    let lines = Teller::new(plan, &ruler, facts, ops).tell();
    let mut text = heading(plan, facts, ops, &ruler);
    text.push('\n');
    if lines.is_empty() {
        text.push_str("   nothing befell it\n");
        return text;
    }
    table(plan, &ruler, &lines, ops.len() > 1, &mut text);
    text
}

/// `op 8412, key cust-3, seconds since it was produced`
fn heading(plan: &Plan, facts: &[(Time, Fact)], ops: &[u32], ruler: &Ruler) -> String {
    let (noun, whose) = if ops.len() == 1 { ("op", "it") } else { ("ops", "the first") };
    let when = match ruler.clock {
        Clock::Steps => "step by step; times are dropped".to_owned(),
        Clock::Since => format!("{} since {whose} was produced", ruler.unit),
    };
    let about: Vec<Option<String>> = ops.iter().map(|&op| about(plan, facts, op)).collect();
    let alike = about.windows(2).all(|two| two[0] == two[1]);
    let named = |(op, about): (&u32, &Option<String>)| match about {
        Some(about) if !alike => format!("{op} ({about})"),
        _ => op.to_string(),
    };
    let named: Vec<String> = ops.iter().zip(&about).map(named).collect();
    let shared = about.first().cloned().flatten().filter(|_| alike).map_or(String::new(), |about| format!(", {about}"));
    format!("{noun} {}{shared}, {when}", listed(&named))
}

/// What is known of an operation beforehand: `key cust-3, poison`.
fn about(plan: &Plan, facts: &[(Time, Fact)], op: u32) -> Option<String> {
    let (key, producer, poison) = facts.iter().find_map(|(_, fact)| match *fact {
        Fact::Produced { op: this, key, producer, poison } if this == op => Some((key, producer, poison)),
        _ => None,
    })?;
    let keys = &plan.producers[producer.at()].keys;
    // Keys without a name are called `key-7`, which says what it is.
    let key = keys.count().map(|_| keys.name(key)).map(|k| if k.starts_with("key-") { k } else { format!("key {k}") });
    let words: Vec<String> = key.into_iter().chain(poison.then(|| "poison".to_owned())).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn table(plan: &Plan, ruler: &Ruler, lines: &[Line], many: bool, text: &mut String) {
    let width = |of: &mut dyn Iterator<Item = usize>| of.max().unwrap_or(0);
    let names: Vec<String> = lines.iter().map(|line| line.who.name(plan)).collect();
    let chars = |text: &str| text.chars().count();
    let who = width(&mut names.iter().map(|name| chars(name)));
    // A line without a detail may run on below the details of others.
    let what = width(&mut lines.iter().filter(|l| !l.detail.is_empty()).map(|l| chars(&l.what)));
    let op = width(&mut lines.iter().map(|line| line.op.to_string().len())).max(2);
    let left_out = lines.len().saturating_sub(MOST_LINES);
    let gap = MOST_LINES / 2..MOST_LINES / 2 + left_out;
    if many {
        let _ = writeln!(text, "         {:>op$}", "op");
    }
    for (i, (line, name)) in lines.iter().zip(&names).enumerate() {
        if gap.contains(&i) {
            if i == gap.start {
                let _ = writeln!(text, "    ...  {} left out", counted(left_out as u64, "line"));
            }
            continue;
        }
        let mut row = format!("{:>7}  ", ruler.stamp(line.at));
        if many {
            let _ = write!(row, "{:>op$}  ", line.op);
        }
        let _ = write!(row, "{name:<who$}  {:<what$}  {}", line.what, line.detail);
        text.push_str(row.trim_end());
        text.push('\n');
    }
}

/// The first column: what a moment is called.
struct Ruler {
    clock: Clock,
    start: Time,
    /// In nanoseconds.
    size: f64,
    unit: &'static str,
}

impl Ruler {
    /// The unit in which the whole story can be read with two decimals.
    fn new(facts: &[(Time, Fact)], ops: &[u32], clock: Clock) -> Ruler {
        let mut times =
            facts.iter().filter(|(_, fact)| fact.op().is_some_and(|op| ops.contains(&op))).map(|(at, _)| *at);
        let start = times.next().unwrap_or(Time::ZERO);
        let end = times.next_back().unwrap_or(start);
        let (size, unit) = match (end - start).nanos() {
            ..50_000 => (1e3, "microseconds"),
            50_000..50_000_000 => (1e6, "milliseconds"),
            _ => (1e9, "seconds"),
        };
        // Where all is one instant, its unit is no matter.
        let (size, unit) = if start == end { (1e9, "seconds") } else { (size, unit) };
        Ruler { clock, start, size, unit }
    }

    fn stamp(&self, at: Time) -> String {
        match self.clock {
            Clock::Steps => at.nanos().to_string(),
            Clock::Since => format!("{:.2}", (at.since(self.start)).nanos() as f64 / self.size),
        }
    }

    /// Whether the story has times.
    fn has_times(&self) -> bool {
        self.clock == Clock::Since
    }

    /// A length of time, where there are times.
    fn span(&self, span: Span) -> Option<Span> {
        (self.has_times() && !span.is_zero()).then_some(span)
    }
}
