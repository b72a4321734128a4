//! Receiving: how messages come into hands, and who asks for them.
//!
//! Either each worker asks for its own, or a process asks for all its workers: then its first worker stands for it at the broker,
//! what came waits in its hands, and whoever is idle takes the next. A process that asks for all has one request open at a time,
//! and none while something waits.

use super::{Consumers, Phase};
use crate::model::broker::{Again, Notice};
use crate::model::fact::{Holder, Watch};
use crate::model::out::Out;
use crate::model::records::{NONE, Records};
use crate::model::stage::Hand;
use crate::sim::{Event, Oracle};

impl Consumers {
    /// A worker has nothing to do: it asks, or its process does.
    pub(super) fn turn_idle<O: Oracle, W: Watch>(&mut self, worker: u32, out: &mut Out<'_, O, W>) {
        self.workers[worker as usize].phase = Phase::Idle;
        let hand = out.stage.hand(worker);
        if hand.shares {
            self.ask_if_idle(hand.receiver, out);
        } else {
            self.poll(worker, out);
        }
    }

    fn poll<O: Oracle, W: Watch>(&mut self, worker: u32, out: &mut Out<'_, O, W>) {
        let hand = out.stage.hand(worker);
        let state = &mut self.workers[worker as usize];
        state.polls = state.polls.wrapping_add(1);
        self.clients[hand.process as usize].poll(hand.queue, worker, state.polls, hand.wire, out);
    }

    /// A process that asks for all its workers asks where one of them is idle, nothing waits, and no request is open.
    pub(super) fn ask_if_idle<O: Oracle, W: Watch>(&mut self, receiver: u32, out: &mut Out<'_, O, W>) {
        let hand = out.stage.hand(receiver);
        let state = self.workers[receiver as usize];
        let stands_still = self.processes[hand.process as usize].paused;
        if hand.shares && !state.asks && state.next == NONE && !stands_still && self.idle(receiver, out).is_some() {
            self.workers[receiver as usize].asks = true;
            self.poll(receiver, out);
        }
    }

    /// The first idle worker of those that a worker receives for.
    fn idle<O: Oracle, W: Watch>(&self, receiver: u32, out: &Out<'_, O, W>) -> Option<u32> {
        let of = out.stage.processes[out.stage.hand(receiver).process as usize];
        (receiver..receiver + of.workers).find(|&worker| self.workers[worker as usize].phase == Phase::Idle)
    }

    /// A message arrives in the hands of the worker that asked.
    #[inline(always)]
    pub fn deliver<O: Oracle, W: Watch>(&mut self, worker: u32, delivery: u32, out: &mut Out<'_, O, W>) {
        let hand = out.stage.hand(worker);
        let (state, paused) = (&mut self.workers[worker as usize], self.processes[hand.process as usize].paused);
        debug_assert!(state.phase != Phase::Down, "answers to a dead process go with its connection");
        if hand.renews {
            Self::book_beat(hand.process, hand.consumer, delivery, out);
        }
        if state.next == NONE && !paused {
            if hand.shares {
                return self.deliver_to_any(worker, delivery, out);
            } else if state.phase == Phase::Idle {
                return self.begin(worker, hand, delivery, out);
            }
        }
        self.keep(worker, delivery, paused, out);
    }

    fn deliver_to_any<O: Oracle, W: Watch>(&mut self, receiver: u32, delivery: u32, out: &mut Out<'_, O, W>) {
        self.workers[receiver as usize].asks = false;
        match self.idle(receiver, out) {
            Some(worker) => {
                out.common.records.deliveries[delivery].worker = worker;
                self.begin_another(worker, delivery, out);
                self.ask_if_idle(receiver, out);
            }
            None => self.keep(receiver, delivery, false, out),
        }
    }

    /// It waits behind those that wait.
    fn keep<O: Oracle, W: Watch>(&mut self, worker: u32, delivery: u32, paused: bool, out: &mut Out<'_, O, W>) {
        let state = &mut self.workers[worker as usize];
        state.asks = false;
        if paused {
            out.common.records.deliveries[delivery].doing = Holder::Paused;
        }
        match state.last {
            NONE => state.next = delivery,
            last => out.common.records.deliveries[last].next = delivery,
        }
        state.last = delivery;
    }

    /// A worker takes the next message of those that wait for it.
    #[inline(always)]
    pub(super) fn take_next(&mut self, worker: u32, hand: &Hand, records: &mut Records) -> Option<u32> {
        let receiver = &mut self.workers[hand.receiver as usize];
        let delivery = receiver.next;
        if delivery == NONE {
            return None;
        }
        let record = &mut records.deliveries[delivery];
        receiver.next = record.next;
        record.worker = worker;
        if receiver.next == NONE {
            receiver.last = NONE;
        }
        Some(delivery)
    }

    /// A broker says something of its product's own.
    pub fn hear<O: Oracle, W: Watch>(&mut self, worker: u32, notice: Notice, out: &mut Out<'_, O, W>) {
        let (stage, hand) = (out.stage, out.stage.hand(worker));
        match stage.subscription(worker).asks_again(notice) {
            Some(Again::Now) => self.poll(worker, out),
            Some(Again::After(pause)) if hand.shares || self.workers[worker as usize].phase == Phase::Idle => {
                self.workers[worker as usize].pause = out.book(stage.polls_lane(hand.process), pause, worker);
            }
            _ => {}
        }
    }

    /// Whether a pause between polls still goes on.
    pub fn pauses(&self, event: &Event) -> bool {
        let state = &self.workers[event.payload as usize];
        (state.asks || state.phase == Phase::Idle) && state.pause == event.token()
    }

    /// The pause is over: a worker asks again, unless its process stands still; then it does when that goes on.
    pub fn ask_again<O: Oracle, W: Watch>(&mut self, worker: u32, out: &mut Out<'_, O, W>) {
        let (stage, hand) = (out.stage, out.stage.hand(worker));
        self.workers[worker as usize].pause = NONE;
        if self.processes[hand.process as usize].paused {
            let goes_on = out.common.agenda.due(stage.resume_lane(hand.process)).since(out.common.now);
            self.workers[worker as usize].pause = out.book(stage.polls_lane(hand.process), goes_on, worker);
        } else if hand.shares {
            self.workers[worker as usize].asks = false;
            self.ask_if_idle(worker, out);
        } else {
            self.poll(worker, out);
        }
    }
}
