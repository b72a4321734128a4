//! Producers: operations arrive, and are published by the producer's pattern.
//!
//! A producer knows its queue by number only. Arrivals never wait for anything; what an operation is (its key, its fate,
//! whether it is poison) is drawn when it is produced, and its id survives every retry.

use super::fact::{Fact, Watch};
use super::out::{Direction, Out};
use super::plan::{self, Arrivals, ProducerId};
use super::records::{Message, NONE, Traits};
use super::stage::{Origin, Stage};
use super::wire::{Call, Publish};
use crate::sim::oracle::{attempt, fate_of_next};
use crate::sim::{Address, Canon, Oracle, Slab, Slot, Span, Time, clone_by_field};

/// A producer, looked up once for all that it does in an event.
#[derive(Clone, Copy)]
struct Who<'a> {
    producer: ProducerId,
    of: &'a plan::Producer,
    origin: &'a Origin,
}

impl Who<'_> {
    #[inline(always)]
    fn is(producer: ProducerId, stage: &Stage) -> Who<'_> {
        Who { producer, of: &stage.plan.producers[producer.at()], origin: &stage.origins[producer.at()] }
    }
}

/// What comes of an arrival.
pub(crate) struct Arrived {
    /// The call that publishes the operation, where the hop is direct.
    pub call: Option<Publish>,
    /// The producer produces no more.
    pub is_last: bool,
}

/// All producers.
#[derive(Debug)]
pub(crate) struct Producers {
    /// Operations of each so far: the places in its streams.
    counts: Vec<u32>,
    /// Operations of all.
    produced: u32,
    /// Publishes whose outcome is awaited, or that will be tried again.
    pending: Slab<Pending>,
    /// No further operations.
    stopped: bool,
}

clone_by_field!(Producers { counts, produced, pending, stopped });

/// An operation whose producer waits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pending {
    message: Message,
    /// The token of the timer that it waits for, or [`NONE`].
    timer: u32,
}

impl Slot for Pending {
    fn link(&mut self) -> &mut u32 {
        &mut self.message.key
    }
}

impl Producers {
    pub fn new(producers: usize) -> Producers {
        Producers { counts: vec![0; producers], produced: 0, pending: Slab::default(), stopped: false }
    }

    /// Operations produced so far.
    pub fn produced(&self) -> u32 {
        self.produced
    }

    /// Whether no further operation will be produced.
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// Whether nobody waits for an outcome.
    pub fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether a timer of confirms or retries still stands.
    pub fn stands(&self, pending: u32, token: u32) -> bool {
        self.pending[pending].timer == token
    }

    /// Books the first arrival.
    pub fn start<O: Oracle, W: Watch>(&mut self, producer: ProducerId, out: &mut Out<'_, O, W>) {
        self.book_next(Who::is(producer, out.stage), 0, out);
    }

    /// Books the arrival of the producer's `nth` operation, and says whether there is one.
    #[inline(always)]
    fn book_next<O: Oracle, W: Watch>(&mut self, who: Who, nth: u32, out: &mut Out<'_, O, W>) -> bool {
        let length = &out.stage.plan.length;
        if length.operations.is_some_and(|most| self.produced >= most) {
            return false;
        }
        let mut gap = || out.oracle.gap(who.origin.streams.arrivals, u64::from(nth), &who.origin.gap);
        let at = match who.of.arrivals {
            Arrivals::Constant { gap } => out.common.now + gap,
            Arrivals::Poisson { .. } => out.common.now + gap(),
            Arrivals::Bursty { on, off, .. } => after_in_bursts(out.common.now, gap(), on, off),
            Arrivals::AtOnce { count } if nth < count => out.common.now,
            Arrivals::AtOnce { .. } => return false,
        };
        if length.span.is_some_and(|span| at > Time::ZERO + span) {
            return false;
        }
        out.common.agenda.book_single(out.stage.arrivals_lane(who.producer), at, 0);
        true
    }

    /// An operation arrives.
    #[inline]
    pub fn arrive<O: Oracle, W: Watch>(&mut self, producer: ProducerId, out: &mut Out<'_, O, W>) -> Arrived {
        if out.stage.plan.length.operations.is_some_and(|most| self.produced >= most) {
            return Arrived { call: None, is_last: true }; // another producer made the last one
        }
        let count = &mut self.counts[producer.at()];
        let nth = *count;
        *count += 1;
        let op = self.produced;
        self.produced += 1;
        let who = Who::is(producer, out.stage);
        let is_last = !self.book_next(who, nth + 1, out);
        let Who { of, origin, .. } = who;
        let fate = out.oracle.draw(origin.streams.fates, u64::from(nth));
        let bits = if of.keys.needs_bits() { out.oracle.draw(origin.streams.keys, u64::from(nth)) } else { 0 };
        let key = of.keys.draw(bits, nth);
        let asked = Address { site: origin.poison_site, attempt: attempt(fate, 0) };
        let poison = of.poison.is_some_and(|poison| out.oracle.fault(asked, poison.fraction));
        out.tell(Fact::Produced { op, key, producer, poison });
        let kind = of.kinds.as_ref().map_or(0, |kinds| {
            kinds.draw(out.oracle.bits(Address { site: origin.kind_site, attempt: attempt(fate, 0) }))
        });
        let message = Message { fate, op, key, copy: 0, producer, traits: Traits::new(kind, poison) };
        let pending = match of.publish {
            plan::Publish::FireAndForget => NONE,
            _ => self.pending.insert(Pending { message, timer: NONE }),
        };
        Arrived { call: self.publish(who, message, pending, out), is_last }
    }

