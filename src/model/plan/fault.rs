//! What goes wrong, when; and the links on which packets take time or are lost.

use super::{ConsumerId, ProducerId, QueueId};
use crate::sim::{Chance, Dist, Span, Time};

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its name in the scenario.
    pub name: String,
    /// What happens, and to whom.
    pub kind: FaultKind,
    /// When it happens.
    pub when: When,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// A process dies with all its workers and comes back.
    Crash {
        /// Whose process.
        consumer: ConsumerId,
        /// How long it is down.
        restart_after: Span,
    },
    /// A process stands still; what comes due waits until it goes on.
    Pause {
        /// Whose process.
        consumer: ConsumerId,
        /// How long it stands still.
        lasts: Span,
    },
    /// The work of handlers takes longer for a while.
    Slow {
        /// Whose handlers.
        consumer: ConsumerId,
        /// How many times as long.
        factor: u32,
        /// How long from its start.
        lasts: Span,
    },
    /// A handler's step ends with an error that another try may not have.
    Error {
        /// Whose handlers.
        consumer: ConsumerId,
    },
    /// A broker goes down and comes back, keeping or losing what its durability settings say.
    BrokerCrash {
        /// The queue that it holds.
        queue: QueueId,
        /// How long it is down.
        restart_after: Span,
    },
}

impl FaultKind {
    /// The consumer whose processes it befalls.
    pub fn consumer(&self) -> Option<ConsumerId> {
        match *self {
            FaultKind::Crash { consumer, .. }
            | FaultKind::Error { consumer }
            | FaultKind::Pause { consumer, .. }
            | FaultKind::Slow { consumer, .. } => Some(consumer),
            FaultKind::BrokerCrash { .. } => None,
        }
    }
}

/// When a fault happens.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Again and again with exponential gaps of this mean, on a timeline for each process; what falls into its
    /// down time is ignored.
    Every(Span),
    /// At these moments. To one process (counted from 0), or to all.
    At {
        /// The moments, in order.
        times: Vec<Time>,
        /// Which process.
        instance: Option<u16>,
    },
    /// With a likelihood each time a handler is at this step: at an even moment within its latency, before it acts.
    AtStep {
        /// The index in the consumer's steps.
        step: u8,
        /// How likely.
        chance: Chance,
    },
}

/// A hop that takes time: its packets are events.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its name in the scenario.
    pub name: String,
    /// Who calls.
    pub from: Party,
    /// Which queue answers.
    pub to: QueueId,
    /// How long a packet takes; packets of one direction never overtake each other.
    pub latency: Dist,
    /// How many of the requests (a publish, an ack) never arrive.
    pub lose_request: Chance,
    /// How many of the answers (a confirm) never arrive.
    pub lose_answer: Chance,
}

/// Who stands at the near end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// A producer.
    Producer(ProducerId),
    /// All processes of a consumer.
    Consumer(ConsumerId),
}
