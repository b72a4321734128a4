//! The last line of defence: a panic is a defect of ours, and is told as one.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

use super::exit::Exit;
use super::{input, screen};

/// Does the work; a panic in it is told on stderr with the command line that repeats it, and ends as [`Exit::Defect`].
pub fn guarded(work: impl FnOnce() -> Exit) -> Exit {
    panic::set_hook(Box::new(tell));
    caught(work).unwrap_or(Exit::Defect)
}

/// The value of the work; `None` where it panicked, which has been told.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}

fn tell(info: &PanicHookInfo<'_>) {
    let what = info.payload_as_str().unwrap_or("a panic without words");
    let at = info.location().map(|at| format!(" ({}:{})", at.file(), at.line())).unwrap_or_default();
    let arguments = std::env::args_os().skip(1).map(|argument| input::quoted(&argument.to_string_lossy()));
    let line: Vec<String> = std::iter::once("redelivery".to_owned()).chain(arguments).collect();
    let version = env!("CARGO_PKG_VERSION");
    screen::complain(&format!(
        "this is a defect of redelivery {version}: {what}{at}\nplease report it with this command line: {}",
        line.join(" ")
    ));
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        screen::complain(&trace.to_string());
    }
}
