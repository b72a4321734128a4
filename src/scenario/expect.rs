//! `[expect]`: what is to come of a scenario, in sentences by subject.
//!
//! A sentence names a guarantee (`effects exactly-once violated`) or compares a number (`p99(end to end) < 10s`). This
//! file knows what may be asked; what a run answers is judged by [`ways::judge`](crate::ways::judge).

use std::ops::Range;

use super::decode::{Read, Reader};
use super::document::{Entry, Node, Table, Value};
use super::error::{Problem, list, nearest};
use super::metric::{Metric, Unit, Whose};
use super::names::{Kind, Names};
use super::place::Place;
use super::units::{self, Complaint};
use crate::model::plan::{ConsumerId, ProducerId, QueueId};
use crate::observe::guarantees::{GUARANTEES, Guarantee};
use crate::observe::report::CAUSES;

/// A sentence about a subject.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Of whom it speaks.
    pub subject: Subject,
    /// The subject as it was written.
    pub name: String,
    /// The sentence as it was written.
    pub text: String,
    /// What it asks.
    pub asks: Asks,
}

/// Of whom a sentence speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The whole run: `all`.
    All,
    /// A producer; its numbers are those of the run, of which it is the only one.
    Producer(ProducerId),
    /// A queue.
    Queue(QueueId),
    /// A consumer.
    Consumer(ConsumerId),
}

/// What a sentence asks.
#[derive(Clone, Copy, Debug)]
pub enum Asks {
    /// Whether a guarantee holds, or is violated.
    Guarantee {
        /// Which.
        guarantee: &'static Guarantee,
        /// The file shows a break: the guarantee is expected to be violated.
        violated: bool,
    },
    /// How a number compares.
    Number {
        /// Which.
        metric: Metric,
        /// Only its mean over the seeds is asked for, even where `= 0` would ask each seed.
        mean: bool,
        /// With what.
        test: Test,
    },
}

impl Asks {
    /// Whether this is a safety guarantee over seeds: one seed with more than 0 violates it.
    pub fn never(&self) -> bool {
        matches!(self, Asks::Number { metric, mean: false, test: Test::Equal(0.0) } if metric.unit() == Unit::Count)
    }
}

/// A comparison with values in the metric's unit (seconds, where that is a length of time).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Test {
    /// `=`
    Equal(f64),
    /// `<`
    Less(f64),
    /// `<=`
    AtMost(f64),
    /// `>`
    More(f64),
    /// `>=`
    AtLeast(f64),
    /// `in A..B`, both ends included.
    Within(f64, f64),
}

impl Subject {
    /// What it is, in a word.
    pub fn kind(self) -> &'static str {
        match self {
            Subject::All => "run",
            Subject::Producer(_) => "producer",
            Subject::Queue(_) => "queue",
            Subject::Consumer(_) => "consumer",
        }
    }

    /// Every number that a sentence about it may speak of.
    pub fn metrics(self) -> Vec<Metric> {
        Metric::all(self.whose())
    }

    fn whose(self) -> Whose {
        match self {
            Subject::Consumer(_) => Whose::Consumer,
            Subject::Queue(_) => Whose::Queue,
            Subject::All | Subject::Producer(_) => Whose::Totals,
        }
    }
}

/// The sentences of a file, in the order of the file.
pub(crate) fn read(reader: &Reader<'_>, names: &Names, root: &Table) -> Read<Vec<Expectation>> {
    let Some(entry) = root.get("expect") else { return Ok(Vec::new()) };
    let Value::Table(table) = &entry.node.value else {
        return reader.wrong(&entry.node, "a table of sentences by subject");
    };
    let read: Vec<Read<Vec<Expectation>>> =
        table.entries.iter().map(|entry| of_subject(reader, names, entry)).collect();
    Ok(read.into_iter().collect::<Read<Vec<_>>>()?.into_iter().flatten().collect())
}

