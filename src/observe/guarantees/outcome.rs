//! What finally becomes of an operation: lost, missing, or neither; A5 and E1 follow from it.
//!
//! *Lost*: confirmed to the producer, not dead-lettered, and its effect can no longer happen. *Missing*: the same of an
//! operation that was never confirmed, once its producer will not publish it again. Both are found in the step that
//! makes them true: no copy is stored or on its way, and no handler has a delivery of it in its hands. What is still
//! stored or at work when the run ends is neither.

use super::op::LastCopy;
use super::{Asked, Id, OpState};

/// What became of an operation whose effect can no longer happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect, was dead-lettered, or still can be.
    Open,
    /// Confirmed.
    Lost,
    /// Not confirmed.
    Missing,
}

/// Why an operation was lost: how its last copy went.
pub const REASONS: [&str; 8] = [
    "acked before its effect",
    "broker crash",
    "given up, with no queue for dead letters",
    "expired",
    "dropped from a full queue",
    "routed nowhere",
    "removed with its queue",
    "taken for another message",
];

const GONE: u64 = OpState::ALIVE | OpState::HANDS | OpState::DONE | OpState::DEAD_ONCE;

/// What became of it.
#[inline]
pub fn outcome(op: OpState) -> Outcome {
    if !op.has_none(GONE) || op.is_elsewhere() {
        Outcome::Open
    } else if op.has(OpState::CONFIRMED) {
        Outcome::Lost
    } else if op.has(OpState::SETTLED) {
        Outcome::Missing
    } else {
        Outcome::Open
    }
}

/// The place of the reason in [`REASONS`], for a lost operation.
pub(crate) fn reason(op: OpState) -> usize {
    match op.last_copy() {
        LastCopy::None | LastCopy::Acked => 0,
        LastCopy::BrokerCrash => 1,
        LastCopy::MaxDeliveries => 2,
        LastCopy::Expired => 3,
        LastCopy::TooMany => 4,
        LastCopy::Unroutable => 5,
        LastCopy::Removed => 6,
        LastCopy::Swallowed => 7,
    }
}

/// Stored once, gone without effect and not put aside, and no cap on deliveries let it go.
fn ended_nowhere(op: OpState) -> bool {
    op.has(OpState::STORED_ONCE | OpState::SETTLED) && op.has_none(GONE) && op.last_copy() != LastCopy::MaxDeliveries
}

/// Which of A5 and E1 broke in this step.
#[inline]
pub(super) fn broken(before: OpState, after: OpState) -> Asked {
    let lost = |op| outcome(op) == Outcome::Lost;
    Asked::when(lost(after) && !lost(before), Id::A5)
        | Asked::when(ended_nowhere(after) && !ended_nowhere(before), Id::E1)
}

/// Whether anything can still happen to it: a copy is stored or on its way, a handler has it in its hands, or its producer
/// may publish it again.
pub fn may_change(op: OpState) -> bool {
    op.is_alive() || !op.has(OpState::SETTLED)
}

/// Whether nothing will be told of it: nothing of it is anywhere, and its producer knows of a stored copy or never hears.
#[inline]
pub(crate) fn is_final(op: OpState) -> bool {
    !op.is_alive() && op.has(OpState::SETTLED) && !op.has_none(OpState::CONFIRMED | OpState::FORGOTTEN)
}

/// Confirmed, without an end so far, and it may still have one.
pub(crate) fn unsettled_yet(op: OpState) -> bool {
    op.has(OpState::CONFIRMED) && op.has_none(OpState::UNROUTED) && endless_yet(op)
}

/// Without an end so far, and it may still have one.
pub(crate) fn endless_yet(op: OpState) -> bool {
    op.has_none(OpState::DONE | OpState::DEAD_ONCE) && (op.is_alive() || !op.has(OpState::SETTLED))
}

#[cfg(test)]
pub(super) mod naive {
    use super::{Outcome, REASONS};
    use crate::model::fact::{DropReason, Fact};
    use crate::model::plan::QueueId;
    use crate::observe::guarantees::history::{History, Subject, Twin, alive};

