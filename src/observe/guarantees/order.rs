//! Family B: order within a key.
//!
//! The subject is a key, and a key is a producer's own, in each queue that it publishes to: the same number of two
//! producers, or in two queues, is two keys. A producer that
//! gives every operation a key of its own has no order to keep, so there is nothing to judge. Only the *first* effect
//! of an operation counts: a late duplicate of an old operation is a duplicate, not a disorder.

/// B4, by consumer: a first effect of `op`. `newest` is one more than the newest operation of the key that took effect
/// so far, 0 before any. Whether it came too late: a younger one was there before.
#[inline]
pub fn first_effect(newest: &mut u32, op: u32) -> bool {
    let late = *newest > op;
    *newest = (*newest).max(op.saturating_add(1));
    late
}

/// B5: a run begins (of a delivery from the queue that the producer publishes to). Whether another is open.
#[inline]
pub fn run_begins(open: &mut u32) -> bool {
    *open += 1;
    *open > 1
}

/// B5: a run ended.
#[inline]
pub fn run_ends(open: &mut u32) {
    debug_assert!(*open > 0, "what ends has begun");
    *open = open.saturating_sub(1);
}

#[cfg(test)]
pub(super) mod naive {
    use crate::model::fact::{Fact, Held};
    use crate::observe::guarantees::history::{History, Subject, Twin};

    /// Every pair of first effects is compared.
    pub fn b4(h: &History, consumer: Option<usize>) -> Twin {
        let mut twin = Twin::default();
        for c in (0..h.plan.consumers.len()).filter(|&c| consumer.is_none_or(|only| only == c)) {
            let mut firsts: Vec<(crate::sim::Time, Subject)> = Vec::new();
            for (i, &(at, fact)) in h.facts.iter().enumerate() {
                let Fact::Effect { held, .. } = fact else { continue };
                let subject = Subject { op: held.op, home: h.home_at(i).expect("it was accepted") };
                let is_first = firsts.iter().all(|&(_, before)| before != subject);
                if h.consumer_of(held.worker) == c && h.keyed(held.op) && is_first {
                    firsts.push((at, subject));
                }
            }
            let mut one = Twin { checked: firsts.len() as u64, ..Twin::default() };
            for (i, &(at, subject)) in firsts.iter().enumerate() {
                let overtakes = |&(_, before): &(_, Subject)| before.op > subject.op && h.key(before) == h.key(subject);
                if firsts[..i].iter().any(overtakes) {
                    one.violation(subject.op, at);
                }
            }
            twin.add(one);
        }
        twin
    }

    /// Every run against every other: does this one begin within that one?
    pub fn b5(h: &History) -> Twin {
        let mut twin = Twin::default();
        let subject = |i: usize| match h.facts[i].1 {
            Fact::Started { held, .. } if h.keyed(held.op) => {
                h.home_at(i).filter(|&home| h.queue_of(held.worker) == home).map(|home| (held, home))
            }
            _ => None,
        };
        let key = |(held, home): (Held, _)| h.key(Subject { op: held.op, home });
        for i in 0..h.facts.len() {
            let Some(run) = subject(i) else { continue };
            twin.checked += 1;
            let overlaps = (0..i).any(|j| {
                subject(j).is_some_and(|other| {
                    let over =
                        |(_, f): &(_, Fact)| matches!(f, Fact::Ended { held, .. } if held.delivery == other.0.delivery);
                    key(other) == key(run) && !h.facts[j..i].iter().any(over)
                })
            });
            if overlaps {
                twin.violation(run.0.op, h.facts[i].0);
            }
        }
        twin
    }
}
