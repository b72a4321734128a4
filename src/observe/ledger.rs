//! The ledger: what each fact changes in the judge's records, once.
//!
//! It trusts the order that the facts' contract promises and decides nothing. Its rule is cost: a message tells nine or
//! ten facts, and none of them allocates, hashes or searches. What is rare stands in functions of its own, so that what
//! is common can be inlined where a world tells a fact, and only the part for that kind of fact remains.

use super::guarantees::{self, Id, OpState};
use super::judge::Judge;
use super::records::{At, Delivery, NO_DELIVERY, Op};
use super::report::Counts;
use crate::model::fact::{Cause, DropReason, Fact, Held, Holder, RunEnd, Watch};
use crate::model::plan::{ProducerId, QueueId};
use crate::sim::Time;

impl Judge {
    #[inline(always)]
    fn produced(&mut self, now: Time, op: u32, key: u32, producer: ProducerId) {
        debug_assert_eq!(op as usize, self.ops.len(), "operations are numbered as they are produced");
        self.window.produced(now);
        let role = self.roles.producers[producer.at()];
        self.ops.push(Op { produced_at: now, state: role.newborn });
        if role.keyed {
            self.keys[producer.at()].know(key);
        }
        self.queues[role.home.at()].metrics.counts.produced += 1;
    }

    #[inline(always)]
    fn published(&mut self, now: Time, op: u32, queue: QueueId) {
        self.change(now, op, None, OpState::published);
        self.queues[queue.at()].metrics.counts.published += 1;
    }

    #[inline(always)]
    fn accepted(&mut self, now: Time, op: u32, message: u32, queue: QueueId) {
        self.change(now, op, None, OpState::stored);
        self.messages.enter(message, queue, now);
        let metrics = &mut self.queues[queue.at()].metrics;
        metrics.counts.accepted += 1;
        metrics.ready(now, &self.window);
    }

    #[inline(always)]
    fn confirmed(&mut self, now: Time, op: u32) {
        let state = self.state(op);
        self.set(now, op, None, state, state.confirmed());
        self.queues[self.roles.home(state).at()].metrics.counts.confirmed += u64::from(!state.has(OpState::CONFIRMED));
    }

    #[inline(always)]
    fn delivered(&mut self, now: Time, held: Held, message: u32, queue: QueueId, why: (Cause, Holder)) {
        let slot = held.delivery as usize;
        if slot >= self.deliveries.len() {
            self.deliveries.resize(slot + 1, NO_DELIVERY);
        }
        if self.deliveries[slot].at == At::Waiting {
            self.abandon(now, slot);
        }
        self.deliveries[slot] = Delivery { op: held.op, worker: held.worker, at: At::Waiting, started_at: now };

        let state = self.state(held.op);
        let at_home = queue == self.roles.home(state);
        self.set(now, held.op, Some(held.worker), state, state.delivered(at_home, why.0, why.1));
        let before = self.messages.deliver(message);
        let consumer = &mut self.consumers[self.roles.consumer(held.worker)].metrics;
        consumer.counts.delivered += 1;
        if before.deliveries == 0 {
            consumer.queueing.record(now - before.since);
        } else {
            consumer.counts.redelivered += 1;
        }
        let metrics = &mut self.queues[queue.at()].metrics;
        metrics.depth.down(now, &self.window);
        metrics.in_flight.up(now, &self.window);
    }

    /// A delivery that waited for its run will never have one.
    #[cold]
    #[inline(never)]
    fn abandon(&mut self, now: Time, slot: usize) {
        let Delivery { op, worker, .. } = self.deliveries[slot];
        self.deliveries[slot].at = At::Over;
        self.change(now, op, Some(worker), OpState::abandoned);
    }

    #[inline(always)]
    fn started(&mut self, now: Time, held: Held) {
        let state = self.state(held.op);
        let at_home = self.roles.at_home(state, held.worker);
        self.set(now, held.op, Some(held.worker), state, state.started(at_home));
        let delivery = &mut self.deliveries[held.delivery as usize];
        debug_assert_eq!(delivery.at, At::Waiting, "a delivery has at most one run");
        delivery.at = At::Running;
        delivery.started_at = now;
        let consumer = &mut self.consumers[self.roles.consumer(held.worker)].metrics;
        consumer.counts.runs += 1;
        consumer.ran += u64::from(!state.ran(at_home));
        consumer.busy.up(now, &self.window);
        if at_home && state.has(OpState::KEYED) {
            let overlaps = guarantees::run_begins(self.keys[state.producer()].open_runs(held.key));
            let first = self.first(now, held.op);
            let book = &mut self.queues[self.roles.home(state).at()];
            book.keyed_runs += 1;
            if overlaps {
                book.broken[Id::B5 as usize].count(first);
            }
        }
    }

