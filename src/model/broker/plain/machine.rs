//! The machine of a `plain` queue: publish, receive, settle, lease, delay, crash.

use super::{Command, ReturnsTo, Settings};
use crate::model::broker::parts::{Ready, Waiting};
use crate::model::broker::{HandOut, Input, Room};
use crate::model::fact::{Cause, DropReason, Fact, Holder, Refusal, Watch};
use crate::model::out::{Direction, Out};
use crate::model::plan::QueueId;
use crate::model::records::{Delivery, Entry, Message, NONE, Records};
use crate::model::stage::Stage;
use crate::model::wire::{Call, Moved, Settlement};
use crate::sim::{Address, Canon, Event, Oracle, clone_by_field};

/// What changes in a queue.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    ready: Ready,
    waiting: Waiting,
    /// Messages stored: ready, delayed or in flight.
    stored: u32,
    /// The place of the next message. It only orders messages against each other and is no part of the canonical form.
    next_place: u32,
    down: bool,
}

clone_by_field!(Machine { ready, waiting, stored, next_place, down });

/// One input's worth of context: the queue and how it is set.
struct Here<'a> {
    queue: QueueId,
    settings: &'a Settings,
}

impl Machine {
    /// An empty queue.
    pub fn new(_: &Stage, _: QueueId) -> Machine {
        Machine::default()
    }

