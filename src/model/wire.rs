//! Calls between machines, and the wires that some of them travel on.
//!
//! A hop without latency is direct: the receiver handles the call inside the sender's event, first in first out. A hop with
//! a link is a wire: its packets are events, in a fifo lane for each direction and process, so they never overtake each
//! other. A request outlives its sender; an answer to a process that died is dropped with the connection.

use super::broker::Notice;
use super::fact::{Fact, Watch};
use super::out::Out;
use super::plan::QueueId;
use super::records::{Message, Records};
use crate::sim::{Canon, Oracle, Ring, Span, Time};

/// What one machine asks of another.
#[derive(Clone, Copy, Debug, Default)]
pub enum Call {
    /// Store this.
    Publish(Publish),
    /// It is stored.
    Confirm { op: u32, pending: u32 },
    /// It is not stored.
    Refuse { op: u32, copy: u16, pending: u32 },
    /// An idle worker waits for messages.
    Receive { queue: QueueId, worker: u32 },
    /// Here is one.
    Deliver { worker: u32, delivery: u32 },
    /// The holder is done with a delivery.
    Settle(Settle),
    /// The holder needs it for longer.
    Renew { queue: QueueId, delivery: u32 },
    /// A message that comes from another queue.
    Move { queue: QueueId, moved: Moved },
    /// The connections of these workers broke.
    Disconnect { queue: QueueId, first: u32, workers: u32 },
    /// A broker says something of its product's own to the client of a worker.
    Notice { worker: u32, notice: Notice },
    /// What a dead process no longer asks.
    #[default]
    Nothing,
}

/// A producer's call: store this.
#[derive(Clone, Copy, Debug)]
pub struct Publish {
    /// Where.
    pub queue: QueueId,
    /// What.
    pub message: Message,
    /// Who waits for a confirm, or none.
    pub pending: u32,
}

/// A holder's call: it is done with a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Settle {
    /// Of which queue.
    pub queue: QueueId,
    /// Which.
    pub delivery: u32,
    /// What became of it.
    pub how: Settlement,
    /// Its worker then waits for the next.
    pub wait: bool,
}

/// A message on its way from one queue to another.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// Its slot.
    pub message: u32,
    /// Its deliveries so far, where the count goes on.
    pub attempts: u16,
    /// Its handler runs so far: see [`Entry::runs`](super::records::Entry::runs).
    pub runs: u16,
    /// When it was first stored.
    pub since: Time,
}

/// What a holder says of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It is done.
    Ack,
    /// It is to be delivered again after this delay.
    Nack(Span),
    /// It is to be put aside, or dropped.
    Reject,
}

/// The packets on all wires, by direction: two for each wire, requests first.
#[derive(Debug, Default)]
pub struct Wires(pub Vec<Ring<Call>>);

impl Clone for Wires {
    fn clone(&self) -> Self {
        Wires(self.0.clone())
    }
    fn clone_from(&mut self, source: &Self) {
        self.0.clone_from(&source.0);
    }
}

impl Wires {
    /// Writes what travels.
    pub fn canon(&self, records: &Records, form: &mut impl Canon) {
        for packets in &self.0 {
            form.list(packets.iter(), |form, call| call.canon(records, form));
        }
    }
}

impl Call {
    fn canon(&self, records: &Records, form: &mut impl Canon) {
        match *self {
            Call::Nothing => form.put(0),
            Call::Publish(Publish { message, .. }) => form.puts([1, message.name()]),
            Call::Confirm { op, .. } => form.puts([2, u64::from(op)]),
            Call::Refuse { op, copy, .. } => form.puts([3, u64::from(op), u64::from(copy)]),
            Call::Receive { worker, .. } => form.puts([4, u64::from(worker)]),
            Call::Deliver { delivery, .. } => {
                form.put(5);
                form.puts(records.name(delivery));
            }
            Call::Settle(Settle { delivery, how, wait, .. }) => {
                let delay = match how {
                    Settlement::Ack => 0,
                    Settlement::Nack(delay) => delay.nanos().saturating_add(1).min(u64::MAX - 1),
                    Settlement::Reject => u64::MAX,
                };
                form.puts([6 | u64::from(wait) << 8, delay]);
                form.puts(records.name(delivery));
            }
            Call::Renew { delivery, .. } => {
                form.put(7);
                form.puts(records.name(delivery));
            }
            Call::Move { moved: Moved { message, attempts, .. }, .. } => {
                form.puts([9, records.messages[message].name(), u64::from(attempts)]);
            }
            // Notices do not travel.
            Call::Notice { .. } => unreachable!("a notice is handled within its event"),
            Call::Disconnect { first, .. } => form.puts([8, u64::from(first)]),
        }
    }
}

/// A packet is lost on its wire: what it held is let go. A worker whose request was lost asks again, so a wait is not lost.
pub(super) fn lost<O: Oracle, W: Watch>(call: Call, out: &mut Out<'_, O, W>) {
    match call {
        Call::Publish(Publish { queue, message, .. }) => {
            out.tell(Fact::PacketLost { op: message.op, copy: message.copy, queue });
        }
        Call::Settle(Settle { queue, delivery, wait, .. }) => {
            let worker = out.common.records.deliveries[delivery].worker;
            out.common.records.release(delivery);
            if wait {
                out.call(Call::Receive { queue, worker });
            }
        }
        Call::Renew { delivery, .. } => out.common.records.release(delivery),
        Call::Receive { .. }
        | Call::Deliver { .. }
        | Call::Move { .. }
        | Call::Disconnect { .. }
        | Call::Notice { .. } => {
            unreachable!("only publishes, acks, renewals and confirms are lost")
        }
        Call::Confirm { .. } | Call::Refuse { .. } | Call::Nothing => {}
    }
}

impl Call {
    /// Whether a wire that loses packets may lose this one.
    pub fn can_be_lost(&self) -> bool {
        matches!(
            self,
            Call::Publish(_) | Call::Settle(_) | Call::Renew { .. } | Call::Confirm { .. } | Call::Refuse { .. }
        )
    }
}
