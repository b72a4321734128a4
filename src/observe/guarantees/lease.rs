//! Family C: leases and acks: an effect needs a current delivery, an ack needs an effect.
//!
//! C3 is read off one fact: the broker's side knows whether the delivery was still current. C6 asks only of consumers
//! that have an effect step; a handler that found its operation done (by a mark, or by a service that knew the key) may
//! ack. An operation that no handler can do and that is acked all the same counts.

use super::{Asked, Id, OpState};
use crate::model::fact::Fact;
use crate::observe::roles::Roles;

/// C6: an ack by a consumer with these effect sites, of an operation in this state.
#[inline]
pub(crate) fn acked_without_effect(before: OpState, sites: u64) -> bool {
    sites != 0 && before.has_none(OpState::DONE | OpState::FOUND)
}

/// Which of C3 and C6 a fact breaks.
pub(super) fn broken(before: OpState, roles: &Roles, fact: &Fact) -> Asked {
    match *fact {
        Fact::Effect { current, .. } => Asked::when(!current, Id::C3),
        Fact::Acked { held, .. } | Fact::AckedLate { held, .. } => {
            let sites = roles.consumers[roles.consumer(held.worker)].sites;
            Asked::when(acked_without_effect(before, sites), Id::C6)
        }
        _ => Asked::NONE,
    }
}

#[cfg(test)]
pub(super) mod naive {
    use crate::model::fact::Fact;
    use crate::observe::guarantees::history::{History, Subject, Twin};

    fn of(h: &History, consumer: Option<usize>, worker: u32) -> bool {
        consumer.is_none_or(|c| h.consumer_of(worker) == c)
    }

    pub fn c3(h: &History, consumer: Option<usize>) -> Twin {
        let mut twin = Twin::default();
        for &(at, fact) in &h.facts {
            let Fact::Effect { held, current, .. } = fact else { continue };
            if of(h, consumer, held.worker) {
                twin.checked += 1;
                if !current {
                    twin.violation(held.op, at);
                }
            }
        }
        twin
    }

    pub fn c6(h: &History, consumer: Option<usize>) -> Twin {
        let mut twin = Twin::default();
        for (i, &(at, fact)) in h.facts.iter().enumerate() {
            let (Fact::Acked { held, .. } | Fact::AckedLate { held, .. }) = fact else { continue };
            if !of(h, consumer, held.worker) || h.sites(h.consumer_of(held.worker)).is_empty() {
                continue;
            }
            twin.checked += 1;
            let home = h.home_at(i).expect("it was accepted");
            let before = h.before(i, Subject { op: held.op, home });
            let found = before.iter().any(|f| matches!(f, Fact::Suppressed { .. } | Fact::Stepped { skip: true, .. }));
            if !found && !h.done(&before) {
                twin.violation(held.op, at);
            }
        }
        twin
    }
}
