//! `[consumer.NAME]`: the application that reads a queue: its processes, its program, what it does with errors.

use super::decode::{Fields, Read, grouped};
use super::document::{Entry, Node, Value};
use super::error::{Problem, list};
use super::names::Kind;
use super::parameters;
use super::pattern::{self, PATTERNS};
use super::place::Place;
use super::program::{Around, Written};
use super::schema::{Block, DIST, SPAN, default, optional, required};
use crate::model::broker::{Product, Subscription};
use crate::model::plan::{
    Consumer, MAX_EFFECT_SITES, MAX_STEPS, MAX_WORKERS, MarksBy, OnError, QueueId, Reaction, Receives, Step,
};
use crate::sim::{Dist, Span};

const STORE: &str = "the name of a store";

const CONSUMER: Block = Block {
    path: "consumer.NAME",
    what: "a consumer",
    fields: &[
        required("from", "the name of a queue", "which queue it reads"),
        default("instances", "1", "a whole number", "processes; each crashes alone, with all its workers"),
        default("workers", "1", "a whole number", "handlers at a time in each process"),
        default("batch", "1", "a whole number", "messages that a worker takes at a time"),
        default(
            "receives",
            "worker",
            "\"worker\" or \"instance\"",
            "who asks for messages: each worker for itself, or each process for all its workers",
        ),
        optional("heartbeat", SPAN, "how often a process renews the leases of what it holds; without it, never"),
        optional(
            "steps",
            "a list of steps: work, seen?, effect, mark, begin, commit, ack",
            "what a handler does; or say `pattern`",
        ),
        optional("pattern", "the name of a pattern", "a named program, instead of `steps`"),
        optional("work", DIST, "how long the work step takes"),
        optional("effect", STORE, "what the effect of the pattern is applied to"),
        optional(
            "mark",
            "\"before\" or \"after\"",
            "check-then-process: whether it marks before the effect; without it, after",
        ),
        optional("marks_in", STORE, "check-then-process: where the marks are; without it, where the effect is"),
        default(
            "marks_by",
            "operation",
            "\"operation\", \"message\" or \"delivery\"",
            "what a mark names: the operation, the broker's message (a producer's retry is another), or the delivery",
        ),
        optional("inbox", STORE, "transactional-inbox: where the inbox is; without it, where the effect is"),
        default(
            "on_error",
            "nack",
            "\"nack\", \"leave\", \"reject\", \"ack\", { nack = DELAY }, or a table",
            "what happens to a message whose handler ended with an error",
        ),
    ],
};

const REACTION: &str = "\"nack\", \"leave\", \"reject\", \"ack\" or { nack = DELAY }";

const ON_ERROR: Block = Block {
    path: "consumer.NAME.on_error",
    what: "on_error",
    fields: &[
        default("retryable", "nack", REACTION, "where another try may do it: an error fault"),
        default("poison", "nack", REACTION, "where no handler can do it"),
        optional("after", "a whole number", "from this delivery on, whichever error it is, `then`"),
        optional("then", REACTION, "what happens then"),
    ],
};

const NACK: Block = Block {
    path: "consumer.NAME.on_error.nack",
    what: "a nack",
    fields: &[required("nack", SPAN, "given back, to be delivered again after this delay")],
};

pub(crate) const BLOCKS: &[&Block] = &[&CONSUMER, &ON_ERROR, &NACK];

