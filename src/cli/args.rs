//! The arguments: what may be written, and the texts that teach it.
//!
//! Nothing is done here. Rule: a value that parses is in range; whether a file exists is another floor's question.

use std::num::{IntErrorKind, ParseIntError};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};

use crate::scenario;

const EXAMPLES: &str = "\
Examples:
  redelivery run scenarios/06-payment-capture/capture.toml
  redelivery check scenarios
  redelivery explore scenarios/03-delivery-guarantees/ack-first.toml --faults 1 --late 1
  redelivery help exit-codes

Exit codes: 0 all as expected, 1 something is not, 2 wrong input, 3 a defect of ours, 4 undecided.";

/// A deterministic simulator and teaching model of message-queue delivery semantics.
///
/// Write a scenario file: producers, queues, consumers, faults, and what you expect. `run` simulates it, `check` judges it
/// over several worlds, `explore` tries every schedule and tells the smallest story in which a guarantee breaks.
#[derive(Debug, Parser)]
#[command(name = "redelivery", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Simulate a scenario: three answers, verdicts, numbers and causes.
    Run(Run),
    /// Judge every scenario below some paths against its expectations; for CI.
    Check(Check),
    /// Try every schedule within a budget: a proof, or the smallest story.
    Explore(Explore),
    /// Run a schedule that `explore` wrote again, exactly.
    Replay(Replay),
    /// Play recordings of real brokers on the models and compare, event by event.
    Conform(Conform),
    /// Explain a topic: products, patterns, guarantees, schema, limits, exit codes, results.
    #[command(after_help = "\
Examples:
  redelivery help            the topics
  redelivery help plain      a product: its parameters, its three answers, what is not modelled
  redelivery help schema     every block and field of a scenario")]
    Help {
        /// The topic, the name of a product, or a command.
        topic: Option<String>,
    },
}

#[derive(Clone, Debug, Group)]
#[command(after_help = "\
Examples:
  redelivery conform tests/traces
  redelivery conform tests/traces/sqs-moto-5.2.5 --json

