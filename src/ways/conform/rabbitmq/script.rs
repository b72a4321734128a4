//! A script as a stage: every queue declaration a queue, every message a producer, every subscription a worker.
//!
//! Names become numbers here, once; what stands under a name at which step is the machine's to know. It reads steps in
//! order and does not play them.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::super::NotModelled;
use super::super::trace::Trace;
use super::words::{Step, is_sound, number, table, table_bytes};
use crate::model::Stage;
use crate::model::broker;
use crate::model::broker::rabbitmq::{
    Binding, Bound, Envelope, Exchange, ExchangeKind, PREDECLARED, Settings, Settling, Subscription, Topology, Value,
    Version,
};
use crate::model::plan::{self, Arrivals, Consumer, Plan, Producer, ProducerId, Queue, QueueId};
use crate::model::text::Text;
use crate::sim::Span;

/// A script that can be played.
pub(super) struct Script {
    pub stage: Stage,
    pub acts: Vec<Act>,
    /// Consumer names in their order; the channel of each is one more than its place.
    pub clients: Vec<String>,
    /// By worker: who it is, and what it consumes.
    pub workers: Vec<Taker>,
    /// By producer: its message.
    pub messages: Vec<Said>,
    /// Consumer tags by client and queue.
    tags: BTreeMap<(usize, u16), u32>,
}

/// Who a worker stands for.
pub(super) struct Taker {
    pub client: usize,
    pub auto_ack: bool,
}

/// A message.
pub(super) struct Said {
    pub name: String,
    /// The broker understands it.
    pub sound: bool,
}

/// A step, with numbers for names.
pub(super) enum Act {
    Exchange { exchange: u16, name: String },
    Queue { queue: QueueId, name: String, client: Option<usize> },
    Bind { binding: u16 },
    Unbind { binding: u16 },
    DeleteQueue { number: u16 },
    Publish { from: ProducerId, count: u16 },
    Consume { worker: u32, queue: String },
    Drain { clients: Option<Vec<usize>> },
    Settle { client: usize, how: Settling, which: Which, multiple: bool, says_multiple: bool },
    AckAgain { client: usize, message: String },
    Get { worker: u32, count: u32, queue: String },
    Recover { client: usize },
    Cancel { client: usize, tag: u32 },
    CloseChannel { client: usize },
    Close { client: usize },
    Depth { queues: Vec<(u16, String)> },
    Purge { number: u16, name: String },
    Sleep { span: Span },
    Kill,
    Stop,
    Start,
    ConsumerTimeout { ms: u32 },
}

/// Which of the held messages a step settles.
pub(super) enum Which {
    Messages { names: Vec<String>, queue: Option<String> },
    Oldest,
    Newest,
    All,
    AllReversed,
    Nth(u64),
    Tags(Vec<u32>),
}

/// The channel of who declares and asks.
pub(super) const ADMIN: u32 = 0;

/// The channel of a client.
pub(super) fn channel(client: usize) -> u32 {
    client as u32 + 1
}

/// Numbers for names, in the order of names.
struct Names(Vec<String>);

impl Names {
    fn of(mut names: Vec<String>) -> Names {
        names.sort();
        names.dedup();
        Names(names)
    }
    fn number(&self, name: &str) -> usize {
        self.0.binary_search_by(|other| other.as_str().cmp(name)).expect("every name was gathered")
    }
}

/// A declaration of a queue: its name, its three flags, its arguments.
type Declared = (u16, [bool; 3], Vec<(String, Value)>);

/// What is known while the steps are read.
struct Reader {
    version: Version,
    queues: Names,
    exchanges: Names,
    clients: Names,
    plan: Plan,
    topology: Topology,
    workers: Vec<Taker>,
    messages: Vec<Said>,
    /// Consumer tags by client and queue.
    tags: BTreeMap<(usize, u16), u32>,
    /// Declarations, as they are written.
    declared: Vec<Declared>,
}

