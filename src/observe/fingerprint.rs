//! The fingerprint: a running digest of all facts. Equal runs have equal fingerprints, on every platform.
//!
//! Every moment and every fact goes in, in its order, a fact with what it says that is new: whose an operation's key is, is
//! taken in where the operation is produced; which operation's message a slot holds, where it is accepted; worker, message and
//! queue of a delivery, where it is delivered; and that what is produced is published, and that a program goes on with its
//! next step, goes without saying. What goes in turns the sum and is laid over it, and where an operation or a delivery
//! begins, and with all that is rare, the sum is multiplied besides. None of these loses anything: of two runs that differ in
//! one place the sums differ ever after. It does not withstand an adversary.

use crate::model::fact::Fact;
use crate::sim::Time;
use crate::sim::oracle::mix;

/// The digest so far.
#[derive(Clone, Copy, Debug)]
pub struct Fingerprint {
    sum: u64,
}

// Digits of pi, and of the golden ratio: nothing up the sleeve.
const START: u64 = 0x243f_6a88_85a3_08d3;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// The kind of a moment, and of what else a fact says.
const MORE: u64 = 0;

#[inline(always)]
fn pair(high: impl Into<u64>, low: impl Into<u64>) -> u64 {
    high.into() << 32 | low.into()
}

impl Default for Fingerprint {
    fn default() -> Fingerprint {
        Fingerprint { sum: START }
    }
}

impl Fingerprint {
    /// Takes in that time moved.
    #[inline(always)]
    pub fn moment(&mut self, now: Time) {
        self.turn(MORE, now.nanos());
    }

    /// Takes a fact in.
    #[inline(always)]
    pub fn fact(&mut self, fact: &Fact) {
        use Fact::*;
        match *fact {
            // Operations are numbered as they are produced: what stands over a number hides nothing.
            Produced { op, key, producer, poison } => {
                self.mix(1, pair(op, key) ^ (u64::from(producer.0) << 1 | u64::from(poison)) << 47);
            }
            // The first one goes without saying: it follows what is produced.
            Published { copy: 0, .. } => {}
            Published { op, copy, queue } => self.mix(2, of_copy(op, copy) ^ u64::from(queue.0) << 48),
            Accepted { op, copy, message, queue: _ } => self.turn(3, pair(message, op) ^ u64::from(copy) << 48),
            Refused { op, copy, queue: _, why } => self.mix(4, of_copy(op, copy) ^ (why as u64) << 48),
            PacketLost { op, copy, queue: _ } => self.mix(5, of_copy(op, copy)),
            Confirmed { op } => self.mix(6, op.into()),
            Unconfirmed { op, copy } => self.mix(7, of_copy(op, copy)),
            GaveUp { op } => self.mix(8, op.into()),
            Delivered { held, message, queue, attempt, cause, holder, until } => {
                self.turn(9, pair(message, held.delivery));
                self.turn(MORE, pair(attempt, held.worker) ^ ((cause as u64) << 4 | holder as u64) << 48);
                // The queue stands above every likely moment.
                self.mix(MORE, until.nanos() ^ u64::from(queue.0) << 48);
            }
            Started { held, run } => self.turn(10, pair(run, held.delivery)),
            // Where it skips nothing it follows from the program: there is one step that may end at this moment.
            Stepped { skip: false, .. } => {}
            Stepped { held, step, skip: true } => self.mix(11, pair(step, held.delivery)),
            Waits { held, step } => self.mix(12, pair(step, held.delivery)),
            Effect { held, site, current } => {
                self.turn(13, pair(u16::from(site) << 1 | u16::from(current), held.delivery));
            }
            Suppressed { held, site } => self.mix(14, pair(site, held.delivery)),
            Ended { held, how } => self.turn(15, pair(how as u8, held.delivery)),
            Acked { held, .. } => self.turn(16, held.delivery.into()),
            Stale { held, .. } => self.mix(17, held.delivery.into()),
            Nacked { held, delay, .. } => {
                self.mix(18, held.delivery.into());
                self.mix(MORE, delay.nanos());
            }
            Renewed { held, until, .. } => {
                self.mix(19, held.delivery.into());
                self.mix(MORE, until.nanos());
            }
            Expired { held, holder, .. } => self.mix(20, pair(holder as u8, held.delivery)),
            TakenBack { held, .. } => self.mix(21, held.delivery.into()),
            DeadLettered { op, message, from, to, attempts, spent } => {
                self.mix(22, pair(message, op));
                self.mix(MORE, pair(from.0, to.0) << 16 ^ pair(spent, attempts));
            }
            Dropped { op, message, queue: _, in_flight, why } => {
                self.mix(23, pair(message, op));
                self.mix(MORE, u64::from(in_flight) << 8 | why as u64);
            }
            Crashed { instance } => self.mix(24, instance.into()),
            Restarted { instance } => self.mix(25, instance.into()),
            Paused { instance } => self.mix(26, instance.into()),
            Resumed { instance } => self.mix(27, instance.into()),
            Slowed { instance } => self.mix(28, instance.into()),
            Quickened { instance } => self.mix(29, instance.into()),
            BrokerDown { queue } => self.mix(30, queue.0.into()),
            BrokerUp { queue } => self.mix(31, queue.0.into()),
            AckedLate { held, .. } => self.mix(32, held.delivery.into()),
            Swallowed { op, copy, queue: _, of } => {
                self.mix(33, pair(of, op));
                self.mix(MORE, copy.into());
            }
            Redriven { op, message, from, to } => {
                self.mix(34, pair(message, op));
                self.mix(MORE, pair(from.0, to.0));
            }
            PassedBy { op, copy, queue, routed } => {
                self.mix(35, of_copy(op, copy) ^ (u64::from(queue.0) << 1 | u64::from(routed)) << 47);
            }
        }
    }

