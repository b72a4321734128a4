//! Routes: which queues a message goes to, by exchanges, bindings and alternates.
//!
//! It knows names and what stands under them, nothing of messages stored. A queue gets one copy however many ways lead
//! to it; what is bound to a name waits for no queue: unbound with it, it is gone.

use std::borrow::Cow;

use super::hash;
use super::topology::{Binding, Bound, Exchange, ExchangeKind, Topology};
use crate::model::broker::parts::{headers, topic};
use crate::model::plan::QueueId;
use crate::sim::{Canon, clone_by_field};

pub use crate::model::broker::parts::headers::Value;

/// What stands of the topology.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// By exchange name: the declaration that stands.
    exchanges: Vec<Option<u16>>,
    /// The bindings that stand, in the order in which they were made.
    bindings: Vec<u16>,
}

clone_by_field!(Routes { exchanges, bindings });

/// A name that only the broker itself may give: the default exchange has none, its other exchanges begin so.
pub(super) fn reserved(name: &str) -> bool {
    name.is_empty() || name.starts_with("amq.")
}

/// The exchanges that stand in every broker.
pub const PREDECLARED: &[(&str, ExchangeKind)] = &[
    ("amq.direct", ExchangeKind::Direct),
    ("amq.fanout", ExchangeKind::Fanout),
    ("amq.headers", ExchangeKind::Headers),
    ("amq.match", ExchangeKind::Headers),
    ("amq.topic", ExchangeKind::Topic),
];

/// Where a message goes, while that is found out.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// By name, in no order and perhaps more than once while they are found.
    pub names: Vec<u16>,
    /// The queues that stand under these names, in the order in which they get it.
    pub queues: Vec<QueueId>,
    /// Exchanges that it came to, and those of them whose bindings were not looked at yet.
    seen: Vec<u16>,
    to_do: Vec<u16>,
    /// What the bindings of one exchange lead to.
    found: Vec<Bound>,
}

/// What a message says that exchanges look at.
pub(super) struct Labels<'a> {
    /// Routing keys, the message's own first.
    pub keys: &'a [String],
    pub headers: &'a [(String, Value)],
}

impl Routes {
    /// Everything stands, or only what a broker itself declares.
    pub fn new(topology: &Topology) -> Routes {
        let mut routes = Routes { exchanges: vec![None; topology.exchange_names.len()], bindings: Vec::new() };
        for (exchange, number) in topology.exchanges.iter().zip(0..) {
            let stands = &mut routes.exchanges[usize::from(exchange.name)];
            if stands.is_none()
                && (!topology.script
                    || PREDECLARED.iter().any(|&(name, _)| name == topology.exchange_names[usize::from(exchange.name)]))
            {
                *stands = Some(number);
            }
        }
        if !topology.script {
            routes.bindings.extend(0..topology.bindings.len() as u16);
        }
        routes
    }

    /// The declaration that stands under a name.
    pub fn exchange(&self, name: u16) -> Option<u16> {
        self.exchanges[usize::from(name)]
    }

    /// A declaration stands from now on.
    pub fn declare(&mut self, name: u16, exchange: u16) {
        self.exchanges[usize::from(name)] = Some(exchange);
    }

    pub fn bind(&mut self, binding: u16, topology: &Topology) {
        let new = &topology.bindings[usize::from(binding)];
        if !self.bindings.iter().any(|&other| topology.bindings[usize::from(other)] == *new) {
            self.bindings.push(binding);
        }
    }

    /// Takes away what is equal to a binding.
    pub fn unbind(&mut self, binding: u16, topology: &Topology) {
        let gone = &topology.bindings[usize::from(binding)];
        self.bindings.retain(|&other| topology.bindings[usize::from(other)] != *gone);
    }

    /// What was bound is no more.
    pub fn forget(&mut self, what: Bound, topology: &Topology) {
        let stays =
            |binding: &Binding| binding.to != what && !matches!(what, Bound::Exchange(name) if binding.from == name);
        self.bindings.retain(|&other| stays(&topology.bindings[usize::from(other)]));
    }

    /// Exchanges that `keeps` does not keep are gone, with their bindings.
    pub fn crash(&mut self, topology: &Topology, keeps: impl Fn(&Exchange) -> bool) {
        for name in 0..self.exchanges.len() {
            let gone = self.exchanges[name].is_some_and(|it| !keeps(&topology.exchanges[usize::from(it)]));
            if gone {
                self.exchanges[name] = None;
                self.forget(Bound::Exchange(name as u16), topology);
            }
        }
    }

