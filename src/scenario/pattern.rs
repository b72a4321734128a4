//! Patterns: the named programs of consumers, and the steps that each stands for.
//!
//! A pattern is nothing but its steps; whoever wants others writes `steps`.

use super::decode::{Fields, Read};
use super::error::Problem;
use super::names::Kind;
use super::place::Place;
use super::program::{Around, Written};
use crate::model::plan::{Step, StoreId};
use crate::sim::Dist;

/// What the command knows of a pattern.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// Its name: `pattern = "process-then-ack"`.
    pub name: &'static str,
    /// Its steps, as they would be written.
    pub steps: &'static [&'static str],
    /// What it is good for, and what not.
    pub text: &'static str,
}

/// Every pattern.
pub const PATTERNS: &[Pattern] = &[
    Pattern {
        name: "ack-first",
        steps: &["ack", "work", "effect EFFECT"],
        text: "at most once: a crash after the ack loses the operation",
    },
    Pattern {
        name: "process-then-ack",
        steps: &["work", "effect EFFECT", "ack"],
        text: "at least once: a crash between effect and ack, or a lease that ends, repeats the effect",
    },
    Pattern {
        name: "check-then-process",
        steps: &["seen? MARKS_IN", "work", "effect EFFECT", "mark MARKS_IN", "ack"],
        text: "asks whether it was done, does it, marks it: two handlers at once still both do it; with mark = \"before\" a crash in between loses it",
    },
    Pattern {
        name: "transactional-inbox",
        steps: &["begin INBOX", "mark INBOX", "work", "effect EFFECT", "commit INBOX", "ack"],
        text: "mark and effect in one transaction: exactly once, as far as the effect takes part in it",
    },
    Pattern {
        name: "external-call",
        steps: &["work", "effect EFFECT", "ack"],
        text: "calls a service that takes no part in transactions: exactly once as long as it knows the idempotency key",
    },
];

/// The program of a pattern, from the fields of its consumer; `at` is where the pattern was named.
pub(super) fn program(
    around: &Around<'_, '_>,
    fields: &Fields<'_, '_>,
    name: &'static str,
    at: Place,
    work: Option<Dist>,
) -> Read<Vec<Written>> {
    let store = |field: &str| -> Read<Option<(StoreId, Place)>> {
        fields.optional(field, |n| around.names.find(around.reader, Kind::Store, n).map(|s| (StoreId(s), n.at)))
    };
    let belongs = |field: &str, pattern: &str| match pattern == name {
        true => Ok(()),
        false => fields.refuse(field, format!("it belongs to the pattern \"{pattern}\"")),
    };
    let fit = [
        belongs("mark", "check-then-process"),
        belongs("marks_in", "check-then-process"),
        belongs("inbox", "transactional-inbox"),
    ];
    let effect = match store("effect")? {
        Some(effect) => effect,
        None => {
            let problem = Problem::new(at, format!("the pattern {name} needs `effect`"));
            return around
                .reader
                .fail(problem.label("`effect` is missing: the name of the store that it is applied to"));
        }
    };
    let (marks, inbox) = (store("marks_in"), store("inbox"));
    let before = fields.optional("mark", |n| Ok(around.reader.word(n, &["before", "after"])? == "before"));
    fit.into_iter().collect::<Read<()>>()?;
    let (marks, inbox, before) = (marks?.unwrap_or(effect), inbox?, before?.unwrap_or(false));

    let work = work.map(|work| Written { step: Step::Work(work), at });
    let apply = Written { step: Step::Effect { store: effect.0, site: 0 }, at: effect.1 };
    let ack = Written { step: Step::Ack, at };
    let on = |(store, at): (StoreId, Place), step: fn(StoreId) -> Step| Written { step: step(store), at };
    let handle: Vec<Written> = work.into_iter().chain([apply]).collect();
    let (first, last) = match name {
        "ack-first" => (vec![ack], vec![]),
        "check-then-process" if before => (vec![on(marks, Step::Seen), on(marks, Step::Mark)], vec![ack]),
        "check-then-process" => (vec![on(marks, Step::Seen)], vec![on(marks, Step::Mark), ack]),
        "transactional-inbox" => {
            let inbox = inbox.unwrap_or(effect);
            if inbox == effect && around.is_external(effect.0) {
                let problem = Problem::new(effect.1, "the inbox of an external service has to be somewhere else");
                let label = "it takes no part in transactions";
                return around.reader.fail(problem.label(label).help("say which database keeps it: inbox = \"..\""));
            }
            (vec![on(inbox, Step::Begin), on(inbox, Step::Mark)], vec![on(inbox, Step::Commit), ack])
        }
        _ => {
            if name == "external-call" && around.is_internal(effect.0) {
                let problem = Problem::new(effect.1, "an external call goes to an external service");
                let label = "expected a store with kind = \"external\"";
                return around
                    .reader
                    .fail(problem.label(label).help("for a database, \"process-then-ack\" is the same"));
            }
            (vec![], vec![ack])
        }
    };
    Ok(first.into_iter().chain(handle).chain(last).collect())
}
