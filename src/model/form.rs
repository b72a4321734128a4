//! What is pending, in canonical form, with the queues that it belongs to.
//!
//! Where times are kept, everything pending is one list in the order in which it would happen, each with what remains.
//! Where they are dropped, each lane is a list of its own: in order where its order is fixed, as a set where it is not.

use super::broker::{Machine, Room};
use super::machines::Machines;
use super::plan::QueueId;
use super::records::Records;
use super::stage::{Actor, Stage};
use super::world::{Leases, Times};
use crate::sim::{Agenda, Canon, Event, Lane, Time};

/// What is pending, and what it refers to.
pub(super) struct Pending<'a> {
    pub stage: &'a Stage,
    pub now: Time,
    pub agenda: &'a Agenda,
    pub records: &'a Records,
    pub machines: &'a Machines,
}

impl Pending<'_> {
    pub fn canon<F: Canon>(&self, times: Times, leases: Leases, form: &mut F) {
        for queue in self.stage.plan.queue_ids() {
            self.broker(queue).canon(form, &self.room(queue));
        }
        match times {
            Times::Kept => self.in_time(form),
            Times::Dropped => self.by_lane(leases, form),
        }
    }

    fn broker(&self, queue: QueueId) -> &Machine {
        &self.machines.brokers[self.stage.queues[queue.at()].broker]
    }

    fn room(&self, queue: QueueId) -> Room<'_> {
        Room { queue, stage: self.stage, now: self.now, agenda: self.agenda, records: self.records }
    }

    fn in_time(&self, form: &mut impl Canon) {
        let mut all: Vec<(Lane, Event)> = Vec::new();
        self.agenda.for_each(|lane, event| {
            if self.stands(lane, event) {
                all.push((lane, *event));
            }
        });
        all.sort_by_key(|(_, event)| event.rank());
        form.list(all.iter(), |form, (lane, event)| {
            // What will be booked for this very moment comes after what is overdue, and a continuation before what is due now.
            let (at, not_soon, _) = event.rank();
            let class = if at < self.now { 0 } else { 1 + u64::from(not_soon) };
            form.puts([u64::from(lane.0) | class << 32, at.since(self.now).nanos()]);
            form.puts(self.name(*lane, event));
        });
    }

    fn by_lane<F: Canon>(&self, leases: Leases, form: &mut F) {
        let [singles, fifos, loose] = self.stage.lanes;
        for lanes in (0..singles).step_by(32) {
            let booked = (lanes..singles.min(lanes + 32)).filter(|&lane| self.agenda.is_booked(Lane(lane)));
            form.put(booked.fold(0, |bits, lane| bits | 1 << (lane % 32)));
        }
        for lane in (singles..singles + fifos + loose).map(Lane) {
            let events = || self.agenda.events(lane).filter(|event| self.stands(lane, event));
            let is_set = match self.stage.actor(lane) {
                Actor::Leases(_) => leases == Leases::Loose,
                // Packets stand in their wire.
                Actor::Packets(_) => continue,
                Actor::Delays(_) => true,
                _ => false,
            };
            form.put(events().count() as u64);
            if !is_set {
                events().for_each(|event| form.puts(self.name(lane, event)));
                continue;
            }
            let mut last = None;
            while let Some(name) = events().map(|event| self.name(lane, event)).filter(|&name| Some(name) > last).min()
            {
                form.puts(name);
                last = Some(name);
            }
        }
    }

    fn stands(&self, lane: Lane, event: &Event) -> bool {
        self.machines.stands(self.stage, self.records, lane, event)
    }

    /// What an event is about.
    fn name(&self, lane: Lane, event: &Event) -> [u64; 2] {
        match self.stage.actor(lane) {
            Actor::Leases(queue) => {
                self.broker(queue).name(self.records.deliveries[event.payload].entry, &self.room(queue))
            }
            Actor::Delays(queue) => self.broker(queue).name(event.payload, &self.room(queue)),
            Actor::Timer { queue, timer } => self.broker(queue).timer_name(timer, event.payload, &self.room(queue)),
            Actor::Confirms(_) | Actor::Retries(_) => self.machines.producers.name(event.payload),
            Actor::Heartbeats(_) => {
                let [message, hands] = self.records.name(event.payload);
                [message, hands | self.machines.consumers.place_in_hands(event.payload, self.records) << 34]
            }
            Actor::Keys(_) | Actor::Polls(_) => [u64::from(event.payload), 0],
            // The moments of a timeline are numbered: the number is which are left.
            Actor::Worker(_) | Actor::Timeline { .. } | Actor::Redrive(_) => [u64::from(event.payload), 0],
            _ => [0, 0],
        }
    }
}
