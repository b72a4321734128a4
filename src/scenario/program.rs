//! A consumer's program: its steps as they are written, and what makes no sense among them.
//!
//! A step knows where it was written, so that each complaint underlines the step. It knows stores and their kinds, and
//! neither queues nor products.

use super::decode::{Read, Reader};
use super::document::Node;
use super::error::Problem;
use super::names::{Kind, Names};
use super::place::Place;
use crate::model::broker::Product;
use crate::model::plan::{Step, Store, StoreId, StoreKind};
use crate::sim::{Dist, Span};

/// A step and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub step: Step,
    pub at: Place,
}

/// The words that steps begin with.
const WORDS: [&str; 7] = ["work", "seen?", "effect", "mark", "begin", "commit", "ack"];

/// What programs are read with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a, 't> {
    pub reader: &'a Reader<'t>,
    pub names: &'a Names,
    /// By number; not all of them could be read.
    pub stores: &'a [Read<Store>],
    /// Of each queue, by number; not all of them are known.
    pub products: &'a [Option<&'static Product>],
}

impl Around<'_, '_> {
    fn kind(&self, store: StoreId) -> Option<StoreKind> {
        self.stores.get(store.at()).and_then(|store| store.as_ref().ok()).map(|store| store.kind)
    }
    /// Whether a store certainly takes no part in transactions.
    pub fn is_external(&self, store: StoreId) -> bool {
        matches!(self.kind(store), Some(StoreKind::External { .. }))
    }
    /// Whether a store is certainly something else than an external service.
    pub fn is_internal(&self, store: StoreId) -> bool {
        matches!(self.kind(store), Some(StoreKind::Database | StoreKind::Cache))
    }
    fn name(&self, store: StoreId) -> &str {
        self.names.all(Kind::Store).get(store.at()).map_or("", String::as_str)
    }
    /// Reports a problem of a step.
    fn fail<T>(&self, at: Place, message: String, label: &str) -> Read<T> {
        self.reader.fail(Problem::new(at, message).label(label))
    }

    /// A step: `ack`, `work`, `work 5ms`, `effect db`. A bare `work` takes as long as `work` says.
    pub fn step(&self, node: &Node, work: Option<&Dist>) -> Read<Written> {
        let reader = self.reader;
        let text = reader.text(node, "a step such as \"effect db\" or \"ack\"")?;
        let mut words = text.split_whitespace();
        let (word, argument) = (words.next().unwrap_or(""), words.next());
        if let Some(rest) = words.next() {
            return self.fail(
                node.at,
                format!("`{}` is one word too many", rest.escape_debug()),
                "a step has two words at most",
            );
        }
        let place = argument.map(|argument| self.part(node, text, argument));
        let store = || match (argument, place) {
            (Some(name), Some(at)) => self.names.find_text(reader, Kind::Store, name, at).map(StoreId),
            _ => self.fail(node.at, format!("`{word}` needs a store"), "expected the name of a store after it"),
        };
        let step = match word {
            "ack" => match place {
                None => Step::Ack,
                Some(at) => return self.fail(at, "`ack` stands alone".into(), "expected nothing after `ack`"),
            },
            "work" => match (argument, place, work) {
                (Some(word), Some(at), _) => Step::Work(Dist::fixed(self.length(word, at)?)),
                (_, _, Some(work)) => Step::Work(work.clone()),
                _ => {
                    let label = "say how long: \"work 5ms\" here, or `work` in the consumer";
                    return self.fail(node.at, "this work has no length".into(), label);
                }
            },
            "seen?" => Step::Seen(store()?),
            "effect" => Step::Effect { store: store()?, site: 0 },
            "mark" => Step::Mark(store()?),
            "begin" => Step::Begin(store()?),
            "commit" => Step::Commit(store()?),
            _ => {
                let at = self.part(node, text, word);
                let problem = Problem::new(at, format!("`{}` is no step", word.escape_debug()));
                let problem = problem.label("expected the word of a step");
                return reader.fail(problem.nearest(Some(at).filter(|at| *at != node.at), word, WORDS, "steps"));
            }
        };
        Ok(Written { step, at: node.at })
    }

