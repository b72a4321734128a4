//! How the command ends: its exit codes, and what went wrong in words.
//!
//! The codes are a contract with scripts and CI: they are documented here once, and `help exit-codes` shows this table. A
//! failure always says what was wrong and, where it can, what to do instead.

use std::fmt;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use crate::observe::report::Verdict;
use crate::scenario::Problems;
use crate::ways::judge::{Judgement, Standing};

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything is as expected, or nothing was expected.
    AsExpected = 0,
    /// Something is not as expected.
    NotAsExpected = 1,
    /// The input or the command line is wrong, or a file could not be read or written.
    Input = 2,
    /// A defect of redelivery itself.
    Defect = 3,
    /// Nothing is wrong, and something is undecided.
    Undecided = 4,
    /// Interrupted by a signal; no result was written.
    Interrupted = 130,
}

/// Every way to end, and what it means.
pub const EXITS: [(Exit, &str); 6] = [
    (Exit::AsExpected, "all as expected"),
    (Exit::NotAsExpected, "something is not as expected"),
    (Exit::Input, "the input or the command line is wrong, or a file could not be read or written"),
    (Exit::Defect, "a defect of redelivery itself: please report it"),
    (Exit::Undecided, "nothing is wrong, but something is undecided: more seeds or a longer run may tell"),
    (Exit::Interrupted, "interrupted: no result was written"),
];

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The worse of two: a defect, then wrong input, then what is not as expected, then what is undecided.
    pub fn worse(self, other: Exit) -> Exit {
        let badness = |exit: Exit| match exit {
            Exit::AsExpected => 0,
            Exit::Undecided => 1,
            Exit::NotAsExpected => 2,
            Exit::Input => 3,
            Exit::Defect => 4,
            Exit::Interrupted => 5,
        };
        if badness(other) > badness(self) { other } else { self }
    }

    /// The worst of what these sentences came to.
    pub(super) fn of(judgements: &[Judgement]) -> Exit {
        judgements.iter().fold(Exit::AsExpected, |exit, judgement| exit.worse(judgement.standing().into()))
    }
}

impl From<Standing> for Exit {
    fn from(standing: Standing) -> Exit {
        match standing {
            Standing::AsExpected => Exit::AsExpected,
            Standing::NotAsExpected => Exit::NotAsExpected,
            Standing::Undecided => Exit::Undecided,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// A verdict beside the expected one.
pub(super) fn standing(outcome: Verdict, expected: Verdict) -> Standing {
    match outcome {
        Verdict::Undecided => Standing::Undecided,
        outcome if outcome == expected => Standing::AsExpected,
        _ => Standing::NotAsExpected,
    }
}

/// Why a command did not come to its end.
#[derive(Debug)]
pub(super) struct Failure {
    pub exit: Exit,
    text: String,
}

impl Failure {
    /// Something is wrong with the input.
    pub fn input(what: impl fmt::Display) -> Failure {
        let red = Style::new().bold().fg_color(Some(AnsiColor::BrightRed.into()));
        Failure { exit: Exit::Input, text: format!("{red}error{red:#}: {what}") }
    }

    /// And what to do instead.
    pub fn help(mut self, help: impl fmt::Display) -> Failure {
        let blue = Style::new().bold().fg_color(Some(AnsiColor::BrightCyan.into()));
        self.text.push_str(&format!("\n{blue}help{blue:#}: {help}"));
        self
    }

    /// A signal came.
    pub fn interrupted() -> Failure {
        Failure { exit: Exit::Interrupted, text: "interrupted; nothing was written".into() }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Failure {
        Failure { exit: Exit::Input, text: problems.render(true) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
