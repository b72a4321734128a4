//! A script as a plan and a list of actions.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Action, BATCH, Compiled, INVALID, INVALID_ATTRIBUTE, NO_QUEUE, Receipts, Receive, Send, fields, fits, fitting,
    handle, kind, refusal, settings, whole,
};
use crate::model::broker;
use crate::model::broker::sqs::{Envelope, Kind, PRODUCTS, Redrive, Settings, Subscription, is_id};
use crate::model::parameter;
use crate::model::plan::{Consumer, Plan, ProducerId, Queue, QueueId};
use crate::model::text::Text;
use crate::sim::Span;
use crate::ways::conform::NotModelled;
use crate::ways::conform::script::{Words, producer};
use crate::ways::conform::trace::Event;

const A_CENTURY: Span = Span::from_secs(100 * 365 * 86_400);

impl Compiled {
    pub(super) fn of(steps: &[Value]) -> Result<Compiled, NotModelled> {
        let mut plan = Plan::new("a script");
        plan.length.span = Some(A_CENTURY); // long enough for whatever expires
        let mut compiler = Compiler { plan, queues: BTreeMap::new(), messages: Vec::new() };
        let steps = steps.iter().map(|step| compiler.step(step)).collect::<Result<_, _>>()?;
        let Compiler { plan, queues, messages } = compiler;
        Ok(Compiled { plan, steps, queues, messages })
    }
}

/// So many characters has a name at most.
const NAME: usize = 80;

type Changed = Result<Settings, &'static str>;

fn is_on(value: &Value) -> bool {
    *value == true || value == "true"
}

/// Whether a queue, but for its suffix, or an entry of a batch may be called so.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=NAME).contains(&text.len()) && text.chars().all(fits)
}

/// Seconds that were found to fit.
fn span(seconds: i64) -> Span {
    Span::from_secs(seconds.unsigned_abs())
}

/// No queue has that name: what is seen of the call.
fn unseen(words: &Words<'_>, mut event: Value) -> Action {
    event["queue"] = words.text("queue").into();
    Action::Refused(vec![fields(event)])
}

struct Compiler {
    plan: Plan,
    /// The queue of the plan that each name is.
    queues: BTreeMap<String, QueueId>,
    messages: Vec<(String, Option<String>)>,
}

impl Compiler {
    fn step(&mut self, step: &Value) -> Result<Action, NotModelled> {
        let words = Words(step);
        let op = words.text("op").unwrap_or_default();
        Ok(match op {
            "queue" => self.queue(&words)?,
            "set_attrs" => self.set_attributes(&words)?,
            "send" => {
                let msgs = words.texts("msgs");
                let each =
                    |field: &str, nth: usize| words.list(field).get(nth).and_then(Value::as_str).map(str::to_owned);
                let sends = msgs.iter().enumerate().map(|(nth, msg)| {
                    let group = each("groups", nth).or_else(|| words.owned("group"));
                    let auto = words.is("auto_dedup").then(|| msg.clone());
                    let dedup = each("dedups", nth).or_else(|| words.owned("dedup")).or(auto);
                    self.send(&words, msg, group, dedup, words.integer("delay"))
                });
                Action::Send(sends.collect())
            }
            "send_batch" => self.send_batch(&words),
            "receive" => match self.receive(&words, words.integer("max").unwrap_or(1)) {
                Ok(receive) => Action::Receive(receive),
                Err(event) => Action::Refused(vec![event; words.whole("times").unwrap_or(1) as usize]),
            },
            "drain" => {
                let delete = step.get("delete").and_then(Value::as_bool).unwrap_or(true);
                let receive = self.receive(&words, words.integer("max").unwrap_or(10));
                match receive {
                    Ok(receive) => Action::Drain { receive, delete },
                    Err(mut event) => {
                        event.remove("consumer"); // a drain tells of itself, and not of the receive that was refused
                        event.insert("op".into(), op.into());
                        Action::Refused(vec![event])
                    }
                }
            }
            "delete" | "delete_batch" => {
                Action::Delete { by: self.receipts(&words), in_one_call: op == "delete_batch" }
            }
            "change_visibility" => {
                Action::ChangeVisibility { by: self.receipts(&words), seconds: words.integer("seconds").unwrap_or(0) }
            }
            "purge" => match self.find(&words, op) {
                Ok((name, queue)) => Action::Purge { queue, name },
                Err(_) => unseen(&words, json!({ "kind": "purged", "result": NO_QUEUE })),
            },
            "dlq_sources" => match self.find(&words, op) {
                Ok((name, queue)) => Action::Sources { name, queue },
                Err(_) => unseen(&words, json!({ "kind": "dlq_sources", "error": NO_QUEUE })),
            },
            "counts" => {
                let queues = words.texts("queues").into_iter();
                Action::Counts(queues.map(|name| (name.clone(), self.queues.get(&name).copied())).collect())
            }
            "sleep" => Action::Sleep(Span::from_millis(words.whole("ms").unwrap_or(0))),
            other => return Err(NotModelled(format!("the word `{other}`"))),
        })
    }

