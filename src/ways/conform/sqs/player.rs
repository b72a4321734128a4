//! A script on its way: actions on the rig, and the events that come of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Action, BATCH, Compiled, Handle, INVALID, NO_QUEUE, Receipts, Receive, Send, fields, fits, refusal, settings,
};
use crate::model::broker::sqs::{Command, Notice, Problem};
use crate::model::broker::{self, Machine};
use crate::model::plan::QueueId;
use crate::model::rig::{Heard, Rig};
use crate::model::{Fact, Stage};
use crate::sim::{Span, Time};
use crate::ways::conform::trace::Event;

/// At most so many receives of one drain.
const DRAINS: usize = 40;
/// No message is hidden for longer than this after one receive, however often that is put off.
const HIDDEN: Span = Span::from_secs(12 * 3_600);

/// A message that came, as it was then.
struct Seen {
    delivery: u32,
    msg: String,
    group: Option<String>,
    count: u16,
}

fn answer(notice: Option<Notice>) -> &'static str {
    match notice {
        Some(Notice::Error(problem)) => problem.code(),
        _ => "ok",
    }
}

/// A script on its way.
pub(super) struct Player<'a> {
    compiled: &'a Compiled,
    rig: Rig<'a>,
    /// By message: its receipts, in the order of receives.
    receipts: BTreeMap<String, Vec<u32>>,
    /// By receipt: when it was first given.
    received: BTreeMap<u32, Time>,
    events: Vec<Event>,
    step: usize,
    /// How many facts were read.
    facts: usize,
}

