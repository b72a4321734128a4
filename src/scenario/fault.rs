//! `[fault.NAME]`: what goes wrong, to whom, and when.

use super::decode::{Fields, Read, Reader};
use super::document::{Entry, Node, Value};
use super::error::Problem;
use super::names::{Kind, Names};
use super::schema::{Block, CHANCE, SPAN, default, optional};
use crate::model::plan::{Consumer, ConsumerId, Fault, FaultKind, QueueId, Step, When};
use crate::sim::{Chance, Span, Time};

const CONSUMER: &str = "the name of a consumer";

pub(crate) const BLOCK: Block = Block {
    path: "fault.NAME",
    what: "a fault",
    fields: &[
        optional(
            "crash",
            "the name of a consumer or a queue",
            "a process dies with all its workers, or a broker goes down",
        ),
        optional(
            "error",
            CONSUMER,
            "a step of a handler ends with an error that another try may not have (with at_step)",
        ),
        optional("pause", CONSUMER, "a process stands still; what comes due waits"),
        optional("slow", CONSUMER, "the work of its handlers takes longer for a while"),
        optional("every", SPAN, "again and again, with exponential gaps of this mean, in each process"),
        optional("at", "a length of time since the start, or a list of them", "at these moments"),
        optional("instance", "a whole number, from 1", "which process (with at); without it, all"),
        optional(
            "at_step",
            "a step, such as \"ack\", \"effect db\" or its number",
            "when a handler is at this step (crash, with chance)",
        ),
        optional("chance", CHANCE, "how likely, each time a handler is there (with at_step)"),
        default("restart_after", "5s", SPAN, "how long it is down (crash)"),
        optional("lasts", SPAN, "how long it lasts (pause, slow)"),
        optional("factor", "a whole number", "how many times as long the work takes (slow)"),
    ],
};

/// So many moments a fault has at most.
const MAX_MOMENTS: usize = 10_000;

/// A fault.
pub(crate) fn read(reader: &Reader<'_>, names: &Names, consumers: &[Read<Consumer>], entry: &Entry) -> Read<Fault> {
    let fields = Fields::of(reader, &BLOCK, &entry.node, entry.key_at)?;
    let kind = kind(&fields, names);
    let victim = kind.as_ref().ok().and_then(|kind| kind.consumer()).and_then(|c| consumers[c.at()].as_ref().ok());
    let when = when(&fields, names, victim);
    let (kind, when) = (kind?, when?);
    let broker = matches!(kind, FaultKind::BrokerCrash { .. });
    if broker {
        fields.refuse("instance", "a broker has no instances")?;
    }
    if let (FaultKind::Error { .. }, When::Every(_) | When::At { .. }) = (kind, &when) {
        let problem = Problem::new(entry.key_at, "an error needs `at_step`");
        return reader.fail(problem.label("`at_step` is missing: at which step it befalls, such as \"effect db\""));
    }
    if !matches!(kind, FaultKind::Crash { .. } | FaultKind::Error { .. }) && matches!(when, When::AtStep { .. }) {
        let what = if broker { "a broker takes no steps" } else { "only a crash or an error happens at a step" };
        fields.refuse("at_step", what)?;
    }
    Ok(Fault { name: entry.key.clone(), kind, when })
}

fn kind(fields: &Fields<'_, '_>, names: &Names) -> Read<FaultKind> {
    let reader = fields.reader;
    let (what, entry) = fields.one_of(&["crash", "error", "pause", "slow"])?;
    let kinds: &[Kind] = if what == "crash" { &[Kind::Consumer, Kind::Queue] } else { &[Kind::Consumer] };
    let name = reader.text(&entry.node, "a name").map(|name| (name, entry.node.at));
    let whom = name.and_then(|(name, at)| names.find_any(reader, kinds, name, at));
    let belong = |what: &str, those: &[&str]| {
        those.iter().try_for_each(|field| fields.refuse(field, format!("it belongs to a {what}")))
    };
    let needed = |name: &str| match fields.optional(name, |n| reader.some_time(n))? {
        Some(span) => Ok(span),
        None => {
            let problem = Problem::new(entry.key_at, format!("a {what} needs `{name}`"));
            reader.fail(problem.label(format!("`{name}` is missing: {SPAN}")))
        }
    };
    match what {
        "crash" => {
            let after = fields.read("restart_after", |n| reader.some_time(n));
            belong("pause or a slowdown", &["lasts", "factor"])?;
            let restart_after = after?;
            Ok(match whom? {
                (Kind::Consumer, c) => FaultKind::Crash { consumer: ConsumerId(c), restart_after },
                (_, q) => FaultKind::BrokerCrash { queue: QueueId(q), restart_after },
            })
        }
        "error" => {
            belong("crash", &["restart_after"])?;
            belong("pause or a slowdown", &["lasts", "factor"])?;
            Ok(FaultKind::Error { consumer: ConsumerId(whom?.1) })
        }
        "pause" => {
            let lasts = needed("lasts");
            belong("crash", &["restart_after"])?;
            belong("slowdown", &["factor"])?;
            Ok(FaultKind::Pause { consumer: ConsumerId(whom?.1), lasts: lasts? })
        }
        _ => {
            let lasts = needed("lasts");
            let factor = fields.optional("factor", |n| reader.whole(n, 2..=1_000_000));
            belong("crash", &["restart_after"])?;
            let Some(factor) = factor? else {
                let problem = Problem::new(entry.key_at, "a slowdown needs `factor`");
                return reader.fail(problem.label("`factor` is missing: how many times as long, such as 10"));
            };
            Ok(FaultKind::Slow { consumer: ConsumerId(whom?.1), factor: factor as u32, lasts: lasts? })
        }
    }
}

