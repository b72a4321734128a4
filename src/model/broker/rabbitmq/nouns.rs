//! Exchanges, bindings and the broker as a scenario gives them: `[exchange.NAME]`, `[binding.NAME]`, `[broker.NAME]`.
//!
//! The tables, and how what is given becomes the topology. Exchanges are numbered in the order of their names.

use super::routes::{Value, reserved};
use super::settings::Family;
use super::topology::{Binding, Bound, Envelope, Exchange, ExchangeKind, Topology, Version, WAYS_TO_MATCH};
use crate::model::broker::{self, Culprit, Given, Noun};
use crate::model::parameter::{Kind, Parameter, Scalar};
use crate::model::plan::{Queue, QueueId};
use crate::model::text::Text;

/// What stands around the queues.
pub const NOUNS: &[Noun] = &[
    Noun {
        word: "exchange",
        what: "an exchange",
        not_modelled: &[&[
            ("auto-delete", "in recorded scripts only: here all stand for the whole run"),
            ("internal", "every producer may publish to every exchange"),
        ]],
        parameters: &[
            Parameter {
                name: "type",
                kind: Kind::Word(&["direct", "topic", "fanout", "headers", "x-consistent-hash"]),
                default: "direct",
                text: "how it routes: by the routing key, by a pattern of words, to all, by headers, or by a hash to one",
                source: "docs/exchanges",
            },
            Parameter {
                name: "durable",
                kind: Kind::Switch,
                default: "true",
                text: "whether it outlives a crash of the broker",
                source: "docs/exchanges",
            },
            Parameter {
                name: "alternate-exchange",
                kind: Kind::Of("exchange"),
                default: "",
                text: "where it sends what it cannot route",
                source: "docs/ae",
            },
            Parameter {
                name: "hash-header",
                kind: Kind::Text,
                default: "",
                text: "the header that x-consistent-hash hashes in place of the routing key",
                source: "rabbitmq_consistent_hash_exchange",
            },
        ],
    },
    Noun {
        word: "binding",
        what: "a binding",
        not_modelled: &[],
        parameters: &[
            Parameter {
                name: "exchange",
                kind: Kind::Of("exchange"),
                default: "",
                text: "from which exchange",
                source: "docs/tutorials/amqp-concepts#bindings",
            },
            Parameter {
                name: "to",
                kind: Kind::QueueOr("exchange"),
                default: "",
                text: "to which queue or exchange",
                source: "docs/e2e",
            },
            Parameter {
                name: "routing_key",
                kind: Kind::Text,
                default: "",
                text: "its key: equal (direct), a pattern with * and # (topic), a weight (x-consistent-hash); without it, empty",
                source: "docs/exchanges",
            },
            Parameter {
                name: "arguments",
                kind: Kind::Free,
                default: "",
                text: "the headers that must match (headers), with x-match",
                source: "docs/exchanges#headers",
            },
        ],
    },
    Noun {
        word: "broker",
        what: "a broker",
        not_modelled: &[&[
            ("nodes", "one node; a crash takes the queue down and loses nothing of it"),
            ("consumer_timeout", "30 min, unless a queue says otherwise where its version lets it"),
        ]],
        parameters: &[Parameter {
            name: "version",
            kind: Kind::Word(&["3.10", "4.0", "4.3"]),
            default: "4.3",
            text: "which version it is of, for all its queues",
            source: "recorded from 3.10.8, 4.0.5 and 4.3.6",
        }],
    },
];

fn value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text(text) => Value::Text(text.clone()),
        Scalar::Whole(n) => Value::Whole(*n),
        Scalar::Switch(on) => Value::Switch(*on),
    }
}

/// Values by name, as headers and arguments have them.
pub(super) fn values(free: Vec<(String, Scalar)>) -> Vec<(String, Value)> {
    free.iter().map(|(name, scalar)| (name.clone(), value(scalar))).collect()
}

