//! What a consumer does: how many processes and workers it has, and the steps of its program.

use super::{QueueId, StoreId};
use crate::model::broker::Subscription;
use crate::sim::{Dist, Span};

/// An application that consumes.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its name in the scenario.
    pub name: String,
    /// Which queue it reads.
    pub from: QueueId,
    /// Processes; each crashes alone, with all its workers.
    pub instances: u16,
    /// Handlers at a time in each process.
    pub workers: u16,
    /// Messages that a worker takes at a time, and handles one after the other.
    pub batch: u16,
    /// Who asks for messages.
    pub receives: Receives,
    /// How it asks for messages; without it, as the product's client does where nothing is said.
    pub subscription: Option<Subscription>,
    /// How often the leases of what a process holds are renewed.
    pub heartbeat: Option<Span>,
    /// What a handler does.
    pub steps: Vec<Step>,
    /// What its marks name.
    pub marks_by: MarksBy,
    /// The named program that the steps were written for, if any.
    pub pattern: Option<&'static str>,
    /// What happens to a message whose handler ended with an error.
    pub on_error: OnError,
    /// Whether someone else decides what the handler does (a [`Seat`](crate::model::seat::Seat)); the steps then list the points
    /// that it may reach.
    pub foreign: bool,
}

impl Consumer {
    /// A consumer of one process with one worker that takes one message at a time, renews no lease, and gives back at once
    /// what it cannot do.
    pub fn new(name: &str, from: QueueId, steps: Vec<Step>) -> Consumer {
        Consumer {
            name: name.into(),
            from,
            instances: 1,
            workers: 1,
            batch: 1,
            receives: Receives::Worker,
            subscription: None,
            heartbeat: None,
            steps,
            marks_by: MarksBy::Operation,
            pattern: None,
            on_error: OnError::always(Reaction::Nack { delay: Span::ZERO }),
            foreign: false,
        }
    }

    /// A consumer whose handler is foreign. It may stand at any point and ack; it has an effect on each of the stores in
    /// `effects`, and asks and marks those in `marks`.
    pub fn foreign(name: &str, from: QueueId, effects: &[StoreId], marks: &[StoreId]) -> Consumer {
        let effects = effects.iter().map(|&store| Step::Effect { store, site: 0 });
        let marks = marks.iter().flat_map(|&store| [Step::Seen(store), Step::Mark(store)]);
        let steps = [Step::Point, Step::Ack].into_iter().chain(effects).chain(marks).collect();
        Consumer { foreign: true, ..Consumer::new(name, from, steps) }
    }
}

/// Who asks a broker for messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Receives {
    /// Each worker, for itself.
    #[default]
    Worker,
    /// Each process, for all its workers: whoever is idle takes the next of what came.
    Instance,
}

/// What the marks of a consumer name, in a cache, a table or an inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MarksBy {
    /// The operation: it survives every retry.
    #[default]
    Operation,
    /// The broker's message: a producer's retry is another one.
    Message,
    /// The delivery: it never comes again.
    Delivery,
}

/// What happens to a message whose handler ended with an error. A handler tells one kind from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnError {
    /// Where another try may do it.
    pub retryable: Reaction,
    /// Where no handler can do it.
    pub poison: Reaction,
    /// From this delivery on, whichever it is.
    pub after: Option<(u16, Reaction)>,
}

impl OnError {
    /// The same whatever the error is.
    pub const fn always(reaction: Reaction) -> OnError {
        OnError { retryable: reaction, poison: reaction, after: None }
    }

    /// Every reaction that may happen.
    pub fn reactions(&self) -> impl Iterator<Item = Reaction> + use<> {
        [self.retryable, self.poison].into_iter().chain(self.after.map(|(_, reaction)| reaction))
    }
}

/// What a handler that ended with an error does with its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Gives it back, to be delivered again after a delay.
    Nack {
        /// How long it stays aside.
        delay: Span,
    },
    /// Leaves it to its lease: it comes back when that expires.
    Leave,
    /// Rejects it: the broker puts it aside or drops it.
    Reject,
    /// Acks it: nobody hears of it again.
    Ack,
}

/// One step of a handler: one event, at the end of its latency.
// Which one is asked at each event: it stands in a byte of its own, not in what is free in the length.
#[repr(u8)]
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Computes for a while.
    Work(Dist),
    /// Asks the store whether this operation is marked; goes on to the ack if it is.
    Seen(StoreId),
    /// Applies the operation's change.
    Effect {
        /// To what.
        store: StoreId,
        /// Which effect of the plan: see [`Plan::effects`](super::Plan::effects). Filled in by [`Plan::check`](super::Plan::check).
        site: u8,
    },
    /// Marks the operation as done. In a transaction this inserts its key: a second insert waits for the
    /// first transaction, and conflicts with it once committed, which goes on to the ack.
    Mark(StoreId),
    /// Begins a transaction.
    Begin(StoreId),
    /// Commits it: its marks and effects stand from now on.
    Commit(StoreId),
    /// Settles the message. Takes no time.
    Ack,
    /// A place in a foreign handler's code at which it may crash or stand still. Takes no time.
    Point,
}

impl Step {
    /// The word of the scenario language.
    pub fn word(&self) -> &'static str {
        match self {
            Step::Work(_) => "work",
            Step::Seen(_) => "seen?",
            Step::Effect { .. } => "effect",
            Step::Mark(_) => "mark",
            Step::Begin(_) => "begin",
            Step::Commit(_) => "commit",
            Step::Ack => "ack",
            Step::Point => "point",
        }
    }
    /// The store that the step goes to.
    pub fn store(&self) -> Option<StoreId> {
        match *self {
            Step::Seen(s) | Step::Effect { store: s, .. } | Step::Mark(s) | Step::Begin(s) | Step::Commit(s) => Some(s),
            Step::Work(_) | Step::Ack | Step::Point => None,
        }
    }
}