fn of_subject(reader: &Reader<'_>, names: &Names, entry: &Entry) -> Read<Vec<Expectation>> {
    let kinds = [Kind::Consumer, Kind::Queue, Kind::Producer];
    let subject = match entry.key.as_str() {
        "all" if kinds.iter().all(|&kind| names.number(kind, "all").is_none()) => Subject::All,
        name => match names.find_any(reader, &kinds, name, entry.key_at)? {
            (Kind::Consumer, number) => Subject::Consumer(ConsumerId(number)),
            (Kind::Queue, number) => Subject::Queue(QueueId(number)),
            (_, number) => Subject::Producer(ProducerId(number)),
        },
    };
    if matches!(subject, Subject::Producer(_)) && names.all(Kind::Producer).len() > 1 {
        let problem = Problem::new(entry.key_at, "what producers do is counted for all of them together");
        let label = "expected the name of a consumer or a queue";
        return reader.fail(problem.label(label).fix(entry.key_at, "did you mean all of them?", "all"));
    }
    let sentences = reader.list(&entry.node, "a list of sentences: [\"lost = 0\", \"effects exactly-once\"]")?;
    let read: Vec<Read<Expectation>> = sentences
        .iter()
        .map(|node| {
            let text = reader.text(node, "a sentence such as \"lost = 0\"")?;
            let asks = Sentence { reader, node, text, subject }.read()?;
            Ok(Expectation { subject, name: entry.key.clone(), text: text.trim().into(), asks })
        })
        .collect();
    read.into_iter().collect()
}

/// A sentence that is being read.
struct Sentence<'s, 't> {
    reader: &'s Reader<'t>,
    node: &'s Node,
    text: &'s str,
    subject: Subject,
}

const COMPARISONS: [&str; 5] = ["<=", ">=", "<", ">", "="];

impl Sentence<'_, '_> {
    /// The place of a part of the sentence, without the spaces around it.
    fn place(&self, part: Range<usize>) -> Place {
        let text = &self.text[part.clone()];
        let from = part.start + (text.len() - text.trim_start().len());
        self.reader.texts.within(self.node.at, self.text, from..from + text.trim().len())
    }

    fn read(&self) -> Read<Asks> {
        if let Some(at) = self.text.find(['<', '>', '=']) {
            if let Some(word) = ["==", "=<", "=>"].into_iter().find(|word| self.text[at..].starts_with(word)) {
                return self.no_comparison(at, at + word.len(), word);
            }
            let word = COMPARISONS.iter().find(|word| self.text[at..].starts_with(**word)).map_or(1, |word| word.len());
            return self.number(at, at + word);
        }
        // `in flight in 0..5`: the last one.
        if let Some(at) = self.text.rfind(" in ").filter(|at| self.text[at + 4..].contains("..")) {
            return self.number(at, at + 4);
        }
        self.guarantee()
    }

    fn guarantee(&self) -> Read<Asks> {
        let text = self.text.trim();
        let (name, violated) = match text.rsplit_once(char::is_whitespace) {
            Some((name, "violated")) => (name.trim(), true),
            Some((name, "holds")) => (name.trim(), false),
            _ => (text, false),
        };
        if let Some(guarantee) = GUARANTEES.iter().find(|g| g.name == name || g.id == name) {
            return Ok(Asks::Guarantee { guarantee, violated });
        }
        let from = self.text.len() - self.text.trim_start().len();
        let at = self.place(from..from + name.len());
        if self.metric_of(name).is_some() {
            let problem = Problem::new(at, format!("`{name}` is a number, and is compared with nothing"));
            return self.reader.fail(problem.label(format!("compare it, as in \"{name} = ..\" or \"{name} in A..B\"")));
        }
        let names = GUARANTEES.iter().map(|g| g.name);
        let problem = Problem::new(at, format!("no guarantee is called `{}`", name.escape_debug()));
        let label = "expected a guarantee, or a comparison such as \"lost = 0\"";
        self.reader.fail(problem.label(label).nearest(
            Some(at).filter(|at| *at != self.node.at),
            name,
            names,
            "guarantees",
        ))
    }

