//! `[store.NAME]`: what effects are applied to.

use super::decode::{Fields, Read, Reader};
use super::document::{Entry, Node, Value};
use super::schema::{Block, DIST, default, optional, required};
use crate::model::plan::{Store, StoreKind};
use crate::sim::Span;

pub(crate) const BLOCK: Block = Block {
    path: "store.NAME",
    what: "a store",
    fields: &[
        required(
            "kind",
            "\"database\", \"external\" or \"cache\"",
            "a database takes part in transactions, an external service takes none, a cache dies with its process",
        ),
        default("latency", "2ms", DIST, "how long each step on it takes"),
        optional(
            "idempotency_key",
            "a length of time, or false",
            "how long an external service remembers the key of an operation; without it, it takes none",
        ),
    ],
};

/// A store.
pub(crate) fn read(reader: &Reader<'_>, entry: &Entry) -> Read<Store> {
    let fields = Fields::of(reader, &BLOCK, &entry.node, entry.key_at)?;
    let kind = fields.read("kind", |n| reader.word(n, &["database", "external", "cache"]));
    let latency = fields.read("latency", |n| super::dist::read(reader, n));
    let key = fields.optional("idempotency_key", |n| life(reader, n));
    let (kind, latency, key) = (kind?, latency?, key?);
    if kind != "external" {
        fields.refuse("idempotency_key", format!("a {kind} takes none; an external service may"))?;
    }
    let kind = match kind {
        "database" => StoreKind::Database,
        "cache" => StoreKind::Cache,
        _ => StoreKind::External { idempotency: key.flatten() },
    };
    Ok(Store { name: entry.key.clone(), kind, latency })
}

fn life(reader: &Reader<'_>, node: &Node) -> Read<Option<Span>> {
    match node.value {
        Value::Switch(false) => Ok(None),
        Value::Switch(true) => reader.wrong(node, "how long it is remembered, such as \"24h\", or false"),
        _ => reader.some_time(node).map(Some),
    }
}
