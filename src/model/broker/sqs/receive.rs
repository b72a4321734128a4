//! Receiving: who asks gets what there is, and what had its last receive is put aside on the way.
//!
//! Rule: a message is put aside by the receive that would have been one too many, and by nothing else; without a receive it
//! stays.

use super::machine::{ATTEMPT, Here, Machine, one_in};
use super::order::Order;
use super::{Kind, MAX_IN_FLIGHT, Notice, REMEMBERED, Settings, Subscription};
use crate::model::broker::{self, HandOut};
use crate::model::fact::{Fact, Watch};
use crate::model::out::{Direction, Out};
use crate::model::plan::QueueId;
use crate::model::records::{Delivery, Entry, NONE};
use crate::model::text::NAMELESS;
use crate::model::wire::{Call, Moved};
use crate::sim::{Address, Chance, Oracle};

/// How likely a receive from a standard queue takes another message than the oldest, and among how many it takes it. Ours to
/// choose: the documentation promises no order, and says not how little.
const REORDERS: Chance = one_in(100);
const AMONG: u32 = 10;
/// Where it is asked.
const REORDER_SITE: u64 = 0x71c3_08d5_2e4b_9f66;
const WHICH_SITE: u64 = 0x1d9e_66f0_b35a_8247;

fn asks<'a, O: Oracle, W: Watch>(worker: u32, out: &Out<'a, O, W>) -> &'a Subscription {
    match out.stage.subscription(worker) {
        broker::Subscription::Sqs(asked) => asked,
        _ => unreachable!("a queue's consumer subscribes in its product's words"),
    }
}

impl Machine {
    /// A worker asks.
    pub(super) fn ask<O: Oracle, W: Watch>(&mut self, here: Here<'_>, worker: u32, out: &mut Out<'_, O, W>) {
        if !self.repeat_attempt(here, worker, out) {
            self.waiting.push(worker);
        }
    }