impl Topology {
    /// Of what is given.
    pub(crate) fn read(given: &[Given], queues: &mut [Queue]) -> Result<Topology, (Culprit, String)> {
        let all = || given.iter().zip((0..).map(Culprit::Given));
        let of = |word: &'static str| all().map(|(given, at)| (at, given)).filter(move |(_, given)| given.word == word);
        let mut topology = Topology::default();
        for (number, (at, exchange)) in of("exchange").enumerate() {
            let values = &exchange.values;
            if reserved(&exchange.name) {
                return Err((at, "names that begin with `amq.` are the broker's own".into()));
            }
            let hashes = values.word("type") == Some("x-consistent-hash");
            if values.text("hash-header").is_some_and(|header| !hashes || !header.is_fixed()) {
                return Err((at, "`hash-header` is the name of a header, for `type = \"x-consistent-hash\"`".into()));
            }
            topology.exchange_names.push(exchange.name.clone());
            topology.exchanges.push(Exchange {
                name: number as u16,
                kind: match values.word("type") {
                    Some("topic") => ExchangeKind::Topic,
                    Some("fanout") => ExchangeKind::Fanout,
                    Some("headers") => ExchangeKind::Headers,
                    Some("x-consistent-hash") => ExchangeKind::ConsistentHash,
                    _ => ExchangeKind::Direct,
                },
                durable: values.switch("durable").unwrap_or(true),
                alternate: values.of("alternate-exchange"),
                hash_header: values.text("hash-header").map(|text| text.plain()),
            });
        }
        for (at, binding) in of("binding") {
            let values = &binding.values;
            let Some(from) = values.of("exchange") else { return Err((at, "a binding needs `exchange`".into())) };
            let to = match (values.queue("to"), values.of("to")) {
                (Some(queue), _) => Bound::Queue(queue.0),
                (None, Some(exchange)) => Bound::Exchange(exchange),
                (None, None) => return Err((at, "a binding needs `to`".into())),
            };
            if let Bound::Queue(queue) = to
                && !matches!(queues[usize::from(queue)].settings, broker::Settings::Rabbitmq(_))
            {
                return Err((at, format!("`{}` is no queue of RabbitMQ", queues[usize::from(queue)].name)));
            }
            let key = values.text("routing_key").unwrap_or_else(|| Text::fixed(""));
            if !key.is_fixed() {
                return Err((at, "the routing_key of a binding is the same for every message".into()));
            }
            let (key, args) = (key.plain(), self::values(values.free("arguments")));
            let exchange = &topology.exchanges[usize::from(from)];
            if exchange.kind != ExchangeKind::Headers && !args.is_empty() {
                return Err((at, "`arguments` are for an exchange of `type = \"headers\"`".into()));
            }
            let binding = Binding { from, to, key, args };
            if !exchange.takes(&binding) {
                let why = match exchange.kind {
                    ExchangeKind::Headers => {
                        format!("an `x-match` that the broker refuses: expected {}", WAYS_TO_MATCH.join(", "))
                    }
                    _ => "the routing_key of a consistent-hash binding is its weight, such as \"1\", up to 4294967295"
                        .into(),
                };
                return Err((at, why));
            }
            topology.bindings.push(binding);
        }
        let mut brokers = of("broker");
        let said = brokers.next().map(|(at, broker)| (at, broker.values.word("version")));
        if let Some((at, _)) = brokers.next() {
            return Err((at, "one broker is modelled, which holds all its queues".into()));
        }
        topology.version = one_version(said, queues)?;
        Ok(topology)
    }

    /// The queues that a message may be routed to.
    pub(crate) fn reached(&self, said: &Envelope) -> Vec<QueueId> {
        let (mut queues, mut seen) = (Vec::new(), Vec::new());
        let mut open: Vec<u16> = said.exchange.into_iter().collect();
        while let Some(exchange) = open.pop() {
            if seen.contains(&exchange) {
                continue;
            }
            seen.push(exchange);
            open.extend(self.exchanges.iter().filter(|of| of.name == exchange).filter_map(|of| of.alternate));
            for binding in self.bindings.iter().filter(|binding| binding.from == exchange) {
                match binding.to {
                    Bound::Exchange(further) => open.push(further),
                    Bound::Queue(queue) => queues.push(QueueId(queue)),
                }
            }
        }
        queues.sort_unstable();
        queues.dedup();
        queues
    }
}

/// The version of the broker, which all its queues have.
fn one_version(
    said: Option<(Culprit, Option<&'static str>)>,
    queues: &mut [Queue],
) -> Result<Version, (Culprit, String)> {
    let own = queues.iter_mut().zip(0..).filter_map(|(queue, number)| match &mut queue.settings {
        broker::Settings::Rabbitmq(settings) => Some((QueueId(number), settings)),
        _ => None,
    });
    let mut own: Vec<_> = own.collect();
    let version = match said {
        Some((_, Some(word))) => version(Some(word)),
        _ => own.iter().map(|(_, settings)| settings.version).min().unwrap_or_default(),
    };
    for (queue, settings) in &mut own {
        let refused = |why: &str| Err((Culprit::Queue(*queue), why.to_owned()));
        // A queue that says nothing has the broker's.
        if settings.version != version && settings.version != Version::default() {
            return refused("it is of another version than others, and one broker holds all queues");
        }
        settings.version = version;
        if version != Version::V4_3 && settings.delayed_retry.is_some() {
            return refused("`delayed-retry-type` came with 4.3");
        }
        if settings.consumer_timeout.is_some() {
            match (version, settings.family) {
                (Version::V3_10, _) => {
                    return refused("3.10 has no `consumer-timeout` of a queue: its node's is 30 min");
                }
                (Version::V4_3, Family::Classic) => return refused("4.3 has no `consumer-timeout` on classic queues"),
                _ => {}
            }
        }
    }
    Ok(version)
}

/// A version by its word; without one, the newest.
pub(super) fn version(word: Option<&str>) -> Version {
    match word {
        Some("3.10") => Version::V3_10,
        Some("4.0") => Version::V4_0,
        _ => Version::V4_3,
    }
}
