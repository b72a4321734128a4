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

pub(in crate::ways) fn id_of(guarantee: &Guarantee) -> Id {
    let place = GUARANTEES.iter().position(|other| other.id == guarantee.id);
    Id::ALL[place.expect("a sentence names a guarantee of the catalogue")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    /// Of the good scenario of the reader's tests, with other expectations.
    fn asked(sentences: &str) -> Ask {
        let text = include_str!("../../../tests/good/capture.toml");
        let settings = [("expect.capture".into(), sentences.into()), ("expect.all".into(), "[\"missing = 0\"]".into())];
        let scenario = Scenario::read("capture.toml", text, &settings, None).unwrap_or_else(|error| panic!("{error}"));
        Ask::of(&scenario.expect, scenario.plan.consumers.len())
    }

    #[test]
    fn a_sentence_is_asked_widened_or_said_not_to_be_asked() {
        let ask = asked(
            "[\"lost = 0\", \"duplicates = 0\", \"out of order = 0\", \"A1\", \"effects exactly-once violated\"]",
        );
        let all = [Id::A1, Id::A3, Id::A5, Id::B4].into_iter().fold(Asked::NONE, |all, id| all | Asked::of(id));
        assert_eq!(ask.holds, Questions { guarantees: all, missing: true });
        assert_eq!(ask.violated, Asked::of(Id::A7));
        // A1 is about the whole run anyway.
        assert_eq!(ask.widened.len(), 4, "{:?}", ask.widened);
        assert_eq!(ask.not_asked, ["payments-dlq: depth in 600..840"]);
    }

    #[test]
    fn bounds_on_numbers_and_counts_that_are_no_guarantee_are_not_asked() {
        let ask = asked("[\"mean lost = 0\", \"lost < 3\", \"stale = 0\", \"p99(end to end) < 1s\"]");
        assert_eq!(ask.holds, Questions { guarantees: Asked::NONE, missing: true });
        assert_eq!(ask.not_asked.len(), 5, "{:?}", ask.not_asked);
    }
}
