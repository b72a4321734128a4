//! The decoder: from a tree of texts and numbers to values that fit, collecting every problem on the way.
//!
//! It knows no block of its own; a [`Block`] says which fields there are. Whoever gets [`Reported`] back goes on with
//! the rest, so that a file shows all its errors at once; a `Reported` cannot be made without reporting a problem.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use super::document::{self, Entry, Node, Table, Value};
use super::error::{Problem, joined, list};
use super::place::{Place, Texts};
use super::schema::{Block, Need};
use super::units::{self, Complaint};
use crate::model::parameter::Parameter;
use crate::sim::{Chance, Span};

/// Something is wrong, and has been reported.
#[derive(Clone, Debug)]
pub(crate) struct Reported(());

/// A value, or a problem that has been reported.
pub(crate) type Read<T> = Result<T, Reported>;

/// Reads values and keeps what is wrong with them.
#[derive(Debug)]
pub(crate) struct Reader<'t> {
    pub texts: &'t Texts,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Reader<'t> {
    pub fn new(texts: &'t Texts) -> Reader<'t> {
        Reader { texts, problems: RefCell::default() }
    }
    /// Everything that was reported.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
    /// Reports problems that another reader found.
    pub fn adopt(&self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.borrow_mut().extend(problems);
    }
    /// Reports a problem.
    pub fn fail<T>(&self, problem: Problem) -> Read<T> {
        self.problems.borrow_mut().push(problem);
        Err(Reported(()))
    }
    /// Reports a value of the wrong kind.
    pub fn wrong<T>(&self, node: &Node, expected: &str) -> Read<T> {
        let message = format!("{} does not fit here", node.kind());
        self.fail(Problem::new(node.at, message).label(format!("expected {expected}")))
    }
    /// Reports what is wrong with a word that was written in `node`.
    fn complain<T>(&self, node: &Node, word: &str, complaint: Complaint) -> Read<T> {
        let part = self.texts.part(node.at, word, complaint.part);
        let problem = Problem::new(part.unwrap_or(node.at), complaint.message).label(complaint.label);
        self.fail(match (complaint.instead, part) {
            (Some(instead), Some(at)) => {
                let bare = matches!(node.value, Value::Number(_));
                let written = if bare { format!("\"{instead}\"") } else { instead.clone() };
                problem.fix(at, format!("did you mean `{instead}`?"), written)
            }
            (Some(instead), None) => problem.help(format!("did you mean `{instead}`?")),
            (None, _) => problem,
        })
    }
    fn words<T>(&self, node: &Node, word: &str, parsed: Result<T, Complaint>) -> Read<T> {
        parsed.or_else(|complaint| self.complain(node, word, complaint))
    }

    /// A string.
    pub fn text<'n>(&self, node: &'n Node, expected: &str) -> Read<&'n str> {
        match &node.value {
            Value::Text(text) => Ok(text),
            _ => self.wrong(node, expected),
        }
    }
    /// A list.
    pub fn list<'n>(&self, node: &'n Node, expected: &str) -> Read<&'n [Node]> {
        match &node.value {
            Value::List(list) => Ok(list),
            _ => self.wrong(node, expected),
        }
    }
    /// `true` or `false`.
    pub fn switch(&self, node: &Node) -> Read<bool> {
        match node.value {
            Value::Switch(on) => Ok(on),
            _ => self.wrong(node, "true or false"),
        }
    }
    /// A whole number within bounds.
    pub fn whole(&self, node: &Node, bounds: RangeInclusive<u64>) -> Read<u64> {
        let number = match &node.value {
            Value::Number(word) => self.words(node, word, units::whole(word))?,
            Value::Text(word) if units::whole(word).is_ok() => {
                let problem = Problem::new(node.at, "a number stands without quotes").label("expected a whole number");
                return self.fail(problem.fix(node.at, "leave the quotes out", word.as_str()));
            }
            _ => return self.wrong(node, "a whole number"),
        };
        if bounds.contains(&number) {
            return Ok(number);
        }
        let label = format!("expected a whole number from {} to {}", grouped(*bounds.start()), grouped(*bounds.end()));
        self.fail(Problem::new(node.at, "out of range").label(label))
    }
    /// A whole number from 1 on.
    pub fn count(&self, node: &Node, most: u32) -> Read<u32> {
        self.whole(node, 1..=u64::from(most)).map(|n| n as u32)
    }
    /// A whole number from 1 on that fits 16 bits.
    pub fn small_count(&self, node: &Node) -> Read<u16> {
        self.whole(node, 1..=60_000).map(|n| n as u16)
    }
    /// A number above 0.
    pub fn positive(&self, node: &Node) -> Read<f64> {
        match &node.value {
            Value::Number(word) => match self.words(node, word, units::number(word, false))? {
                number if number > 0.0 => Ok(number),
                _ => self.fail(Problem::new(node.at, "out of range").label("expected a number above 0")),
            },
            _ => self.wrong(node, "a number"),
        }
    }
    /// A length of time; with a `bare` unit also as a number.
    pub fn span_in(&self, node: &Node, bare: Option<Span>) -> Read<Span> {
        match (&node.value, bare) {
            (Value::Text(word), _) => self.words(node, word, units::span(word)),
            (Value::Number(word), Some(unit)) => self.words(node, word, units::bare_span(word, unit)),
            (Value::Number(word), None) => {
                let problem = Problem::new(node.at, "a length of time needs a unit");
                self.fail(problem.label(format!("expected a string such as \"{}s\"", word.trim_start_matches('-'))))
            }
            _ => self.wrong(node, "a length of time such as \"30s\""),
        }
    }
    /// A length of time.
    pub fn span(&self, node: &Node) -> Read<Span> {
        self.span_in(node, None)
    }
    /// A length of time that is not zero.
    pub fn some_time(&self, node: &Node) -> Read<Span> {
        match self.span(node)? {
            Span::ZERO => self.fail(Problem::new(node.at, "out of range").label("expected more than no time at all")),
            span => Ok(span),
        }
    }
    /// The time from one to the next at a rate.
    pub fn gap(&self, node: &Node) -> Read<Span> {
        match &node.value {
            Value::Text(word) | Value::Number(word) => self.words(node, word, units::gap(word)),
            _ => self.wrong(node, "a rate such as \"200/s\""),
        }
    }
    /// A chance.
    pub fn chance(&self, node: &Node) -> Read<Chance> {
        match &node.value {
            Value::Text(word) | Value::Number(word) => self.words(node, word, units::chance(word)),
            _ => self.wrong(node, super::schema::CHANCE),
        }
    }
    /// One of these words.
    pub fn word(&self, node: &Node, words: &[&'static str]) -> Read<&'static str> {
        let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        let expected = joined(&quoted, "or");
        let text = self.text(node, &expected)?;
        if let Some(known) = words.iter().find(|word| **word == text) {
            return Ok(known);
        }
        let problem = Problem::new(node.at, format!("`{}` does not fit here", text.escape_debug()));
        let problem = problem.label(format!("expected {expected}"));
        self.fail(match super::error::nearest(text, words) {
            Some(near) => problem.nearest(self.texts.content(node.at, text), text, [near], ""),
            None => problem,
        })
    }
    /// Reports a string that is none of those there are.
    pub fn unknown<'n, T>(
        &self,
        node: &Node,
        text: &str,
        there: impl IntoIterator<Item = &'n str>,
        wanted: &str,
        all: &str,
    ) -> Read<T> {
        let problem = Problem::new(node.at, format!("`{}` is not {wanted}", text.escape_debug()));
        let at = self.texts.content(node.at, text);
        self.fail(problem.label(format!("expected {wanted}")).nearest(at, text, there, all))
    }
}

