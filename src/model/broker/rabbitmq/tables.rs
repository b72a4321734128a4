//! What the command knows of the two products: their parameters, their three answers, what is left out.

use super::super::{Product, Words};
use super::nouns::{self, NOUNS};
use super::settings::{DeadLetter, Family, Overflow, Retry, Settings, Strategy};
use super::topology::{Envelope, Subscription};
use crate::model::broker;
use crate::model::parameter::{Kind, Parameter, Values};
use crate::model::text::Text;
use crate::sim::Span;

const MS: Option<Span> = Some(Span::from_millis(1));
const LONGEST: Span = Span::from_secs(10 * 365 * 86_400);
const fn span(least: Span) -> Kind {
    Kind::Span { min: least, max: LONGEST, bare: MS }
}
const COUNT: Kind = Kind::Whole { min: 0, max: 4_000_000_000 };

const VERSION: Parameter = Parameter {
    name: "version",
    kind: Kind::Word(&["3.10", "4.0", "4.3"]),
    default: "4.3",
    text: "which version the broker is of; all its queues say the same",
    source: "recorded from 3.10.8, 4.0.5 and 4.3.6",
};
const DURABLE: Parameter = Parameter {
    name: "durable",
    kind: Kind::Switch,
    default: "true",
    text: "whether the queue and its persistent messages outlive a crash of the broker",
    source: "docs/queues#durability",
};
const MESSAGE_TTL: Parameter = Parameter {
    name: "message-ttl",
    kind: span(Span::ZERO),
    default: "",
    text: "how long a message may wait; it expires at the head only",
    source: "docs/ttl#queue-ttl",
};
const EXPIRES: Parameter = Parameter {
    name: "expires",
    kind: span(Span::from_millis(1)),
    default: "",
    text: "after how long without use the queue goes, with all it stores",
    source: "docs/ttl#queue-ttl",
};
const MAX_LENGTH: Parameter = Parameter {
    name: "max-length",
    kind: COUNT,
    default: "",
    text: "how many messages may be ready; those in flight do not count",
    source: "docs/maxlength",
};
const MAX_LENGTH_BYTES: Parameter = Parameter {
    name: "max-length-bytes",
    kind: Kind::Whole { min: 0, max: u64::MAX >> 1 },
    default: "",
    text: "how many bytes of messages may be ready",
    source: "docs/maxlength",
};
const DEAD_LETTER_EXCHANGE: Parameter = Parameter {
    name: "dead-letter-exchange",
    kind: Kind::Of("exchange"),
    default: "",
    text: "where dead letters are published: an exchange, or \"\" for the default one, which sends them to the queue of their key",
    source: "docs/dlx",
};
const DEAD_LETTER_ROUTING_KEY: Parameter = Parameter {
    name: "dead-letter-routing-key",
    kind: Kind::KeyOrQueue,
    default: "",
    text: "the key with which they are published; without it, their own. With the default exchange: the name of a queue",
    source: "docs/dlx",
};
const SINGLE_ACTIVE_CONSUMER: Parameter = Parameter {
    name: "single-active-consumer",
    kind: Kind::Switch,
    default: "false",
    text: "whether only one consumer is served, and another when that one is gone",
    source: "docs/consumers#single-active-consumer",
};
const CONSUMER_TIMEOUT: Parameter = Parameter {
    name: "consumer-timeout",
    kind: span(Span::from_millis(1)),
    default: "30min",
    text: "how long a delivery may be held; then its channel closes (4.3: quorum queues only, and it comes back alone)",
    source: "docs/consumers#acknowledgement-timeout",
};

const MESSAGE: &[Parameter] = &[
    Parameter {
        name: "routing_key",
        kind: Kind::Text,
        default: "",
        text: "by which the exchange routes; such as \"order.{key}\"",
        source: "docs/exchanges",
    },
    Parameter {
        name: "headers",
        kind: Kind::Free,
        default: "",
        text: "what a headers exchange routes by",
        source: "docs/exchanges#headers",
    },
    Parameter {
        name: "expiration",
        kind: span(Span::ZERO),
        default: "",
        text: "how long the message may wait; the lower of this and message-ttl holds",
        source: "docs/ttl#per-message-ttl-in-publishers",
    },
    Parameter {
        name: "priority",
        kind: Kind::Whole { min: 0, max: 255 },
        default: "",
        text: "a higher one is delivered first, where the queue knows priorities",
        source: "docs/priority",
    },
    Parameter {
        name: "persistent",
        kind: Kind::Switch,
        default: "true",
        text: "whether it outlives a crash of the broker, in a durable classic queue (delivery mode 2)",
        source: "docs/publishers#message-properties",
    },
    Parameter {
        name: "mandatory",
        kind: Kind::Switch,
        default: "false",
        text: "whether the producer is told that no queue took it",
        source: "docs/publishers#unroutable",
    },
];

