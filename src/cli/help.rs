//! `redelivery help`: the tables that the reader and the judge use, as pages.
//!
//! Nothing is explained here that is not said beside what it explains: a page is a table of another file, laid out.

use std::fmt::Write;

use clap::CommandFactory;

use super::args::Args;
use super::exit::{EXITS, Exit, Failure};
use super::{explore, replay, result, run, screen};
use crate::model::broker::{Product, product, products};
use crate::model::parameter::{Kind, Parameter};
use crate::model::plan::{MAX_EFFECT_SITES, MAX_STEPS, MAX_TIMELINES, MAX_WORKERS};
use crate::model::{MAX_AT_ONE_INSTANT, RESTART_AFTER_POISON};
use crate::observe::guarantees::{GUARANTEES, MANY_COPIES};
use crate::scenario::{self, Block, Need, PATTERNS, joined, nearest, schema};
use crate::tell::words::thousands;
use crate::ways::explore::FINGERPRINT_BITS;

/// A page: its name, what it tells, and its text.
struct Page {
    name: &'static str,
    about: &'static str,
    text: fn() -> String,
}

const PAGES: [Page; 8] = [
    Page { name: "products", about: "what a queue may be of", text: list_of_products },
    Page { name: "patterns", about: "the named programs of consumers", text: patterns },
    Page { name: "guarantees", about: "what may be expected, by name", text: guarantees },
    Page { name: "schema", about: "every block and field of a scenario", text: scenario_file },
    Page { name: "limits", about: "how large a scenario may be, and what is fixed", text: limits },
    Page { name: "exit-codes", about: "how the command ends", text: exit_codes },
    Page { name: "result", about: "the keys of result.json and --json", text: keys },
    Page { name: "facts", about: "the lines of --facts", text: facts },
];

pub(super) fn help(topic: Option<&str>) -> Result<Exit, Failure> {
    let Some(topic) = topic else {
        screen::say(&topics())?;
        return Ok(Exit::AsExpected);
    };
    let mut command = Args::command();
    command.build();
    let topic = topic.replace('_', "-");
    let topic = if topic == "results" { "result" } else { topic.as_str() };
    let text = if let Some(page) = PAGES.iter().find(|page| page.name == topic) {
        (page.text)()
    } else if let Some(product) = product(topic) {
        of_product(product)
    } else if let Some(command) = command.find_subcommand_mut(topic) {
        command.render_long_help().ansi().to_string()
    } else {
        return Err(unknown(topic, &command));
    };
    screen::say(&text)?;
    Ok(Exit::AsExpected)
}

fn unknown(topic: &str, command: &clap::Command) -> Failure {
    let mut names: Vec<&str> = PAGES.iter().map(|page| page.name).collect();
    names.extend(products().map(|product| product.name));
    names.extend(command.get_subcommands().map(clap::Command::get_name));
    let failure = Failure::input(format!("no topic is called `{}`", topic.escape_debug()));
    let family: Vec<&str> = names.iter().copied().filter(|name| name.starts_with(&format!("{topic}-"))).collect();
    if !family.is_empty() {
        return failure.help(format!("did you mean {}?", joined(&family, "or")));
    }
    match nearest(topic, &names) {
        Some(near) => failure.help(format!("did you mean `redelivery help {near}`?")),
        None => failure.help(format!("topics are {}", joined(&names, "and"))),
    }
}

fn topics() -> String {
    let mut text = String::from("redelivery help TOPIC\n\n");
    let width = PAGES.iter().map(|page| page.name.len()).max().unwrap_or(0);
    for page in &PAGES {
        line(&mut text, width, page.name, page.about);
    }
    let names: Vec<&str> = products().map(|product| product.name).collect();
    text + &format!(
        "\nor the name of a product ({}), or of a command (run, check, explore, replay)\n",
        names.join(", ")
    )
}

/// A name and what is said of it, broken into lines that begin below each other.
fn line(text: &mut String, width: usize, name: &str, said: &str) {
    const PAGE: usize = 110;
    let indent = 2 + width + 2;
    // A name that is too long for its column stands alone.
    let mut at = if name.chars().count() <= width {
        put(text, format_args!("  {name:<width$}  "));
        indent
    } else {
        put(text, format_args!("  {name}\n{:indent$}", ""));
        indent
    };
    for (number, word) in said.split_whitespace().enumerate() {
        let length = word.chars().count();
        if number > 0 && at + 1 + length > PAGE {
            put(text, format_args!("\n{:indent$}", ""));
            at = indent;
        } else if number > 0 {
            text.push(' ');
            at += 1;
        }
        text.push_str(word);
        at += length;
    }
    text.push('\n');
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes everything");
}

