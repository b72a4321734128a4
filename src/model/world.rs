//! The world: everything that changes, and the loop that changes it.
//!
//! It holds machines, pending events, records and stores; no generator, no configuration and no measurement, so it can be
//! copied, compared and run again. Rule: nothing but this loop moves time. The order of what happens at one moment is the
//! agenda's: continuations of steps that take no time, then everything else in the order of booking; initial bookings are
//! made in the order of names.

use std::collections::VecDeque;

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
use crate::sim::{Agenda, Canon, Head, Oracle, Span, Time, clone_by_field};

/// Everything that changes.
#[derive(Debug)]
pub struct World {
    now: Time,
    /// The last moment that is still simulated.
    deadline: Time,
    agenda: Agenda,
    records: Records,
    calls: VecDeque<Call>,
    wires: Wires,
    producers: Producers,
    brokers: Vec<Machine>,
    consumers: Consumers,
}

clone_by_field!(World { now, deadline, agenda, records, calls, wires, producers, brokers, consumers });

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// In the order in which they were given.
    Strict,
    /// In any order.
    Loose,
}

/// The machines of a world, and what one event needs of the rest.
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
            deadline: Time::NEVER,
            agenda: Agenda::new(singles, fifos, loose, indexed),
            records: Records::default(),
            calls: VecDeque::new(),
            wires: Wires(vec![VecDeque::new(); 2 * stage.links.len()]),
            producers: Producers::new(stage.plan.producers.len()),
            brokers: stage.plan.queues.iter().map(|queue| Machine::new(&queue.settings)).collect(),
            consumers: Consumers::new(stage),
        };
        for producer in 0..stage.plan.producers.len() {
            world.producers.start(ProducerId(producer as u16), &mut out!(world, stage, around));
        }
        for process in 0..stage.processes.len() as u32 {
            world.consumers.start(process, &mut out!(world, stage, around));
            world.deliver_calls(stage, around);
        }
        timeline::start(&mut out!(world, stage, around));
        world.note_end_of_production(stage);
        world
    }

    /// The moment of the last event.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Operations produced so far.
    pub fn produced(&self) -> u32 {
        self.producers.produced()
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
        self.producers.stopped()
            && self.records.entries.is_empty()
            && self.producers.is_settled()
            && self.wires.0.iter().all(VecDeque::is_empty)
            && self.consumers.is_settled()
    }

    /// Lets time pass: the earliest events, `most` of them at the most.
    pub fn run<O: Oracle, W: Watch>(&mut self, stage: &Stage, around: &mut Around<'_, O, W>, most: u64) -> Stop {
        let mut at_this_instant = 0u32;
        for _ in 0..most {
            let (records, producers) = (&self.records, &self.producers);
            let stands = |lane, event: &_| stands(stage, records, producers, lane, event);
            let Some(head) = self.agenda.pop(self.deadline, stands) else {
                return if self.is_settled() { Stop::Settled } else { Stop::DrainOver };
            };
            debug_assert!(head.event.at >= self.now, "time ran backwards");
            let actor = stage.actor(head.lane);
            at_this_instant = match actor {
                Actor::Arrivals(_) => 0,
                _ if head.event.at > self.now => 0,
                _ => at_this_instant + 1,
            };
            self.now = head.event.at;
            self.event(stage, actor, head.event.payload, around);
            at_this_instant += self.deliver_calls(stage, around);
            if at_this_instant > MAX_AT_ONE_INSTANT {
                return Stop::Endless(format!("{actor:?} at {} s", self.now));
            }
            if self.producers.stopped() && self.is_settled() {
                return Stop::Settled;
            }
        }
        Stop::Paused
    }

    /// Everything that may happen next.
    pub fn heads(&self, stage: &Stage, leases: Leases, out: &mut Vec<Head>) {
        let stands = |lane, event: &_| stands(stage, &self.records, &self.producers, lane, event);
        let passes = |lane| leases == Leases::Loose && matches!(stage.actor(lane), Actor::Leases(_));
        self.agenda.heads(stands, passes, out);
    }

    /// Lets one head happen. Where it is due later than now, time moves there.
    pub fn take<O: Oracle, W: Watch>(&mut self, stage: &Stage, head: Head, around: &mut Around<'_, O, W>) {
        self.agenda.take(head);
        self.now = self.now.max(head.event.at);
        self.event(stage, stage.actor(head.lane), head.event.payload, around);
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
            && let Some(call) = self.wires.0[packets as usize].pop_front()
        {
            super::wire::lost(call, &mut out!(self, stage, around));
        }
        self.after_choice(stage, around);
    }

    /// Whether a process runs.
    pub fn is_up(&self, process: u32) -> bool {
        self.consumers.is_up(process)
    }

    /// Lets a process crash now.
    pub fn crash<O: Oracle, W: Watch>(
        &mut self,
        stage: &Stage,
        process: u32,
        restart_after: Span,
        around: &mut Around<'_, O, W>,
    ) {
        self.consumers.crash(process, restart_after, &mut out!(self, stage, around));
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
        timeline::crash_broker(queue, restart_after, &mut self.brokers, &mut out);
        self.after_choice(stage, around);
    }

    fn after_choice<O: Oracle, W: Watch>(&mut self, stage: &Stage, around: &mut Around<'_, O, W>) {
        self.deliver_calls(stage, around);
        let (records, producers) = (&self.records, &self.producers);
        self.agenda.sweep(|lane, event| stands(stage, records, producers, lane, event));
    }

    /// Writes the world: equal forms have equal futures under every choice.
    pub fn canon(&self, stage: &Stage, times: Times, leases: Leases, form: &mut impl Canon) {
        self.producers.canon(form);
        self.consumers.canon(&self.records, form);
        self.wires.canon(&self.records, form);
        let pending = form::Pending {
            stage,
            now: self.now,
            agenda: &self.agenda,
            records: &self.records,
            producers: &self.producers,
            consumers: &self.consumers,
            brokers: &self.brokers,
        };
        pending.canon(times, leases, form);
    }

    #[inline]
    fn event<O: Oracle, W: Watch>(&mut self, stage: &Stage, actor: Actor, payload: u32, around: &mut Around<'_, O, W>) {
        let mut out = out!(self, stage, around);
        match actor {
            Actor::Worker(worker) => self.consumers.go_on(worker, payload, &mut out),
            Actor::Arrivals(producer) => {
                self.producers.arrive(producer, &mut out);
                self.note_end_of_production(stage);
            }
            Actor::Leases(queue) => {
                self.brokers[queue.at()].handle(queue, Input::LeaseOver { delivery: payload }, &mut out);
            }
            Actor::Packets(packets) => {
                let call = self.wires.0[packets as usize].pop_front();
                self.calls.extend(call);
            }
            Actor::Restart(process) => self.consumers.restart(process, &mut out),
            Actor::Heartbeats(process) => self.consumers.beat(process, payload, &mut out),
            Actor::Confirms(_) => self.producers.timed_out(payload, &mut out),
            Actor::Retries(_) => self.producers.retry(payload, &mut out),
            Actor::Delays(queue) => {
                self.brokers[queue.at()].handle(queue, Input::DelayOver { entry: payload }, &mut out);
            }
            Actor::Timeline { fault, process } => {
                if !self.producers.stopped() {
                    timeline::book_next(fault, process, payload + 1, &mut out);
                }
                timeline::strike(fault, process, &mut self.brokers, &mut self.consumers, &mut out);
            }
            Actor::Resume(process) => self.consumers.resume(process, &mut out),
            Actor::Quicken(process) => self.consumers.quicken(process, &mut out),
            Actor::BrokerUp(queue) => self.brokers[queue.at()].handle(queue, Input::Restart, &mut out),
            Actor::Keys(store) => self.consumers.forget_key(store.at(), payload),
        }
    }

    /// Calls, first in first out, until nobody calls anybody. Gives how many.
    #[inline]
    fn deliver_calls<O: Oracle, W: Watch>(&mut self, stage: &Stage, around: &mut Around<'_, O, W>) -> u32 {
        let mut count = 0;
        while let Some(call) = self.calls.pop_front() {
            count += 1;
            if count > MAX_AT_ONE_INSTANT {
                self.calls.clear();
                break;
            }
            let mut out = out!(self, stage, around);
            let (queue, input) = match call {
                Call::Deliver { worker, delivery } => {
                    self.consumers.deliver(worker, delivery, &mut out);
                    continue;
                }
                Call::Confirm { op, pending } => {
                    self.producers.confirm(op, pending, &mut out);
                    continue;
                }
                Call::Refuse { op, copy, pending } => {
                    self.producers.refuse(op, copy, pending, &mut out);
                    continue;
                }
                Call::Nothing => continue,
                Call::Publish { queue, message, pending } => (queue, Input::Publish { message, pending }),
                Call::Receive { queue, worker } => (queue, Input::Receive { worker }),
                Call::Settle { queue, delivery, how, wait } => (queue, Input::Settle { delivery, how, wait }),
                Call::Renew { queue, delivery } => (queue, Input::Renew { delivery }),
                Call::DeadLetter { queue, message } => (queue, Input::DeadLetter { message }),
                Call::Disconnect { queue, first, workers } => (queue, Input::Disconnect { first, workers }),
            };
            self.brokers[queue.at()].handle(queue, input, &mut out);
        }
        count
    }

    /// After the last arrival: producers and random faults stop, and the drain begins.
    fn note_end_of_production(&mut self, stage: &Stage) {
        let booked = |p: usize| self.agenda.is_booked(stage.arrivals_lane(ProducerId(p as u16)));
        if self.producers.stopped() || (0..stage.plan.producers.len()).any(booked) {
            return;
        }
        self.producers.stop();
        let length = &stage.plan.length;
        let all_made = length.operations.is_some_and(|most| self.produced() >= most);
        let end = match length.span {
            Some(span) if !all_made => Time::ZERO + span,
            _ => self.now,
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
