//! Settling: what a client says of deliveries, by tag, one or many.
//!
//! It knows channels and which deliveries go together: a queue hears of those of one consumer at once, and of each message
//! that was got by itself.

use super::channels::Unacked;
use super::deliver::Taker;
use super::machine::{Machine, pace, settings, subscription};
use super::settings::{Family, PRECONDITION_FAILED};
use super::topology::{Settling, Version};
use crate::model::fact::{Fact, Watch};
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::NONE;
use crate::model::wire::Settlement;
use crate::sim::{Oracle, Span};

impl Machine {
    /// The consumer that a delivery went to, if it is still there.
    #[inline]
    pub(super) fn consumer_of(&self, queue: QueueId, holder: Taker) -> Option<u32> {
        if holder.tag == NONE {
            return None;
        }
        let seat = self.seats[holder.worker as usize];
        if seat != NONE {
            return Some(seat);
        }
        self.queues[queue.at()].by_tag(holder.channel, holder.tag)
    }

    /// A handler of a world settles one delivery.
    #[inline]
    pub(super) fn settle_one<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        delivery: u32,
        how: Settlement,
        out: &mut Out<'_, O, W>,
    ) {
        let record = &out.common.records.deliveries[delivery];
        let (held, current, worker) = (record.parties(delivery), record.current, record.worker);
        let subscription = subscription(out.stage, worker);
        if subscription.auto_ack {
            out.common.records.release(delivery); // its client says nothing
            return;
        }
        let channel = subscription.channel.unwrap_or(worker);
        let unacked = &mut self.channels[channel as usize].unacked;
        let at = unacked.iter().position(|unacked| unacked.delivery == delivery);
        if !current {
            out.tell(Fact::Stale { held, queue });
        }
        if let Some(at) = at {
            let of = unacked.remove(at);
            let holder = Taker { worker, channel, tag: of.consumer, auto_ack: false, deaf: false };
            if current {
                let how = match how {
                    Settlement::Ack => Settling::Ack,
                    Settlement::Reject => Settling::RejectAway,
                    Settlement::Nack(delay) => {
                        self.delay = delay;
                        Settling::Nack
                    }
                };
                self.settle_group(queue, holder, &[delivery], how, out);
                self.delay = Span::ZERO;
            } else {
                self.settle_timed_out(queue, holder, 1, out);
            }
        }
        out.common.records.release(delivery);
    }

    #[inline]
    fn settle_group<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        holder: Taker,
        deliveries: &[u32],
        how: Settling,
        out: &mut Out<'_, O, W>,
    ) {
        match settings(out.stage, queue).family {
            Family::Classic => self.classic_settle(queue, holder, deliveries, how, out),
            Family::Quorum => self.quorum_settle(queue, holder, deliveries, how, out),
        }
    }

    /// A client settles by delivery tag. A tag that is not outstanding closes its channel.
    pub(super) fn settle_tag<O: Oracle, W: Watch>(
        &mut self,
        channel: u32,
        tag: u32,
        multiple: bool,
        how: Settling,
        out: &mut Out<'_, O, W>,
    ) {
        let all = tag == 0 && multiple;
        let unacked = &mut self.open(channel).unacked;
        let known = unacked.iter().any(|unacked| unacked.tag == tag);
        if !known && !all {
            self.close_for(channel, PRECONDITION_FAILED, out);
            return;
        }
        let taken = |unacked: &Unacked| all || unacked.tag == tag || multiple && unacked.tag < tag;
        let settled: Vec<Unacked> = unacked.iter().filter(|unacked| taken(unacked)).copied().collect();
        unacked.retain(|unacked| !taken(unacked));
        self.settle_all(channel, settled, how, out);
    }

    /// Everything outstanding on a channel comes back.
    pub(super) fn recover<O: Oracle, W: Watch>(&mut self, channel: u32, out: &mut Out<'_, O, W>) {
        let all = std::mem::take(&mut self.open(channel).unacked);
        self.settle_all(channel, all, Settling::Nack, out);
    }

    /// Settles, queue by queue: first what was got, each by itself, then consumer by consumer.
    fn settle_all<O: Oracle, W: Watch>(
        &mut self,
        channel: u32,
        mut settled: Vec<Unacked>,
        how: Settling,
        out: &mut Out<'_, O, W>,
    ) {
        let got = |unacked: &Unacked| unacked.consumer == NONE;
        settled.sort_by_key(|it| (pace(out.stage, it.queue), !got(it), it.consumer, it.tag));
        let together = |a: &Unacked, b: &Unacked| !got(a) && a.queue == b.queue && a.consumer == b.consumer;
        for group in settled.chunk_by(together) {
            let (queue, first) = (group[0].queue, group[0].delivery);
            let worker = out.common.records.deliveries[first].worker;
            let holder = Taker { worker, channel, tag: group[0].consumer, auto_ack: false, deaf: false };
            let is_current = |delivery: &u32| out.common.records.deliveries[*delivery].current;
            let deliveries: Vec<u32> = group.iter().map(|it| it.delivery).filter(is_current).collect();
            let stale = group.len() - deliveries.len();
            if !deliveries.is_empty() {
                self.settle_group(queue, holder, &deliveries, how, out);
            }
            if stale > 0 && self.queues[queue.at()].stands && settings(out.stage, queue).version == Version::V4_3 {
                self.settle_timed_out(queue, holder, stale as u32, out);
            }
        }
        self.release_all(&settled, out);
    }

    /// A message that waited is due again.
    pub(super) fn delay_over<O: Oracle, W: Watch>(&mut self, queue: QueueId, entry: u32, out: &mut Out<'_, O, W>) {
        let settings = settings(out.stage, queue);
        match settings.family {
            Family::Classic => {
                self.put_back(queue, entry, settings, out);
                self.came_back(queue, settings, out);
            }
            Family::Quorum => self.quorum_delay_over(queue, entry, out),
        }
    }
}