/// A consumer.
pub(crate) fn read(around: &Around<'_, '_>, entry: &Entry) -> Read<Consumer> {
    let reader = around.reader;
    let product = product_read(around, &entry.node);
    let client = product.map_or(&[][..], |product| product.client);
    let fields = Fields::beside(reader, &CONSUMER, client, &entry.node, entry.key_at)?;
    if let Some(product) = product.filter(|product| !product.client.is_empty()) {
        let names: Vec<&str> = product.client.iter().map(|parameter| parameter.name).collect();
        let why = format!("{} has its own words for how messages are taken: {}", product.name, list(&names));
        fields.refuse("batch", why)?;
    }
    let from = fields.read("from", |n| around.names.find(reader, Kind::Queue, n));
    let instances = fields.read("instances", |n| reader.small_count(n));
    let workers = fields.read("workers", |n| reader.small_count(n));
    let batch = fields.read("batch", |n| reader.small_count(n));
    let receives = fields.read("receives", |n| {
        let word = reader.word(n, &["worker", "instance"])?;
        Ok(if word == "instance" { Receives::Instance } else { Receives::Worker })
    });
    let heartbeat = fields.optional("heartbeat", |n| reader.some_time(n));
    let subscription = match product.filter(|product| !product.client.is_empty()) {
        None => Ok(None),
        Some(product) => subscription(around, product, &fields).map(Some),
    };
    let acks_itself = matches!(&subscription, Ok(Some(subscription)) if subscription.acks_itself());
    let program = program(around, &fields, acks_itself);
    let on_error = fields.read("on_error", |n| on_error(around, n));
    let marks_by = fields.read("marks_by", |n| {
        Ok(match reader.word(n, &["operation", "message", "delivery"])? {
            "message" => MarksBy::Message,
            "delivery" => MarksBy::Delivery,
            _ => MarksBy::Operation,
        })
    });
    let (pattern, steps) = program?;
    Ok(Consumer {
        foreign: false,
        name: entry.key.clone(),
        from: QueueId(from?),
        instances: instances?,
        workers: workers?,
        batch: batch?,
        subscription: subscription?,
        receives: receives?,
        heartbeat: heartbeat?,
        steps,
        marks_by: marks_by?,
        pattern,
        on_error: on_error?,
    })
}

/// The product that a consumer reads, where it is known.
fn product_read(around: &Around<'_, '_>, node: &Node) -> Option<&'static Product> {
    let Value::Table(table) = &node.value else { return None };
    let Value::Text(name) = &table.get("from")?.node.value else { return None };
    around.products.get(usize::from(around.names.number(Kind::Queue, name)?)).copied().flatten()
}

/// How it asks for messages, in the product's words.
fn subscription(around: &Around<'_, '_>, product: &'static Product, fields: &Fields<'_, '_>) -> Read<Subscription> {
    let given = fields.entries_of(product.client);
    let what = format!("a consumer of {}", product.name);
    let values =
        parameters::read(around.reader, around.names, product.client, given, (&what, &[], product.not_modelled))?;
    (product.read_client)(&values)
        .or_else(|why| around.reader.fail(Problem::new(fields.at, "these settings do not fit together").label(why)))
}

fn program(
    around: &Around<'_, '_>,
    fields: &Fields<'_, '_>,
    acks_itself: bool,
) -> Read<(Option<&'static str>, Vec<Step>)> {
    let reader = around.reader;
    let work = fields.optional("work", |n| super::dist::read(reader, n));
    let (said, entry) = fields.one_of(&["steps", "pattern"])?;
    let (pattern, program) = if said == "pattern" {
        let names: Vec<&'static str> = PATTERNS.iter().map(|pattern| pattern.name).collect();
        let name = reader.word(&entry.node, &names)?;
        (Some(name), pattern::program(around, fields, name, entry.node.at, work?)?)
    } else {
        (None, steps(around, fields, &entry.node, work?)?)
    };
    around.check(&program, entry.node.at, acks_itself)?;
    Ok((pattern, program.into_iter().map(|written| written.step).collect()))
}

fn steps(around: &Around<'_, '_>, fields: &Fields<'_, '_>, node: &Node, work: Option<Dist>) -> Read<Vec<Written>> {
    let reader = around.reader;
    let parts = ["effect", "mark", "marks_in", "inbox"].map(|field| fields.refuse(field, "`steps` say it all"));
    let list = reader.list(node, "a list of steps: [\"effect db\", \"ack\"]")?;
    if list.is_empty() || list.len() > MAX_STEPS {
        let problem = Problem::new(node.at, format!("a program of {} steps", list.len()));
        return reader.fail(problem.label(format!("expected 1 to {MAX_STEPS} steps")));
    }
    let steps: Vec<Read<Written>> = list.iter().map(|n| around.step(n, work.as_ref())).collect();
    let bare = |n: &&Node| matches!(&n.value, Value::Text(text) if text.trim() == "work");
    let used = match list.iter().find(bare) {
        None => fields.refuse("work", "no step is a bare \"work\""),
        Some(_) => Ok(()),
    };
    parts.into_iter().chain([used]).collect::<Read<()>>()?;
    steps.into_iter().collect()
}