fn list_of_products() -> String {
    let mut text = String::from("Products: [queue.NAME] product = \"..\"\n\n");
    let width = products().map(|product| product.name.len()).max().unwrap_or(0);
    for product in products() {
        line(&mut text, width, product.name, product.title);
    }
    text + "\nredelivery help NAME tells a product's parameters and guarantees\n"
}

fn of_product(product: &Product) -> String {
    let mut text = format!("{}: {}\n\n", product.name, product.title);
    line(&mut text, 12, "delivery", product.delivery);
    line(&mut text, 12, "ordering", product.ordering);
    line(&mut text, 12, "dead letters", product.dead_letters);
    let tables = [
        ("Parameters", product.parameters),
        ("In [producer.NAME] message = { .. }", product.message),
        ("In [consumer.NAME]", product.client),
    ];
    for (title, table) in tables.into_iter().filter(|(_, table)| !table.is_empty()) {
        put(&mut text, format_args!("\n{title}\n"));
        parameters(&mut text, table);
    }
    for noun in product.nouns {
        put(&mut text, format_args!("\nIn [{}.NAME]\n", noun.word));
        parameters(&mut text, noun.parameters);
    }
    if !product.facts.is_empty() {
        text.push_str("\nWhat to know\n");
        for (number, fact) in (1..).zip(product.facts) {
            line(&mut text, 2, &format!("{number:>2}"), fact);
        }
    }
    text.push_str("\nNot modelled\n");
    let width = product.not_modelled.iter().copied().flatten().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, instead) in product.not_modelled.iter().copied().flatten() {
        line(&mut text, width, name, instead);
    }
    text
}

fn parameters(text: &mut String, table: &[Parameter]) {
    let width = table.iter().map(|parameter| parameter.name.len()).max().unwrap_or(0);
    for parameter in table {
        line(text, width, parameter.name, &about(parameter));
        if let Kind::Table(fields) = parameter.kind {
            let width = fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
            for field in fields {
                line(text, width + 4, &format!("  {}", field.name), &about(field));
            }
        }
    }
}

/// "how long .. (a length of time from 1 ns to 168 h; default 30s; source: ..)"
fn about(parameter: &Parameter) -> String {
    let range = match parameter.kind {
        Kind::Span { min, max, bare: None } => format!("a length of time from {min} to {max}"),
        Kind::Span { min, max, bare: Some(unit) } => {
            format!("a length of time from {min} to {max}, a bare number in units of {unit}")
        }
        Kind::Whole { min, max } => format!("a whole number from {min} to {max}"),
        Kind::WholeOrNone { max } => format!("a whole number up to {max}, or -1 for none"),
        Kind::Word(words) => joined(words, "or"),
        Kind::Switch => "true or false".into(),
        Kind::Queue => "the name of a queue".into(),
        Kind::KeyOrQueue => "a key, or the name of a queue".into(),
        Kind::Of(word) => format!("the name of an {word}"),
        Kind::QueueOr(word) => format!("the name of a queue or of an {word}"),
        Kind::Free => "a table of texts, whole numbers, true and false".into(),
        Kind::Text => "a text such as \"{key}\"".into(),
        Kind::Table(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
            format!("a table of {}", joined(&names, "and"))
        }
    };
    let default =
        if parameter.default.is_empty() { "no default".into() } else { format!("default {}", parameter.default) };
    format!("{} ({range}; {default}; source: {})", parameter.text, parameter.source)
}

fn patterns() -> String {
    let mut text = String::from("Patterns: [consumer.NAME] pattern = \"..\", in place of steps\n\n");
    let width = PATTERNS.iter().map(|pattern| pattern.name.len()).max().unwrap_or(0);
    for pattern in PATTERNS {
        line(&mut text, width, pattern.name, pattern.text);
        line(&mut text, width, "", &format!("steps: {}", pattern.steps.join(", ")));
    }
    text
}

fn guarantees() -> String {
    let mut text = String::from(
        "Guarantees: [expect] NAME = [\"GUARANTEE\"], or \"GUARANTEE violated\" where the file shows a break\n\n",
    );
    let width = GUARANTEES.iter().map(|guarantee| guarantee.name.len() + 4).max().unwrap_or(0);
    for guarantee in GUARANTEES {
        let name = format!("{}  {}", guarantee.id, guarantee.name);
        line(&mut text, width, &name, &format!("{} (undecided until {})", guarantee.text, guarantee.subject));
    }
    text
}

fn scenario_file() -> String {
    let mut text =
        String::from("A scenario is TOML or JSON. * must be given. The fields of a product: redelivery help PRODUCT\n");
    for Block { path, what, fields } in schema() {
        match *path {
            "" => put(&mut text, format_args!("\n{what}\n")),
            path => put(&mut text, format_args!("\n[{path}]  {what}\n")),
        }
        let width = fields.iter().map(|field| field.name.len() + 1).max().unwrap_or(0);
        for field in *fields {
            let (mark, need) = match field.need {
                Need::Required => ("*", String::new()),
                Need::Optional => ("", String::new()),
                Need::Default(value) => ("", format!("; default {value}")),
            };
            line(
                &mut text,
                width,
                &format!("{}{mark}", field.name),
                &format!("{} ({}{need})", field.text, field.takes),
            );
        }
    }
    text
}