    fn any(facts: &[Fact], is: impl Fn(&Fact) -> bool) -> bool {
        facts.iter().any(is)
    }
    fn stored(facts: &[Fact]) -> bool {
        any(facts, |f| matches!(f, Fact::Accepted { .. }))
    }
    /// Put aside, or all effects of one consumer stand, or one without effects acked.
    fn ended(h: &History, facts: &[Fact]) -> bool {
        any(facts, |f| matches!(f, Fact::DeadLettered { .. })) || h.done(facts)
    }
    fn will_come_no_more(h: &History, facts: &[Fact], op: u32) -> bool {
        let settled = any(facts, |f| match f {
            Fact::Confirmed { .. } | Fact::GaveUp { .. } => true,
            Fact::Published { .. } => h.forgets(op),
            _ => false,
        });
        settled && !alive(facts) && !h.in_hands(facts)
    }
    fn lost(h: &History, facts: &[Fact], op: u32) -> bool {
        h.confirmed(facts, op) && !ended(h, facts) && will_come_no_more(h, facts, op)
    }
    fn last_end(facts: &[Fact]) -> Option<&Fact> {
        facts.iter().rfind(|f| match f {
            Fact::Swallowed { op, of, .. } => op != of,
            f => matches!(f, Fact::Acked { .. } | Fact::AckedLate { .. } | Fact::Dropped { .. }),
        })
    }
    fn dropped_by_cap(facts: &[Fact]) -> bool {
        matches!(last_end(facts), Some(Fact::Dropped { why: DropReason::MaxDeliveries | DropReason::Rejected, .. }))
    }

    pub fn outcome(h: &History, subject: Subject) -> Outcome {
        let (facts, op) = (h.facts_of(subject), subject.op);
        if lost(h, &facts, op) {
            Outcome::Lost
        } else if !h.is_elsewhere(&facts, op)
            && !h.confirmed(&facts, op)
            && !ended(h, &facts)
            && will_come_no_more(h, &facts, op)
        {
            Outcome::Missing
        } else {
            Outcome::Open
        }
    }
    pub fn reason(h: &History, subject: Subject) -> &'static str {
        match last_end(&h.facts_of(subject)) {
            Some(Fact::Dropped { why, .. }) => match why {
                DropReason::BrokerCrash => REASONS[1],
                DropReason::MaxDeliveries | DropReason::Rejected => REASONS[2],
                DropReason::Expired => REASONS[3],
                DropReason::MaxLength => REASONS[4],
                DropReason::Unroutable => REASONS[5],
                DropReason::QueueDeleted | DropReason::Purged => REASONS[6],
            },
            Some(Fact::Swallowed { .. }) => REASONS[7],
            _ => REASONS[0],
        }
    }
    /// `home`: only what this queue's readers are owed.
    pub fn a5(h: &History, home: Option<QueueId>) -> Twin {
        h.each(|h, subject, twin| {
            let (all, op) = (h.facts_of(subject), subject.op);
            if home.is_some_and(|home| home != subject.home) {
                return;
            }
            twin.checked += u64::from(h.confirmed(&all, op));
            twin.open += u64::from(h.confirmed(&all, op) && !ended(h, &all) && !lost(h, &all, op));
            if let Some(at) = h.first_prefix(subject, |f| lost(h, f, op)) {
                twin.violation(op, at);
            }
        })
    }
    pub fn e1(h: &History) -> Twin {
        h.each(|h, subject, twin| {
            let (all, op) = (h.facts_of(subject), subject.op);
            twin.checked += u64::from(stored(&all));
            twin.open += u64::from(stored(&all) && !ended(h, &all) && !will_come_no_more(h, &all, op));
            let bad = |f: &[Fact]| stored(f) && !ended(h, f) && will_come_no_more(h, f, op) && !dropped_by_cap(f);
            if let Some(at) = h.first_prefix(subject, bad) {
                twin.violation(op, at);
            }
        })
    }
}
