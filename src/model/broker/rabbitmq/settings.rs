//! How a queue is set, and whether its arguments go together in a version.
//!
//! It knows arguments by RabbitMQ's names, as a client declares them or as a scenario gives them.

use super::super::Product;
use super::topology::{Envelope, Version};
use super::{PRODUCTS, Value, arguments};
use crate::model::plan::QueueId;
use crate::sim::Span;

/// Which kind of queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// On one node.
    #[default]
    Classic,
    /// A replicated log of commands.
    Quorum,
}

/// How a queue is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Which kind.
    pub family: Family,
    /// Of which version.
    pub version: Version,
    /// Whether it outlives a crash of the broker.
    pub durable: bool,
    /// Whether it is its connection's own.
    pub exclusive: bool,
    /// Whether it goes with its last consumer.
    pub auto_delete: bool,
    /// Where dead letters go.
    pub dead_letter: Option<DeadLetter>,
    /// How long a message lives.
    pub message_ttl: Option<Span>,
    /// How long the queue lives unused.
    pub expires: Option<Span>,
    /// At most so many ready messages.
    pub max_length: Option<u64>,
    /// At most so many bytes of ready messages.
    pub max_length_bytes: Option<u64>,
    /// What happens beyond that.
    pub overflow: Overflow,
    /// Priorities from 0 to this (classic).
    pub max_priority: Option<u8>,
    /// Failed deliveries before a message is put aside (quorum). Below 0: 4.x has no limit.
    pub delivery_limit: Option<i64>,
    /// Only one consumer is served.
    pub single_active_consumer: bool,
    /// How long a message may be held.
    pub consumer_timeout: Option<Span>,
    /// What becomes of a message that comes back (quorum, 4.3).
    pub delayed_retry: Option<Retry>,
    /// The code with which the broker refuses to make such a queue.
    pub refused: Option<u16>,
    /// The arguments as a script declared them.
    pub arguments: Vec<(String, Value)>,
}

/// Where dead letters go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The exchange, by name; none: the default exchange.
    pub exchange: Option<u16>,
    /// The routing key; none: the message's own.
    pub key: Option<String>,
    /// The queue, where the plan knows it.
    pub to: Option<QueueId>,
    /// What is promised.
    pub strategy: Strategy,
}

/// What is promised of dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Published once, without confirms.
    #[default]
    AtMostOnce,
    /// Kept until every target has confirmed.
    AtLeastOnce,
}

/// What happens to what is too much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest goes.
    #[default]
    DropHead,
    /// The newest is refused.
    RejectPublish,
    /// The newest is refused, and is a dead letter.
    RejectPublishDlx,
}

/// Which messages that come back wait, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Those that failed.
    pub failed: bool,
    /// Those that were returned without a failure.
    pub returned: bool,
    /// The delay of the first.
    pub min: Span,
    /// The longest.
    pub max: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            family: Family::Classic,
            version: Version::default(),
            durable: true,
            exclusive: false,
            auto_delete: false,
            dead_letter: None,
            message_ttl: None,
            expires: None,
            max_length: None,
            max_length_bytes: None,
            overflow: Overflow::DropHead,
            max_priority: None,
            delivery_limit: None,
            single_active_consumer: false,
            consumer_timeout: None,
            delayed_retry: None,
            refused: None,
            arguments: Vec::new(),
        }
    }
}

/// How long a consumer may hold a message where nothing else is said.
pub(super) const CONSUMER_TIMEOUT: Span = Span::from_secs(1_800);
/// Failed deliveries before a message is put aside, where nothing is said.
pub(super) const DELIVERY_LIMIT: i64 = 20;

