//! Why: duplicates by their cause and losses by their reason, most first; and where the file itself only guesses.

use super::super::words::{thousands, wrap};
use super::WIDTH;
use crate::model::Plan;
use crate::model::plan::{Consumer, Step};
use crate::observe::guarantees::REASONS;
use crate::observe::report::{CAUSES, CauseCount, ConsumerReport, Report};

/// A sentence for each of [`CAUSES`]; `LEASE` stands for the lease of the queue.
const SENTENCES: [&str; CAUSES.len()] = [
    "the handler was still working when its LEASE expired",
    "the process stood still when its LEASE expired",
    "the process crashed after the effect and before the ack",
    "the handler gave the message back after the effect",
    "the broker restarted and delivered again what was in flight",
    "the producer published again, and both copies took effect",
    "the ack was lost on its way, or did not take hold",
];
const LOSSES: [&str; REASONS.len()] = [
    "it was acked before its effect, which then never came",
    "the broker crashed and did not keep it",
    "it was rejected or had its last delivery, and no queue for dead letters took it",
    "it waited for longer than it was to live",
    "it was dropped from a full queue",
    "there was no queue that it could be routed to",
    "it was removed with its queue",
    "the broker took it for another message, by its deduplication id",
];

/// The rows of all consumers.
pub(super) fn causes(plan: &Plan, reports: &[Report]) -> String {
    let mut text = String::new();
    for (c, consumer) in plan.consumers.iter().enumerate() {
        let whose = if plan.consumers.len() == 1 { String::new() } else { format!("{}: ", consumer.name) };
        let of = |read: fn(&ConsumerReport) -> &Vec<CauseCount>| {
            tally(reports.iter().filter_map(|report| report.consumers.get(c)).flat_map(read))
        };
        let duplicates = of(|report| &report.duplicates_by_cause);
        let lease = lease(plan, consumer);
        let sentence = |cause: &str| known(cause, CAUSES, &SENTENCES).replace("LEASE", &lease);
        say(&whose, "duplicates", &duplicates, sentence, &mut text);
        if duplicates.iter().any(|(cause, _)| *cause == CAUSES[0])
            && let Some(guess) = guess(plan, consumer)
        {
            line(&guess, &mut text);
        }
        say(&whose, "lost", &of(|report| &report.lost_by_reason), |r| known(r, &REASONS, &LOSSES).into(), &mut text);
    }
    text
}

/// Over all seeds, most first.
fn tally<'r>(counts: impl Iterator<Item = &'r CauseCount>) -> Vec<(&'r str, u64)> {
    let mut sums: Vec<(&str, u64)> = Vec::new();
    for CauseCount { cause, count, .. } in counts {
        match sums.iter_mut().find(|(known, _)| known == cause) {
            Some((_, sum)) => *sum += count,
            None => sums.push((cause, *count)),
        }
    }
    sums.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sums
}

fn known<'w>(cause: &'w str, causes: &[&str], sentences: &[&'w str]) -> &'w str {
    causes.iter().position(|known| *known == cause).map_or(cause, |at| sentences[at])
}

fn say(whose: &str, what: &str, counts: &[(&str, u64)], words: impl Fn(&str) -> String, text: &mut String) {
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    for (cause, count) in counts {
        line(&format!("{whose}{} of {} {what}: {}", thousands(*count), thousands(all), words(cause)), text);
    }
}

/// The first line has the label, and what does not fit goes on below.
fn line(sentence: &str, text: &mut String) {
    for line in wrap(sentence, WIDTH - 6) {
        let label = if text.is_empty() { "why" } else { "" };
        text.push_str(&format!("{label:<6}{line}\n"));
    }
}

/// `30 s visibility timeout`
fn lease(plan: &Plan, consumer: &Consumer) -> String {
    let settings = &plan.queues[consumer.from.at()].settings;
    let word = settings.product().words.lease;
    settings.lease().map_or(word.to_owned(), |span| format!("{span} {word}"))
}

/// Where a step outlives the lease only beyond what the file knows of its distribution.
fn guess(plan: &Plan, consumer: &Consumer) -> Option<String> {
    let lease = plan.queues[consumer.from.at()].settings.lease()?;
    let dists = consumer.steps.iter().filter_map(|step| match step {
        Step::Work(dist) => Some(dist),
        step => step.store().map(|store| &plan.stores[store.at()].latency),
    });
    let mut guesses = dists.filter_map(|dist| Some((dist.guessed_quantile(lease)?, dist.quantile_words()?)));
    let (beyond, given) = guesses.next()?;
    Some(format!("beware: these calls are beyond {beyond}; the file knows {given}"))
}
