//! Conformance: scripts recorded from real brokers, played on the models, event by event.
//!
//! A trace is a script and what a broker then showed. Whoever speaks its product's vocabulary plays the same steps on the
//! product's machines ([`Rig`](crate::model::rig::Rig)) and emits events in the same words; here the two lists are compared.
//! Rule: a script that says what the model does not have is *not modelled*, with the reason; it never agrees by chance.

mod rabbitmq;
mod script;
mod sqs;
pub mod trace;

use serde::Serialize;
use serde_json::Value;

use trace::{Event, Trace};

/// Who plays the recordings of a family of products.
struct Vocabulary {
    /// How the names of their folders begin.
    folders: &'static str,
    /// Plays a script.
    play: fn(&Trace) -> Result<Vec<Event>, NotModelled>,
    /// Leaves out of an event what the trace says is not to be compared.
    leave_out: fn(&Trace, &mut Event),
}

#[rustfmt::skip]
const VOCABULARIES: &[Vocabulary] = &[
    rabbitmq::VOCABULARY,
    sqs::VOCABULARY,
];

/// Why a script cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotModelled(pub String);

/// What came of a trace.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    /// The trace's name.
    pub name: String,
    /// What came of it.
    pub result: Outcome,
    /// The step of the first event that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// That event as the broker showed it; none, where it showed no further one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Value>,
    /// As the model did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<Value>,
    /// Why it was not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the trace is about.
    #[serde(skip)]
    pub meaning: String,
    /// The steps up to the one that differs, as they are written.
    #[serde(skip)]
    pub before: Vec<String>,
}

/// What came of a trace, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every event is the same.
    Agree,
    /// One is not.
    Differ,
    /// The script says what the model does not have.
    NotModelled,
    /// Nothing may be judged by it.
    Skipped,
}

/// What came of a folder of traces.
#[derive(Clone, Debug, Serialize)]
pub struct Folder {
    /// Its name: product and version.
    pub folder: String,
    /// Traces that were played to their end.
    pub played: usize,
    /// Of those: every event the same.
    pub agree: usize,
    /// Of those: some event not.
    pub differ: usize,
    /// Traces that say what the model does not have.
    pub not_modelled: usize,
    /// Traces that nothing may be judged by, or of a product that has no model.
    pub skipped: usize,
    /// Each trace.
    pub cases: Vec<Case>,
}

impl Folder {
    /// Of the cases of one folder.
    pub fn of(folder: &str, cases: Vec<Case>) -> Folder {
        let count = |outcome| cases.iter().filter(|case| case.result == outcome).count();
        let [agree, differ] = [Outcome::Agree, Outcome::Differ].map(count);
        let [not_modelled, skipped] = [Outcome::NotModelled, Outcome::Skipped].map(count);
        Folder { folder: folder.into(), played: agree + differ, agree, differ, not_modelled, skipped, cases }
    }
}

/// Plays one trace of a folder and compares.
pub fn judge(folder: &str, trace: &Trace) -> Case {
    let mut case = Case {
        name: trace.name.clone(),
        result: Outcome::Skipped,
        step: None,
        expected: None,
        got: None,
        reason: None,
        meaning: trace.meaning.clone(),
        before: Vec::new(),
    };
    let Some(vocabulary) = VOCABULARIES.iter().find(|vocabulary| folder.starts_with(vocabulary.folders)) else {
        case.reason = Some("no model of this product yet".into());
        return case;
    };
    let expected = match trace.to_judge_by() {
        Ok(expected) => expected,
        Err(reason) => {
            case.reason = Some(reason);
            return case;
        }
    };
    let got = match (vocabulary.play)(trace) {
        Ok(got) => got,
        Err(NotModelled(reason)) => {
            (case.result, case.reason) = (Outcome::NotModelled, Some(reason));
            return case;
        }
    };
    let compared = |events: &[Event]| -> Vec<Event> {
        let mut events = events.to_vec();
        events.iter_mut().for_each(|event| (vocabulary.leave_out)(trace, event));
        events
    };
    let (expected, got) = (compared(expected), compared(&got));
    let first = (0..expected.len().max(got.len())).find(|&at| expected.get(at) != got.get(at));
    case.result = if first.is_some() { Outcome::Differ } else { Outcome::Agree };
    if let Some(at) = first {
        let step = |event: Option<&Event>| event.and_then(|event| event.get("step")).and_then(Value::as_u64);
        case.step = [step(expected.get(at)), step(got.get(at))].into_iter().flatten().min();
        case.expected = expected.get(at).map(|event| Value::Object(event.clone()));
        case.got = got.get(at).map(|event| Value::Object(event.clone()));
        let steps = trace.steps.iter().take(case.step.map_or(0, |step| step as usize + 1));
        case.before = steps.map(Value::to_string).collect();
    }
    case
}
