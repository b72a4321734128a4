//! What a scenario's expectations ask of the explorer, and what they do not.
//!
//! The explorer answers whether something can ever happen; it measures nothing. So a guarantee is asked, and so is `= 0` on
//! the counts that are guarantees in other words; every other sentence is listed as not asked. Rule: no sentence is
//! dropped in silence.

use crate::observe::automata::Questions;
use crate::observe::guarantees::{Asked, GUARANTEES, Guarantee, Id};
use crate::scenario::metric::Metric;
use crate::scenario::{Asks, Expectation, Subject};

/// The expectations of a scenario, as far as the explorer can answer them.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// What is to hold in every schedule.
    pub holds: Questions,
    /// What the file shows broken: for each, some schedule is to violate it.
    pub violated: Asked,
    /// The sentences that only a run can answer: "capture: p99(end to end) < 10s".
    pub not_asked: Vec<String>,
    /// The sentences about one consumer that are asked of all of them together, for an explored state does not tell its
    /// consumers apart. That they hold says more than was asked; that they are violated may be another consumer's doing.
    pub widened: Vec<String>,
}

impl Ask {
    /// What these sentences ask; `consumers` is how many there are.
    pub fn of(expectations: &[Expectation], consumers: usize) -> Ask {
        let mut ask = Ask::default();
        for expectation in expectations {
            let sentence = || format!("{}: {}", expectation.name, expectation.text);
            let about_one = match expectation.asks {
                Asks::Guarantee { guarantee, violated } => {
                    let asked = Asked::of(id_of(guarantee));
                    if violated {
                        ask.violated = ask.violated | asked;
                    } else {
                        ask.holds.guarantees = ask.holds.guarantees | asked;
                    }
                    guarantee.by_consumer
                }
                Asks::Number { metric: Metric::Count(figure), .. } if expectation.asks.never() => {
                    match never(figure.name) {
                        Some(Never::Broken(id)) => ask.holds.guarantees = ask.holds.guarantees | Asked::of(id),
                        Some(Never::Missing) => ask.holds.missing = true,
                        None => {
                            ask.not_asked.push(sentence());
                            continue;
                        }
                    }
                    true
                }
                Asks::Number { .. } => {
                    ask.not_asked.push(sentence());
                    continue;
                }
            };
            if about_one && consumers > 1 && matches!(expectation.subject, Subject::Consumer(_)) {
                ask.widened.push(sentence());
            }
        }
        ask
    }

    /// Whether no sentence can be asked.
    pub fn is_empty(&self) -> bool {
        self.holds.is_empty() && self.violated.is_empty()
    }
}

/// What `COUNT = 0` says in other words.
enum Never {
    /// This guarantee is never broken.
    Broken(Id),
    /// No operation is missing.
    Missing,
}

fn never(count: &str) -> Option<Never> {
    match count {
        "lost" => Some(Never::Broken(Id::A5)),
        "duplicates" => Some(Never::Broken(Id::A3)),
        "out of order" => Some(Never::Broken(Id::B4)),
        "missing" => Some(Never::Missing),
        _ => None,
    }
}

fn id_of(guarantee: &Guarantee) -> Id {
    let place = GUARANTEES.iter().position(|other| other.id == guarantee.id);
    Id::ALL[place.expect("a sentence names a guarantee of the catalogue")]
}