impl<'a> Player<'a> {
    /// Before the first step.
    pub fn new(compiled: &'a Compiled, stage: &'a Stage) -> Player<'a> {
        Player {
            compiled,
            rig: Rig::new(stage),
            receipts: BTreeMap::new(),
            received: BTreeMap::new(),
            events: Vec::new(),
            step: 0,
            facts: 0,
        }
    }

    /// Every step, and all events.
    pub fn play_all(mut self) -> Vec<Event> {
        for (step, action) in self.compiled.steps.iter().enumerate() {
            self.step = step;
            self.play(action);
        }
        self.events
    }

    fn emit(&mut self, event: Value) {
        let mut event = fields(event);
        event.insert("step".into(), self.step.into());
        self.events.push(event);
    }

    fn play(&mut self, action: &Action) {
        match action {
            Action::Nothing => {}
            Action::Refused(events) => events.iter().for_each(|event| self.emit(Value::Object(event.clone()))),
            Action::SetAttributes { queue, like } => {
                self.command(*queue, Command::SetAttributes { like: *like });
            }
            Action::Send(sends) => sends.iter().for_each(|send| self.send(send)),
            Action::Receive(receive) => {
                for _ in 0..receive.times {
                    let got = self.receive(receive);
                    if got.is_empty() {
                        self.emit(json!({ "kind": "empty", "queue": receive.queue, "consumer": receive.consumer }));
                    }
                    self.delivered(receive, got);
                }
            }
            Action::Drain { receive, delete } => {
                let mut all = Vec::new();
                for _ in 0..DRAINS {
                    let got = self.receive(receive);
                    if got.is_empty() {
                        break;
                    }
                    for seen in got.iter().filter(|_| *delete) {
                        self.command(receive.of, Command::Delete { delivery: seen.delivery });
                    }
                    all.extend(got);
                }
                self.delivered(receive, all);
            }
            Action::Delete { by, in_one_call } => {
                let has_receipt = |msg: &&String| self.receipt(by, msg) != Err("no_handle");
                let too_many = *in_one_call && by.msgs.iter().filter(has_receipt).count() > BATCH;
                let delete = |delivery| match too_many {
                    true => Err("TooManyEntriesInBatchRequest"),
                    false => Ok(Command::Delete { delivery }),
                };
                for msg in &by.msgs {
                    let result = self.by_receipt(by, msg, delete);
                    self.emit(json!({ "kind": "deleted", "msg": msg, "result": result }));
                }
            }
            Action::ChangeVisibility { by, seconds } => {
                let to = Span::from_secs(seconds.unsigned_abs());
                let until = self.rig.now() + to;
                for msg in &by.msgs {
                    let latest = self.receipt(by, msg).ok().map(|delivery| self.received[&delivery] + HIDDEN);
                    let fit = fits("VisibilityTimeout", *seconds) && latest.is_none_or(|latest| until <= latest);
                    let change = |delivery| match fit {
                        true => Ok(Command::ChangeVisibility { delivery, to }),
                        false => Err(INVALID),
                    };
                    let result = self.by_receipt(by, msg, change);
                    self.emit(
                        json!({ "kind": "visibility_changed", "msg": msg, "seconds": seconds, "result": result }),
                    );
                }
            }
            Action::Purge { queue, name } => {
                let result = answer(self.command(*queue, Command::Purge));
                self.emit(json!({ "kind": "purged", "queue": name, "result": result }));
            }
            Action::Counts(queues) => {
                for (name, queue) in queues {
                    let Some(queue) = queue else {
                        self.emit(Value::Object(refusal("counts", name, NO_QUEUE)));
                        continue;
                    };
                    let Machine::Sqs(machine) = self.rig.machine(*queue) else { continue };
                    let counts = machine.counts();
                    self.emit(json!({
                        "kind": "counts", "queue": name, "visible": counts.visible,
                        "not_visible": counts.in_flight, "delayed": counts.delayed,
                    }));
                }
            }
            Action::Sources { name, queue } => {
                let sources = self.sources(*queue);
                self.emit(json!({ "kind": "dlq_sources", "queue": name, "sources": sources }));
            }
            Action::Sleep(span) => self.rig.sleep(*span),
        }
    }

    /// The queues whose dead letters go to this one, in order.
    fn sources(&self, to: QueueId) -> Vec<String> {
        let goes_there = |queue: QueueId| match self.rig.machine(queue) {
            Machine::Sqs(machine) => {
                let in_force = settings(&self.compiled.plan, machine.set_as().unwrap_or(queue));
                in_force.redrive.is_some_and(|redrive| redrive.to == to)
            }
            _ => false,
        };
        let queues = self.compiled.queues.iter().filter(|&(_, &queue)| goes_there(queue));
        queues.map(|(name, _)| name.clone()).collect()
    }

    fn command(&mut self, queue: QueueId, command: Command) -> Option<Notice> {
        self.rig.command(queue, broker::Command::Sqs(command));
        std::iter::from_fn(|| self.rig.hear()).find_map(|heard| match heard {
            Heard::Notice { notice: broker::Notice::Sqs(notice), .. } => Some(notice),
            _ => None,
        })
    }

    /// The delivery that a receipt of a message is, or what the service says to it before it looks at the message.
    fn receipt(&self, by: &Receipts, msg: &str) -> Result<u32, &'static str> {
        let receipts = self.receipts.get(msg).map_or(&[][..], Vec::as_slice);
        let delivery = match by.handle {
            Handle::Garbage => None,
            Handle::Nth(nth) => {
                let nth = if nth < 0 { receipts.len() as i64 + nth } else { nth };
                let receipt = usize::try_from(nth).ok().and_then(|nth| receipts.get(nth));
                Some(*receipt.ok_or("no_handle")?)
            }
        };
        let queue = by.queue.ok_or(NO_QUEUE)?;
        let of_this_queue = |&delivery: &u32| self.rig.records().deliveries[delivery].queue == queue;
        delivery.filter(of_this_queue).ok_or(Problem::ReceiptHandleIsInvalid.code())
    }

    fn by_receipt(
        &mut self,
        by: &Receipts,
        msg: &str,
        command: impl Fn(u32) -> Result<Command, &'static str>,
    ) -> &'static str {
        let command = self.receipt(by, msg).and_then(|delivery| Ok((delivery, command(delivery)?)));
        let (delivery, command) = match command {
            Ok(command) => command,
            Err(why) => return why,
        };
        let queue = self.rig.records().deliveries[delivery].queue;
        answer(self.command(queue, command))
    }

    fn send(&mut self, send: &Send) {
        let Send { msg, queue, goes } = send;
        let producer = match goes {
            Err(code) => return self.emit(json!({ "kind": "sent", "msg": msg, "queue": queue, "result": code })),
            Ok(producer) => *producer,
        };
        self.rig.publish(producer);
        while self.rig.hear().is_some() {}
        let told = &self.rig.facts()[self.facts..];
        let same_as =
            told.iter().find_map(|(_, fact)| if let Fact::Swallowed { of, .. } = fact { Some(*of) } else { None });
        self.facts = self.rig.facts().len();
        let mut event = json!({ "kind": "sent", "msg": msg, "queue": queue, "result": "ok" });
        if let Some(of) = same_as {
            event["same_id_as"] = self.compiled.messages[of as usize].0.clone().into();
        }
        self.emit(event);
    }

    /// One receive: what came.
    fn receive(&mut self, receive: &Receive) -> Vec<Seen> {
        let end = self.rig.now() + receive.wait;
        let mut got = self.ask(receive);
        // A long poll looks again at each moment at which something happened: whatever is visible by then comes together.
        while got.is_empty()
            && let Some(now) = self.rig.next_event(end)
        {
            while self.rig.next_event(now).is_some() {}
            got = self.ask(receive);
        }
        if got.is_empty() {
            self.rig.sleep(end.since(self.rig.now()));
        }
        self.facts = self.rig.facts().len();
        let seen = |delivery| {
            let (msg, group) = &self.compiled.messages[self.rig.message_of(delivery).at()];
            let records = self.rig.records();
            let count = records.entries[records.deliveries[delivery].entry].attempts;
            Seen { delivery, msg: msg.clone(), group: group.clone(), count }
        };
        let got: Vec<Seen> = got.into_iter().map(seen).collect();
        for seen in &got {
            self.received.entry(seen.delivery).or_insert(self.rig.now());
            self.receipts.entry(seen.msg.clone()).or_default().push(seen.delivery);
        }
        got
    }

    /// What can be had at this moment.
    fn ask(&mut self, receive: &Receive) -> Vec<u32> {
        self.rig.receive(receive.worker);
        let delivered = |heard| if let Heard::Delivered { delivery, .. } = heard { Some(delivery) } else { None };
        std::iter::from_fn(|| self.rig.hear()).filter_map(delivered).collect()
    }

    /// What came of one step, told in its order or in that of names.
    fn delivered(&mut self, receive: &Receive, mut got: Vec<Seen>) {
        if receive.sorted {
            got.sort_by(|one, other| one.msg.cmp(&other.msg));
        }
        for Seen { msg, group, count, .. } in got {
            let mut event =
                json!({ "kind": "delivered", "msg": msg, "consumer": receive.consumer, "queue": receive.queue });
            if receive.counted {
                event["receive_count"] = count.into();
            }
            if let Some(group) = group {
                event["group"] = group.into();
            }
            self.emit(event);
        }
    }
}