    fn find(&self, words: &Words<'_>, op: &str) -> Result<(String, QueueId), Event> {
        let name = words.text("queue").unwrap_or_default();
        match self.queues.get(name) {
            Some(&queue) => Ok((name.to_owned(), queue)),
            None => Err(refusal(op, name, NO_QUEUE)),
        }
    }

    fn receipts(&self, words: &Words<'_>) -> Receipts {
        let queue = words.text("queue").and_then(|name| self.queues.get(name)).copied();
        Receipts { queue, msgs: words.texts("msgs"), handle: handle(words) }
    }

    /// The last of the plan that was declared for a queue: how it is set at this point of the script.
    fn in_force(&self, queue: QueueId) -> &Settings {
        let latest = self.plan.queues.iter().rposition(|of| of.name.ends_with(&format!(" {}", queue.0)));
        settings(&self.plan, latest.map_or(queue, |at| QueueId(at as u16)))
    }

    fn queue(&mut self, words: &Words<'_>) -> Result<Action, NotModelled> {
        let name = words.text("name").unwrap_or_default();
        let attributes = words.table("attrs");
        let fifo = attributes.get("FifoQueue").is_some_and(is_on);
        let default = Settings { kind: kind(fifo), ..Settings::default() };
        let refused = |code: &str| Ok(Action::Refused(vec![refusal("queue", name, code)]));
        // The suffix and the attribute go together.
        let stem = name.strip_suffix(".fifo").unwrap_or(name);
        if fifo != name.ends_with(".fifo") || name.len() > NAME || !is_name(stem) {
            return refused(INVALID);
        }
        let settings = match self.attributes(default, &attributes)? {
            Ok(settings) => settings,
            Err(code) => return refused(code),
        };
        if let Some(&there) = self.queues.get(name) {
            // It is there already: well, if it is set as it is asked for.
            let as_asked = self.attributes(self.in_force(there).clone(), &attributes)?;
            let same = as_asked.as_ref() == Ok(self.in_force(there));
            return if same { Ok(Action::Nothing) } else { refused("QueueNameExists") };
        }
        let id = self.add(settings);
        self.queues.insert(name.to_owned(), id);
        Ok(Action::Nothing)
    }

    fn set_attributes(&mut self, words: &Words<'_>) -> Result<Action, NotModelled> {
        let (name, queue) = match self.find(words, "set_attrs") {
            Ok(found) => found,
            Err(event) => return Ok(Action::Refused(vec![event])),
        };
        let settings = match self.attributes(self.in_force(queue).clone(), &words.table("attrs"))? {
            Ok(settings) => settings,
            Err(code) => return Ok(Action::Refused(vec![refusal("set_attrs", &name, code)])),
        };
        let like = self.add(settings);
        self.plan.queues[like.at()].name = format!("{} {}", like.0, queue.0);
        Ok(Action::SetAttributes { queue, like })
    }

