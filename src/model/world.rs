//! The world: everything that changes, and the loop that changes it.
//!
//! It holds machines, pending events, records and stores; no generator, no configuration and no measurement, so it can be
//! copied, compared and run again. Rule: nothing but this loop moves time. The order of what happens at one moment is the
//! agenda's: continuations of steps that take no time, then everything else in the order of booking; initial bookings are
//! made in the order of names.

use serde::{Deserialize, Serialize};

use super::fact::Watch;
use super::form;
use super::machines::{Machines, Stop};
use super::out::{Common, Out};
use super::plan::{ProducerId, QueueId};
use super::records::Records;
use super::seat::Seat;
use super::stage::{Actor, Stage};
use super::timeline;
use super::wire::{Call, Wires};
use crate::sim::{Agenda, Canon, Head, Oracle, Ring, Span, Time, clone_by_field};

/// Everything that changes.
#[derive(Debug)]
pub struct World {
    common: Common,
    machines: Machines,
    /// Calls of one choice looked endless and were cut off.
    endless: bool,
}

clone_by_field!(World { common, machines, endless });

/// Who answers, who watches, and who sits in the seat.
pub struct Around<'a, O, W> {
    /// Answers whatever is undetermined.
    pub oracle: &'a mut O,
    /// Hears every fact.
    pub watch: &'a mut W,
    /// Decides for foreign handlers.
    pub seat: &'a mut dyn Seat,
}

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
            stage: $stage,
            common: &mut $world.common,
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
        let mut world = World {
            common: Common {
                now: Time::ZERO,
                agenda: Agenda::new(stage.lanes, stage.arrivals_lane(ProducerId(0)), indexed),
                records: Records::default(),
                calls: Ring::default(),
                wires: Wires(vec![Ring::default(); stage.ways.len()]),
            },
            machines: Machines::new(stage),
            endless: false,
        };
        around.watch.moment(Time::ZERO);
        world.machines.start(&mut out!(world, stage, around));
        world
    }

    /// The moment of the last event.
    pub fn now(&self) -> Time {
        self.common.now
    }

    /// Operations produced so far.
    pub fn produced(&self) -> u32 {
        self.machines.producers.produced()
    }

    /// Messages stored.
    pub fn stored(&self) -> usize {
        self.common.records.entries.len()
    }

    /// Records in use: messages, entries, deliveries. Where nothing is stored, sent or at work there are none.
    pub fn records(&self) -> [usize; 3] {
        [self.common.records.messages.len(), self.common.records.entries.len(), self.common.records.deliveries.len()]
    }

    /// Whether producers have stopped and nothing is stored, on its way or at work.
    pub fn is_settled(&self) -> bool {
        self.machines.is_settled(&self.common.records, &self.common.wires)
    }

    /// Lets time pass: the earliest events, `most` of them at the most. Steps that take no time count with the step before.
    pub fn run<O: Oracle, W: Watch>(&mut self, stage: &Stage, around: &mut Around<'_, O, W>, most: u64) -> Stop {
        self.machines.run(most, &mut out!(self, stage, around))
    }

    /// Everything that may happen next.
    pub fn heads(&self, stage: &Stage, leases: Leases, out: &mut Vec<Head>) {
        let (records, machines) = (&self.common.records, &self.machines);
        let stands = |lane, event: &_| machines.stands(stage, records, lane, event);
        let passes = |lane| leases == Leases::Loose && matches!(stage.actor(lane), Actor::Leases(_));
        self.common.agenda.heads(stands, passes, out);
    }

    /// Takes a head. Where it is due later than now, time moves there.
    fn reach(&mut self, head: Head, watch: &mut impl Watch) {
        self.common.agenda.take(head);
        self.common.now = self.common.now.max(head.event.at);
        watch.moment(self.common.now);
    }

    /// Lets one head happen. Where it is due later than now, time moves there.
    pub fn take<O: Oracle, W: Watch>(&mut self, stage: &Stage, head: Head, around: &mut Around<'_, O, W>) {
        self.reach(head, around.watch);
        self.machines.event(stage.actor(head.lane), head.event.payload, &mut out!(self, stage, around));
        self.after_choice(stage, around);
    }

    /// Whether the packet at the head of a wire's direction is one that a wire may lose.
    pub fn can_lose(&self, packets: u32) -> bool {
        self.common.wires.0[packets as usize].front().is_some_and(Call::can_be_lost)
    }

    /// Lets a packet be lost instead of arriving.
    pub fn lose<O: Oracle, W: Watch>(&mut self, stage: &Stage, head: Head, around: &mut Around<'_, O, W>) {
        self.reach(head, around.watch);
        if let Actor::Packets(packets) = stage.actor(head.lane)
            && let Some(call) = self.common.wires.0[packets as usize].pop()
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
        !self.common.agenda.is_booked(stage.broker_up_lane(queue))
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
        self.endless |= !self.machines.deliver_calls(&mut out!(self, stage, around));
        let (records, machines) = (&self.common.records, &self.machines);
        let stands = |lane, event: &_| machines.stands(stage, records, lane, event);
        self.common.agenda.sweep(stands);
    }

    /// Whether calls of one choice looked endless and were cut off: nothing may be concluded from such a world.
    pub fn is_endless(&self) -> bool {
        self.endless
    }

    /// Writes the world: equal forms have equal futures under every choice.
    pub fn canon(&self, stage: &Stage, times: Times, leases: Leases, form: &mut impl Canon) {
        self.machines.producers.canon(form);
        self.machines.consumers.canon(&self.common.records, form);
        self.common.wires.canon(&self.common.records, form);
        let pending = form::Pending {
            stage,
            now: self.common.now,
            agenda: &self.common.agenda,
            records: &self.common.records,
            machines: &self.machines,
        };
        pending.canon(times, leases, form);
    }
}
