//! The consumers of a quorum queue: who has a turn, who waits, who is the active one, whose time ran out.
//!
//! It knows credit and priorities, nothing of messages but how many are held. Rule: of single active consumers one is
//! served, and another only when that one is gone, or, since 4.0, has settled all and is of lower priority.

use super::deliver::Taker;
use super::machine::{Machine, settings, topology};
use super::queue::{Consumer, Count, Status};
use super::settings::{PRECONDITION_FAILED, Settings};
use super::topology::{Notice, Version};
use crate::model::fact::Watch;
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::NONE;
use crate::sim::Oracle;

/// What "no limit" is to it.
const UNLIMITED: u32 = 2_000;

impl Machine {
    /// A consumer that has credit has a turn.
    #[inline]
    pub(super) fn queue_up(&mut self, queue: QueueId, who: u32) {
        let state = &mut self.queues[queue.at()];
        let consumer = &mut state.consumers[who as usize];
        let may = consumer.status == Status::Up && consumer.timed_out == 0 && consumer.credit > 0;
        if may && !consumer.marked && !state.waiting.contains(&who) {
            consumer.marked = true;
            state.turns.push(who, consumer.priority);
        }
    }

    /// After a change: a cancelled consumer that holds nothing is gone, one that should make room waits again.
    pub(super) fn update_or_remove(&mut self, queue: QueueId, who: u32, settings: &Settings) {
        let state = &mut self.queues[queue.at()];
        let consumer = &mut state.consumers[who as usize];
        match consumer.status {
            Status::Cancelled if consumer.held == 0 => {
                let worker = consumer.worker;
                state.unseat(who);
                self.seats[worker as usize] = NONE;
            }
            Status::Quiescing if consumer.held == 0 => {
                consumer.status = Status::Up;
                self.wait(queue, who, settings);
            }
            _ => self.queue_up(queue, who),
        }
    }

    /// A consumer waits to become the active one: since 4.0 by priority, credit and age.
    pub(super) fn wait(&mut self, queue: QueueId, who: u32, settings: &Settings) {
        let state = &mut self.queues[queue.at()];
        state.turns.remove(who);
        state.consumers[who as usize].marked = false;
        state.waiting.retain(|&other| other != who);
        state.waiting.push(who);
        if settings.version >= Version::V4_0 {
            let consumers = &state.consumers;
            state.waiting.sort_by_key(|&who| {
                let it = &consumers[who as usize];
                (it.timed_out > 0, -i64::from(it.priority), u32::MAX - it.credit, it.order)
            });
        }
    }

    /// The active one of single active consumers.
    pub(super) fn active(&self, queue: QueueId) -> Option<u32> {
        let state = &self.queues[queue.at()];
        let is_active = |&who: &u32| {
            let consumer = &state.consumers[who as usize];
            matches!(consumer.status, Status::Up | Status::Quiescing)
                && consumer.timed_out == 0
                && !state.waiting.contains(&who)
        };
        state.attached().into_iter().find(is_active)
    }

    /// Where one is to be active and none is, the first that waits becomes it. Since 4.0 one of higher priority takes over,
    /// once the active one has settled all.
    pub(super) fn activate(&mut self, queue: QueueId, settings: &Settings) {
        if !settings.single_active_consumer {
            return;
        }
        let state = &self.queues[queue.at()];
        let is_up = |who: &u32| state.consumers[*who as usize].timed_out == 0;
        let first = state.waiting.first().copied();
        let next = match settings.version {
            Version::V3_10 => state.waiting.iter().copied().find(is_up),
            _ => first.filter(is_up),
        };
        let Some(next) = next else { return };
        let active = self.active(queue);
        let state = &mut self.queues[queue.at()];
        if let Some(active) = active {
            let (mine, its) = (state.consumers[active as usize], state.consumers[next as usize].priority);
            if settings.version == Version::V3_10 || its <= mine.priority {
                return;
            }
            if mine.held > 0 {
                state.consumers[active as usize].status = Status::Quiescing;
                return;
            }
        }
        state.waiting.retain(|&other| other != next);
        if let Some(active) = active {
            self.wait(queue, active, settings);
        }
        self.queue_up(queue, next);
    }

