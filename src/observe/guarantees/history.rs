//! A history of facts, and how the naive twins look things up in it: by reading all of it again.

use crate::model::fact::{Fact, Holder, RunEnd};
use crate::model::plan::{Plan, Producer, Publish, QueueId, Step};
use crate::sim::{KeyDraw, Time};

/// A plan and what a toy made of it.
#[derive(Clone, Debug)]
pub struct History {
    pub plan: Plan,
    pub facts: Vec<(Time, Fact)>,
}

/// An operation, as the readers of one queue see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub op: u32,
    pub home: QueueId,
}

/// What a naive twin found.
#[derive(Clone, Debug, Default)]
pub struct Twin {
    pub checked: u64,
    pub violations: u64,
    pub open: u64,
    /// The moment of the first violation, and whose it may be.
    pub first: Option<(Time, Vec<u32>)>,
}

impl Twin {
    pub fn violation(&mut self, op: u32, at: Time) {
        self.add(Twin { violations: 1, first: Some((at, vec![op])), ..Twin::default() });
    }
    pub fn add(&mut self, other: Twin) {
        self.checked += other.checked;
        self.violations += other.violations;
        self.open += other.open;
        self.first = match (self.first.take(), other.first) {
            (Some((a, mut mine)), Some((b, theirs))) if a == b => {
                mine.extend(theirs);
                Some((a, mine))
            }
            (a, b) => a.into_iter().chain(b).min_by_key(|&(at, _)| at),
        };
    }
}

/// Whether a copy is stored or on its way, by the facts about its operation.
pub fn alive(facts: &[Fact]) -> bool {
    let count = |is: fn(&Fact) -> bool| facts.iter().filter(|f| is(f)).count();
    count(|f| matches!(f, Fact::Published { .. }))
        > count(|f| {
            matches!(
                f,
                Fact::Refused { .. }
                    | Fact::PassedBy { .. }
                    | Fact::PacketLost { .. }
                    | Fact::Swallowed { .. }
                    | Fact::Acked { .. }
                    | Fact::AckedLate { .. }
                    | Fact::Dropped { .. }
            )
        })
}

