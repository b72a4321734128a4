//! The three answers: what the delivery guarantee was, what the ordering was, what became of dead letters; as observed.
//!
//! They are read off counts, not off promises: zero seen is said as zero seen.

use super::super::words::{number, one_in};
use super::{measured, row};
use crate::model::Plan;
use crate::model::plan::{Consumer, Queue, Step};
use crate::observe::report::{ConsumerReport, Counts, QueueReport, Report};

/// The rows of all three.
pub(super) fn answers(plan: &Plan, reports: &[Report]) -> String {
    let consumers = plan.consumers.iter().enumerate();
    let of = |c: usize| reports.iter().filter_map(|report| report.consumers.get(c)).collect::<Vec<_>>();
    let mut text = String::new();
    let deliveries =
        consumers.clone().map(|(c, consumer)| (consumer.name.as_str(), delivery(consumer, &of(c), reports)));
    rows("delivery", deliveries.collect(), &mut text);
    let orders = consumers.map(|(c, consumer)| (consumer.name.as_str(), ordering(plan, &of(c))));
    rows("ordering", orders.collect(), &mut text);
    let letters = plan.queues.iter().enumerate();
    let letters = letters.filter(|(q, _)| is_consumed(plan, *q) && !is_dead_letter_queue(plan, *q));
    let letters = letters.map(|(q, queue)| (queue.name.as_str(), dead_letters(plan, q, queue, reports)));
    rows("dead letters", letters.collect(), &mut text);
    text
}

/// One row for each subject, named where there are several.
fn rows(label: &str, answers: Vec<(&str, String)>, text: &mut String) {
    let many = answers.len() > 1;
    for (i, (name, answer)) in answers.into_iter().enumerate() {
        let answer = if many { format!("{name}: {answer}") } else { answer };
        text.push_str(&row(if i == 0 { label } else { "" }, &answer));
    }
}

fn each(reports: &[&ConsumerReport], read: fn(&Counts) -> u64) -> Vec<f64> {
    reports.iter().map(|report| read(&report.counts) as f64).collect()
}

fn is_any(values: &[f64]) -> bool {
    values.iter().any(|&value| value > 0.0)
}

fn delivery(consumer: &Consumer, of: &[&ConsumerReport], reports: &[Report]) -> String {
    let produced = each(of, |counts| counts.produced);
    if !is_any(&produced) {
        return "nothing was produced for it".into();
    }
    let (lost, twice) = (each(of, |counts| counts.lost), each(of, |counts| counts.duplicates));
    if !consumer.foreign && !consumer.steps.iter().any(|step| matches!(step, Step::Effect { .. })) {
        let acked = each(of, |counts| counts.acked);
        return format!("no effect is counted here: {} acked, {} lost", measured(&acked), measured(&lost));
    }
    let took_effect = is_any(&each(of, |counts| counts.effects));
    let kind = match (is_any(&lost), is_any(&twice)) {
        (false, false) => "effects exactly once, as far as seen",
        (false, true) => "at least once",
        (true, false) => "at most once",
        (true, true) => "neither at least once nor at most once",
    };
    let stored: Vec<f64> = reports.iter().map(|report| report.still_stored as f64).collect();
    let left = if is_any(&stored) { format!("; {} still stored at the end", measured(&stored)) } else { String::new() };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let of_all = number(mean(&produced).round());
    let missing = each(of, |counts| counts.missing);
    let missing = match is_any(&missing) {
        true => format!("; {} never confirmed and missing", measured(&missing)),
        false => String::new(),
    };
    // Nothing that took effect is no proof of "exactly once".
    if !took_effect {
        return format!("nothing took effect: {} lost of {of_all} operations{missing}{left}", measured(&lost));
    }
    let repeated = match one_in(mean(&twice), mean(&produced)) {
        None => format!("none of {of_all} operations took effect twice"),
        Some(rarity) => {
            let twice = measured(&twice);
            let effects = if twice == "1" { "effect" } else { "effects" };
            format!("{twice} duplicate {effects} of {of_all} operations ({rarity})")
        }
    };
    format!("{kind}: {} lost; {repeated}{missing}{left}", measured(&lost))
}

fn ordering(plan: &Plan, of: &[&ConsumerReport]) -> String {
    if plan.producers.iter().all(|producer| producer.keys.count().is_none()) {
        return "nothing to keep in order: every operation has a key of its own".into();
    }
    let wrong = each(of, |counts| counts.out_of_order);
    match is_any(&wrong) {
        true => format!("none: {} effects came after a younger one of their key", measured(&wrong)),
        false if is_any(&each(of, |counts| counts.effects)) => {
            "in order by key, as far as seen: no effect came after a younger one of its key".into()
        }
        false => "nothing took effect".into(),
    }
}

/// Of a queue that nobody consumes nothing is delivered, so nothing of it becomes a dead letter.
fn is_consumed(plan: &Plan, q: usize) -> bool {
    plan.consumers.iter().any(|consumer| consumer.from.at() == q)
}

fn is_dead_letter_queue(plan: &Plan, q: usize) -> bool {
    plan.queues.iter().any(|queue| queue.settings.dead_letter_to().is_some_and(|to| to.at() == q))
}

fn dead_letters(plan: &Plan, q: usize, queue: &Queue, reports: &[Report]) -> String {
    let Some(words) = queue.settings.dead_letter_words() else {
        return "none: a message is delivered again until it is acked".into();
    };
    let of = |q: usize, of: fn(&QueueReport) -> u64| -> Vec<f64> {
        reports.iter().filter_map(|report| report.queues.get(q)).map(|queue| of(queue) as f64).collect()
    };
    let aside = of(q, |queue| queue.dead_lettered);
    match queue.settings.dead_letter_to() {
        Some(to) => {
            // Who put it aside trusts that queue to keep it.
            let gone = of(to.at(), |queue| queue.dropped);
            let gone = if is_any(&gone) { format!("; {} dropped there", measured(&gone)) } else { String::new() };
            format!("{words} to {}: {}{gone}", plan.queues[to.at()].name, measured(&aside))
        }
        None if is_any(&aside) => format!("{words} to where its dead-letter exchange leads: {}", measured(&aside)),
        None => {
            format!("{words} a message is dropped: {}", measured(&of(q, |queue| queue.dropped)))
        }
    }
}
