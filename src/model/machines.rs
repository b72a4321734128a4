//! The machines of a world, and who gets what: an event goes to its actor, a call to whom it calls.
//!
//! Calls are handled first in first out. The one call that nearly every event makes is handed on as a value and never waits
//! in the ring. Rule: only a call that no other comes before is handed on.

use super::broker::{HandOut, Input, Machine};
use super::consumer::Consumers;
use super::fact::Watch;
use super::out::Out;
use super::plan::{ProducerId, QueueId, Redrive};
use super::producer::{Arrived, Producers};
use super::records::Records;
use super::stage::{Actor, Stage};
use super::timeline;
use super::wire::{Call, Publish, Settle, Wires};
use crate::sim::{Event, Lane, Oracle, Ring, Time, clone_by_field};

/// Why a run stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Producers have stopped and nothing is left to do.
    Settled,
    /// The drain is over, and something is still stored or at work.
    DrainOver,
    /// So much happened in one instant that it looks endless: the name of who acted last.
    Endless(String),
    /// As many events were handled as were asked for.
    Paused,
}

/// More events than this in one instant with no arrival among them, or more calls in one event, are a loop.
pub const MAX_AT_ONE_INSTANT: u32 = 1_000_000;

/// Who acts, and until when.
#[derive(Debug)]
pub(super) struct Machines {
    pub producers: Producers,
    pub brokers: Vec<Machine>,
    pub consumers: Consumers,
    /// The last moment that is still simulated.
    pub deadline: Time,
    /// Events since time moved or an operation arrived.
    pub at_this_instant: u32,
}

clone_by_field!(Machines { producers, brokers, consumers, deadline, at_this_instant });

impl Machines {
    /// Before anything happened.
    pub fn new(stage: &Stage) -> Machines {
        Machines {
            producers: Producers::new(stage.plan.producers.len()),
            brokers: stage.brokers.iter().map(|&first| Machine::new(stage, first)).collect(),
            consumers: Consumers::new(stage),
            deadline: Time::NEVER,
            at_this_instant: 0,
        }
    }

    /// What happens first, in the order of names.
    pub fn start<O: Oracle, W: Watch>(&mut self, out: &mut Out<'_, O, W>) {
        for producer in 0..out.stage.plan.producers.len() {
            self.producers.start(ProducerId(producer as u16), out);
        }
        for process in 0..out.stage.processes.len() as u32 {
            self.consumers.start(process, out);
            self.deliver_calls(out);
        }
        timeline::start(out);
        for redrive in 0..out.stage.plan.redrives.len() as u16 {
            book_redrive(redrive, 0, out);
        }
        self.note_end_of_production(out);
    }

    pub fn run<O: Oracle, W: Watch>(&mut self, most: u64, out: &mut Out<'_, O, W>) -> Stop {
        let stage = out.stage;
        for _ in 0..most {
            let records = &out.common.records;
            let stands = |lane, event: &_| self.stands(stage, records, lane, event);
            let Some(head) = out.common.agenda.pop(self.deadline, stands) else {
                return if self.is_settled(&out.common.records, &out.common.wires) {
                    Stop::Settled
                } else {
                    Stop::DrainOver
                };
            };
            debug_assert!(head.event.at >= out.common.now, "time ran backwards");
            let actor = stage.actor(head.lane);
            let time_moves = head.event.at > out.common.now;
            if time_moves {
                out.watch.moment(head.event.at);
            }
            out.common.now = head.event.at;
            self.at_this_instant = if time_moves { 0 } else { self.at_this_instant + 1 };
            self.event(actor, head.event.payload, out);
            if !self.deliver_calls(out) || self.at_this_instant > MAX_AT_ONE_INSTANT {
                return Stop::Endless(actor.name(&stage.plan));
            }
            if self.producers.stopped() && self.is_settled(&out.common.records, &out.common.wires) {
                return Stop::Settled;
            }
        }
        Stop::Paused
    }

    /// An event, with the calls that come before all others: those are handled here.
    #[inline(always)]
    pub fn event<O: Oracle, W: Watch>(&mut self, actor: Actor, payload: u32, out: &mut Out<'_, O, W>) {
        if let Some(handed) = self.act(actor, payload, out) {
            self.consumers.deliver(handed.worker(), handed.delivery(), out);
        }
    }

