//! The world: everything that changes, and the loop that changes it.
//!
//! It holds machines, pending events, records and stores; no generator, no configuration and no measurement, so it can be
//! copied, compared and run again. Rule: nothing but this loop moves time. The order of what happens at one moment is the
//! agenda's: continuations of steps that take no time, then everything else in the order of booking; initial bookings are
//! made in the order of names.

use serde::{Deserialize, Serialize};

use super::broker::{Input, Machine};
use super::consumer::Consumers;
use super::fact::Watch;
use super::form;
use super::out::Out;
use super::plan::{ProducerId, QueueId};
use super::producer::Producers;
use super::records::Records;
use super::seat::Seat;
use super::stage::{Actor, Stage};
use super::timeline;
use super::wire::{Call, Wires};
use crate::sim::{Agenda, Canon, Head, Oracle, Ring, Span, Time, clone_by_field};

/// Everything that changes.
#[derive(Debug)]
pub struct World {
    now: Time,
    agenda: Agenda,
    records: Records,
    calls: Ring<Call>,
    wires: Wires,
    machines: Machines,
}

clone_by_field!(World { now, agenda, records, calls, wires, machines });

/// Who acts, and until when.
#[derive(Debug)]
struct Machines {
    producers: Producers,
    brokers: Vec<Machine>,
    consumers: Consumers,
    /// The last moment that is still simulated.
    deadline: Time,
}

clone_by_field!(Machines { producers, brokers, consumers, deadline });

/// Who answers, who watches, and who sits in the seat.
pub struct Around<'a, O, W> {
    /// Answers whatever is undetermined.
    pub oracle: &'a mut O,
    /// Hears every fact.
    pub watch: &'a mut W,
    /// Decides for foreign handlers.
    pub seat: &'a mut dyn Seat,
}

/// Why a run stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Producers have stopped and nothing is left to do.
    Settled,
    /// The drain is over, and something is still stored or at work.
    DrainOver,
    /// So many things happened in one instant that it looks endless: what happened last.
    Endless(String),
    /// As many events were handled as were asked for.
    Paused,
}

/// More calls and steps than this in one instant, with no arrival among them, are a loop.
pub const MAX_AT_ONE_INSTANT: u32 = 1_000_000;

/// Whether time is part of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The remaining time of everything pending is.
    Kept,
    /// Only what is pending is; any head may be next.
    Dropped,
}

/// In which order leases run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leases {
    /// In the order in which they were given.
    Strict,
    /// In any order.
    Loose,
}

/// What the machines of a world need of the rest.
macro_rules! out {
    ($world:ident, $stage:ident, $around:ident) => {
        Out {
            now: $world.now,
            stage: $stage,
            agenda: &mut $world.agenda,
            records: &mut $world.records,
            calls: &mut $world.calls,
            wires: &mut $world.wires,
            oracle: &mut *$around.oracle,
            watch: &mut *$around.watch,
            seat: &mut *$around.seat,
        }
    };
}

impl World {
    /// The world of a stage before anything happened. `indexed`: it will be run ([`World::run`]); otherwise heads are taken
    /// one by one ([`World::heads`]).
    pub fn new<O: Oracle, W: Watch>(stage: &Stage, indexed: bool, around: &mut Around<'_, O, W>) -> World {
        let [singles, fifos, loose] = stage.lanes;
        let mut world = World {
            now: Time::ZERO,
            agenda: Agenda::new(singles, fifos, loose, indexed),
            records: Records::default(),
            calls: Ring::default(),
            wires: Wires(vec![Ring::default(); stage.ways.len()]),
            machines: Machines {
                producers: Producers::new(stage.plan.producers.len()),
                brokers: stage.plan.queues.iter().map(|queue| Machine::new(&queue.settings)).collect(),
                consumers: Consumers::new(stage),
                deadline: Time::NEVER,
            },
        };
        world.machines.start(&mut out!(world, stage, around));
        world
    }

    /// The moment of the last event.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Operations produced so far.
    pub fn produced(&self) -> u32 {
        self.machines.producers.produced()
    }

    /// Messages stored.
    pub fn stored(&self) -> usize {
        self.records.entries.len()
    }

    /// Records in use: messages, entries, deliveries. Where nothing is stored, sent or at work there are none.
    pub fn records(&self) -> [usize; 3] {
        [self.records.messages.len(), self.records.entries.len(), self.records.deliveries.len()]
    }

    /// Whether producers have stopped and nothing is stored, on its way or at work.
    pub fn is_settled(&self) -> bool {
        self.machines.is_settled(&self.records, &self.wires)
    }

    /// Lets time pass: the earliest events, `most` of them at the most. Steps that take no time count with the step before.
    pub fn run<O: Oracle, W: Watch>(&mut self, stage: &Stage, around: &mut Around<'_, O, W>, most: u64) -> Stop {
        let mut out = out!(self, stage, around);
        let stop = self.machines.run(most, &mut out);
        self.now = out.now;
        stop
    }

