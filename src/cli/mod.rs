//! The command: arguments in, an exit code out; all that it tells, the library below has found.
//!
//! Here are files, threads, signals, the clock of progress and the terminal, and nothing of queues. Rule: the exit code says
//! what came of it (`exit`), and a result file is complete or absent (`folder`).

mod args;
mod check;
mod conform;
pub mod exit;
mod explore;
mod facts;
mod folder;
mod guard;
mod help;
mod input;
mod interrupt;
mod progress;
mod replay;
mod result;
mod run;
mod screen;
mod worlds;

pub use exit::Exit;
pub use guard::guarded;

use clap::Parser;

/// Runs the command with the arguments of this process.
pub fn main() -> Exit {
    guarded(|| {
        interrupt::listen();
        match args::Args::try_parse() {
            Ok(args) => command(args.command),
            // `--help` and `--version` come here too, with the code 0.
            Err(error) => {
                let wrong = error.exit_code() != 0;
                // Nobody is left to hear that this could not be printed.
                drop(error.print());
                if wrong { Exit::Input } else { Exit::AsExpected }
            }
        }
    })
}

fn command(command: args::Command) -> Exit {
    let came_to = match command {
        args::Command::Run(args) => run::run(&args),
        args::Command::Check(args) => check::check(&args),
        args::Command::Explore(args) => explore::explore(&args),
        args::Command::Replay(args) => replay::replay(&args),
        args::Command::Conform(args) => conform::conform(&args),
        args::Command::Help { topic } => help::help(topic.as_deref()),
    };
    came_to.unwrap_or_else(|failure| {
        screen::complain(&failure.to_string());
        failure.exit
    })
}
