//! The fingerprint: a running digest of all facts. Equal runs have equal fingerprints, on every platform.
//!
//! Every field of every fact goes in, with the moment and the place of the fact. Each fact is mixed by itself, keyed by
//! its place, and the results are added up: so no fact waits for the one before, and order counts all the same. The mix
//! is a product of 64 by 64 bits folded in half. It finds differences; it does not withstand an adversary.

use crate::model::fact::{Fact, Held};
use crate::sim::{Span, Time};

/// The digest so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fingerprint {
    facts: u64,
    sum: u64,
}

// Digits of pi: nothing up the sleeve.
const K: [u64; 5] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7344,
    0xa409_3822_299f_31d0,
    0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377, // odd: it loses nothing
];
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Fingerprint {
    /// Takes a fact in.
    #[inline(always)]
    pub fn fact(&mut self, now: Time, fact: &Fact) {
        self.facts += 1;
        let place = self.facts.wrapping_mul(GOLDEN);
        let Words { who, hands, what, more } = Words::of(fact);
        let when = now.nanos() ^ more.wrapping_mul(K[4]);
        let mixed = fold(when ^ K[0] ^ place, who ^ K[1]).wrapping_add(fold(hands ^ K[2] ^ place, what ^ K[3]));
        self.sum = self.sum.wrapping_add(mixed);
    }

    /// How many facts it has seen.
    #[inline]
    pub fn facts(&self) -> u64 {
        self.facts
    }

    /// 16 hexadecimal digits.
    pub fn digits(&self) -> String {
        format!("{:016x}", fold(self.sum ^ K[0], self.facts ^ K[1]) ^ self.sum)
    }
}

/// A fact as four words.
#[derive(Default)]
struct Words {
    /// Operation and key.
    who: u64,
    /// Delivery and worker.
    hands: u64,
    /// Kind (8 bits), queue (16), message or instance (32), two small fields (4 each).
    what: u64,
    /// A moment or a length, with a counter.
    more: u64,
}

impl Words {
    #[inline(always)]
    fn op(kind: u64, op: u32) -> Words {
        Words { who: u64::from(op) << 32, what: kind, ..Words::default() }
    }
    #[inline(always)]
    fn held(kind: u64, held: Held) -> Words {
        Words {
            who: u64::from(held.op) << 32 | u64::from(held.key),
            hands: u64::from(held.delivery) << 32 | u64::from(held.worker),
            what: kind,
            more: 0,
        }
    }
    #[inline(always)]
    fn number(mut self, number: u32) -> Words {
        self.what |= u64::from(number) << 32;
        self
    }
    #[inline(always)]
    fn queue(mut self, queue: crate::model::plan::QueueId) -> Words {
        self.what |= u64::from(queue.0) << 16;
        self
    }
    #[inline(always)]
    fn small(mut self, a: u8, b: u8) -> Words {
        self.what |= u64::from(a) << 12 | u64::from(b) << 8;
        self
    }
    #[inline(always)]
    fn counter(mut self, counter: u16) -> Words {
        self.more ^= u64::from(counter);
        self
    }
    #[inline(always)]
    fn until(mut self, until: Time) -> Words {
        self.more ^= until.nanos().rotate_left(16);
        self
    }
    #[inline(always)]
    fn after(self, delay: Span) -> Words {
        self.until(Time::ZERO + delay)
    }

    #[inline(always)]
    fn of(fact: &Fact) -> Words {
        use Fact::*;
        match *fact {
            Produced { op, key, producer, poison } => {
                let mut words = Words::op(1, op).number(u32::from(producer.0)).small(u8::from(poison), 0);
                words.who |= u64::from(key);
                words
            }
            Published { op, copy, queue } => Words::op(2, op).queue(queue).counter(copy),
            Accepted { op, copy, message, queue } => Words::op(3, op).queue(queue).number(message).counter(copy),
            Refused { op, copy, queue, why } => Words::op(4, op).queue(queue).small(why as u8, 0).counter(copy),
            PacketLost { op, copy, queue } => Words::op(5, op).queue(queue).counter(copy),
            Confirmed { op } => Words::op(6, op),
            Unconfirmed { op, copy } => Words::op(7, op).counter(copy),
            GaveUp { op } => Words::op(8, op),
            Delivered { held, message, queue, attempt, cause, holder, until } => Words::held(9, held)
                .queue(queue)
                .number(message)
                .small(cause as u8, holder as u8)
                .counter(attempt)
                .until(until),
            Started { held, run } => Words::held(10, held).counter(run),
            Stepped { held, step, skip } => Words::held(11, held).small(u8::from(skip), 0).counter(u16::from(step)),
            Waits { held, step } => Words::held(12, held).counter(u16::from(step)),
            Effect { held, site, current } => {
                Words::held(13, held).small(u8::from(current), 0).counter(u16::from(site))
            }
            Suppressed { held, site } => Words::held(14, held).counter(u16::from(site)),
            Ended { held, how } => Words::held(15, held).small(how as u8, 0),
            Acked { held, message, queue } => Words::held(16, held).queue(queue).number(message),
            Stale { held, queue } => Words::held(17, held).queue(queue),
            Nacked { held, message, queue, delay } => Words::held(18, held).queue(queue).number(message).after(delay),
            Renewed { held, queue, until } => Words::held(19, held).queue(queue).until(until),
            Expired { held, message, queue, holder } => {
                Words::held(20, held).queue(queue).number(message).small(holder as u8, 0)
            }
            TakenBack { held, message, queue } => Words::held(21, held).queue(queue).number(message),
            DeadLettered { op, message, from, to, attempts } => {
                let mut words = Words::op(22, op).queue(from).number(message).counter(attempts);
                words.who |= u64::from(to.0);
                words
            }
            Dropped { op, message, queue, in_flight, why } => {
                Words::op(23, op).queue(queue).number(message).small(u8::from(in_flight), why as u8)
            }
            Crashed { instance } => Words::op(24, 0).number(instance),
            Restarted { instance } => Words::op(25, 0).number(instance),
            Paused { instance } => Words::op(26, 0).number(instance),
            Resumed { instance } => Words::op(27, 0).number(instance),
            Slowed { instance } => Words::op(28, 0).number(instance),
            Quickened { instance } => Words::op(29, 0).number(instance),
            BrokerDown { queue } => Words::op(30, 0).queue(queue),
            BrokerUp { queue } => Words::op(31, 0).queue(queue),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fact::{Cause, Holder, RunEnd};
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
            (10, Fact::Published { op: 1, copy: 0, queue }),
            (11, Fact::Accepted { op: 1, copy: 0, message, queue }),
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
        assert_eq!(of(&life()), "0cd2f8e297a2f5e1");
        assert_eq!(of(&[]), "bc13060e2d1aac79");
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
        field!(2, Accepted, copy, 1);
        field!(2, Accepted, message, 7);
        field!(2, Accepted, queue, QueueId(6));
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
