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
