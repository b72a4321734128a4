//! The judge: reads the facts of one run and says what it came to.
//!
//! It reads facts and the plan, nothing else. Here is what it keeps and how it books what breaks; what a fact changes
//! stands in [`ledger`](super::ledger), what a fact means for an operation in [`OpState`], what breaks a guarantee in
//! [`guarantees`], and how the books become a report in [`finish`](super::finish).

use super::bands::Bands;
use super::fingerprint::Fingerprint;
use super::guarantees::{self, Id, OpState, Outcome};
use super::messages::Messages;
use super::metrics::Window;
use super::ops::Ops;
use super::records::{At, ConsumerBook, Delivery, First, Keys, QueueBook};
use super::roles::Roles;
use super::series::{Sample, Sampler};
use super::several::Again;
use crate::model::plan::{Plan, QueueId};
use crate::sim::Time;

/// Reads the facts of one run and says what it came to.
#[derive(Clone, Debug)]
pub struct Judge {
    pub(super) plan: Plan,
    pub(super) seed: u64,
    pub(super) roles: Roles,
    pub(super) window: Window,
    pub(super) fingerprint: Fingerprint,
    /// What may be the first of its kind is numbered as it happens.
    firsts: u64,
    /// When something is due that is no fact: a sample, the end of producing.
    pub(super) wake: Time,
    pub(super) ops: Ops,
    pub(super) again: Again,
    /// By strand.
    pub(super) keys: Vec<Keys>,
    pub(super) messages: Messages,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) queues: Vec<QueueBook>,
    pub(super) consumers: Vec<ConsumerBook>,
    /// Acks that settled a message, by worker: found there sooner than by consumer.
    pub(super) acks: Vec<u64>,
    pub(super) sampler: Sampler,
    pub(super) bands: Bands,
}

impl Judge {
    /// For one run of a checked plan.
    pub fn new(plan: &Plan, seed: u64) -> Judge {
        let (queues, roles) = (plan.queues.len(), Roles::new(plan));
        Judge {
            plan: plan.clone(),
            seed,
            window: Window::new(plan),
            fingerprint: Fingerprint::default(),
            firsts: 0,
            wake: Time::ZERO,
            ops: Ops::default(),
            again: Again::default(),
            keys: vec![Keys::new(plan.consumers.len()); roles.strands.len()],
            messages: Messages::new(queues),
            deliveries: Vec::new(),
            queues: vec![QueueBook::default(); queues],
            consumers: roles
                .consumers
                .iter()
                .map(|c| {
                    let is_only = c.sites.is_power_of_two();
                    let more_to_ask = if is_only { c.sites | OpState::KEYED } else { OpState::HANDS };
                    ConsumerBook { sites: c.sites, more_to_ask, ..ConsumerBook::default() }
                })
                .collect(),
            acks: vec![0; roles.workers()],
            roles,
            sampler: Sampler::new(queues),
            bands: Bands::default(),
        }
    }

    /// Takes the samples that are due, and sees producers stop.
    #[cold]
    #[inline(never)]
    pub(super) fn wake(&mut self, now: Time) {
        while self.sampler.next() <= now {
            let at = self.sampler.next();
            let (messages, consumers, roles) = (&self.messages, &self.consumers, &self.roles);
            self.sampler.take(self.queues.iter_mut().enumerate().map(|(q, book)| {
                let queue = QueueId(q as u16);
                let age = messages.oldest(queue).map_or(0.0, |since| (at - since).as_secs_f64());
                book.metrics.max_age_s = book.metrics.max_age_s.max(age);
                let mut sample = Sample {
                    depth: book.metrics.depth.value,
                    in_flight: book.metrics.in_flight.value,
                    oldest_age_s: age,
                    ..Sample::default()
                };
                for (_, book) in roles.consumers.iter().zip(consumers).filter(|(role, _)| role.from == queue) {
                    sample.effects += book.metrics.done;
                    sample.duplicates += book.metrics.counts.duplicates;
                }
                sample
            }));
        }
        self.wake = self.sampler.next();
        match self.window.stop.filter(|_| !self.window.is_over()) {
            Some(stop) if stop <= now => self.producing_ends(stop),
            Some(stop) => self.wake = self.wake.min(stop),
            None => {}
        }
    }