A folder of recordings is named after its product and version, such as sqs-moto-5.2.5.
Exit codes: 0 all that was played agrees, 1 something differs, 2 wrong input.")]
pub(super) struct Conform {
    /// Recordings: JSON files, or folders of them.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// A scenario and how it is changed.
#[derive(Clone, Debug, Group)]
pub(super) struct Source {
    /// The scenario: TOML, or JSON where the name ends in `.json`.
    pub file: PathBuf,
    /// Take this variant of the file instead of its base.
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// Change a setting, after the variant: `queue.payments.lease=2min`. May be given several times.
    #[arg(long, value_name = "PATH=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  redelivery run scenarios/06-payment-capture/capture.toml  the file's own seed
  redelivery run capture.toml --variant heartbeat --seeds 20
  redelivery run capture.toml --set queue.payments.lease=2min --no-files
  redelivery run capture.toml --seed 7 --op 8412            the life of one operation
  redelivery run capture.toml --json --no-files | jq .counts
  redelivery run capture.toml --facts - --no-files | grep expired

Files go to output/<path of the scenario>[/<variant>]/; see `redelivery help result`.")]
pub(super) struct Run {
    #[command(flatten)]
    pub source: Source,
    /// The world; the file's own where none is given.
    #[arg(long, allow_negative_numbers = true, value_parser = from_zero::<u64>)]
    pub seed: Option<u64>,
    /// So many worlds, from the seed on: numbers get 95 % intervals.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = from_one(1_000_000))]
    pub seeds: u32,
    /// Tell the life of this operation instead.
    #[arg(long, value_name = "ID", allow_negative_numbers = true, value_parser = from_zero::<u32>, conflicts_with_all = ["facts", "seeds"])]
    pub op: Option<u32>,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
    /// Write every fact of the first world as JSON lines; `-` is the standard output.
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// Write nothing under `output/`.
    #[arg(long)]
    pub no_files: bool,
    /// As many threads; the result does not depend on them.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_one(1_024))]
    pub threads: Option<u32>,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  redelivery check scenarios                 every .toml and .json file below, each with its variants
  redelivery check capture.toml --seeds 20   more worlds than the file asks for

A folder `output` and hidden folders are passed over. A file without expectations is refused: nothing asked is nothing
proved. The exit code is the worst of all: see `redelivery help exit-codes`.")]
pub(super) struct Check {
    /// Scenario files, and folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// So many worlds of each; each file's own `check.seeds` where not given.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_one(1_000_000))]
    pub seeds: Option<u32>,
    /// As many threads; the answer does not depend on them.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_one(1_024))]
    pub threads: Option<u32>,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  redelivery explore scenarios/reference/mc.toml             the budget of its [explore]
  redelivery explore mc.toml --faults 2 --late unlimited
  redelivery explore mc.toml --variant inbox --all           count every state, past the first violation

A violation is told as a story, and its schedule written to output/, where `redelivery replay` reads it.
Bounds on numbers are not asked: an explorer measures nothing.")]
pub(super) struct Explore {
    #[command(flatten)]
    pub source: Source,
    /// The most faults in one schedule.
    #[arg(long, value_name = "F", allow_negative_numbers = true, value_parser = byte)]
    pub faults: Option<u8>,
    /// The most late events in one schedule, or `unlimited`: then times are dropped.
    #[arg(long, value_name = "L", allow_negative_numbers = true, value_parser = late)]
    pub late: Option<scenario::Late>,
    /// Leases end in their order, or any running lease may end next.
    #[arg(long)]
    pub leases: Option<Leases>,
    /// How many operations each world has.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_one(1_000))]
    pub operations: Option<u32>,
    /// Hops with a link are events of their own, which may be late or lost.
    #[arg(long)]
    pub wires: bool,
    /// Go on past a violation and count every state.
    #[arg(long)]
    pub all: bool,
    /// Give up, undecided, after so many states; each takes some 40 bytes, those that wait a few hundred more.
    #[arg(long, value_name = "N", default_value_t = 5_000_000, allow_negative_numbers = true, value_parser = from_one(4_000_000_000))]
    pub max_states: u32,
    /// Print the answer as JSON.
    #[arg(long)]
    pub json: bool,
    /// Write nothing under `output/`.
    #[arg(long)]
    pub no_files: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Leases {
    Strict,
    Loose,
}

#[derive(Debug, Group)]
#[command(after_help = "\
Example:
  redelivery replay output/scenarios/reference/mc/schedule.json

Exit codes: 0 it breaks what the file says, 1 it does not any more, 2 it cannot be run.")]
pub(super) struct Replay {
    /// A schedule that `explore` wrote.
    pub schedule: PathBuf,
    /// Print the story as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A whole number from 0 on, as far as its type goes.
fn from_zero<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => "it is too large".into(),
        _ => "expected a whole number from 0 on".into(),
    })
}

/// A whole number from 1 to this.
fn from_one(most: u32) -> impl Fn(&str) -> Result<u32, String> + Clone {
    move |text| match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number from 1 to {most}")),
    }
}

/// A whole number that one byte holds.
fn byte(text: &str) -> Result<u8, String> {
    text.parse().map_err(|_| "expected a whole number from 0 to 255".into())
}

/// `PATH=VALUE`.
pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => Ok((path.trim().into(), value.trim().into())),
        _ => Err("expected PATH=VALUE, such as queue.payments.lease=2min".into()),
    }
}

fn late(text: &str) -> Result<scenario::Late, String> {
    match text {
        "unlimited" => Ok(scenario::Late::Unlimited),
        _ => match text.parse::<u8>() {
            Ok(most) => Ok(scenario::Late::AtMost(most.into())),
            Err(_) => Err("expected a whole number from 0 to 255, or `unlimited`".into()),
        },
    }
}
