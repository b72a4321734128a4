//! The fingerprint: a running digest of all facts. Equal runs have equal fingerprints, on every platform.
//!
//! Every fact goes in, in its order, with its moment and with what it says that is new: whose an operation's key is, is
//! taken in where the operation is produced; operation, worker, message and queue of a delivery where it is delivered; and
//! that what is produced is published goes without saying. The mix is a product of 64 by 64 bits folded in half, one for
//! nearly every fact. It finds differences; it does not withstand an adversary.

use crate::model::fact::Fact;
use crate::sim::Time;

/// The digest so far.
#[derive(Clone, Copy, Debug)]
pub struct Fingerprint {
    facts: u64,
    sum: u64,
}

// Digits of pi, and of the golden ratio: nothing up the sleeve.
const START: u64 = 0x243f_6a88_85a3_08d3;
const MORE: u64 = 0x1319_8a2e_0370_7344;
const KIND: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[inline(always)]
fn pair(high: impl Into<u64>, low: impl Into<u64>) -> u64 {
    high.into() << 32 | low.into()
}

impl Default for Fingerprint {
    fn default() -> Fingerprint {
        Fingerprint { facts: 0, sum: START }
    }
}

impl Fingerprint {
    /// Takes a fact in.
    #[inline(always)]
    pub fn fact(&mut self, now: Time, fact: &Fact) {
        use Fact::*;
        self.facts += 1;
        match *fact {
            Produced { op, key, producer, poison } => {
                self.mix(1, now, pair(op, key), u64::from(producer.0) << 1 | u64::from(poison));
            }
            // The first one goes without saying: it follows what is produced.
            Published { copy: 0, .. } => {}
            Published { op, copy, queue } => self.mix(2, now, pair(op, queue.0), copy),
            Accepted { op, copy, message, queue: _ } => self.mix(3, now, pair(op, message), copy),
            Refused { op, copy, queue: _, why } => self.mix(4, now, pair(op, why as u8), copy),
            PacketLost { op, copy, queue: _ } => self.mix(5, now, pair(op, 0u32), copy),
            Confirmed { op } => self.mix(6, now, pair(op, 0u32), 0u16),
            Unconfirmed { op, copy } => self.mix(7, now, pair(op, 0u32), copy),
            GaveUp { op } => self.mix(8, now, pair(op, 0u32), 0u16),
            Delivered { held, message, queue, attempt, cause, holder, until } => {
                self.mix(9, now, pair(held.op, held.delivery), attempt);
                let why = u64::from(cause as u8) << 4 | u64::from(holder as u8);
                self.more(pair(held.worker, message), until.nanos() ^ u64::from(queue.0) << 47 ^ why << 39);
            }
            Started { held, run } => self.mix(10, now, held.delivery, run),
            Stepped { held, step, skip } => self.mix(11, now, held.delivery, u16::from(step) << 1 | u16::from(skip)),
            Waits { held, step } => self.mix(12, now, held.delivery, step),
            Effect { held, site, current } => {
                self.mix(13, now, held.delivery, u16::from(site) << 1 | u16::from(current))
            }
            Suppressed { held, site } => self.mix(14, now, held.delivery, site),
            Ended { held, how } => self.mix(15, now, held.delivery, how as u8),
            Acked { held, .. } => self.mix(16, now, held.delivery, 0u16),
            Stale { held, .. } => self.mix(17, now, held.delivery, 0u16),
            Nacked { held, delay, .. } => {
                self.mix(18, now, held.delivery, 0u16);
                self.more(delay.nanos(), 0);
            }
            Renewed { held, until, .. } => {
                self.mix(19, now, held.delivery, 0u16);
                self.more(until.nanos(), 0);
            }
            Expired { held, holder, .. } => self.mix(20, now, held.delivery, holder as u8),
            TakenBack { held, .. } => self.mix(21, now, held.delivery, 0u16),
            DeadLettered { op, message, from, to, attempts, spent } => {
                self.mix(22, now, pair(op, message), attempts);
                self.more(pair(from.0, to.0), spent.into());
            }
            Dropped { op, message, queue: _, in_flight, why } => {
                self.mix(23, now, pair(op, message), u16::from(in_flight) << 1 | u16::from(why as u8));
            }
            Crashed { instance } => self.mix(24, now, instance, 0u16),
            Restarted { instance } => self.mix(25, now, instance, 0u16),
            Paused { instance } => self.mix(26, now, instance, 0u16),
            Resumed { instance } => self.mix(27, now, instance, 0u16),
            Slowed { instance } => self.mix(28, now, instance, 0u16),
            Quickened { instance } => self.mix(29, now, instance, 0u16),
            BrokerDown { queue } => self.mix(30, now, queue.0, 0u16),
            BrokerUp { queue } => self.mix(31, now, queue.0, 0u16),
            AckedLate { held, .. } => self.mix(32, now, held.delivery, 0u16),
            Redriven { op, message, from, to } => {
                self.mix(34, now, pair(op, message), 0u16);
                self.more(pair(from.0, to.0), 0);
            }
            PassedBy { op, copy, queue, routed } => {
                self.mix(35, now, pair(op, queue.0), u64::from(copy) << 1 | u64::from(routed));
            }
            Swallowed { op, copy, queue: _, of } => self.mix(33, now, pair(op, of), copy),
        }
    }

    /// A fact of a kind: its moment, what it is about, and 17 bits besides, which stand above every likely moment.
    #[inline(always)]
    fn mix(&mut self, kind: u64, now: Time, about: impl Into<u64>, small: impl Into<u64>) {
        self.sum = fold(self.sum ^ about.into(), now.nanos() ^ small.into() << 47 ^ KIND.wrapping_mul(kind));
    }

    /// What does not fit.
    #[inline(always)]
    fn more(&mut self, a: u64, b: u64) {
        self.sum = fold(self.sum ^ a, b ^ MORE);
    }

    /// How many facts it has seen.
    #[inline]
    pub fn facts(&self) -> u64 {
        self.facts
    }

    /// 16 hexadecimal digits.
    pub fn digits(&self) -> String {
        format!("{:016x}", fold(self.sum ^ MORE, self.facts ^ KIND) ^ self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fact::{Cause, Held, Holder, RunEnd};
    use crate::model::plan::{ProducerId, QueueId};

    fn of(facts: &[(u64, Fact)]) -> String {
        let mut fingerprint = Fingerprint::default();
        for (at, fact) in facts {
            fingerprint.fact(Time::from_nanos(*at), fact);
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
        assert_eq!(of(&life()), "4552d050af53987c");
        assert_eq!(of(&[]), "0d9c313ac5cfae83");
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
