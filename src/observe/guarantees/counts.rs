//! Family A: how often an operation is stored, delivered, run, and takes effect.
//!
//! The subject is an operation (for effects: an operation on one effect step); it is violated once, however often it
//! happens again. Deliveries and runs count from the queue that the producer publishes to: what a dead-letter queue's
//! consumer does with an operation is no second delivery of it.

use super::{Asked, Id, OpState};

/// Which at-most-once guarantees broke in this step.
#[inline]
pub(super) fn broken(before: OpState, after: OpState) -> Asked {
    let twice = after.word() & !before.word() & OpState::TWICE;
    Asked::when(twice & OpState::DELIVERED != 0, Id::A1)
        | Asked::when(twice & OpState::STARTED != 0, Id::A2)
        | Asked::when(twice & OpState::EFFECTS != 0, Id::A3)
        | Asked::when(twice & OpState::STORED != 0, Id::A9)
}

/// Confirmed, never delivered, and no copy is left that could be.
#[inline]
pub(super) fn undelivered_for_good(op: OpState) -> bool {
    op.has(OpState::CONFIRMED) && op.has_none(OpState::UNROUTED | OpState::DELIVERED_ONCE | OpState::ALIVE)
}

/// Confirmed, not delivered so far, and still stored.
pub(crate) fn undelivered_yet(op: OpState) -> bool {
    op.has(OpState::CONFIRMED)
        && op.has_none(OpState::UNROUTED | OpState::DELIVERED_ONCE)
        && !op.has_none(OpState::ALIVE)
}

#[cfg(test)]
pub(super) mod naive {
    use crate::model::fact::Fact;
    use crate::observe::guarantees::history::{History, Subject, Twin, alive};

    /// More than one of these facts for one operation and one queue.
    fn at_most_once(h: &History, is: impl Fn(&Fact, Subject) -> bool) -> Twin {
        h.each(|h, subject, twin| {
            let hits: Vec<_> = h.of(subject).filter(|(_, f)| is(f, subject)).collect();
            twin.checked += u64::from(!hits.is_empty());
            if let Some((at, _)) = hits.get(1) {
                twin.violation(subject.op, *at);
            }
        })
    }

    pub fn a1(h: &History) -> Twin {
        at_most_once(h, |f, subject| matches!(*f, Fact::Delivered { queue, .. } if queue == subject.home))
    }
    pub fn a2(h: &History) -> Twin {
        at_most_once(h, |f, s| matches!(*f, Fact::Started { held, .. } if h.queue_of(held.worker) == s.home))
    }
    /// By effect site, so that the sites of one consumer can be asked for.
    pub fn a3(h: &History, consumer: Option<usize>) -> Twin {
        let mut all = Twin::default();
        for site in (0..8).filter(|&s| consumer.is_none_or(|c| h.sites(c).contains(&s))) {
            all.add(at_most_once(h, |f, _| matches!(*f, Fact::Effect { site: s, .. } if s == site)));
        }
        all
    }
    pub fn a9(h: &History) -> Twin {
        at_most_once(h, |f, _| matches!(f, Fact::Accepted { .. }))
    }
    pub fn a4(h: &History) -> Twin {
        let delivered =
            |facts: &[Fact], home| facts.iter().any(|f| matches!(*f, Fact::Delivered { queue, .. } if queue == home));
        h.each(|h, subject, twin| {
            let Subject { op, home } = subject;
            let all = h.facts_of(subject);
            twin.checked += u64::from(h.confirmed(&all, op));
            twin.open += u64::from(h.confirmed(&all, op) && !delivered(&all, home) && alive(&all));
            let first = h.first_prefix(subject, |f| h.confirmed(f, op) && !delivered(f, home) && !alive(f));
            if let Some(at) = first {
                twin.violation(op, at);
            }
        })
    }
}
