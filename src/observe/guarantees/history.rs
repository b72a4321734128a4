//! A history of facts, and how the naive twins look things up in it: by reading all of it again.

use crate::model::fact::{Fact, Holder};
use crate::model::plan::{Plan, Producer, Publish, QueueId, Step};
use crate::sim::{KeyDraw, Time};

/// A plan and what a toy made of it.
#[derive(Clone, Debug)]
pub struct History {
    pub plan: Plan,
    pub facts: Vec<(Time, Fact)>,
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
    pub fn of(&self, op: u32) -> impl Iterator<Item = (Time, Fact)> {
        self.facts.iter().copied().filter(move |(_, f)| f.op() == Some(op))
    }
    /// What is about an operation, or may end a delivery of it.
    fn around(&self, op: u32) -> impl Iterator<Item = (Time, Fact)> {
        self.facts
            .iter()
            .copied()
            .filter(move |(_, f)| f.op() == Some(op) || matches!(f, Fact::Crashed { .. } | Fact::Delivered { .. }))
    }
    pub fn facts_of(&self, op: u32) -> Vec<Fact> {
        self.around(op).map(|(_, f)| f).collect()
    }
    /// When the facts about an operation were first such that.
    pub fn first_prefix(&self, op: u32, is: impl Fn(&[Fact]) -> bool) -> Option<Time> {
        let (times, facts): (Vec<Time>, Vec<Fact>) = self.around(op).unzip();
        (0..facts.len()).find(|&i| is(&facts[..=i])).map(|i| times[i])
    }
    pub fn each_op(&self, check: impl Fn(&History, u32, &mut Twin)) -> Twin {
        let mut all = Twin::default();
        for op in 0..self.ops() {
            let mut twin = Twin::default();
            check(self, op, &mut twin);
            all.add(twin);
        }
        all
    }
    fn produced(&self, op: u32) -> (u32, &Producer) {
        let born = self.facts.iter().find_map(|(_, f)| match *f {
            Fact::Produced { op: o, key, producer, .. } if o == op => Some((key, producer)),
            _ => None,
        });
        let (key, producer) = born.expect("an operation is produced first");
        (key, &self.plan.producers[producer.at()])
    }
    pub fn home(&self, op: u32) -> QueueId {
        self.produced(op).1.to
    }
    pub fn keyed(&self, op: u32) -> bool {
        self.produced(op).1.keys != KeyDraw::None
    }
    /// A key is a producer's own.
    pub fn key(&self, op: u32) -> (&str, u32) {
        let (key, producer) = self.produced(op);
        (&producer.name, key)
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
    /// Whether a handler has the operation in its hands, or may still get it there.
    pub fn in_hands(&self, facts: &[Fact], op: u32) -> bool {
        facts.iter().enumerate().any(|(i, fact)| {
            let Fact::Delivered { held, .. } = *fact else { return false };
            held.op == op
                && !facts[i + 1..].iter().any(|later| match *later {
                    Fact::Ended { held: h, .. }
                    | Fact::Delivered { held: h, .. }
                    | Fact::Expired { held: h, holder: Holder::Nobody, .. } => h.delivery == held.delivery,
                    Fact::Crashed { instance } => instance == self.instance(held.worker),
                    _ => false,
                })
        })
    }
}
