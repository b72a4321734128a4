//! What stands around the queues of some products: `[exchange.NAME]`, `[binding.NAME]`, `[broker.NAME]`.
//!
//! It knows no product: each brings its nouns, their tables, and what becomes of them.

use super::decode::{Read, Reader};
use super::document::{Entry, Table, Value};
use super::error::Problem;
use super::names::{Names, things};
use super::parameters;
use crate::model::broker::{Culprit, Given, Noun, Topology, nouns};
use crate::model::plan::Queue;

/// All that stands around the queues, where all of these could be read.
pub(crate) fn read_all(reader: &Reader<'_>, names: &Names, root: &Table, queues: &mut [Read<Queue>]) -> Read<Topology> {
    let mut all = Vec::new();
    for noun in nouns() {
        all.extend(things(reader, root, noun.word).into_iter().map(|entry| (noun, entry)));
    }
    let given: Vec<Read<Given>> = all.iter().map(|(noun, entry)| one(reader, names, noun, entry)).collect();
    let given: Vec<Given> = given.into_iter().collect::<Read<_>>()?;
    // Where a queue is wrong, that was said, and this would be about others.
    let mut good: Vec<Queue> = queues.iter().cloned().collect::<Read<_>>()?;
    let topology = Topology::read(&given, &mut good).or_else(|(culprit, why)| {
        let (place, what) = match culprit {
            Culprit::Given(at) => (all[at].1.key_at, all[at].0.what),
            Culprit::Queue(queue) => (things(reader, root, "queue")[queue.at()].key_at, "a queue"),
        };
        reader.fail(Problem::new(place, format!("{what} that cannot stand")).label(why))
    })?;
    queues.iter_mut().zip(good).for_each(|(queue, good)| *queue = Ok(good));
    Ok(topology)
}

fn one(reader: &Reader<'_>, names: &Names, noun: &'static Noun, entry: &Entry) -> Read<Given> {
    let Value::Table(table) = &entry.node.value else {
        return reader.wrong(&entry.node, &format!("a table: {} has fields", noun.what));
    };
    let values = parameters::read(reader, names, noun.parameters, &table.entries, (noun.what, &[], noun.not_modelled))?;
    Ok(Given { word: noun.word, name: entry.key.clone(), values })
}