fn on_error(around: &Around<'_, '_>, node: &Node) -> Read<OnError> {
    let reader = around.reader;
    let Value::Table(table) = &node.value else { return reaction(around, node).map(OnError::always) };
    if table.get("nack").is_some() {
        return reaction(around, node).map(OnError::always);
    }
    let fields = Fields::of(reader, &ON_ERROR, node, node.at)?;
    let retryable = fields.read("retryable", |n| reaction(around, n));
    let poison = fields.read("poison", |n| reaction(around, n));
    let after = fields.optional("after", |n| reader.small_count(n));
    let then = fields.optional("then", |n| reaction(around, n));
    let after = match (after?, then?) {
        (None, None) => None,
        (Some(after), Some(then)) => Some((after, then)),
        (given, _) => {
            let (has, needs) = if given.is_some() { ("after", "then") } else { ("then", "after") };
            let problem = Problem::new(node.at, format!("`{has}` needs `{needs}`"));
            return reader.fail(problem.label(format!("`{needs}` is missing")));
        }
    };
    Ok(OnError { retryable: retryable?, poison: poison?, after })
}

fn reaction(around: &Around<'_, '_>, node: &Node) -> Read<Reaction> {
    let reader = around.reader;
    match node.value {
        Value::Text(_) => Ok(match reader.word(node, &["nack", "leave", "reject", "ack"])? {
            "leave" => Reaction::Leave,
            "reject" => Reaction::Reject,
            "ack" => Reaction::Ack,
            _ => Reaction::Nack { delay: Span::ZERO },
        }),
        _ => {
            let fields = Fields::of(reader, &NACK, node, node.at)?;
            fields.read("nack", |n| reader.span(n)).map(|delay| Reaction::Nack { delay })
        }
    }
}

/// Reports the consumer with which the file goes beyond what a plan may have.
pub(crate) fn check_limits(around: &Around<'_, '_>, entries: &[&Entry], consumers: &[Read<Consumer>]) -> Read<()> {
    let (mut workers, mut effects) = (0u64, 0usize);
    let mut fits = Ok(());
    for (entry, consumer) in entries.iter().zip(consumers) {
        let Ok(consumer) = consumer else { continue };
        let before = (workers, effects);
        workers += u64::from(consumer.instances) * u64::from(consumer.workers);
        effects += consumer.steps.iter().filter(|step| matches!(step, Step::Effect { .. })).count();
        let at: Place = entry.key_at;
        let mut fail = |message: String, label: String| {
            fits = around.reader.fail(Problem::new(at, message).label(label));
        };
        if before.0 <= u64::from(MAX_WORKERS) && workers > u64::from(MAX_WORKERS) {
            fail(
                format!("{} workers up to here", grouped(workers)),
                format!("a file has at most {}: instances times workers", grouped(MAX_WORKERS.into())),
            );
        }
        if before.1 <= MAX_EFFECT_SITES && effects > MAX_EFFECT_SITES {
            fail(format!("{effects} effect steps up to here"), format!("a file has at most {MAX_EFFECT_SITES}"));
        }
    }
    fits
}

/// Where a step was written: among the steps; of a pattern, where the store of its effect was named.
pub(crate) fn step_at(entry: &Entry, step: usize) -> Option<Place> {
    let Value::Table(table) = &entry.node.value else { return None };
    match table.get("steps").map(|steps| &steps.node.value) {
        Some(Value::List(steps)) => steps.get(step).map(|step| step.at),
        _ => table.get("effect").map(|effect| effect.node.at),
    }
}
