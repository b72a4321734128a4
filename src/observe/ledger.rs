//! The ledger: what each fact changes in the judge's records, once.
//!
//! It trusts the order that the facts' contract promises and decides nothing. Its rule is cost: a message tells nine or
//! ten facts, and none of them allocates, hashes or searches. What a life without trouble tells is inlined where a world
//! tells it, so that only the part for that kind of fact remains; the rest is one call. What a fact cannot break, by that
//! order, is not asked: a copy that is stored or handed out is alive, so its operation is not gone.

use super::guarantees::{self, Id, OpState};
use super::judge::Judge;
use super::messages::Message;
use super::ops::Op;
use super::records::{At, Delivery, NO_DELIVERY};
use super::report::Counts;
use crate::model::fact::{Cause, DropReason, Fact, Held, Holder, RunEnd, Watch};
use crate::model::plan::{ProducerId, QueueId};
use crate::sim::Time;

impl Judge {
    #[inline(always)]
    fn produced(&mut self, now: Time, op: u32, key: u32, producer: ProducerId) {
        debug_assert_eq!(u64::from(op) << self.roles.shift, self.ops.produced(), "numbered as they are produced");
        if self.window.may_end_with(op) {
            self.producing_ends(now);
        }
        if self.roles.shift > 0 {
            return self.produced_for_several(now, key, producer);
        }
        let state = self.roles.strands[producer.at()].published;
        self.ops.push(Op { produced_at: now, state });
        if state.has(OpState::KEYED) {
            self.keys[producer.at()].know(key);
        }
    }

    /// Again: the first time goes without saying.
    #[inline(never)]
    fn published_again(&mut self, op: u32) {
        let mut counted = 0;
        for word in self.words_of(op) {
            let state = &mut self.ops.at(word).state;
            *state = state.published();
            let state = *state;
            if !state.is_elsewhere() {
                self.queues[self.roles.home(state).at()].metrics.counts.published += 1;
                counted += 1;
            }
        }
        self.again.published += counted - 1;
    }

    #[inline(always)]
    fn accepted(&mut self, now: Time, op: u32, message: u32, queue: QueueId) {
        if self.roles.shift > 0 {
            self.accepted_by_one(now, op, message, queue);
        } else {
            self.count(now, op, None, OpState::STORED_ONCE, OpState::stored);
            self.messages.enter(message, queue, now, op, true);
        }
        let metrics = &mut self.queues[queue.at()].metrics;
        metrics.counts.accepted += 1;
        metrics.ready(now);
    }

    #[inline(always)]
    fn confirmed(&mut self, now: Time, op: u32) {
        if self.roles.shift > 0 {
            return self.confirmed_for_several(now, op);
        }
        let state = self.state(op);
        if !state.has(OpState::CONFIRMED) {
            self.queues[self.roles.home(state).at()].metrics.counts.confirmed += 1;
        }
        self.lessen(now, op, None, OpState::confirmed);
    }

    #[inline(always)]
    fn delivered(&mut self, now: Time, held: Held, message: u32, queue: QueueId, why: (Cause, Holder)) {
        let (slot, worker) = (held.delivery as usize, held.worker);
        let c = self.roles.consumer(worker);
        let Message { since, deliveries, at_home, word } = self.messages.deliver(message);
        // Written field by field: a copy of the whole would wait for its parts.
        let new = Delivery { word, worker, consumer: c as u16, at: At::Waiting, at_home, started_at: now };
        match self.deliveries.get_mut(slot) {
            Some(before) if before.at != At::Waiting => *before = new,
            _ => {
                self.clear(now, slot);
                self.deliveries[slot] = new;
            }
        }
        let state = &mut self.ops.at(word).state;
        if at_home && why.0 == Cause::First && state.is_new_to_consumers() {
            debug_assert_eq!(deliveries, 1, "where its operation is new, a message is");
            *state = state.first_delivered();
            self.consumers[c].metrics.queueing.record(now - since);
        } else {
            self.delivered_again(now, worker, message, why);
        }
        let metrics = &mut self.queues[queue.at()].metrics;
        metrics.depth.down(now);
        metrics.in_flight.up(now);
    }

    /// A delivery that is not the first of its operation, or not from its home.
    #[inline(never)]
    fn delivered_again(&mut self, now: Time, worker: u32, message: u32, (cause, holder): (Cause, Holder)) {
        let Message { since, deliveries, at_home, word } = self.messages.at(message);
        let once = if at_home { OpState::DELIVERED_ONCE } else { OpState::NEVER };
        self.count(now, word, Some(worker), once, |state| state.delivered(at_home, cause, holder));
        let consumer = &mut self.consumers[self.roles.consumer(worker)].metrics;
        if deliveries == 1 {
            consumer.queueing.record(now - since);
        } else {
            consumer.counts.redelivered += 1;
        }
    }