    /// The comparison between `from` and `to`.
    fn number(&self, from: usize, to: usize) -> Read<Asks> {
        let said = self.text[..from].trim();
        // `mean depth` is a number of its own; `mean duplicates` asks for the mean over the seeds.
        let alone = self.metric_of(said).map(|metric| (metric, false));
        let of_mean = || self.metric_of(said.strip_prefix("mean ")?.trim()).map(|metric| (metric, true));
        let Some((metric, mean)) = alone.or_else(of_mean) else { return self.no_metric(said, from) };
        let value = |part: Range<usize>| self.value(metric, part);
        let end = self.text.len();
        let test = match self.text[from..to].trim() {
            "in" => {
                let dots = self.text[to..].find("..").map_or(to, |dots| to + dots);
                let (low, high) = (value(to..dots)?, value(dots + 2..end)?);
                if low > high {
                    let problem = Problem::new(self.place(to..end), "nothing lies in this range");
                    return self.reader.fail(problem.label("expected the smaller value first"));
                }
                Test::Within(low, high)
            }
            "<" => Test::Less(value(to..end)?),
            "<=" => Test::AtMost(value(to..end)?),
            ">" => Test::More(value(to..end)?),
            ">=" => Test::AtLeast(value(to..end)?),
            _ => Test::Equal(value(to..end)?),
        };
        Ok(Asks::Number { metric, mean, test })
    }

    /// `==` and its like, which this language has not: what to write instead.
    fn no_comparison<T>(&self, from: usize, to: usize, word: &str) -> Read<T> {
        let at = self.place(from..to);
        let problem = Problem::new(at, format!("`{word}` is no comparison")).label("expected =, <, <=, > or >=");
        let instead = match word {
            "=<" => "<=",
            "=>" => ">=",
            _ => "=",
        };
        // Without a place of its own the whole sentence would be replaced.
        self.reader.fail(match at == self.node.at {
            true => problem.help(format!("write `{instead}`")),
            false => problem.fix(at, format!("write `{instead}`"), instead),
        })
    }

    fn value(&self, metric: Metric, part: Range<usize>) -> Read<f64> {
        let word = self.text[part.clone()].trim();
        let (value, wanted) = match metric.unit() {
            Unit::Count => (units::number(word, false), "a count such as 0 or 1_000"),
            Unit::Span => (units::span(word).map(|span| span.as_secs_f64()), "a length of time such as 10s"),
            Unit::Ratio => (units::number(word, true), "a number or a share, such as 1.5 or 80%"),
            Unit::Rate => (units::per_second(word), "a rate such as 200/s"),
        };
        value.or_else(|Complaint { part: wrong, instead, .. }| {
            let whole = self.place(part.clone());
            let problem = Problem::new(whole, format!("`{}` is compared with {wanted}", metric.name()));
            let problem = problem.label(format!("expected {wanted}"));
            self.reader.fail(match instead {
                Some(instead) => problem.help(format!("did you mean `{}{instead}`?", &word[..wrong.start])),
                None => problem,
            })
        })
    }

    fn metric_of(&self, name: &str) -> Option<Metric> {
        self.subject.metrics().into_iter().find(|metric| metric.name() == name)
    }

    fn no_metric<T>(&self, said: &str, end: usize) -> Read<T> {
        let at = self.place(0..end);
        let names: Vec<String> = self.subject.metrics().iter().map(Metric::name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let subject = self.subject.kind();
        let problem = Problem::new(at, format!("no number of a {subject} is called `{}`", said.escape_debug()));
        let problem = problem.label(format!("expected a number that a {subject} has"));
        self.reader.fail(match nearest(said, &names) {
            Some(near) if at != self.node.at => problem.fix(at, format!("did you mean `{near}`?"), near),
            _ if said.starts_with("duplicates from") => problem.help(format!("causes: {}", list(CAUSES))),
            _ => problem.help(format!("numbers: {}", list(&Metric::forms(self.subject.whose())))),
        })
    }
}
