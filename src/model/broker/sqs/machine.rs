//! The machine of a queue: send, delete, give back, visibility timeouts.
//!
//! Receiving stands in `receive.rs`, what befalls a queue as a whole in `upkeep.rs`. Rule: a message is waiting, delayed or in
//! flight, and counted so; what waits stands in the order, the rest in a lane of the agenda.

use super::order::{Home, Order};
use super::{Envelope, Kind, REMEMBERED, Settings};
use crate::model::broker::parts::{Ages, Waiting};
use crate::model::broker::{self, HandOut, Input};
use crate::model::fact::{Cause, DropReason, Fact, Holder, Watch};
use crate::model::out::{Direction, Out};
use crate::model::plan::QueueId;
use crate::model::records::{Delivery, Entry, Message, NONE, Records};
use crate::model::stage::Stage;
use crate::model::text::Names;
use crate::model::wire::{Call, Moved, Settlement};
use crate::sim::{Address, Chance, Oracle, Span, Time, clone_by_field};

// The timers of a queue, in the order of `Settings::timers`.
/// The message that expires next.
pub(super) const RETENTION: u8 = 0;
/// New messages are hidden for the queue's delay.
pub(super) const DELAY: u8 = 1;
/// Deduplication ids are forgotten.
pub(super) const DEDUP: u8 = 2;
/// Receive attempts are forgotten.
pub(super) const ATTEMPT: u8 = 3;
/// Visibility timeouts of another length than the queue's.
pub(super) const VISIBILITY: u8 = 4;

/// How likely a delete misses a replica of a standard queue, so that the message comes back. Ours to choose: the documentation
/// says that it happens, not how often.
const DELETE_MISSES: Chance = one_in(1_000_000);
/// Where it is asked.
const MISS_SITE: u64 = 0x452f_9ab3_0c67_1d84;
/// A body is told from an id of the same text.
const BODY: u64 = 0xb0d7_5a96_e11f_3c28;

/// What changes in a queue.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) order: Order,
    pub(super) waiting: Waiting,
    /// Messages stored: waiting, delayed or in flight.
    pub(super) stored: u32,
    pub(super) in_flight: u32,
    pub(super) delayed: u32,
    /// The place of the next message.
    pub(super) next_place: u32,
    /// When messages were sent, where they may expire.
    pub(super) ages: Ages,
    /// The queue of the plan whose settings are in force, where they were changed.
    pub(super) set_as: Option<QueueId>,
    /// Before this moment no purge is taken.
    pub(super) next_purge: Time,
    pub(super) down: bool,
}

clone_by_field!(Machine { order, waiting, stored, in_flight, delayed, next_place, ages, set_as, next_purge, down });

/// One input's worth of context: the queue and how it is set.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub queue: QueueId,
    pub settings: &'a Settings,
}

pub(super) const fn one_in(n: u64) -> Chance {
    match Chance::new(1, n) {
        Some(chance) => chance,
        None => Chance::NEVER,
    }
}

static NOTHING_SAID: Envelope = Envelope { group: None, dedup: None, body: None, delay: None };

fn envelope<'a>(stage: &'a Stage, message: &Message) -> &'a Envelope {
    match &stage.plan.producers[message.producer.at()].message {
        Some(broker::Envelope::Sqs(envelope)) => envelope,
        _ => &NOTHING_SAID,
    }
}

fn names<'a>(stage: &'a Stage, message: &Message) -> Names<'a> {
    stage.plan.producers[message.producer.at()].names()
}

/// The name of a message's group.
pub(super) fn group_of(stage: &Stage, message: &Message) -> u64 {
    envelope(stage, message).group.as_ref().map_or(0, |group| group.name(message, names(stage, message)))
}

pub(super) fn set_like(stage: &Stage, queue: QueueId) -> &Settings {
    match stage.settings(queue) {
        broker::Settings::Sqs(settings) => settings,
        _ => unreachable!("a queue is set as one of its product"),
    }
}

impl Machine {
    /// An empty queue.
    pub fn new(stage: &Stage, queue: QueueId) -> Machine {
        let settings = set_like(stage, queue);
        Machine {
            order: Order::new(settings),
            waiting: Waiting::default(),
            stored: 0,
            in_flight: 0,
            delayed: 0,
            next_place: 0,
            ages: Ages::default(),
            set_as: None,
            next_purge: Time::ZERO,
            down: false,
        }
    }

    pub(super) fn here<'a>(&self, queue: QueueId, settings: &'a Settings, stage: &'a Stage) -> Here<'a> {
        Here { queue, settings: self.set_as.map_or(settings, |like| set_like(stage, like)) }
    }