    /// Everything that may happen next.
    pub fn heads(&self, stage: &Stage, leases: Leases, out: &mut Vec<Head>) {
        let stands = |lane, event: &_| stands(stage, &self.records, &self.machines.producers, lane, event);
        let passes = |lane| leases == Leases::Loose && matches!(stage.actor(lane), Actor::Leases(_));
        self.agenda.heads(stands, passes, out);
    }

    /// Lets one head happen. Where it is due later than now, time moves there.
    pub fn take<O: Oracle, W: Watch>(&mut self, stage: &Stage, head: Head, around: &mut Around<'_, O, W>) {
        self.agenda.take(head);
        self.now = self.now.max(head.event.at);
        self.machines.event(stage.actor(head.lane), head.event.payload, &mut out!(self, stage, around));
        self.after_choice(stage, around);
    }

    /// Whether the packet at the head of a wire's direction is one that a wire may lose.
    pub fn can_lose(&self, packets: u32) -> bool {
        self.wires.0[packets as usize].front().is_some_and(Call::can_be_lost)
    }

    /// Lets a packet be lost instead of arriving.
    pub fn lose<O: Oracle, W: Watch>(&mut self, stage: &Stage, head: Head, around: &mut Around<'_, O, W>) {
        self.agenda.take(head);
        self.now = self.now.max(head.event.at);
        if let Actor::Packets(packets) = stage.actor(head.lane)
            && let Some(call) = self.wires.0[packets as usize].pop()
        {
            super::wire::lost(call, &mut out!(self, stage, around));
        }
        self.after_choice(stage, around);
    }

    /// Whether a process runs.
    pub fn is_up(&self, process: u32) -> bool {
        self.machines.consumers.is_up(process)
    }

    /// Lets a process crash now.
    pub fn crash<O: Oracle, W: Watch>(
        &mut self,
        stage: &Stage,
        process: u32,
        restart_after: Span,
        around: &mut Around<'_, O, W>,
    ) {
        self.machines.consumers.crash(process, restart_after, &mut out!(self, stage, around));
        self.after_choice(stage, around);
    }

    /// Whether a broker runs.
    pub fn is_broker_up(&self, stage: &Stage, queue: QueueId) -> bool {
        !self.agenda.is_booked(stage.broker_up_lane(queue))
    }

    /// Lets a broker crash now.
    pub fn crash_broker<O: Oracle, W: Watch>(
        &mut self,
        stage: &Stage,
        queue: QueueId,
        restart_after: Span,
        around: &mut Around<'_, O, W>,
    ) {
        let mut out = out!(self, stage, around);
        timeline::crash_broker(queue, restart_after, &mut self.machines.brokers, &mut out);
        self.after_choice(stage, around);
    }

    fn after_choice<O: Oracle, W: Watch>(&mut self, stage: &Stage, around: &mut Around<'_, O, W>) {
        self.machines.deliver_calls(&mut out!(self, stage, around));
        let (records, producers) = (&self.records, &self.machines.producers);
        self.agenda.sweep(|lane, event| stands(stage, records, producers, lane, event));
    }

    /// Writes the world: equal forms have equal futures under every choice.
    pub fn canon(&self, stage: &Stage, times: Times, leases: Leases, form: &mut impl Canon) {
        self.machines.producers.canon(form);
        self.machines.consumers.canon(&self.records, form);
        self.wires.canon(&self.records, form);
        let pending = form::Pending {
            stage,
            now: self.now,
            agenda: &self.agenda,
            records: &self.records,
            producers: &self.machines.producers,
            consumers: &self.machines.consumers,
            brokers: &self.machines.brokers,
        };
        pending.canon(times, leases, form);
    }
}

impl Machines {
    /// What happens first, in the order of names.
    fn start<O: Oracle, W: Watch>(&mut self, out: &mut Out<'_, O, W>) {
        for producer in 0..out.stage.plan.producers.len() {
            self.producers.start(ProducerId(producer as u16), out);
        }
        for process in 0..out.stage.processes.len() as u32 {
            self.consumers.start(process, out);
            self.deliver_calls(out);
        }
        timeline::start(out);
        self.note_end_of_production(out);
    }

    fn run<O: Oracle, W: Watch>(&mut self, most: u64, out: &mut Out<'_, O, W>) -> Stop {
        let stage = out.stage;
        let mut at_this_instant = 0u32;
        for _ in 0..most {
            let (records, producers) = (&*out.records, &self.producers);
            let stands = |lane, event: &_| stands(stage, records, producers, lane, event);
            let Some(head) = out.agenda.pop(self.deadline, stands) else {
                return if self.is_settled(out.records, out.wires) { Stop::Settled } else { Stop::DrainOver };
            };
            debug_assert!(head.event.at >= out.now, "time ran backwards");
            let actor = stage.actor(head.lane);
            let time_moves = head.event.at > out.now;
            at_this_instant = if time_moves || matches!(actor, Actor::Arrivals(_)) { 0 } else { at_this_instant + 1 };
            out.now = head.event.at;
            self.event(actor, head.event.payload, out);
            at_this_instant += self.deliver_calls(out);
            if at_this_instant > MAX_AT_ONE_INSTANT {
                return Stop::Endless(format!("{actor:?} at {} s", out.now));
            }
            if self.producers.stopped() && self.is_settled(out.records, out.wires) {
                return Stop::Settled;
            }
        }
        Stop::Paused
    }

