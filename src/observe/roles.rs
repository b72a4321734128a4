//! Who is who: what the observers take from a plan, as dense tables.
//!
//! It knows no name and no setting that a guarantee does not ask for. It never changes during a run.

use super::guarantees::OpState;
use crate::model::Plan;
use crate::model::plan::{ProducerId, Publish, QueueId, Step};
use crate::sim::KeyDraw;

/// The parties of a plan, as far as facts are read with them.
#[derive(Clone, Debug)]
pub struct Roles {
    pub(super) producers: Vec<ProducerRole>,
    pub(super) consumers: Vec<ConsumerRole>,
    workers: Vec<WorkerRole>,
    /// The first worker of each process, and the first one after the last.
    pub(super) instances: Vec<InstanceRole>,
    /// The cap on deliveries, by queue.
    pub(super) caps: Vec<Option<u16>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ProducerRole {
    /// The queue that it publishes to: the *home* of its operations.
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
        Roles {
            producers: plan
                .producers
                .iter()
                .enumerate()
                .map(|(p, producer)| {
                    let keyed = producer.keys != KeyDraw::None;
                    let forgets = producer.publish == Publish::FireAndForget;
                    let newborn = OpState::produced(ProducerId(p as u16), keyed, forgets);
                    ProducerRole { home: producer.to, newborn, published: newborn.published() }
                })
                .collect(),
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

    /// The place of a worker's consumer.
    #[inline]
    pub(super) fn consumer(&self, worker: u32) -> usize {
        usize::from(self.workers[worker as usize].consumer)
    }

    /// The queue that an operation was published to.
    #[inline]
    pub(super) fn home(&self, op: OpState) -> QueueId {
        self.producers[op.producer()].home
    }

    /// Whether a worker reads the queue that an operation was published to.
    #[inline]
    pub(super) fn at_home(&self, op: OpState, worker: u32) -> bool {
        self.workers[worker as usize].from == self.home(op)
    }
}
