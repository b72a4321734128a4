//! The vocabulary of the recorded SQS scripts: what each word does to a queue, and the events that come of it.
//!
//! A script is compiled into a plan (each queue as it is declared or changed is one of the plan, each message a producer, each
//! receive a worker; `compile.rs`) and played on its machines (`player.rs`). What the service refuses before it looks at a
//! queue is refused by the product's own tables.

mod compile;
mod player;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::script::Words;
use super::trace::{Event, Trace};
use super::{NotModelled, Vocabulary};
use crate::model::Stage;
use crate::model::broker::sqs::{Kind, Settings};
use crate::model::broker::{self, product};
use crate::model::parameter;
use crate::model::plan::{Plan, ProducerId, QueueId};
use crate::sim::Span;
use player::Player;

/// Who plays it.
pub(super) const VOCABULARY: Vocabulary = Vocabulary { folders: "sqs-", play, leave_out };

const INVALID: &str = "InvalidParameterValue";
const INVALID_ATTRIBUTE: &str = "InvalidAttributeValue";
const NO_QUEUE: &str = "NonExistentQueue";
/// No call takes more at once.
const BATCH: usize = 10;

/// Plays a script.
fn play(trace: &Trace) -> Result<Vec<Event>, NotModelled> {
    let compiled = Compiled::of(&trace.steps)?;
    let stage = Stage::of(compiled.plan.clone());
    Ok(Player::new(&compiled, &stage).play_all())
}

/// Leaves out what the sources of a trace differ on.
fn leave_out(trace: &Trace, event: &mut Event) {
    for what in &trace.ignored {
        match what.as_str() {
            "counts" => ["visible", "not_visible", "delayed"].iter().for_each(|field| drop(event.remove(*field))),
            "error code" => {
                for field in ["result", "error"] {
                    if let Some(code) = event.get_mut(field).filter(|code| *code != "ok") {
                        *code = "error".into();
                    }
                }
            }
            "same_id_as" => drop(event.remove("same_id_as")),
            "receive_count of a dead letter" => {
                let queue = event.get("queue").and_then(Value::as_str).unwrap_or_default();
                if queue.starts_with(['d', 'e', 'o']) {
                    event.remove("receive_count");
                }
            }
            _ => {}
        }
    }
}

/// What is done in a step.
enum Action {
    /// Nothing that anybody sees.
    Nothing,
    /// Refused before it reached a queue: what is seen of each call.
    Refused(Vec<Event>),
    SetAttributes {
        queue: QueueId,
        like: QueueId,
    },
    Send(Vec<Send>),
    Receive(Receive),
    Drain {
        receive: Receive,
        delete: bool,
    },
    /// Of each message: with which of its receipts.
    Delete {
        by: Receipts,
        in_one_call: bool,
    },
    ChangeVisibility {
        by: Receipts,
        seconds: i64,
    },
    Purge {
        queue: QueueId,
        name: String,
    },
    Counts(Vec<(String, Option<QueueId>)>),
    Sources {
        name: String,
        queue: QueueId,
    },
    Sleep(Span),
}

struct Send {
    msg: String,
    queue: String,
    /// The producer that stands for it, or why it is refused.
    goes: Result<ProducerId, &'static str>,
}

#[derive(Clone)]
struct Receive {
    queue: String,
    worker: u32,
    of: QueueId,
    consumer: String,
    wait: Span,
    times: u64,
    sorted: bool,
    counted: bool,
}

/// Receipts of some messages, shown to a queue.
struct Receipts {
    /// None, where no queue has that name.
    queue: Option<QueueId>,
    msgs: Vec<String>,
    handle: Handle,
}

#[derive(Clone, Copy)]
enum Handle {
    /// From 0, the first; from -1, the newest.
    Nth(i64),
    Garbage,
}

/// A script as a plan and what is done in each step.
struct Compiled {
    plan: Plan,
    steps: Vec<Action>,
    /// The queue of the plan that each name is.
    queues: BTreeMap<String, QueueId>,
    /// By producer: the name of its message, and of its group.
    messages: Vec<(String, Option<String>)>,
}

fn settings(plan: &Plan, queue: QueueId) -> &Settings {
    match &plan.queues[queue.at()].settings {
        broker::Settings::Sqs(settings) => settings,
        _ => unreachable!("the plan is of queues of one product"),
    }
}

fn kind(fifo: bool) -> Kind {
    if fifo { Kind::Fifo { content_based: false, by_group: false } } else { Kind::Standard { loose: false } }
}

fn handle(words: &Words<'_>) -> Handle {
    match words.0.get("handle") {
        Some(Value::String(_)) => Handle::Garbage,
        _ => Handle::Nth(words.integer("handle").unwrap_or(-1)),
    }
}

fn refusal(op: &str, queue: &str, code: &str) -> Event {
    fields(json!({ "kind": "error", "op": op, "queue": queue, "error": code }))
}

fn fields(value: Value) -> Event {
    match value {
        Value::Object(fields) => fields,
        _ => unreachable!("an event is an object"),
    }
}

/// A whole number, also where it is written as a text.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

/// A number of seconds as the span of a parameter, where it is in its range.
fn fitting(kind: parameter::Kind, value: &Value) -> Option<Span> {
    let span = Span::from_secs(whole(value)?);
    matches!(kind, parameter::Kind::Span { min, max, .. } if (min..=max).contains(&span)).then_some(span)
}

/// Whether a number of seconds is in the range of a parameter. Where both kinds of queues have it, they have the same.
fn fits(name: &str, seconds: i64) -> bool {
    let standard = product("sqs-standard").expect("a product of this folder");
    let tables = [standard.parameters, standard.message, standard.client];
    let parameter = tables.into_iter().flatten().find(|parameter| parameter.name == name);
    parameter.is_some_and(|parameter| fitting(parameter.kind, &json!(seconds)).is_some())
}
