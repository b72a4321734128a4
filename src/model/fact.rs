//! Facts: what machines tell of a run. Everything that is measured, judged or told in a story is read off facts.
//!
//! A fact is plain data of at most 40 bytes. Operations, keys and deliveries have dense numbers: operations in the
//! order in which they were produced (so of two operations of one key, the smaller number is the older), keys as the
//! producer numbers them, deliveries and messages by slots that are reused. Machines cannot see who watches.
//!
//! The order of facts is a contract:
//! - `Produced` comes first for an operation; then `Published` for each copy; each copy then is `Accepted`, `Refused`,
//!   `Swallowed` or `PacketLost` (a wire), or still on its way. Where the messages of a producer may be routed to several
//!   queues, that is said of each of them: `Accepted` (each copy in a slot of its own) or `PassedBy`; `Refused` and
//!   `PacketLost` speak for all.
//! - A message (slot) is *ready* from `Accepted` on; `Delivered` puts it in flight; `Acked` settles it, `AckedLate` does when it is ready again; `Expired`,
//!   `Nacked` (ready after its delay, and counted as ready meanwhile) and `TakenBack` make it ready again; `Dropped` ends
//!   it; `DeadLettered` and `Redriven` always find it ready and move the same slot, ready, to another queue.
//! - Between `Delivered` of a delivery slot and the next `Delivered` of that slot, the slot names one delivery. It may be
//!   heard of after its message was taken back (`Stale`, steps of a late handler). A delivery that waits for its run when
//!   its process crashes, or that expires with nobody as its holder, never has one.
//! - A delivery has at most one run: `Started`, then `Stepped`, `Waits`, `Effect`, `Suppressed`, then one `Ended`.
//!   `Acked` or `Stale` may come before `Ended` (ack-first) or after it. `Ended` with [`RunEnd::Crashed`] comes before
//!   the `Crashed` of the process. Effects in a transaction are told at its commit.
//! - `Stepped` is told for every step but an `effect` and an `ack`, which have facts of their own.

use serde::Serialize;

use super::plan::{ProducerId, QueueId};
use crate::sim::{Span, Time};

/// Why a delivery exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Cause {
    /// The first hand-out of this copy.
    #[default]
    First,
    /// The lease of the former delivery ran out.
    Expired,
    /// The former holder gave it back.
    Nacked,
    /// The broker came back with what it had kept.
    BrokerRestart,
    /// The first hand-out of a further copy: the producer published again.
    ProducerCopy,
    /// The connection of the former holder ended.
    Disconnected,
}

/// What the holder of a delivery was doing when the delivery ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Holder {
    /// There was none.
    #[default]
    Nobody,
    /// Its handler was still at it, or it waited behind others of its batch.
    Working,
    /// Its process stood still.
    Paused,
    /// Its process had crashed.
    Crashed,
    /// Its handler had ended.
    Done,
}

/// How a handler run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum RunEnd {
    /// With its last step.
    Done,
    /// With an error.
    Failed,
    /// With its process.
    Crashed,
}

/// Why a broker let a message go that nobody had acked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum DropReason {
    /// The broker crashed and does not keep what it stores.
    BrokerCrash,
    /// The cap on deliveries was reached and there is no dead-letter queue.
    MaxDeliveries,
    /// A consumer rejected it for good, and there is no dead-letter queue.
    Rejected,
    /// It was too old.
    Expired,
    /// There were too many.
    MaxLength,
    /// It was stored nowhere: nothing that it could be routed to.
    Unroutable,
    /// The queue was deleted.
    QueueDeleted,
    /// Somebody removed what was ready.
    Purged,
}

/// Why a broker refused a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Refusal {
    /// The queue is full.
    MaxLength,
    /// There is no queue that it could be routed to, and the producer wants to know.
    Unroutable,
    /// There is no such exchange.
    NoExchange,
}

/// The parties of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Which operation.
    pub op: u32,
    /// Its key.
    pub key: u32,
    /// The slot of the delivery.
    pub delivery: u32,
    /// Who holds it.
    pub worker: u32,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the fields are named as in `Held`; each variant says what it means")]