    /// What an event does, with the call that comes before all others. Gives the hand-out that is to be handled before any
    /// further call.
    // The two events of nearly every message, and what they call, are one piece of code; all else is kept out of it.
    #[inline(always)]
    fn act<O: Oracle, W: Watch>(&mut self, actor: Actor, payload: u32, out: &mut Out<'_, O, W>) -> Option<HandOut> {
        match actor {
            Actor::Worker(worker) => {
                let Settle { queue, delivery, how, wait } = self.consumers.go_on(worker, payload, out)?;
                self.handle(queue, || Input::Settle { delivery, how, wait }, out)
            }
            Actor::Arrivals(producer) => {
                self.at_this_instant = 0; // any number may arrive at once
                let Arrived { call, is_last } = self.producers.arrive(producer, out);
                if is_last {
                    self.note_end_of_production(out);
                }
                let Publish { queue, message, pending } = call?;
                self.handle(queue, || Input::Publish { message, pending }, out)
            }
            _ => self.rare_event(actor, payload, out),
        }
    }

    #[inline(never)]
    fn rare_event<O: Oracle, W: Watch>(
        &mut self,
        actor: Actor,
        payload: u32,
        out: &mut Out<'_, O, W>,
    ) -> Option<HandOut> {
        match actor {
            Actor::Worker(_) | Actor::Arrivals(_) => {}
            Actor::Leases(queue) => return self.handle_rare(queue, Input::LeaseOver { delivery: payload }, out),
            // Nobody else is calling: the call of the packet comes first.
            Actor::Packets(packets) => {
                let call = out.common.wires.0[packets as usize].pop()?;
                return self.receive(call, out);
            }
            Actor::Restart(process) => self.consumers.restart(process, out),
            Actor::Heartbeats(process) => self.consumers.beat(process, payload, out),
            Actor::Polls(_) => self.consumers.ask_again(payload, out),
            Actor::Confirms(_) => self.producers.timed_out(payload, out),
            Actor::Retries(_) => self.producers.retry(payload, out),
            Actor::Delays(queue) => return self.handle_rare(queue, Input::DelayOver { entry: payload }, out),
            Actor::Timer { queue, timer } => return self.handle_rare(queue, Input::Timer { timer, payload }, out),
            Actor::Timeline { fault, process } => {
                timeline::book_next(fault, process, payload + 1, self.producers.stopped(), out);
                timeline::strike(fault, process, &mut self.brokers, &mut self.consumers, out);
            }
            Actor::Resume(process) => self.consumers.resume(process, out),
            Actor::Quicken(process) => self.consumers.quicken(process, out),
            Actor::BrokerUp(queue) => return self.handle_rare(queue, Input::Restart, out),
            Actor::Redrive(redrive) => {
                book_redrive(redrive, payload + 1, out);
                let Redrive { from, to, .. } = out.stage.plan.redrives[usize::from(redrive)];
                return self.handle_rare(from, Input::Redrive { to }, out);
            }
            Actor::Keys(store) => self.consumers.forget_key(store.at(), payload),
        }
        None
    }

    /// Calls, first in first out, until nobody calls anybody; `false` where that looked endless and they were dropped.
    #[inline]
    pub fn deliver_calls<O: Oracle, W: Watch>(&mut self, out: &mut Out<'_, O, W>) -> bool {
        let mut count = 0;
        while let Some(call) = out.common.calls.pop() {
            if count >= MAX_AT_ONE_INSTANT {
                out.common.calls.clear();
                return false;
            }
            count += 1;
            self.deliver(call, out);
        }
        true
    }

    /// Handles a call, and the one that comes of it before all others.
    #[inline(never)]
    fn deliver<O: Oracle, W: Watch>(&mut self, call: Call, out: &mut Out<'_, O, W>) {
        if let Some(handed) = self.receive(call, out) {
            self.consumers.deliver(handed.worker(), handed.delivery(), out);
        }
    }

