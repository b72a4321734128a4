//! Quorum queues: what the replicated state machine does with each command.
//!
//! A message that comes back goes to the returns, before any ready one. A consumer has its turn while it has credit, and
//! comes behind the others when it gets some. At the end of each command come deliveries, then limits, then dead letters.

use super::channels::Unacked;
use super::deliver::Taker;
use super::letters::{Reason, envelope};
use super::machine::{Machine, settings};
use super::queue::{Consumer, Queue, Status};
use super::settings::{Overflow, PRECONDITION_FAILED, Settings};
use super::topology::{Notice, Settling, Version};
use crate::model::fact::Watch;
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::NONE;
use crate::sim::{Oracle, Span};

/// What "no limit" is to it.
const UNLIMITED: u32 = 2_000;
/// Publishers may go on below this part of the limit, in tenths.
const LOW_LIMIT: u64 = 8;
/// A time to live of nothing ends with the millisecond.
const MILLISECOND: Span = Span::from_millis(1);

impl Machine {
    /// A message comes in.
    pub(super) fn quorum_store<O: Oracle, W: Watch>(&mut self, queue: QueueId, message: u32, out: &mut Out<'_, O, W>) {
        let settings = settings(out.stage, queue);
        let was_low = self.is_low(queue, settings);
        let record = out.common.records.messages[message];
        let entry = self.new_entry(queue, message, record.copy, &mut out.common.records);
        self.note_of_old(entry, message);
        let at_once = self.note_expiry(queue, entry, &record, settings, MILLISECOND, out);
        let priority = envelope(&record, out.stage).and_then(|envelope| envelope.priority);
        self.queues[queue.at()].levels.push(Queue::level(settings, priority), entry);
        self.count_bytes(queue, &record, settings, true, out);
        self.checkout(queue, was_low, out);
        if at_once {
            self.expire_quorum(queue, out.common.now + MILLISECOND, out);
            self.bury(queue, out);
        }
    }

    /// Whether a publish is taken: its publishers stop only once they were told to.
    pub(super) fn quorum_admits(&mut self, queue: QueueId, settings: &Settings) -> bool {
        if settings.overflow != Overflow::RejectPublish {
            return true;
        }
        let over = self.is_over(queue, settings);
        let state = &mut self.queues[queue.at()];
        if !state.knows_publishers {
            (state.knows_publishers, state.blocks_publishers) = (true, over);
        }
        !state.blocks_publishers
    }

    /// The end of a command: hands out what it can, keeps to its limits, gives up what it decided to. `was_low`: publishers
    /// might go on before it.
    #[inline]
    fn checkout<O: Oracle, W: Watch>(&mut self, queue: QueueId, was_low: bool, out: &mut Out<'_, O, W>) {
        let settings = settings(out.stage, queue);
        loop {
            self.expire_quorum(queue, out.common.now, out);
            let state = &mut self.queues[queue.at()];
            let Some(who) = state.turns.front() else { break };
            if state.ready() == 0 {
                break;
            }
            state.turns.pop();
            let consumer = &mut state.consumers[who as usize];
            consumer.marked = false;
            if consumer.credit == 0 || consumer.status != Status::Up || consumer.timed_out > 0 {
                continue;
            }
            let taker = Taker::of(consumer);
            if !consumer.auto_ack {
                consumer.credit -= 1;
                consumer.held += 1;
            }
            self.queue_up(queue, who);
            if let Some(entry) = self.take_ready(queue, settings, out) {
                self.hand_out(queue, entry, taker, true, out);
            }
        }
        self.keep_to_limits(queue, was_low, settings, out);
        self.bury(queue, out);
        self.book_expiry(queue, out);
    }