    /// Producers stopped at this moment, or so it seems.
    #[cold]
    #[inline(never)]
    pub(super) fn producing_ends(&mut self, at: Time) {
        self.window.ends(at);
        for QueueBook { metrics, .. } in &mut self.queues {
            metrics.depth.keep();
            metrics.in_flight.keep();
        }
        for ConsumerBook { metrics, .. } in &mut self.consumers {
            metrics.worked_in_time = metrics.handler.sum() + metrics.cut_short;
            metrics.done_in_time = metrics.done;
        }
        for run in self.deliveries.iter().filter(|delivery| delivery.at == At::Running) {
            let worked = &mut self.consumers[usize::from(run.consumer)].metrics.worked_in_time;
            *worked += u128::from((at - run.started_at).nanos());
        }
    }

    #[inline]
    pub(super) fn first(&mut self, now: Time, op: u32) -> First {
        self.firsts += 1;
        First { nth: self.firsts, at: now, op }
    }

    /// Of which operation a word is. (Of more than 2^32 words the numbers begin again: it names the first break wrong then.)
    #[inline]
    pub(super) fn op(&self, word: u32) -> u32 {
        word >> self.roles.shift
    }

    /// An operation's word changes; `worker`: whose doing it is.
    #[inline(always)]
    pub(super) fn set(&mut self, now: Time, word: u32, worker: Option<u32>, before: OpState, after: OpState) {
        self.ops.at(word).state = after;
        if guarantees::notable(before, after) {
            self.note(now, word, worker, before, after);
        }
    }

    /// Something is counted of an operation that is not gone; `once`: the bit that says it was counted before. Gives the
    /// word as it was.
    #[inline(always)]
    pub(super) fn count(
        &mut self,
        now: Time,
        word: u32,
        worker: Option<u32>,
        once: u64,
        becomes: impl Fn(OpState) -> OpState,
    ) -> OpState {
        let state = &mut self.ops.at(word).state;
        let before = *state;
        // Told apart first: where the bit is not set, less is to be done.
        if before.has_none(once) {
            *state = becomes(before);
        } else {
            *state = becomes(before);
            self.note(now, word, worker, before, becomes(before));
        }
        before
    }

    /// An operation may be gone now; nothing is counted. Gives the word as it was.
    #[inline(always)]
    pub(super) fn lessen(
        &mut self,
        now: Time,
        word: u32,
        worker: Option<u32>,
        becomes: impl Fn(OpState) -> OpState,
    ) -> OpState {
        let state = &mut self.ops.at(word).state;
        let before = *state;
        *state = becomes(before);
        if guarantees::may_be_gone(*state) {
            self.note(now, word, worker, before, becomes(before));
        }
        before
    }

    /// Books what broke, and what finally became of the operation.
    #[cold]
    #[inline(never)]
    pub(super) fn note(&mut self, now: Time, word: u32, worker: Option<u32>, before: OpState, after: OpState) {
        let first = self.first(now, self.op(word));
        let home = self.roles.home(after).at();
        for id in guarantees::broken(before, after).iter() {
            match worker {
                Some(worker) if id == Id::A3 => {
                    self.consumers[self.roles.consumer(worker)].broken[id as usize].count(first);
                }
                _ => self.queues[home].broken[id as usize].count(first),
            }
        }
        let book = &mut self.queues[home];
        let (was, is) = (guarantees::outcome(before), guarantees::outcome(after));
        if was == is {
            return;
        }
        if was == Outcome::Missing {
            book.metrics.counts.missing -= 1; // a late confirm: lost after all
        }
        match is {
            Outcome::Lost => {
                book.metrics.counts.lost += 1;
                book.lost[guarantees::reason(after)].count(first);
            }
            Outcome::Missing => book.metrics.counts.missing += 1,
            Outcome::Open => {}
        }
    }

    /// A consumer broke a guarantee that is not about the words of operations.
    #[cold]
    #[inline(never)]
    pub(super) fn broke(&mut self, now: Time, op: u32, worker: u32, id: Id) {
        let first = self.first(now, op);
        self.consumers[self.roles.consumer(worker)].broken[id as usize].count(first);
    }

    #[inline]
    pub(super) fn state(&mut self, word: u32) -> OpState {
        self.ops.at(word).state
    }
}
