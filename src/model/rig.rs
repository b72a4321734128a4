//! A rig: the brokers of a stage alone, without producers and consumers, played by hand.
//!
//! Scripts recorded from real brokers are played here, on the very machines that run in a world. Who plays says what a client
//! or an operator does and hears what the brokers answer; only [`Rig::sleep`] moves time. Every producer of the plan stands
//! for one message of a script, every worker for one way to ask for messages.

use std::collections::VecDeque;

use super::broker::{Command, Input, Machine, Notice};
use super::fact::Fact;
use super::machines;
use super::out::{Common, Out};
use super::plan::{ProducerId, QueueId};
use super::producer::Producers;
use super::records::{Message, Records};
use super::seat::Empty;
use super::stage::{Actor, Stage};
use super::wire::{Call, Publish, Settle, Settlement, Wires};
use crate::sim::oracle::Typical;
use crate::sim::{Agenda, Ring, Span, Time};

/// What a broker answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named as in `Fact`")]
pub enum Heard {
    /// A message for a worker, in this delivery.
    Delivered { worker: u32, delivery: u32 },
    /// A publish is stored, as far as its queues promise it.
    Confirmed { op: u32 },
    /// It is not.
    Refused { op: u32 },
    /// Something of the product's own.
    Notice { worker: u32, notice: Notice },
}

/// The brokers of a stage, and what they have answered.
#[derive(Debug)]
pub struct Rig<'a> {
    stage: &'a Stage,
    common: Common,
    producers: Producers,
    brokers: Vec<Machine>,
    facts: Vec<(Time, Fact)>,
    heard: VecDeque<Heard>,
}

macro_rules! out {
    ($rig:ident) => {
        Out {
            stage: $rig.stage,
            common: &mut $rig.common,
            oracle: &mut Typical,
            watch: &mut $rig.facts,
            seat: &mut Empty,
        }
    };
}

