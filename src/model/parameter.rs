//! A parameter table: the settings of one thing, written once beside what they configure.
//!
//! The table feeds the reader of scenarios, `help` and the schema; the values that it admits come back as [`Values`]. It
//! knows no file format: the reader turns text into values and points at the text when a value does not fit.

use super::plan::QueueId;
use super::text::Text;
use crate::sim::Span;

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Its name: the product's own.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The default in the notation of a scenario; empty where there is none.
    pub default: &'static str,
    /// What it does, in a sentence.
    pub text: &'static str,
    /// Where that is documented.
    pub source: &'static str,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A length of time within bounds; `bare` is the unit of a bare number where the product documents one.
    Span {
        /// The least.
        min: Span,
        /// The most.
        max: Span,
        /// The unit of a bare number.
        bare: Option<Span>,
    },
    /// A whole number within bounds.
    Whole {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// The same, or -1 for none at all.
    WholeOrNone {
        /// The most.
        max: u64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// The name of a queue of the same file.
    Queue,
    /// The name of something of the same file that only some products have: `[exchange.NAME]`.
    Of(&'static str),
    /// The name of a queue, or of such a thing.
    QueueOr(&'static str),
    /// A key, which may be the name of a queue.
    KeyOrQueue,
    /// A table of values by names that are free.
    Free,
    /// A text in which braces hold what the operation is: `"{key}"`.
    Text,
    /// A table of further parameters; those without a default must be given.
    Table(&'static [Parameter]),
}

/// A value that fits its parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of [`Kind::Span`].
    Span(Span),
    /// Of [`Kind::Whole`].
    Whole(u64),
    /// The -1 of [`Kind::WholeOrNone`].
    None,
    /// Of [`Kind::Word`].
    Word(&'static str),
    /// Of [`Kind::Switch`].
    Switch(bool),
    /// Of [`Kind::Queue`].
    Queue(QueueId),
    /// Of [`Kind::Of`], in the order of names.
    Of(u16),
    /// Of [`Kind::KeyOrQueue`]: the queue where it names one.
    Key(Text, Option<QueueId>),
    /// Of [`Kind::Free`].
    Free(Vec<(String, Scalar)>),
    /// Of [`Kind::Text`].
    Text(Text),
    /// Of [`Kind::Table`].
    Table(Values),
}

/// A value by a free name.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// `true` or `false`.
    Switch(bool),
}

/// The values given, by name. What is not given has its default, which the product fills in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(pub Vec<(&'static str, Value)>);

impl Values {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| value)
    }
    /// The length of time given.
    pub fn span(&self, name: &str) -> Option<Span> {
        self.get(name).and_then(|v| if let Value::Span(span) = v { Some(*span) } else { None })
    }
    /// The whole number given.
    pub fn whole(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(|v| if let Value::Whole(n) = v { Some(*n) } else { None })
    }
    /// Whether it was given as none at all.
    pub fn is_none(&self, name: &str) -> bool {
        self.get(name) == Some(&Value::None)
    }
    /// The word given.
    pub fn word(&self, name: &str) -> Option<&'static str> {
        self.get(name).and_then(|v| if let Value::Word(word) = v { Some(*word) } else { None })
    }
    /// The switch given.
    pub fn switch(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(|v| if let Value::Switch(on) = v { Some(*on) } else { None })
    }
    /// The queue given.
    pub fn queue(&self, name: &str) -> Option<QueueId> {
        self.get(name).and_then(|v| match v {
            Value::Queue(queue) | Value::Key(_, Some(queue)) => Some(*queue),
            _ => None,
        })
    }
    /// The thing given, by its number.
    pub fn of(&self, name: &str) -> Option<u16> {
        self.get(name).and_then(|v| if let Value::Of(number) = v { Some(*number) } else { None })
    }
    /// The free values given.
    pub fn free(&self, name: &str) -> Vec<(String, Scalar)> {
        self.get(name)
            .and_then(|v| if let Value::Free(values) = v { Some(values.clone()) } else { None })
            .unwrap_or_default()
    }
    /// The text given.
    pub fn text(&self, name: &str) -> Option<Text> {
        self.get(name)
            .and_then(|v| if let Value::Text(text) | Value::Key(text, _) = v { Some(text.clone()) } else { None })
    }
    /// The table given.
    pub fn table(&self, name: &str) -> Option<&Values> {
        self.get(name).and_then(|v| if let Value::Table(values) = v { Some(values) } else { None })
    }
}