impl Script {
    /// Reads a trace's script.
    ///
    /// # Errors
    /// What the model does not have.
    pub fn of(trace: &Trace) -> Result<Script, NotModelled> {
        let version = match trace.version.split('.').take(2).collect::<Vec<_>>().join(".").as_str() {
            "3.10" => Version::V3_10,
            "4.0" => Version::V4_0,
            "4.3" => Version::V4_3,
            other => return Err(NotModelled(format!("version {other}"))),
        };
        let steps: Vec<Step<'_>> = trace.steps.iter().filter_map(|step| step.as_object().map(Step)).collect();
        let mut reader = Reader::of(version, &steps);
        let mut acts = Vec::new();
        let mut restarted = false;
        for step in &steps {
            restarted |= step.text("op") == Some("start_broker");
            if restarted && version < Version::V4_3 && step.text("op") == Some("publish") {
                reader.check_rings(step)?;
            }
            acts.push(reader.act(step)?);
        }
        reader.finish(acts)
    }
}

impl Script {
    /// The queue that a consumer tag was made for.
    pub fn queue_of_tag(&self, client: usize, tag: u32) -> String {
        let made_for = self.tags.iter().find(|((of, _), other)| *of == client && **other == tag);
        let names = &self.stage.plan.topology.rabbitmq.names;
        made_for.map(|((_, queue), _)| names[usize::from(*queue)].clone()).unwrap_or_default()
    }
}

