//! Family D: what a broker confirmed, it keeps.
//!
//! D1 is about the broker alone: the last copy of a confirmed operation went down with its broker, and no effect stands
//! or can still come from a handler that had it in its hands. A dead letter that goes down is such a loss too, though
//! the operation does not count as lost. What a cap on deliveries lets go is no such loss.

use super::op::LastCopy;
use super::{Asked, Id, OpState};

fn went_down(op: OpState) -> bool {
    op.has(OpState::CONFIRMED)
        && op.has_none(OpState::ALIVE | OpState::HANDS | OpState::DONE)
        && op.last_copy() == LastCopy::BrokerCrash
}

/// Whether D1 broke in this step.
#[inline]
pub(super) fn broken(before: OpState, after: OpState) -> Asked {
    Asked::when(went_down(after) && !went_down(before), Id::D1)
}

#[cfg(test)]
pub(super) mod naive {
    use crate::model::fact::{DropReason, Fact};
    use crate::observe::guarantees::history::{History, Twin, alive};

    pub fn d1(h: &History) -> Twin {
        h.each(|h, subject, twin| {
            let op = subject.op;
            twin.checked += u64::from(h.confirmed(&h.facts_of(subject), op));
            let bad = |f: &[Fact]| {
                let last = f.iter().rfind(|f| match f {
                    Fact::Swallowed { op, of, .. } => op != of,
                    f => matches!(f, Fact::Acked { .. } | Fact::AckedLate { .. } | Fact::Dropped { .. }),
                });
                let crash = matches!(last, Some(Fact::Dropped { why: DropReason::BrokerCrash, .. }));
                crash && h.confirmed(f, op) && !h.done(f) && !alive(f) && !h.in_hands(f)
            };
            if let Some(at) = h.first_prefix(subject, bad) {
                twin.violation(op, at);
            }
        })
    }
}
