//! Changes of a document by path: `--set queue.payments.lease=2min`, and `set` and `unset` of a variant.
//!
//! The path of a setting is its name; a part with dots stands in quotes. A change works on the tree, before anything is
//! read, and what it puts there keeps the place where the change was written: an error in it points there. A change
//! may give a thing a further field, or a whole table; it may not make up a thing by naming a field of it.

use std::ops::Range;

use super::decode::{Read, Reader};
use super::document::{Entry, Node, Table, Value};
use super::error::Problem;
use super::place::Place;

/// A part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    name: String,
    at: Place,
}

/// A path, and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    /// The tables on the way.
    way: Vec<Part>,
    /// The key in the last of them.
    last: Part,
    at: Place,
}

/// So many parts a path has at most.
const DEEPEST: usize = 10;

/// The blocks whose tables have names.
const NAMED: [&str; 10] =
    ["producer", "queue", "store", "consumer", "fault", "link", "redrive", "exchange", "binding", "broker"];

impl Path {
    /// The path that was written at a place.
    pub fn read(reader: &Reader<'_>, text: &str, at: Place) -> Read<Path> {
        let fail = |part: Range<usize>, label: &str| {
            let at = reader.texts.within(at, text, part);
            let help = "a path is the names of a setting: queue.payments.lease, consumer.\"a.b\".workers";
            reader.fail(Problem::new(at, "this is no path").label(label).help(help))
        };
        let mut parts = Vec::new();
        let mut from = 0;
        loop {
            let rest = &text[from..];
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (name, length) = match quote {
                Some(quote) => match rest[1..].find(quote) {
                    Some(length) => (&rest[1..1 + length], length + 2),
                    None => return fail(from..text.len(), "this quote is not closed"),
                },
                None => {
                    let length = rest.find('.').unwrap_or(rest.len());
                    (&rest[..length], length)
                }
            };
            if name.is_empty() {
                return fail(from..from + length, "expected a name");
            }
            parts.push(Part { name: name.into(), at: reader.texts.within(at, text, from..from + length) });
            from += length;
            match text[from..].chars().next() {
                None => break,
                Some('.') => from += 1,
                Some(_) => return fail(from..text.len(), "expected `.` between two names"),
            }
        }
        if parts.len() > DEEPEST {
            return fail(0..text.len(), "no setting is as deep as this");
        }
        let Some(last) = parts.pop() else { return fail(0..0, "expected a name") };
        let path = Path { way: parts, last, at };
        if path.first().name == "variant" {
            let problem = Problem::new(path.first().at, "a variant cannot be changed");
            return reader.fail(problem.label("expected the path of a setting outside of variants"));
        }
        Ok(path)
    }

    fn first(&self) -> &Part {
        self.way.first().unwrap_or(&self.last)
    }
    /// The word of the block, where its tables have names.
    fn named(&self) -> Option<&str> {
        NAMED.into_iter().find(|word| *word == self.first().name)
    }

    /// The table in which the last part of the path stands; where `make` says so, tables on the way are made.
    fn descend<'n>(&self, reader: &Reader<'_>, root: &'n mut Table, make: bool) -> Read<&'n mut Table> {
        let mut table = root;
        for (depth, part) in self.way.iter().enumerate() {
            let thing = self.named().filter(|_| depth == 1);
            let i = match table.entries.iter().position(|entry| entry.key == part.name) {
                Some(i) => i,
                None if thing.is_none() && make => {
                    let node = Node { at: part.at, value: Value::Table(Table::default()) };
                    table.entries.push(Entry { key: part.name.clone(), key_at: part.at, node });
                    table.entries.len() - 1
                }
                None => {
                    let word = thing.unwrap_or("table");
                    let problem = Problem::new(part.at, format!("no {word} is called `{}`", part.name.escape_debug()));
                    let problem = problem.label(format!("expected the name of a {word}"));
                    let at = reader.texts.content(part.at, &part.name);
                    return reader.fail(problem.nearest(at, &part.name, table.keys(), "known"));
                }
            };
            let node = &mut table.entries[i].node;
            let kind = node.kind();
            let Value::Table(inner) = &mut node.value else {
                let problem =
                    Problem::new(part.at, format!("`{}` is {kind} and has no fields", part.name.escape_debug()));
                return reader.fail(problem.label("set it as a whole"));
            };
            table = inner;
        }
        Ok(table)
    }

    /// Puts a value where the path leads.
    pub fn set(&self, reader: &Reader<'_>, root: &mut Table, value: Node) -> Read<()> {
        if let Some(word) = self.named().filter(|_| self.way.is_empty()) {
            let problem = Problem::new(self.at, format!("this would replace every {word}"));
            let help = format!("write the path of one setting, in quotes: \"{word}.NAME.FIELD\" = ..");
            return reader.fail(problem.label("expected the path of a setting").help(help));
        }
        let table = self.descend(reader, root, true)?;
        let is_table = matches!(value.value, Value::Table(_));
        if let Some(word) = self.named().filter(|_| self.way.len() == 1 && !is_table) {
            let problem = Problem::new(value.at, format!("a {word} is a table, this is {}", value.kind()));
            return reader.fail(problem.label(format!("expected a table, or a longer path: {word}.NAME.FIELD")));
        }
        table.put(Entry { key: self.last.name.clone(), key_at: self.last.at, node: value });
        Ok(())
    }

    /// Takes away what the path leads to.
    pub fn unset(&self, reader: &Reader<'_>, root: &mut Table) -> Read<()> {
        let table = self.descend(reader, root, false)?;
        let last = &self.last;
        match table.entries.iter().position(|entry| entry.key == last.name) {
            Some(i) => {
                table.entries.remove(i);
                Ok(())
            }
            None => {
                let problem = Problem::new(last.at, format!("`{}` is not set", last.name.escape_debug()));
                let at = reader.texts.content(last.at, &last.name);
                let problem = problem.label("nothing to take away");
                reader.fail(problem.nearest(at, &last.name, table.keys(), "set there"))
            }
        }
    }
}
