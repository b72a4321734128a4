//! What the vocabularies share: the words of a step, and a message as a producer of the plan.

use serde_json::{Map, Value};

use crate::model::broker::Envelope;
use crate::model::plan::{Arrivals, Producer, ProducerId, QueueId};

/// A step of a script, by its words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a>(pub &'a Value);

impl<'a> Words<'a> {
    /// A text.
    pub fn text(&self, field: &str) -> Option<&'a str> {
        self.0.get(field).and_then(Value::as_str)
    }
    /// A text to keep.
    pub fn owned(&self, field: &str) -> Option<String> {
        self.text(field).map(str::to_owned)
    }
    /// A whole number.
    pub fn whole(&self, field: &str) -> Option<u64> {
        self.0.get(field).and_then(Value::as_u64)
    }
    /// A whole number that may be negative.
    pub fn integer(&self, field: &str) -> Option<i64> {
        self.0.get(field).and_then(Value::as_i64)
    }
    /// Whether it says `true`.
    pub fn is(&self, field: &str) -> bool {
        self.0.get(field) == Some(&Value::Bool(true))
    }
    /// A list; empty where there is none.
    pub fn list(&self, field: &str) -> &'a [Value] {
        self.0.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
    /// A list of texts.
    pub fn texts(&self, field: &str) -> Vec<String> {
        self.list(field).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }
    /// A table; empty where there is none.
    pub fn table(&self, field: &str) -> Map<String, Value> {
        self.0.get(field).and_then(Value::as_object).cloned().unwrap_or_default()
    }
}

/// The producer that stands for one message.
pub(super) fn producer(id: ProducerId, to: QueueId, said: Envelope) -> Producer {
    let arrivals = Arrivals::AtOnce { count: 1 };
    Producer { message: Some(said), ..Producer::new(&id.0.to_string(), to, arrivals) }
}
