//! Progress of long work: one line on stderr, where that is a terminal, erased at the end.
//!
//! The only clock of the command: no result depends on it, but for the "simulated in 0.3 s" of an answer.

use std::io::{IsTerminal, Write, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sim::Span;

/// Shorter work shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two lines.
const BETWEEN: Duration = Duration::from_millis(100);

/// A line that changes.
#[derive(Debug)]
pub(super) struct Progress {
    /// When the line may be drawn next; nobody watches where this is `None`.
    next: Option<Mutex<Line>>,
}

/// How long something has taken, for people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch(Instant);

impl Watch {
    pub fn start() -> Watch {
        Watch(now())
    }
    pub fn took(self) -> Span {
        Span::from_secs_f64(now().duration_since(self.0).as_secs_f64())
    }
}

#[derive(Debug)]
struct Line {
    due: Instant,
    drawn: bool,
}

#[allow(clippy::disallowed_methods, reason = "how long a person has waited is no part of a result")]
fn now() -> Instant {
    Instant::now()
}

impl Progress {
    pub fn new() -> Progress {
        let line = || Mutex::new(Line { due: now() + PATIENCE, drawn: false });
        Progress { next: stderr().is_terminal().then(line) }
    }

    /// Shows how far the work is, if it is time.
    pub fn show(&self, how_far: impl FnOnce() -> String) {
        let Some(line) = &self.next else { return };
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now();
        if now >= line.due {
            (line.due, line.drawn) = (now + BETWEEN, true);
            draw(&how_far());
        }
    }

    /// Takes the line away, so that something else can be printed.
    pub fn clear(&self) {
        let Some(line) = &self.next else { return };
        if std::mem::take(&mut line.lock().unwrap_or_else(PoisonError::into_inner).drawn) {
            draw("");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// From the left edge, over what stood there. Progress that cannot be shown is no failure.
fn draw(text: &str) {
    drop(write!(stderr().lock(), "\r\x1b[2K{text}"));
}
