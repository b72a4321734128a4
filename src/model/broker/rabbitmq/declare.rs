//! What a script says: declaring, binding, consuming, getting, purging, deleting; and what is refused.
//!
//! A wrong request is answered by closing its channel, so whatever the channel held comes back.

use super::arguments::agree;
use super::deliver::Taker;
use super::machine::{Machine, name_of, settings, subscription, topology, written};
use super::queue::{Consumer, Queue, Status};
use super::routes::reserved;
use super::settings::{Family, PRECONDITION_FAILED};
use super::topology::{Bound, Command, Notice, Version};
use super::{EXPIRES, RETRY};
use crate::model::fact::{DropReason, Fact, Watch};
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::NONE;
use crate::sim::{Oracle, Span};

const ACCESS_REFUSED: u16 = 403;
const NOT_FOUND: u16 = 404;
const RESOURCE_LOCKED: u16 = 405;
/// A consumer tag that is taken.
const NOT_ALLOWED: u16 = 530;
/// `basic.get` from a quorum queue with a single active consumer.
const GET_UNSUPPORTED: u16 = RESOURCE_LOCKED;

impl Machine {
    /// Does what a script says.
    pub(super) fn obey<O: Oracle, W: Watch>(&mut self, command: Command, out: &mut Out<'_, O, W>) {
        let topology = topology(out.stage);
        match command {
            Command::DeclareExchange { exchange, channel } => self.declare_exchange(exchange, channel, out),
            Command::Declare { queue, channel } => self.declare(queue, channel, out),
            Command::Depth { name, channel } => self.depth(name, channel, out),
            Command::Bind { binding } => self.bind(binding, out),
            Command::Unbind { binding } => self.routes.unbind(binding, topology),
            // What is not there is deleted already.
            Command::Delete { name, .. } if self.standing[usize::from(name)].is_none() => {}
            Command::Delete { name, channel } => {
                if let Some(queue) = self.accessible(name, channel, out) {
                    self.delete(queue, out);
                }
            }
            Command::Purge { name, channel } => {
                if let Some(queue) = self.accessible(name, channel, out) {
                    let count = self.purge(queue, DropReason::Purged, out);
                    self.answer(Notice::Purged { count }, out);
                }
            }
            Command::Consume { worker } => self.consume_by_name(worker, out),
            Command::Get { worker } => self.get(worker, out),
            Command::Cancel { channel, tag } => self.cancel(channel, tag, out),
            Command::Settle { channel, tag, multiple, how } => self.settle_tag(channel, tag, multiple, how, out),
            Command::Recover { channel } => self.recover(channel, out),
            Command::CloseChannel { channel } => self.close(channel, out),
            Command::CloseConnection { channel } => self.close_connection(channel, out),
            Command::ConsumerTimeout { ms } => self.timeout = Span::from_millis(u64::from(ms)),
            Command::Kill => self.kill(out),
            Command::Stop => self.stop(out),
            Command::Start => self.start(out),
        }
    }

    fn refuse<O: Oracle, W: Watch>(&mut self, channel: u32, code: u16, out: &mut Out<'_, O, W>) {
        self.close(channel, out);
        self.answer(Notice::Refused { code }, out);
    }

    /// The queue of a name, if there is one that the channel's connection may use.
    fn accessible<O: Oracle, W: Watch>(&mut self, name: u16, channel: u32, out: &mut Out<'_, O, W>) -> Option<QueueId> {
        let Some(queue) = self.standing[usize::from(name)] else {
            self.refuse(channel, NOT_FOUND, out);
            return None;
        };
        let owner = self.queue(queue).owner;
        if owner != NONE && owner != channel {
            self.refuse(channel, RESOURCE_LOCKED, out);
            return None;
        }
        Some(queue)
    }

    fn declare_exchange<O: Oracle, W: Watch>(&mut self, exchange: u16, channel: u32, out: &mut Out<'_, O, W>) {
        let all = &topology(out.stage).exchanges;
        let name = all[usize::from(exchange)].name;
        match self.routes.exchange(name) {
            Some(other) if all[usize::from(other)] != all[usize::from(exchange)] => {
                self.refuse(channel, PRECONDITION_FAILED, out);
            }
            Some(_) => {}
            None if reserved(&topology(out.stage).exchange_names[usize::from(name)]) => {
                self.refuse(channel, ACCESS_REFUSED, out);
            }
            None => self.routes.declare(name, exchange),
        }
    }

    /// Binds what stands to what stands.
    fn bind<O: Oracle, W: Watch>(&mut self, binding: u16, out: &mut Out<'_, O, W>) {
        let topology = topology(out.stage);
        let new = &topology.bindings[usize::from(binding)];
        let stands = match new.to {
            Bound::Queue(name) => self.standing[usize::from(name)].is_some_and(|it| self.queues[it.at()].owner == NONE),
            Bound::Exchange(name) => self.routes.exchange(name).is_some(),
        };
        let fits = |exchange: u16| topology.exchanges[usize::from(exchange)].takes(new);
        if stands && self.routes.exchange(new.from).is_some_and(fits) {
            self.routes.bind(binding, topology);
        }
    }

