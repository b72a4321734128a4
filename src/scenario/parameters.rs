//! Parameters of a product: values that fit its tables, under its own names.
//!
//! It knows no product, only tables. A bare number is taken in the unit that the table documents, so that a real configuration
//! can be copied in.

use super::decode::{Read, Reader, unknown_field};
use super::document::{Entry, Node, Value as Written};
use super::error::Problem;
use super::names::{Kind as Thing, Names};
use crate::model::broker::NotModelled;
use crate::model::parameter::{Kind, Parameter, Scalar, Value, Values};
use crate::model::plan::QueueId;
use crate::model::text::{PLACEHOLDERS, Text};

/// What was given of a table of parameters; `what` is what has them: "a plain queue", `more` the names that are read elsewhere, and
/// `lacks` what the product's model does not have, with what there is instead.
pub(crate) fn read<'e>(
    reader: &Reader<'_>,
    names: &Names,
    parameters: &'static [Parameter],
    given: impl IntoIterator<Item = &'e Entry>,
    (what, more, lacks): (&str, &[&'static str], NotModelled),
) -> Read<Values> {
    let mut values = Vec::new();
    for field in given {
        match parameters.iter().find(|parameter| parameter.name == field.key) {
            Some(parameter) => values.push(value(reader, names, parameter, field).map(|v| (parameter.name, v))),
            None if let Some((name, instead)) =
                lacks.iter().copied().flatten().find(|(name, _)| *name == field.key) =>
            {
                let problem = Problem::new(field.key_at, format!("`{name}` is not modelled"));
                values.push(reader.fail(problem.label(*instead)));
            }
            None => {
                let fields = parameters.iter().map(|parameter| parameter.name);
                unknown_field(reader, field, what, fields.chain(more.iter().copied()));
            }
        }
    }
    values.into_iter().collect::<Read<Vec<_>>>().map(Values)
}

/// A value of a parameter.
pub(crate) fn value(reader: &Reader<'_>, names: &Names, parameter: &Parameter, entry: &Entry) -> Read<Value> {
    let node = &entry.node;
    match parameter.kind {
        Kind::Span { min, max, bare } => match reader.span_in(node, bare)? {
            span if span < min || span > max => {
                reader.fail(Problem::new(node.at, "out of range").label(format!("expected {min} to {max}")))
            }
            span if let Some(unit) = bare.filter(|unit| !span.nanos().is_multiple_of(unit.nanos())) => {
                reader.fail(Problem::new(node.at, "too fine").label(format!("expected a whole number of {unit}")))
            }
            span => Ok(Value::Span(span)),
        },
        Kind::Whole { min, max } => reader.whole(node, min..=max).map(Value::Whole),
        Kind::WholeOrNone { max } => match &node.value {
            Written::Number(written) if &**written == "-1" => Ok(Value::None),
            Written::Number(written) if written.starts_with('-') => {
                let label = format!("expected a whole number up to {max}, or -1 for none");
                reader.fail(Problem::new(node.at, "out of range").label(label))
            }
            _ => reader.whole(node, 0..=max).map(Value::Whole),
        },
        Kind::Word(words) => match &node.value {
            // A version is a word that looks like a number.
            Written::Number(written) if let Some(word) = words.iter().find(|word| **word == &**written) => {
                Ok(Value::Word(word))
            }
            _ => reader.word(node, words).map(Value::Word),
        },
        Kind::Switch => reader.switch(node).map(Value::Switch),
        Kind::Queue => {
            let text = reader.text(node, "the name of a queue")?;
            // An ARN ends with the name.
            let name = text.strip_prefix("arn:").and_then(|rest| rest.rsplit(':').next()).unwrap_or(text);
            names.find_text(reader, Thing::Queue, name, node.at).map(|queue| Value::Queue(QueueId(queue)))
        }
        // Without a name: the one that has none.
        Kind::Of(_) if matches!(&node.value, Written::Text(text) if text.is_empty()) => Ok(Value::Word("")),
        Kind::Of(word) => thing(reader, names, word, node).map(Value::Of),
        Kind::KeyOrQueue => {
            let text = reader.text(node, "a key, or the name of a queue")?;
            Ok(Value::Key(Text::fixed(text), names.number(Thing::Queue, text).map(QueueId)))
        }
        Kind::QueueOr(word) => {
            let name = reader.text(node, &format!("the name of a queue or of an {word}"))?;
            let kinds: Vec<Thing> = [Some(Thing::Queue), Thing::of(word)].into_iter().flatten().collect();
            Ok(match names.find_any(reader, &kinds, name, node.at)? {
                (Thing::Queue, queue) => Value::Queue(QueueId(queue)),
                (_, number) => Value::Of(number),
            })
        }
        Kind::Free => free(reader, node).map(Value::Free),
        Kind::Text => text(reader, node).map(Value::Text),
        Kind::Table(fields) => {
            let what = format!("a {}", parameter.name);
            let Written::Table(table) = &node.value else {
                return reader.wrong(node, &format!("a table: {what} has fields"));
            };
            let values = read(reader, names, fields, &table.entries, (&what, &[], &[]))?;
            match fields.iter().find(|field| field.default.is_empty() && table.get(field.name).is_none()) {
                None => Ok(Value::Table(values)),
                Some(missing) => {
                    let problem = Problem::new(entry.key_at, format!("{what} needs `{}`", missing.name));
                    reader.fail(problem.label(format!("`{}` is missing: {}", missing.name, missing.text)))
                }
            }
        }
    }
}

fn thing(reader: &Reader<'_>, names: &Names, word: &str, node: &Node) -> Read<u16> {
    let kind = Thing::of(word).expect("a table names a kind of thing that there is");
    names.find(reader, kind, node)
}

/// Values by free names.
fn free(reader: &Reader<'_>, node: &Node) -> Read<Vec<(String, Scalar)>> {
    let Written::Table(table) = &node.value else {
        return reader.wrong(node, "a table of texts, whole numbers, true and false");
    };
    let value = |entry: &Entry| {
        let value = match &entry.node.value {
            Written::Text(text) => Scalar::Text(text.to_string()),
            Written::Switch(on) => Scalar::Switch(*on),
            _ => Scalar::Whole(reader.whole(&entry.node, 0..=1_000_000_000_000)? as i64),
        };
        Ok((entry.key.clone(), value))
    };
    table.entries.iter().map(value).collect()
}

/// A text, with what the operation is in braces.
fn text(reader: &Reader<'_>, node: &Node) -> Read<Text> {
    let written = reader.text(node, "a text such as \"{key}\"")?;
    Text::read(written).or_else(|word| {
        let braces: Vec<String> = PLACEHOLDERS.iter().map(|(name, _)| format!("`{{{name}}}`")).collect();
        let problem = Problem::new(node.at, format!("`{}` does not fit in braces", word.escape_debug()));
        reader
            .fail(problem.label(format!("braces hold what the operation is: {}", super::error::joined(&braces, "or"))))
    })
}
