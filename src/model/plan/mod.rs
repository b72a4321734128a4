//! The plan: the resolved scenario. Immutable, shared, complete: every default filled in, every name an index.
//!
//! A plan knows no text, no file and no unit; whoever builds one (the reader of scenarios, or code) calls
//! [`Plan::check`] before a [`World`](super::World) is made of it. Everything named stands in the order of its names:
//! the numbering, the initial bookings and so the whole run do not depend on the order in which a file says things.

mod check;
mod consumer;
mod fault;
mod producer;
mod small;

pub(crate) use check::ProducerSources;
pub use check::{About, PlanError};
pub use consumer::{Consumer, MarksBy, OnError, Reaction, Receives, Step};
pub use fault::{Fault, FaultKind, Link, Party, When};
pub use producer::{Arrivals, Kinds, MAX_KINDS, Poison, PoisonKind, Producer, Publish};
pub use small::Small;

use serde::Serialize;

use super::broker::{Settings, Topology};
use crate::sim::{Dist, Span, Time};

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(pub u16);
        impl $name {
            /// As an index into the plan's list.
            pub const fn at(self) -> usize { self.0 as usize }
        }
        impl From<$name> for u32 {
            fn from(id: $name) -> u32 { u32::from(id.0) }
        }
    )*};
}
index! {
    /// The place of a producer in [`Plan::producers`].
    ProducerId,
    /// The place of a queue in [`Plan::queues`].
    QueueId,
    /// The place of a store in [`Plan::stores`].
    StoreId,
    /// The place of a consumer in [`Plan::consumers`].
    ConsumerId,
    /// The place of a link in [`Plan::links`].
    LinkId
}

/// The resolved scenario.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the scenario shows, in one line.
    pub title: String,
    /// What the scenario asks.
    pub question: String,
    /// The world that `run` takes where no other is asked for.
    pub seed: u64,
    /// How long producers produce and how long the rest may take.
    pub length: Length,
    /// By name.
    pub producers: Vec<Producer>,
    /// By name.
    pub queues: Vec<Queue>,
    /// What stands around the queues.
    pub topology: Topology,
    /// By name.
    pub stores: Vec<Store>,
    /// By name.
    pub consumers: Vec<Consumer>,
    /// By name.
    pub faults: Vec<Fault>,
    /// By name. Where no link is said, a hop is direct.
    pub links: Vec<Link>,
    /// By name: dead letters that an operator moves back.
    pub redrives: Vec<Redrive>,
}

impl Plan {
    /// A plan of nothing yet, for worlds built by code: seed 1, no operations, a drain of 10 minutes.
    pub fn new(title: &str) -> Plan {
        Plan {
            title: title.into(),
            question: String::new(),
            seed: 1,
            length: Length { span: None, operations: None, drain: Span::from_secs(600) },
            producers: Vec::new(),
            queues: Vec::new(),
            topology: Topology::default(),
            stores: Vec::new(),
            consumers: Vec::new(),
            faults: Vec::new(),
            links: Vec::new(),
            redrives: Vec::new(),
        }
    }

    /// The consumers, by place.
    pub fn consumer_ids(&self) -> impl Iterator<Item = ConsumerId> + use<> {
        (0..self.consumers.len() as u16).map(ConsumerId)
    }

    /// The queues, by place.
    pub fn queue_ids(&self) -> impl Iterator<Item = QueueId> + use<> {
        (0..self.queues.len() as u16).map(QueueId)
    }
}

/// How long a run is. Producers and random faults stop at the first of the two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Producers stop at this moment.
    pub span: Option<Span>,
    /// Producers stop when so many operations were produced in all.
    pub operations: Option<u32>,
    /// How long after that the rest may take before it counts as still stored.
    pub drain: Span,
}

/// A queue and the settings of its product.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its name in the scenario.
    pub name: String,
    /// What it is of, and how it is set.
    pub settings: Settings,
}

/// An operator moves back what waits in a dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// Its name in the scenario.
    pub name: String,
    /// From where.
    pub from: QueueId,
    /// To where.
    pub to: QueueId,
    /// When, in order.
    pub at: Vec<Time>,
}

/// Something that effects are applied to.
#[derive(Clone, Debug)]
pub struct Store {
    /// Its name in the scenario.
    pub name: String,
    /// What kind.
    pub kind: StoreKind,
    /// How long each step on it takes.
    pub latency: Dist,
}

/// What a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Takes part in transactions; a second insert of a key waits for the first transaction, then conflicts.
    Database,
    /// Takes no part in transactions: an effect on it stands at once.
    External {
        /// How long it remembers the idempotency key of an operation; `None` where it takes none.
        idempotency: Option<Span>,
    },
    /// In the memory of the process: dies with it.
    Cache,
}

/// One process of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Whose process.
    pub consumer: ConsumerId,
    /// Its number among the consumer's processes, from 0.
    pub number: u16,
    /// Its first worker, in the numbering of the whole plan.
    pub first_worker: u32,
}

/// At most so many steps in the program of a consumer.
pub const MAX_STEPS: usize = 200;
/// At most so many effect steps in a plan: the ledger keeps two bits of each for each operation.
pub const MAX_EFFECT_SITES: usize = 8;
/// At most so many pairs of a producer and a queue that it may be routed to.
pub const MAX_STRANDS: usize = 1 << 15;
/// At most so many workers in a plan.
pub const MAX_WORKERS: u32 = 1_000_000;
/// At most so many timelines in a plan: a fault has one for each process that it may befall.
pub const MAX_TIMELINES: u32 = 1_000_000;
