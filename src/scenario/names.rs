//! Names: what the things of a file are called, and which place in the plan each name has.
//!
//! A plan numbers things in the order of their names, so the numbers are known before anything is read, and a thing that
//! could not be read still has its name. Names of different kinds may be equal; where a setting takes either kind, the
//! kind is said with it: `consumer.payments`.

use super::decode::{Read, Reader};
use super::document::{Entry, Node, Table, Value};
use super::error::{Problem, joined};
use super::place::Place;

/// What has a name that others refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Producer,
    Queue,
    Store,
    Consumer,
    Exchange,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Producer, Kind::Queue, Kind::Store, Kind::Consumer, Kind::Exchange];

    /// The kind of a word.
    pub fn of(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Producer => "producer",
            Kind::Queue => "queue",
            Kind::Store => "store",
            Kind::Consumer => "consumer",
            Kind::Exchange => "exchange",
        }
    }
}

/// So many things of a kind a file has at most: their numbers fit 16 bits, and a person reads no more.
pub(crate) const MOST: usize = 10_000;

/// The names of a file, each kind in order.
#[derive(Clone, Debug)]
pub(crate) struct Names([Vec<String>; 5]);

impl Names {
    /// The names that stand in a file.
    pub fn of(root: &Table) -> Names {
        Names(Kind::ALL.map(|kind| {
            let mut names = match root.get(kind.word()).map(|entry| &entry.node.value) {
                Some(Value::Table(table)) => table.keys().map(String::from).collect(),
                _ => Vec::new(),
            };
            names.sort_unstable();
            names
        }))
    }
    /// The names of a kind, in order.
    pub fn all(&self, kind: Kind) -> &[String] {
        &self.0[kind as usize]
    }
    /// The number of a thing.
    pub fn number(&self, kind: Kind, name: &str) -> Option<u16> {
        self.all(kind).binary_search_by(|other| other.as_str().cmp(name)).ok().map(|i| i as u16)
    }
    /// The number of the thing whose name is the value of a setting.
    pub fn find(&self, reader: &Reader<'_>, kind: Kind, node: &Node) -> Read<u16> {
        let name = reader.text(node, &format!("the name of {} {}", article(kind.word()), kind.word()))?;
        self.find_text(reader, kind, name, node.at)
    }
    /// The number of the thing whose name stands at a place.
    pub fn find_text(&self, reader: &Reader<'_>, kind: Kind, name: &str, at: Place) -> Read<u16> {
        match self.number(kind, name) {
            Some(number) => Ok(number),
            None => reader.fail(self.missing(reader, &[kind], name, at)),
        }
    }
    /// The thing of one of several kinds whose name stands at a place.
    pub fn find_any(&self, reader: &Reader<'_>, kinds: &[Kind], name: &str, at: Place) -> Read<(Kind, u16)> {
        let found: Vec<(Kind, u16)> = kinds.iter().filter_map(|&kind| Some((kind, self.number(kind, name)?))).collect();
        let said = kinds.iter().find_map(|&kind| {
            let rest = name.strip_prefix(kind.word())?.strip_prefix('.')?;
            Some((kind, self.number(kind, rest)?))
        });
        match (found.as_slice(), said) {
            ([one], _) => Ok(*one),
            ([], Some(said)) => Ok(said),
            ([], None) => reader.fail(self.missing(reader, kinds, name, at)),
            ([first, second, ..], _) => {
                let words = format!("a {} and a {} are called `{name}`", first.0.word(), second.0.word());
                let (one, other) = (format!("{}.{name}", first.0.word()), format!("{}.{name}", second.0.word()));
                let help = format!("say which one: \"{one}\" or \"{other}\"");
                reader.fail(Problem::new(at, words).label("this may be either").help(help))
            }
        }
    }
    fn missing(&self, reader: &Reader<'_>, kinds: &[Kind], name: &str, at: Place) -> Problem {
        let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
        let words = joined(&words, "or");
        let problem = Problem::new(at, format!("no {words} is called `{}`", name.escape_debug()));
        let there = kinds.iter().flat_map(|&kind| self.all(kind)).map(String::as_str);
        let at = reader.texts.content(at, name);
        problem.label(format!("expected the name of {} {words}", article(&words))).nearest(at, name, there, "known")
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }
}

/// The things of one kind, in the order of their names; reports names that cannot be used.
pub(crate) fn things<'n>(reader: &Reader<'_>, root: &'n Table, word: &str) -> Vec<&'n Entry> {
    let Some(entry) = root.get(word) else { return Vec::new() };
    let Value::Table(table) = &entry.node.value else {
        let expected = format!("a table for each {word}, by its name: [{word}.NAME]");
        let _reported: Read<()> = reader.wrong(&entry.node, &expected);
        return Vec::new();
    };
    let fail = |problem: Problem| drop(reader.fail::<()>(problem));
    if table.entries.len() > MOST {
        fail(
            Problem::new(entry.key_at, format!("{} things called {word}", table.entries.len())).label("at most 10,000"),
        );
        return Vec::new();
    }
    let mut things: Vec<_> = table.entries.iter().collect();
    things.sort_by(|one, other| one.key.cmp(&other.key));
    let strange = |c: char| c.is_whitespace() || c.is_control() || c == '"';
    for thing in &things {
        if thing.key.is_empty() || thing.key.len() > 100 || thing.key.contains(strange) {
            let label = "expected up to 100 characters, without spaces and quotes";
            fail(Problem::new(thing.key_at, "this cannot be a name").label(label));
        }
    }
    things
}