impl<'a> Rig<'a> {
    /// The brokers of a stage, empty.
    pub fn new(stage: &'a Stage) -> Rig<'a> {
        let [singles, fifos, loose] = stage.lanes;
        let common = Common {
            now: Time::ZERO,
            agenda: Agenda::new(singles, fifos, loose, true),
            records: Records::default(),
            calls: Ring::default(),
            wires: Wires(Vec::new()),
        };
        Rig {
            stage,
            common,
            producers: Producers::new(stage.plan.producers.len()),
            brokers: stage.brokers.iter().map(|&first| Machine::new(stage, first)).collect(),
            facts: Vec::new(),
            heard: VecDeque::new(),
        }
    }

    /// The moment.
    pub fn now(&self) -> Time {
        self.common.now
    }

    /// The facts so far.
    pub fn facts(&self) -> &[(Time, Fact)] {
        &self.facts
    }

    /// The next answer.
    pub fn hear(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    /// The machine of a queue.
    pub(crate) fn machine(&self, queue: QueueId) -> &Machine {
        &self.brokers[self.stage.machine_of(queue)]
    }

    /// What is stored.
    pub(crate) fn records(&self) -> &Records {
        &self.common.records
    }

    /// The entries of a queue that wait for their delay.
    #[cfg(test)]
    pub(crate) fn delayed(&self, queue: QueueId) -> impl Iterator<Item = u32> + '_ {
        self.common.agenda.events(self.stage.delays_lane(queue)).map(|event| event.payload)
    }

    /// The message of a delivery, by the producer that stands for it.
    pub fn message_of(&self, delivery: u32) -> ProducerId {
        self.common.records.deliveries[delivery].message.producer
    }

    /// Publishes the message that a producer stands for.
    pub fn publish(&mut self, producer: ProducerId) {
        let op = u32::from(producer.0);
        let message = Message { fate: u64::from(op), op, key: op, producer, ..Message::default() };
        self.input(self.stage.plan.producers[producer.at()].to, Input::Publish { message, pending: op });
    }

    /// A worker asks for messages.
    pub fn receive(&mut self, worker: u32) {
        self.input(self.stage.hand(worker).queue, Input::Receive { worker });
    }

    /// Workers ask no longer: `workers` of them from `first` on.
    pub fn disconnect(&mut self, queue: QueueId, first: u32, workers: u32) {
        self.input(queue, Input::Disconnect { first, workers });
    }

    /// A holder says what becomes of a delivery. It keeps its receipt.
    pub fn settle(&mut self, delivery: u32, how: Settlement) {
        self.common.records.hold(delivery);
        let queue = self.common.records.deliveries[delivery].queue;
        self.input(queue, Input::Settle { delivery, how, wait: false });
    }

    /// An operator, or a client in its product's own words.
    pub fn command(&mut self, queue: QueueId, command: Command) {
        let machine = self.stage.machine_of(queue);
        if self.brokers[machine].command(queue, command, &mut out!(self)) {
            self.serve(queue);
        }
        self.deliver_calls();
    }

    /// Time passes.
    pub fn sleep(&mut self, span: Span) {
        let end = self.common.now + span;
        while let Some(at) = self.next_event(end) {
            self.common.now = at;
        }
        self.common.now = end;
    }

    /// Lets the next event happen, if there is one by then, and says when it was.
    pub fn next_event(&mut self, until: Time) -> Option<Time> {
        let (stage, records, producers, brokers) = (self.stage, &self.common.records, &self.producers, &self.brokers);
        let stands = |lane, event: &_| machines::stands(stage, records, producers, brokers, lane, event);
        let head = self.common.agenda.pop(until, stands)?;
        self.common.now = head.event.at;
        let payload = head.event.payload;
        match stage.actor(head.lane) {
            Actor::Leases(queue) => self.input(queue, Input::LeaseOver { delivery: payload }),
            Actor::Delays(queue) => self.input(queue, Input::DelayOver { entry: payload }),
            Actor::Timer { queue, timer } => self.input(queue, Input::Timer { timer, payload }),
            Actor::BrokerUp(queue) => self.input(queue, Input::Restart),
            actor => unreachable!("nothing else is booked by brokers: {actor:?}"),
        }
        Some(head.event.at)
    }

    /// What a broker's machine hears.
    pub(crate) fn input(&mut self, queue: QueueId, input: Input) {
        let machine = self.stage.machine_of(queue);
        if self.brokers[machine].handle(queue, input, &mut out!(self)) {
            self.serve(queue);
        }
        self.deliver_calls();
    }

    fn serve(&mut self, queue: QueueId) {
        let machine = self.stage.machine_of(queue);
        if let Some(first) = self.brokers[machine].serve(queue, &mut out!(self)) {
            self.heard.push_back(Heard::Delivered { worker: first.worker, delivery: first.delivery });
        }
    }

    fn deliver_calls(&mut self) {
        while let Some(call) = self.common.calls.pop() {
            match call {
                Call::Deliver { worker, delivery } => self.heard.push_back(Heard::Delivered { worker, delivery }),
                Call::Confirm { op, .. } => self.heard.push_back(Heard::Confirmed { op }),
                Call::Refuse { op, .. } => self.heard.push_back(Heard::Refused { op }),
                Call::Notice { worker, notice } => self.heard.push_back(Heard::Notice { worker, notice }),
                Call::DeadLetter { queue, message, attempts } => {
                    let machine = self.stage.machine_of(queue);
                    let input = Input::DeadLetter { message, attempts };
                    if self.brokers[machine].handle(queue, input, &mut out!(self)) {
                        self.serve(queue);
                    }
                }
                Call::Publish(Publish { .. })
                | Call::Receive { .. }
                | Call::Settle(Settle { .. })
                | Call::Renew { .. }
                | Call::Disconnect { .. }
                | Call::Nothing => unreachable!("a broker does not call as a client does"),
            }
        }
    }
}
