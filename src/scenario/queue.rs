//! `[queue.NAME]`: a queue of a product. The fields are the product's own, read by the product's own table.

use super::decode::{Read, Reader, unknown_field};
use super::document::{Entry, Node, Value as Written};
use super::error::Problem;
use super::names::{Kind as Thing, Names};
use super::place::Place;
use super::schema::{Block, required};
use crate::model::broker::{Product, product, products};
use crate::model::parameter::{Kind, Parameter, Value, Values};
use crate::model::plan::{Queue, QueueId};

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
    let mut given = Vec::new();
    for field in table.entries.iter().filter(|field| field.key != "product") {
        match of.parameters.iter().find(|parameter| parameter.name == field.key) {
            Some(parameter) => given.push(value(reader, names, parameter, &field.node).map(|v| (parameter.name, v))),
            None => {
                let fields = of.parameters.iter().map(|parameter| parameter.name);
                unknown_field(reader, field, &what, fields.chain(["product"]));
            }
        }
    }
    let values = Values(given.into_iter().collect::<Read<Vec<_>>>()?);
    match (of.read)(&values) {
        Ok(settings) => Ok(Queue { name: entry.key.clone(), settings }),
        Err(why) => reader.fail(Problem::new(entry.key_at, "these settings do not fit together").label(why)),
    }
}

/// Where it was written which queue the dead letters of this one go to: the only setting of a product that names a queue.
pub(crate) fn dead_letters_at(entry: &Entry) -> Option<Place> {
    let Written::Table(table) = &entry.node.value else { return None };
    let Written::Text(name) = &table.get("product")?.node.value else { return None };
    let names_a_queue = |parameter: &&Parameter| parameter.kind == Kind::Queue;
    let said = product(name)?.parameters.iter().filter(names_a_queue).find_map(|one| table.get(one.name));
    said.map(|said| said.node.at)
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

fn value(reader: &Reader<'_>, names: &Names, parameter: &Parameter, node: &Node) -> Read<Value> {
    match parameter.kind {
        Kind::Span { min, max, bare } => match reader.span_in(node, bare)? {
            span if span < min || span > max => {
                reader.fail(Problem::new(node.at, "out of range").label(format!("expected {min} to {max}")))
            }
            span => Ok(Value::Span(span)),
        },
        Kind::Whole { min, max } => reader.whole(node, min..=max).map(Value::Whole),
        Kind::Word(words) => match &node.value {
            // A version is a word that looks like a number.
            Written::Number(written) if let Some(word) = words.iter().find(|word| **word == &**written) => {
                Ok(Value::Word(word))
            }
            _ => reader.word(node, words).map(Value::Word),
        },
        Kind::Switch => reader.switch(node).map(Value::Switch),
        Kind::Queue => names.find(reader, Thing::Queue, node).map(|queue| Value::Queue(QueueId(queue))),
    }
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
        for (product, parameter) in products().flat_map(|p| p.parameters.iter().map(move |q| (p, q))) {
            if !parameter.default.is_empty() {
                let node = document::value(parameter.default, Place::START);
                assert!(value(&reader, &names, parameter, &node).is_ok(), "{}.{}", product.name, parameter.name);
            }
        }
    }
}
