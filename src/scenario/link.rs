//! `[link.NAME]`: a hop that takes time, and may lose what goes over it.

use super::decode::{Fields, Read, Reader};
use super::document::Entry;
use super::error::Problem;
use super::names::{Kind, Names};
use super::schema::{Block, CHANCE, DIST, default, required};
use crate::model::plan::{Consumer, ConsumerId, Link, Party, Producer, ProducerId, QueueId};

pub(crate) const BLOCK: Block = Block {
    path: "link.NAME",
    what: "a link",
    fields: &[
        required("from", "the name of a producer or a consumer", "who calls"),
        required("to", "the name of a queue", "which queue answers"),
        default("latency", "1ms", DIST, "how long a packet takes; those of one direction never overtake each other"),
        default("lose_request", "0", CHANCE, "how many of the requests (a publish, an ack) never arrive"),
        default("lose_answer", "0", CHANCE, "how many of the answers (a confirm) never arrive"),
    ],
};

/// A link.
pub(crate) fn read(
    reader: &Reader<'_>,
    names: &Names,
    producers: &[Read<Producer>],
    consumers: &[Read<Consumer>],
    entry: &Entry,
) -> Read<Link> {
    let fields = Fields::of(reader, &BLOCK, &entry.node, entry.key_at)?;
    let from = fields.read("from", |n| {
        let name = reader.text(n, "the name of a producer or a consumer")?;
        Ok(match names.find_any(reader, &[Kind::Producer, Kind::Consumer], name, n.at)? {
            (Kind::Producer, number) => Party::Producer(ProducerId(number)),
            (_, number) => Party::Consumer(ConsumerId(number)),
        })
    });
    let to = fields.read("to", |n| names.find(reader, Kind::Queue, n)).map(QueueId);
    let latency = fields.read("latency", |n| super::dist::read(reader, n));
    let lose_request = fields.read("lose_request", |n| reader.chance(n));
    let lose_answer = fields.read("lose_answer", |n| reader.chance(n));
    let (from, to) = (from?, to?);
    let (who, calls) = match from {
        Party::Producer(p) => (Kind::Producer, producers[p.at()].as_ref().ok().map(|p| (&p.name, p.to))),
        Party::Consumer(c) => (Kind::Consumer, consumers[c.at()].as_ref().ok().map(|c| (&c.name, c.from))),
    };
    if let Some((name, queue)) = calls.filter(|(_, queue)| *queue != to) {
        let at = fields.entry("to").map_or(entry.key_at, |to| to.node.at);
        let problem = Problem::new(at, format!("{} `{name}` never calls this queue", who.word()));
        let label = format!("expected `{}`, its queue", names.all(Kind::Queue)[queue.at()]);
        return reader.fail(problem.label(label));
    }
    Ok(Link {
        name: entry.key.clone(),
        from,
        to,
        latency: latency?,
        lose_request: lose_request?,
        lose_answer: lose_answer?,
    })
}

/// Reports a second link between the same two.
pub(crate) fn check_pairs(reader: &Reader<'_>, entries: &[&Entry], links: &[Read<Link>]) {
    for (i, link) in links.iter().enumerate() {
        let Ok(link) = link else { continue };
        let mut before = links[..i].iter().flatten();
        if let Some(first) = before.find(|first| (first.from, first.to) == (link.from, link.to)) {
            let problem = Problem::new(entries[i].key_at, "a second link between the same two");
            drop(reader.fail::<()>(problem.label(format!("`{}` is the first", first.name))));
        }
    }
}
