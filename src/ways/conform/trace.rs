//! A recorded trace: a script, what a real broker showed, and what may be judged by it.

use serde::Deserialize;
use serde_json::{Map, Value};

/// An event of a recording: its fields by name.
pub type Event = Map<String, Value>;

/// A recording.
#[derive(Clone, Debug, Deserialize)]
pub struct Trace {
    /// What played the broker.
    pub broker: String,
    /// Of which version.
    pub version: String,
    /// The name of the script.
    pub name: String,
    /// What it asks.
    pub meaning: String,
    #[serde(deserialize_with = "steps_of", rename = "scenario")]
    /// The script.
    pub steps: Vec<Value>,
    observed: Vec<Event>,
    varies: Vec<Value>,
    #[serde(default)]
    authority: Option<String>,
    /// What is not to be compared.
    #[serde(default)]
    pub ignored: Vec<String>,
    #[serde(default)]
    documented_observed: Option<Vec<Event>>,
}

fn steps_of<'de, D: serde::Deserializer<'de>>(scenario: D) -> Result<Vec<Value>, D::Error> {
    #[derive(Deserialize)]
    struct Scenario {
        steps: Vec<Value>,
    }
    Scenario::deserialize(scenario).map(|scenario| scenario.steps)
}

impl Trace {
    /// From its file.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn read(text: &str) -> Result<Trace, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// The events that a model is to be judged by.
    ///
    /// # Errors
    /// Why it may not be judged by this trace.
    pub fn to_judge_by(&self) -> Result<&[Event], String> {
        if !self.varies.is_empty() {
            return Err("the broker's own runs differ".into());
        }
        match self.authority.as_deref() {
            Some(authority) if authority.starts_with("differs") => Err(authority.to_owned()),
            Some("disputed") => match &self.documented_observed {
                Some(documented) => Ok(documented),
                None => Err("disputed, and the documentation is silent".into()),
            },
            _ => Ok(&self.observed),
        }
    }
}