const CLIENT: &[Parameter] = &[
    Parameter {
        name: "prefetch",
        kind: Kind::Whole { min: 0, max: 65_535 },
        default: "1",
        text: "at most so many unacknowledged deliveries of a worker (with receives = \"instance\": of a process); 0 is no limit. \
               The broker's own default is 0",
        source: "docs/consumer-prefetch",
    },
    Parameter {
        name: "auto_ack",
        kind: Kind::Switch,
        default: "false",
        text: "a message is done when it is sent",
        source: "docs/confirms#acknowledgement-modes",
    },
    Parameter {
        name: "priority",
        kind: Kind::Whole { min: 0, max: 255 },
        default: "0",
        text: "consumers of higher priority are served first, up to their prefetch",
        source: "docs/consumer-priority",
    },
];

/// What both lack.
const NOT_MODELLED: &[(&str, &str)] = &[
    ("publisher transactions", "use confirms"),
    ("exclusive", "in recorded scripts only: here all stand for the whole run"),
    ("auto-delete", "in recorded scripts only: here all stand for the whole run"),
    ("x-queue-type", "say it with the product"),
    ("queue-leader-locator", "one node"),
    ("delivery_mode", "say `persistent`"),
    ("memory and disk alarms", "publishers are never blocked"),
];

const FACTS: &[&str] = &[
    "A confirmed publish to a direct exchange with no matching binding and mandatory=false is acked, and nothing is \
     stored",
    "quorum, delivery-limit 2 and a DLX, a consumer that crashes on each delivery: exactly 3 deliveries, the DLX gets \
     it on the third crash",
    "4.3 quorum with delivery-limit 2, nack(requeue=true) 100 times: still redelivered; 3.10 and 4.0 put it aside on \
     the third",
    "classic: a consumer that nacks with requeue for ever makes the message loop without limit",
    "1..5, a consumer holds 1, 2 and requeues 2, then 1: classic gives 1, 2, 3; quorum with a limit 2, 1, 3; without \
     (3.10) 3, 4, 5, 2, 1",
    "the same tag acked twice: the channel closes and all its other unacked messages are redelivered with \
     redelivered=true",
    "max-length 2 drop-head and 5 unacked in flight: 2 more published, nothing is dropped",
    "A message routed to q1 (full, reject-publish) and q2: nack, but q2 delivers it; a retry makes a duplicate in q2",
    "A classic queue on a crashed and restarted broker: the surviving persistent messages all carry redelivered=true",
    "prefetch 10 and a failover while the old single active consumer still works: its 10 unacked run again at the new \
     one, beside the old handler",
];
/// Every product.
pub const PRODUCTS: &[Product] = &[
    Product {
        name: "rabbitmq-classic",
        title: "RabbitMQ's classic queue: on one node, first in, first out, pushed up to a prefetch",
        parameters: &[
            VERSION,
            DURABLE,
            MESSAGE_TTL,
            EXPIRES,
            MAX_LENGTH,
            MAX_LENGTH_BYTES,
            Parameter {
                name: "overflow",
                kind: Kind::Word(&["drop-head", "reject-publish", "reject-publish-dlx"]),
                default: "drop-head",
                text: "what goes when there is too much: the oldest, or the newest, which may be a dead letter",
                source: "docs/maxlength#overflow-behaviour",
            },
            Parameter {
                name: "max-priority",
                kind: Kind::Whole { min: 1, max: 255 },
                default: "",
                text: "the highest priority; a message that says none has 0",
                source: "docs/priority",
            },
            DEAD_LETTER_EXCHANGE,
            DEAD_LETTER_ROUTING_KEY,
            SINGLE_ACTIVE_CONSUMER,
            CONSUMER_TIMEOUT,
        ],
        message: MESSAGE,
        client: CLIENT,
        delivery: "at least once with acks; what a holder does not ack comes back when its channel ends",
        ordering: "first in, first out for one consumer; what comes back goes to its old place",
        dead_letters: "rejected, expired or too many, where a dead-letter exchange is set; no cap on deliveries",
        facts: FACTS,
        nouns: NOUNS,
        words: Words { delivery: "delivery", lease: "consumer timeout", held: "unacked" },
        not_modelled: &[
            NOT_MODELLED,
            &[
                ("delivery-limit", "quorum queues only: a classic queue has none"),
                ("dead-letter-strategy", "quorum queues only"),
                ("queue-mode", "memory and disk are not told apart"),
                ("loss of power", "a crash is the broker's process; what was confirmed and persistent is kept"),
                ("a delay of a nack", "the message waits as if its consumer did, but leaves it its prefetch"),
            ],
        ],
        read: |values| read(values, Family::Classic),
        read_message: envelope,
        read_client: subscription,
    },
    Product {
        name: "rabbitmq-quorum",
        title: "RabbitMQ's quorum queue: a replicated log of commands, with a cap on failed deliveries",
        parameters: &[
            VERSION,
            MESSAGE_TTL,
            EXPIRES,
            MAX_LENGTH,
            MAX_LENGTH_BYTES,
            Parameter {
                name: "overflow",
                kind: Kind::Word(&["drop-head", "reject-publish"]),
                default: "drop-head",
                text: "what goes when there is too much: the oldest, or the newest, once publishers know of it",
                source: "docs/maxlength#overflow-behaviour",
            },
            Parameter {
                name: "delivery-limit",
                kind: Kind::WholeOrNone { max: 60_000 },
                default: "20",
                text: "failed deliveries that a message survives; 3.10 has no limit unless it is set, and takes -1 as one",
                source: "docs/quorum-queues#poison-message-handling",
            },
            DEAD_LETTER_EXCHANGE,
            DEAD_LETTER_ROUTING_KEY,
            Parameter {
                name: "dead-letter-strategy",
                kind: Kind::Word(&["at-most-once", "at-least-once"]),
                default: "at-most-once",
                text: "whether a dead letter is kept until its targets took it; needs overflow = \"reject-publish\"",
                source: "docs/quorum-queues#activating-at-least-once-dead-lettering",
            },
            SINGLE_ACTIVE_CONSUMER,
            CONSUMER_TIMEOUT,
            Parameter {
                name: "delayed-retry-type",
                kind: Kind::Word(&["disabled", "all", "failed", "returned"]),
                default: "disabled",
                text: "which messages that come back wait before they are ready (4.3)",
                source: "docs/quorum-queues",
            },
            Parameter {
                name: "delayed-retry-min",
                kind: span(Span::from_millis(1)),
                default: "",
                text: "how long they wait, times the failures so far",
                source: "docs/quorum-queues",
            },
            Parameter {
                name: "delayed-retry-max",
                kind: span(Span::from_millis(1)),
                default: "",
                text: "how long they wait at the most",
                source: "docs/quorum-queues",
            },
        ],
        message: MESSAGE,
        client: CLIENT,
        delivery: "at least once with acks; what a majority has written is kept while one survives",
        ordering: "first in, first out for one consumer; what comes back goes first, in the order in which it came back",
        dead_letters: "failed more often than delivery-limit (4.3: a nack is no failure), rejected, expired or too many",
        facts: FACTS,
        nouns: NOUNS,
        words: Words { delivery: "delivery", lease: "consumer timeout", held: "unacked" },
        not_modelled: &[
            NOT_MODELLED,
            &[
                ("replicas", "one node; a crash takes the queue down and loses nothing of it"),
                ("durable", "a quorum queue always is"),
                ("max-priority", "classic queues only: a quorum queue has its own priorities"),
                ("quorum-initial-group-size", "one node"),
                ("consumer_disconnected_timeout", "a partitioned consumer node is a crashed one"),
                ("clients that give up", "whom the broker cancels, or whose channel it closes, consumes again at once"),
            ],
        ],
        read: |values| read(values, Family::Quorum),
        read_message: envelope,
        read_client: subscription,
    },
];

