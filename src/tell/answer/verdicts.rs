//! The verdicts: each sentence of `[expect]`, by subject, with what it came to and the number behind it.

use super::super::paint::Paint;
use super::super::words::{number, wrap};
use super::{WIDTH, measured_as, row, span};
use crate::observe::report::Verdict;
use crate::scenario::metric::Unit;
use crate::ways::judge::{Judgement, Standing};

/// One row for each sentence.
pub(super) fn table(judgements: &[Judgement], paint: Paint) -> String {
    if judgements.is_empty() {
        return row("expected", "nothing: `[expect]` in the file says what should come of it");
    }
    let width = |of: &dyn Fn(&Judgement) -> usize| judgements.iter().map(of).max().unwrap_or(0);
    let subjects = width(&|j| j.subject.chars().count()).max(super::LABEL - 4);
    let sentences = width(&|j| sentence(j).chars().count()).min(62);
    let words = width(&|j| verdict(j).len());
    let mut text = String::new();
    let mut before = "";
    for judgement in judgements {
        let subject = if judgement.subject == before { "" } else { &judgement.subject };
        before = &judgement.subject;
        let figure = figure(judgement);
        let word =
            if figure.is_empty() { verdict(judgement).into() } else { format!("{:<words$}  ", verdict(judgement)) };
        let word = match judgement.standing() {
            Standing::AsExpected => paint.good(&word),
            Standing::NotAsExpected => paint.bad(&word),
            Standing::Undecided => paint.unsure(&word),
        };
        text.push_str(&format!("  {subject:<subjects$}  {:<sentences$}  {word}{figure}\n", sentence(judgement)));
        let indent = 2 + subjects + 2;
        for line in judgement.missing.iter().flat_map(|missing| wrap(missing, WIDTH - indent - 2)) {
            text.push_str(&format!("{:indent$}  {}\n", "", paint.faint(&line)));
        }
    }
    text
}

/// What is asked, without what the file expects of it.
pub(super) fn sentence(judgement: &Judgement) -> &str {
    match judgement.expected {
        Verdict::Violated => judgement.text.trim_end_matches("violated").trim_end(),
        _ => &judgement.text,
    }
}

pub(super) fn verdict(judgement: &Judgement) -> &'static str {
    match (judgement.outcome, judgement.standing()) {
        (Verdict::Undecided, _) => "undecided",
        (Verdict::Violated, Standing::AsExpected) => "violated, as expected",
        (Verdict::Violated, _) => "VIOLATED",
        (Verdict::Holds, Standing::AsExpected) => "holds",
        (Verdict::Holds, _) => "HOLDS, expected to break",
    }
}

/// The number behind it; of what holds because nothing happened there is none.
pub(super) fn figure(judgement: &Judgement) -> String {
    let silent = judgement.outcome == Verdict::Holds && judgement.values.iter().all(|&value| value == 0.0);
    if silent || judgement.values.is_empty() {
        return String::new();
    }
    let words: fn(f64) -> String = match judgement.unit {
        Unit::Count | Unit::Ratio => number,
        Unit::Span => span,
        Unit::Rate => |value| format!("{}/s", number(value)),
    };
    let mut text = measured_as(&judgement.values, words);
    let breaks = judgement.values.iter().filter(|&&value| value > 0.0).count();
    let some = (1..judgement.values.len()).contains(&breaks);
    if judgement.outcome == Verdict::Violated && judgement.unit == Unit::Count && some {
        text.push_str(&format!(", in {breaks} of {} seeds", judgement.values.len()));
    }
    text
}
