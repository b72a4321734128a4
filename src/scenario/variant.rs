//! `[variant.NAME]`: the file with some settings changed.
//!
//! A variant is resolved on the tree: its `unset` and `set` are applied, its sentences replace those of the same
//! subject, and the result is read like any file.

use super::change::Path;
use super::decode::{Fields, Read, Reader};
use super::document::{Entry, Table, Value};
use super::error::Problem;
use super::place::Place;
use super::schema::{Block, optional};

pub(crate) const BLOCK: Block = Block {
    path: "variant.NAME",
    what: "a variant",
    fields: &[
        optional("title", "a string", "what it shows, in one line"),
        optional(
            "set",
            "a table of values by path: { \"queue.payments.lease\" = \"2min\" }",
            "settings that are added or replaced",
        ),
        optional(
            "unset",
            "a list of paths: [\"consumer.capture.heartbeat\"]",
            "settings that are taken away, before others are set",
        ),
        optional(
            "expect",
            "a table of sentences by subject",
            "replaces those of the same subject; the others are inherited",
        ),
    ],
};

/// A variant, as the file tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// What it shows, in one line.
    pub title: Option<String>,
}

/// The entry of the variant of that name.
pub(crate) fn entry<'n>(reader: &Reader<'_>, root: &'n Table, name: &str) -> Read<&'n Entry> {
    let table = match root.get("variant").map(|entry| &entry.node.value) {
        Some(Value::Table(table)) => table,
        _ => {
            return reader
                .fail(Problem::general(format!("no variant is called `{}`: the file has none", name.escape_debug())));
        }
    };
    match table.get(name) {
        Some(entry) => Ok(entry),
        None => {
            let names: Vec<&str> = table.keys().collect();
            let problem = Problem::general(format!("no variant is called `{}`", name.escape_debug()));
            reader.fail(problem.help(format!("variants: {}", super::error::list(&names))))
        }
    }
}

/// What the file tells of a variant.
pub(crate) fn read(reader: &Reader<'_>, entry: &Entry) -> Read<Variant> {
    let fields = Fields::of(reader, &BLOCK, &entry.node, entry.key_at)?;
    let title = fields.optional("title", |n| reader.text(n, "a string").map(String::from));
    Ok(Variant { name: entry.key.clone(), title: title? })
}

/// The file as the variant has it.
pub(crate) fn apply(reader: &Reader<'_>, root: &Table, entry: &Entry) -> Read<Table> {
    let fields = Fields::of(reader, &BLOCK, &entry.node, entry.key_at)?;
    let mut root = root.clone();
    let unset = fields.optional("unset", |n| {
        let paths = reader.list(n, "a list of paths: [\"consumer.capture.heartbeat\"]")?;
        let each = paths.iter().map(|n| {
            let text = reader.text(n, "a path such as \"consumer.capture.heartbeat\"")?;
            Path::read(reader, text, n.at)?.unset(reader, &mut root)
        });
        each.collect::<Vec<_>>().into_iter().collect::<Read<()>>()
    });
    let set = fields.optional("set", |n| {
        let Value::Table(table) = &n.value else {
            return reader.wrong(n, "a table of values by path: { \"queue.payments.lease\" = \"2min\" }");
        };
        let each = table.entries.iter().map(|entry| {
            // A key is quoted as a whole; within the quotes it is a path.
            Path::read(reader, &entry.key, entry.key_at)?.set(reader, &mut root, entry.node.clone())
        });
        each.collect::<Vec<_>>().into_iter().collect::<Read<()>>()
    });
    let expect = fields.optional("expect", |n| {
        let Value::Table(changed) = &n.value else { return reader.wrong(n, "a table of sentences by subject") };
        match root.entries.iter_mut().find(|entry| entry.key == "expect").map(|entry| &mut entry.node.value) {
            Some(Value::Table(inherited)) => changed.entries.iter().for_each(|entry| inherited.put(entry.clone())),
            _ => root.put(Entry { key: "expect".into(), key_at: n.at, node: n.clone() }),
        }
        Ok(())
    });
    unset.and(set).and(expect).map(|_| root)
}

/// Applies the settings of the command line: `(path, value)`, each with the number of its text `PATH=VALUE`.
pub(crate) fn apply_settings(reader: &Reader<'_>, root: &mut Table, settings: &[(u16, usize)]) {
    for &(text, path) in settings {
        let written = reader.texts.text(text);
        let at = Place::new(text, 0..path);
        let value = super::document::value(&written[path + 1..], Place::new(text, path + 1..written.len()));
        // What is wrong with one setting does not hide what is wrong with the next.
        drop(Path::read(reader, &written[..path], at).and_then(|path| path.set(reader, root, value)));
    }
}