    /// A call or a timer, and then what can be handed out. Gives the hand-out that nobody's call comes before.
    #[inline]
    pub fn input<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        settings: &Settings,
        input: Input,
        out: &mut Out<'_, O, W>,
    ) -> Option<HandOut> {
        if self.handle(queue, settings, input, out) { self.serve(queue, settings, out) } else { None }
    }

    /// Says whether there may be something to hand out now.
    #[inline(always)]
    fn handle<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        settings: &Settings,
        input: Input,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        let here = self.here(queue, settings, out.stage);
        match input {
            Input::Publish { message, pending } => return self.send(here, message, pending, out),
            Input::Receive { worker } => self.ask(here, worker, out),
            Input::Settle { delivery, how, wait } => {
                let worker = self.settle(here, delivery, how, out);
                if wait {
                    self.waiting.push(worker);
                }
            }
            input => return self.rare(here, input, out),
        }
        true
    }

    fn rare<O: Oracle, W: Watch>(&mut self, here: Here<'_>, input: Input, out: &mut Out<'_, O, W>) -> bool {
        let queue = here.queue;
        match input {
            Input::Renew { delivery } => {
                let record = &out.common.records.deliveries[delivery];
                if record.current {
                    let held = record.parties(delivery);
                    let until = self.hide(here, delivery, here.settings.visibility_timeout, out);
                    out.tell(Fact::Renewed { held, queue, until });
                }
                out.common.records.release(delivery);
                return false;
            }
            Input::Move(moved) => {
                // A standard queue counts a message's age from its first send, a FIFO queue from its move.
                let since = if here.settings.is_fifo() { out.common.now } else { moved.since };
                self.store(here, Moved { since, ..moved }, out);
            }
            Input::Disconnect { first, workers } => {
                self.waiting.leave(first, workers);
                return false;
            }
            Input::LeaseOver { delivery } | Input::Timer { timer: VISIBILITY, payload: delivery } => {
                self.time_out(here, delivery, out);
            }
            Input::DelayOver { entry } | Input::Timer { timer: DELAY, payload: entry } => {
                let was_in_flight = out.common.records.entries[entry].attempts > 0;
                let out_count = if was_in_flight { &mut self.in_flight } else { &mut self.delayed };
                *out_count -= 1;
                self.put_back(here, entry, out);
            }
            Input::Redrive { to } => self.move_back(here, to, out),
            Input::Timer { timer: RETENTION, .. } => self.expire(here, out),
            Input::Timer { timer: DEDUP, payload } => {
                if let Order::Fifo(fifo) = &mut self.order {
                    fifo.dedup.forget(payload);
                }
            }
            Input::Timer { .. } => {
                if let Order::Fifo(fifo) = &mut self.order {
                    fifo.attempts.pop_front(); // all are remembered equally long
                }
            }
            // An outage: nothing is lost, timeouts run on, nobody is answered.
            Input::Crash => {
                self.down = true;
                out.tell(Fact::BrokerDown { queue });
                return false;
            }
            Input::Restart => {
                self.down = false;
                out.tell(Fact::BrokerUp { queue });
            }
            Input::Publish { .. } | Input::Receive { .. } | Input::Settle { .. } => unreachable!("handled before"),
        }
        true
    }

    /// `SendMessage`. Says whether there may be something to hand out.
    #[inline(always)]
    fn send<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        message: Message,
        pending: u32,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        let (op, copy, queue) = (message.op, message.copy, here.queue);
        if self.down {
            out.tell(Fact::PacketLost { op, copy, queue });
            return false;
        }
        let wire = out.stage.origins[message.producer.at()].wire;
        let about = Address { site: 0, attempt: message.attempt(0) };
        if let Kind::Fifo { .. } = here.settings.kind
            && let Some(of) = self.said_before(here, &message, out)
        {
            out.tell(Fact::Swallowed { op, copy, queue, of });
            if pending != NONE {
                out.send(wire, Direction::Answer, Call::Confirm { op, pending }, about);
            }
            return false;
        }
        let slot = out.common.records.messages.insert(message);
        out.tell(Fact::Accepted { op, copy, message: slot, queue });
        self.store(here, Moved { message: slot, attempts: 0, runs: 0, since: out.common.now }, out);
        if pending != NONE {
            out.send(wire, Direction::Answer, Call::Confirm { op, pending }, about);
        }
        true
    }

    /// Stores a message with its receives so far.
    #[inline(always)]
    fn store<O: Oracle, W: Watch>(&mut self, here: Here<'_>, moved: Moved, out: &mut Out<'_, O, W>) {
        let Moved { message: slot, attempts, runs, since } = moved;
        self.stored += 1;
        self.next_place = self.next_place.wrapping_add(1);
        let place = self.next_place;
        let message = out.common.records.messages[slot];
        let cause = if message.copy == 0 { Cause::First } else { Cause::ProducerCopy };
        let new = Entry { message: slot, delivery: NONE, place, attempts, runs, cause, holder: Holder::Nobody };
        let entry = out.common.records.entries.insert(new);
        if self.may_expire(here, out.stage) {
            self.ages.came(place, since);
            self.book_retention(here, None, out);
        }
        let said = envelope(out.stage, &message);
        let group = group_of(out.stage, &message);
        let delay = said.delay.unwrap_or(here.settings.delay);
        // A move into a dead-letter queue is not delayed.
        if delay.is_zero() || attempts > 0 {
            return self.order.add(Home { entry, place, group });
        }
        self.delayed += 1;
        self.order.goes_out(group);
        // Which lane it is must not depend on the moment: the order of a fifo lane is its nature.
        let of_one_length = said.delay.is_none() && self.set_as.is_none();
        let (timer, any) = (out.stage.timer_lane(here.queue, DELAY), out.stage.delays_lane(here.queue));
        out.book(if of_one_length { timer } else { any }, delay, entry);
    }

    /// Where a FIFO queue knows the deduplication id: of what it was said. Otherwise it is known from now on.
    fn said_before<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        message: &Message,
        out: &mut Out<'_, O, W>,
    ) -> Option<u32> {
        let (Kind::Fifo { content_based, by_group }, Order::Fifo(fifo)) = (here.settings.kind, &mut self.order) else {
            return None;
        };
        let said = envelope(out.stage, message);
        let name = match (&said.dedup, &said.body) {
            (Some(dedup), _) => dedup.name(message, names(out.stage, message)),
            // An id of its own kind, so that none that was chosen equals it.
            (None, Some(body)) if content_based => body.name(message, names(out.stage, message)) ^ BODY,
            (None, None) if content_based => u64::from(message.op) ^ BODY,
            _ => return None,
        };
        let scope = if by_group { group_of(out.stage, message) } else { 0 };
        let known = fifo.dedup.known((scope, name));
        if known.is_none() {
            let slot = fifo.dedup.say((scope, name), message.op);
            out.book(out.stage.timer_lane(here.queue, DEDUP), REMEMBERED, slot);
        }
        known
    }

    /// A message in flight is hidden for so long; gives until when.
    #[inline(always)]
    pub(super) fn hide<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        delivery: u32,
        span: Span,
        out: &mut Out<'_, O, W>,
    ) -> Time {
        let until = out.common.now + span;
        let token = if span == here.settings.visibility_timeout && self.set_as.is_none() {
            out.common.agenda.book_fifo(out.stage.leases_lane(here.queue), until, delivery)
        } else {
            out.common.agenda.book(out.stage.timer_lane(here.queue, VISIBILITY), until, delivery)
        };
        out.common.records.deliveries[delivery].lease = token;
        until
    }

    /// A visibility timeout is over: the message is visible again, at its place.
    fn time_out<O: Oracle, W: Watch>(&mut self, here: Here<'_>, delivery: u32, out: &mut Out<'_, O, W>) {
        let record = &out.common.records.deliveries[delivery];
        let (held, message, holder) = (record.parties(delivery), record.slot, record.doing);
        out.tell(Fact::Expired { held, message, queue: here.queue, holder });
        self.release(here, delivery, Cause::Expired, holder, out);
    }

    /// A message in flight is visible again. Its receipt stays the last one: a standard queue still takes its delete.
    pub(super) fn release<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        delivery: u32,
        cause: Cause,
        holder: Holder,
        out: &mut Out<'_, O, W>,
    ) {
        let entry = Self::end_delivery(here, delivery, cause, holder, &mut out.common.records);
        self.in_flight -= 1;
        self.put_back(here, entry, out);
    }

    fn end_delivery(here: Here<'_>, delivery: u32, cause: Cause, holder: Holder, records: &mut Records) -> u32 {
        let Delivery { entry, holds, .. } = records.deliveries[delivery];
        let outlives = holds > 0 && !here.settings.is_fifo();
        records.retire(delivery);
        let record = &mut records.entries[entry];
        (record.delivery, record.cause, record.holder) = (if outlives { delivery } else { NONE }, cause, holder);
        entry
    }

    /// One that was out waits again, unless it grew too old meanwhile.
    fn put_back<O: Oracle, W: Watch>(&mut self, here: Here<'_>, entry: u32, out: &mut Out<'_, O, W>) {
        let place = out.common.records.entries[entry].place;
        let group = group_of(out.stage, out.common.records.message_of(entry));
        if self.may_expire(here, out.stage) && self.is_expired(here, place, out.common.now) {
            self.order.settled(|| group);
            return self.lose(here, entry, DropReason::Expired, out);
        }
        let entries = &out.common.records.entries;
        self.order.put_back(Home { entry, place, group }, |entry| entries[entry].place);
    }

    /// What a holder says of a delivery. Gives the holder.
    #[inline(always)]
    fn settle<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        delivery: u32,
        how: Settlement,
        out: &mut Out<'_, O, W>,
    ) -> u32 {
        let worker = out.common.records.deliveries[delivery].worker;
        match how {
            Settlement::Ack if !self.misses(here, delivery, out) => {
                self.delete(here, delivery, out);
            }
            Settlement::Reject => unreachable!("`Plan::check` knows that nothing is rejected here"),
            Settlement::Nack(delay) => self.give_back(here, delivery, delay, out),
            Settlement::Ack => {
                let held = out.common.records.deliveries[delivery].parties(delivery);
                out.tell(Fact::Stale { held, queue: here.queue });
            }
        }
        out.common.records.release(delivery);
        worker
    }

    /// Whether a delete misses a replica, so that the message comes back when its visibility timeout is over.
    #[inline]
    fn misses<O: Oracle, W: Watch>(&self, here: Here<'_>, delivery: u32, out: &mut Out<'_, O, W>) -> bool {
        let Kind::Standard { loose: true } = here.settings.kind else { return false };
        let about = out.common.records.deliveries[delivery].address(MISS_SITE);
        out.oracle.fault(about, DELETE_MISSES)
    }

    /// `DeleteMessage`. Says whether it removed the message.
    #[inline(always)]
    pub(super) fn delete<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        delivery: u32,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        let record = &mut out.common.records.deliveries[delivery];
        let (held, message, entry, queue) = (record.parties(delivery), record.slot, record.entry, here.queue);
        if record.current {
            record.current = false; // what it held goes with the release
            self.in_flight -= 1;
            self.order.settled(|| group_of(out.stage, out.common.records.message_of(entry)));
            out.tell(Fact::Acked { held, message, queue });
            self.remove(entry, out);
            out.common.records.messages.remove(message);
            return true;
        }
        self.delete_late(here, delivery, out)
    }

    /// The visibility timeout of the receipt is over.
    fn delete_late<O: Oracle, W: Watch>(&mut self, here: Here<'_>, delivery: u32, out: &mut Out<'_, O, W>) -> bool {
        let record = &out.common.records.deliveries[delivery];
        let (held, message, entry, queue) = (record.parties(delivery), record.slot, record.entry, here.queue);
        if out.common.records.is_last(delivery) {
            self.order.retain(|other| other != entry);
            out.tell(Fact::AckedLate { held, message, queue });
            self.remove(entry, out);
            out.common.records.messages.remove(message);
            return true;
        }
        out.tell(Fact::Stale { held, queue });
        false
    }

    /// Whether the message of a receipt is still stored here, and not in the queue that it was put aside in: there it may have
    /// the entry's old slot.
    pub(super) fn is_stored<O: Oracle, W: Watch>(&self, here: Here<'_>, delivery: u32, out: &Out<'_, O, W>) -> bool {
        let records = &out.common.records;
        let Delivery { message, slot, entry, .. } = records.deliveries[delivery];
        let same = |other: &Message| (other.op, other.copy) == (message.op, message.copy);
        let Some(of) = records.entries.slots().get(entry as usize) else { return false };
        if of.message != slot || !same(&records.messages[slot]) {
            return false;
        }
        if of.delivery != NONE {
            return records.deliveries[of.delivery].queue == here.queue;
        }
        let mut delayed = out.common.agenda.events(out.stage.delays_lane(here.queue));
        self.order.waiting().contains(&entry) || delayed.any(|event| event.payload == entry)
    }

    /// The holder gives a message back, to be visible after a delay.
    fn give_back<O: Oracle, W: Watch>(&mut self, here: Here<'_>, delivery: u32, delay: Span, out: &mut Out<'_, O, W>) {
        let record = &out.common.records.deliveries[delivery];
        let (held, message, queue) = (record.parties(delivery), record.slot, here.queue);
        if !record.current {
            return out.tell(Fact::Stale { held, queue });
        }
        out.tell(Fact::Nacked { held, message, queue, delay });
        if delay.is_zero() {
            return self.release(here, delivery, Cause::Nacked, Holder::Done, out);
        }
        let entry = Self::end_delivery(here, delivery, Cause::Nacked, Holder::Done, &mut out.common.records);
        out.book(out.stage.delays_lane(queue), delay, entry);
    }

    pub(super) fn remove<O: Oracle, W: Watch>(&mut self, entry: u32, out: &mut Out<'_, O, W>) {
        let record = &mut out.common.records.entries[entry];
        (record.message, record.delivery) = (NONE, NONE); // receipts that are still held lead here
        out.common.records.entries.remove(entry);
        self.stored -= 1;
        if self.stored == 0 {
            self.ages.clear();
        }
    }
}