    /// Gives waiting workers what there is. The first message that nobody's call comes before is given.
    #[inline(always)]
    pub fn serve<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        settings: &Settings,
        out: &mut Out<'_, O, W>,
    ) -> Option<HandOut> {
        if self.waiting.is_empty() {
            return None;
        }
        let here = self.here(queue, settings, out.stage);
        let mut first = None;
        while self.order.is_open() && !self.down && self.has_room(here) {
            let Some(worker) = self.waiting.pop() else { return first };
            if !self.receive(here, worker, &mut first, out) {
                self.waiting.push(worker); // all that there was had its last receive
            }
        }
        // Who does not wait was served at once, so at most the last one is left of those.
        let stage = out.stage;
        if let Some(worker) = self.waiting.pop_last_if(|worker| !stage.hand(worker).waits) {
            out.call(Call::Notice { worker, notice: broker::Notice::Sqs(Notice::Empty) });
        }
        first
    }

    /// Whether a receive is answered at all: a FIFO queue gives no more where too many are in flight, a standard queue says so.
    #[inline]
    fn has_room(&self, here: Here<'_>) -> bool {
        self.in_flight < MAX_IN_FLIGHT || !here.settings.is_fifo()
    }

    /// Says whether the worker got an answer.
    #[inline(always)]
    fn receive<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        worker: u32,
        first: &mut Option<HandOut>,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        let hand = out.stage.hand(worker);
        if self.in_flight >= MAX_IN_FLIGHT {
            out.call(Call::Notice { worker, notice: broker::Notice::Sqs(Notice::OverLimit) });
            return true;
        }
        let (mut group, mut any) = (None, false);
        for _ in 0..hand.batch {
            if self.in_flight >= MAX_IN_FLIGHT {
                break;
            }
            let Some(entry) = self.next(here, &mut group, out) else { break };
            let (delivery, about) = self.hand_out(here, entry, worker, out);
            if let Order::Fifo(_) = self.order {
                self.note_attempt(here, worker, delivery, any, out);
            }
            any = true;
            if first.is_none() && hand.wire == NONE && out.common.calls.is_empty() {
                *first = Some(HandOut::new(worker, delivery));
            } else {
                out.send(hand.wire, Direction::Answer, Call::Deliver { worker, delivery }, about);
            }
        }
        any
    }

    /// The next message to hand out.
    #[inline(always)]
    fn next<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        group: &mut Option<u64>,
        out: &mut Out<'_, O, W>,
    ) -> Option<u32> {
        loop {
            let entry = match (&mut self.order, here.settings.kind) {
                (Order::Standard(ready), Kind::Standard { loose: true }) => {
                    let message = out.common.records.message_of(ready.front()?);
                    let about = Address { site: REORDER_SITE, attempt: message.attempt(0) };
                    if out.oracle.fault(about, REORDERS) {
                        ready.take(out.oracle.pick(Address { site: WHICH_SITE, ..about }, AMONG) as usize)?
                    } else {
                        ready.pop()?
                    }
                }
                (order, _) => order.take(group)?,
            };
            match here.settings.redrive {
                Some(redrive) if out.common.records.entries[entry].attempts >= redrive.max_receive_count => {
                    self.put_aside(here, entry, redrive.to, out);
                }
                _ => return Some(entry),
            }
        }
    }

    fn put_aside<O: Oracle, W: Watch>(&mut self, here: Here<'_>, entry: u32, to: QueueId, out: &mut Out<'_, O, W>) {
        let Entry { message, attempts, runs, place, .. } = out.common.records.entries[entry];
        let op = out.common.records.messages[message].op;
        let since = if self.may_expire(here, out.stage) { self.ages.sent(place) } else { out.common.now };
        self.leave(entry, out);
        self.remove(entry, out);
        out.tell(Fact::DeadLettered { op, message, from: here.queue, to, attempts, spent: true });
        out.call(Call::Move { queue: to, moved: Moved { message, attempts, runs, since } });
    }

    /// Makes an entry's next delivery, and says where questions about it stand.
    #[inline(always)]
    fn hand_out<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        entry: u32,
        worker: u32,
        out: &mut Out<'_, O, W>,
    ) -> (u32, Address) {
        let queue = here.queue;
        let record = &mut out.common.records.entries[entry];
        record.attempts = record.attempts.saturating_add(1);
        let Entry { message: slot, attempts: attempt, cause, holder, .. } = *record;
        let new = Delivery::next(entry, record, out.common.records.messages[slot], queue, worker);
        let delivery = out.common.records.deliveries.insert(new);
        out.common.records.entries[entry].delivery = delivery;
        self.in_flight += 1;
        let span = asks(worker, out).visibility_timeout.unwrap_or(here.settings.visibility_timeout);
        let until = self.hide(here, delivery, span, out);
        out.tell(Fact::Delivered { held: new.parties(delivery), message: slot, queue, attempt, cause, holder, until });
        (delivery, new.address(0))
    }

    /// A named receive attempt got this; `more`: beside others.
    fn note_attempt<O: Oracle, W: Watch>(
        &mut self,
        here: Here<'_>,
        worker: u32,
        delivery: u32,
        more: bool,
        out: &mut Out<'_, O, W>,
    ) {
        let (Some(attempt), Order::Fifo(fifo)) = (&asks(worker, out).attempt, &mut self.order) else { return };
        match fifo.attempts.back_mut() {
            Some((_, got)) if more => got.push(delivery),
            _ => {
                fifo.attempts.push_back((attempt.name(&Default::default(), NAMELESS), vec![delivery]));
                out.book(out.stage.timer_lane(here.queue, ATTEMPT), REMEMBERED, 0);
            }
        }
    }

    /// A named receive attempt is made again: it gets the same messages, hidden anew, and no receive is counted. Where one of
    /// them is in flight no longer, or was hidden for another time since, it is a receive like any other.
    fn repeat_attempt<O: Oracle, W: Watch>(&mut self, here: Here<'_>, worker: u32, out: &mut Out<'_, O, W>) -> bool {
        let asked = asks(worker, out);
        let (Some(attempt), Order::Fifo(fifo)) = (&asked.attempt, &self.order) else { return false };
        let name = attempt.name(&Default::default(), NAMELESS);
        let Some((_, got)) = fifo.attempts.iter().rfind(|(other, _)| *other == name) else { return false };
        if got.is_empty() || !got.iter().all(|&delivery| out.common.records.deliveries[delivery].current) {
            return false;
        }
        for delivery in got.clone() {
            let span = asked.visibility_timeout.unwrap_or(here.settings.visibility_timeout);
            let until = self.hide(here, delivery, span, out);
            let held = out.common.records.deliveries[delivery].parties(delivery);
            out.tell(Fact::Renewed { held, queue: here.queue, until });
            out.common.records.hold(delivery);
            out.call(Call::Deliver { worker, delivery });
        }
        true
    }
}