    /// Lays something over the sum. Its kind stands above every likely number of a slot.
    #[inline(always)]
    fn turn(&mut self, kind: u64, what: u64) {
        self.sum = self.sum.rotate_left(29) ^ what ^ kind << 24;
    }

    /// The same, and mixes what is in the sum so far.
    #[inline(always)]
    fn mix(&mut self, kind: u64, what: u64) {
        self.turn(kind, what);
        self.sum = self.sum.wrapping_mul(FACTOR);
    }

    /// 16 hexadecimal digits.
    pub fn digits(&self) -> String {
        format!("{:016x}", mix(self.sum))
    }
}

/// A copy of an operation.
#[inline(always)]
fn of_copy(op: u32, copy: u16) -> u64 {
    pair(u32::from(copy), op)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fact::{Cause, Held, Holder, RunEnd};
    use crate::model::plan::{ProducerId, QueueId};

    fn of(facts: &[(u64, Fact)]) -> String {
        let mut fingerprint = Fingerprint::default();
        let mut before = 0;
        for &(at, ref fact) in facts {
            if std::mem::replace(&mut before, at) != at {
                fingerprint.moment(Time::from_nanos(at));
            }
            fingerprint.fact(fact);
        }
        fingerprint.digits()
    }

    fn life() -> Vec<(u64, Fact)> {
        let held = Held { op: 1, key: 2, delivery: 3, worker: 4 };
        let (queue, message) = (QueueId(5), 6);
        vec![
            (10, Fact::Produced { op: 1, key: 2, producer: ProducerId(0), poison: false }),
            (10, Fact::Published { op: 1, copy: 1, queue }),
            (11, Fact::Accepted { op: 1, copy: 1, message, queue }),
            (
                12,
                Fact::Delivered {
                    held,
                    message,
                    queue,
                    attempt: 1,
                    cause: Cause::First,
                    holder: Holder::Nobody,
                    until: Time::from_nanos(99),
                },
            ),
            (13, Fact::Ended { held, how: RunEnd::Done }),
        ]
    }

    /// The golden value: when it changes, every recorded fingerprint changes with it.
    #[test]
    fn the_digest_of_a_short_life_stays_what_it_is() {
        assert_eq!(of(&life()), "3e2edd564100e081");
        assert_eq!(of(&[]), "e9e0033e3badaf36");
    }

    #[test]
    fn every_field_the_moment_and_the_order_count() {
        let mut seen = vec![of(&life())];
        let mut differs = |at: usize, change: fn(&mut (u64, Fact))| {
            let mut facts = life();
            change(&mut facts[at]);
            let digits = of(&facts);
            assert!(!seen.contains(&digits), "a change of fact {at} goes unseen");
            seen.push(digits);
        };
        macro_rules! field {
            ($at:literal, $kind:ident, $field:ident, $value:expr) => {
                differs($at, |(_, fact)| {
                    if let Fact::$kind { $field, .. } = fact {
                        *$field = $value;
                    }
                })
            };
        }
        differs(0, |(at, _)| *at = 9);
        field!(0, Produced, op, 7);
        field!(0, Produced, key, 7);
        field!(0, Produced, producer, ProducerId(1));
        field!(0, Produced, poison, true);
        field!(2, Accepted, copy, 2);
        field!(2, Accepted, message, 7);
        field!(1, Published, copy, 2);
        field!(1, Published, queue, QueueId(6));
        field!(3, Delivered, message, 7);
        field!(3, Delivered, queue, QueueId(6));
        field!(3, Delivered, attempt, 2);
        field!(3, Delivered, cause, Cause::Nacked);
        field!(3, Delivered, holder, Holder::Working);
        field!(3, Delivered, until, Time::from_nanos(98));
        field!(3, Delivered, held, Held { op: 1, key: 2, delivery: 4, worker: 4 });
        field!(3, Delivered, held, Held { op: 1, key: 2, delivery: 3, worker: 5 });
        field!(4, Ended, how, RunEnd::Failed);
        let mut swapped = life();
        swapped.swap(1, 2);
        assert!(!seen.contains(&of(&swapped)));
        assert!(!seen.contains(&of(&life()[..4])));
    }
}
