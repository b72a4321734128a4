//! What stands around the queues: exchanges, bindings, names; and how a message or a subscription is worded.
//!
//! It knows names by number and nothing of what is stored. A scenario has everything declared from the start; a script
//! declares, binds and deletes step by step, so a name may mean different declarations at different times.

use super::routes::Value;
use super::settings::Settings;
use crate::model::broker::Again;
use crate::model::plan::QueueId;
use crate::model::text::Text;
use crate::sim::Span;

/// What behaves alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 3.10, and what follows it in the 3 series.
    V3_10,
    /// 4.0 to 4.2.
    V4_0,
    /// 4.3.
    #[default]
    V4_3,
}

/// What stands around the queues of a broker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// Which version the broker is.
    pub version: Version,
    /// A script declares; without one, everything stands from the start.
    pub script: bool,
    /// The names of queues, in their order. Empty: the names of the plan.
    pub names: Vec<String>,
    /// By queue of the plan: its name in `names`.
    pub named: Vec<u16>,
    /// The names of exchanges.
    pub exchange_names: Vec<String>,
    /// Declarations of exchanges; where nothing is declared by a script, each stands.
    pub exchanges: Vec<Exchange>,
    /// Bindings, in the order in which they were made where a script does not bind.
    pub bindings: Vec<Binding>,
}

/// A declaration of an exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// In [`Topology::exchange_names`].
    pub name: u16,
    /// How it routes.
    pub kind: ExchangeKind,
    /// Whether it outlives a crash of the broker.
    pub durable: bool,
    /// Where it sends what it cannot route.
    pub alternate: Option<u16>,
    /// The header whose value a consistent-hash exchange hashes in place of the routing key.
    pub hash_header: Option<String>,
}

/// What the `x-match` of a binding may say.
pub(super) const WAYS_TO_MATCH: [&str; 4] = ["all", "any", "all-with-x", "any-with-x"];

impl Exchange {
    /// Whether a binding says what it must.
    pub(super) fn takes(&self, binding: &Binding) -> bool {
        let how = binding.args.iter().find(|(name, _)| name == "x-match").map(|(_, value)| value.text());
        match self.kind {
            ExchangeKind::ConsistentHash => binding.key.parse::<u32>().is_ok_and(|weight| weight > 0),
            ExchangeKind::Headers => how.is_none_or(|how| how.is_some_and(|how| WAYS_TO_MATCH.contains(&how))),
            _ => true,
        }
    }
}

/// How an exchange routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeKind {
    /// The routing key is the binding's.
    Direct,
    /// The binding's pattern of words matches the routing key.
    Topic,
    /// Always.
    Fanout,
    /// The binding's arguments match the headers.
    Headers,
    /// By a hash of the routing key, to one of the bound.
    ConsistentHash,
}

/// A binding.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// From which exchange.
    pub from: u16,
    /// To what.
    pub to: Bound,
    /// Its key.
    pub key: String,
    /// Its arguments.
    pub args: Vec<(String, Value)>,
}

/// What is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// An exchange, by name.
    Exchange(u16),
    /// A queue, by name.
    Queue(u16),
}

/// What a producer says with each message.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Through which exchange; none: the default exchange.
    pub exchange: Option<u16>,
    /// The routing key; none: the name of the queue that the producer publishes to.
    pub key: Option<Text>,
    /// Further routing keys that the consumer sees.
    pub cc: Vec<String>,
    /// Further routing keys that it does not see.
    pub bcc: Vec<String>,
    /// Headers.
    pub headers: Vec<(String, Value)>,
    /// How long the message lives, in milliseconds.
    pub expiration: Option<u64>,
    /// Its priority.
    pub priority: Option<u8>,
    /// Whether it outlives a crash of the broker, in a durable classic queue.
    pub persistent: bool,
    /// Whether the producer is told that no queue took it.
    pub mandatory: bool,
    /// The length of its body.
    pub bytes: u32,
    /// The length of its properties and headers on the wire.
    pub property_bytes: u32,
}

