//! RabbitMQ: exchanges route copies to classic and quorum queues, which push to consumers up to their prefetch.
//!
//! One broker holds all its queues. Settings and their tables are here and in `settings.rs`, what stands around queues in
//! `topology.rs`, the broker's machine in `machine.rs` and the files that it is spread over, in the consumer's
//! process runs the client that asks once. It is one node: it says nothing of replication but what a quorum promises.

mod arguments;
mod canon;
mod channels;
mod classic;
mod declare;
mod deliver;
mod expire;
mod hash;
mod letters;
mod machine;
mod nouns;
mod power;
mod publish;
mod queue;
mod quorum;
mod routes;
mod seats;
mod sent;
mod settings;
mod settle;
mod tables;
#[cfg(test)]
mod tests;
mod topology;

pub(crate) use super::parts::Pull as Client;
pub use letters::{Death, Letter, Reason};
pub(crate) use machine::Machine;
pub use routes::{PREDECLARED, Value};
pub use sent::Sent;
pub use settings::{DeadLetter, Family, Overflow, Retry, Settings, Strategy};
pub use tables::PRODUCTS;
pub use topology::{
    Binding, Bound, Command, Envelope, Exchange, ExchangeKind, Notice, Settling, Subscription, Topology, Version,
};

/// The queue's own expiry and a further try of dead letters; ages by the queue's limit; ages by the messages' own, and
/// leases of unequal lengths.
pub(crate) const TIMERS: [u8; 3] = [2, 1, 2];
/// The queue may have been unused for long enough.
const EXPIRES: u8 = 0;
/// Dead letters that their targets did not take are tried again.
const RETRY: u8 = 1;
/// A message is too old for its queue.
const TTL: u8 = 2;
/// A message is too old by its own word.
const OWN_TTL: u8 = 3;
/// The lease of a delivery that is due before others of its queue.
const LEASE: u8 = 4;
