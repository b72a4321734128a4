//! Amazon SQS: standard and FIFO queues.
//!
//! Settings, what a message says, how a consumer asks, and what an operator may do; the tables of parameters stand in
//! `tables.rs`. The broker's machine is one for both kinds (`machine.rs`): what makes a queue FIFO is another order of what
//! waits, a window of deduplication ids and stricter receipts (`order.rs`). SQS is closed; where its documentation is loose
//! the model takes one choice, named in `tables.rs`.

mod machine;
mod order;
mod receive;
mod tables;
mod upkeep;

pub(crate) use super::parts::Pull as Client;
pub(crate) use machine::Machine;
pub use tables::PRODUCTS;
pub use upkeep::Counts;

use super::{Again, Product};
use crate::model::plan::{Queue, QueueId};
use crate::model::text::Text;
use crate::sim::Span;

/// For how long a deduplication id, or the id of a receive attempt, is known. Fixed by the service.
pub const REMEMBERED: Span = Span::from_secs(300);
/// A queue is purged at most once in so long.
pub const PURGE_PAUSE: Span = Span::from_secs(60);
/// So many messages of a queue may be in flight.
pub const MAX_IN_FLIGHT: u32 = 120_000;

/// Whether a group or a deduplication id may be this.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic())
}

/// How a queue is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How long a received message is hidden.
    pub visibility_timeout: Span,
    /// How long a new message is hidden.
    pub delay: Span,
    /// How long a message is kept.
    pub retention: Span,
    /// How long a receive waits for messages where it does not say.
    pub receive_wait: Span,
    /// When a message is put aside, and where.
    pub redrive: Option<Redrive>,
    /// Standard or FIFO.
    pub kind: Kind,
}

/// The redrive policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// The dead-letter queue.
    pub to: QueueId,
    /// So many receives; the next one moves the message instead.
    pub max_receive_count: u16,
}

/// What only one kind of queue has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As many copies and as much order as it can.
    Standard {
        /// Whether what the service leaves loose happens, at its stated rates.
        loose: bool,
    },
    /// In order within a group, deduplicated on send.
    Fifo {
        /// A message without a deduplication id has its body as one.
        content_based: bool,
        /// Deduplication ids are those of a group, not of the queue.
        by_group: bool,
    },
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            visibility_timeout: Span::from_secs(30),
            delay: Span::ZERO,
            retention: Span::from_secs(4 * 86_400),
            receive_wait: Span::ZERO,
            redrive: None,
            kind: Kind::Standard { loose: true },
        }
    }
}

impl Settings {
    /// The product.
    pub fn product(&self) -> &'static Product {
        &PRODUCTS[usize::from(self.is_fifo())]
    }
    /// A queue stands alone.
    pub fn broker(&self) -> Option<u16> {
        None
    }
    /// Retention; delays of the queue's length, deduplication ids, receive attempts; visibility of any length.
    pub(crate) fn timers(&self) -> [u8; 3] {
        [1, 3, 1]
    }
    /// Nothing is rejected: what cannot be done comes back until it had its last delivery.
    pub(crate) fn rejects(&self) -> bool {
        false
    }
    /// Where dead letters go.
    pub fn dead_letter_to(&self) -> Option<QueueId> {
        self.redrive.map(|redrive| redrive.to)
    }
    /// How long a consumer may hold a message at first.
    pub fn lease(&self) -> Option<Span> {
        Some(self.visibility_timeout)
    }
    /// After how many receives.
    pub fn max_deliveries(&self) -> Option<u16> {
        self.redrive.map(|redrive| redrive.max_receive_count)
    }
    /// In words.
    pub fn dead_letter_words(&self) -> Option<String> {
        let most = self.max_deliveries()?;
        Some(format!("after {most} {}", if most == 1 { "receive" } else { "receives" }))
    }
    /// Whether it is a FIFO queue.
    pub fn is_fifo(&self) -> bool {
        matches!(self.kind, Kind::Fifo { .. })
    }
}

impl Settings {
    /// Why a queue refuses a message that says this, if it does.
    pub fn refuses(&self, said: &Envelope) -> Option<Problem> {
        match self.kind {
            Kind::Standard { .. } => None,
            Kind::Fifo { .. } if said.group.is_none() => Some(Problem::MissingParameter),
            Kind::Fifo { .. } if said.delay.is_some_and(|delay| !delay.is_zero()) => {
                Some(Problem::InvalidParameterValue)
            }
            Kind::Fifo { content_based: false, .. } if said.dedup.is_none() => Some(Problem::InvalidParameterValue),
            Kind::Fifo { .. } => None,
        }
    }

