//! `[queue.NAME]`: a queue of a product. The fields are the product's own, read by the product's own table.

use super::decode::{Read, Reader};
use super::document::{Entry, Node, Table, Value as Written};
use super::error::Problem;
use super::names::Names;
use super::parameters;
use super::place::Place;
use super::schema::{Block, required};
use crate::model::broker::{Product, product, products};
use crate::model::parameter::{Kind, Parameter};
use crate::model::plan::Queue;

pub(crate) const BLOCK: Block = Block {
    path: "queue.NAME",
    what: "a queue",
    fields: &[required("product", "the name of a product", "what it is of; its other fields are the product's own")],
};

/// A queue.
pub(crate) fn read(reader: &Reader<'_>, names: &Names, entry: &Entry) -> Read<Queue> {
    let Written::Table(table) = &entry.node.value else {
        return reader.wrong(&entry.node, "a table: a queue has fields");
    };
    let Some(said) = table.get("product") else {
        let problem = Problem::new(entry.key_at, "a queue needs `product`").label("`product` is missing");
        let products: Vec<&str> = products().map(|product| product.name).collect();
        return reader.fail(problem.help(format!("products: {}", super::error::list(&products))));
    };
    let of = self::of(reader, &said.node)?;
    let what = format!("{} {} queue", article(of.name), of.name);
    let given = table.entries.iter().filter(|field| field.key != "product");
    let values = parameters::read(reader, names, of.parameters, given, (&what, &["product"], of.not_modelled))?;
    match (of.read)(&values) {
        Ok(settings) => Ok(Queue { name: entry.key.clone(), settings }),
        Err(why) => reader.fail(Problem::new(entry.key_at, "these settings do not fit together").label(why)),
    }
}

/// Where it was written which queue the dead letters of this one go to: the only setting of a product that names a queue.
pub(crate) fn dead_letters_at(entry: &Entry) -> Option<Place> {
    let Written::Table(table) = &entry.node.value else { return None };
    let Written::Text(name) = &table.get("product")?.node.value else { return None };
    queue_named_in(table, product(name)?.parameters)
}

fn queue_named_in(table: &Table, parameters: &[Parameter]) -> Option<Place> {
    parameters.iter().find_map(|parameter| {
        let said = &table.get(parameter.name)?.node;
        match (parameter.kind, &said.value) {
            (Kind::Queue | Kind::KeyOrQueue, _) => Some(said.at),
            (Kind::Table(fields), Written::Table(table)) => queue_named_in(table, fields),
            _ => None,
        }
    })
}

/// The product of each queue of a file, by number; not all of them could be read.
pub(crate) fn products_of(entries: &[&Entry]) -> Vec<Option<&'static Product>> {
    let name = |entry: &&Entry| match &entry.node.value {
        Written::Table(table) => match &table.get("product")?.node.value {
            Written::Text(name) => product(name),
            _ => None,
        },
        _ => None,
    };
    entries.iter().map(name).collect()
}

fn of(reader: &Reader<'_>, node: &Node) -> Read<&'static Product> {
    let name = reader.text(node, "the name of a product")?;
    let products = products().map(|product| product.name);
    product(name).map_or_else(|| reader.unknown(node, name, products, "the name of a product", "products"), Ok)
}

fn article(word: &str) -> &'static str {
    // "an sqs queue": the letters of an abbreviation are spelt out.
    if word.starts_with(['a', 'e', 'i', 'o', 's']) { "an" } else { "a" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document;
    use crate::scenario::place::Texts;

    #[test]
    fn the_default_of_every_parameter_fits_the_parameter() {
        let texts = Texts::new("test", "");
        let reader = Reader::new(&texts);
        let names = Names::of(&Default::default());
        let tables =
            |p: &'static Product| [p.parameters, p.message, p.client].into_iter().flatten().map(move |q| (p, q));
        for (product, parameter) in products().flat_map(tables) {
            if !parameter.default.is_empty() {
                let node = document::value(parameter.default, Place::START);
                let entry = Entry { key: parameter.name.into(), key_at: Place::START, node };
                let read = parameters::value(&reader, &names, parameter, &entry);
                assert!(read.is_ok(), "{}.{}", product.name, parameter.name);
            }
        }
    }
}
