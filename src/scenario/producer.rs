//! `[producer.NAME]`: who produces operations, when, with which keys, and how they are published.

use super::decode::{Fields, Read, Reader};
use super::document::{Entry, Node, Value};
use super::error::Problem;
use super::names::{Kind, Names};
use super::parameters;
use super::place::Place;
use super::schema::{Block, CHANCE, SPAN, default, optional, required};
use crate::model::broker::{self, Envelope, Product, Topology};
use crate::model::parameter::Value as Given;
use crate::model::plan::{Arrivals, Kinds, Poison, PoisonKind, Producer, Publish, QueueId};
use crate::sim::KeyDraw;

const RATE: &str = "a rate such as \"200/s\" or \"1/10min\"";

const PRODUCER: Block = Block {
    path: "producer.NAME",
    what: "a producer",
    fields: &[
        required("to", "the name of a queue, or of an exchange", "where it publishes"),
        required("arrivals", "a table: constant, poisson, bursty or at_once", "when operations are produced"),
        default("keys", "none", "\"none\", or a table: uniform, zipf or weighted", "which key an operation gets"),
        optional(
            "kinds",
            "a list of names, or a table of their shares",
            "of which kinds operations are: `{kind}` in a message",
        ),
        optional("poison", "a table", "operations that no handler can do"),
        default("publish", "confirm", "a pattern, or a table with its settings", "what it does with an operation"),
        optional("message", "a table", "what it says with each message, under the names of the queue's product"),
    ],
};

const ARRIVALS: Block = Block {
    path: "producer.NAME.arrivals",
    what: "arrivals",
    fields: &[
        optional("constant", RATE, "one after the other, always the same time apart"),
        optional("poisson", RATE, "exponential gaps"),
        optional("bursty", RATE, "Poisson at this rate while on, silent while off, on first"),
        optional("on", SPAN, "how long each burst lasts (bursty)"),
        optional("off", SPAN, "how long each silence lasts (bursty)"),
        optional("at_once", "a whole number", "so many in the first instant"),
    ],
};

const KEYS: Block = Block {
    path: "producer.NAME.keys",
    what: "keys",
    fields: &[
        optional("uniform", "a whole number", "each of so many keys alike"),
        optional("zipf", "a table", "few keys are frequent, many are rare"),
        optional(
            "weighted",
            "a table: the share of each named key, and `rest`",
            "some keys are hot: the others share what is left",
        ),
    ],
};

const UNIFORM: Block = Block {
    path: "producer.NAME.keys.uniform",
    what: "uniform keys",
    fields: &[required("n", "a whole number", "how many keys")],
};

const ZIPF: Block = Block {
    path: "producer.NAME.keys.zipf",
    what: "Zipf keys",
    fields: &[
        required("n", "a whole number", "how many keys"),
        required("exponent", "a number above 0", "the frequency of key k goes as k to the minus this"),
    ],
};

const POISON: Block = Block {
    path: "producer.NAME.poison",
    what: "poison",
    fields: &[
        required("fraction", CHANCE, "how many of the operations"),
        default("how", "errors", "\"errors\", \"hangs\" or \"kills\"", "what happens to a handler that tries"),
    ],
};

const PUBLISH: Block = Block {
    path: "producer.NAME.publish",
    what: "publish",
    fields: &[
        default(
            "pattern",
            "confirm",
            "\"fire-and-forget\", \"confirm\" or \"confirm-and-retry\"",
            "the producer's program",
        ),
        default("timeout", "5s", SPAN, "how long it waits for each confirm"),
        default("attempts", "5", "a whole number", "how many publishes at the most (confirm-and-retry)"),
        default("backoff", "100ms", SPAN, "how long it waits after a refusal or a timeout (confirm-and-retry)"),
    ],
};

pub(crate) const BLOCKS: &[&Block] = &[&PRODUCER, &ARRIVALS, &KEYS, &UNIFORM, &ZIPF, &POISON, &PUBLISH];

/// So many operations a run has at most: their numbers fit 32 bits.
pub(crate) const MAX_OPERATIONS: u32 = 4_000_000_000;
/// So many keys are drawn from a table at most.
const MAX_TABLE: u32 = 10_000_000;