fn read(values: &Values, family: Family) -> Result<broker::Settings, String> {
    let version = nouns::version(values.word("version"));
    let overflow = match values.word("overflow") {
        Some("reject-publish") => Overflow::RejectPublish,
        Some("reject-publish-dlx") => Overflow::RejectPublishDlx,
        _ => Overflow::DropHead,
    };
    let exchange = values.of("dead-letter-exchange");
    let key = values.text("dead-letter-routing-key").map(|key| key.plain());
    let to = values.queue("dead-letter-routing-key").filter(|_| exchange.is_none());
    if exchange.is_none() && key.is_some() && values.word("dead-letter-exchange").is_none() {
        return Err("`dead-letter-routing-key` needs `dead-letter-exchange`; \"\" is the default exchange".into());
    }
    if exchange.is_none() && key.is_some() && to.is_none() {
        return Err("the default exchange sends to the queue of the key, and there is none of that name".into());
    }
    let at_least_once = values.word("dead-letter-strategy") == Some("at-least-once");
    if at_least_once && overflow != Overflow::RejectPublish {
        return Err("`dead-letter-strategy = \"at-least-once\"` needs `overflow = \"reject-publish\"`".into());
    }
    if values.word("dead-letter-exchange").is_some() && exchange.is_none() && to.is_none() {
        return Err(
            "`dead-letter-exchange = \"\"` needs a `dead-letter-routing-key`: it comes back to its queue else".into()
        );
    }
    let strategy = if at_least_once { Strategy::AtLeastOnce } else { Strategy::AtMostOnce };
    let retry = |failed, returned| {
        let Some(min) = values.span("delayed-retry-min") else {
            return Err("`delayed-retry-type` needs `delayed-retry-min`".to_owned());
        };
        Ok(Some(Retry { failed, returned, min, max: values.span("delayed-retry-max").unwrap_or(min) }))
    };
    let delayed_retry = match values.word("delayed-retry-type") {
        Some("all") => retry(true, true)?,
        Some("failed") => retry(true, false)?,
        Some("returned") => retry(false, true)?,
        _ if ["delayed-retry-min", "delayed-retry-max"].iter().any(|name| values.span(name).is_some()) => {
            return Err("`delayed-retry-min` and `delayed-retry-max` need a `delayed-retry-type`".into());
        }
        _ => None,
    };
    if delayed_retry.is_some_and(|retry| retry.min > retry.max) {
        return Err("`delayed-retry-max` is below `delayed-retry-min`".into());
    }
    Ok(broker::Settings::Rabbitmq(Settings {
        family,
        version,
        durable: values.switch("durable").unwrap_or(true),
        dead_letter: (exchange.is_some() || to.is_some()).then_some(DeadLetter {
            exchange,
            key: key.filter(|_| exchange.is_some()),
            to,
            strategy,
        }),
        message_ttl: values.span("message-ttl"),
        expires: values.span("expires"),
        max_length: values.whole("max-length"),
        max_length_bytes: values.whole("max-length-bytes"),
        overflow,
        max_priority: values.whole("max-priority").map(|most| most as u8),
        delivery_limit: match values.is_none("delivery-limit") {
            true => Some(-1),
            false => values.whole("delivery-limit").map(|limit| limit as i64),
        },
        single_active_consumer: values.switch("single-active-consumer").unwrap_or(false),
        consumer_timeout: values.span("consumer-timeout"),
        delayed_retry,
        ..Settings::default()
    }))
}