    #[inline(always)]
    fn effect(&mut self, now: Time, held: Held, site: u8, current: bool) {
        let Op { state, produced_at } = self.ops[held.op as usize];
        let c = self.roles.consumer(held.worker);
        let sites = self.consumers[c].sites;
        self.set(now, held.op, Some(held.worker), state, state.took_effect(site, sites));
        let metrics = &mut self.consumers[c].metrics;
        metrics.counts.effects += 1;
        if state.has(OpState::once_at(site)) {
            self.duplicate(now, held, state.cause());
        } else if state.has_none(sites) {
            metrics.done.up(now, &self.window);
            metrics.end_to_end.record(now - produced_at);
            if state.has(OpState::KEYED) {
                metrics.first_in_key += 1;
                if guarantees::first_effect(self.keys[state.producer()].newest(held.key, c), held.op) {
                    metrics.counts.out_of_order += 1;
                    self.broke(now, held, Id::B4);
                }
            }
        }
        if !current {
            self.broke(now, held, Id::C3);
        }
    }

    #[cold]
    #[inline(never)]
    fn duplicate(&mut self, now: Time, held: Held, cause: usize) {
        debug_assert!(cause > 0, "who has two runs was delivered again");
        let first = self.first(now, held.op);
        let book = &mut self.consumers[self.roles.consumer(held.worker)];
        book.metrics.counts.duplicates += 1;
        if let Some(tally) = cause.checked_sub(1).and_then(|at| book.causes.get_mut(at)) {
            tally.count(first);
        }
    }

    #[inline(always)]
    fn ended(&mut self, now: Time, held: Held, how: RunEnd) {
        let state = self.state(held.op);
        self.set(now, held.op, Some(held.worker), state, state.let_go());
        let delivery = &mut self.deliveries[held.delivery as usize];
        delivery.at = At::Over;
        let consumer = &mut self.consumers[self.roles.consumer(held.worker)].metrics;
        consumer.busy.down(now, &self.window);
        if how == RunEnd::Done {
            consumer.handler.record(now - delivery.started_at);
        }
        if state.has(OpState::KEYED) && self.roles.at_home(state, held.worker) {
            guarantees::run_ends(self.keys[state.producer()].open_runs(held.key));
        }
    }

    #[inline(always)]
    fn acked(&mut self, now: Time, held: Held, message: u32, queue: QueueId) {
        let Op { state, produced_at } = self.ops[held.op as usize];
        let c = self.roles.consumer(held.worker);
        let sites = self.consumers[c].sites;
        self.set(now, held.op, Some(held.worker), state, state.acked(sites));
        self.messages.leave(message);
        self.queues[queue.at()].metrics.in_flight.down(now, &self.window);
        let metrics = &mut self.consumers[c].metrics;
        metrics.counts.acked += 1;
        if sites == 0 && state.has_none(OpState::DONE) {
            metrics.done.up(now, &self.window);
            metrics.end_to_end.record(now - produced_at);
        }
        if guarantees::acked_without_effect(state, sites) {
            self.broke(now, held, Id::C6);
        }
    }

    /// What was in flight is ready again.
    #[inline]
    fn came_back(&mut self, now: Time, queue: QueueId) {
        let metrics = &mut self.queues[queue.at()].metrics;
        metrics.in_flight.down(now, &self.window);
        metrics.ready(now, &self.window);
    }

    #[inline]
    fn dead_lettered(&mut self, now: Time, op: u32, message: u32, (from, to): (QueueId, QueueId), attempts: u16) {
        let first = self.first(now, op);
        let exact = guarantees::attempts_exact(self.messages.deliveries(message), attempts, self.roles.caps[from.at()]);
        self.messages.leave(message);
        self.messages.enter(message, to, now);
        let book = &mut self.queues[from.at()];
        book.metrics.counts.dead_lettered += 1;
        book.metrics.depth.down(now, &self.window);
        if !exact {
            book.broken[Id::E2 as usize].count(first);
        }
        let target = &mut self.queues[to.at()].metrics;
        target.dead_in += 1;
        target.ready(now, &self.window);
        let state = self.state(op);
        self.set(now, op, None, state, state.dead_lettered(from == self.roles.home(state)));
    }