    #[inline]
    fn event<O: Oracle, W: Watch>(&mut self, actor: Actor, payload: u32, out: &mut Out<'_, O, W>) {
        match actor {
            Actor::Worker(worker) => self.consumers.go_on(worker, payload, out),
            Actor::Arrivals(producer) => {
                self.producers.arrive(producer, out);
                self.note_end_of_production(out);
            }
            Actor::Leases(queue) => self.brokers[queue.at()].handle(queue, Input::LeaseOver { delivery: payload }, out),
            Actor::Packets(packets) => self.packet(packets, out),
            Actor::Restart(process) => self.consumers.restart(process, out),
            Actor::Heartbeats(process) => self.consumers.beat(process, payload, out),
            Actor::Confirms(_) => self.producers.timed_out(payload, out),
            Actor::Retries(_) => self.producers.retry(payload, out),
            Actor::Delays(queue) => self.brokers[queue.at()].handle(queue, Input::DelayOver { entry: payload }, out),
            Actor::Timeline { fault, process } => {
                timeline::book_next(fault, process, payload + 1, self.producers.stopped(), out);
                timeline::strike(fault, process, &mut self.brokers, &mut self.consumers, out);
            }
            Actor::Resume(process) => self.consumers.resume(process, out),
            Actor::Quicken(process) => self.consumers.quicken(process, out),
            Actor::BrokerUp(queue) => self.brokers[queue.at()].handle(queue, Input::Restart, out),
            Actor::Keys(store) => self.consumers.forget_key(store.at(), payload),
        }
    }

    /// A packet arrives. Nobody else is calling: its call comes first.
    fn packet<O: Oracle, W: Watch>(&mut self, packets: u32, out: &mut Out<'_, O, W>) {
        if let Some(call) = out.wires.0[packets as usize].pop() {
            self.deliver(call, out);
        }
    }

    /// Calls, first in first out, until nobody calls anybody. Gives how many.
    #[inline]
    fn deliver_calls<O: Oracle, W: Watch>(&mut self, out: &mut Out<'_, O, W>) -> u32 {
        let mut count = 0;
        while let Some(call) = out.calls.pop() {
            count += 1;
            if count > MAX_AT_ONE_INSTANT {
                out.calls.clear();
                break;
            }
            self.deliver(call, out);
        }
        count
    }

    #[inline(always)]
    fn deliver<O: Oracle, W: Watch>(&mut self, call: Call, out: &mut Out<'_, O, W>) {
        let (queue, input) = match call {
            Call::Deliver { worker, delivery } => return self.consumers.deliver(worker, delivery, out),
            Call::Confirm { op, pending } => return self.producers.confirm(op, pending, out),
            Call::Refuse { op, copy, pending } => return self.producers.refuse(op, copy, pending, out),
            Call::Nothing => return,
            Call::Publish { queue, message, pending } => (queue, Input::Publish { message, pending }),
            Call::Receive { queue, worker } => (queue, Input::Receive { worker }),
            Call::Settle { queue, delivery, how, wait } => (queue, Input::Settle { delivery, how, wait }),
            Call::Renew { queue, delivery } => (queue, Input::Renew { delivery }),
            Call::DeadLetter { queue, message } => (queue, Input::DeadLetter { message }),
            Call::Disconnect { queue, first, workers } => (queue, Input::Disconnect { first, workers }),
        };
        self.brokers[queue.at()].handle(queue, input, out);
    }

    fn is_settled(&self, records: &Records, wires: &Wires) -> bool {
        self.producers.stopped()
            && records.entries.is_empty()
            && self.producers.is_settled()
            && wires.0.iter().all(Ring::is_empty)
            && self.consumers.is_settled()
    }

    /// After the last arrival: producers and random faults stop, and the drain begins.
    fn note_end_of_production<O: Oracle, W: Watch>(&mut self, out: &mut Out<'_, O, W>) {
        let booked = |p: usize| out.agenda.is_booked(out.stage.arrivals_lane(ProducerId(p as u16)));
        if self.producers.stopped() || (0..out.stage.plan.producers.len()).any(booked) {
            return;
        }
        self.producers.stop();
        let length = &out.stage.plan.length;
        let all_made = length.operations.is_some_and(|most| self.producers.produced() >= most);
        let end = match length.span {
            Some(span) if !all_made => Time::ZERO + span,
            _ => out.now,
        };
        self.deadline = end + length.drain;
    }
}

/// Whether a timer still stands; other pending events always do.
#[inline]
pub(super) fn stands(
    stage: &Stage,
    records: &Records,
    producers: &Producers,
    lane: crate::sim::Lane,
    event: &crate::sim::Event,
) -> bool {
    match stage.actor(lane) {
        Actor::Leases(_) => records.lease_runs(event),
        Actor::Confirms(_) | Actor::Retries(_) => producers.stands(event.payload, event.token()),
        Actor::Heartbeats(_) => records.beat_stands(event),
        _ => true,
    }
}