impl Default for Envelope {
    fn default() -> Self {
        Envelope {
            exchange: None,
            key: None,
            cc: Vec::new(),
            bcc: Vec::new(),
            headers: Vec::new(),
            expiration: None,
            priority: None,
            persistent: true,
            mandatory: false,
            bytes: 100,
            property_bytes: 10,
        }
    }
}

/// How a consumer asks for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The channel, where a script numbers them; else each worker has its own.
    pub channel: Option<u32>,
    /// The consumer tag as a number: the same for two subscriptions of one channel that go by one tag.
    pub tag: Option<u32>,
    /// The queue by name, where a script says so; else the queue that the consumer reads.
    pub name: Option<u16>,
    /// At most so many unacknowledged deliveries; 0: no limit.
    pub prefetch: u16,
    /// A message is done when it is sent.
    pub auto_ack: bool,
    /// Nobody else may consume.
    pub exclusive: bool,
    /// Consumers of higher priority are served first.
    pub priority: i32,
    /// How long a message may be held (4.3, quorum).
    pub timeout: Option<Span>,
    /// It says what no queue takes.
    pub misfit: bool,
}

impl Default for Subscription {
    /// One message at a time, each acknowledged.
    fn default() -> Self {
        Subscription {
            channel: None,
            tag: None,
            name: None,
            prefetch: 1,
            auto_ack: false,
            exclusive: false,
            priority: 0,
            timeout: None,
            misfit: false,
        }
    }
}

impl Subscription {
    /// Auto-ack.
    pub(crate) fn acks_itself(&self) -> bool {
        self.auto_ack
    }
    /// A worker is pushed up to its prefetch.
    pub(crate) fn batch(&self) -> Option<u16> {
        Some(self.prefetch)
    }
    /// It consumes, and then it waits.
    pub(crate) fn waits(&self, _: &Settings) -> bool {
        true
    }
    /// When its consumer was cancelled or its channel closed, it opens and consumes again.
    pub(crate) fn asks_again(&self, notice: Notice) -> Option<Again> {
        matches!(notice, Notice::ChannelClosed { .. } | Notice::Cancelled { .. }).then_some(Again::Now)
    }
}

/// What an operator or a client of a script tells the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "channels, tags and names are numbers that the topology and the subscriptions give")]
pub enum Command {
    DeclareExchange {
        exchange: u16,
        channel: u32,
    },
    Declare {
        queue: QueueId,
        channel: u32,
    },
    /// A passive declare: how much is there?
    Depth {
        name: u16,
        channel: u32,
    },
    Bind {
        binding: u16,
    },
    Unbind {
        binding: u16,
    },
    Delete {
        name: u16,
        channel: u32,
    },
    Purge {
        name: u16,
        channel: u32,
    },
    Consume {
        worker: u32,
    },
    /// `basic.get`: one message now, or none.
    Get {
        worker: u32,
    },
    Cancel {
        channel: u32,
        tag: u32,
    },
    Settle {
        channel: u32,
        tag: u32,
        multiple: bool,
        how: Settling,
    },
    /// `basic.recover` with requeue.
    Recover {
        channel: u32,
    },
    /// The channel ends, in good order or not.
    CloseChannel {
        channel: u32,
    },
    /// The connection of a channel ends, in good order or not.
    CloseConnection {
        channel: u32,
    },
    /// `consumer_timeout` for channels opened from now on.
    ConsumerTimeout {
        ms: u32,
    },
    Kill,
    Stop,
    Start,
}

/// What a client says of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settling {
    /// `basic.ack`.
    Ack,
    /// `basic.nack` with requeue.
    Nack,
    /// `basic.reject` with requeue.
    Reject,
    /// `basic.nack` without.
    NackAway,
    /// `basic.reject` without.
    RejectAway,
}

/// What the broker answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in commands")]
pub enum Notice {
    /// The request was answered by closing its channel.
    Refused {
        code: u16,
    },
    /// The channel was closed, by no request of its own or by a wrong one.
    ChannelClosed {
        channel: u32,
        code: u16,
    },
    /// The broker cancelled a consumer.
    Cancelled {
        channel: u32,
        tag: u32,
    },
    /// Nothing is ready.
    Empty,
    Depth {
        ready: u32,
        consumers: u32,
    },
    Purged {
        count: u32,
    },
}
