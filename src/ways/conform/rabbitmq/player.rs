//! The player: does what a script says, and tells what a client of the broker would see.
//!
//! Only a sleep, and the start of a broker, let time pass; all else is done within one instant.

use serde_json::{Value as Json, json};

use super::super::trace::Event;
use super::client::{Arrived, Client, Held};
use super::script::{ADMIN, Act, Script, Which, channel};
use crate::model::broker::rabbitmq::{Command, Family, Letter, Notice, Sent, Settling, Topology, Version};
use crate::model::broker::{self, Machine};
use crate::model::fact::{Fact, Refusal};
use crate::model::plan::{ProducerId, QueueId};
use crate::model::rig::{Heard, Rig};
use crate::sim::Span;

/// How long a broker takes to start.
const START: Span = Span::from_secs(4);
/// The broker is one machine; any of its queues names it.
const BROKER: QueueId = QueueId(0);

/// A script being played.
pub(super) struct Player<'a> {
    script: &'a Script,
    rig: Rig<'a>,
    clients: Vec<Client>,
    /// Deliveries that were taken over from the machine's list.
    seen: usize,
    events: Vec<Event>,
    step: usize,
    /// The answer to the request at hand.
    answer: Option<Notice>,
    /// The answer to the publish at hand: stored, or not.
    confirm: Option<bool>,
}

impl<'a> Player<'a> {
    /// Plays a script and gives what was observed.
    pub fn play(script: &'a Script) -> Vec<Event> {
        let clients = script.clients.iter().map(|_| Client::default()).collect();
        let rig = Rig::new(&script.stage);
        let (events, step, answer, confirm) = (Vec::new(), 0, None, None);
        let mut player = Player { script, rig, clients, seen: 0, events, step, answer, confirm };
        for (step, act) in script.acts.iter().enumerate() {
            player.step = step;
            player.act(act);
        }
        player.events
    }