    fn add(&mut self, settings: Settings) -> QueueId {
        let id = QueueId(self.plan.queues.len() as u16);
        self.plan.queues.push(Queue { name: format!("{} {}", id.0, id.0), settings: broker::Settings::Sqs(settings) });
        id
    }

    /// Settings with some attributes changed, or why the service refuses them.
    fn attributes(&self, mut of: Settings, given: &Map<String, Value>) -> Result<Changed, NotModelled> {
        for (name, value) in given {
            if name == "FifoQueue" {
                // What a queue is, it stays.
                if of.is_fifo() != is_on(value) {
                    return Ok(Err(INVALID_ATTRIBUTE));
                }
                continue;
            }
            if name == "RedrivePolicy" {
                match self.redrive(&of, value) {
                    Ok(redrive) => of.redrive = redrive,
                    Err(code) => return Ok(Err(code)),
                }
                continue;
            }
            let table = of.product().parameters;
            let Some(parameter) = table.iter().find(|parameter| parameter.name == name) else {
                // What only the other kind of queue has is refused.
                let known = PRODUCTS.iter().flat_map(|product| product.parameters).any(|other| other.name == name);
                let why = || Err(NotModelled(format!("the attribute `{name}`")));
                return if known { Ok(Err("InvalidAttributeName")) } else { why() };
            };
            if let parameter::Kind::Word(words) = parameter.kind
                && value.as_str().is_none_or(|word| !words.contains(&word))
            {
                return Ok(Err(INVALID_ATTRIBUTE));
            }
            match (name.as_str(), &mut of.kind) {
                ("ContentBasedDeduplication", Kind::Fifo { content_based, .. }) => *content_based = is_on(value),
                ("DeduplicationScope", Kind::Fifo { by_group, .. }) => *by_group = value == "messageGroup",
                ("FifoThroughputLimit", _) => {}
                _ => {
                    let Some(span) = fitting(parameter.kind, value) else { return Ok(Err(INVALID_ATTRIBUTE)) };
                    match name.as_str() {
                        "VisibilityTimeout" => of.visibility_timeout = span,
                        "DelaySeconds" => of.delay = span,
                        "MessageRetentionPeriod" => of.retention = span,
                        "ReceiveMessageWaitTimeSeconds" => of.receive_wait = span,
                        _ => return Err(NotModelled(format!("the attribute `{name}`"))),
                    }
                }
            }
        }
        let limit_of_groups = given.get("FifoThroughputLimit").is_some_and(|limit| limit == "perMessageGroupId");
        if limit_of_groups && !matches!(of.kind, Kind::Fifo { by_group: true, .. }) {
            return Ok(Err(INVALID_ATTRIBUTE));
        }
        Ok(Ok(of))
    }

