//! Classic queues: what a queue's process does with what it is told.
//!
//! A message that comes back goes to its old place. A consumer that is found without credit waits aside until it has some;
//! only then does it come behind the others.

use super::channels::Unacked;
use super::deliver::Taker;
use super::letters::{Reason, envelope};
use super::machine::{Machine, settings};
use super::queue::{Consumer, Count, Queue, Status};
use super::settings::{Overflow, Settings};
use super::topology::{Settling, Version};
use crate::model::fact::{Cause, Fact, Holder, Watch};
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::{Message, NONE};
use crate::sim::Oracle;

impl Machine {
    /// Who is served next, if anybody: takes its turn.
    #[inline]
    fn next_taker(&mut self, queue: QueueId, settings: &Settings) -> Option<Taker> {
        let state = &mut self.queues[queue.at()];
        if settings.single_active_consumer {
            let who = state.active?;
            let consumer = &mut state.consumers[who as usize];
            if consumer.marked {
                return None;
            }
            if !consumer.spend() {
                consumer.marked = true;
                state.turns.remove(who);
                return None;
            }
            return Some(Taker::of(consumer));
        }
        while let Some(who) = state.turns.pop() {
            let consumer = &mut state.consumers[who as usize];
            if consumer.spend() {
                let taker = Taker::of(consumer);
                state.turns.push(who, consumer.priority);
                return Some(taker);
            }
            consumer.marked = true;
        }
        None
    }