impl Settings {
    /// The product.
    pub fn product(&self) -> &'static Product {
        &PRODUCTS[usize::from(self.family == Family::Quorum)]
    }
    /// All queues are of one broker.
    pub fn broker(&self) -> Option<u16> {
        Some(0)
    }
    /// The timers of `mod.rs`.
    pub(crate) fn timers(&self) -> [u8; 3] {
        super::TIMERS
    }
    /// What is rejected is put aside, or dropped.
    pub(crate) fn rejects(&self) -> bool {
        true
    }
    /// What moves messages back (a shovel) is no part of the broker.
    pub(crate) fn redrives(&self) -> bool {
        false
    }
    /// A dead letter that comes back without a reject on its way is dropped; who rejects it for ever makes a retry loop.
    pub(crate) fn ends_circles(&self) -> bool {
        true
    }
    /// A delivery is held until it is settled or its timeout is over.
    pub(crate) fn takes_no_heartbeats(&self) -> Option<&'static str> {
        Some("no call of AMQP extends a delivery: raise `consumer-timeout`")
    }
    /// Any queue will do.
    pub(crate) fn puts_aside_in(&self, _: &Settings) -> Result<(), String> {
        Ok(())
    }
    /// Every message will do.
    pub(crate) fn takes(&self, _: &Envelope) -> Result<(), String> {
        Ok(())
    }
    /// Where dead letters go.
    pub fn dead_letter_to(&self) -> Option<QueueId> {
        self.dead_letter.as_ref().and_then(|dead_letter| dead_letter.to)
    }
    /// How long a consumer may hold a message at first.
    pub fn lease(&self) -> Option<Span> {
        let none = self.family == Family::Classic && self.version == Version::V4_3;
        (!none).then(|| self.consumer_timeout.unwrap_or(CONSUMER_TIMEOUT))
    }
    /// After how many deliveries a message is put aside, where every one counts.
    pub fn max_deliveries(&self) -> Option<u16> {
        if self.version == Version::V4_3 {
            return None; // a returned delivery does not count
        }
        self.limit().and_then(|limit| u16::try_from(limit + 1).ok()).filter(|&n| n > 0)
    }
    /// In words.
    pub fn dead_letter_words(&self) -> Option<String> {
        let too_many = if self.has_limit() && self.overflow != Overflow::RejectPublish { ", too much" } else { "" };
        let failed = self.limit().map(|limit| (limit + 1).max(1));
        let failed = failed.map_or_else(String::new, |n| {
            let s = if n == 1 { "y" } else { "ies" };
            format!(", or after {n} failed deliver{s}")
        });
        Some(format!("once rejected or expired{too_many}{failed},"))
    }

    /// The limit of failed deliveries that holds: an explicit one, or the version's.
    pub(super) fn limit(&self) -> Option<i64> {
        if self.family == Family::Classic {
            return None;
        }
        match (self.version, self.delivery_limit) {
            (Version::V3_10, limit) => limit,
            (_, None) => Some(DELIVERY_LIMIT),
            (_, Some(limit)) => (limit >= 0).then_some(limit),
        }
    }

    /// Whether what a client returns is appended anew, in place of coming first: where nothing limits its deliveries, until 4.3.
    pub(super) fn appends_returns(&self) -> bool {
        self.version < Version::V4_3 && self.limit().is_none()
    }

    /// Whether a message may ever expire by the queue's own setting, or its length is limited: what a queue without either
    /// need not ask.
    pub(super) fn has_limit(&self) -> bool {
        self.max_length.is_some() || self.max_length_bytes.is_some()
    }

    /// From the arguments of a `queue.declare`, with numbers for the exchanges that they mention.
    pub fn declared(
        version: Version,
        [durable, exclusive, auto_delete]: [bool; 3],
        args: &[(String, Value)],
        exchange: impl Fn(&str) -> u16,
    ) -> Settings {
        let get = |name: &str| args.iter().find(|(given, _)| given == name).map(|(_, value)| value);
        let text = |name: &str| get(name).and_then(Value::text);
        let whole = |name: &str| get(name).and_then(Value::whole);
        let kind = text("x-queue-type").unwrap_or("classic");
        let family = if kind == "quorum" { Family::Quorum } else { Family::Classic };
        let misfit = kind != "quorum" && kind != "classic"
            || args.iter().any(|(name, value)| !arguments::fits(version, family, name, value))
            || get("x-dead-letter-routing-key").is_some() && get("x-dead-letter-exchange").is_none();
        let refused = if misfit {
            Some(PRECONDITION_FAILED)
        } else if version == Version::V4_3 && get("x-queue-master-locator").is_some() {
            Some(INTERNAL_ERROR) // a feature that is not permitted any more
        } else if family == Family::Quorum && (!durable || exclusive || auto_delete) {
            Some(PRECONDITION_FAILED)
        } else {
            None
        };
        let span = |name: &str| whole(name).map(|ms| Span::from_millis(ms.max(0) as u64));
        let overflow = match text("x-overflow") {
            Some("reject-publish") => Overflow::RejectPublish,
            Some("reject-publish-dlx") if family == Family::Classic => Overflow::RejectPublishDlx,
            _ => Overflow::DropHead,
        };
        let at_least_once = text("x-dead-letter-strategy") == Some("at-least-once")
            && overflow == Overflow::RejectPublish
            && family == Family::Quorum;
        let dead_letter = text("x-dead-letter-exchange").map(|name| DeadLetter {
            exchange: (!name.is_empty()).then(|| exchange(name)),
            key: text("x-dead-letter-routing-key").map(str::to_owned),
            to: None,
            strategy: if at_least_once { Strategy::AtLeastOnce } else { Strategy::AtMostOnce },
        });
        let timeout = span("x-consumer-timeout").filter(|_| version > Version::V3_10);
        Settings {
            family,
            version,
            durable: durable && !exclusive, // what goes with its connection is not kept, whatever is said
            exclusive,
            auto_delete,
            dead_letter,
            message_ttl: span("x-message-ttl"),
            expires: span("x-expires"),
            max_length: whole("x-max-length").map(|n| n as u64),
            max_length_bytes: whole("x-max-length-bytes").map(|n| n as u64),
            overflow,
            max_priority: whole("x-max-priority").map(|n| n as u8).filter(|&n| n > 0),
            delivery_limit: whole("x-delivery-limit"),
            single_active_consumer: get("x-single-active-consumer") == Some(&Value::Switch(true)),
            consumer_timeout: timeout,
            delayed_retry: delayed_retry(version, text("x-delayed-retry-type"), span),
            refused,
            arguments: args.to_vec(),
        }
    }
}

fn delayed_retry(version: Version, kind: Option<&str>, span: impl Fn(&str) -> Option<Span>) -> Option<Retry> {
    let (failed, returned) = match kind.filter(|_| version == Version::V4_3)? {
        "all" => (true, true),
        "failed" => (true, false),
        "returned" => (false, true),
        _ => return None,
    };
    let min = span("x-delayed-retry-min")?;
    Some(Retry { failed, returned, min, max: span("x-delayed-retry-max").unwrap_or(min) })
}

/// 406.
pub(super) const PRECONDITION_FAILED: u16 = 406;
/// 541.
pub(super) const INTERNAL_ERROR: u16 = 541;
