//! Channels: delivery tags, what is unacknowledged, and how a channel or a connection ends.
//!
//! It knows what each channel was sent and from which queue, nothing of why. Rule: whatever is unacknowledged when a channel
//! ends goes back to its queue.

use super::machine::{Machine, pace, settings, subscription, topology};
use super::queue::{Consumer, Status};
use super::settings::{Family, PRECONDITION_FAILED};
use super::topology::{Notice, Version};
use crate::model::broker;
use crate::model::fact::{Cause, Fact, Holder, Watch};
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::NONE;
use crate::model::wire::Call;
use crate::sim::{Oracle, Span};

/// What changes in a channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Channel {
    pub open: bool,
    /// How long a delivery may be held.
    pub timeout: Span,
    /// The last delivery tag given.
    pub last_tag: u32,
    /// In the order of tags.
    pub unacked: Vec<Unacked>,
}

/// A delivery that is not settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unacked {
    pub tag: u32,
    pub delivery: u32,
    pub queue: QueueId,
    /// The tag of the consumer that it went to, or [`NONE`]: it was got.
    pub consumer: u32,
}

impl Machine {
    /// The channel of a worker.
    #[inline]
    pub(super) fn channel_of<O: Oracle, W: Watch>(worker: u32, out: &Out<'_, O, W>) -> u32 {
        subscription(out.stage, worker).channel.unwrap_or(worker)
    }

    /// A channel, opened if need be.
    #[inline]
    pub(super) fn open(&mut self, channel: u32) -> &mut Channel {
        if channel as usize >= self.channels.len() {
            self.channels.resize(channel as usize + 1, Channel::default());
        }
        let (timeout, channel) = (self.timeout, &mut self.channels[channel as usize]);
        if !channel.open {
            (channel.open, channel.timeout, channel.last_tag) = (true, timeout, 0);
        }
        channel
    }

    /// The next delivery tag of a channel, and how long what goes with it may be held.
    #[inline]
    pub(super) fn next_tag(&mut self, channel: u32) -> (u32, Span) {
        let channel = self.open(channel);
        channel.last_tag = channel.last_tag.wrapping_add(1);
        (channel.last_tag, channel.timeout)
    }

    /// All that is not settled, channel by channel.
    pub(super) fn all_unacked(&self) -> impl Iterator<Item = &Unacked> {
        self.channels.iter().flat_map(|channel| &channel.unacked).chain(&self.haunted)
    }

    /// A channel ends; its connection may stay.
    pub(super) fn close<O: Oracle, W: Watch>(&mut self, channel: u32, out: &mut Out<'_, O, W>) {
        let Some(ended) = self.channels.get_mut(channel as usize) else { return };
        ended.open = false;
        let unacked = std::mem::take(&mut ended.unacked);
        let mut queues: Vec<QueueId> = unacked.iter().map(|unacked| unacked.queue).collect();
        let consumes = |queue: &QueueId| self.queues[queue.at()].consumers.iter().any(|it| it.is_of(channel));
        queues.extend(self.all_standing().into_iter().filter(consumes));
        queues.sort_unstable_by_key(|&queue| pace(out.stage, queue));
        queues.dedup();
        for queue in queues {
            let of_queue = |unacked: &&Unacked| unacked.queue == queue;
            let current = |unacked: &&Unacked| out.common.records.deliveries[unacked.delivery].current;
            let held: Vec<Unacked> = unacked.iter().filter(of_queue).filter(current).copied().collect();
            match settings(out.stage, queue).family {
                Family::Classic => self.classic_channel_down(queue, channel, &held, out),
                Family::Quorum => self.quorum_channel_down(queue, channel, held, out),
            }
        }
        self.release_all(&unacked, out);
    }

    /// A worker's consumer gets nothing any more: its channel is about to end.
    pub(super) fn mute(&mut self, queue: QueueId, worker: u32) {
        let who = self.seats[worker as usize];
        if who != NONE {
            let state = &mut self.queues[queue.at()];
            let consumer = &mut state.consumers[who as usize];
            (consumer.prefetch, consumer.credit, consumer.auto_ack) = (consumer.prefetch.max(1), 0, false);
            state.turns.remove(who);
        }
    }

    /// A connection ends, and what it owns.
    pub(super) fn close_connection<O: Oracle, W: Watch>(&mut self, channel: u32, out: &mut Out<'_, O, W>) {
        self.close(channel, out);
        for queue in self.all_standing() {
            if self.queue(queue).owner == channel {
                self.delete(queue, out);
            }
        }
    }

    /// A client of a script lets go of what it held; other clients do so themselves.
    pub(super) fn release_all<O: Oracle, W: Watch>(&mut self, unacked: &[Unacked], out: &mut Out<'_, O, W>) {
        if topology(out.stage).script {
            for unacked in unacked {
                out.common.records.release(unacked.delivery);
            }
        }
    }

    /// The broker closes a channel for a mistake, and says so.
    pub(super) fn close_for<O: Oracle, W: Watch>(&mut self, channel: u32, code: u16, out: &mut Out<'_, O, W>) {
        self.close(channel, out);
        self.tell_channel(channel, Notice::ChannelClosed { channel, code }, out);
    }

    /// Says something to the client of a channel.
    pub(super) fn tell_channel<O: Oracle, W: Watch>(&self, channel: u32, notice: Notice, out: &mut Out<'_, O, W>) {
        // Outside scripts a worker has a channel of its own number.
        let worker = if topology(out.stage).script { NONE } else { channel };
        out.call(Call::Notice { worker, notice: broker::Notice::Rabbitmq(notice) });
    }

    /// A delivery goes back: it is neither held nor ready now.
    pub(super) fn end<O: Oracle, W: Watch>(
        delivery: u32,
        cause: Cause,
        holder: Holder,
        out: &mut Out<'_, O, W>,
    ) -> u32 {
        let entry = out.common.records.deliveries[delivery].entry;
        out.common.records.retire(delivery);
        let record = &mut out.common.records.entries[entry];
        (record.delivery, record.cause, record.holder) = (NONE, cause, holder);
        entry
    }

    /// A delivery comes back because its holder is gone, or held it for too long.
    pub(super) fn take_back<O: Oracle, W: Watch>(&self, queue: QueueId, delivery: u32, out: &mut Out<'_, O, W>) -> u32 {
        let record = &out.common.records.deliveries[delivery];
        let (held, message, holder) = (record.parties(delivery), record.slot, record.doing);
        if self.overdue == delivery {
            out.tell(Fact::Expired { held, message, queue, holder });
            return Self::end(delivery, Cause::Expired, holder, out);
        }
        out.tell(Fact::TakenBack { held, message, queue });
        Self::end(delivery, Cause::Disconnected, holder, out)
    }

    /// A delivery was held for too long: before 4.3, its channel ends.
    pub(super) fn held_too_long<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        delivery: u32,
        out: &mut Out<'_, O, W>,
    ) {
        self.overdue = delivery;
        if settings(out.stage, queue).version == Version::V4_3 {
            self.quorum_time_out(queue, delivery, out);
        } else {
            let channel = Self::channel_of(out.common.records.deliveries[delivery].worker, out);
            self.close_for(channel, PRECONDITION_FAILED, out);
        }
        self.overdue = NONE;
    }
}

impl Consumer {
    /// Whether it is attached by a channel.
    pub(super) fn is_of(&self, channel: u32) -> bool {
        self.status != Status::Gone && self.channel == channel
    }
}