    /// A message comes in: somebody takes it at once, or it waits.
    #[inline]
    pub(super) fn classic_store<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        message: u32,
        runs: u16,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let record = out.common.records.messages[message];
        let entry = self.new_entry(queue, message, record.copy, runs, &mut out.common.records);
        self.note_of_old(entry, message);
        let at_once = self.note_expiry(queue, entry, &record, settings, out);
        self.mark_expired(entry, at_once);
        if let Some(taker) = self.next_taker(queue, settings) {
            self.hand_out(queue, entry, taker, false, out);
            return;
        }
        let priority = envelope(&record, out.stage).and_then(|envelope| envelope.priority);
        self.queues[queue.at()].levels.push(Queue::level(settings, priority), entry);
        self.count_bytes(queue, &record, settings, true, out);
        let dropped = settings.has_limit() && self.drop_heads(queue, settings, out);
        // It takes what comes in for a head only if nothing else is there, whatever its priority.
        if settings.max_priority.is_none() || dropped || self.queues[queue.at()].ready() == 1 {
            self.expire_classic(queue, out);
        }
    }

    /// Whether a publish still fits, behind so many others with so many bytes, where the newest is refused.
    pub(super) fn classic_admits<O: Oracle, W: Watch>(
        &self,
        queue: QueueId,
        record: &Message,
        settings: &Settings,
        (others, their_bytes): (u64, u64),
        out: &Out<'_, O, W>,
    ) -> bool {
        let state = &self.queues[queue.at()];
        let too_many = settings.max_length.is_some_and(|most| u64::from(state.ready()) + others + 1 > most);
        let bytes = Self::bytes_of(record, settings, out) + their_bytes;
        settings.overflow == Overflow::DropHead
            || !too_many && settings.max_length_bytes.is_none_or(|most| state.bytes + bytes <= most)
    }

    /// Drops the heads of what is too much, if anything.
    fn drop_heads<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        settings: &Settings,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        let mut dropped = false;
        while settings.overflow == Overflow::DropHead && self.is_over(queue, settings) {
            let Some(entry) = self.take_ready(queue, settings, out) else { break };
            self.die(queue, entry, Reason::MaxLen, out);
            dropped = true;
        }
        dropped
    }

    /// While somebody may be served and something is ready: hands it out.
    #[inline]
    pub(super) fn run_classic<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        let settings = settings(out.stage, queue);
        while !self.queues[queue.at()].levels.is_empty() {
            let Some(taker) = self.next_taker(queue, settings) else { break };
            let Some(entry) = self.take_ready(queue, settings, out) else { break };
            self.hand_out(queue, entry, taker, true, out);
            self.expire_classic(queue, out);
        }
    }

    /// One message now.
    pub(super) fn classic_get<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        taker: Taker,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        let settings = settings(out.stage, queue);
        self.used(queue, out);
        let Some(entry) = self.take_ready(queue, settings, out) else { return false };
        self.hand_out(queue, entry, taker, true, out);
        self.expire_classic(queue, out);
        true
    }

    /// A client settles deliveries of one consumer, the oldest first.
    pub(super) fn classic_settle<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        holder: Taker,
        deliveries: &[u32],
        how: Settling,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let unblocked = self.give_credit(queue, holder, deliveries.len() as u32);
        match how {
            Settling::Ack => {
                for &delivery in deliveries {
                    self.acked(queue, delivery, out);
                }
            }
            Settling::Nack | Settling::Reject => {
                for &delivery in deliveries {
                    let entry = self.nacked(queue, delivery, out);
                    if how == Settling::Reject {
                        self.count_failure(queue, entry, settings, out);
                    }
                    if self.delay.is_zero() {
                        self.put_back(queue, entry, settings, out);
                    } else {
                        out.book(out.stage.delays_lane(queue), self.delay, entry);
                    }
                }
                self.came_back(queue, settings, out);
            }
            Settling::NackAway | Settling::RejectAway => {
                for &delivery in deliveries {
                    let entry = self.nacked(queue, delivery, out);
                    if how == Settling::RejectAway {
                        self.count_failure(queue, entry, settings, out);
                    }
                    self.die(queue, entry, Reason::Rejected, out);
                }
            }
        }
        if unblocked {
            self.run_classic(queue, out);
        }
    }

    /// After messages came back: too many go, too old ones too, and who may is served.
    pub(super) fn came_back<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        settings: &Settings,
        out: &mut Out<'_, O, W>,
    ) {
        self.drop_heads(queue, settings, out);
        self.expire_classic(queue, out);
        self.run_classic(queue, out);
    }

    /// Since 4.3 a failure is counted, for what a dead letter says of it. What was there before a restart may have had one.
    fn count_failure<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        entry: u32,
        settings: &Settings,
        out: &Out<'_, O, W>,
    ) {
        if settings.version == Version::V4_3 {
            let suspect = self.is_suspect(queue, entry, out);
            let mark = self.mark_mut(entry);
            mark.failed = mark.failed.saturating_add(if suspect && mark.failed == 0 { 2 } else { 1 });
        }
    }

    /// To its old place.
    pub(super) fn put_back<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        entry: u32,
        settings: &Settings,
        out: &mut Out<'_, O, W>,
    ) {
        let (records, stage) = (&out.common.records, out.stage);
        let record = *records.message_of(entry);
        let priority = envelope(&record, stage).and_then(|envelope| envelope.priority);
        let level = Queue::level(settings, priority);
        self.queues[queue.at()].levels.put_back(level, entry, |entry| records.entries[entry].place);
        self.count_bytes(queue, &record, settings, true, out);
    }

    /// Deliveries of a consumer were settled. Says whether it waited aside for that.
    #[inline]
    fn give_credit(&mut self, queue: QueueId, holder: Taker, count: u32) -> bool {
        let Some(who) = self.consumer_of(queue, holder) else { return false };
        let state = &mut self.queues[queue.at()];
        let consumer = &mut state.consumers[who as usize];
        if consumer.prefetch == 0 || consumer.auto_ack {
            return false;
        }
        let had_none = consumer.credit == 0;
        consumer.credit += count;
        if had_none && consumer.marked {
            consumer.marked = false;
            state.turns.push(who, consumer.priority);
            return true;
        }
        false
    }

    /// Somebody consumes from now on; or is refused.
    pub(super) fn classic_attach<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        consumer: Consumer,
        exclusive: bool,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        let settings = settings(out.stage, queue);
        let state = &mut self.queues[queue.at()];
        let others = !state.attached().is_empty();
        let refused = match settings.single_active_consumer {
            true => exclusive,
            false => state.active.is_some() || exclusive && others,
        };
        if refused {
            return false;
        }
        let who = state.seat(consumer);
        state.was_consumed = true;
        state.turns.push(who, consumer.priority);
        if settings.single_active_consumer && state.active.is_none() || exclusive {
            state.active = Some(who);
        }
        self.seats[consumer.worker as usize] = who;
        self.run_classic(queue, out);
        true
    }

    /// A consumer is cancelled: what it holds, it keeps.
    pub(super) fn classic_cancel<O: Oracle, W: Watch>(&mut self, queue: QueueId, who: u32, out: &mut Out<'_, O, W>) {
        let settings = settings(out.stage, queue);
        self.detach(queue, &[who], settings);
        if self.goes_with_its_consumers(queue, settings) {
            self.delete(queue, out);
            return;
        }
        self.used(queue, out);
        if settings.version >= Version::V4_0 {
            self.run_classic(queue, out);
        }
    }

    /// Consumers are gone; who follows an active one is the first of those who are not aside.
    fn detach(&mut self, queue: QueueId, gone: &[u32], settings: &Settings) {
        let state = &mut self.queues[queue.at()];
        for &who in gone {
            self.seats[state.consumers[who as usize].worker as usize] = NONE;
            state.unseat(who);
        }
        if state.active.is_some_and(|active| gone.contains(&active)) {
            state.active = if settings.single_active_consumer { state.turns.front() } else { None };
        }
    }

    fn goes_with_its_consumers(&self, queue: QueueId, settings: &Settings) -> bool {
        let state = &self.queues[queue.at()];
        settings.auto_delete && state.was_consumed && state.attached().is_empty()
    }

    /// A channel is gone.
    pub(super) fn classic_channel_down<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        channel: u32,
        held: &[Unacked],
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let state = &self.queues[queue.at()];
        let its_own = |who: &u32| state.consumers[*who as usize].is_of(channel);
        let consumers: Vec<u32> = state.attached().into_iter().filter(its_own).collect();
        self.detach(queue, &consumers, settings);
        for unacked in held {
            let entry = self.take_back(queue, unacked.delivery, out);
            self.count_failure(queue, entry, settings, out);
            self.put_back(queue, entry, settings, out);
        }
        if !consumers.is_empty() && self.goes_with_its_consumers(queue, settings) {
            self.delete(queue, out);
            return;
        }
        self.used(queue, out);
        self.came_back(queue, settings, out);
    }

    /// A holder gives a delivery back, or away: it is ready for a moment.
    pub(super) fn nacked<O: Oracle, W: Watch>(&self, queue: QueueId, delivery: u32, out: &mut Out<'_, O, W>) -> u32 {
        let record = &out.common.records.deliveries[delivery];
        let (held, message) = (record.parties(delivery), record.slot);
        out.tell(Fact::Nacked { held, message, queue, delay: self.delay });
        Self::end(delivery, Cause::Nacked, Holder::Done, out)
    }

    /// A delivery is done.
    #[inline]
    pub(super) fn acked<O: Oracle, W: Watch>(&mut self, queue: QueueId, delivery: u32, out: &mut Out<'_, O, W>) {
        let record = &mut out.common.records.deliveries[delivery];
        let (held, message, entry) = (record.parties(delivery), record.slot, record.entry);
        record.current = false; // what it held goes with the release
        out.tell(Fact::Acked { held, message, queue });
        self.remove(entry, message, &mut out.common.records);
    }
}

impl Consumer {
    /// Takes a credit, where it needs one and has one.
    #[inline]
    fn spend(&mut self) -> bool {
        if self.prefetch == 0 || self.auto_ack {
            return true;
        }
        let has = self.credit > 0;
        self.credit -= u32::from(has);
        has
    }

    /// As its queue lists it when its channel is gone.
    pub(super) fn haunting(self) -> Consumer {
        let (status, count) = (Status::Up, Count::Kept);
        Consumer {
            channel: NONE,
            held: 0,
            credit: self.prefetch,
            auto_ack: false,
            marked: false,
            status,
            count,
            ..self
        }
    }

    /// A consumer as it subscribes.
    pub(super) fn new(worker: u32, channel: u32, tag: u32, order: u32) -> Consumer {
        Consumer {
            worker,
            channel,
            tag,
            prefetch: 0,
            credit: 0,
            held: 0,
            priority: 0,
            auto_ack: false,
            status: Status::Up,
            marked: false,
            timed_out: 0,
            count: Count::Kept,
            order,
        }
    }
}
