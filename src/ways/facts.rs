//! Facts as JSON lines: every fact of a run, in order, one a line.
//!
//! It writes to whatever it is given and knows no file. Queues, producers, processes and workers are numbers, as in the
//! facts themselves; the first line says their names. A moment or a length of time is in nanoseconds. Rule: what could
//! not be written is an error at the end, never a shorter file.
//!
//! ```json
//! {"t":0,"fact":"names","queues":["payments"],"producers":["checkout"],"processes":[{"name":"capture-1","first_worker":0,"workers":16}]}
//! {"t":4187000,"fact":"produced","op":0,"key":3,"producer":0,"poison":false}
//! ```

use std::io::{self, Write};

use serde::Serialize;

use crate::model::{Fact, Stage, Watch};
use crate::sim::Time;

/// So much is kept before it is written.
const BUFFER: usize = 1 << 16;

/// A watcher that writes.
#[derive(Debug)]
pub struct FactLines<W> {
    to: W,
    buffer: Vec<u8>,
    /// The first error; nothing is written after it.
    failed: Option<io::Error>,
}

#[derive(Serialize)]
struct Line<'a> {
    t: Time,
    #[serde(flatten)]
    fact: &'a Fact,
}

#[derive(Serialize)]
struct Names<'a> {
    t: Time,
    fact: &'static str,
    queues: Vec<&'a str>,
    producers: Vec<&'a str>,
    processes: Vec<Process>,
}

#[derive(Serialize)]
struct Process {
    name: String,
    first_worker: u32,
    workers: u32,
}

impl<W: Write> FactLines<W> {
    /// A writer of the facts of this stage's worlds; the names come first.
    pub fn new(stage: &Stage, to: W) -> FactLines<W> {
        let plan = &stage.plan;
        let process = |(number, of): (usize, &crate::model::Process)| Process {
            name: stage.plan.instance_name(number as u32),
            first_worker: of.first_worker,
            workers: of.workers,
        };
        let names = Names {
            t: Time::ZERO,
            fact: "names",
            queues: plan.queues.iter().map(|queue| queue.name.as_str()).collect(),
            producers: plan.producers.iter().map(|producer| producer.name.as_str()).collect(),
            processes: stage.processes().iter().enumerate().map(process).collect(),
        };
        let mut lines = FactLines { to, buffer: Vec::with_capacity(BUFFER + 512), failed: None };
        lines.line(&names);
        lines
    }

    fn line(&mut self, line: &impl Serialize) {
        if self.failed.is_some() {
            return;
        }
        let written = serde_json::to_writer(&mut self.buffer, line).map_err(io::Error::from);
        self.buffer.push(b'\n');
        let written = written.and_then(|()| if self.buffer.len() < BUFFER { Ok(()) } else { self.empty() });
        self.failed = written.err();
    }

    fn empty(&mut self) -> io::Result<()> {
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the rest and gives back what was written to.
    ///
    /// # Errors
    /// The first error of all the writing.
    pub fn finish(mut self) -> io::Result<W> {
        match self.failed.take() {
            Some(error) => return Err(error),
            None => self.empty()?,
        }
        self.to.flush()?;
        Ok(self.to)
    }
}

impl<W: Write> Watch for FactLines<W> {
    #[inline]
    fn fact(&mut self, now: Time, fact: &Fact) {
        self.line(&Line { t: now, fact });
    }
}