    /// A call or a timer, and then what can be handed out. Gives the hand-out that nobody's call comes before.
    #[inline(always)]
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
        let here = Here { queue, settings };
        match input {
            Input::Publish { message, pending } => return self.publish(&here, message, pending, out),
            Input::Move(Moved { message, runs, .. }) => {
                let copy = out.common.records.messages[message].copy;
                self.store(message, copy, runs, &mut out.common.records);
            }
            Input::Receive { worker } => self.waiting.push(worker),
            Input::Settle { delivery, how, wait } => {
                let worker = self.settle(&here, delivery, how, out);
                if wait {
                    self.waiting.push(worker);
                }
            }
            Input::Renew { delivery } => {
                self.renew(&here, delivery, out);
                return false;
            }
            Input::Disconnect { first, workers } => {
                self.waiting.leave(first, workers);
                return false;
            }
            Input::LeaseOver { delivery } => {
                let record = &out.common.records.deliveries[delivery];
                let (held, message, holder) = (record.parties(delivery), record.slot, record.doing);
                out.tell(Fact::Expired { held, message, queue, holder });
                self.back(&here, delivery, Cause::Expired, holder, out);
            }
            Input::DelayOver { entry } => self.put_back(&here, entry, &out.common.records),
            Input::Redrive { to } => {
                while let Some(entry) = self.ready.pop() {
                    let Entry { message, runs, .. } = out.common.records.entries[entry];
                    let op = out.common.records.messages[message].op;
                    self.remove(entry, &mut out.common.records);
                    out.tell(Fact::Redriven { op, message, from: queue, to });
                    let moved = Moved { message, attempts: 0, runs, since: out.common.now };
                    out.call(Call::Move { queue: to, moved });
                }
            }
            Input::Timer { .. } => unreachable!("it has no timers of its own"),
            Input::Crash => {
                self.crash(&here, out);
                return false;
            }
            Input::Restart => {
                self.down = false;
                out.tell(Fact::BrokerUp { queue });
                self.bury_used_up(&here, out);
            }
        }
        true
    }

    /// Nothing is commanded.
    pub fn command<O: Oracle, W: Watch>(&mut self, _: QueueId, command: Command, _: &mut Out<'_, O, W>) -> bool {
        match command {}
    }

    /// It has no timers of its own.
    pub fn stands(&self, _: QueueId, _: u8, _: &Event, _: &Records) -> bool {
        unreachable!("it has no timers of its own")
    }

    /// It has no timers of its own.
    pub fn timer_name(&self, _: &Settings, _: u8, _: u32, _: &Room<'_>) -> [u64; 2] {
        unreachable!("it has no timers of its own")
    }

    /// Stores a message, and says whether it did.
    #[inline(always)]
    fn publish<O: Oracle, W: Watch>(
        &mut self,
        here: &Here,
        message: Message,
        pending: u32,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        let (op, copy, producer, queue) = (message.op, message.copy, message.producer, here.queue);
        if self.down {
            // The connection is refused: nobody answers, and nothing is stored.
            out.tell(Fact::PacketLost { op, copy, queue });
            return false;
        }
        let answer = |call, out: &mut Out<'_, O, W>| {
            let about = Address { site: 0, attempt: message.attempt(0) };
            out.send(out.stage.origins[producer.at()].wire, Direction::Answer, call, about);
        };
        if here.settings.max_length.is_some_and(|most| u64::from(self.stored) >= most) {
            out.tell(Fact::Refused { op, copy, queue, why: Refusal::MaxLength });
            answer(Call::Refuse { op, copy, pending }, out);
            return false;
        }
        let slot = out.common.records.messages.insert(message);
        out.tell(Fact::Accepted { op, copy, message: slot, queue });
        self.store(slot, copy, 0, &mut out.common.records);
        if pending != NONE {
            answer(Call::Confirm { op, pending }, out);
        }
        true
    }

    #[inline(always)]
    fn store(&mut self, message: u32, copy: u16, runs: u16, records: &mut Records) {
        self.stored += 1;
        self.next_place = self.next_place.wrapping_add(1);
        let cause = if copy == 0 { Cause::First } else { Cause::ProducerCopy };
        let place = self.next_place;
        let entry = Entry { message, delivery: NONE, place, attempts: 0, runs, cause, holder: Holder::Nobody };
        self.ready.push(records.entries.insert(entry));
    }

    /// While somebody waits and something is ready: hands it out. The first one that nobody's call comes before is given.
    #[inline(always)]
    pub fn serve<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        settings: &Settings,
        out: &mut Out<'_, O, W>,
    ) -> Option<HandOut> {
        if self.ready.is_empty() || self.down {
            return None;
        }
        let worker = self.waiting.pop()?;
        let entry = self.ready.pop()?;
        let here = Here { queue, settings };
        let hand = out.stage.hand(worker);
        let (delivery, about) = Self::hand_out(&here, entry, worker, out);
        let is_first = hand.wire == NONE && out.common.calls.is_empty();
        if !is_first {
            out.send(hand.wire, Direction::Answer, Call::Deliver { worker, delivery }, about);
        }
        if !self.ready.is_empty() && (hand.batch > 1 || !self.waiting.is_empty()) {
            self.serve_more(&here, worker, out);
        }
        is_first.then(|| HandOut::new(worker, delivery))
    }

    /// The same once a first message is handed out: the others of that worker's batch, and whoever else waits. Mostly there
    /// is nobody, so this stands apart.
    #[inline(never)]
    fn serve_more<O: Oracle, W: Watch>(&mut self, here: &Here, mut worker: u32, out: &mut Out<'_, O, W>) {
        let mut taken = 1;
        loop {
            let hand = out.stage.hand(worker);
            for _ in taken..hand.batch {
                let Some(entry) = self.ready.pop() else { return };
                let (delivery, about) = Self::hand_out(here, entry, worker, out);
                out.send(hand.wire, Direction::Answer, Call::Deliver { worker, delivery }, about);
            }
            if self.ready.is_empty() {
                return;
            }
            let Some(next) = self.waiting.pop() else { return };
            (worker, taken) = (next, 0);
        }
    }

    /// Makes an entry's next delivery, and says where questions about it stand.
    #[inline(always)]
    fn hand_out<O: Oracle, W: Watch>(here: &Here, entry: u32, worker: u32, out: &mut Out<'_, O, W>) -> (u32, Address) {
        let queue = here.queue;
        let record = &mut out.common.records.entries[entry];
        record.attempts = record.attempts.saturating_add(1);
        let Entry { message: slot, attempts: attempt, cause, holder, .. } = *record;
        let message = out.common.records.messages[slot];
        let lease = out.common.agenda.next_token();
        let new = Delivery { lease, ..Delivery::next(entry, record, message, queue, worker) };
        let delivery = out.common.records.deliveries.insert(new);
        record.delivery = delivery;
        let until = out.common.now + here.settings.lease;
        out.common.agenda.book_fifo(out.stage.leases_lane(queue), until, delivery);
        out.tell(Fact::Delivered { held: new.parties(delivery), message: slot, queue, attempt, cause, holder, until });
        (delivery, new.address(0))
    }

    /// What a holder says of a delivery. Gives the holder.
    #[inline(always)]
    fn settle<O: Oracle, W: Watch>(
        &mut self,
        here: &Here,
        delivery: u32,
        how: Settlement,
        out: &mut Out<'_, O, W>,
    ) -> u32 {
        let record = &mut out.common.records.deliveries[delivery];
        let (held, message, entry, queue) = (record.parties(delivery), record.slot, record.entry, here.queue);
        match how {
            _ if !record.current => out.tell(Fact::Stale { held, queue }),
            Settlement::Nack(delay) => {
                out.tell(Fact::Nacked { held, message, queue, delay });
                if delay.is_zero() || self.is_over(here, entry, &out.common.records) {
                    self.back(here, delivery, Cause::Nacked, Holder::Done, out);
                } else {
                    Self::end_delivery(delivery, Cause::Nacked, Holder::Done, &mut out.common.records);
                    out.book(out.stage.delays_lane(queue), delay, entry);
                }
            }
            Settlement::Ack | Settlement::Reject => {
                record.current = false; // what it held goes with the release
                out.tell(Fact::Acked { held, message, queue });
                self.remove(entry, &mut out.common.records);
                out.common.records.messages.remove(message);
            }
        }
        out.common.records.release(delivery);
        held.worker
    }

    fn renew<O: Oracle, W: Watch>(&mut self, here: &Here, delivery: u32, out: &mut Out<'_, O, W>) {
        let record = out.common.records.deliveries[delivery];
        if record.current {
            let (held, until) = (record.parties(delivery), out.common.now + here.settings.lease);
            let lease = out.book(out.stage.leases_lane(here.queue), here.settings.lease, delivery);
            out.common.records.deliveries[delivery].lease = lease;
            out.tell(Fact::Renewed { held, queue: here.queue, until });
        }
        out.common.records.release(delivery);
    }

    /// The message of a delivery comes back: ready again, or over its cap.
    fn back<O: Oracle, W: Watch>(
        &mut self,
        here: &Here,
        delivery: u32,
        cause: Cause,
        holder: Holder,
        out: &mut Out<'_, O, W>,
    ) {
        let entry = Self::end_delivery(delivery, cause, holder, &mut out.common.records);
        if self.is_over(here, entry, &out.common.records) {
            self.bury(here, entry, out)
        } else {
            self.put_back(here, entry, &out.common.records)
        }
    }

    fn end_delivery(delivery: u32, cause: Cause, holder: Holder, records: &mut Records) -> u32 {
        let entry = records.deliveries[delivery].entry;
        records.retire(delivery);
        let record = &mut records.entries[entry];
        (record.delivery, record.cause, record.holder) = (NONE, cause, holder);
        entry
    }

    fn is_over(&self, here: &Here, entry: u32, records: &Records) -> bool {
        here.settings.max_deliveries.is_some_and(|most| records.entries[entry].attempts >= most)
    }

    fn put_back(&mut self, here: &Here, entry: u32, records: &Records) {
        match here.settings.returns_to {
            ReturnsTo::Tail => self.ready.push(entry),
            ReturnsTo::Place => self.ready.put_back(entry, |entry| records.entries[entry].place),
        }
    }

    /// Puts a message aside, or drops it where there is no place for it.
    fn bury<O: Oracle, W: Watch>(&mut self, here: &Here, entry: u32, out: &mut Out<'_, O, W>) {
        let Entry { message, attempts, runs, .. } = out.common.records.entries[entry];
        let op = out.common.records.messages[message].op;
        self.remove(entry, &mut out.common.records);
        if let Some(to) = here.settings.dead_letter_to {
            out.tell(Fact::DeadLettered { op, message, from: here.queue, to, attempts, spent: true });
            let moved = Moved { message, attempts, runs, since: out.common.now };
            out.call(Call::Move { queue: to, moved });
        } else {
            out.common.records.messages.remove(message);
            let why = DropReason::MaxDeliveries;
            out.tell(Fact::Dropped { op, message, queue: here.queue, in_flight: false, why });
        }
    }

    /// What was in flight when the broker died is ready again, and may have had its last delivery.
    fn bury_used_up<O: Oracle, W: Watch>(&mut self, here: &Here, out: &mut Out<'_, O, W>) {
        if here.settings.max_deliveries.is_none() {
            return;
        }
        let ready: Vec<u32> = self.ready.drain().collect();
        for entry in ready {
            if self.is_over(here, entry, &out.common.records) {
                self.bury(here, entry, out)
            } else {
                self.ready.push(entry)
            }
        }
    }

    #[inline]
    fn remove(&mut self, entry: u32, records: &mut Records) {
        records.entries.remove(entry);
        self.stored -= 1;
    }

    /// The broker dies. Leases do not outlive it; what is stored does where it is durable.
    fn crash<O: Oracle, W: Watch>(&mut self, here: &Here, out: &mut Out<'_, O, W>) {
        if self.down {
            return;
        }
        self.down = true;
        let queue = here.queue;
        out.tell(Fact::BrokerDown { queue });
        for delivery in self.in_flight(queue, &out.common.records) {
            let record = out.common.records.deliveries[delivery];
            let entry = Self::end_delivery(delivery, Cause::BrokerRestart, record.doing, &mut out.common.records);
            if here.settings.durable {
                out.tell(Fact::TakenBack { held: record.parties(delivery), message: record.slot, queue });
                self.put_back(here, entry, &out.common.records);
            } else {
                self.lose(queue, entry, true, out);
            }
        }
        if !here.settings.durable {
            let delays = out.stage.delays_lane(queue);
            let delayed: Vec<u32> = out.common.agenda.events(delays).map(|event| event.payload).collect();
            out.common.agenda.clear(delays);
            let ready: Vec<u32> = self.ready.drain().collect();
            for entry in delayed.into_iter().chain(ready) {
                self.lose(queue, entry, false, out);
            }
        }
    }

    /// The deliveries of this queue that are current, in the order of their messages' places.
    fn in_flight(&self, queue: QueueId, records: &Records) -> Vec<u32> {
        let slots = records.deliveries.slots().iter().enumerate();
        let mut current: Vec<u32> =
            slots.filter(|(_, d)| d.current && d.queue == queue).map(|(slot, _)| slot as u32).collect();
        current.sort_by_key(|&delivery| records.entries[records.deliveries[delivery].entry].place);
        current
    }

    fn lose<O: Oracle, W: Watch>(&mut self, queue: QueueId, entry: u32, in_flight: bool, out: &mut Out<'_, O, W>) {
        let message = out.common.records.entries[entry].message;
        self.remove(entry, &mut out.common.records);
        let op = out.common.records.messages[message].op;
        out.common.records.messages.remove(message);
        out.tell(Fact::Dropped { op, message, queue, in_flight, why: DropReason::BrokerCrash });
    }

    /// Writes the queue: whether it is up, what is ready in order, and who waits. What is in flight or delayed is written with
    /// the timers that will bring it back.
    pub fn canon<F: Canon>(&self, settings: &Settings, form: &mut F, room: &Room<'_>) {
        form.put(u64::from(self.down));
        self.ready.canon(form, |form, entry| form.puts(self.name(settings, entry, room)));
        self.waiting.canon(form);
    }

    /// What the queue knows of a stored message: which it is; and where that matters, the deliveries so far (up to the cap)
    /// and how many of those stored came before it.
    pub fn name(&self, settings: &Settings, entry: u32, room: &Room<'_>) -> [u64; 2] {
        let (records, entries) = (room.records, &room.records.entries);
        let attempts = entries[entry].attempts.min(room.stage.counted(room.queue));
        let before = match settings.returns_to {
            ReturnsTo::Tail => 0,
            ReturnsTo::Place => {
                let in_flight = room.in_flight().map(|delivery| records.deliveries[delivery].entry);
                let stored = self.ready.iter().chain(in_flight).chain(room.delayed());
                stored.filter(|&other| entries[other].place < entries[entry].place).count()
            }
        };
        [records.message_of(entry).name(), u64::from(attempts) << 32 | before as u64]
    }
}