    fn keep_to_limits<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        was_low: bool,
        settings: &Settings,
        out: &mut Out<'_, O, W>,
    ) {
        if !settings.has_limit() {
            return;
        }
        if settings.overflow == Overflow::RejectPublish {
            let (over, low) = (self.is_over(queue, settings), self.is_low(queue, settings));
            let state = &mut self.queues[queue.at()];
            if over && state.knows_publishers {
                state.blocks_publishers = true;
            } else if !over && low && !was_low {
                state.blocks_publishers = false;
            }
            return;
        }
        while self.is_over(queue, settings) {
            let Some(entry) = self.take_ready(queue, settings, out) else { break };
            self.doom(entry, Reason::MaxLen, false);
        }
    }

    /// Whether so little is ready that publishers that were told to stop may go on.
    fn is_low(&self, queue: QueueId, settings: &Settings) -> bool {
        let state = &self.queues[queue.at()];
        let count = u64::from(state.ready()) + state.retained.len() as u64;
        let below = |most: Option<u64>, is: u64| most.is_none_or(|most| is <= most * LOW_LIMIT / 10);
        settings.has_limit() && below(settings.max_length, count) && below(settings.max_length_bytes, state.bytes)
    }

    /// A consumer that has credit has a turn.
    #[inline]
    fn queue_up(&mut self, queue: QueueId, who: u32) {
        let state = &mut self.queues[queue.at()];
        let consumer = &mut state.consumers[who as usize];
        let may = consumer.status == Status::Up && consumer.timed_out == 0 && consumer.credit > 0;
        if may && !consumer.marked {
            consumer.marked = true;
            state.turns.push(who, consumer.priority);
        }
    }

    /// After a change: a cancelled consumer that holds nothing is gone, one that should make room waits again.
    fn update_or_remove(&mut self, queue: QueueId, who: u32, settings: &Settings) {
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
    fn wait(&mut self, queue: QueueId, who: u32, settings: &Settings) {
        let state = &mut self.queues[queue.at()];
        state.turns.remove(who);
        state.consumers[who as usize].marked = false;
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
    fn active(&self, queue: QueueId) -> Option<u32> {
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
    fn activate(&mut self, queue: QueueId, settings: &Settings) {
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
            Some(who) if !single || active.is_none() || active == Some(who) => {
                let old = &mut state.consumers[who as usize];
                let credit = credit.saturating_sub(old.held);
                let (held, order, marked, timed_out) = (old.held, old.order, old.marked, 0);
                *old = Consumer { held, order, marked, timed_out, credit, ..consumer };
                self.update_or_remove(queue, who, settings);
                who
            }
            _ => {
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

    /// One message now.
    pub(super) fn quorum_get<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        taker: Taker,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        let settings = settings(out.stage, queue);
        let was_low = self.is_low(queue, settings);
        self.used(queue, out);
        self.expire_quorum(queue, out.common.now, out);
        let entry = self.take_ready(queue, settings, out);
        if let Some(entry) = entry {
            self.hand_out(queue, entry, taker, true, out);
        }
        self.keep_to_limits(queue, was_low, settings, out);
        self.bury(queue, out);
        self.book_expiry(queue, out);
        entry.is_some()
    }

    /// A client settles deliveries of one consumer, the oldest first.
    pub(super) fn quorum_settle<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        holder: Taker,
        deliveries: &[u32],
        how: Settling,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let who = self.consumer_of(queue, holder);
        let was_low = self.is_low(queue, settings);
        match how {
            Settling::Ack => {
                for &delivery in deliveries {
                    self.acked(queue, delivery, out);
                }
                self.completed(queue, who, deliveries.len() as u32, settings);
            }
            Settling::NackAway | Settling::RejectAway => {
                let failed = how == Settling::RejectAway || settings.version == Version::V4_0;
                for (number, &delivery) in deliveries.iter().enumerate() {
                    let entry = self.nacked(queue, delivery, out);
                    if settings.version > Version::V3_10 {
                        self.mark_mut(entry).count(settings.version, failed);
                    }
                    self.doom(entry, Reason::Rejected, number > 0);
                }
                self.completed(queue, who, deliveries.len() as u32, settings);
            }
            Settling::Nack | Settling::Reject => {
                return self.returned(queue, who, deliveries, how == Settling::Reject, out);
            }
        }
        self.checkout(queue, was_low, out);
    }

    /// Deliveries are finished.
    fn completed(&mut self, queue: QueueId, who: Option<u32>, count: u32, settings: &Settings) {
        if let Some(who) = who {
            self.let_go(queue, who, count, count, settings);
            self.update_or_remove(queue, who, settings);
        }
        if settings.version >= Version::V4_0 {
            self.activate(queue, settings);
        }
    }

    /// A consumer no longer holds so many, and has that credit again: since 4.0 never more than it asked for.
    fn let_go(&mut self, queue: QueueId, who: u32, held: u32, credit: u32, settings: &Settings) {
        let consumer = &mut self.queues[queue.at()].consumers[who as usize];
        consumer.held -= held;
        if consumer.status != Status::Cancelled {
            let most = if settings.version == Version::V3_10 { u32::MAX } else { consumer.prefetch };
            consumer.credit = most.min(consumer.credit + credit);
        }
    }

    /// A client returns deliveries.
    fn returned<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        who: Option<u32>,
        deliveries: &[u32],
        rejected: bool,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let version = settings.version;
        let fails = rejected && version == Version::V4_3;
        if settings.limit().is_none() && !fails {
            return self.appended(queue, who, deliveries, out);
        }
        let was_low = self.is_low(queue, settings);
        for &delivery in deliveries {
            let entry = self.nacked(queue, delivery, out);
            let over = self.return_one(queue, entry, fails, settings, out);
            if let Some(who) = who {
                // 3.10 gives the credit of what it gave up twice.
                let credit = u32::from(version > Version::V3_10 || over);
                self.let_go(queue, who, 1, credit, settings);
                if over || version == Version::V4_3 {
                    self.update_or_remove(queue, who, settings);
                }
            }
        }
        let there = who.filter(|&who| self.queues[queue.at()].consumers[who as usize].status != Status::Gone);
        if let Some(who) = there {
            let late = if version == Version::V3_10 { deliveries.len() as u32 } else { 0 };
            self.let_go(queue, who, 0, late, settings);
            self.update_or_remove(queue, who, settings);
        }
        if version == Version::V4_3 {
            self.activate(queue, settings);
        }
        self.checkout(queue, was_low, out);
    }

    /// Without a limit, what is returned is appended to the log again, and so comes behind all others.
    fn appended<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        who: Option<u32>,
        deliveries: &[u32],
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        for &delivery in deliveries {
            let was_low = self.is_low(queue, settings);
            let entry = self.nacked(queue, delivery, out);
            self.mark_mut(entry).count(settings.version, false);
            if self.delay.is_zero() {
                self.queues[queue.at()].levels.push(Queue::level(settings, None), entry);
            } else {
                out.book(out.stage.delays_lane(queue), self.delay, entry);
            }
            let record = *out.common.records.message_of(entry);
            self.count_bytes(queue, &record, settings, true, out);
            if let Some(who) = who {
                self.let_go(queue, who, 1, 1, settings);
                self.update_or_remove(queue, who, settings);
            }
            if settings.version == Version::V4_3 {
                self.activate(queue, settings);
            }
            self.checkout(queue, was_low, out);
        }
    }

    /// A message comes back: to the returns, aside for a while, or over its limit. Says whether it was that.
    fn return_one<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        entry: u32,
        failed: bool,
        settings: &Settings,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        let version = settings.version;
        self.mark_mut(entry).count(version, failed);
        let mark = *self.mark(entry);
        let count = i64::from(if version == Version::V4_0 { mark.acquired } else { mark.failed });
        let counted = version < Version::V4_3 || mark.failed > 0;
        if counted && settings.limit().is_some_and(|limit| count > limit) {
            self.doom(entry, Reason::DeliveryLimit, false);
            return true;
        }
        let record = *out.common.records.message_of(entry);
        self.count_bytes(queue, &record, settings, true, out);
        let waits = settings.delayed_retry.filter(|retry| if failed { retry.failed } else { retry.returned });
        let backoff = waits.map_or(Span::ZERO, |retry| {
            let times = u64::from(mark.failed.max(1));
            Span::from_nanos(retry.min.nanos().saturating_mul(times)).min(retry.max)
        });
        let delay = backoff.max(self.delay);
        if delay.is_zero() {
            self.queues[queue.at()].returns.push(entry);
        } else {
            out.book(out.stage.delays_lane(queue), delay, entry);
        }
        false
    }

    /// A channel is gone: its consumers with it, what they held comes back, and so does what it got.
    pub(super) fn quorum_channel_down<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        channel: u32,
        mut held: Vec<Unacked>,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let was_low = self.is_low(queue, settings);
        let state = &mut self.queues[queue.at()];
        let of_channel = |who: &u32| state.consumers[*who as usize].is_of(channel);
        let gone: Vec<u32> = state.attached().into_iter().filter(of_channel).collect();
        let old = settings.version == Version::V3_10;
        // Each message that was got has a holder of its own, which goes by its tag as it is written.
        let got = |unacked: &Unacked| unacked.consumer == NONE;
        held.sort_by_cached_key(|unacked| {
            let written = if got(unacked) { unacked.tag.to_string() } else { String::new() };
            (got(unacked) != old, written, unacked.tag)
        });
        let mut active_left = false;
        for &who in &gone {
            active_left |= !state.waiting.contains(&who);
            self.seats[state.consumers[who as usize].worker as usize] = NONE;
            state.unseat(who);
        }
        for unacked in &held {
            let entry = self.take_back(queue, unacked.delivery, out);
            self.return_one(queue, entry, true, settings, out);
        }
        if !old || active_left || !held.is_empty() {
            self.activate(queue, settings);
        }
        self.used(queue, out);
        self.checkout(queue, was_low, out);
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
        let channel = Self::channel_of(worker, out);
        let unacked = self.channels[channel as usize].unacked.iter().find(|unacked| unacked.delivery == delivery);
        let tag = unacked.map_or(NONE, |unacked| unacked.consumer);
        let who = self.consumer_of(queue, Taker { worker, channel, tag, auto_ack: false });
        let entry = self.take_back(queue, delivery, out);
        self.return_one(queue, entry, false, settings, out);
        let consumes =
            who.is_some_and(|who| self.queues[queue.at()].consumers[who as usize].status != Status::Cancelled);
        if let Some(who) = who {
            let first = self.queues[queue.at()].consumers[who as usize].timed_out == 0;
            self.queues[queue.at()].consumers[who as usize].timed_out += 1;
            self.let_go(queue, who, 1, 1, settings);
            if first && consumes {
                self.tell_channel(channel, Notice::Cancelled { channel, tag }, out);
            }
            let consumer = self.queues[queue.at()].consumers[who as usize];
            if settings.single_active_consumer && consumer.held == 0 {
                self.wait(queue, who, settings);
            }
        }
        self.activate(queue, settings);
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

    /// A delay is over.
    pub(super) fn quorum_delay_over<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        entry: u32,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let was_low = self.is_low(queue, settings);
        if settings.limit().is_some() {
            self.queue(queue).returns.push(entry);
        } else {
            self.queue(queue).levels.push(Queue::level(settings, None), entry);
        }
        self.checkout(queue, was_low, out);
    }

    /// The broker died with a delivery: it comes back, and counts as a failure.
    pub(super) fn broker_return<O: Oracle, W: Watch>(&mut self, queue: QueueId, entry: u32, out: &mut Out<'_, O, W>) {
        let settings = settings(out.stage, queue);
        self.mark_mut(entry).count(settings.version, true);
        let record = *out.common.records.message_of(entry);
        self.count_bytes(queue, &record, settings, true, out);
        self.queue(queue).returns.push(entry);
    }

    /// The broker is back: what came back may have failed too often.
    pub(super) fn quorum_recovers<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        let settings = settings(out.stage, queue);
        for _ in 0..self.queues[queue.at()].returns.len() {
            let Some(entry) = self.queue(queue).returns.pop() else { break };
            let mark = *self.mark(entry);
            let count = i64::from(if settings.version == Version::V4_0 { mark.acquired } else { mark.failed });
            if settings.limit().is_some_and(|limit| count > limit) {
                self.gave_up(queue, entry, Reason::DeliveryLimit, settings, out);
            } else {
                self.queue(queue).returns.push(entry);
            }
        }
        self.checkout(queue, true, out);
    }
}