    fn topology(&self) -> &'a Topology {
        &self.script.stage.plan.topology.rabbitmq
    }

    /// Does one step.
    fn act(&mut self, act: &Act) {
        match act {
            Act::Exchange { exchange, name } => {
                self.ask(Command::DeclareExchange { exchange: *exchange, channel: ADMIN });
                self.refused("exchange", name, None);
            }
            Act::Queue { queue, name, client } => self.declare(*queue, name, *client),
            Act::Bind { binding } => self.command(Command::Bind { binding: *binding }),
            Act::Unbind { binding } => self.command(Command::Unbind { binding: *binding }),
            Act::DeleteQueue { number } => self.command(Command::Delete { name: *number, channel: ADMIN }),
            Act::Publish { from, count } => {
                for number in from.0..from.0 + count {
                    self.publish(ProducerId(number));
                }
            }
            Act::Consume { worker, queue } => {
                let client = self.script.workers[*worker as usize].client;
                self.clients[client].connect();
                self.ask(Command::Consume { worker: *worker });
                self.refused("consume", queue, Some(client));
            }
            Act::Drain { clients } => self.drain(clients.as_deref()),
            Act::Settle { client, how, which, multiple, says_multiple } => {
                self.settle(*client, *how, which, *multiple, *says_multiple);
            }
            Act::AckAgain { client, message } => self.ack_again(*client, message),
            Act::Get { worker, count, queue } => self.get(*worker, *count, queue),
            Act::Recover { client } => {
                self.clients[*client].held.clear();
                self.command(Command::Recover { channel: channel(*client) });
            }
            Act::Cancel { client, tag } => self.command(Command::Cancel { channel: channel(*client), tag: *tag }),
            Act::CloseChannel { client } => self.close_channel(*client),
            Act::Close { client } => self.close(*client),
            Act::Depth { queues } => {
                for (number, name) in queues {
                    self.depth(*number, name);
                }
            }
            Act::Purge { number, name } => {
                self.ask(Command::Purge { name: *number, channel: ADMIN });
                if let Some(Notice::Purged { count }) = self.answer {
                    self.emit(json!({"kind": "purged", "queue": name, "count": count}));
                } else {
                    self.refused("purge", name, None);
                }
            }
            Act::Sleep { span } => self.sleep(*span),
            Act::Kill => self.go_down(Command::Kill, "broker_killed"),
            Act::Stop => self.go_down(Command::Stop, "broker_stopped"),
            Act::Start => {
                self.sleep(START);
                self.command(Command::Start);
                self.emit(json!({"kind": "broker_started"}));
            }
            Act::ConsumerTimeout { ms } => self.command(Command::ConsumerTimeout { ms: *ms }),
        }
    }

    fn emit(&mut self, event: Json) {
        let Json::Object(mut event) = event else { return };
        event.retain(|_, value| !value.is_null());
        event.insert("step".into(), self.step.into());
        self.events.push(event);
    }

    fn command(&mut self, command: Command) {
        self.rig.command(BROKER, broker::Command::Rabbitmq(command));
        self.listen();
    }

    /// A request that may be answered.
    fn ask(&mut self, command: Command) {
        self.answer = None;
        self.command(command);
    }

    /// Takes over what the broker said.
    fn listen(&mut self) {
        while let Some(heard) = self.rig.hear() {
            match heard {
                Heard::Delivered { worker, .. } => self.take_in(worker),
                Heard::Confirmed { .. } => self.confirm = Some(true),
                Heard::Refused { .. } => self.confirm = Some(false),
                Heard::Notice { notice: broker::Notice::Rabbitmq(notice), .. } => self.hear(notice),
                Heard::Notice { .. } => unreachable!("the broker speaks its own words"),
            }
        }
    }

    fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::ChannelClosed { channel, code } => {
                if let Some(client) = (channel as usize).checked_sub(1) {
                    self.clients[client].closed = Some(code);
                }
            }
            Notice::Cancelled { channel, tag } => {
                let Some(client) = (channel as usize).checked_sub(1) else { return };
                let queue = self.script.queue_of_tag(client, tag);
                self.clients[client].cancelled.push(queue);
            }
            answer => self.answer = Some(answer),
        }
    }

    /// The next delivery of the machine's list goes to its client.
    fn take_in(&mut self, worker: u32) {
        let Machine::Rabbitmq(machine) = self.rig.machine(BROKER) else { return };
        let sent = machine.sent()[self.seen].clone();
        self.seen += 1;
        debug_assert_eq!(sent.worker, worker, "deliveries are heard in the order in which they are sent");
        let taker = &self.script.workers[worker as usize];
        let event = self.delivered(&sent);
        let held = Held {
            tag: sent.tag,
            message: self.script.messages[sent.producer.at()].name.clone(),
            queue: self.name_of(sent.queue).to_owned(),
        };
        let held = (!taker.auto_ack).then_some(held);
        let slow = match self.script.stage.settings(sent.queue) {
            broker::Settings::Rabbitmq(settings) => settings.family == Family::Quorum,
            _ => false,
        };
        self.clients[taker.client].inbox.push(Arrived { event, held, slow });
    }

    fn name_of(&self, queue: QueueId) -> &'a str {
        let topology = self.topology();
        &topology.names[usize::from(topology.named[queue.at()])]
    }

    fn exchange_name(&self, exchange: Option<u16>) -> &'a str {
        exchange.map_or("", |number| &self.topology().exchange_names[usize::from(number)])
    }

    /// A delivery as its client sees it.
    fn delivered(&self, sent: &Sent) -> Event {
        let queue = self.name_of(sent.queue);
        let client = &self.script.clients[self.script.workers[sent.worker as usize].client];
        let mut event = json!({
            "kind": "delivered",
            "msg": self.script.messages[sent.producer.at()].name,
            "consumer": client,
            "queue": queue,
            "redelivered": sent.redelivered,
            "delivery_count": sent.delivery_count,
            "acquired_count": sent.acquired_count,
            "routing_key": (sent.key != queue).then_some(&sent.key),
            "exchange": sent.exchange.map(|exchange| self.exchange_name(Some(exchange))),
            "expiration": sent.expiration.map(|ms| ms.to_string()),
        });
        if let Some(letter) = &sent.letter {
            self.write_deaths(letter, &mut event);
        }
        let Json::Object(event) = event else { return Event::new() };
        event
    }

    fn write_deaths(&self, letter: &Letter, event: &mut Json) {
        let name = |number: u16| &self.topology().names[usize::from(number)];
        let deaths = letter.deaths.iter().map(|death| {
            let mut entry = json!({
                "queue": name(death.queue),
                "reason": death.reason.word(),
                "count": death.count,
                "exchange": self.exchange_name(death.exchange),
                "routing_keys": death.keys,
            });
            if let Some(ms) = death.original_expiration {
                entry["original_expiration"] = ms.to_string().into();
            }
            entry
        });
        event["x_death"] = deaths.collect();
        let (reason, queue, exchange) = letter.first;
        event["first_death"] = json!([reason.word(), name(queue), self.exchange_name(exchange)]);
        if self.topology().version > Version::V3_10 {
            let (reason, queue, exchange) = letter.last;
            event["last_death"] = json!([reason.word(), name(queue), self.exchange_name(exchange)]);
        }
    }

    /// Tells that a request was refused; its channel is gone.
    fn refused(&mut self, op: &str, name: &str, client: Option<usize>) -> bool {
        let Some(Notice::Refused { code }) = self.answer else { return false };
        if let Some(client) = client {
            self.clients[client].lose_channel();
        }
        self.emit(json!({"kind": "refused", "op": op, "name": name, "code": code}));
        true
    }

    fn declare(&mut self, queue: QueueId, name: &str, client: Option<usize>) {
        if let Some(client) = client {
            self.clients[client].connect();
        }
        self.ask(Command::Declare { queue, channel: client.map_or(ADMIN, channel) });
        self.refused("queue", name, client);
    }

    fn publish(&mut self, producer: ProducerId) {
        let (facts, message) = (self.rig.facts().len(), &self.script.messages[producer.at()]);
        self.confirm = None;
        if message.sound {
            self.rig.publish(producer);
            self.listen();
        }
        let refusal = self.rig.facts()[facts..].iter().find_map(|(_, fact)| match fact {
            Fact::Refused { why, .. } => Some(*why),
            _ => None,
        });
        let (confirm, code) = match (self.confirm, refusal) {
            (Some(true), _) => ("ack", None),
            (_, Some(Refusal::Unroutable)) => ("returned", Some(312)),
            (_, Some(Refusal::NoExchange)) => ("channel_closed", Some(404)),
            _ if !message.sound => ("channel_closed", Some(406)),
            _ => ("nack", None),
        };
        self.emit(json!({"kind": "published", "msg": message.name, "confirm": confirm, "code": code}));
    }

    fn drain(&mut self, clients: Option<&[usize]>) {
        let all: Vec<usize> = (0..self.clients.len()).collect();
        for &client in clients.unwrap_or(&all) {
            for Arrived { event, held, .. } in std::mem::take(&mut self.clients[client].inbox) {
                self.emit(Json::Object(event));
                self.clients[client].held.extend(held);
            }
        }
        for client in 0..self.clients.len() {
            for queue in std::mem::take(&mut self.clients[client].cancelled) {
                let consumer = &self.script.clients[client];
                self.emit(json!({"kind": "consumer_cancelled", "consumer": consumer, "queue": queue}));
            }
        }
        self.report_closed();
    }

    fn report_closed(&mut self) {
        for client in 0..self.clients.len() {
            if let Some(code) = self.clients[client].closed {
                self.clients[client].lose_channel();
                let consumer = &self.script.clients[client];
                self.emit(json!({"kind": "channel_closed", "consumer": consumer, "code": code}));
            }
        }
    }

    fn settle(&mut self, client: usize, how: Settling, which: &Which, multiple: bool, says_multiple: bool) {
        if !self.clients[client].open {
            return;
        }
        let before: Vec<usize> = self.clients.iter().map(|client| client.inbox.len()).collect();
        if let Which::Tags(tags) = which {
            for &tag in tags {
                self.send_settling(client, tag, how, multiple);
                self.tell_settled(client, ("tag", tag.into()), how, says_multiple.then_some(multiple));
            }
        }
        for held in self.clients[client].choose(which, multiple) {
            self.clients[client].settle(&held, multiple);
            self.send_settling(client, held.tag, how, multiple);
            self.tell_settled(client, ("msg", held.message.into()), how, says_multiple.then_some(multiple));
        }
        // All of it is on the wire before the first queue that writes to a log has answered.
        for (client, before) in self.clients.iter_mut().zip(before) {
            client.inbox[before..].sort_by_key(|arrived| arrived.slow);
        }
        self.report_closed();
    }

    /// What is sent on a channel that the broker has closed, it does not read.
    fn send_settling(&mut self, client: usize, tag: u32, how: Settling, multiple: bool) {
        if self.clients[client].closed.is_none() {
            self.command(Command::Settle { channel: channel(client), tag, multiple, how });
        }
    }

    fn tell_settled(&mut self, client: usize, (field, what): (&str, Json), how: Settling, multiple: Option<bool>) {
        let (kind, requeue) = match how {
            Settling::Ack => ("acked", None),
            Settling::Nack => ("nacked", Some(true)),
            Settling::NackAway => ("nacked", Some(false)),
            Settling::Reject => ("rejected", Some(true)),
            Settling::RejectAway => ("rejected", Some(false)),
        };
        let consumer = &self.script.clients[client];
        let mut event = json!({"kind": kind, "consumer": consumer, "requeue": requeue, "multiple": multiple});
        event[field] = what;
        self.emit(event);
    }

    fn ack_again(&mut self, client: usize, message: &str) {
        let settled = self.clients[client].settled.iter().rfind(|held| held.message == message);
        let Some(tag) = settled.map(|held| held.tag).filter(|_| self.clients[client].open) else { return };
        self.send_settling(client, tag, Settling::Ack, false);
        self.tell_settled(client, ("msg", message.into()), Settling::Ack, None);
        self.report_closed();
    }

    fn get(&mut self, worker: u32, count: u32, queue: &str) {
        let client = self.script.workers[worker as usize].client;
        for _ in 0..count {
            self.clients[client].connect();
            let before = self.clients[client].inbox.len();
            self.ask(Command::Get { worker });
            if self.refused("get", queue, Some(client)) {
                return;
            }
            if self.answer == Some(Notice::Empty) {
                let consumer = &self.script.clients[client];
                return self.emit(json!({"kind": "empty", "queue": queue, "consumer": consumer}));
            }
            // What is got comes with its request, past what was pushed.
            let is_got = |event: &Event| event.get("queue").and_then(Json::as_str) == Some(queue);
            let at =
                (before..self.clients[client].inbox.len()).find(|&at| is_got(&self.clients[client].inbox[at].event));
            if let Some(at) = at {
                let Arrived { event, held, .. } = self.clients[client].inbox.remove(at);
                self.emit(Json::Object(event));
                self.clients[client].held.extend(held);
            }
        }
    }

    fn close_channel(&mut self, client: usize) {
        self.clients[client].lose_channel();
        self.command(Command::CloseChannel { channel: channel(client) });
    }

    fn close(&mut self, client: usize) {
        if std::mem::take(&mut self.clients[client].connected) {
            self.clients[client].lose_channel();
            self.command(Command::CloseConnection { channel: channel(client) });
        }
    }

    fn depth(&mut self, number: u16, name: &str) {
        self.ask(Command::Depth { name: number, channel: ADMIN });
        let event = match self.answer {
            Some(Notice::Depth { ready, consumers }) => {
                json!({"kind": "depth", "queue": name, "ready": ready, "consumers": consumers})
            }
            Some(Notice::Refused { code }) => json!({"kind": "depth", "queue": name, "error": code}),
            _ => return,
        };
        self.emit(event);
    }

    fn sleep(&mut self, span: Span) {
        let end = self.rig.now() + span;
        while self.rig.next_event(end).is_some() {
            self.listen();
        }
        self.rig.sleep(end.since(self.rig.now()));
        self.listen();
    }

    fn go_down(&mut self, command: Command, kind: &str) {
        self.command(command);
        self.clients.iter_mut().for_each(|client| *client = Client::default());
        self.emit(json!({"kind": kind}));
    }
}
