//! A rig: the brokers of a stage alone, without producers and consumers, played by hand.
//!
//! Scripts recorded from real brokers are played here, on the very machines that run in a world. Who plays says what a client
//! or an operator does and hears what the brokers answer; only [`Rig::sleep`] moves time. Every producer of the plan stands
//! for one message of a script, every worker for one way to ask for messages.

use std::collections::VecDeque;

use super::broker::{Command, HandOut, Input, Machine, Notice};
use super::fact::Fact;
use super::machines::Machines;
use super::out::{Common, Out};
use super::plan::{ProducerId, QueueId};
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

impl Heard {
    fn delivered(handed: HandOut) -> Heard {
        Heard::Delivered { worker: handed.worker(), delivery: handed.delivery() }
    }
}

/// The brokers of a stage, and what they have answered.
#[derive(Debug)]
pub struct Rig<'a> {
    stage: &'a Stage,
    common: Common,
    machines: Machines,
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
        let common = Common {
            now: Time::ZERO,
            agenda: Agenda::new(stage.lanes, stage.arrivals_lane(ProducerId(0)), true),
            records: Records::default(),
            calls: Ring::default(),
            wires: Wires(Vec::new()),
        };
        Rig { stage, common, machines: Machines::new(stage), facts: Vec::new(), heard: VecDeque::new() }
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
        &self.machines.brokers[self.stage.queues[queue.at()].broker]
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
        let at = &self.stage.queues[queue.at()];
        let first = self.machines.brokers[at.broker].command(queue, &at.settings, command, &mut out!(self));
        self.hear_first(first);
        self.sleep(Span::ZERO);
    }

    /// Time passes, and what is due happens; without a span, what is due now.
    pub fn sleep(&mut self, span: Span) {
        let end = self.common.now + span;
        while self.next_event(end).is_some() {}
        self.common.now = end;
    }

    /// Lets the next event happen, if there is one by then, and says when it was.
    pub fn next_event(&mut self, until: Time) -> Option<Time> {
        let (stage, records, machines) = (self.stage, &self.common.records, &self.machines);
        let stands = |lane, event: &_| machines.stands(stage, records, lane, event);
        let head = self.common.agenda.pop(until, stands)?;
        self.common.now = head.event.at;
        let payload = head.event.payload;
        match stage.actor(head.lane) {
            Actor::Leases(queue) => self.apply(queue, Input::LeaseOver { delivery: payload }),
            Actor::Delays(queue) => self.apply(queue, Input::DelayOver { entry: payload }),
            Actor::Timer { queue, timer } => self.apply(queue, Input::Timer { timer, payload }),
            Actor::BrokerUp(queue) => self.apply(queue, Input::Restart),
            actor => unreachable!("nothing else is booked by brokers: {actor:?}"),
        }
        Some(head.event.at)
    }

    /// What a broker's machine hears, until nothing more can happen at this moment.
    pub(crate) fn input(&mut self, queue: QueueId, input: Input) {
        self.apply(queue, input);
        self.sleep(Span::ZERO);
    }

    fn apply(&mut self, queue: QueueId, input: Input) {
        let first = self.handle(queue, input);
        self.hear_first(first);
    }

    fn handle(&mut self, queue: QueueId, input: Input) -> Option<HandOut> {
        let at = &self.stage.queues[queue.at()];
        self.machines.brokers[at.broker].handle(queue, &at.settings, || input, &mut out!(self))
    }

    fn hear_first(&mut self, first: Option<HandOut>) {
        self.heard.extend(first.map(Heard::delivered));
        self.deliver_calls();
    }

    fn deliver_calls(&mut self) {
        while let Some(call) = self.common.calls.pop() {
            match call {
                Call::Deliver { worker, delivery } => self.heard.push_back(Heard::Delivered { worker, delivery }),
                Call::Confirm { op, .. } => self.heard.push_back(Heard::Confirmed { op }),
                Call::Refuse { op, .. } => self.heard.push_back(Heard::Refused { op }),
                Call::Notice { worker, notice } => self.heard.push_back(Heard::Notice { worker, notice }),
                Call::Move { queue, moved } => {
                    let first = self.handle(queue, Input::Move(moved));
                    self.heard.extend(first.map(Heard::delivered));
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