/// A producer.
pub(crate) fn read(
    reader: &Reader<'_>,
    names: &Names,
    (products, topology): (&[Option<&'static Product>], Option<&Topology>),
    entry: &Entry,
) -> Read<Producer> {
    let fields = Fields::of(reader, &PRODUCER, &entry.node, entry.key_at)?;
    let to = fields.read("to", |n| {
        let name = reader.text(n, "the name of a queue, or of an exchange")?;
        names.find_any(reader, &[Kind::Queue, Kind::Exchange], name, n.at)
    });
    let arrivals = fields.read("arrivals", |n| arrivals(reader, n));
    let keys = fields.read("keys", |n| keys(reader, n));
    let kinds = fields.optional("kinds", |n| kinds(reader, n));
    let poison = fields.optional("poison", |n| poison(reader, n));
    let publish = fields.read("publish", |n| publish(reader, n));
    let kinds = kinds?;
    let (product, queue, exchange) = match to? {
        (Kind::Queue, queue) => (products.get(usize::from(queue)).copied().flatten(), Some(QueueId(queue)), None),
        (_, exchange) => (broker::products().find(|product| !product.nouns.is_empty()), None, Some(exchange)),
    };
    let message = match (fields.entry("message").map(|said| &said.node), product) {
        (None, _) if exchange.is_none() => None,
        (said, Some(product)) => Some(message(reader, names, product, (said, fields.at), exchange, kinds.is_some())?),
        (_, None) => None,
    };
    let homes = match (queue, topology) {
        (Some(queue), _) => vec![queue],
        (None, Some(topology)) => topology.reached(message.as_ref()),
        (None, None) => vec![QueueId(0)], // what is wrong was said
    };
    if homes.is_empty() {
        let problem = Problem::new(fields.at, "this producer's messages reach no queue");
        return reader.fail(problem.label("its exchange has no binding that leads to one"));
    }
    Ok(Producer {
        name: entry.key.clone(),
        to: homes[0],
        homes,
        arrivals: arrivals?,
        keys: keys?,
        kinds,
        poison: poison?,
        publish: publish?,
        message,
    })
}

/// What is said with each message, in the product's words.
fn message(
    reader: &Reader<'_>,
    names: &Names,
    product: &'static Product,
    (said, whose): (Option<&Node>, Place),
    exchange: Option<u16>,
    has_kinds: bool,
) -> Read<Envelope> {
    let given = match said.map(|said| (&said.value, said)) {
        None => &[][..],
        Some((Value::Table(_), said)) if product.message.is_empty() => {
            let problem = Problem::new(said.at, format!("a message to `{}` says nothing", product.name));
            return reader.fail(problem.label("this product has no fields of a message"));
        }
        Some((Value::Table(table), _)) => &table.entries[..],
        Some((_, said)) => return reader.wrong(said, "a table: a message has fields"),
    };
    let what = format!("a message to {}", product.name);
    let mut values = parameters::read(reader, names, product.message, given, (&what, &[], product.not_modelled))?;
    let of_kind = |(_, value): &(&str, Given)| matches!(value, Given::Text(text) if text.says_kind());
    if let Some((field, _)) = values.0.iter().find(|given| of_kind(given) && !has_kinds) {
        let at = said.map_or(whose, |said| said.at);
        let problem = Problem::new(at, format!("`{{kind}}` in {field}, and the producer has no kinds"));
        return reader.fail(problem.label("add kinds = [\"..\"] to the producer"));
    }
    values.0.extend(exchange.map(|number| ("exchange", Given::Of(number))));
    (product.read_message)(&values).or_else(|why| {
        let at = said.map_or(whose, |said| said.at);
        reader.fail(Problem::new(at, "these fields do not fit together").label(why))
    })
}

fn arrivals(reader: &Reader<'_>, node: &Node) -> Read<Arrivals> {
    let fields = Fields::of(reader, &ARRIVALS, node, node.at)?;
    let (name, entry) = fields.one_of(&["constant", "poisson", "bursty", "at_once"])?;
    let value = &entry.node;
    if name == "bursty" {
        let gap = reader.gap(value);
        let span = |name| match fields.optional(name, |n| reader.some_time(n))? {
            Some(span) => Ok(span),
            None => {
                let problem = Problem::new(node.at, format!("bursty arrivals need `{name}`"));
                reader.fail(problem.label(format!("`{name}` is missing: {SPAN}")))
            }
        };
        let (on, off) = (span("on"), span("off"));
        return Ok(Arrivals::Bursty { gap: gap?, on: on?, off: off? });
    }
    for name in ["on", "off"] {
        fields.refuse(name, "only bursty arrivals are on and off")?;
    }
    Ok(match name {
        "constant" => Arrivals::Constant { gap: reader.gap(value)? },
        "poisson" => Arrivals::Poisson { gap: reader.gap(value)? },
        _ => Arrivals::AtOnce { count: reader.count(value, MAX_OPERATIONS)? },
    })
}

fn keys(reader: &Reader<'_>, node: &Node) -> Read<KeyDraw> {
    if let Value::Text(_) = node.value {
        return reader.word(node, &["none"]).map(|_| KeyDraw::None);
    }
    let fields = Fields::of(reader, &KEYS, node, node.at)?;
    let (name, entry) = fields.one_of(&["uniform", "zipf", "weighted"])?;
    let value = &entry.node;
    match name {
        "uniform" if !matches!(value.value, Value::Table(_)) => {
            reader.count(value, MAX_OPERATIONS).map(KeyDraw::uniform)
        }
        "uniform" => {
            let fields = Fields::of(reader, &UNIFORM, value, entry.key_at)?;
            fields.read("n", |n| reader.count(n, MAX_OPERATIONS)).map(KeyDraw::uniform)
        }
        "zipf" => {
            let fields = Fields::of(reader, &ZIPF, value, entry.key_at)?;
            let n = fields.read("n", |n| reader.count(n, MAX_TABLE));
            let exponent = fields.read("exponent", |n| reader.positive(n));
            drawn(reader, value, KeyDraw::zipf(n?, exponent?))
        }
        _ => weighted(reader, value),
    }
}

fn weighted(reader: &Reader<'_>, node: &Node) -> Read<KeyDraw> {
    let Value::Table(table) = &node.value else {
        return reader.wrong(node, "a table: { hot = \"50%\", rest = 999 }");
    };
    let mut rest = None;
    let mut hot = Vec::new();
    for entry in &table.entries {
        if entry.key == "rest" {
            rest = Some(reader.whole(&entry.node, 0..=u64::from(MAX_TABLE)));
        } else {
            hot.push(reader.chance(&entry.node).map(|share| (entry.key.clone(), share.as_f64())));
        }
    }
    let hot = hot.into_iter().collect::<Read<Vec<_>>>()?;
    match rest {
        Some(rest) => drawn(reader, node, KeyDraw::weighted(hot, rest? as u32)),
        None => {
            let problem = Problem::new(node.at, "weighted keys need `rest`");
            reader.fail(problem.label("`rest` is missing: how many further keys share what is left"))
        }
    }
}

fn drawn(reader: &Reader<'_>, node: &Node, keys: Result<KeyDraw, String>) -> Read<KeyDraw> {
    let at = node.at;
    keys.or_else(|why| reader.fail(Problem::new(at, "no key can be drawn from this").label(why)))
}

/// `["created", "paid"]`, equally likely, or `{ created = "70%", paid = "30%" }`.
fn kinds(reader: &Reader<'_>, node: &Node) -> Read<Kinds> {
    let shares: Vec<Read<(String, f64)>> = match &node.value {
        Value::Table(table) => {
            let share = |entry: &Entry| Ok((entry.key.clone(), reader.chance(&entry.node)?.as_f64()));
            table.entries.iter().map(share).collect()
        }
        Value::List(list) => {
            let name = |n: &Node| Ok((reader.text(n, "the name of a kind")?.to_owned(), 1.0 / list.len() as f64));
            list.iter().map(name).collect()
        }
        _ => return reader.wrong(node, "a list of names, or a table of their shares"),
    };
    let shares = shares.into_iter().collect::<Read<Vec<_>>>()?;
    Kinds::new(shares).or_else(|why| reader.fail(Problem::new(node.at, "no kind can be drawn from this").label(why)))
}

fn poison(reader: &Reader<'_>, node: &Node) -> Read<Poison> {
    let fields = Fields::of(reader, &POISON, node, node.at)?;
    let fraction = fields.read("fraction", |n| reader.chance(n));
    let how = fields.read("how", |n| {
        Ok(match reader.word(n, &["errors", "hangs", "kills"])? {
            "hangs" => PoisonKind::Hangs,
            "kills" => PoisonKind::Kills,
            _ => PoisonKind::Errors,
        })
    });
    Ok(Poison { fraction: fraction?, how: how? })
}

fn publish(reader: &Reader<'_>, node: &Node) -> Read<Publish> {
    let word = |n: &Node| reader.word(n, &["fire-and-forget", "confirm", "confirm-and-retry"]);
    let empty = Node { at: node.at, value: Value::Table(Default::default()) };
    let (node, said) = match &node.value {
        Value::Text(_) => (&empty, Some(word(node)?)),
        _ => (node, None),
    };
    let fields = Fields::of(reader, &PUBLISH, node, node.at)?;
    let pattern = said.map_or_else(|| fields.read("pattern", word), Ok);
    let timeout = fields.read("timeout", |n| reader.some_time(n));
    let attempts = fields.read("attempts", |n| reader.small_count(n));
    let backoff = fields.read("backoff", |n| reader.span(n));
    let (pattern, timeout, attempts, backoff) = (pattern?, timeout?, attempts?, backoff?);
    if pattern != "confirm-and-retry" {
        for name in ["attempts", "backoff"] {
            fields.refuse(name, format!("{pattern} publishes once; confirm-and-retry does it again"))?;
        }
    }
    Ok(match pattern {
        "fire-and-forget" => {
            fields.refuse("timeout", "fire-and-forget waits for no confirm")?;
            Publish::FireAndForget
        }
        "confirm" => Publish::Confirm { timeout },
        _ => Publish::ConfirmAndRetry { timeout, attempts, backoff },
    })
}