fn limits() -> String {
    let most = |n: u64, what: &str| (thousands(n), what.to_owned());
    let rows = [
        (format!("{} MiB", scenario::LONGEST >> 20), "a scenario, or a schedule".to_owned()),
        most(scenario::MAX_VARIANTS as u64, "variants of a file"),
        most(scenario::MAX_SETTINGS as u64, "--set on one command line"),
        most(scenario::MAX_THINGS as u64, "queues, stores, producers or consumers of a file, of each"),
        most(MAX_STEPS as u64, "steps of a consumer"),
        most(MAX_EFFECT_SITES as u64, "effect steps of a file, in all consumers together"),
        most(MAX_WORKERS.into(), "workers of a file: instances times workers, in all consumers together"),
        most(MAX_TIMELINES.into(), "timelines of faults: each fault has one for each process that it may befall"),
        most(scenario::MAX_OPERATIONS.into(), "operations of a run"),
        most(
            MANY_COPIES,
            "copies or hands of one operation at a time; one that has so many is never found gone, so never found lost",
        ),
        most(
            MAX_AT_ONE_INSTANT.into(),
            "events in one instant without an arrival, or calls in one event: more are a loop, and the run is cut short",
        ),
        (RESTART_AFTER_POISON.to_string(), "that a process is down which a poison operation killed".into()),
        (
            format!("{FINGERPRINT_BITS} bits"),
            "a state's fingerprint in the explorer: two states may be taken for one, and an answer tells the chance"
                .into(),
        ),
    ];
    let mut text = String::from("Limits: at most so many or so much; and what no setting changes\n\n");
    let width = rows.iter().map(|(limit, _)| limit.len()).max().unwrap_or(0);
    for (limit, what) in &rows {
        line(&mut text, width, limit, what);
    }
    text
}

fn exit_codes() -> String {
    let mut text = String::from("Exit codes; of several the worst: 3, 2, 1, 4, 0\n\n");
    for (exit, meaning) in EXITS {
        line(&mut text, 3, &exit.code().to_string(), meaning);
    }
    text
}

fn keys() -> String {
    let mut text = String::new();
    for (what, keys) in [
        ("result.json, in output/<path of the scenario>[/<variant>]/, and what `run --json` prints", result::KEYS),
        ("What `run --op N --json` prints", run::LIFE_KEYS),
        ("What `explore --json` prints", explore::KEYS),
        ("What `replay --json` prints", replay::KEYS),
    ] {
        put(&mut text, format_args!("{what}\n\n"));
        let width = keys.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
        for (key, says) in keys {
            line(&mut text, width, key, says);
        }
        text.push('\n');
    }
    text + "The folder of a result is replaced by the next run of the same scenario; any other folder is refused.\n"
}

fn facts() -> String {
    String::from(
        "run --facts FILE: every fact of the first world as JSON, one a line, in order; `-` is the standard output\n
  t       nanoseconds since the start
  fact    what happened: produced, accepted, delivered, effect, acked, expired, crashed, ..
  ..      the fields of that fact; other times and lengths are nanoseconds too
  held    who holds a delivery: op, key, delivery (a slot that is reused), worker\n
The first line, `\"fact\":\"names\"`, tells the names of queues, producers and processes by their numbers;
worker w is of the process whose workers, from first_worker on, include it. The file is complete or absent.\n",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_limits_says_what_the_code_does() {
        let page = limits();
        for (limit, what) in [
            (scenario::LONGEST as u64 >> 20, "MiB a scenario"),
            (scenario::MAX_VARIANTS as u64, "variants"),
            (scenario::MAX_SETTINGS as u64, "--set"),
            (scenario::MAX_THINGS as u64, "queues, stores"),
            (MAX_STEPS as u64, "steps of a consumer"),
            (MAX_EFFECT_SITES as u64, "effect steps"),
            (MAX_WORKERS.into(), "workers"),
            (MAX_TIMELINES.into(), "timelines"),
            (scenario::MAX_OPERATIONS.into(), "operations"),
            (MANY_COPIES, "copies"),
            (MAX_AT_ONE_INSTANT.into(), "events in one instant"),
            (RESTART_AFTER_POISON.nanos() / 1_000_000_000, "s that a process is down"),
            (FINGERPRINT_BITS.into(), "bits a state's fingerprint"),
        ] {
            let row = format!("{} {what}", thousands(limit));
            let mut rows = page.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
            assert!(rows.any(|said| said.starts_with(&row)), "no row {row:?} in:\n{page}");
        }
    }
}
