//! Who is who: what the observers take from a plan, as dense tables.
//!
//! A producer whose messages may be routed to several queues has a *strand* for each of them: its operations as the readers
//! of that queue see them. Strands are numbered over the plan, first by producer, then by home; where nobody fans out they
//! are the producers. It knows no name and no setting that a guarantee does not ask for. It never changes during a run.

use super::guarantees::OpState;
use crate::model::Plan;
use crate::model::plan::{ProducerId, Publish, QueueId, Step};
use crate::sim::KeyDraw;

/// The parties of a plan, as far as facts are read with them.
#[derive(Clone, Debug)]
pub struct Roles {
    producers: Vec<ProducerRole>,
    pub(super) strands: Vec<StrandRole>,
    /// `1 << shift` words are kept of an operation: the least power of two that holds the homes of every producer.
    pub(super) shift: u32,
    pub(super) consumers: Vec<ConsumerRole>,
    workers: Vec<WorkerRole>,
    /// The first worker of each process, and the first one after the last.
    pub(super) instances: Vec<InstanceRole>,
    /// The cap on deliveries, by queue.
    pub(super) caps: Vec<Option<u16>>,
}

#[derive(Clone, Copy, Debug)]
struct ProducerRole {
    first_strand: usize,
    /// So many queues its messages may be routed to.
    homes: usize,
}

/// A producer, and one of the queues that its messages may be routed to.
#[derive(Clone, Copy, Debug)]
pub(super) struct StrandRole {
    pub producer: ProducerId,
    /// The queue: the *home* of its operations.
    pub home: QueueId,
    /// An operation that it just produced.
    pub newborn: OpState,
    /// The same once it is published.
    pub published: OpState,
}

#[derive(Clone, Copy, Debug)]
struct WorkerRole {
    consumer: u16,
    from: QueueId,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ConsumerRole {
    pub from: QueueId,
    /// The bits of [`OpState`] that say "took effect" for each of its effect steps; none without such steps.
    pub sites: u64,
    pub workers: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct InstanceRole {
    pub consumer: u16,
    pub first_worker: u32,
    pub end_worker: u32,
}

impl Roles {
    /// The roles of a checked plan.
    pub fn new(plan: &Plan) -> Roles {
        let sites = |steps: &[Step]| {
            steps.iter().fold(0, |bits, step| match *step {
                Step::Effect { site, .. } => bits | OpState::once_at(site),
                _ => bits,
            })
        };
        let (mut producers, mut strands) = (Vec::new(), Vec::new());
        for (of, producer) in plan.producers.iter().zip((0..).map(ProducerId)) {
            let homes = if of.homes.is_empty() { std::slice::from_ref(&of.to) } else { &of.homes };
            producers.push(ProducerRole { first_strand: strands.len(), homes: homes.len() });
            let (keyed, forgets) = (of.keys != KeyDraw::None, of.publish == Publish::FireAndForget);
            for &home in homes {
                let newborn = OpState::produced(strands.len() as u16, keyed, forgets, homes.len() > 1);
                strands.push(StrandRole { producer, home, newborn, published: newborn.published() });
            }
        }
        let most = producers.iter().map(|producer| producer.homes).max().unwrap_or(1);
        Roles {
            producers,
            strands,
            shift: most.next_power_of_two().trailing_zeros(),
            consumers: plan
                .consumers
                .iter()
                .map(|c| ConsumerRole {
                    from: c.from,
                    sites: sites(&c.steps),
                    workers: u32::from(c.instances) * u32::from(c.workers),
                })
                .collect(),
            workers: plan
                .instances()
                .flat_map(|i| {
                    let consumer = &plan.consumers[i.consumer.at()];
                    let role = WorkerRole { consumer: i.consumer.0, from: consumer.from };
                    (0..consumer.workers).map(move |_| role)
                })
                .collect(),
            instances: plan
                .instances()
                .map(|i| InstanceRole {
                    consumer: i.consumer.0,
                    first_worker: i.first_worker,
                    end_worker: i.first_worker + u32::from(plan.consumers[i.consumer.at()].workers),
                })
                .collect(),
            caps: plan.queues.iter().map(|q| q.settings.max_deliveries()).collect(),
        }
    }

    /// How many workers there are.
    pub(super) fn workers(&self) -> usize {
        self.workers.len()
    }

    /// The place of a worker's consumer.
    #[inline]
    pub(super) fn consumer(&self, worker: u32) -> usize {
        usize::from(self.workers[worker as usize].consumer)
    }

    /// The home of an operation, as this word is about it.
    #[inline]
    pub(super) fn home(&self, op: OpState) -> QueueId {
        self.strands[op.strand()].home
    }

    /// The strands of a producer, in the order of its homes.
    #[inline]
    pub(super) fn strands_of(&self, producer: ProducerId) -> &[StrandRole] {
        let ProducerRole { first_strand, homes } = self.producers[producer.at()];
        &self.strands[first_strand..first_strand + homes]
    }

    /// The strands of an operation of which one word is this.
    pub(super) fn strands_with(&self, op: OpState) -> &[StrandRole] {
        self.strands_of(self.strands[op.strand()].producer)
    }

    /// The number of a queue among the homes of an operation; of any other queue it is the first's.
    pub(super) fn home_number(&self, op: OpState, queue: QueueId) -> usize {
        self.strands_with(op).iter().position(|strand| strand.home == queue).unwrap_or(0)
    }

    /// Whether a worker reads the home of an operation.
    #[inline]
    pub(super) fn at_home(&self, op: OpState, worker: u32) -> bool {
        self.workers[worker as usize].from == self.home(op)
    }
}