    /// Finds the names of the queues that a message to an exchange goes to.
    pub fn route(&self, exchange: u16, labels: &Labels<'_>, topology: &Topology, way: &mut Way) {
        let Way { names, seen, to_do, found, .. } = way;
        seen.clear();
        seen.push(exchange);
        to_do.push(exchange);
        while let Some(name) = to_do.pop() {
            let Some(number) = self.exchange(name) else { continue };
            let declared = &topology.exchanges[usize::from(number)];
            self.matching(declared, labels, topology, found);
            if found.is_empty() {
                found.extend(declared.alternate.map(Bound::Exchange));
            }
            for bound in found.drain(..) {
                match bound {
                    Bound::Queue(queue) => names.push(queue),
                    Bound::Exchange(other) if !seen.contains(&other) => {
                        seen.push(other);
                        to_do.push(other);
                    }
                    Bound::Exchange(_) => {}
                }
            }
        }
    }

    /// Finds what an exchange's own bindings lead to. What is bound to a name that nothing stands under counts: it was routed.
    fn matching(&self, exchange: &Exchange, labels: &Labels<'_>, topology: &Topology, found: &mut Vec<Bound>) {
        let all = self.bindings.iter().map(|&number| &topology.bindings[usize::from(number)]);
        let bindings = all.filter(|binding| binding.from == exchange.name);
        let by_key =
            |binding: &Binding, fits: fn(&str, &str) -> bool| labels.keys.iter().any(|key| fits(&binding.key, key));
        match exchange.kind {
            ExchangeKind::ConsistentHash => {
                // Each that is bound has as many buckets as its first binding says.
                let ring = bindings.clone().enumerate().filter(|&(nth, binding)| {
                    let mut before = bindings.clone().take(nth);
                    !before.any(|other| other.to == binding.to)
                });
                let weight = |binding: &Binding| binding.key.parse::<u32>().unwrap_or(0);
                let buckets = ring.clone().map(|(_, binding)| u64::from(weight(binding))).sum::<u64>();
                if let Ok(buckets @ 1..) = u32::try_from(buckets) {
                    let mut bucket = hash::bucket(&hashed(exchange, labels), buckets);
                    for (_, binding) in ring {
                        if bucket < weight(binding) {
                            found.push(binding.to);
                            break;
                        }
                        bucket -= weight(binding);
                    }
                }
            }
            kind => found.extend(
                bindings
                    .filter(|binding| match kind {
                        ExchangeKind::Direct => by_key(binding, |wanted, key| wanted == key),
                        ExchangeKind::Topic => by_key(binding, topic::matches),
                        ExchangeKind::Headers => headers_match(binding, labels),
                        ExchangeKind::Fanout | ExchangeKind::ConsistentHash => true,
                    })
                    .map(|binding| binding.to),
            ),
        }
    }

    /// Writes what stands.
    pub fn canon(&self, form: &mut impl Canon) {
        form.list(self.exchanges.iter(), |form, stands| form.put(stands.map_or(0, |it| u64::from(it) + 1)));
        form.list(self.bindings.iter(), |form, &binding| form.put(u64::from(binding)));
    }
}

/// What a consistent-hash exchange hashes of a message.
fn hashed<'a>(exchange: &Exchange, labels: &Labels<'a>) -> Cow<'a, str> {
    let Some(name) = &exchange.hash_header else { return labels.keys.first().map_or("", String::as_str).into() };
    match labels.headers.iter().find(|(given, _)| given == name) {
        Some((_, Value::Text(text))) => text.into(),
        Some((_, value)) => format!("{value:?}").into(),
        None => "undefined".into(),
    }
}

fn headers_match(binding: &Binding, labels: &Labels<'_>) -> bool {
    let how = binding.args.iter().find(|(name, _)| name == "x-match").and_then(|(_, value)| value.text());
    let any = matches!(how, Some("any" | "any-with-x"));
    let with_x = matches!(how, Some("all-with-x" | "any-with-x"));
    let counts = |name: &str| if with_x { name != "x-match" } else { !name.starts_with("x-") };
    headers::matches(&binding.args, labels.headers, any, counts)
}
