//! What the ledger does where the messages of a producer may be routed to several queues: an operation has a word for each.
//!
//! A fact about an operation alone moves all its words; one about a message or a delivery moves the word that stands in
//! the record of its slot. Nothing of this runs in a plan where nobody fans out.

use std::ops::Range;

use super::guarantees::OpState;
use super::judge::Judge;
use super::ops::Op;
use crate::model::plan::{ProducerId, QueueId};
use crate::sim::Time;

/// What a queue counts of operations that other queues count too: so much is too much in the sum over all queues.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Again {
    pub published: i64,
    pub confirmed: i64,
}

impl Judge {
    /// The numbers of the words of an operation.
    #[inline]
    pub(super) fn words_of(&mut self, op: u32) -> Range<u32> {
        if self.roles.shift == 0 {
            return op..op + 1;
        }
        let first = op << self.roles.shift;
        let state = self.state(first);
        first..first + self.roles.strands_with(state).len() as u32
    }

    /// A fact about an operation alone.
    pub(super) fn each(&mut self, now: Time, op: u32, becomes: impl Fn(OpState) -> OpState) {
        for word in self.words_of(op) {
            self.lessen(now, word, None, &becomes);
        }
    }

    #[inline(never)]
    pub(super) fn produced_for_several(&mut self, now: Time, key: u32, producer: ProducerId) {
        let roles = &self.roles;
        for number in 0..1 << roles.shift {
            let strand = roles.strands_of(producer).get(number);
            let state = strand.map_or(OpState::NOBODYS, |strand| strand.published);
            self.ops.push(Op { produced_at: now, state });
            if strand.is_some() && state.has(OpState::KEYED) {
                self.keys[state.strand()].know(key);
            }
        }
    }

    /// The word of an operation in a queue.
    fn word(&mut self, op: u32, queue: QueueId) -> u32 {
        let first = op << self.roles.shift;
        let state = self.state(first);
        first + self.roles.home_number(state, queue) as u32
    }

    /// One of several queues takes a copy.
    #[inline(never)]
    pub(super) fn accepted_by_one(&mut self, now: Time, op: u32, message: u32, queue: QueueId) {
        let word = self.word(op, queue);
        let state = self.state(word);
        let at_home = self.roles.home(state) == queue;
        self.count(now, word, None, OpState::STORED_ONCE, |state| state.routed().stored());
        self.messages.enter(message, queue, now, word, at_home);
    }

    pub(super) fn passed_by(&mut self, now: Time, op: u32, queue: QueueId, routed: bool) {
        let word = self.word(op, queue);
        self.queues[queue.at()].metrics.counts.refused += u64::from(routed);
        self.lessen(now, word, None, |state| state.passed_by(routed));
    }

    #[inline(never)]
    pub(super) fn confirmed_for_several(&mut self, now: Time, op: u32) {
        let mut counted = 0;
        for word in self.words_of(op) {
            let state = self.state(word);
            if state.has_none(OpState::CONFIRMED | OpState::UNROUTED) {
                self.queues[self.roles.home(state).at()].metrics.counts.confirmed += 1;
                counted += 1;
            }
            self.lessen(now, word, None, OpState::confirmed);
        }
        self.again.confirmed += (counted - 1_i64).max(0);
    }
}