    /// Whoever is called handles it. Gives the hand-out that is to be handled before any further call.
    fn receive<O: Oracle, W: Watch>(&mut self, call: Call, out: &mut Out<'_, O, W>) -> Option<HandOut> {
        let (queue, input) = match call {
            Call::Publish(Publish { queue, message, pending }) => (queue, Input::Publish { message, pending }),
            Call::Receive { queue, worker } => (queue, Input::Receive { worker }),
            Call::Settle(Settle { queue, delivery, how, wait }) => (queue, Input::Settle { delivery, how, wait }),
            Call::Renew { queue, delivery } => (queue, Input::Renew { delivery }),
            Call::Move { queue, moved } => (queue, Input::Move(moved)),
            Call::Disconnect { queue, first, workers } => (queue, Input::Disconnect { first, workers }),
            Call::Deliver { worker, delivery } => {
                self.consumers.deliver(worker, delivery, out);
                return None;
            }
            Call::Confirm { op, pending } => {
                self.producers.confirm(op, pending, out);
                return None;
            }
            Call::Refuse { op, copy, pending } => {
                self.producers.refuse(op, copy, pending, out);
                return None;
            }
            Call::Notice { worker, notice } => {
                self.consumers.hear(worker, notice, out);
                return None;
            }
            Call::Nothing => return None,
        };
        self.handle(queue, || input, out)
    }

    #[inline(never)]
    fn handle_rare<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        input: Input,
        out: &mut Out<'_, O, W>,
    ) -> Option<HandOut> {
        self.handle(queue, || input, out)
    }

    /// A broker gets its input and hands out what it can. Gives the hand-out that is to be handled before any further call.
    #[inline(always)]
    fn handle<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        input: impl Fn() -> Input,
        out: &mut Out<'_, O, W>,
    ) -> Option<HandOut> {
        let at = &out.stage.queues[queue.at()];
        self.brokers[at.broker].handle(queue, &at.settings, input, out)
    }

    pub fn is_settled(&self, records: &Records, wires: &Wires) -> bool {
        self.producers.stopped()
            && records.entries.is_empty()
            && self.producers.is_settled()
            && wires.0.iter().all(Ring::is_empty)
            && self.consumers.is_settled()
    }

    /// After the last arrival: producers and random faults stop, and the drain begins.
    fn note_end_of_production<O: Oracle, W: Watch>(&mut self, out: &mut Out<'_, O, W>) {
        let booked = |p: usize| out.common.agenda.is_booked(out.stage.arrivals_lane(ProducerId(p as u16)));
        if self.producers.stopped() || (0..out.stage.plan.producers.len()).any(booked) {
            return;
        }
        self.producers.stop();
        let length = &out.stage.plan.length;
        let all_made = length.operations.is_some_and(|most| self.producers.produced() >= most);
        let end = match length.span {
            Some(span) if !all_made => Time::ZERO + span,
            _ => out.common.now,
        };
        self.deadline = end + length.drain;
    }

    /// Whether a timer still stands; other pending events always do.
    #[inline(always)]
    pub fn stands(&self, stage: &Stage, records: &Records, lane: Lane, event: &Event) -> bool {
        match stage.actor(lane) {
            Actor::Leases(_) => records.lease_runs(event),
            actor => self.other_stands(stage, records, actor, event),
        }
    }

    #[inline(never)]
    fn other_stands(&self, stage: &Stage, records: &Records, actor: Actor, event: &Event) -> bool {
        match actor {
            Actor::Confirms(_) | Actor::Retries(_) => self.producers.stands(event.payload, event.token()),
            Actor::Heartbeats(_) => records.beat_stands(event),
            Actor::Polls(_) => self.consumers.pauses(event),
            Actor::Timer { queue, timer } => {
                self.brokers[stage.queues[queue.at()].broker].stands(queue, timer, event, records)
            }
            _ => true,
        }
    }
}

/// Books the next moment at which an operator moves dead letters back.
fn book_redrive<O: Oracle, W: Watch>(redrive: u16, nth: u32, out: &mut Out<'_, O, W>) {
    if let Some(&at) = out.stage.plan.redrives[usize::from(redrive)].at.get(nth as usize) {
        out.common.agenda.book_single(out.stage.redrive_lane(redrive), at.max(out.common.now), nth);
    }
}
