//! The top of a scenario: title, question, seed, `run`, `check` and `[explore]`.

use super::decode::{Fields, Read, Reader};
use super::document::{Entry, Node, Table, Value};
use super::error::Problem;
use super::place::Place;
use super::producer::MAX_OPERATIONS;
use super::schema::{Block, SPAN, default, optional, required};
use super::{Explore, Late, Leases};
use crate::model::plan::{Arrivals, Length, Producer};

const NAMED: &str = "tables by name";

pub(crate) const TOP: Block = Block {
    path: "",
    what: "a scenario",
    fields: &[
        required("title", "a string", "what the scenario shows, in one line"),
        default("question", "\"\"", "a string", "what it asks"),
        default("seed", "1", "a whole number", "the world that `run` takes where no other is asked for"),
        default("run", "{}", "a table", "how long a run is"),
        default("check", "{}", "a table", "what `check` does"),
        default("explore", "{}", "a table", "how far the explorer goes"),
        optional("producer", NAMED, "who produces operations"),
        optional("queue", NAMED, "where they are kept"),
        optional("store", NAMED, "what effects are applied to"),
        optional("consumer", NAMED, "who handles them"),
        optional("fault", NAMED, "what goes wrong"),
        optional("exchange", NAMED, "what routes messages to queues, where the product has such"),
        optional("binding", NAMED, "what an exchange routes to"),
        optional("broker", NAMED, "what the queues of one broker share"),
        optional("redrive", NAMED, "when an operator moves dead letters back"),
        optional("link", NAMED, "hops that take time; every other is direct"),
        optional("expect", "a table: sentences by consumer or queue, or for `all`", "what is to come of it"),
        optional("variant", NAMED, "the file with some settings changed"),
    ],
};

pub(crate) const RUN: Block = Block {
    path: "run",
    what: "run",
    fields: &[
        optional("for", SPAN, "producers and random faults stop at this moment"),
        optional("operations", "a whole number", "producers stop when so many operations were produced in all"),
        default("drain", "10min", SPAN, "how long the rest may take after that"),
    ],
};

pub(crate) const CHECK: Block = Block {
    path: "check",
    what: "check",
    fields: &[default("seeds", "1", "a whole number", "how many worlds `check` judges")],
};

pub(crate) const EXPLORE: Block = Block {
    path: "explore",
    what: "explore",
    fields: &[
        default("faults", "1", "a whole number", "how many faults a schedule may have"),
        default("late", "0", "a whole number, or \"unlimited\"", "how many events a schedule may delay"),
        default(
            "leases",
            "strict",
            "\"strict\" or \"loose\"",
            "strict: leases end in their order; loose: any may end next",
        ),
        default("operations", "3", "a whole number", "how many operations each world has"),
    ],
};

/// What stands at the top.
#[derive(Clone, Debug)]
pub(crate) struct Top {
    pub title: String,
    pub question: String,
    pub seed: u64,
    pub length: Length,
    pub check_seeds: u32,
    pub explore: Explore,
}

/// The top; reports top-level fields that are none.
pub(crate) fn read(reader: &Reader<'_>, root: &Table) -> Read<Top> {
    let fields = Fields::new(reader, &TOP, root, Place::START);
    let title = fields.read("title", |n| reader.text(n, "a string").map(String::from));
    let question = fields.read("question", |n| reader.text(n, "a string").map(String::from));
    let seed = fields.read("seed", |n| reader.whole(n, 0..=1_000_000_000_000_000_000));
    let length = fields.read("run", |n| run(reader, n));
    let check_seeds = fields.read("check", |n| {
        let fields = Fields::of(reader, &CHECK, n, n.at)?;
        fields.read("seeds", |n| reader.count(n, 1_000_000))
    });
    let explore = fields.read("explore", |n| explore(reader, n));
    Ok(Top {
        title: title?,
        question: question?,
        seed: seed?,
        length: length?,
        check_seeds: check_seeds?,
        explore: explore?,
    })
}

fn run(reader: &Reader<'_>, node: &Node) -> Read<Length> {
    let fields = Fields::of(reader, &RUN, node, node.at)?;
    let span = fields.optional("for", |n| reader.some_time(n));
    let operations = fields.optional("operations", |n| reader.count(n, MAX_OPERATIONS));
    let drain = fields.read("drain", |n| reader.span(n));
    Ok(Length { span: span?, operations: operations?, drain: drain? })
}

fn explore(reader: &Reader<'_>, node: &Node) -> Read<Explore> {
    let fields = Fields::of(reader, &EXPLORE, node, node.at)?;
    let faults = fields.read("faults", |n| reader.whole(n, 0..=1_000));
    let late = fields.read("late", |n| match n.value {
        Value::Text(_) => reader.word(n, &["unlimited"]).map(|_| Late::Unlimited),
        _ => reader.whole(n, 0..=1_000).map(|n| Late::AtMost(n as u32)),
    });
    let leases = fields.read("leases", |n| {
        Ok(if reader.word(n, &["strict", "loose"])? == "loose" { Leases::Loose } else { Leases::Strict })
    });
    let operations = fields.read("operations", |n| reader.count(n, 1_000));
    Ok(Explore { faults: faults? as u32, late: late?, leases: leases?, operations: operations? })
}

/// Reports a run in which nothing happens, or which never ends.
pub(crate) fn check_end(
    reader: &Reader<'_>,
    length: &Length,
    entries: &[&Entry],
    producers: &[Read<Producer>],
) -> Read<()> {
    if producers.is_empty() {
        let problem = Problem::new(Place::START, "a scenario needs a producer");
        return reader.fail(problem.label("no operation would ever be produced").help("add [producer.NAME]"));
    }
    let never_stops = |producer: &Read<Producer>| {
        producer.as_ref().is_ok_and(|producer| !matches!(producer.arrivals, Arrivals::AtOnce { .. }))
    };
    let endless = entries.iter().zip(producers).find(|(_, producer)| never_stops(producer));
    if let (None, None, Some((entry, _))) = (length.span, length.operations, endless) {
        let problem = Problem::new(entry.key_at, "this run never ends").label("this producer never stops");
        return reader.fail(problem.help("say run = { for = \"1h\" } or run = { operations = 1_000_000 }"));
    }
    Ok(())
}
