//! When faults were at work, for the bands of plots: the first thousand, and how many more there were.
//!
//! It reads the facts that begin and end a fault, and knows nothing of what the fault did.

use super::report::FaultBand;
use crate::model::Plan;
use crate::model::fact::Fact;
use crate::sim::Time;

/// So many are kept.
const MOST: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Crashed,
    Paused,
    Slowed,
    Down,
}

#[derive(Clone, Copy, Debug)]
struct Band {
    kind: Kind,
    /// The process, or the queue.
    whom: u32,
    from: Time,
    /// Never, while it is open.
    to: Time,
}

/// The bands so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Bands {
    kept: Vec<Band>,
    /// The places of those that are open, in the order in which they began.
    open: Vec<usize>,
    more: u64,
}

impl Bands {
    /// Takes in a fact that begins or ends a fault; others are none of its business.
    pub fn fact(&mut self, now: Time, fact: &Fact) {
        let (kind, whom, begins) = match *fact {
            Fact::Crashed { instance } => (Kind::Crashed, instance, true),
            Fact::Restarted { instance } => (Kind::Crashed, instance, false),
            Fact::Paused { instance } => (Kind::Paused, instance, true),
            Fact::Resumed { instance } => (Kind::Paused, instance, false),
            Fact::Slowed { instance } => (Kind::Slowed, instance, true),
            Fact::Quickened { instance } => (Kind::Slowed, instance, false),
            Fact::BrokerDown { queue } => (Kind::Down, queue.at() as u32, true),
            Fact::BrokerUp { queue } => (Kind::Down, queue.at() as u32, false),
            _ => return,
        };
        if !begins {
            let is = |&place: &usize| self.kept[place].kind == kind && self.kept[place].whom == whom;
            if let Some(at) = self.open.iter().rposition(is) {
                self.kept[self.open.remove(at)].to = now;
            }
        } else if self.kept.len() < MOST {
            self.open.push(self.kept.len());
            self.kept.push(Band { kind, whom, from: now, to: Time::NEVER });
        } else {
            self.more += 1;
        }
    }

    /// In the order in which they began, and how many more there were. What is open ends with the run.
    pub fn report(self, plan: &Plan, end: Time) -> (Vec<FaultBand>, u64) {
        let what = |band: &Band| match band.kind {
            Kind::Crashed => format!("{} crashed", plan.instance_name(band.whom)),
            Kind::Paused => format!("{} paused", plan.instance_name(band.whom)),
            Kind::Slowed => format!("{} slowed", plan.instance_name(band.whom)),
            Kind::Down => format!("{} down", plan.queues[band.whom as usize].name),
        };
        let bands = self
            .kept
            .iter()
            .map(|band| FaultBand {
                what: what(band),
                from_s: band.from.as_secs_f64(),
                to_s: band.to.min(end.max(band.from)).as_secs_f64(),
            })
            .collect();
        (bands, self.more)
    }
}