    /// The place of a word of a text: a slice of it.
    fn part(&self, node: &Node, text: &str, word: &str) -> Place {
        let from = (word.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len());
        self.reader.texts.within(node.at, text, from..(from + word.len()).min(text.len()))
    }

    fn length(&self, word: &str, at: Place) -> Read<Span> {
        let node = Node { at, value: super::document::Value::Text(word.into()) };
        self.reader.some_time(&node)
    }

    /// Reports what makes no sense in a program; `at` is the place of the program; `acks_itself`: a message is settled when it is
    /// sent.
    pub fn check(&self, program: &[Written], at: Place, acks_itself: bool) -> Read<()> {
        let all =
            [self.check_ack(program, at, acks_itself), self.check_transactions(program), self.check_marks(program)];
        all.into_iter().collect()
    }

    fn check_ack(&self, program: &[Written], at: Place, acks_itself: bool) -> Read<()> {
        let mut acks = program.iter().filter(|written| written.step == Step::Ack);
        match (acks.next(), acks.next()) {
            (None, _) if acks_itself => Ok(()),
            (Some(first), _) if acks_itself => self.fail(
                first.at,
                "this program acks".into(),
                "the message is settled when it is sent: leave this step out",
            ),
            (None, _) => {
                let problem = Problem::new(at, "this program never acks");
                let help = "add \"ack\"; without it, every message comes back until its queue puts it aside";
                self.reader.fail(problem.label("no step is \"ack\"").help(help))
            }
            (_, Some(second)) => {
                self.fail(second.at, "this program acks twice".into(), "the message is settled already")
            }
            _ => Ok(()),
        }
    }

    fn check_transactions(&self, program: &[Written]) -> Read<()> {
        let mut open: Option<(StoreId, Place)> = None;
        for Written { step, at } in program {
            match *step {
                Step::Begin(store) => {
                    let name = self.name(store);
                    if let Some((other, _)) = open {
                        let label = format!("the transaction of `{}` is not committed yet", self.name(other));
                        return self.fail(*at, "a transaction within a transaction".into(), &label);
                    }
                    match self.kind(store) {
                        Some(StoreKind::External { .. }) => {
                            let label = "an external service takes no part in transactions";
                            return self.fail(*at, format!("`{name}` cannot begin a transaction"), label);
                        }
                        Some(StoreKind::Cache) => {
                            let label = "a cache takes no part in transactions";
                            return self.fail(*at, format!("`{name}` cannot begin a transaction"), label);
                        }
                        Some(StoreKind::Database) | None => open = Some((store, *at)),
                    }
                }
                Step::Commit(store) => match open.take() {
                    Some((begun, _)) if begun == store => {}
                    Some((begun, _)) => {
                        let label = format!("the transaction was begun on `{}`", self.name(begun));
                        return self.fail(*at, "a commit of another store".into(), &label);
                    }
                    None => return self.fail(*at, "a commit without a begin".into(), "no transaction is open here"),
                },
                _ => {}
            }
        }
        match open {
            Some((_, at)) => self.fail(at, "a begin without a commit".into(), "this transaction never ends"),
            None => Ok(()),
        }
    }

    fn check_marks(&self, program: &[Written]) -> Read<()> {
        for Written { step, at } in program {
            let (Step::Seen(store) | Step::Mark(store)) = *step else { continue };
            if self.is_external(store) {
                let label = "an external service keeps no marks; a database or a cache does";
                return self.fail(*at, format!("`{}` cannot be asked for marks", self.name(store)), label);
            }
            let marked = |other: &Written| other.step == Step::Mark(store);
            if matches!(step, Step::Seen(_)) && !program.iter().any(marked) {
                let label = format!("add \"mark {}\"", self.name(store));
                return self.fail(*at, "this asks for a mark that no step sets".into(), &label);
            }
        }
        Ok(())
    }
}
