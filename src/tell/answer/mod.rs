//! Answers: what a run, a check or an exploration came to, as a person reads it in a terminal of 100 columns.
//!
//! An answer is made of plain data: a plan, reports and judgements. It runs nothing and decides nothing; the order of its
//! parts is fixed: the three answers, the verdicts, the numbers, the causes, a story, and how to see it again.

mod check;
mod exploration;
mod numbers;
mod three;
mod verdicts;
mod why;

use super::paint::Paint;
use super::words::{about, counted, number, seconds, wrap};
use crate::model::Plan;
use crate::observe::estimate;
use crate::observe::report::Report;
use crate::sim::Span;
use crate::ways::judge::{Break, Judgement, Standing};

pub use check::{Checked, check_line};
pub use exploration::{Explored, exploration};

/// Columns of a line at the most.
const WIDTH: usize = 100;
/// Columns of a label in front of a row.
const LABEL: usize = 16;

/// What there is to tell of a run.
#[derive(Clone, Debug)]
pub struct Telling<'a> {
    /// The command that runs it again, up to the seed: `redelivery run FILE --variant NAME`.
    pub command: &'a str,
    /// Which variant of its file; `None` for the base.
    pub variant: Option<&'a str>,
    /// Its plan: title, question and names.
    pub plan: &'a Plan,
    /// One for each seed, in their order.
    pub reports: &'a [Report],
    /// What each sentence came to.
    pub judgements: &'a [Judgement],
    /// The life of the operation that [`worth_telling`] names; of an order, of the other one too.
    pub story: Option<String>,
    /// How long it took by the wall clock.
    pub took: Option<Span>,
}

/// The answer to `run`.
pub fn answer(telling: &Telling<'_>, paint: Paint) -> String {
    let mut text = heading(telling.plan, &run_words(telling), paint);
    for report in telling.reports.iter().filter(|report| report.cut.is_some()) {
        let why = report.cut.as_deref().unwrap_or_default();
        text.push_str(&row("cut short", &format!("seed {}: {why}", report.seed)));
    }
    if telling.reports.is_empty() {
        text.push_str(&row("", "no world was run"));
        return text;
    }
    text.push_str(&three::answers(telling.plan, telling.reports));
    text.push('\n');
    text.push_str(&verdicts::table(telling.judgements, paint));
    text.push('\n');
    text.push_str(&numbers::block(telling.plan, telling.reports));
    let why = why::causes(telling.plan, telling.reports);
    if !why.is_empty() {
        text.push('\n');
        text.push_str(&why);
    }
    if let Some(story) = &telling.story {
        text.push('\n');
        text.push_str(story.trim_end());
        text.push('\n');
    }
    let again = match worth_telling(telling.judgements, telling.reports) {
        Some(first) => again(telling.command, first),
        None => over(telling.command, telling.reports[0].seed, telling.reports.len()),
    };
    text.push_str(&format!("again  {}\n", paint.strong(&again)));
    text
}

/// The operation whose life shows best what happened: of the first sentence that is not as it should be, else of the first
/// one that is violated as expected, else of the most frequent duplicate or loss.
pub fn worth_telling(judgements: &[Judgement], reports: &[Report]) -> Option<Break> {
    let known = |judgement: &&Judgement| judgement.first.is_some_and(|first| first.op.is_some());
    let mut known = judgements.iter().filter(known).collect::<Vec<_>>();
    known.sort_by_key(|judgement| judgement.standing() != Standing::NotAsExpected);
    let judged = known.first().and_then(|judgement| judgement.first);
    let counted = || {
        reports.iter().find_map(|report| {
            let causes = report.consumers.iter().flat_map(|c| c.lost_by_reason.iter().chain(&c.duplicates_by_cause));
            let most = causes.max_by_key(|cause| cause.count)?;
            Some(Break { seed: report.seed, op: Some(most.first_op), guarantee: None })
        })
    };
    judged.or_else(counted)
}

/// The command that shows it again.
fn again(command: &str, first: Break) -> String {
    let op = first.op.map_or(String::new(), |op| format!(" --op {op}"));
    format!("{command} --seed {}{op}", first.seed)
}

/// The command that runs all of these worlds again.
fn over(command: &str, seed: u64, worlds: usize) -> String {
    match worlds {
        1 => format!("{command} --seed {seed}"),
        _ => format!("{command} --seed {seed} --seeds {worlds}"),
    }
}

/// The title at the left, how it was made at the right; in two lines where one is too short for both; then the question.
fn heading(plan: &Plan, how: &str, paint: Paint) -> String {
    let title = if plan.title.is_empty() { "A scenario without a title" } else { &plan.title };
    let (title_width, how_width) = (title.chars().count(), how.chars().count());
    let mut text = paint.strong(title);
    if title_width + 2 + how_width <= WIDTH {
        text.push_str(&" ".repeat(WIDTH - title_width - how_width));
    } else {
        text.push('\n');
    }
    text.push_str(&paint.faint(how));
    text.push('\n');
    if !plan.question.is_empty() {
        text.push_str(&paint.faint(&plan.question));
        text.push('\n');
    }
    text.push('\n');
    text
}

/// The products, each once: `plain`.
fn products(plan: &Plan) -> String {
    let mut names: Vec<&str> = plan.queues.iter().map(|queue| queue.settings.product().name).collect();
    names.dedup();
    names.join(", ")
}

/// `plain · seed 7 · 1 h simulated in 0.3 s`
fn run_words(telling: &Telling<'_>) -> String {
    let reports = telling.reports;
    let seeds = match reports {
        [] => "no seed".to_owned(),
        [one] => format!("seed {}", one.seed),
        [first, .., last] if last.seed.wrapping_sub(first.seed) == reports.len() as u64 - 1 => {
            format!("seeds {} to {}", first.seed, last.seed)
        }
        _ => counted(reports.len() as u64, "seed"),
    };
    let longest = reports.iter().map(|report| report.end_s).fold(0.0, f64::max);
    let took = telling.took.map_or(String::new(), |took| format!(" in {took}"));
    let variant = telling.variant.map_or(String::new(), |variant| format!("{variant} · "));
    format!("{variant}{} · {seeds} · {} simulated{took}", products(telling.plan), about(longest))
}

/// A label and a text, wrapped.
fn row(label: &str, text: &str) -> String {
    let mut rows = String::new();
    for (i, line) in wrap(text, WIDTH - LABEL).iter().enumerate() {
        let label = if i == 0 { label } else { "" };
        let line = format!("  {label:<width$}{line}", width = LABEL - 2);
        rows.push_str(line.trim_end());
        rows.push('\n');
    }
    rows
}

/// A count over the seeds: itself, or its mean with the 95 % interval.
fn measured(values: &[f64]) -> String {
    measured_as(values, number)
}

fn measured_as(values: &[f64], words: fn(f64) -> String) -> String {
    let mean = estimate(values);
    match values {
        [] => "?".into(),
        [first, others @ ..] if others.iter().all(|other| other == first) => words(*first),
        _ => format!("{} ± {}", words(mean.mean), words(mean.half_width)),
    }
}

fn span(value: f64) -> String {
    seconds(value)
}
