//! The command: arguments in, exit code out; all the rest is the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    redelivery::cli::main().into()
}