    /// `StartMessageMoveTask`.
    pub(crate) fn redrives(&self) -> bool {
        true
    }
    /// What comes back is delivered as often again.
    pub(crate) fn ends_circles(&self) -> bool {
        false
    }
    /// They renew what is held.
    pub(crate) fn takes_no_heartbeats(&self) -> Option<&'static str> {
        None
    }
    /// A dead-letter queue is of the kind of its source.
    pub(crate) fn puts_aside_in(&self, target: &Settings) -> Result<(), String> {
        match (self.is_fifo(), target.is_fifo()) {
            (true, false) => Err("a FIFO queue needs a FIFO dead-letter queue: product = \"sqs-fifo\"".into()),
            (false, true) => {
                Err("a standard queue needs a standard dead-letter queue: product = \"sqs-standard\"".into())
            }
            _ => Ok(()),
        }
    }

    /// What is wrong with messages that say this, in words.
    pub(crate) fn takes(&self, said: &Envelope) -> Result<(), String> {
        match self.refuses(said) {
            None => Ok(()),
            Some(Problem::MissingParameter) => {
                Err("a FIFO queue needs a group: message = { MessageGroupId = \"{key}\" }".into())
            }
            Some(_) => Err("a FIFO queue needs `MessageDeduplicationId` in the message, such as \"{operation}\", or \
                            ContentBasedDeduplication"
                .into()),
        }
    }
}

/// What a producer says with each message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Envelope {
    /// `MessageGroupId`.
    pub group: Option<Text>,
    /// `MessageDeduplicationId`.
    pub dedup: Option<Text>,
    /// `MessageBody`; without it, one that no other operation has.
    pub body: Option<Text>,
    /// `DelaySeconds`, in place of the queue's.
    pub delay: Option<Span>,
}

/// How a consumer asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// `MaxNumberOfMessages`.
    pub max_messages: u16,
    /// `WaitTimeSeconds`; without it, the queue's.
    pub wait: Option<Span>,
    /// `VisibilityTimeout` of what is received; without it, the queue's.
    pub visibility_timeout: Option<Span>,
    /// `ReceiveRequestAttemptId`.
    pub attempt: Option<Text>,
    /// How long a client that does not wait pauses after an answer without messages.
    pub poll_pause: Span,
}

impl Default for Subscription {
    fn default() -> Self {
        Subscription {
            max_messages: 1,
            wait: None,
            visibility_timeout: None,
            attempt: None,
            poll_pause: Span::from_secs(1),
        }
    }
}

impl Subscription {
    /// A holder says when it is done.
    pub(crate) fn acks_itself(&self) -> bool {
        false
    }
    /// How many messages a worker takes at a time.
    pub(crate) fn batch(&self) -> Option<u16> {
        Some(self.max_messages)
    }
    /// Whether a worker that asks an empty queue waits there. A long poll that ends without a message is followed by the next at
    /// once, so it is modelled as one that does not end.
    pub(crate) fn waits(&self, settings: &Settings) -> bool {
        !self.wait.unwrap_or(settings.receive_wait).is_zero()
    }
    /// After an answer without messages a worker pauses.
    pub(crate) fn asks_again(&self, notice: Notice) -> Option<Again> {
        matches!(notice, Notice::Empty | Notice::OverLimit).then_some(Again::After(self.poll_pause))
    }
}

/// Nothing stands around queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Topology;

impl Topology {
    /// Nothing is given.
    pub(crate) fn read(_: &[super::Given], _: &mut [Queue]) -> Result<Topology, (super::Culprit, String)> {
        Ok(Topology)
    }
    /// A message goes where it is sent.
    pub(crate) fn reached(self, _: &Envelope) -> Vec<QueueId> {
        Vec::new()
    }
}

/// What a client says of a receipt, or an operator of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named as in `Fact`")]
pub enum Command {
    /// `DeleteMessage` by the receipt that a delivery is.
    Delete { delivery: u32 },
    /// `ChangeMessageVisibility`.
    ChangeVisibility { delivery: u32, to: Span },
    /// `PurgeQueue`.
    Purge,
    /// `SetQueueAttributes`: from now on the queue is set as this one of the plan.
    SetAttributes { like: QueueId },
}

/// What the service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A receive came back without messages.
    Empty,
    /// A receive was refused: too many messages are in flight.
    OverLimit,
    /// It is done.
    Ok,
    /// It is not: why.
    Error(Problem),
    /// A send was taken for one that was sent before (that operation), and not stored.
    SameAs(u32),
}

/// Why the service refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A FIFO queue's message needs a group.
    MissingParameter,
    /// A value does not fit.
    InvalidParameterValue,
    /// The receipt's message is not in flight under it.
    MessageNotInflight,
    /// The receipt's message is gone.
    ReceiptHandleIsInvalid,
    /// The queue was purged a moment ago.
    PurgeQueueInProgress,
}

impl Problem {
    /// The service's own name for it.
    pub fn code(self) -> &'static str {
        match self {
            Problem::MissingParameter => "MissingParameter",
            Problem::InvalidParameterValue => "InvalidParameterValue",
            Problem::MessageNotInflight => "MessageNotInflight",
            Problem::ReceiptHandleIsInvalid => "ReceiptHandleIsInvalid",
            Problem::PurgeQueueInProgress => "PurgeQueueInProgress",
        }
    }
}