    /// Makes room for a delivery: the one before it waits, or there was none.
    #[cold]
    #[inline(never)]
    fn clear(&mut self, now: Time, slot: usize) {
        if slot < self.deliveries.len() {
            self.abandon(now, slot);
        } else {
            self.deliveries.resize(slot + 1, NO_DELIVERY);
        }
    }

    /// A delivery that waited for its run will never have one.
    #[cold]
    #[inline(never)]
    fn abandon(&mut self, now: Time, slot: usize) {
        let Delivery { word, worker, .. } = self.deliveries[slot];
        self.deliveries[slot].at = At::Over;
        self.lessen(now, word, Some(worker), OpState::abandoned);
    }

    #[inline(always)]
    fn started(&mut self, now: Time, held: Held) {
        let delivery = &mut self.deliveries[held.delivery as usize];
        debug_assert_eq!(delivery.at, At::Waiting, "a delivery has at most one run");
        delivery.at = At::Running;
        delivery.started_at = now;
        let (at_home, word) = (delivery.at_home, delivery.word);
        let state = &mut self.ops.at(word).state;
        if at_home && state.has_none(OpState::STARTED_ONCE | OpState::KEYED) {
            *state = state.first_started();
        } else {
            self.started_besides(now, word, (at_home, held.key), held.worker);
        }
    }

    /// A run that is not the first of its operation, or of a key that others share, or not from its home.
    #[inline(never)]
    fn started_besides(&mut self, now: Time, word: u32, (at_home, key): (bool, u32), worker: u32) {
        let c = self.roles.consumer(worker);
        let once = if at_home { OpState::STARTED_ONCE } else { OpState::STARTED_ELSEWHERE };
        let state = self.count(now, word, Some(worker), once, |state| state.started(at_home));
        let metrics = &mut self.consumers[c].metrics;
        metrics.reruns += u64::from(state.has(once));
        if at_home && state.has(OpState::KEYED) {
            metrics.keyed_runs += 1;
            if guarantees::run_begins(self.keys[state.strand()].open_runs(key)) {
                self.overlaps(now, word);
            }
        }
    }

    /// Two handlers of one key run at the same time.
    #[cold]
    #[inline(never)]
    fn overlaps(&mut self, now: Time, word: u32) {
        let first = self.first(now, self.op(word));
        let state = self.state(word);
        self.queues[self.roles.home(state).at()].broken[Id::B5 as usize].count(first);
    }

    #[inline(always)]
    fn effect(&mut self, now: Time, held: Held, site: u8, current: bool) {
        let Delivery { consumer, word, .. } = self.deliveries[held.delivery as usize];
        let book = &mut self.consumers[usize::from(consumer)];
        let op = self.ops.at(word);
        if op.state.has_none(book.more_to_ask) {
            op.state = op.state.took_only_effect(site, book.sites);
            book.metrics.done_after(now - op.produced_at);
        } else {
            self.effect_besides(now, (word, site), (held.op, held.key), held.worker);
        }
        if !current {
            self.broke(now, held.op, held.worker, Id::C3);
        }
    }

