//! Family E: dead letters. (E1, that every operation ends, stands with the [outcomes](super::outcome).)
//!
//! E2's subject is a copy in its slot that had had its last delivery (not one that was rejected or too old): the broker says
//! after how many it put it aside, and we counted. E4's is an operation: two copies of it put aside are a violation, and a
//! dead letter that moves on from one dead-letter queue to the next is none.

use super::{Asked, Id, OpState};

/// E2: how often the copy was delivered in this queue, what the broker says, and what the queue's cap is.
#[inline]
pub fn attempts_exact(counted: u16, said: u16, cap: Option<u16>) -> bool {
    counted == said && cap == Some(said)
}

/// Whether E4 broke in this step.
#[inline]
pub(super) fn broken(before: OpState, after: OpState) -> Asked {
    Asked::when(after.word() & !before.word() & OpState::TWICE & OpState::DEAD != 0, Id::E4)
}

#[cfg(test)]
pub(super) mod naive {
    use crate::model::fact::Fact;
    use crate::observe::guarantees::history::{History, Twin};

    /// Counts back from each dead letter to the moment at which its slot came into that queue.
    pub fn e2(h: &History) -> Twin {
        let mut twin = Twin::default();
        for (i, &(at, fact)) in h.facts.iter().enumerate() {
            let Fact::DeadLettered { op, message, from, attempts, spent: true, .. } = fact else { continue };
            twin.checked += 1;
            let mut counted = 0;
            for &(_, before) in h.facts[..i].iter().rev() {
                match before {
                    Fact::Delivered { message: m, .. } if m == message => counted += 1,
                    Fact::Accepted { message: m, .. }
                    | Fact::DeadLettered { message: m, .. }
                    | Fact::Redriven { message: m, .. }
                        if m == message =>
                    {
                        break;
                    }
                    _ => {}
                }
            }
            let cap = h.plan.queues[from.at()].settings.max_deliveries();
            if counted != attempts || cap != Some(attempts) {
                twin.violation(op, at);
            }
        }
        twin
    }

    pub fn e4(h: &History) -> Twin {
        h.each(|h, subject, twin| {
            let aside = |f: &Fact| matches!(*f, Fact::DeadLettered { from, .. } if from == subject.home);
            let puts: Vec<_> = h.of(subject).filter(|(_, f)| aside(f)).collect();
            twin.checked += u64::from(!puts.is_empty());
            if let Some((at, _)) = puts.get(1) {
                twin.violation(subject.op, *at);
            }
        })
    }
}