    /// Somebody consumes from now on.
    pub(super) fn quorum_attach<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        consumer: Consumer,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let was_low = self.is_low(queue, settings);
        let credit = if consumer.prefetch == 0 { UNLIMITED } else { consumer.prefetch };
        let consumer = Consumer { prefetch: credit, credit, ..consumer };
        let known = self.queues[queue.at()].by_tag(consumer.channel, consumer.tag);
        let single = settings.single_active_consumer;
        let active = if single { self.active(queue) } else { None };
        let state = &mut self.queues[queue.at()];
        state.was_consumed = true;
        let worker = consumer.worker;
        let who = match known {
            // Who was cancelled and still holds messages is the same as before, with what it says now.
            Some(who) => {
                let old = &mut state.consumers[who as usize];
                let credit = credit.saturating_sub(old.held);
                let (held, order, marked) = (old.held, old.order, old.marked);
                let count = if settings.version == Version::V3_10 { Count::Lost } else { Count::Kept };
                *old = Consumer { held, order, marked, credit, count, ..consumer };
                if single && (active.is_some_and(|active| active != who) || state.waiting.contains(&who)) {
                    self.wait(queue, who, settings);
                } else {
                    self.update_or_remove(queue, who, settings);
                }
                who
            }
            None => {
                let who = state.seat(consumer);
                if single {
                    self.wait(queue, who, settings);
                } else {
                    self.queue_up(queue, who);
                }
                who
            }
        };
        self.seats[worker as usize] = who;
        self.activate(queue, settings);
        self.checkout(queue, was_low, out);
    }

    /// A consumer is cancelled: while it holds messages it stays, and gets none.
    pub(super) fn quorum_cancel<O: Oracle, W: Watch>(&mut self, queue: QueueId, who: u32, out: &mut Out<'_, O, W>) {
        let settings = settings(out.stage, queue);
        let was_low = self.is_low(queue, settings);
        let state = &mut self.queues[queue.at()];
        if state.waiting.contains(&who) {
            let worker = state.consumers[who as usize].worker;
            state.unseat(who);
            self.seats[worker as usize] = NONE;
        } else {
            let consumer = &mut state.consumers[who as usize];
            (consumer.credit, consumer.status) = (0, Status::Cancelled);
            self.update_or_remove(queue, who, settings);
            self.used(queue, out);
        }
        self.activate(queue, settings);
        self.checkout(queue, was_low, out);
    }

    /// Deliveries are finished.
    pub(super) fn completed(&mut self, queue: QueueId, who: Option<u32>, count: u32, settings: &Settings) {
        if let Some(who) = who {
            self.let_go(queue, who, count, count, settings);
            self.update_or_remove(queue, who, settings);
        }
        if settings.version >= Version::V4_0 {
            self.activate(queue, settings);
        }
    }

    /// A consumer no longer holds so many, and has that credit again: since 4.0 never more than it asked for.
    pub(super) fn let_go(&mut self, queue: QueueId, who: u32, held: u32, credit: u32, settings: &Settings) {
        let consumer = &mut self.queues[queue.at()].consumers[who as usize];
        consumer.held -= held;
        if consumer.status != Status::Cancelled {
            let most = if settings.version == Version::V3_10 { u32::MAX } else { consumer.prefetch };
            consumer.credit = most.min(consumer.credit + credit);
        }
    }

    /// Since 4.3: what a consumer held for too long comes back without a failure, and the consumer gets nothing until it has
    /// settled that. Its client is told that it is cancelled.
    pub(super) fn quorum_time_out<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        delivery: u32,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let was_low = self.is_low(queue, settings);
        let worker = out.common.records.deliveries[delivery].worker;
        let of_ghost = self.haunted.iter().position(|unacked| unacked.delivery == delivery);
        let channel = if of_ghost.is_some() { NONE } else { Self::channel_of(worker, out) };
        let (tag, who) = if let Some(at) = of_ghost {
            let tag = self.haunted.remove(at).consumer;
            (tag, self.queues[queue.at()].by_tag(channel, tag))
        } else {
            let unacked = self.channels[channel as usize].unacked.iter().find(|unacked| unacked.delivery == delivery);
            let tag = unacked.map_or(NONE, |unacked| unacked.consumer);
            if !topology(out.stage).script {
                // The client of a world consumes anew, and lets be what timed out.
                self.open(channel).unacked.retain(|unacked| unacked.delivery != delivery);
            }
            (tag, self.consumer_of(queue, Taker { worker, channel, tag, auto_ack: false, deaf: false }))
        };
        let entry = self.take_back(queue, delivery, out);
        self.return_one(queue, entry, false, settings, out);
        let consumes =
            who.is_some_and(|who| self.queues[queue.at()].consumers[who as usize].status != Status::Cancelled);
        if let Some(who) = who {
            let first = self.queues[queue.at()].consumers[who as usize].timed_out == 0;
            self.queues[queue.at()].consumers[who as usize].timed_out += 1;
            self.let_go(queue, who, 1, 1, settings);
            if first && consumes && channel != NONE {
                self.tell_channel(channel, Notice::Cancelled { channel, tag }, out);
            }
            let consumer = self.queues[queue.at()].consumers[who as usize];
            if settings.single_active_consumer && consumer.held == 0 {
                self.wait(queue, who, settings);
            }
        }
        self.activate(queue, settings);
        self.book_delays(queue, out);
        self.checkout(queue, was_low, out);
        if !consumes {
            // There is no consumer that could be cancelled.
            self.close_for(channel, PRECONDITION_FAILED, out);
        }
    }

    /// A consumer settles what timed out.
    pub(super) fn settle_timed_out<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        holder: Taker,
        count: u32,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let Some(who) = self.consumer_of(queue, holder) else { return };
        let consumer = &mut self.queues[queue.at()].consumers[who as usize];
        consumer.timed_out = consumer.timed_out.saturating_sub(count);
        if consumer.timed_out == 0 {
            let was_low = self.is_low(queue, settings);
            let waits = self.queues[queue.at()].waiting.contains(&who);
            if !waits {
                self.update_or_remove(queue, who, settings);
            }
            self.activate(queue, settings);
            self.checkout(queue, was_low, out);
        }
    }
}
