//! Quorum queues: what the replicated state machine does with each command.
//!
//! A message that comes back goes to the returns, before any ready one. A consumer has its turn while it has credit, and
//! comes behind the others when it gets some. At the end of each command come deliveries, then limits, then dead letters.

use super::channels::Unacked;
use super::deliver::Taker;
use super::letters::{Reason, envelope};
use super::machine::{Machine, settings};
use super::queue::{Consumer, Count, Queue, Status};
use super::settings::{INTERNAL_ERROR, Overflow, Settings};
use super::topology::{Notice, Settling, Version};
use crate::model::fact::Watch;
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::NONE;
use crate::sim::{Oracle, Span};

/// Publishers may go on below this part of the limit, in tenths.
const LOW_LIMIT: u64 = 8;

impl Machine {
    /// A message comes in.
    pub(super) fn quorum_store<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        message: u32,
        runs: u16,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let was_low = self.is_low(queue, settings);
        let record = out.common.records.messages[message];
        let entry = self.new_entry(queue, message, record.copy, runs, &mut out.common.records);
        self.note_of_old(entry, message);
        let at_once = self.note_expiry(queue, entry, &record, settings, out);
        let priority = envelope(&record, out.stage).and_then(|envelope| envelope.priority);
        self.queues[queue.at()].levels.push(Queue::level(settings, priority), entry);
        self.count_bytes(queue, &record, settings, true, out);
        self.checkout(queue, was_low, out);
        // A life of nothing ends with the command; what was handed out in it is too old once it comes back.
        if at_once {
            let delivery = out.common.records.entries[entry].delivery;
            if delivery == NONE {
                self.grows_old(queue, entry, out);
            } else {
                self.mark_expired(entry, out.common.records.deliveries[delivery].current);
            }
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
    /// might go on before it. What was sent to a consumer that needs no ack is settled by a command of its own, and what
    /// breaks a channel ends its connection.
    #[inline]
    pub(super) fn checkout<O: Oracle, W: Watch>(&mut self, queue: QueueId, was_low: bool, out: &mut Out<'_, O, W>) {
        if self.checkout_once(queue, was_low, out) {
            self.settle_auto_acked(queue, out);
            self.end_broken(queue, out);
        }
    }

    #[cold]
    fn end_broken<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        let is_broken = |it: &&Consumer| it.count == Count::Broken && it.status != Status::Gone;
        let broken = self.queues[queue.at()].consumers.iter().find(is_broken).map(|it| it.channel);
        if let Some(channel) = broken {
            self.close_connection(channel, out);
            self.tell_channel(channel, Notice::ChannelClosed { channel, code: INTERNAL_ERROR }, out);
        }
    }