    fn declare<O: Oracle, W: Watch>(&mut self, queue: QueueId, channel: u32, out: &mut Out<'_, O, W>) {
        let (stage, name) = (out.stage, name_of(out.stage, queue));
        let new = settings(stage, queue);
        let Some(other) = self.standing[usize::from(name)] else {
            let code = if reserved(written(stage, name)) { Some(ACCESS_REFUSED) } else { new.refused };
            if let Some(code) = code {
                return self.refuse(channel, code, out);
            }
            let owner = if new.exclusive { channel } else { NONE };
            *self.queue(queue) = Queue { owner, ..Queue::new(true) };
            self.standing[usize::from(name)] = Some(queue);
            return self.used(queue, out);
        };
        let owner = self.queue(other).owner;
        if owner != if new.exclusive { channel } else { NONE } {
            self.refuse(channel, RESOURCE_LOCKED, out);
        } else if agree(settings(stage, other), new) {
            self.used_if_classic(other, out);
        } else {
            self.refuse(channel, PRECONDITION_FAILED, out);
        }
    }

    fn used_if_classic<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        if settings(out.stage, queue).family == Family::Classic {
            self.used(queue, out);
        }
    }

    fn depth<O: Oracle, W: Watch>(&mut self, name: u16, channel: u32, out: &mut Out<'_, O, W>) {
        let Some(queue) = self.accessible(name, channel, out) else { return };
        self.used_if_classic(queue, out);
        let state = &self.queues[queue.at()];
        let ready = state.ready();
        let consumers = match settings(out.stage, queue).family {
            Family::Classic => state.attached().len(),
            // Whoever holds something counts as one, and who waits to be the active one does not.
            Family::Quorum => {
                let unacked = self.channels.iter().flat_map(|channel| &channel.unacked);
                let got = unacked.filter(|it| it.queue == queue && it.consumer == NONE).count();
                let idle = |who: &&u32| state.consumers[**who as usize].held == 0;
                state.attached().len() - state.waiting.iter().filter(idle).count() + got
            }
        };
        self.answer(Notice::Depth { ready, consumers: consumers as u32 }, out);
    }

    /// A worker of a world waits: the first time it consumes, later it only goes on.
    pub(super) fn consume<O: Oracle, W: Watch>(&mut self, queue: QueueId, worker: u32, out: &mut Out<'_, O, W>) {
        if self.down {
            if !self.rejoin.contains(&worker) {
                self.rejoin.push(worker);
            }
            return;
        }
        let seat = self.seats[worker as usize];
        let timed_out = seat != NONE && self.queues[queue.at()].consumers[seat as usize].timed_out > 0;
        if seat == NONE || timed_out {
            self.attach(queue, worker, out);
        }
    }

    fn consume_by_name<O: Oracle, W: Watch>(&mut self, worker: u32, out: &mut Out<'_, O, W>) {
        let subscription = subscription(out.stage, worker);
        let channel = Self::channel_of(worker, out);
        self.open(channel);
        let Some(name) = subscription.name else { return };
        let Some(queue) = self.accessible(name, channel, out) else { return };
        let settings = settings(out.stage, queue);
        let known = subscription.tag.and_then(|tag| self.queues[queue.at()].by_tag(channel, tag));
        let known = known.map(|who| self.queues[queue.at()].consumers[who as usize]);
        if known.is_some_and(|it| it.status != Status::Cancelled && it.timed_out == 0) {
            self.close_connection(channel, out);
            return self.answer(Notice::Refused { code: NOT_ALLOWED }, out);
        }
        if subscription.misfit {
            return self.refuse(channel, PRECONDITION_FAILED, out);
        }
        if subscription.timeout.is_some() && settings.version == Version::V4_3 && settings.family == Family::Classic {
            self.refuse(channel, PRECONDITION_FAILED, out); // an argument that only quorum queues take
        } else if !self.attach(queue, worker, out) {
            self.refuse(channel, ACCESS_REFUSED, out);
        }
    }

    /// A worker consumes; or it may not.
    fn attach<O: Oracle, W: Watch>(&mut self, queue: QueueId, worker: u32, out: &mut Out<'_, O, W>) -> bool {
        let subscription = subscription(out.stage, worker);
        let channel = subscription.channel.unwrap_or(worker);
        self.open(channel);
        let state = self.queue(queue);
        state.attached += 1;
        let consumer = Consumer {
            prefetch: u32::from(subscription.prefetch),
            credit: u32::from(subscription.prefetch),
            priority: subscription.priority,
            auto_ack: subscription.auto_ack,
            ..Consumer::new(worker, channel, subscription.tag.unwrap_or(worker), state.attached)
        };
        match settings(out.stage, queue).family {
            Family::Classic => self.classic_attach(queue, consumer, subscription.exclusive, out),
            Family::Quorum => {
                self.quorum_attach(queue, consumer, out);
                true
            }
        }
    }

    fn get<O: Oracle, W: Watch>(&mut self, worker: u32, out: &mut Out<'_, O, W>) {
        let subscription = subscription(out.stage, worker);
        let channel = Self::channel_of(worker, out);
        self.open(channel);
        let Some(name) = subscription.name else { return };
        let Some(queue) = self.accessible(name, channel, out) else { return };
        let settings = settings(out.stage, queue);
        let taker = Taker { worker, channel, tag: NONE, auto_ack: subscription.auto_ack, deaf: false };
        let got = match settings.family {
            Family::Classic => self.classic_get(queue, taker, out),
            Family::Quorum if settings.single_active_consumer => {
                return self.refuse(channel, GET_UNSUPPORTED, out);
            }
            Family::Quorum => self.quorum_get(queue, taker, out),
        };
        if !got {
            self.answer(Notice::Empty, out);
        }
    }

    fn cancel<O: Oracle, W: Watch>(&mut self, channel: u32, tag: u32, out: &mut Out<'_, O, W>) {
        for queue in self.all_standing() {
            let state = self.queue(queue);
            let Some(who) = state.by_tag(channel, tag) else { continue };
            if state.consumers[who as usize].status == Status::Cancelled {
                continue;
            }
            match settings(out.stage, queue).family {
                Family::Classic => self.classic_cancel(queue, who, out),
                Family::Quorum => self.quorum_cancel(queue, who, out),
            }
        }
    }

    /// What is ready is no more.
    pub(super) fn purge<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        why: DropReason,
        out: &mut Out<'_, O, W>,
    ) -> u32 {
        let mut gone = self.queue(queue).take_all();
        let settings = settings(out.stage, queue);
        // Before 4.3 it is the consumers' messages that are purged, not what waits for dead-letter targets.
        if why != DropReason::Purged || settings.version == Version::V4_3 {
            let retained: Vec<u32> = self.queue(queue).retained.drain().map(|(entry, _)| entry).collect();
            gone.extend(retained);
        }
        if settings.family == Family::Quorum {
            gone.extend(self.take_delayed(queue, out));
        }
        let state = self.queue(queue);
        (state.bytes, state.blocks_publishers) = (0, false);
        let count = gone.len() as u32;
        for entry in gone {
            self.drop_entry(queue, entry, why, out);
        }
        count
    }

    /// A queue goes, with all that it stores; who consumes from it is told.
    pub(super) fn delete<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        let name = name_of(out.stage, queue);
        self.standing[usize::from(name)] = None;
        self.routes.forget(Bound::Queue(name), topology(out.stage));
        self.purge(queue, DropReason::QueueDeleted, out);
        for delivery in self.current_of(queue) {
            if out.common.records.deliveries[delivery].current {
                self.lose(queue, delivery, DropReason::QueueDeleted, out);
            }
        }
        self.forget_timers(queue, out);
        let state = self.queue(queue);
        let consumers: Vec<Consumer> = state.attached().into_iter().map(|who| state.consumers[who as usize]).collect();
        *state = Queue::new(false);
        self.haunted.retain(|unacked| unacked.queue != queue);
        for Consumer { worker, channel, tag, status, .. } in consumers.into_iter().filter(|it| it.channel != NONE) {
            self.seats[worker as usize] = NONE;
            if status != Status::Cancelled {
                self.tell_channel(channel, Notice::Cancelled { channel, tag }, out);
            }
        }
    }

    /// The deliveries of a queue that channels have not settled, channel by channel.
    pub(super) fn current_of(&self, queue: QueueId) -> Vec<u32> {
        self.all_unacked().filter(|unacked| unacked.queue == queue).map(|unacked| unacked.delivery).collect()
    }

    /// A message in flight is gone.
    pub(super) fn lose<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        delivery: u32,
        why: DropReason,
        out: &mut Out<'_, O, W>,
    ) {
        let record = &out.common.records.deliveries[delivery];
        let (op, entry, message) = (record.message.op, record.entry, record.slot);
        out.common.records.retire(delivery);
        self.remove(entry, message, &mut out.common.records);
        out.tell(Fact::Dropped { op, message, queue, in_flight: true, why });
    }

    /// Nothing is due for a queue any more.
    pub(super) fn forget_timers<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        for timer in [EXPIRES, RETRY] {
            out.common.agenda.cancel(out.stage.timer_lane(queue, timer));
        }
        let delayed = self.take_delayed(queue, out);
        for entry in delayed {
            self.drop_entry(queue, entry, DropReason::QueueDeleted, out);
        }
    }

    /// What waited for its delay waits no longer.
    fn take_delayed<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) -> Vec<u32> {
        let delays = out.stage.delays_lane(queue);
        let delayed = out.common.agenda.events(delays).map(|event| event.payload).collect();
        out.common.agenda.clear(delays);
        self.queue(queue).delayed = 0;
        delayed
    }
}