    /// An effect that is not the first of its operation, or not the only one, or of a key that others share.
    #[inline(never)]
    fn effect_besides(&mut self, now: Time, (word, site): (u32, u8), (op, key): (u32, u32), worker: u32) {
        let c = self.roles.consumer(worker);
        let book = &mut self.consumers[c];
        let Op { state, produced_at } = self.ops.at(word);
        let before = *state;
        *state = before.took_effect(site, book.sites);
        if !before.has_none(book.sites) {
            book.metrics.later_effects += 1;
            if before.has(OpState::once_at(site)) {
                self.duplicate(now, word, worker, before);
            }
            return;
        }
        book.metrics.done_after(now - *produced_at);
        if before.has(OpState::KEYED) {
            book.metrics.first_in_key += 1;
            if guarantees::first_effect(self.keys[before.strand()].newest(key, c), op) {
                book.metrics.counts.out_of_order += 1;
                self.broke(now, op, worker, Id::B4);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn duplicate(&mut self, now: Time, word: u32, worker: u32, before: OpState) {
        let cause = before.cause();
        debug_assert!(cause > 0, "who has two runs was delivered again");
        let after = self.state(word);
        self.note(now, word, Some(worker), before, after);
        let first = self.first(now, self.op(word));
        let book = &mut self.consumers[self.roles.consumer(worker)];
        book.metrics.counts.duplicates += 1;
        if let Some(tally) = cause.checked_sub(1).and_then(|at| book.causes.get_mut(at)) {
            tally.count(first);
        }
    }

    #[inline(always)]
    fn ended(&mut self, now: Time, held: Held, how: RunEnd) {
        let delivery = &mut self.deliveries[held.delivery as usize];
        delivery.at = At::Over;
        let (started_at, at_home) = (delivery.started_at, delivery.at_home);
        let word = delivery.word;
        let consumer = &mut self.consumers[usize::from(delivery.consumer)].metrics;
        let worked = now - started_at;
        if how == RunEnd::Done {
            consumer.handler.record(worked);
        } else {
            consumer.cut_runs += 1;
            consumer.cut_short += u128::from(worked.nanos());
        }
        let state = self.lessen(now, word, Some(held.worker), OpState::let_go);
        if state.has(OpState::KEYED) && at_home {
            guarantees::run_ends(self.keys[state.strand()].open_runs(held.key));
        }
    }

    #[inline(always)]
    fn acked(&mut self, now: Time, held: Held, message: u32, queue: QueueId) {
        let word = self.messages.leave(message);
        self.queues[queue.at()].metrics.in_flight.down(now);
        self.acks[held.worker as usize] += 1;
        let state = &mut self.ops.at(word).state;
        if state.has(OpState::DONE) {
            *state = state.acked_when_done();
        } else {
            self.acked_before_it_was_done(now, word, held.worker);
        }
    }

    /// The message stood ready.
    fn acked_late(&mut self, now: Time, held: Held, message: u32, queue: QueueId) {
        let word = self.messages.leave(message);
        self.queues[queue.at()].metrics.depth.down(now);
        self.acks[held.worker as usize] += 1;
        self.by(held).acked_late += 1;
        if self.state(word).has(OpState::DONE) {
            self.lessen(now, word, Some(held.worker), OpState::acked_when_done);
        } else {
            self.acked_before_it_was_done(now, word, held.worker);
        }
    }

    #[inline(never)]
    fn acked_before_it_was_done(&mut self, now: Time, word: u32, worker: u32) {
        let c = self.roles.consumer(worker);
        let sites = self.consumers[c].sites;
        let state = self.lessen(now, word, Some(worker), |state| state.acked(sites));
        let metrics = &mut self.consumers[c].metrics;
        if sites == 0 {
            metrics.done_after(now - self.ops.at(word).produced_at);
        } else if guarantees::acked_without_effect(state, sites) {
            self.broke(now, self.op(word), worker, Id::C6);
        }
    }

    /// What was in flight is ready again.
    #[inline]
    fn came_back(&mut self, now: Time, queue: QueueId) {
        let metrics = &mut self.queues[queue.at()].metrics;
        metrics.in_flight.down(now);
        metrics.ready(now);
    }

    #[inline]
    fn dead_lettered(
        &mut self,
        now: Time,
        (op, message): (u32, u32),
        (from, to): (QueueId, QueueId),
        (attempts, spent): (u16, bool),
    ) {
        let first = self.first(now, op);
        let exact =
            guarantees::attempts_exact(self.messages.at(message).deliveries, attempts, self.roles.caps[from.at()]);
        let word = self.messages.leave(message);
        let state = self.state(word);
        let home = self.roles.home(state);
        self.messages.enter(message, to, now, word, to == home);
        let book = &mut self.queues[from.at()];
        book.metrics.counts.dead_lettered += 1;
        book.metrics.depth.down(now);
        book.metrics.spent += u64::from(spent);
        if spent && !exact {
            book.broken[Id::E2 as usize].count(first);
        }
        let target = &mut self.queues[to.at()].metrics;
        target.moved_in += 1;
        target.ready(now);
        self.set(now, word, None, state, state.dead_lettered(from == home));
    }

    fn redriven(&mut self, now: Time, message: u32, from: QueueId, to: QueueId) {
        let word = self.messages.leave(message);
        let state = self.state(word);
        let at_home = to == self.roles.home(state);
        self.messages.enter(message, to, now, word, at_home);
        let source = &mut self.queues[from.at()].metrics;
        source.counts.redriven += 1;
        source.depth.down(now);
        let target = &mut self.queues[to.at()].metrics;
        target.moved_in += 1;
        target.ready(now);
    }

    #[inline]
    fn dropped(&mut self, now: Time, message: u32, queue: QueueId, in_flight: bool, why: DropReason) {
        let word = self.messages.leave(message);
        let metrics = &mut self.queues[queue.at()].metrics;
        metrics.counts.dropped += 1;
        let level = if in_flight { &mut metrics.in_flight } else { &mut metrics.depth };
        level.down(now);
        self.lessen(now, word, None, |state| state.dropped(why));
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

    /// A handler found its operation done.
    #[inline(never)]
    fn found_done(&mut self, now: Time, delivery: u32, worker: u32) {
        let word = self.deliveries[delivery as usize].word;
        self.lessen(now, word, Some(worker), OpState::found_done);
    }

    #[inline]
    fn by(&mut self, held: Held) -> &mut Counts {
        &mut self.consumers[self.roles.consumer(held.worker)].metrics.counts
    }
}

impl Watch for Judge {
    #[inline(always)]
    fn moment(&mut self, now: Time) {
        self.fingerprint.moment(now);
        if now >= self.wake {
            self.wake(now);
        }
    }

    #[inline(always)]
    fn fact(&mut self, now: Time, fact: &Fact) {
        debug_assert!(now < self.wake, "each moment is told before its facts");
        self.fingerprint.fact(fact);
        match *fact {
            Fact::Produced { op, key, producer, .. } => self.produced(now, op, key, producer),
            Fact::Published { op, copy: 1.., .. } => self.published_again(op),
            Fact::Accepted { op, message, queue, .. } => self.accepted(now, op, message, queue),
            Fact::Confirmed { op } => self.confirmed(now, op),
            Fact::Delivered { held, message, queue, cause, holder, .. } => {
                self.delivered(now, held, message, queue, (cause, holder));
            }
            Fact::Started { held, .. } => self.started(now, held),
            Fact::Effect { held, site, current } => self.effect(now, held, site, current),
            Fact::Ended { held, how } => self.ended(now, held, how),
            Fact::Acked { held, message, queue } => self.acked(now, held, message, queue),
            Fact::Stepped { held, skip: true, .. } => self.found_done(now, held.delivery, held.worker),
            Fact::Published { .. }
            | Fact::Stepped { skip: false, .. }
            | Fact::Waits { .. }
            | Fact::Renewed { .. }
            | Fact::Unconfirmed { .. } => {}
            // A copy: so only here a fact stands in memory.
            other => self.trouble(now, &other),
        }
    }
}

impl Judge {
    /// The facts that a life without trouble does not tell.
    #[inline(never)]
    fn trouble(&mut self, now: Time, fact: &Fact) {
        match *fact {
            Fact::Refused { op, queue, .. } => {
                self.queues[queue.at()].metrics.counts.refused += 1;
                self.each(now, op, OpState::not_stored);
            }
            Fact::PassedBy { op, queue, routed, .. } => self.passed_by(now, op, queue, routed),
            Fact::PacketLost { op, .. } => self.each(now, op, OpState::not_stored),
            Fact::GaveUp { op } => self.each(now, op, OpState::gave_up),
            Fact::Suppressed { held, .. } => {
                self.by(held).suppressed += 1;
                self.found_done(now, held.delivery, held.worker);
            }
            Fact::AckedLate { held, message, queue } => self.acked_late(now, held, message, queue),
            Fact::Swallowed { op, queue, of, .. } => {
                self.queues[queue.at()].metrics.counts.swallowed += 1;
                self.each(now, op, |state| state.swallowed(op == of));
            }
            Fact::Stale { held, .. } => self.by(held).stale += 1,
            Fact::Nacked { held, queue, .. } => {
                self.by(held).nacked += 1;
                self.came_back(now, queue);
            }
            Fact::Expired { held, queue, holder, .. } => self.expired(now, held, queue, holder),
            Fact::TakenBack { queue, .. } => self.came_back(now, queue),
            Fact::DeadLettered { op, message, from, to, attempts, spent } => {
                self.dead_lettered(now, (op, message), (from, to), (attempts, spent));
            }
            Fact::Redriven { message, from, to, .. } => self.redriven(now, message, from, to),
            Fact::Dropped { message, queue, in_flight, why, .. } => {
                self.dropped(now, message, queue, in_flight, why);
            }
            Fact::Crashed { instance } => {
                self.crashed(now, instance);
                self.bands.fact(now, fact);
            }
            _ => self.bands.fact(now, fact),
        }
    }
}
