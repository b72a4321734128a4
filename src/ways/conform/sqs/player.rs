//! A script on its way: actions on the rig, and the events that come of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Action, Compiled, Handle, INVALID, Receive, Send, fields, fits, settings};
use crate::model::broker::sqs::{Command, Notice, Problem};
use crate::model::broker::{self, Machine};
use crate::model::plan::QueueId;
use crate::model::rig::{Heard, Rig};
use crate::model::{Fact, Stage};
use crate::sim::Span;
use crate::ways::conform::trace::Event;

/// At most so many receives of one drain.
const DRAINS: usize = 40;

/// A script on its way.
pub(super) struct Player<'a> {
    compiled: &'a Compiled,
    rig: Rig<'a>,
    /// By message: its receipts, in the order of receives.
    receipts: BTreeMap<String, Vec<u32>>,
    events: Vec<Event>,
    step: usize,
    /// How many facts were read.
    facts: usize,
}

impl<'a> Player<'a> {
    /// Before the first step.
    pub fn new(compiled: &'a Compiled, stage: &'a Stage) -> Player<'a> {
        Player { compiled, rig: Rig::new(stage), receipts: BTreeMap::new(), events: Vec::new(), step: 0, facts: 0 }
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
            Action::Refused(event) => self.emit(Value::Object(event.clone())),
            Action::SetAttributes { queue, like } => {
                self.command(*queue, Command::SetAttributes { like: *like });
            }
            Action::Send(sends) => sends.iter().for_each(|send| self.send(send)),
            Action::Receive(receive) => {
                for _ in 0..receive.times {
                    if self.receive(receive).is_empty() {
                        self.emit(json!({ "kind": "empty", "queue": receive.queue, "consumer": receive.consumer }));
                    }
                }
            }
            Action::Drain { receive, delete } => {
                for _ in 0..DRAINS {
                    let got = self.receive(receive);
                    if got.is_empty() {
                        break;
                    }
                    for delivery in got.into_iter().filter(|_| *delete) {
                        self.command(receive.of, Command::Delete { delivery });
                    }
                }
            }
            Action::Delete { msgs, handle } => {
                for msg in msgs {
                    let result = self.by_receipt(msg, *handle, |delivery| Command::Delete { delivery });
                    self.emit(json!({ "kind": "deleted", "msg": msg, "result": result }));
                }
            }
            Action::ChangeVisibility { msgs, handle, seconds } => {
                for msg in msgs {
                    let to = Span::from_secs(*seconds);
                    let result = if fits("VisibilityTimeout", *seconds) {
                        self.by_receipt(msg, *handle, |delivery| Command::ChangeVisibility { delivery, to })
                    } else {
                        INVALID
                    };
                    self.emit(
                        json!({ "kind": "visibility_changed", "msg": msg, "seconds": seconds, "result": result }),
                    );
                }
            }
            Action::Purge { queue, name } => {
                self.command(*queue, Command::Purge);
                self.emit(json!({ "kind": "purged", "queue": name, "result": "ok" }));
            }
            Action::Counts(queues) => {
                for (name, queue) in queues {
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

    fn by_receipt(&mut self, msg: &str, handle: Handle, command: impl Fn(u32) -> Command) -> &'static str {
        let receipts = self.receipts.get(msg).map_or(&[][..], Vec::as_slice);
        let receipt = match handle {
            Handle::Garbage => return Problem::ReceiptHandleIsInvalid.code(),
            Handle::Newest => receipts.last(),
            Handle::Nth(nth) => receipts.get(nth),
        };
        let Some(&delivery) = receipt else { return "no_handle" };
        let queue = self.rig.records().deliveries[delivery].queue;
        match self.command(queue, command(delivery)) {
            Some(Notice::Error(problem)) => problem.code(),
            _ => "ok",
        }
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

    /// One receive: the deliveries that came.
    fn receive(&mut self, receive: &Receive) -> Vec<u32> {
        self.rig.receive(receive.worker);
        let mut got = self.deliveries();
        if got.is_empty() && !receive.wait.is_zero() {
            let end = self.rig.now() + receive.wait;
            while got.is_empty() && self.rig.next_event(end).is_some() {
                got = self.deliveries();
            }
            if got.is_empty() {
                self.rig.sleep(end.since(self.rig.now()));
            }
            self.rig.disconnect(receive.of, receive.worker, 1);
        }
        self.facts = self.rig.facts().len();
        if receive.sorted {
            got.sort_by_key(|&delivery| self.compiled.messages[self.rig.message_of(delivery).at()].0.clone());
        }
        for &delivery in &got {
            let (msg, group) = self.compiled.messages[self.rig.message_of(delivery).at()].clone();
            let records = self.rig.records();
            let entry = &records.entries[records.deliveries[delivery].entry];
            let mut event =
                json!({ "kind": "delivered", "msg": msg, "consumer": receive.consumer, "queue": receive.queue });
            if receive.counted {
                event["receive_count"] = entry.attempts.into();
            }
            if receive.queue.ends_with(".fifo")
                && let Some(group) = group
            {
                event["group"] = group.into();
            }
            self.receipts.entry(msg).or_default().push(delivery);
            self.emit(event);
        }
        got
    }

    fn deliveries(&mut self) -> Vec<u32> {
        let delivered = |heard| if let Heard::Delivered { delivery, .. } = heard { Some(delivery) } else { None };
        std::iter::from_fn(|| self.rig.hear()).filter_map(delivered).collect()
    }
}