impl History {
    pub fn ops(&self) -> u32 {
        self.facts.iter().filter(|(_, f)| matches!(f, Fact::Produced { .. })).count() as u32
    }
    /// The home of the message or the delivery that a fact is about, if it is about one.
    pub fn home_at(&self, i: usize) -> Option<QueueId> {
        match self.facts[i].1 {
            Fact::Accepted { op, queue, .. } | Fact::PassedBy { op, queue, .. } => {
                let homes = &self.produced(op).1.homes;
                Some(if homes.contains(&queue) { queue } else { homes[0] })
            }
            Fact::Delivered { message, .. }
            | Fact::Acked { message, .. }
            | Fact::AckedLate { message, .. }
            | Fact::Nacked { message, .. }
            | Fact::Expired { message, .. }
            | Fact::TakenBack { message, .. }
            | Fact::DeadLettered { message, .. }
            | Fact::Redriven { message, .. }
            | Fact::Dropped { message, .. } => {
                let came = |(_, f): &(_, Fact)| matches!(*f, Fact::Accepted { message: m, .. } if m == message);
                self.home_at(self.facts[..i].iter().rposition(came)?)
            }
            Fact::Started { held, .. }
            | Fact::Stepped { held, .. }
            | Fact::Waits { held, .. }
            | Fact::Effect { held, .. }
            | Fact::Suppressed { held, .. }
            | Fact::Ended { held, .. }
            | Fact::Stale { held, .. }
            | Fact::Renewed { held, .. } => {
                let came =
                    |(_, f): &(_, Fact)| matches!(*f, Fact::Delivered { held: h, .. } if h.delivery == held.delivery);
                self.home_at(self.facts[..i].iter().rposition(came)?)
            }
            _ => None,
        }
    }
    fn is_about(&self, i: usize, subject: Subject) -> bool {
        self.facts[i].1.op() == Some(subject.op) && self.home_at(i).is_none_or(|home| home == subject.home)
    }
    /// What is about it, before the fact of this number.
    pub fn before(&self, i: usize, subject: Subject) -> Vec<Fact> {
        (0..i).filter(|&i| self.is_about(i, subject)).map(|i| self.facts[i].1).collect()
    }
    pub fn of(&self, subject: Subject) -> impl Iterator<Item = (Time, Fact)> {
        (0..self.facts.len()).filter(move |&i| self.is_about(i, subject)).map(|i| self.facts[i])
    }
    /// What is about it, or may end a delivery of it: where its slot is given to another, that delivery ends.
    fn around(&self, subject: Subject) -> impl Iterator<Item = (Time, Fact)> {
        (0..self.facts.len()).filter_map(move |i| match self.facts[i] {
            fact if self.is_about(i, subject) => Some(fact),
            (at, Fact::Delivered { held, .. }) => Some((at, Fact::Ended { held, how: RunEnd::Crashed })),
            (at, crashed @ Fact::Crashed { .. }) => Some((at, crashed)),
            _ => None,
        })
    }
    pub fn facts_of(&self, subject: Subject) -> Vec<Fact> {
        self.around(subject).map(|(_, f)| f).collect()
    }
    /// When the facts about it were first such that.
    pub fn first_prefix(&self, subject: Subject, is: impl Fn(&[Fact]) -> bool) -> Option<Time> {
        let (times, facts): (Vec<Time>, Vec<Fact>) = self.around(subject).unzip();
        (0..facts.len()).find(|&i| is(&facts[..=i])).map(|i| times[i])
    }
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        let of = |op| self.produced(op).1.homes.iter().map(move |&home| Subject { op, home });
        (0..self.ops()).flat_map(of)
    }
    pub fn each(&self, check: impl Fn(&History, Subject, &mut Twin)) -> Twin {
        let mut all = Twin::default();
        for subject in self.subjects() {
            let mut twin = Twin::default();
            check(self, subject, &mut twin);
            all.add(twin);
        }
        all
    }
    fn fans_out(&self, op: u32) -> bool {
        self.produced(op).1.homes.len() > 1
    }
    /// Confirmed, and before that stored here, where it might have been routed elsewhere.
    pub fn confirmed(&self, facts: &[Fact], op: u32) -> bool {
        let stored = facts.iter().position(|f| matches!(f, Fact::Accepted { .. }));
        let from = if self.fans_out(op) { stored.unwrap_or(facts.len()) } else { 0 };
        facts[from..].iter().any(|f| matches!(f, Fact::Confirmed { .. }))
    }
    /// Not for this queue, as far as is known.
    pub fn is_elsewhere(&self, facts: &[Fact], op: u32) -> bool {
        let said_so = |f: &Fact| matches!(f, Fact::Confirmed { .. } | Fact::PassedBy { routed: false, .. });
        let stored = facts.iter().any(|f| matches!(f, Fact::Accepted { .. }));
        self.fans_out(op) && !stored && facts.iter().any(said_so)
    }
    fn produced(&self, op: u32) -> (u32, &Producer) {
        let born = self.facts.iter().find_map(|(_, f)| match *f {
            Fact::Produced { op: o, key, producer, .. } if o == op => Some((key, producer)),
            _ => None,
        });
        let (key, producer) = born.expect("an operation is produced first");
        (key, &self.plan.producers[producer.at()])
    }
    pub fn keyed(&self, op: u32) -> bool {
        self.produced(op).1.keys != KeyDraw::None
    }
    /// A key is a producer's own, in each queue.
    pub fn key(&self, Subject { op, home }: Subject) -> (&str, u32, QueueId) {
        let (key, producer) = self.produced(op);
        (&producer.name, key, home)
    }
    pub fn forgets(&self, op: u32) -> bool {
        self.produced(op).1.publish == Publish::FireAndForget
    }
    pub fn instance(&self, worker: u32) -> u32 {
        self.plan.workers().nth(worker as usize).expect("a worker of the plan")
    }
    pub fn consumer_of(&self, worker: u32) -> usize {
        let instance = self.instance(worker) as usize;
        self.plan.instances().nth(instance).expect("a process of the plan").consumer.at()
    }
    pub fn queue_of(&self, worker: u32) -> QueueId {
        self.plan.consumers[self.consumer_of(worker)].from
    }
    pub fn sites(&self, consumer: usize) -> Vec<u8> {
        let steps = &self.plan.consumers[consumer].steps;
        steps.iter().filter_map(|s| if let Step::Effect { site, .. } = *s { Some(site) } else { None }).collect()
    }
    /// Whether all effects of a consumer stand; of one without effects: whether it acked.
    pub fn done(&self, facts: &[Fact]) -> bool {
        (0..self.plan.consumers.len()).any(|c| {
            let sites = self.sites(c);
            let took = |site| facts.iter().any(|f| matches!(*f, Fact::Effect { site: s, .. } if s == site));
            let acked = |f: &Fact| matches!(*f, Fact::Acked { held, .. } | Fact::AckedLate { held, .. } if self.consumer_of(held.worker) == c);
            if sites.is_empty() { facts.iter().any(acked) } else { sites.into_iter().all(took) }
        })
    }
    /// Whether a handler has it in its hands, or may still get it there.
    pub fn in_hands(&self, facts: &[Fact]) -> bool {
        facts.iter().enumerate().any(|(i, fact)| {
            let Fact::Delivered { held, .. } = *fact else { return false };
            !facts[i + 1..].iter().any(|later| match *later {
                Fact::Ended { held: h, .. }
                | Fact::Delivered { held: h, .. }
                | Fact::Expired { held: h, holder: Holder::Nobody, .. } => h.delivery == held.delivery,
                Fact::Crashed { instance } => instance == self.instance(held.worker),
                _ => false,
            })
        })
    }
}