/// The fields of a table, as its block knows them.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'r, 't> {
    pub reader: &'r Reader<'t>,
    block: &'static Block,
    /// Those that the table has besides, of its product.
    beside: &'static [Parameter],
    table: &'r Table,
    /// What is underlined where something is missing: the table's name.
    pub at: Place,
}

impl<'r, 't> Fields<'r, 't> {
    /// The fields of a table; reports those that its block does not know.
    pub fn new(reader: &'r Reader<'t>, block: &'static Block, table: &'r Table, at: Place) -> Self {
        Fields::with(reader, block, &[], table, at)
    }
    fn with(
        reader: &'r Reader<'t>,
        block: &'static Block,
        beside: &'static [Parameter],
        table: &'r Table,
        at: Place,
    ) -> Self {
        let fields = Fields { reader, block, beside, table, at };
        fields.refuse_unknown();
        fields
    }
    /// The fields of a value that has to be a table.
    pub fn of(reader: &'r Reader<'t>, block: &'static Block, node: &'r Node, at: Place) -> Read<Self> {
        match &node.value {
            Value::Table(table) => Ok(Fields::new(reader, block, table, at)),
            _ => reader.wrong(node, &format!("a table: {} has fields", block.what)),
        }
    }
    /// The same of a table that has fields of its product besides.
    pub fn beside(
        reader: &'r Reader<'t>,
        block: &'static Block,
        beside: &'static [Parameter],
        node: &'r Node,
        at: Place,
    ) -> Read<Self> {
        match &node.value {
            Value::Table(table) => Ok(Fields::with(reader, block, beside, table, at)),
            _ => reader.wrong(node, &format!("a table: {} has fields", block.what)),
        }
    }
    fn refuse_unknown(&self) {
        let names = || self.block.fields.iter().map(|f| f.name).chain(self.beside.iter().map(|p| p.name));
        for entry in self.table.entries.iter().filter(|entry| !names().any(|name| name == entry.key)) {
            unknown_field(self.reader, entry, self.block.what, names());
        }
    }
    /// The entries of these parameters that were given.
    pub fn entries_of(&self, parameters: &'static [Parameter]) -> impl Iterator<Item = &'r Entry> {
        let is_one = |entry: &&Entry| parameters.iter().any(|parameter| parameter.name == entry.key);
        self.table.entries.iter().filter(is_one)
    }

    /// The entry of a field, if it was given.
    pub fn entry(&self, name: &str) -> Option<&'r Entry> {
        debug_assert!(self.block.fields.iter().any(|field| field.name == name), "{name} is in the table");
        self.table.get(name)
    }
    /// A field that need not be given.
    pub fn optional<T>(&self, name: &str, read: impl FnOnce(&'r Node) -> Read<T>) -> Read<Option<T>> {
        self.entry(name).map(|entry| read(&entry.node)).transpose()
    }
    /// A field that must be given, or has a default.
    pub fn read<T>(&self, name: &str, read: impl FnOnce(&Node) -> Read<T>) -> Read<T> {
        if let Some(entry) = self.entry(name) {
            return read(&entry.node);
        }
        let field = self.block.fields.iter().find(|field| field.name == name);
        match field.map(|field| (field.need, field.takes)) {
            Some((Need::Default(text), _)) => read(&document::value(text, Place::START)),
            field => {
                let takes = field.map_or("it", |(_, takes)| takes);
                let problem = Problem::new(self.at, format!("{} needs `{name}`", self.block.what));
                self.reader.fail(problem.label(format!("`{name}` is missing: {takes}")))
            }
        }
    }
    /// The one field of several that is given: exactly one has to be.
    pub fn one_of(&self, names: &[&'static str]) -> Read<(&'static str, &'r Entry)> {
        let mut given: Vec<(&'static str, &Entry)> =
            names.iter().filter_map(|n| self.entry(n).map(|e| (*n, e))).collect();
        given.sort_by_key(|(_, entry)| entry.key_at);
        let Some(&first) = given.first() else {
            let problem = Problem::new(self.at, format!("{} needs one of {}", self.block.what, list(names)));
            return self.reader.fail(problem.label("none of them is here"));
        };
        match given.get(1) {
            None => Ok(first),
            Some((name, entry)) => {
                let problem = Problem::new(entry.key_at, format!("`{}` and `{name}` exclude each other", first.0));
                let label = format!("{} takes one of {}", self.block.what, list(names));
                self.reader.fail(problem.label(label))
            }
        }
    }
    /// Reports a field that was given where it makes no sense.
    pub fn refuse(&self, name: &str, why: impl Into<String>) -> Read<()> {
        match self.entry(name) {
            None => Ok(()),
            Some(entry) => {
                let problem = Problem::new(entry.key_at, format!("`{name}` does not belong here"));
                self.reader.fail(problem.label(why))
            }
        }
    }
}

/// Reports a field that a table does not have.
pub(crate) fn unknown_field<'n>(
    reader: &Reader<'_>,
    entry: &Entry,
    what: &str,
    names: impl IntoIterator<Item = &'n str>,
) {
    let key = entry.key.escape_debug();
    let problem = Problem::new(entry.key_at, format!("unknown field `{key}` in {what}"));
    let at = reader.texts.content(entry.key_at, &entry.key);
    let problem = problem.label(format!("not a field of {what}")).nearest(at, &entry.key, names, "fields");
    reader.problems.borrow_mut().push(problem);
}

/// `10_000`, as it would be written.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}
