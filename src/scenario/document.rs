//! The document: one tree for TOML and JSON, in which every key and value knows where it was written.
//!
//! It understands nothing: no field, no unit. After a syntax error only the first is told, for what follows it is mostly
//! noise. Invariants: the keys of a table are different; its entries stand in the order in which they were written.

use std::ops::Range;

use jsonc_parser::{CollectOptions, ParseOptions, ast, common::Ranged, parse_to_ast};
use toml::de::{DeTable, DeValue};

use super::error::Problem;
use super::place::{Place, Texts};

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub at: Place,
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    /// A number as it was written, in decimals: `0.001` is a thousandth, not the nearest binary fraction.
    Number(String),
    Switch(bool),
    List(Vec<Node>),
    Table(Table),
    /// What no setting takes: a date, `null`.
    Other(&'static str),
}

/// Values by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    pub entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub key: String,
    pub key_at: Place,
    pub node: Node,
}

impl Node {
    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Text(_) => "a string",
            Value::Number(_) => "a number",
            Value::Switch(_) => "true or false",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Other(kind) => kind,
        }
    }
}

impl Table {
    /// The entry of that key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }
    /// Puts an entry in the place of the one with the same key, or at the end.
    pub fn put(&mut self, entry: Entry) {
        match self.entries.iter_mut().find(|old| old.key == entry.key) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }
}

/// The file: JSON where its name ends in `.json`, else TOML.
pub(crate) fn parse(texts: &Texts) -> Result<Table, Vec<Problem>> {
    let text = texts.text(0);
    if texts.name(0).ends_with(".json") { json(text) } else { toml(text) }
}

/// A value alone, in the notation of TOML; what is none is a string: `2min` needs no quotes on a command line.
/// `at` is where it was written.
pub(crate) fn value(text: &str, at: Place) -> Node {
    const KEY: &str = "v=";
    let written = format!("{KEY}{text}");
    let place = |range: Range<usize>| {
        let from = at.start as usize;
        let bound = |byte: usize| (from + byte.saturating_sub(KEY.len())).min(at.end as usize);
        Place::new(at.text, bound(range.start)..bound(range.end))
    };
    let (table, errors) = DeTable::parse_recoverable(&written);
    match (errors.as_slice(), table.get_ref().iter().next()) {
        ([], Some((_, node))) if table.get_ref().len() == 1 => from_toml(node.span(), node.get_ref(), &place),
        _ => Node { at, value: Value::Text(text.into()) },
    }
}

fn toml(text: &str) -> Result<Table, Vec<Problem>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let place = |range: Range<usize>| Place::new(0, range);
    match errors.first() {
        None => Ok(table_from_toml(root.get_ref(), &place)),
        Some(error) => {
            let at = place(whole_characters(text, error.span().unwrap_or(0..0)));
            let (message, label) = match error.message() {
                message @ "duplicate key" => (message, "it stands above already"),
                message => message.split_once(", ").unwrap_or((message, "")),
            };
            Err(vec![Problem::new(at, format!("this is not TOML: {message}")).label(label)])
        }
    }
}

/// The stretch, within the text and not inside of a character.
fn whole_characters(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(range.start);
    start..text.ceil_char_boundary(range.end).max(start)
}

type ToPlace<'p> = &'p dyn Fn(Range<usize>) -> Place;

fn table_from_toml(table: &DeTable<'_>, place: ToPlace<'_>) -> Table {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, node)| Entry {
            key: key.get_ref().to_string(),
            key_at: place(key.span()),
            node: from_toml(node.span(), node.get_ref(), place),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_at);
    Table { entries }
}

fn from_toml(span: Range<usize>, value: &DeValue<'_>, place: ToPlace<'_>) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Number(match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(whole) => whole.to_string(),
            Err(_) => number.as_str().into(),
        }),
        DeValue::Float(number) => Value::Number(number.as_str().into()),
        DeValue::Boolean(on) => Value::Switch(*on),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(list) => {
            Value::List(list.iter().map(|node| from_toml(node.span(), node.get_ref(), place)).collect())
        }
        DeValue::Table(table) => Value::Table(table_from_toml(table, place)),
    };
    Node { at: place(span), value }
}

/// JSON and nothing beyond it.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn json(text: &str) -> Result<Table, Vec<Problem>> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT).map_err(|error| {
        let at = Place::new(0, whole_characters(text, error.range().start..error.range().end));
        vec![Problem::new(at, "this is not JSON").label(error.kind().to_string())]
    })?;
    let mut twice = Vec::new();
    match parsed.value {
        Some(ast::Value::Object(object)) => {
            let table = table_from_json(&object, &mut twice);
            if twice.is_empty() { Ok(table) } else { Err(twice) }
        }
        other => {
            let at = other.map_or(Place::START, |value| json_place(&value));
            Err(vec![Problem::new(at, "a scenario is an object").label("expected `{`")])
        }
    }
}

fn json_place(node: &impl Ranged) -> Place {
    Place::new(0, node.start()..node.end())
}

fn table_from_json(object: &ast::Object<'_>, twice: &mut Vec<Problem>) -> Table {
    let mut table = Table::default();
    for property in &object.properties {
        let (key, key_at) = match &property.name {
            ast::ObjectPropName::String(name) => (name.value.to_string(), json_place(name)),
            ast::ObjectPropName::Word(name) => (name.value.to_string(), json_place(name)),
        };
        let node = from_json(&property.value, twice);
        table.entries.push(Entry { key, key_at, node });
    }
    // The parser lets a key pass that stands twice.
    let mut keys: Vec<(&str, Place)> = table.entries.iter().map(|e| (e.key.as_str(), e.key_at)).collect();
    keys.sort_unstable();
    for two in keys.windows(2).filter(|two| two[0].0 == two[1].0) {
        twice.push(Problem::new(two[1].1, format!("duplicate key `{}`", two[1].0)).label("it stands above already"));
    }
    table
}

fn from_json(value: &ast::Value<'_>, twice: &mut Vec<Problem>) -> Node {
    let at = json_place(value);
    let value = match value {
        ast::Value::StringLit(text) => Value::Text(text.value.to_string()),
        ast::Value::NumberLit(number) => Value::Number(number.value.into()),
        ast::Value::BooleanLit(on) => Value::Switch(on.value),
        ast::Value::NullKeyword(_) => Value::Other("null"),
        ast::Value::Array(list) => Value::List(list.elements.iter().map(|v| from_json(v, twice)).collect()),
        ast::Value::Object(object) => Value::Table(table_from_json(object, twice)),
    };
    Node { at, value }
}
