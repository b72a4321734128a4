//! Hand-outs: a ready entry becomes a delivery on a channel, with its tag and its deadline.
//!
//! It knows neither who is next nor what: that is the families' affair.

use super::LEASE;
use super::channels::Unacked;
use super::machine::{Machine, after, settings, subscription, topology};
use super::queue::{Consumer, Count, Status};
use super::settings::{Family, Settings};
use super::topology::Version;
use crate::model::broker::HandOut;
use crate::model::fact::{Cause, Fact, Holder, Watch};
use crate::model::out::{Direction, Out};
use crate::model::plan::QueueId;
use crate::model::records::{Delivery, Entry, NONE, Records};
use crate::model::wire::Call;
use crate::sim::{Oracle, Span, Time};

/// To whom an entry is handed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taker {
    pub worker: u32,
    pub channel: u32,
    /// The consumer's tag, or [`NONE`]: it is got.
    pub tag: u32,
    pub auto_ack: bool,
    /// Its client never hears of it: its channel breaks on it, or is gone.
    pub deaf: bool,
}

impl Taker {
    /// A consumer that is served.
    #[inline]
    pub fn of(consumer: &Consumer) -> Taker {
        debug_assert!(consumer.status != Status::Gone, "who is served is there");
        let Consumer { worker, channel, tag, auto_ack, .. } = *consumer;
        Taker { worker, channel, tag, auto_ack, deaf: consumer.count == Count::Broken || channel == NONE }
    }
}

impl Machine {
    /// Hands an entry out. `from_queue`: it waited there, if ever so short; else it never saw the queue.
    #[inline]
    pub(super) fn hand_out<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        entry: u32,
        to: Taker,
        from_queue: bool,
        out: &mut Out<'_, O, W>,
    ) {
        let stage = out.stage;
        let settings = settings(stage, queue);
        let record = &mut out.common.records.entries[entry];
        record.attempts = record.attempts.saturating_add(1);
        let of = *record;
        let Entry { message: slot, attempts: attempt, cause, holder, .. } = of;
        if settings.family == Family::Classic {
            let delivered_to = &mut self.queues[queue.at()].delivered_to;
            *delivered_to = (*delivered_to).max(record.place + 1);
        }
        let (tag, timeout) = if to.channel == NONE { (0, self.timeout) } else { self.next_tag(to.channel) };
        let until = after(out.common.now, if to.auto_ack { None } else { lease(settings, to, timeout, out) });
        let is_ghost = to.channel == NONE;
        let mut new = Delivery::next(entry, &of, out.common.records.messages[slot], queue, to.worker);
        if is_ghost {
            (new.holds, new.doing) = (0, Holder::Nobody);
        }
        let delivery = out.common.records.deliveries.insert(new);
        out.common.records.entries[entry].delivery = delivery;
        if until < Time::NEVER {
            out.common.records.deliveries[delivery].lease = book_lease(queue, until, delivery, out);
        }
        out.tell(Fact::Delivered { held: new.parties(delivery), message: slot, queue, attempt, cause, holder, until });
        if topology(stage).script && !to.deaf {
            let is_get = to.tag == NONE;
            self.note_sent((queue, entry, slot), (to.worker, tag), (is_get, from_queue), out);
        }
        if to.auto_ack {
            self.done_when_sent(queue, delivery, out);
        } else {
            let unacked = Unacked { tag, delivery, queue, consumer: to.tag };
            let holder = self.channels.get_mut(to.channel as usize);
            holder.map_or(&mut self.haunted, |channel| &mut channel.unacked).push(unacked);
        }
        if to.deaf {
            return;
        }
        let wire = stage.hand(to.worker).wire;
        if self.handed.is_none() && wire == NONE && out.common.calls.is_empty() {
            self.handed = Some(HandOut::new(to.worker, delivery));
        } else {
            let call = Call::Deliver { worker: to.worker, delivery };
            out.send(wire, Direction::Answer, call, new.address(0));
        }
    }

    /// A message that needs no ack is done.
    fn done_when_sent<O: Oracle, W: Watch>(&mut self, queue: QueueId, delivery: u32, out: &mut Out<'_, O, W>) {
        let record = &mut out.common.records.deliveries[delivery];
        let (held, entry, message) = (record.parties(delivery), record.entry, record.slot);
        record.current = false; // its holder still has it
        out.tell(Fact::Acked { held, message, queue });
        self.remove(entry, message, &mut out.common.records);
        if topology(out.stage).script {
            out.common.records.release(delivery);
        }
    }

    /// An entry and its message are no more.
    #[inline]
    pub(super) fn remove(&mut self, entry: u32, message: u32, records: &mut Records) {
        records.entries.remove(entry);
        records.messages.remove(message);
        self.forget_entry(entry);
        self.forget_message(message);
    }

    /// An entry comes behind all others in the order of places.
    pub(super) fn place_last(&mut self, queue: QueueId, entry: u32, records: &mut Records) {
        let state = &mut self.queues[queue.at()];
        records.entries[entry].place = state.next_place;
        state.next_place = state.next_place.wrapping_add(1);
    }

    /// Stores a message's entry, behind all others in the order of places.
    #[inline]
    pub(super) fn new_entry(
        &mut self,
        queue: QueueId,
        message: u32,
        copy: u16,
        runs: u16,
        records: &mut Records,
    ) -> u32 {
        let state = &mut self.queues[queue.at()];
        let place = state.next_place;
        state.next_place = place.wrapping_add(1);
        let cause = if copy == 0 { Cause::First } else { Cause::ProducerCopy };
        let entry = crate::model::records::Entry {
            message,
            delivery: NONE,
            place,
            attempts: 0,
            runs,
            cause,
            holder: Holder::Nobody,
        };
        let entry = records.entries.insert(entry);
        self.forget_entry(entry);
        entry
    }
}

/// How long a delivery may be held.
#[inline]
fn lease<O: Oracle, W: Watch>(settings: &Settings, to: Taker, channel: Span, out: &Out<'_, O, W>) -> Option<Span> {
    match (settings.version, settings.family) {
        (Version::V4_3, Family::Classic) => None,
        (Version::V4_3, Family::Quorum) => {
            Some(subscription(out.stage, to.worker).timeout.or(settings.consumer_timeout).unwrap_or(channel))
        }
        (Version::V4_0, _) if to.channel == NONE => None, // it is the channel that looks at the time
        (Version::V4_0, _) => Some(settings.consumer_timeout.unwrap_or(channel)),
        (Version::V3_10, _) => Some(channel),
    }
}

/// Books the end of a delivery's time: with others of its length where it comes last, as mostly.
#[inline]
fn book_lease<O: Oracle, W: Watch>(queue: QueueId, until: Time, delivery: u32, out: &mut Out<'_, O, W>) -> u32 {
    let lane = out.stage.leases_lane(queue);
    let records = &out.common.records;
    out.common.agenda.tidy(lane, |event| records.lease_runs(event));
    if out.common.agenda.last_at(lane).is_none_or(|last| last <= until) {
        return out.common.agenda.book_fifo(lane, until, delivery);
    }
    out.common.agenda.book(out.stage.timer_lane(queue, LEASE), until, delivery)
}
