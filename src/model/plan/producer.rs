//! What a producer does: when operations come, which key each gets, and how they are published.

use super::QueueId;
use crate::model::broker::Envelope;
use crate::model::text::Names;
use crate::sim::{Chance, KeyDraw, Span};

/// Produces operations and publishes them.
#[derive(Clone, Debug)]
pub struct Producer {
    /// Its name in the scenario.
    pub name: String,
    /// Where it publishes: the queue by which its broker is found, and where its messages go if nothing else is said.
    pub to: QueueId,
    /// All queues that its messages may be routed to, each once, in their order: the *homes* of its operations. Left empty,
    /// it is `to` alone.
    pub homes: Vec<QueueId>,
    /// When operations are produced. Arrivals never wait for anything.
    pub arrivals: Arrivals,
    /// Which key an operation gets.
    pub keys: KeyDraw,
    /// Of which kinds operations are; without them, all are alike.
    pub kinds: Option<Kinds>,
    /// Operations that no handler can do.
    pub poison: Option<Poison>,
    /// What it does with an operation.
    pub publish: Publish,
    /// What it says with each message; without it, what the product takes where nothing is said.
    pub message: Option<Envelope>,
}

impl Producer {
    /// The names of its kinds and keys.
    pub fn names(&self) -> Names<'_> {
        Names { kinds: self.kinds.as_ref().map_or(&[], |kinds| &kinds.names), keys: &self.keys }
    }

    /// The number of a queue among the homes; of any other queue it is the first's.
    pub(crate) fn home_number(&self, queue: QueueId) -> u16 {
        self.homes.binary_search(&queue).unwrap_or(0) as u16
    }

    /// A producer without keys and poison that confirms with a timeout of 5 s.
    pub fn new(name: &str, to: QueueId, arrivals: Arrivals) -> Producer {
        let publish = Publish::Confirm { timeout: Span::from_secs(5) };
        Producer {
            name: name.into(),
            to,
            homes: Vec::new(),
            arrivals,
            keys: KeyDraw::None,
            kinds: None,
            poison: None,
            publish,
            message: None,
        }
    }
}

/// Kinds of operations, each with its share.
#[derive(Clone, Debug)]
pub struct Kinds {
    /// Their names.
    pub names: Vec<String>,
    draw: KeyDraw,
}

/// At most so many kinds.
pub const MAX_KINDS: usize = 200;

impl Kinds {
    /// Kinds with their shares, which are all there is together.
    ///
    /// # Errors
    /// What is wrong with the shares.
    pub fn new(shares: Vec<(String, f64)>) -> Result<Kinds, String> {
        if shares.is_empty() || shares.len() > MAX_KINDS {
            return Err(format!("{} kinds: expected 1 to {MAX_KINDS}", shares.len()));
        }
        let all: f64 = shares.iter().map(|(_, share)| share).sum();
        if (all - 1.0).abs() > 1e-9 {
            return Err(format!("the shares come to {:.6} %: expected 100 %", 100.0 * all));
        }
        let names = shares.iter().map(|(name, _)| name.clone()).collect();
        Ok(Kinds { names, draw: KeyDraw::weighted(shares, 0)? })
    }

    /// The kind that 64 uniform bits choose.
    pub(crate) fn draw(&self, bits: u64) -> u8 {
        self.draw.draw(bits, 0) as u8
    }
}

/// When operations are produced.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// One every `gap`, the first after one gap.
    Constant {
        /// From one to the next.
        gap: Span,
    },
    /// Exponential gaps.
    Poisson {
        /// The mean gap.
        gap: Span,
    },
    /// Poisson while on, silent while off, on first.
    Bursty {
        /// The mean gap while on.
        gap: Span,
        /// How long each burst lasts.
        on: Span,
        /// How long each silence lasts.
        off: Span,
    },
    /// So many in the first instant.
    AtOnce {
        /// How many.
        count: u32,
    },
}

impl Arrivals {
    /// The mean gap between two operations, in a burst where there are bursts.
    pub fn mean_gap(&self) -> Span {
        match *self {
            Arrivals::Constant { gap } | Arrivals::Poisson { gap } | Arrivals::Bursty { gap, .. } => gap,
            Arrivals::AtOnce { .. } => Span::ZERO,
        }
    }
}

/// Operations that no handler can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poison {
    /// How many of the operations.
    pub fraction: Chance,
    /// What happens to a handler that tries.
    pub how: PoisonKind,
}

/// What a poison operation does to its handler, at its first step that is not an ack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoisonKind {
    /// The handler ends with an error.
    Errors,
    /// The handler never ends.
    Hangs,
    /// The process dies, with all its workers.
    Kills,
}

/// What a producer does with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    /// Publishes once and never looks back.
    FireAndForget,
    /// Publishes once and waits for the broker's confirm; without it in time, the outcome stays unknown.
    Confirm {
        /// How long it waits.
        timeout: Span,
    },
    /// Publishes again, under the same operation id, until a confirm comes or the attempts are used up. A retry after
    /// an unknown outcome may store a second copy.
    ConfirmAndRetry {
        /// How long it waits for each confirm.
        timeout: Span,
        /// How many publishes at the most.
        attempts: u16,
        /// How long it waits after a refusal or a timeout before it publishes again.
        backoff: Span,
    },
}

impl Publish {
    /// How long the producer waits for a confirm, if it does.
    pub fn timeout(self) -> Option<Span> {
        match self {
            Publish::FireAndForget => None,
            Publish::Confirm { timeout } | Publish::ConfirmAndRetry { timeout, .. } => Some(timeout),
        }
    }
}