fn envelope(values: &Values) -> Result<broker::Envelope, String> {
    let default = Envelope::default();
    let (exchange, key) = (values.of("exchange"), values.text("routing_key"));
    if exchange.is_none() && key.is_some() {
        return Err("`routing_key` is for an exchange: a message to a queue has the queue's name as its key".into());
    }
    Ok(broker::Envelope::Rabbitmq(Envelope {
        exchange,
        key: key.or_else(|| exchange.map(|_| Text::fixed(""))),
        headers: nouns::values(values.free("headers")),
        expiration: values.span("expiration").map(|span| span.nanos() / 1_000_000),
        priority: values.whole("priority").map(|priority| priority as u8),
        persistent: values.switch("persistent").unwrap_or(default.persistent),
        mandatory: values.switch("mandatory").unwrap_or(default.mandatory),
        ..default
    }))
}

fn subscription(values: &Values) -> Result<broker::Subscription, String> {
    let default = Subscription::default();
    Ok(broker::Subscription::Rabbitmq(Subscription {
        prefetch: values.whole("prefetch").map_or(default.prefetch, |n| n as u16),
        auto_ack: values.switch("auto_ack").unwrap_or(default.auto_ack),
        priority: values.whole("priority").map_or(default.priority, |n| n as i32),
        ..default
    }))
}
