//! What befalls a queue as a whole: retention, purge, changed attributes, receipts used by hand; and its canonical form.

use super::machine::{ATTEMPT, DEDUP, DELAY, Here, Machine, RETENTION, VISIBILITY, group_of, set_like};
use super::order::Order;
use super::{Command, Notice, PURGE_PAUSE, Problem, Settings};
use crate::model::broker::{self, Room};
use crate::model::fact::{Cause, DropReason, Fact, Holder, Watch};
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::{Entry, Records};
use crate::model::stage::Stage;
use crate::model::wire::{Call, Moved};
use crate::sim::{Canon, Event, Oracle, Span, Time};

/// How many messages of a queue are visible, in flight and delayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// `ApproximateNumberOfMessages`.
    pub visible: u32,
    /// `ApproximateNumberOfMessagesNotVisible`.
    pub in_flight: u32,
    /// `ApproximateNumberOfMessagesDelayed`.
    pub delayed: u32,
}

impl Machine {
    /// How many messages there are.
    pub fn counts(&self) -> Counts {
        let visible = self.stored - self.in_flight - self.delayed;
        Counts { visible, in_flight: self.in_flight, delayed: self.delayed }
    }

    /// The queue of the plan whose settings are in force, where they were changed.
    pub fn set_as(&self) -> Option<QueueId> {
        self.set_as
    }

    /// A client with a receipt, or an operator. Says whether there may be something to hand out now.
    pub fn command<O: Oracle, W: Watch>(&mut self, queue: QueueId, command: Command, out: &mut Out<'_, O, W>) -> bool {
        let here = self.here(queue, set_like(out.stage, queue), out.stage);
        let worker = match command {
            Command::Delete { delivery } | Command::ChangeVisibility { delivery, .. } => {
                out.common.records.deliveries[delivery].worker
            }
            Command::Purge | Command::SetAttributes { .. } => 0,
        };
        let notice = match command {
            Command::Delete { delivery } => {
                // A FIFO queue says so where a receipt is too old for what it still stores.
                let too_old =
                    !self.delete(here, delivery, out) && here.settings.is_fifo() && self.is_stored(here, delivery, out);
                if too_old { Notice::Error(Problem::InvalidParameterValue) } else { Notice::Ok }
            }
            Command::ChangeVisibility { delivery, to } => self.change_visibility(here, delivery, to, out),
            Command::Purge if out.common.now < self.next_purge => Notice::Error(Problem::PurgeQueueInProgress),
            Command::Purge => {
                self.next_purge = out.common.now + PURGE_PAUSE;
                self.purge(here, out);
                Notice::Ok
            }
            Command::SetAttributes { like } => {
                self.set_as = Some(like);
                let here = self.here(queue, set_like(out.stage, queue), out.stage);
                if self.may_expire(here, out.stage) {
                    self.expire(here, out); // a shorter retention holds for what is there too
                }
                Notice::Ok
            }
        };
        out.call(Call::Notice { worker, notice: broker::Notice::Sqs(notice) });
        true
    }

