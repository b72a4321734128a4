//! `[redrive.NAME]`: an operator moves dead letters back, as if they were new.

use super::decode::{Fields, Read, Reader};
use super::document::Entry;
use super::error::Problem;
use super::fault::moments;
use super::names::{Kind, Names};
use super::schema::{Block, optional, required};
use crate::model::plan::{Queue, QueueId, Redrive};

pub(crate) const BLOCK: Block = Block {
    path: "redrive.NAME",
    what: "a redrive",
    fields: &[
        required("from", "the name of a queue", "the dead-letter queue: what waits there is moved"),
        optional("to", "the name of a queue", "to where; without it, to the one queue whose dead letters come here"),
        required("at", "a length of time since the start, or a list of them", "at these moments"),
    ],
};

/// A redrive.
pub(crate) fn read(reader: &Reader<'_>, names: &Names, queues: &[Read<Queue>], entry: &Entry) -> Read<Redrive> {
    let fields = Fields::of(reader, &BLOCK, &entry.node, entry.key_at)?;
    let from = fields.read("from", |n| names.find(reader, Kind::Queue, n)).map(QueueId);
    let to = fields.optional("to", |n| names.find(reader, Kind::Queue, n));
    let at = fields.read("at", |n| moments(reader, n));
    let (from, to) = (from?, to?.map(QueueId));
    let comes_here =
        |queue: &Read<Queue>| queue.as_ref().is_ok_and(|queue| queue.settings.dead_letter_to() == Some(from));
    let mut sources = (0..).map(QueueId).zip(queues).filter(|(_, queue)| comes_here(queue)).map(|(id, _)| id);
    let to = match (to, sources.next(), sources.next()) {
        (Some(to), ..) | (None, Some(to), None) => to,
        (None, first, _) => {
            let many = if first.is_some() { "several queues put" } else { "no queue puts" };
            let problem = Problem::new(fields.at, "where to is not clear");
            return reader.fail(problem.label(format!("{many} messages aside here: say `to`")));
        }
    };
    Ok(Redrive { name: entry.key.clone(), from, to, at: at? })
}