fn when(fields: &Fields<'_, '_>, names: &Names, victim: Option<&Consumer>) -> Read<When> {
    let reader = fields.reader;
    let (said, entry) = fields.one_of(&["every", "at", "at_step"])?;
    if said != "at" {
        fields.refuse("instance", "it says to whom `at` happens")?;
    }
    if said != "at_step" {
        fields.refuse("chance", "it says how likely `at_step` is")?;
    }
    match said {
        "every" => reader.some_time(&entry.node).map(When::Every),
        "at" => {
            let times = moments(reader, &entry.node);
            let most = victim.map_or(60_000, |victim| u64::from(victim.instances));
            let instance = fields.optional("instance", |n| reader.whole(n, 1..=most));
            Ok(When::At { times: times?, instance: instance?.map(|n| (n - 1) as u16) })
        }
        _ => {
            let chance: Option<Chance> = fields.optional("chance", |n| reader.chance(n))?;
            let Some(chance) = chance else {
                let problem = Problem::new(entry.key_at, "`at_step` needs `chance`");
                return reader.fail(problem.label("`chance` is missing: how likely, such as \"0.1%\""));
            };
            let step = match victim {
                Some(victim) => step(reader, names, victim, &entry.node)?,
                // Whose steps they are is not known: what was wrong there has been reported, or will be by the caller.
                None => 0,
            };
            Ok(When::AtStep { step, chance })
        }
    }
}

pub(super) fn moments(reader: &Reader<'_>, node: &Node) -> Read<Vec<Time>> {
    let list = match &node.value {
        Value::List(list) if list.is_empty() || list.len() > MAX_MOMENTS => {
            let problem = Problem::new(node.at, format!("{} moments", list.len()));
            return reader.fail(problem.label(format!("expected 1 to {MAX_MOMENTS}")));
        }
        Value::List(list) => list.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let times: Vec<Read<Span>> = list.iter().map(|n| reader.span(n)).collect();
    let mut times: Vec<Time> = times.into_iter().map(|t| Ok(Time::ZERO + t?)).collect::<Read<_>>()?;
    times.sort_unstable();
    Ok(times)
}

/// The step that `"ack"`, `"effect db"` or `2` (counted from 1) means.
fn step(reader: &Reader<'_>, names: &Names, victim: &Consumer, node: &Node) -> Read<u8> {
    if let Value::Number(_) = node.value {
        return reader.whole(node, 1..=victim.steps.len() as u64).map(|number| (number - 1) as u8);
    }
    let text = reader.text(node, "a step, such as \"ack\", or its number")?;
    let said: Vec<&str> = text.split_whitespace().collect();
    let store = |step: &Step| step.store().and_then(|s| names.all(Kind::Store).get(s.at())).map_or("", String::as_str);
    let words = |step: &Step| format!("{} {}", step.word(), store(step)).trim_end().to_string();
    let meant = |step: &Step| match said.as_slice() {
        [word] => step.word() == *word,
        [word, on] => step.word() == *word && store(step) == *on,
        _ => false,
    };
    let found: Vec<usize> = (0..).zip(&victim.steps).filter(|(_, step)| meant(step)).map(|(i, _)| i).collect();
    match found.as_slice() {
        [one] => Ok(*one as u8),
        [] => {
            let words: Vec<String> = victim.steps.iter().map(words).collect();
            let wanted = format!("a step of `{}`", victim.name);
            reader.unknown(node, text, words.iter().map(String::as_str), &wanted, "its steps")
        }
        more => {
            let numbers: Vec<String> = more.iter().map(|i| (i + 1).to_string()).collect();
            let problem = Problem::new(node.at, format!("`{}` is {} steps", text.escape_debug(), more.len()));
            reader.fail(problem.label(format!("say its number: {}", numbers.join(" or "))))
        }
    }
}