    /// `ChangeMessageVisibility`: counts from now, and 0 gives the message back.
    fn change_visibility<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        delivery: u32,
        to: Span,
        out: &mut Out<'_, O, W>,
    ) -> Notice {
        let record = &out.common.records.deliveries[delivery];
        if !record.current {
            let is_stored = self.is_stored(here, delivery, out);
            let why = if is_stored { Problem::MessageNotInflight } else { Problem::ReceiptHandleIsInvalid };
            return Notice::Error(why);
        }
        if let Order::Fifo(fifo) = &mut self.order {
            for (_, got) in fifo.attempts.iter_mut().filter(|(_, got)| got.contains(&delivery)) {
                got.clear();
            }
        }
        if to.is_zero() {
            let (held, message) = (record.parties(delivery), record.slot);
            out.tell(Fact::Nacked { held, message, queue: here.queue, delay: to });
            self.release(here, delivery, Cause::Nacked, Holder::Working, out);
        } else {
            let held = record.parties(delivery);
            let until = self.hide(here, delivery, to, out);
            out.tell(Fact::Renewed { held, queue: here.queue, until });
        }
        Notice::Ok
    }

    fn purge<O: Oracle, W: Watch>(&mut self, here: Here<'_>, out: &mut Out<'_, O, W>) {
        for delivery in self.in_flight(here.queue, &out.common.records) {
            let entry = out.common.records.deliveries[delivery].entry;
            out.common.records.retire(delivery);
            self.in_flight -= 1;
            self.leave(entry, out);
            self.lose_in_flight(here, entry, out);
        }
        for lane in [out.stage.timer_lane(here.queue, DELAY), out.stage.delays_lane(here.queue)] {
            let delayed: Vec<u32> = out.common.agenda.events(lane).map(|event| event.payload).collect();
            out.common.agenda.clear(lane);
            for entry in delayed {
                let was_in_flight = out.common.records.entries[entry].attempts > 0;
                *(if was_in_flight { &mut self.in_flight } else { &mut self.delayed }) -= 1;
                self.leave(entry, out);
                self.lose(here, entry, DropReason::Purged, out);
            }
        }
        let waiting = self.order.waiting();
        self.order.retain(|_| false);
        for entry in waiting {
            self.lose(here, entry, DropReason::Purged, out);
        }
    }

    /// `StartMessageMoveTask`: what waits goes back as if it were new, with an age and a count of receives of its own.
    pub(super) fn move_back<O: Oracle, W: Watch>(&mut self, here: Here<'_>, to: QueueId, out: &mut Out<'_, O, W>) {
        let waiting = self.order.waiting();
        self.order.retain(|_| false);
        for entry in waiting {
            let Entry { message, runs, .. } = out.common.records.entries[entry];
            let op = out.common.records.messages[message].op;
            self.remove(entry, out);
            out.tell(Fact::Redriven { op, message, from: here.queue, to });
            out.call(Call::Move { queue: to, moved: Moved { message, attempts: 0, runs, since: out.common.now } });
        }
    }

    /// The deliveries of this queue that are current.
    fn in_flight(&self, queue: QueueId, records: &Records) -> Vec<u32> {
        let slots = records.deliveries.slots().iter().enumerate();
        slots.filter(|(_, d)| d.current && d.queue == queue).map(|(slot, _)| slot as u32).collect()
    }

    /// An entry that was out goes for good: its group may go on.
    pub(super) fn leave<O: Oracle, W: Watch>(&mut self, entry: u32, out: &Out<'_, O, W>) {
        self.order.settled(|| group_of(out.stage, out.common.records.message_of(entry)));
    }

    /// A message that is not in flight goes for good.
    pub(super) fn lose<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        entry: u32,
        why: DropReason,
        out: &mut Out<'_, O, W>,
    ) {
        self.go(here, entry, false, why, out);
    }

    fn lose_in_flight<O: Oracle, W: Watch>(&mut self, here: Here<'_>, entry: u32, out: &mut Out<'_, O, W>) {
        self.go(here, entry, true, DropReason::Purged, out);
    }

    fn go<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        entry: u32,
        in_flight: bool,
        why: DropReason,
        out: &mut Out<'_, O, W>,
    ) {
        let message = out.common.records.entries[entry].message;
        let op = out.common.records.messages[message].op;
        self.remove(entry, out);
        out.common.records.messages.remove(message);
        out.tell(Fact::Dropped { op, message, queue: here.queue, in_flight, why });
    }

    /// Whether messages may grow old enough to expire. A run that says no length of time is taken to be too short for it.
    #[inline]
    pub(super) fn may_expire(&self, here: Here<'_>, stage: &Stage) -> bool {
        let length = &stage.plan.length;
        length.span.is_some_and(|span| span + length.drain >= here.settings.retention)
    }

    /// Whether what stands at a place has been kept for as long as it is kept.
    pub(super) fn is_expired(&self, here: Here<'_>, place: u32, now: Time) -> bool {
        self.ages.sent(place) + here.settings.retention <= now
    }

    /// Books the moment when the next message grows too old: one sent after `after`.
    pub(super) fn book_retention<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        after: Option<Time>,
        out: &mut Out<'_, O, W>,
    ) {
        let lane = out.stage.timer_lane(here.queue, RETENTION);
        if let Some(sent) = self.ages.first_after(after) {
            let due = (sent + here.settings.retention).max(out.common.now);
            if out.common.agenda.due(lane) > due {
                out.common.agenda.cancel(lane);
                out.common.agenda.book_single(lane, due, 0);
            }
        }
    }

    /// Messages that wait and have grown too old go. Those that are out go when they come back.
    pub(super) fn expire<O: Oracle, W: Watch>(&mut self, here: Here<'_>, out: &mut Out<'_, O, W>) {
        let now = out.common.now;
        let (mut expired, entries) = (Vec::new(), &out.common.records.entries);
        let (ages, retention) = (&self.ages, here.settings.retention);
        self.order.retain(|entry| {
            let stays = ages.sent(entries[entry].place) + retention > now;
            if !stays {
                expired.push(entry);
            }
            stays
        });
        for entry in expired {
            self.lose(here, entry, DropReason::Expired, out);
        }
        if self.stored > 0 {
            let before = now.nanos().checked_sub(here.settings.retention.nanos()).map(Time::from_nanos);
            self.book_retention(here, before, out);
        }
    }

    /// Whether a timer still stands.
    pub fn stands(&self, _: QueueId, timer: u8, event: &Event, records: &Records) -> bool {
        match timer {
            VISIBILITY => records.lease_runs(event),
            RETENTION => self.stored > 0,
            _ => true,
        }
    }

    /// Writes the queue: whether it is up, what waits in order, and who asks. What is out is written with the timers that will
    /// bring it back.
    pub fn canon<F: Canon>(&self, settings: &Settings, form: &mut F, room: &Room<'_>) {
        form.put(u64::from(self.down));
        form.put(self.next_purge.since(room.now).nanos());
        self.order.canon(form, |form, entry| form.puts(self.name(settings, entry, room)));
        self.waiting.canon(form);
        self.ages.canon(self.next_place, room.now, form);
        if let Order::Fifo(fifo) = &self.order {
            form.list(fifo.attempts.iter(), |form, (name, got)| {
                form.put(*name);
                form.list(got.iter(), |form, &delivery| form.puts(room.records.name(delivery)));
            });
        }
    }

    /// What the queue knows of a stored message: which it is, its receives so far (up to the limit), how many of those stored
    /// came before it.
    pub fn name(&self, settings: &Settings, entry: u32, room: &Room<'_>) -> [u64; 2] {
        let records = room.records;
        let entries = &records.entries;
        if self.may_expire(Here { queue: room.queue, settings }, room.stage) {
            // The place leads to its age, and its age to its end.
            let before = self.next_place.wrapping_sub(entries[entry].place);
            return [records.message_of(entry).name(), u64::from(entries[entry].attempts) << 32 | u64::from(before)];
        }
        let attempts = entries[entry].attempts.min(room.stage.counted(room.queue));
        let visibility = room.agenda.events(room.stage.timer_lane(room.queue, VISIBILITY));
        let delayed = room.agenda.events(room.stage.timer_lane(room.queue, DELAY)).map(|event| event.payload);
        let hidden = visibility.filter(|event| records.lease_runs(event)).map(|event| event.payload);
        let in_flight = room.in_flight().chain(hidden).map(|delivery| records.deliveries[delivery].entry);
        let out = in_flight.chain(room.delayed()).chain(delayed);
        let stored = self.order.waiting().into_iter().chain(out);
        let before = stored.filter(|&other| entries[other].place < entries[entry].place).count();
        [records.message_of(entry).name(), u64::from(attempts) << 32 | before as u64]
    }

    /// What a timer is about.
    pub fn timer_name(&self, settings: &Settings, timer: u8, payload: u32, room: &Room<'_>) -> [u64; 2] {
        match (timer, &self.order) {
            (VISIBILITY, _) => self.name(settings, room.records.deliveries[payload].entry, room),
            (DELAY, _) => self.name(settings, payload, room),
            (DEDUP, Order::Fifo(fifo)) => {
                let ((scope, name), _) = fifo.dedup.name(payload);
                [scope, name]
            }
            (ATTEMPT | RETENTION, _) | (_, _) => [0, 0],
        }
    }
}
