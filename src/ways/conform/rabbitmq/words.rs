//! The words of a script's step: fields by name, with their defaults.

use serde_json::{Map, Value as Json};

use crate::model::broker::rabbitmq::Value;

/// A step, by field.
pub(super) struct Step<'a>(pub &'a Map<String, Json>);

impl<'a> Step<'a> {
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Json::as_str)
    }
    /// A text that is there, or an empty one.
    pub fn word(&self, name: &str) -> &'a str {
        self.text(name).unwrap_or_default()
    }
    pub fn whole(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Json::as_i64)
    }
    pub fn switch(&self, name: &str, default: bool) -> bool {
        self.0.get(name).and_then(Json::as_bool).unwrap_or(default)
    }
    pub fn list(&self, name: &str) -> Option<&'a Vec<Json>> {
        self.0.get(name).and_then(Json::as_array)
    }
    pub fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.list(name).into_iter().flatten();
        texts.filter_map(Json::as_str).map(str::to_owned).collect()
    }
    pub fn get(&self, name: &str) -> Option<&'a Json> {
        self.0.get(name)
    }
    /// What a field says for the `nth` of several: its own list, or the one value for all.
    pub fn each(&self, list: &str, one: &str, nth: usize) -> Option<&'a Json> {
        match self.list(list) {
            Some(list) => list.get(nth).filter(|value| !value.is_null()),
            None => self.0.get(one).filter(|value| !value.is_null()),
        }
    }
    /// Arguments, by name.
    pub fn args(&self, name: &str) -> Vec<(String, Value)> {
        table(self.0.get(name))
    }
}

/// A table of headers or arguments.
pub(super) fn table(json: Option<&Json>) -> Vec<(String, Value)> {
    let fields = json.and_then(Json::as_object).into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), typed(value))).collect()
}

fn typed(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nothing,
        Json::Bool(on) => Value::Switch(*on),
        Json::String(text) => Value::Text(text.clone()),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Other(json.to_string()), Value::Whole),
        Json::Array(_) | Json::Object(_) => Value::Other(json.to_string()),
    }
}

/// A number that a script writes as one, or as a text.
pub(super) fn number(json: &Json) -> Option<u64> {
    json.as_u64().or_else(|| json.as_str()?.parse().ok())
}

/// How many bytes a table of headers takes, as a client writes it.
pub(super) fn table_bytes(json: &Json) -> usize {
    let fields = json.as_object().into_iter().flatten();
    4 + fields.map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>()
}

/// How many bytes a value takes, with its type.
fn value_bytes(json: &Json) -> usize {
    let small = |number: &serde_json::Number| number.as_i64().is_some_and(|whole| i32::try_from(whole).is_ok());
    1 + match json {
        Json::Null => 0,
        Json::Bool(_) => 1,
        Json::Number(number) if small(number) => 4,
        Json::Number(_) => 8,
        Json::String(text) => 4 + text.len(),
        Json::Array(values) => 4 + values.iter().map(value_bytes).sum::<usize>(),
        Json::Object(_) => table_bytes(json),
    }
}

/// Whether the broker understands what a message says, and does not close the channel over it.
pub(super) fn is_sound(headers: Option<&Json>, expiration: Option<&Json>) -> bool {
    let keys = |name: &str| headers.and_then(|headers| headers.get(name)).is_none_or(Json::is_array);
    keys("CC") && keys("BCC") && expiration.is_none_or(|said| number(said).is_some_and(|ms| u32::try_from(ms).is_ok()))
}
