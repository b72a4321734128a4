//! What is printed: answers on stdout, complaints on stderr, with colours only where a terminal shows them.

use std::io::{self, ErrorKind, Write};

use super::exit::Failure;

/// Prints an answer. A reader that has gone away (`| head`) wanted no more: that is no failure.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What became of writing to stdout.
pub(super) fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::input(format!("cannot write to the standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a complaint. When that fails, nobody is left to hear of it.
pub(super) fn complain(text: &str) {
    drop(writeln!(anstream::stderr().lock(), "{text}"));
}