impl Reader {
    fn of(version: Version, steps: &[Step<'_>]) -> Reader {
        let fields = |names: &[&str]| -> Vec<String> {
            let texts = steps.iter().flat_map(|step| names.iter().filter_map(|name| step.text(name)));
            texts.map(str::to_owned).collect()
        };
        let of_op = |op: &str| steps.iter().filter(|step| step.text("op") == Some(op)).collect::<Vec<_>>();
        let mut queues = fields(&["queue"]);
        queues.extend(of_op("queue").iter().map(|step| step.word("name").to_owned()));
        queues.extend(steps.iter().flat_map(|step| step.texts("queues")));
        queues.push("none".into()); // a broker has at least one queue
        let mut exchanges = fields(&["exchange", "to_exchange"]);
        exchanges.extend(of_op("exchange").iter().map(|step| step.word("name").to_owned()));
        for step in steps {
            for (name, value) in step.args("args") {
                if matches!(name.as_str(), "x-dead-letter-exchange" | "alternate-exchange") {
                    exchanges.extend(value.text().map(str::to_owned));
                }
            }
        }
        let mut clients = fields(&["consumer"]);
        clients.push("getter".into());
        clients.extend(steps.iter().flat_map(|step| step.texts("consumers")));
        let (queues, exchanges, clients) = (Names::of(queues), Names::of(exchanges), Names::of(clients));
        let stands = |(name, kind): &(&str, ExchangeKind)| {
            let name = exchanges.0.iter().position(|other| other == name)? as u16;
            Some(Exchange { name, kind: *kind, durable: true, alternate: None, hash_header: None })
        };
        let topology = Topology {
            version,
            script: true,
            names: queues.0.clone(),
            exchange_names: exchanges.0.clone(),
            exchanges: PREDECLARED.iter().filter_map(stands).collect(),
            ..Topology::default()
        };
        let plan = Plan::new("a script");
        let (workers, messages, tags, declared) = (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
        Reader { version, queues, exchanges, clients, plan, topology, workers, messages, tags, declared }
    }

    /// Before 4.3 a restart rebuilds the ring of a consistent-hash exchange in the order of a hash table.
    fn check_rings(&self, step: &Step<'_>) -> Result<(), NotModelled> {
        let Some(name) = step.text("exchange") else { return Ok(()) };
        let name = self.exchanges.number(name) as u16;
        let hashes = |exchange: &&Exchange| exchange.kind == ExchangeKind::ConsistentHash && exchange.name == name;
        match self.topology.exchanges.iter().any(|exchange| hashes(&exchange)) {
            true => {
                Err(NotModelled("which queue a key goes to after a restart, before 4.3: a hash table's order".into()))
            }
            false => Ok(()),
        }
    }

    fn queue(&self, name: &str) -> u16 {
        self.queues.number(name) as u16
    }

    fn client(&self, step: &Step<'_>) -> usize {
        self.clients.number(step.text("consumer").unwrap_or("getter"))
    }

    fn act(&mut self, step: &Step<'_>) -> Result<Act, NotModelled> {
        let op = step.word("op");
        let name = || step.word("name").to_owned();
        let queue = || step.word("queue").to_owned();
        Ok(match op {
            "exchange" => Act::Exchange { exchange: self.exchange(step)?, name: name() },
            "queue" => {
                let client = step.text("consumer").map(|client| self.clients.number(client));
                Act::Queue { queue: self.declaration(step)?, name: name(), client }
            }
            "bind" => Act::Bind { binding: self.binding(step) },
            "unbind" => Act::Unbind { binding: self.binding(step) },
            "delete_queue" => Act::DeleteQueue { number: self.queue(step.word("queue")) },
            "publish" => self.publish(step),
            "consume" => Act::Consume { worker: self.worker(step), queue: queue() },
            "drain" => {
                let clients = step.list("consumers").map(|_| step.texts("consumers"));
                let number = |names: Vec<String>| names.iter().map(|name| self.clients.number(name)).collect();
                Act::Drain { clients: clients.map(number) }
            }
            "ack" | "nack" | "reject" => self.settle(step, op)?,
            "ack_again" => Act::AckAgain { client: self.client(step), message: step.word("msg").to_owned() },
            "get" => {
                let count = step.whole("n").unwrap_or(1) as u32;
                Act::Get { worker: self.worker(step), count, queue: queue() }
            }
            "recover" => Act::Recover { client: self.client(step) },
            "cancel" => {
                let (client, queue) = (self.client(step), self.queue(step.word("queue")));
                Act::Cancel { client, tag: self.tag(client, queue) }
            }
            "close_channel" => Act::CloseChannel { client: self.client(step) },
            "close" | "crash" => Act::Close { client: self.client(step) },
            "depth" => {
                let queues = step.texts("queues");
                Act::Depth { queues: queues.into_iter().map(|name| (self.queue(&name), name)).collect() }
            }
            "purge" => Act::Purge { number: self.queue(step.word("queue")), name: queue() },
            "sleep" => Act::Sleep { span: Span::from_millis(step.whole("ms").unwrap_or(0).max(0) as u64) },
            "kill_broker" => Act::Kill,
            "stop_broker" => Act::Stop,
            "start_broker" => Act::Start,
            "set_consumer_timeout" => Act::ConsumerTimeout { ms: step.whole("ms").unwrap_or(0) as u32 },
            other => return Err(NotModelled(format!("the step `{other}`"))),
        })
    }

    fn exchange(&mut self, step: &Step<'_>) -> Result<u16, NotModelled> {
        let kind = match step.text("type").unwrap_or("direct") {
            "direct" => ExchangeKind::Direct,
            "topic" => ExchangeKind::Topic,
            "fanout" => ExchangeKind::Fanout,
            "headers" => ExchangeKind::Headers,
            "x-consistent-hash" => ExchangeKind::ConsistentHash,
            other => return Err(NotModelled(format!("exchanges of type `{other}`"))),
        };
        let args = step.args("args");
        let text = |name: &str| args.iter().find(|(given, _)| given == name).and_then(|(_, value)| value.text());
        let exchange = Exchange {
            name: self.exchanges.number(step.word("name")) as u16,
            kind,
            durable: step.switch("durable", true),
            alternate: text("alternate-exchange").map(|name| self.exchanges.number(name) as u16),
            hash_header: text("hash-header").map(str::to_owned),
        };
        Ok(place(&mut self.topology.exchanges, exchange) as u16)
    }

    /// The queue that stands for a declaration.
    fn declaration(&mut self, step: &Step<'_>) -> Result<QueueId, NotModelled> {
        let number = self.queue(step.word("name"));
        let flags = [step.switch("durable", true), step.switch("exclusive", false), step.switch("auto_delete", false)];
        let args = step.args("args");
        if args.iter().any(|(name, value)| name == "x-queue-type" && value.text() == Some("stream")) {
            return Err(NotModelled("streams".into()));
        }
        let exchanges = &self.exchanges;
        let settings = Settings::declared(self.version, flags, &args, |name| exchanges.number(name) as u16);
        let known = self.declared.len();
        let at = place(&mut self.declared, (number, flags, args));
        if at == known {
            self.add_queue(number, settings);
        }
        Ok(QueueId(at as u16))
    }

    fn add_queue(&mut self, number: u16, settings: Settings) {
        let name = format!("{:05}", self.plan.queues.len());
        self.plan.queues.push(Queue { name, settings: broker::Settings::Rabbitmq(settings) });
        self.topology.named.push(number);
    }

    fn binding(&mut self, step: &Step<'_>) -> u16 {
        let exchange = |name: &str| self.exchanges.number(name) as u16;
        let to = match step.text("to_exchange") {
            Some(name) => Bound::Exchange(exchange(name)),
            None => Bound::Queue(self.queue(step.word("queue"))),
        };
        let (from, key, args) = (exchange(step.word("exchange")), step.word("key").to_owned(), step.args("args"));
        place(&mut self.topology.bindings, Binding { from, to, key, args }) as u16
    }

    fn publish(&mut self, step: &Step<'_>) -> Act {
        let from = ProducerId(self.messages.len() as u16);
        let names = step.texts("msgs");
        for (nth, name) in names.iter().enumerate() {
            let key = match step.text("exchange") {
                None => step.word("queue"),
                Some(_) => step.each("keys", "key", nth).and_then(Json::as_str).unwrap_or_default(),
            };
            let exchange = step.text("exchange").filter(|name| !name.is_empty());
            let headers = step.each("headers_each", "headers", nth);
            let copies = |name: &str| -> Vec<String> {
                let list = headers.and_then(|headers| headers.get(name)).and_then(Json::as_array);
                list.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
            };
            let expiration = step.each("expirations", "expiration", nth).and_then(number);
            let priority = step.each("priorities", "priority", nth).and_then(number);
            let digits =
                step.each("expirations", "expiration", nth).map(|said| said.to_string().replace('"', "").len());
            let header_bytes = headers.map_or(0, table_bytes) + digits.map_or(0, |digits| 1 + digits);
            let sound = is_sound(headers, step.each("expirations", "expiration", nth));
            let envelope = Envelope {
                exchange: exchange.map(|name| self.exchanges.number(name) as u16),
                key: Some(Text::fixed(key)),
                cc: copies("CC"),
                bcc: copies("BCC"),
                headers: table(headers),
                expiration,
                priority: priority.map(|priority| priority.min(255) as u8),
                persistent: step.switch("persistent", true),
                mandatory: step.switch("mandatory", false),
                bytes: name.len() as u32,
                // Flags, the delivery mode and the message id; headers, expiration and priority.
                property_bytes: (4 + name.len() + header_bytes + usize::from(priority.is_some())) as u32,
            };
            let producer =
                Producer::new(&format!("{:05}", self.messages.len()), QueueId(0), Arrivals::AtOnce { count: 1 });
            let message = Some(broker::Envelope::Rabbitmq(envelope));
            self.plan.producers.push(Producer { message, ..producer });
            self.messages.push(Said { name: name.clone(), sound });
        }
        Act::Publish { from, count: names.len() as u16 }
    }

    fn tag(&mut self, client: usize, queue: u16) -> u32 {
        let next = self.tags.len() as u32;
        *self.tags.entry((client, queue)).or_insert(next)
    }

    fn worker(&mut self, step: &Step<'_>) -> u32 {
        let (client, queue) = (self.client(step), self.queue(step.word("queue")));
        let args = step.args("args");
        let whole = |name: &str| args.iter().find(|(given, _)| given == name).and_then(|(_, value)| value.whole());
        let auto_ack = step.switch("auto_ack", false);
        let subscription = Subscription {
            channel: Some(channel(client)),
            tag: Some(self.tag(client, queue)),
            name: Some(queue),
            prefetch: step.whole("prefetch").unwrap_or(0) as u16,
            auto_ack,
            exclusive: step.switch("exclusive", false),
            priority: whole("x-priority").unwrap_or(0) as i32,
            misfit: args.iter().any(|(name, value)| name == "x-priority" && value.whole().is_none()),
            timeout: whole("x-consumer-timeout").map(|ms| Span::from_millis(ms.max(0) as u64)),
        };
        let worker = self.workers.len() as u32;
        let consumer = Consumer::new(&format!("{worker:05}"), QueueId(0), vec![plan::Step::Ack]);
        let subscription = Some(broker::Subscription::Rabbitmq(subscription));
        self.plan.consumers.push(Consumer { subscription, ..consumer });
        self.workers.push(Taker { client, auto_ack });
        worker
    }

    fn settle(&mut self, step: &Step<'_>, op: &str) -> Result<Act, NotModelled> {
        let how = match (op, step.switch("requeue", true)) {
            ("ack", _) => Settling::Ack,
            ("nack", true) => Settling::Nack,
            ("nack", false) => Settling::NackAway,
            (_, true) => Settling::Reject,
            (_, false) => Settling::RejectAway,
        };
        let which = if let Some(tags) = step.list("tags") {
            Which::Tags(tags.iter().filter_map(Json::as_u64).map(|tag| tag as u32).collect())
        } else if step.list("msgs").is_some() {
            Which::Messages { names: step.texts("msgs"), queue: step.text("queue").map(str::to_owned) }
        } else {
            match step.get("pick") {
                Some(Json::Number(nth)) => Which::Nth(nth.as_u64().unwrap_or(0)),
                Some(Json::String(word)) => match word.as_str() {
                    "oldest" => Which::Oldest,
                    "newest" => Which::Newest,
                    "all" => Which::All,
                    "all-reversed" => Which::AllReversed,
                    other => return Err(NotModelled(format!("`pick` {other}"))),
                },
                _ => return Err(NotModelled(format!("`{op}` without a choice"))),
            }
        };
        let (multiple, says_multiple) = (step.switch("multiple", false), step.get("multiple").is_some());
        Ok(Act::Settle { client: self.client(step), how, which, multiple, says_multiple })
    }

    fn finish(mut self, acts: Vec<Act>) -> Result<Script, NotModelled> {
        if self.plan.queues.is_empty() {
            let settings = Settings { version: self.version, ..Settings::default() };
            let number = self.queue("none");
            self.add_queue(number, settings);
        }
        if self.messages.len() > usize::from(u16::MAX) || self.workers.len() > usize::from(u16::MAX) {
            return Err(NotModelled("more messages than a plan has producers".into()));
        }
        self.plan.topology.rabbitmq = self.topology;
        let stage = Stage::new(self.plan).map_err(|error| NotModelled(error.to_string()))?;
        let (clients, workers, messages) = (self.clients.0, self.workers, self.messages);
        Ok(Script { stage, acts, clients, workers, messages, tags: self.tags })
    }
}

/// The place of a value in a list, which it joins if it is new.
fn place<T: PartialEq>(list: &mut Vec<T>, value: T) -> usize {
    match list.iter().position(|other| *other == value) {
        Some(at) => at,
        None => {
            list.push(value);
            list.len() - 1
        }
    }
}
