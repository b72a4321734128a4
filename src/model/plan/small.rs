//! The small plan: what an exploration or a trial needs, and nothing else.
//!
//! A few operations, one queue, two processes that may crash. Every schedule of it is to be tried, so each part more costs
//! many times the states. It is a plan like any other: what it leaves out is added to its fields.

use super::{
    Arrivals, Consumer, ConsumerId, Fault, FaultKind, Plan, Producer, Queue, QueueId, Step, Store, StoreId, StoreKind,
    When,
};
use crate::model::broker::Settings;
use crate::sim::{Dist, Span};

/// Builds a small plan: a `source` publishes to the queue `work`, the processes of `worker` read it and may crash.
///
/// ```
/// use redelivery::model::broker::{Settings, plain};
/// use redelivery::model::plan::Small;
/// use redelivery::ways::trial::{At, Message, Trial};
///
/// async fn effect_then_ack(_: Message, at: At) -> Result<(), String> {
///     at.effect("db").await;
///     at.ack().await;
///     Ok(())
/// }
///
/// let plan = Small::on(Settings::Plain(plain::Settings::default())).database("db").foreign();
/// let failure = Trial::of(plan).check(|| effect_then_ack).unwrap_err();
/// assert!(failure.to_string().starts_with("effects at-most-once violated"));
/// ```
#[derive(Clone, Debug)]
pub struct Small {
    queue: Settings,
    operations: u32,
    processes: u16,
    databases: Vec<String>,
}

impl Small {
    /// On a queue of these settings: two operations, one a second, and two processes; no database.
    pub fn on(queue: Settings) -> Small {
        Small { queue, operations: 2, processes: 2, databases: Vec::new() }
    }
    /// So many operations.
    pub fn operations(self, operations: u32) -> Small {
        Small { operations, ..self }
    }
    /// So many processes, each with one worker.
    pub fn processes(self, processes: u16) -> Small {
        Small { processes, ..self }
    }
    /// A database more, in which each step takes 100 ms. The first one is `StoreId(0)`.
    pub fn database(mut self, name: &str) -> Small {
        self.databases.push(name.into());
        self
    }

    /// The plan whose handlers are somebody else's: see [`Consumer::foreign`]. They may have effects on every database, and
    /// ask and mark each.
    pub fn foreign(self) -> Plan {
        let stores: Vec<StoreId> = (0..self.databases.len() as u16).map(StoreId).collect();
        self.of(Consumer::foreign("worker", QueueId(0), &stores, &stores))
    }
    /// The plan whose handlers take these steps.
    pub fn program(self, steps: Vec<Step>) -> Plan {
        self.of(Consumer::new("worker", QueueId(0), steps))
    }

    fn of(self, consumer: Consumer) -> Plan {
        let mut plan = Plan::new("a small plan");
        plan.length.operations = Some(self.operations);
        plan.producers.push(Producer::new("source", QueueId(0), Arrivals::Constant { gap: Span::from_secs(1) }));
        plan.queues.push(Queue { name: "work".into(), settings: self.queue });
        let latency = Dist::fixed(Span::from_millis(100));
        let database = |name| Store { name, kind: StoreKind::Database, latency: latency.clone() };
        plan.stores.extend(self.databases.into_iter().map(database));
        plan.consumers.push(Consumer { instances: self.processes, ..consumer });
        plan.faults.push(Fault {
            name: "crash".into(),
            kind: FaultKind::Crash { consumer: ConsumerId(0), restart_after: Span::from_secs(5) },
            when: When::Every(Span::from_secs(20)),
        });
        plan
    }
}