    /// A redrive policy for a queue that is set so; an empty one takes it away.
    fn redrive(&self, of: &Settings, value: &Value) -> Result<Option<Redrive>, &'static str> {
        if value.is_null() || value == "" || *value == json!({}) {
            return Ok(None);
        }
        let to = value.get("dlq").and_then(Value::as_str).and_then(|dlq| self.queues.get(dlq)).ok_or(NO_QUEUE)?;
        let most = value.get("maxReceiveCount").and_then(whole).filter(|n| (1..=1_000).contains(n)).ok_or(INVALID)?;
        // A dead-letter queue is of the kind of its source.
        if settings(&self.plan, *to).is_fifo() != of.is_fifo() {
            return Err(INVALID);
        }
        Ok(Some(Redrive { to: *to, max_receive_count: most as u16 }))
    }

    fn send(
        &mut self,
        words: &Words<'_>,
        msg: &str,
        group: Option<String>,
        dedup: Option<String>,
        delay: Option<i64>,
    ) -> Send {
        let queue = words.text("queue").unwrap_or_default().to_owned();
        let goes = match self.queues.get(&queue) {
            None => Err(NO_QUEUE),
            Some(&to) => self.message(to, msg, group, dedup, delay),
        };
        Send { msg: msg.to_owned(), queue, goes }
    }

    fn message(
        &mut self,
        to: QueueId,
        msg: &str,
        group: Option<String>,
        dedup: Option<String>,
        delay: Option<i64>,
    ) -> Result<ProducerId, &'static str> {
        let [group, dedup] = [group, dedup].map(|id| id.filter(|id| !id.is_empty()));
        if !group.iter().chain(&dedup).all(|id| is_id(id)) {
            return Err(INVALID);
        }
        let text = |text: &Option<String>| text.as_deref().map(Text::fixed);
        let said =
            Envelope { group: text(&group), dedup: text(&dedup), body: Some(Text::fixed(msg)), delay: delay.map(span) };
        if delay.is_some_and(|delay| !fits("DelaySeconds", delay)) {
            return Err(INVALID);
        }
        if let Some(problem) = self.in_force(to).refuses(&said) {
            return Err(problem.code());
        }
        let id = ProducerId(self.plan.producers.len() as u16);
        let script = producer(id, to, broker::Envelope::Sqs(said));
        self.plan.producers.push(script);
        self.messages.push((msg.to_owned(), group));
        Ok(id)
    }

    fn send_batch(&mut self, words: &Words<'_>) -> Action {
        let entries = words.list("entries");
        let queue = words.text("queue").unwrap_or_default();
        let refused = |code: &str| Action::Refused(vec![refusal("send_batch", queue, code)]);
        if !self.queues.contains_key(queue) {
            return refused(NO_QUEUE);
        }
        let id = |(nth, entry): (usize, &Value)| Words(entry).owned("id").unwrap_or_else(|| format!("e{nth}"));
        let mut ids: Vec<String> = entries.iter().enumerate().map(id).collect();
        ids.sort_unstable();
        if entries.is_empty() {
            return refused("EmptyBatchRequest");
        }
        if entries.len() > BATCH {
            return refused("TooManyEntriesInBatchRequest");
        }
        if ids.windows(2).any(|two| two[0] == two[1]) {
            return refused("BatchEntryIdsNotDistinct");
        }
        if !ids.iter().all(|id| is_name(id)) {
            return refused("InvalidBatchEntryId");
        }
        let sends = entries.iter().map(|entry| {
            let of = Words(entry);
            self.send(
                words,
                of.text("msg").unwrap_or_default(),
                of.owned("group"),
                of.owned("dedup"),
                of.integer("delay"),
            )
        });
        Action::Send(sends.collect())
    }

    fn receive(&mut self, words: &Words<'_>, most: i64) -> Result<Receive, Event> {
        let consumer = words.text("consumer").unwrap_or("c1").to_owned();
        let refused = |mut event: Event| {
            event.insert("consumer".into(), consumer.clone().into());
            event
        };
        let (queue, of) = self.find(words, words.text("op").unwrap_or_default()).map_err(refused)?;
        let (visibility, wait) = (words.integer("visibility"), words.integer("wait"));
        let fit = (1..=BATCH as i64).contains(&most)
            && visibility.is_none_or(|seconds| fits("VisibilityTimeout", seconds))
            && wait.is_none_or(|seconds| fits("WaitTimeSeconds", seconds));
        if !fit {
            return Err(refused(refusal("receive", &queue, INVALID)));
        }
        let wait = wait.map_or(self.in_force(of).receive_wait, span);
        let subscription = Subscription {
            max_messages: most as u16,
            wait: Some(Span::ZERO), // who plays waits
            visibility_timeout: visibility.map(span),
            attempt: words.text("attempt").map(Text::fixed),
            ..Subscription::default()
        };
        let worker = self.plan.consumers.len() as u32;
        let subscription = Some(broker::Subscription::Sqs(subscription));
        self.plan.consumers.push(Consumer { subscription, ..Consumer::new(&format!("{worker}"), of, Vec::new()) });
        Ok(Receive {
            queue,
            worker,
            of,
            consumer,
            wait,
            times: words.whole("times").unwrap_or(1),
            sorted: words.is("sorted"),
            counted: words.0.get("count") != Some(&Value::Bool(false)),
        })
    }
}