    #[inline(always)]
    fn publish<O: Oracle, W: Watch>(
        &mut self,
        Who { producer, of, origin }: Who,
        message: Message,
        pending: u32,
        out: &mut Out<'_, O, W>,
    ) -> Option<Publish> {
        let (op, copy, queue) = (message.op, message.copy, of.to);
        out.tell(Fact::Published { op, copy, queue });
        if let Some(timeout) = of.publish.timeout() {
            self.pending[pending].timer = out.book(out.stage.confirms_lane(producer), timeout, pending);
        }
        let about = Address { site: 0, attempt: message.attempt(0) };
        let wire = origin.wire;
        let call = Publish { queue, message, pending };
        if wire == NONE {
            return Some(call);
        }
        if !out.send(wire, Direction::Request, Call::Publish(call), about) {
            out.tell(Fact::PacketLost { op, copy, queue });
        }
        None
    }

    /// The broker says that a copy is stored. `pending` may be somebody else's by now.
    pub fn confirm<O: Oracle, W: Watch>(&mut self, op: u32, pending: u32, out: &mut Out<'_, O, W>) {
        if self.waits(pending, op) {
            self.free(pending);
            out.tell(Fact::Confirmed { op });
        }
    }

    /// The broker says that a copy is not stored.
    pub fn refuse<O: Oracle, W: Watch>(&mut self, op: u32, copy: u16, pending: u32, out: &mut Out<'_, O, W>) {
        if pending != NONE && self.waits(pending, op) && self.pending[pending].message.copy == copy {
            self.retry_or_give_up(pending, out);
        }
    }

    /// No confirm came in time.
    pub fn timed_out<O: Oracle, W: Watch>(&mut self, pending: u32, out: &mut Out<'_, O, W>) {
        let Message { op, copy, .. } = self.pending[pending].message;
        out.tell(Fact::Unconfirmed { op, copy });
        self.retry_or_give_up(pending, out);
    }

    fn retry_or_give_up<O: Oracle, W: Watch>(&mut self, pending: u32, out: &mut Out<'_, O, W>) {
        let Message { op, copy, producer, .. } = self.pending[pending].message;
        match out.stage.plan.producers[producer.at()].publish {
            plan::Publish::ConfirmAndRetry { attempts, backoff, .. } if copy + 1 < attempts => {
                self.pending[pending].timer = out.book(out.stage.retries_lane(producer), backoff, pending);
            }
            _ => {
                self.free(pending);
                out.tell(Fact::GaveUp { op });
            }
        }
    }

    /// The time to publish again has come.
    pub fn retry<O: Oracle, W: Watch>(&mut self, pending: u32, out: &mut Out<'_, O, W>) {
        let message = &mut self.pending[pending].message;
        (message.copy, message.fate) = (message.copy + 1, fate_of_next(message.fate));
        let message = *message;
        let call = self.publish(Who::is(message.producer, out.stage), message, pending, out);
        out.call_if(call.map(Call::Publish));
    }

    fn waits(&self, pending: u32, op: u32) -> bool {
        let record = &self.pending[pending];
        record.timer != NONE && record.message.op == op
    }

    fn free(&mut self, pending: u32) {
        self.pending[pending].timer = NONE;
        self.pending.remove(pending);
    }

    /// Notes that no further operation will be produced.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Writes what has been produced; who waits is written with the timers.
    pub fn canon(&self, form: &mut impl Canon) {
        form.put(u64::from(self.produced));
        if let [_, _, ..] = self.counts[..] {
            form.list(self.counts.iter(), |form, &count| form.put(u64::from(count)));
        }
    }

    /// The name of a pending publish in canonical forms.
    pub fn name(&self, pending: u32) -> [u64; 2] {
        [self.pending[pending].message.name(), u64::from(self.pending[pending].message.producer.0)]
    }
}

/// The moment `gap` after `from`, counted in bursts only: on, off, on, ...
fn after_in_bursts(from: Time, gap: Span, on: Span, off: Span) -> Time {
    let (on, period) = (on.nanos(), on.nanos().saturating_add(off.nanos()));
    let (rounds, into) = (from.nanos() / period, from.nanos() % period);
    let active = rounds.saturating_mul(on).saturating_add(into.min(on)).saturating_add(gap.nanos());
    Time::from_nanos((active / on).saturating_mul(period).saturating_add(active % on))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_that_ends_in_silence_goes_on_in_the_next_burst() {
        let s = |secs| Span::from_secs(secs);
        let after = |from: u64, gap| after_in_bursts(Time::ZERO + s(from), s(gap), s(10), s(20)) - Time::ZERO;
        assert_eq!(after(0, 4), s(4));
        assert_eq!(after(4, 7), s(31));
        assert_eq!(after(31, 20), s(61 + 30));
        assert_eq!(after(15, 1), s(31));
    }
}
