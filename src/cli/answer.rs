//! The answers in words, provisionally: one function each for a run, a story and an exploration.

use super::explore::Explored;
use super::result::RunResult;
use crate::model::{Fact, Stage};
use crate::observe::report::Verdict;
use crate::sim::{Span, Time};

/// The answer of a run; `again` is the command that repeats it.
pub(super) fn answer(result: &RunResult<'_>, again: &str) -> String {
    let mut lines = vec![
        format!("{}  seed {} · {} simulated", result.title, result.seed, Span::from_secs_f64(result.end_s)),
        String::new(),
        format!(
            "  {} produced, {} effects, {} duplicates, {} lost, {} missing, {} dead-lettered, {} still stored",
            result.counts.produced,
            result.counts.effects,
            result.counts.duplicates,
            result.counts.lost,
            result.counts.missing,
            result.counts.dead_lettered,
            result.still_stored,
        ),
    ];
    lines.extend(result.cut.map(|why| format!("  cut short: {why}")));
    for sentence in &result.expectations {
        let measured = sentence.measured.map(|m| format!("  {:.4}", m.mean)).unwrap_or_default();
        let missing = sentence.missing.map(|missing| format!("  ({missing})")).unwrap_or_default();
        let outcome = outcome(sentence.outcome, sentence.expected);
        lines.push(format!("  {:<14}{:<40} {outcome}{measured}{missing}", sentence.subject, sentence.text));
    }
    lines.push(format!("again  {again}"));
    lines.join("\n") + "\n"
}

/// The verdict beside the expected one: "violated, as expected".
pub(super) fn outcome(outcome: Verdict, expected: Verdict) -> String {
    let word = match outcome {
        Verdict::Holds => "holds",
        Verdict::Violated => "violated",
        Verdict::Undecided => "undecided",
    };
    match (outcome, expected) {
        (Verdict::Violated, Verdict::Violated) => format!("{word}, as expected"),
        (Verdict::Holds, Verdict::Violated) => format!("{word}, but was expected to be violated"),
        _ => word.into(),
    }
}

/// The life of an operation, a line each.
pub(super) fn story(stage: &Stage, facts: &[(Time, Fact)], op: u32) -> Vec<String> {
    let name = |held: crate::model::fact::Held| stage.worker_name(held.worker);
    let told = facts.iter().filter(|(_, fact)| fact.op().is_none_or(|of| of == op));
    told.map(|(at, fact)| match *fact {
        Fact::Delivered { held, .. } => format!("{at}  {}  {fact:?}", name(held)),
        _ => format!("{at}  {fact:?}"),
    })
    .collect()
}

/// The answer of an exploration.
pub(super) fn explored(explored: &Explored<'_>, again: &str) -> String {
    let mut lines = vec![explored.title.to_owned(), String::new()];
    for search in std::iter::once(&explored.search).chain(&explored.others) {
        let stopped = search.stopped.as_ref().map(|why| format!("; stopped by {why}")).unwrap_or_default();
        lines.push(format!(
            "  {:<40} {}  {} states, depth {}{stopped}",
            search.asked.join(", "),
            outcome(search.verdict, search.expected),
            search.states,
            search.depth
        ));
        lines.extend(search.story.iter().map(|line| format!("    {line}")));
    }
    lines.extend(explored.widened.iter().map(|sentence| format!("  asked of all consumers together  {sentence}")));
    lines.extend(explored.not_asked.iter().map(|sentence| format!("  not asked  {sentence}")));
    lines.push(format!("again  {again}"));
    lines.join("\n") + "\n"
}