pub enum Fact {
    /// A producer means an operation to happen.
    Produced { op: u32, key: u32, producer: ProducerId, poison: bool },
    /// A publish was sent; `copy` counts them from 0.
    Published { op: u32, copy: u16, queue: QueueId },
    /// The broker stored a copy, in the slot `message`.
    Accepted { op: u32, copy: u16, message: u32, queue: QueueId },
    /// The broker did not store it, and says so.
    Refused { op: u32, copy: u16, queue: QueueId, why: Refusal },
    /// One of several queues that a publish may be routed to takes no copy of it: it is full, where it is `routed` there.
    PassedBy { op: u32, copy: u16, queue: QueueId, routed: bool },
    /// A publish was lost on its wire; nobody knows.
    PacketLost { op: u32, copy: u16, queue: QueueId },
    /// The producer knows that a copy is stored.
    Confirmed { op: u32 },
    /// No confirm came in time: the copy may be stored or not.
    Unconfirmed { op: u32, copy: u16 },
    /// The producer will not publish it again; it knows of no stored copy.
    GaveUp { op: u32 },
    /// A broker handed a message out: `attempt` counts the hand-outs of this copy from 1; `holder` is what the former
    /// one was doing.
    Delivered { held: Held, message: u32, queue: QueueId, attempt: u16, cause: Cause, holder: Holder, until: Time },
    /// A handler run began; `run` counts those of this copy from 1.
    Started { held: Held, run: u16 },
    /// A step was taken, by its index among the consumer's; `skip`: it found the operation done already.
    Stepped { held: Held, step: u8, skip: bool },
    /// A step waits for another handler's transaction on the same operation.
    Waits { held: Held, step: u8 },
    /// An effect stands; `current`: while its delivery was the message's current one.
    Effect { held: Held, site: u8, current: bool },
    /// An external service knew the idempotency key and did nothing.
    Suppressed { held: Held, site: u8 },
    /// A handler run ended.
    Ended { held: Held, how: RunEnd },
    /// The broker took the ack: the message is settled.
    Acked { held: Held, message: u32, queue: QueueId },
    /// The broker took an ack that came after the lease was over, of a message that stood ready: it is settled.
    AckedLate { held: Held, message: u32, queue: QueueId },
    /// The broker took a copy for one that it got before (`of` that operation): it is accepted, and not stored.
    Swallowed { op: u32, copy: u16, queue: QueueId, of: u32 },
    /// An ack or a nack came for a delivery that is no longer current, and did nothing.
    Stale { held: Held, queue: QueueId },
    /// The holder gave the message back; it is delivered again after the delay.
    Nacked { held: Held, message: u32, queue: QueueId, delay: Span },
    /// A lease was renewed.
    Renewed { held: Held, queue: QueueId, until: Time },
    /// A lease ran out: the message goes back.
    Expired { held: Held, message: u32, queue: QueueId, holder: Holder },
    /// The broker took back what was in flight when it crashed, or when the connection of its holder ended.
    TakenBack { held: Held, message: u32, queue: QueueId },
    /// The broker put the message aside after so many deliveries; it was ready at that moment. `spent`: because every delivery
    /// counted and this had been the last.
    DeadLettered { op: u32, message: u32, from: QueueId, to: QueueId, attempts: u16, spent: bool },
    /// An operator moved a dead letter back: the same slot, ready, in another queue, as if it were new.
    Redriven { op: u32, message: u32, from: QueueId, to: QueueId },
    /// The broker let the message go; `in_flight`: it was out with a consumer.
    Dropped { op: u32, message: u32, queue: QueueId, in_flight: bool, why: DropReason },
    /// A process died (numbered over the whole plan).
    Crashed { instance: u32 },
    /// It is back.
    Restarted { instance: u32 },
    /// A process stands still.
    Paused { instance: u32 },
    /// It goes on.
    Resumed { instance: u32 },
    /// The handlers of a process take longer.
    Slowed { instance: u32 },
    /// They are as fast as before.
    Quickened { instance: u32 },
    /// A broker went down.
    BrokerDown { queue: QueueId },
    /// It is back.
    BrokerUp { queue: QueueId },
}

impl Fact {
    /// The operation that it is about.
    pub fn op(&self) -> Option<u32> {
        use Fact::*;
        match *self {
            Produced { op, .. }
            | Published { op, .. }
            | Accepted { op, .. }
            | Refused { op, .. }
            | PassedBy { op, .. }
            | PacketLost { op, .. }
            | Confirmed { op }
            | Unconfirmed { op, .. }
            | GaveUp { op }
            | Swallowed { op, .. }
            | DeadLettered { op, .. }
            | Redriven { op, .. }
            | Dropped { op, .. } => Some(op),
            Delivered { held, .. }
            | Started { held, .. }
            | Stepped { held, .. }
            | Waits { held, .. }
            | Effect { held, .. }
            | Suppressed { held, .. }
            | Ended { held, .. }
            | Acked { held, .. }
            | AckedLate { held, .. }
            | Stale { held, .. }
            | Nacked { held, .. }
            | Renewed { held, .. }
            | Expired { held, .. }
            | TakenBack { held, .. } => Some(held.op),
            Crashed { .. }
            | Restarted { .. }
            | Paused { .. }
            | Resumed { .. }
            | Slowed { .. }
            | Quickened { .. }
            | BrokerDown { .. }
            | BrokerUp { .. } => None,
        }
    }
}

/// Someone who watches a run. Three are compiled: nobody ([`Silent`]), the judge, and the judge with a list of others.
pub trait Watch {
    /// Called when time has come to `now`, before the facts of that moment.
    #[inline(always)]
    fn moment(&mut self, _now: Time) {}
    /// Called for every fact, in order; `now` never decreases.
    fn fact(&mut self, now: Time, fact: &Fact);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {
    #[inline(always)]
    fn fact(&mut self, _: Time, _: &Fact) {}
}

impl Watch for Vec<(Time, Fact)> {
    fn fact(&mut self, now: Time, fact: &Fact) {
        self.push((now, *fact));
    }
}

impl<W: Watch + ?Sized> Watch for Box<W> {
    fn moment(&mut self, now: Time) {
        (**self).moment(now);
    }
    fn fact(&mut self, now: Time, fact: &Fact) {
        (**self).fact(now, fact);
    }
}

impl<W: Watch + ?Sized> Watch for &mut W {
    #[inline(always)]
    fn moment(&mut self, now: Time) {
        (**self).moment(now);
    }
    #[inline(always)]
    fn fact(&mut self, now: Time, fact: &Fact) {
        (**self).fact(now, fact);
    }
}
