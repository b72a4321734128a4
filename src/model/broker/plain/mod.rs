//! `plain`: the textbook's queue. First in, first out; one lease; a cap on deliveries; a limit of length.
//!
//! What comes back goes to the tail, or to its old place. It is the home of the tutorial, of the closed forms and of the
//! reference workloads, and the example of how to add a product: settings and their table here, the broker's machine in
//! `machine.rs`; in the consumer's process runs the client that pulls.

mod machine;

pub(crate) use super::parts::Pull as Client;
pub(crate) use machine::Machine;

use super::{Again, Product};
use crate::model::parameter::{Kind, Parameter, Values};
use crate::model::plan::{Queue, QueueId};
use crate::sim::Span;

/// How a `plain` queue is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a consumer may hold a message before it is delivered again.
    pub lease: Span,
    /// Where a message that comes back goes.
    pub returns_to: ReturnsTo,
    /// After so many deliveries without an ack a message is put aside.
    pub max_deliveries: Option<u16>,
    /// Where it is put; without it, it is dropped.
    pub dead_letter_to: Option<QueueId>,
    /// How many messages may be stored, in flight included; a publish beyond that is refused.
    pub max_length: Option<u64>,
    /// Whether a crash of the broker keeps what is stored.
    pub durable: bool,
}

/// Where a message that comes back goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnsTo {
    /// Behind all that wait.
    Tail,
    /// To where it stood: before all that came after it.
    Place,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            lease: Span::from_secs(30),
            returns_to: ReturnsTo::Tail,
            max_deliveries: None,
            dead_letter_to: None,
            max_length: None,
            durable: true,
        }
    }
}

/// A `plain` message says nothing but what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope;

/// A `plain` queue is asked for messages in one way only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscription;

/// Nothing stands around `plain` queues.
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

/// Nothing is commanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {}

/// Nothing is said but what every product says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {}

impl Subscription {
    /// A holder says when it is done.
    pub(crate) fn acks_itself(&self) -> bool {
        false
    }
    /// The consumer's own `batch` says.
    pub(crate) fn batch(&self) -> Option<u16> {
        None
    }
    /// First come, first served.
    pub(crate) fn waits(&self, _: &Settings) -> bool {
        true
    }
    /// It is told nothing.
    pub(crate) fn asks_again(&self, notice: Notice) -> Option<Again> {
        match notice {}
    }
}

impl Settings {
    /// The product.
    pub fn product(&self) -> &'static Product {
        &PRODUCTS[0]
    }
    /// A queue stands alone.
    pub fn broker(&self) -> Option<u16> {
        None
    }
    /// An operator may move what waits.
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
    /// Any will do.
    pub(crate) fn puts_aside_in(&self, _: &Settings) -> Result<(), String> {
        Ok(())
    }
    /// Every message will do.
    pub(crate) fn takes(&self, _: &Envelope) -> Result<(), String> {
        Ok(())
    }
    /// No timers but leases and delays.
    pub(crate) fn timers(&self) -> [u8; 3] {
        [0; 3]
    }
    /// Nothing is rejected: what cannot be done comes back until it had its last delivery.
    pub(crate) fn rejects(&self) -> bool {
        false
    }
    /// Where dead letters go.
    pub fn dead_letter_to(&self) -> Option<QueueId> {
        self.dead_letter_to
    }
    /// How long a consumer may hold a message at first.
    pub fn lease(&self) -> Option<Span> {
        Some(self.lease)
    }
    /// After how many deliveries.
    pub fn max_deliveries(&self) -> Option<u16> {
        self.max_deliveries
    }
    /// In words.
    pub fn dead_letter_words(&self) -> Option<String> {
        self.max_deliveries.map(|n| format!("after {n} {}", if n == 1 { "delivery" } else { "deliveries" }))
    }
}

const SOURCE: &str = "the textbook's queue; ours to define";

/// What the command knows of it.
pub const PRODUCTS: &[Product] = &[Product {
    name: "plain",
    title: "the textbook's queue: first in, first out, one lease, a cap on deliveries",
    parameters: &[
        Parameter {
            name: "lease",
            kind: Kind::Span { min: Span::from_nanos(1), max: Span::from_secs(7 * 86_400), bare: None },
            default: "30s",
            text: "how long a consumer may hold a message before it is delivered again",
            source: SOURCE,
        },
        Parameter {
            name: "returns_to",
            kind: Kind::Word(&["tail", "place"]),
            default: "tail",
            text: "where a message that comes back goes: behind all that wait, or to where it stood",
            source: SOURCE,
        },
        Parameter {
            name: "max_deliveries",
            kind: Kind::Whole { min: 1, max: 60_000 },
            default: "",
            text: "after so many deliveries without an ack a message is put aside; without it, never",
            source: SOURCE,
        },
        Parameter {
            name: "dead_letter_to",
            kind: Kind::Queue,
            default: "",
            text: "where it is put; without it, a message that reaches the cap is dropped",
            source: SOURCE,
        },
        Parameter {
            name: "max_length",
            kind: Kind::Whole { min: 1, max: 4_000_000_000 },
            default: "",
            text: "how many messages may be stored, those in flight included; a publish beyond that is refused",
            source: SOURCE,
        },
        Parameter {
            name: "durable",
            kind: Kind::Switch,
            default: "true",
            text: "whether a crash of the broker keeps what is stored",
            source: SOURCE,
        },
    ],
    message: &[],
    client: &[],
    delivery: "at least once: a message stays stored until it is acked; a lease that ends brings it back",
    ordering: "first in, first out, for what is delivered once; what comes back goes to the tail, or to its old place",
    dead_letters: "none, unless max_deliveries is set; then to dead_letter_to, or dropped where that is not set",
    facts: &[],
    nouns: &[],
    words: super::Words { delivery: "delivery", lease: "lease", held: "leased" },
    not_modelled: &[&[
        ("replication", "one node; a crash takes the whole queue down, and `durable` says what it keeps"),
        ("priorities", "every message is equal"),
        ("message TTL", "a message never expires; say `max_deliveries` to get rid of what cannot be done"),
    ]],
    read,
    read_message: |_| Ok(super::Envelope::Plain(Envelope)),
    read_client: |_| Ok(super::Subscription::Plain(Subscription)),
}];

fn read(values: &Values) -> Result<super::Settings, String> {
    let default = Settings::default();
    let settings = Settings {
        lease: values.span("lease").unwrap_or(default.lease),
        returns_to: match values.word("returns_to") {
            Some("place") => ReturnsTo::Place,
            _ => default.returns_to,
        },
        max_deliveries: values.whole("max_deliveries").map(|n| n as u16),
        dead_letter_to: values.queue("dead_letter_to"),
        max_length: values.whole("max_length"),
        durable: values.switch("durable").unwrap_or(default.durable),
    };
    if settings.dead_letter_to.is_some() && settings.max_deliveries.is_none() {
        return Err("`dead_letter_to` without `max_deliveries` never happens: set the cap too".into());
    }
    Ok(super::Settings::Plain(settings))
}