    #[inline]
    fn dropped(&mut self, now: Time, op: u32, message: u32, queue: QueueId, in_flight: bool, why: DropReason) {
        self.messages.leave(message);
        let metrics = &mut self.queues[queue.at()].metrics;
        metrics.counts.dropped += 1;
        let level = if in_flight { &mut metrics.in_flight } else { &mut metrics.depth };
        level.down(now, &self.window);
        self.change(now, op, None, |state| state.dropped(why));
    }

    #[inline]
    fn expired(&mut self, now: Time, held: Held, queue: QueueId, holder: Holder) {
        self.consumers[self.roles.consumer(held.worker)].metrics.counts.expired += 1;
        self.came_back(now, queue);
        if holder == Holder::Nobody {
            self.abandon(now, held.delivery as usize);
        }
    }

    /// A process died: what waited in its hands is never run.
    fn crashed(&mut self, now: Time, instance: u32) {
        let role = self.roles.instances[instance as usize];
        self.consumers[usize::from(role.consumer)].metrics.counts.crashes += 1;
        for slot in 0..self.deliveries.len() {
            let Delivery { worker, at, .. } = self.deliveries[slot];
            if at == At::Waiting && (role.first_worker..role.end_worker).contains(&worker) {
                self.abandon(now, slot);
            }
        }
    }

    #[inline]
    fn by(&mut self, held: Held) -> &mut Counts {
        &mut self.consumers[self.roles.consumer(held.worker)].metrics.counts
    }
}

impl Watch for Judge {
    // Inlined where a fact is told, so that its kind is known and one call remains.
    #[inline(always)]
    fn fact(&mut self, now: Time, fact: &Fact) {
        if now >= self.wake {
            self.wake(now);
        }
        self.fingerprint.fact(now, fact);
        match *fact {
            Fact::Produced { op, key, producer, .. } => self.produced(now, op, key, producer),
            Fact::Published { op, queue, .. } => self.published(now, op, queue),
            Fact::Accepted { op, message, queue, .. } => self.accepted(now, op, message, queue),
            Fact::Refused { op, queue, .. } => {
                self.queues[queue.at()].metrics.counts.refused += 1;
                self.change(now, op, None, OpState::not_stored);
            }
            Fact::PacketLost { op, .. } => self.change(now, op, None, OpState::not_stored),
            Fact::Confirmed { op } => self.confirmed(now, op),
            Fact::GaveUp { op } => self.change(now, op, None, OpState::gave_up),
            Fact::Delivered { held, message, queue, cause, holder, .. } => {
                self.delivered(now, held, message, queue, (cause, holder));
            }
            Fact::Started { held, .. } => self.started(now, held),
            Fact::Stepped { held, skip: true, .. } => {
                self.change(now, held.op, Some(held.worker), OpState::found_done);
            }
            Fact::Effect { held, site, current } => self.effect(now, held, site, current),
            Fact::Suppressed { held, .. } => {
                self.by(held).suppressed += 1;
                self.change(now, held.op, Some(held.worker), OpState::found_done);
            }
            Fact::Ended { held, how } => self.ended(now, held, how),
            Fact::Acked { held, message, queue } => self.acked(now, held, message, queue),
            Fact::Stale { held, .. } => self.by(held).stale += 1,
            Fact::Nacked { held, queue, .. } => {
                self.by(held).nacked += 1;
                self.came_back(now, queue);
            }
            Fact::Expired { held, queue, holder, .. } => self.expired(now, held, queue, holder),
            Fact::TakenBack { queue, .. } => self.came_back(now, queue),
            Fact::DeadLettered { op, message, from, to, attempts } => {
                self.dead_lettered(now, op, message, (from, to), attempts);
            }
            Fact::Dropped { op, message, queue, in_flight, why } => {
                self.dropped(now, op, message, queue, in_flight, why);
            }
            Fact::Crashed { instance } => {
                self.crashed(now, instance);
                self.bands.fact(now, fact);
            }
            Fact::Restarted { .. }
            | Fact::Paused { .. }
            | Fact::Resumed { .. }
            | Fact::Slowed { .. }
            | Fact::Quickened { .. }
            | Fact::BrokerDown { .. }
            | Fact::BrokerUp { .. } => self.bands.fact(now, fact),
            Fact::Unconfirmed { .. } | Fact::Stepped { .. } | Fact::Waits { .. } | Fact::Renewed { .. } => {}
        }
    }
}
