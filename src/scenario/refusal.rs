//! Refusals: what only the whole plan shows, such as dead letters that go in a circle, at the line where it was written.
//!
//! The plan says what of it is wrong, by number, and knows no text; here the number becomes a place. Most of what a plan is
//! refused for a block has found before, in the words of the file.

use super::decode::{Read, Reader};
use super::document::{Entry, Table, Value};
use super::error::Problem;
use super::place::Place;
use super::{consumer, queue};
use crate::model::Plan;
use crate::model::plan::{About, ConsumerId, PlanError};

/// Reports everything that the plan is refused for.
pub(crate) fn check(reader: &Reader<'_>, root: &Table, plan: &Plan) -> Read<()> {
    let report = |error: PlanError| {
        let at = place(root, plan, error.about).unwrap_or(Place::START);
        reader.fail(Problem::new(at, error.what).label(error.mend))
    };
    super::collect(plan.refusals().into_iter().map(report).collect()).map(|_: Vec<()>| ())
}

/// Where that part of the plan was written.
fn place(root: &Table, plan: &Plan, about: About) -> Option<Place> {
    let of_consumer = |id: ConsumerId| thing(root, "consumer", &plan.consumers[id.at()].name);
    match about {
        About::Plan => None,
        About::Producer(id) => thing(root, "producer", &plan.producers[id.at()].name).map(|entry| entry.key_at),
        About::DeadLetters(id) => queue::dead_letters_at(thing(root, "queue", &plan.queues[id.at()].name)?),
        About::Consumer(id) => of_consumer(id).map(|entry| entry.key_at),
        About::Step(id, step) => consumer::step_at(of_consumer(id)?, step),
        About::Redrive(at) => thing(root, "redrive", &plan.redrives[at].name).map(|entry| entry.key_at),
        About::Fault(at) => thing(root, "fault", &plan.faults[at].name).map(|entry| entry.key_at),
    }
}

fn thing<'n>(root: &'n Table, word: &str, name: &str) -> Option<&'n Entry> {
    let Value::Table(things) = &root.get(word)?.node.value else { return None };
    things.get(name)
}