    #[cold]
    fn settle_auto_acked<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        let settings = settings(out.stage, queue);
        let mut sent = true;
        while std::mem::take(&mut sent) {
            for who in 0..self.queues[queue.at()].consumers.len() {
                let consumer = self.queues[queue.at()].consumers[who];
                if consumer.auto_ack && consumer.held > 0 && consumer.status != Status::Gone {
                    let was_low = self.is_low(queue, settings);
                    self.completed(queue, Some(who as u32), consumer.held, settings);
                    sent |= self.checkout_once(queue, was_low, out);
                }
            }
        }
    }

    /// Says whether anything was sent that is done with that, or that broke its channel.
    #[inline]
    fn checkout_once<O: Oracle, W: Watch>(&mut self, queue: QueueId, was_low: bool, out: &mut Out<'_, O, W>) -> bool {
        let settings = settings(out.stage, queue);
        let mut is_more = false;
        loop {
            self.expire_quorum(queue, out);
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
            if consumer.count == Count::Lost {
                // It asks for those between, which fails on any that is still held.
                consumer.count = if consumer.held > 0 { Count::Broken } else { Count::Kept };
            }
            let taker = Taker::of(consumer);
            consumer.credit -= 1;
            consumer.held += 1;
            is_more |= taker.auto_ack || taker.deaf;
            self.queue_up(queue, who);
            if let Some(entry) = self.take_ready(queue, settings, out) {
                self.hand_out(queue, entry, taker, true, out);
            }
        }
        self.keep_to_limits(queue, was_low, settings, out);
        self.bury(queue, out);
        is_more
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
            self.doom(entry, Reason::MaxLen);
        }
    }

    /// Whether so little is ready that publishers that were told to stop may go on.
    pub(super) fn is_low(&self, queue: QueueId, settings: &Settings) -> bool {
        let state = &self.queues[queue.at()];
        let below = |most: Option<u64>, is: u64| most.is_none_or(|most| is <= most * LOW_LIMIT / 10);
        settings.has_limit()
            && below(settings.max_length, state.counted())
            && below(settings.max_length_bytes, state.bytes)
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
        self.expire_quorum(queue, out);
        let entry = self.take_ready(queue, settings, out);
        if let Some(entry) = entry {
            self.hand_out(queue, entry, taker, true, out);
        }
        self.keep_to_limits(queue, was_low, settings, out);
        self.expire_quorum(queue, out); // what the message that was got hid until now
        self.bury(queue, out);
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
                for &delivery in deliveries {
                    let entry = self.nacked(queue, delivery, out);
                    if settings.version > Version::V3_10 {
                        self.mark_mut(entry).count(settings.version, failed);
                    }
                    self.doom(entry, Reason::Rejected);
                }
                self.completed(queue, who, deliveries.len() as u32, settings);
            }
            Settling::Nack | Settling::Reject => {
                return self.returned(queue, who, deliveries, how == Settling::Reject, out);
            }
        }
        self.checkout(queue, was_low, out);
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
        if settings.appends_returns() {
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
        self.book_delays(queue, out);
        self.checkout(queue, was_low, out);
    }

    /// Without a limit, what is returned is appended to the log again, and so comes behind all others (before 4.3).
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
            self.place_last(queue, entry, &mut out.common.records);
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
            self.checkout(queue, was_low, out);
        }
    }

    /// A message comes back: to the returns, aside for a while, or over its limit. Says whether it was that.
    pub(super) fn return_one<O: Oracle, W: Watch>(
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
            self.doom(entry, Reason::DeliveryLimit);
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
        } else if settings.delayed_retry.is_some() {
            self.delaying.push((entry, delay));
        } else {
            out.book(out.stage.delays_lane(queue), delay, entry);
        }
        false
    }

    /// What came back in one command begins to wait. Of those that are due together come first the one that was the first to
    /// wait, then the others in their old order.
    pub(super) fn book_delays<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        if self.delaying.is_empty() {
            return;
        }
        let mut delaying = std::mem::take(&mut self.delaying);
        let state = &mut self.queues[queue.at()];
        let first = usize::from(state.delayed == 0);
        state.delayed += delaying.len() as u32;
        delaying[first..].sort_by_key(|&(entry, _)| out.common.records.entries[entry].place);
        for (entry, delay) in delaying.drain(..) {
            out.book(out.stage.delays_lane(queue), delay, entry);
        }
        self.delaying = delaying;
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
        let makes_room = |it: &Consumer| it.status == Status::Quiescing && it.held > 0 && it.timed_out == 0;
        let leaving: Vec<Consumer> = gone.iter().map(|&who| state.consumers[who as usize]).filter(makes_room).collect();
        let mut active_left = false;
        for &who in &gone {
            active_left |= !state.waiting.contains(&who);
            self.seats[state.consumers[who as usize].worker as usize] = NONE;
            state.unseat(who);
        }
        for unacked in &held {
            let entry = self.take_back(queue, unacked.delivery, out);
            let over = self.return_one(queue, entry, true, settings, out);
            // Who was to make room waits again with the last that it returns (4.0: gives up), and is not looked for there.
            let is_last = |it: &Unacked| it.consumer != unacked.consumer || it.tag <= unacked.tag;
            let leaves = |it: &&Consumer| it.tag == unacked.consumer && (over || settings.version == Version::V4_3);
            if let Some(ghost) = leaving.iter().find(leaves).filter(|_| held.iter().all(is_last)) {
                let who = self.queues[queue.at()].seat(ghost.haunting());
                self.wait(queue, who, settings);
            }
        }
        if !old || active_left || !held.is_empty() {
            self.activate(queue, settings);
        }
        self.book_delays(queue, out);
        self.used(queue, out);
        self.checkout(queue, was_low, out);
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
        self.queues[queue.at()].delayed -= u32::from(settings.delayed_retry.is_some());
        if settings.appends_returns() {
            self.place_last(queue, entry, &mut out.common.records);
            self.queue(queue).levels.push(Queue::level(settings, None), entry);
        } else {
            self.queue(queue).returns.push(entry);
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
