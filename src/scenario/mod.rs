//! Scenarios: from the text of a file, TOML or JSON, to a [`Plan`] and what is to come of it.
//!
//! Parse, don't validate: past this floor nobody asks again whether a name exists or a number is in range. A file shows
//! all its errors at once, each with its place, what was expected and what to write instead; after a syntax error, that
//! one. What only the whole plan shows is told once every part of it fits. The floor knows no world and runs nothing.
//!
//! The way of a text: `document` (a tree with places) → `change` and `variant` (the tree with settings changed) →
//! `decode` (values that fit) with one file for each block → `refusal` (the plan as a whole) → [`Scenario`].

mod change;
mod consumer;
mod decode;
mod dist;
mod document;
mod error;
pub mod expect;
mod fault;
mod link;
pub mod metric;
mod names;
mod nouns;
mod parameters;
mod pattern;
mod place;
mod producer;
mod program;
mod queue;
mod redrive;
mod refusal;
mod schema;
mod store;
mod top;
mod units;
mod variant;

pub use error::Problems;
#[cfg(feature = "cli")]
pub(crate) use error::{joined, nearest};
pub use expect::{Asks, Expectation, Subject, Test};
#[cfg(feature = "cli")]
pub(crate) use names::MOST as MAX_THINGS;
pub use pattern::{PATTERNS, Pattern};
#[cfg(feature = "cli")]
pub(crate) use producer::MAX_OPERATIONS;
pub use schema::{Block, Field, Need, schema};
pub use variant::Variant;

use crate::model::Plan;
use decode::{Read, Reader};
use document::{Entry, Table};
use error::Problem;
use names::{Names, things};
use place::Texts;
use program::Around;

/// A scenario file, understood: one of its variants, or its base.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What a world is made of; checked.
    pub plan: Plan,
    /// The variant that this is; `None` for the base.
    pub variant: Option<Variant>,
    /// How many worlds `check` judges.
    pub check_seeds: u32,
    /// How far the explorer goes.
    pub explore: Explore,
    /// What is to come of it. A file without expectations runs, but `check` refuses it.
    pub expect: Vec<Expectation>,
    /// The variants of the file, by name.
    pub variants: Vec<Variant>,
}

/// How far the explorer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explore {
    /// How many faults a schedule may have.
    pub faults: u32,
    /// How many events a schedule may delay.
    pub late: Late,
    /// In which order leases may end.
    pub leases: Leases,
    /// How many operations each world has.
    pub operations: u32,
}

/// How many events a schedule may delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// So many.
    AtMost(u32),
    /// Any number: times are dropped.
    Unlimited,
}

/// In which order leases may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// In the order of their ends.
    Strict,
    /// Any running lease may end next.
    Loose,
}

/// A file is at most so long, in bytes.
pub(crate) const LONGEST: usize = 4 << 20;
/// The command line changes at most so many settings.
pub(crate) const MAX_SETTINGS: usize = 1_000;
/// A file has at most so many variants.
pub(crate) const MAX_VARIANTS: usize = 200;

impl Scenario {
    /// Reads a scenario: JSON where the name of the file ends in `.json`, else TOML.
    ///
    /// `settings` are changes by the command line, `(path, value)`: `("queue.payments.lease", "2min")`; a value is read as TOML,
    /// and is a string where it is none. They are applied last, to the base or to the variant asked for. Reading the
    /// base reads all its variants too, so that a file with a broken one is refused; not with settings, which may not fit
    /// them.
    ///
    /// # Errors
    /// Everything that is wrong with the file, by place.
    pub fn read(
        file: &str,
        text: &str,
        settings: &[(String, String)],
        variant: Option<&str>,
    ) -> Result<Scenario, Problems> {
        let mut texts = Texts::new(file, text);
        if text.len() > LONGEST {
            let problem = Problem::general(format!("{file} has {} bytes: a scenario has at most 4 MiB", text.len()));
            return Err(Problems::new(texts, vec![problem]));
        }
        if settings.len() > MAX_SETTINGS {
            let problem = Problem::general(format!("{} settings: at most {MAX_SETTINGS} are changed", settings.len()));
            return Err(Problems::new(texts, vec![problem]));
        }
        let root = match document::parse(&texts) {
            Ok(root) => root,
            Err(problems) => return Err(Problems::new(texts, problems)),
        };
        let settings: Vec<(u16, usize)> =
            settings.iter().map(|(path, value)| (texts.add("--set", format!("{path}={value}")), path.len())).collect();
        let reader = Reader::new(&texts);
        let scenario = whole(&reader, &root, &settings, variant);
        let problems = reader.into_problems();
        match scenario {
            Ok(scenario) if problems.is_empty() => Ok(scenario),
            _ => Err(Problems::new(texts, problems)),
        }
    }
}

/// The scenario that was asked for, with everything else in the file that has to be right.
fn whole(reader: &Reader<'_>, root: &Table, settings: &[(u16, usize)], asked: Option<&str>) -> Read<Scenario> {
    let entries = things(reader, root, "variant");
    if let Some(extra) = entries.get(MAX_VARIANTS) {
        let problem = Problem::new(extra.key_at, format!("{} variants", entries.len()));
        return reader.fail(problem.label(format!("a file has at most {MAX_VARIANTS}")));
    }
    let variants = each(&entries, |entry| variant::read(reader, entry));
    let scenario = match asked {
        Some(name) => {
            let entry = variant::entry(reader, root, name)?;
            let variant = Some(variant::read(reader, entry)?);
            Scenario { variant, ..of_variant(reader, root, entry, settings, &[])? }
        }
        // Settings are written for what is read: a variant that they do not fit is not what was asked for.
        None if !settings.is_empty() => {
            let mut changed = root.clone();
            variant::apply_settings(reader, &mut changed, settings);
            one(reader, &changed)?
        }
        None => {
            let inner = Reader::new(reader.texts);
            let base = one(&inner, root);
            let mut known = inner.into_problems();
            known.sort();
            let all = each(&entries, |entry| of_variant(reader, root, entry, settings, &known));
            reader.adopt(known);
            collect(all)?;
            base?
        }
    };
    Ok(Scenario { variants: collect(variants)?, ..scenario })
}

/// The scenario of a variant; what is wrong with the base as well is `known`, in order.
fn of_variant(
    reader: &Reader<'_>,
    root: &Table,
    entry: &Entry,
    settings: &[(u16, usize)],
    known: &[Problem],
) -> Read<Scenario> {
    let mut root = variant::apply(reader, root, entry)?;
    let inner = Reader::new(reader.texts);
    variant::apply_settings(&inner, &mut root, settings);
    let scenario = one(&inner, &root);
    let own = inner.into_problems().into_iter().filter(|problem| known.binary_search(problem).is_err());
    reader.adopt(own.map(|problem| problem.in_variant(&entry.key)));
    scenario
}

/// The scenario of a tree in which no variant is left to apply.
fn one(reader: &Reader<'_>, root: &Table) -> Read<Scenario> {
    let top = top::read(reader, root);
    let names = Names::of(root);
    let all = |word| things(reader, root, word);
    let queue_entries = all("queue");
    let mut queues = each(&queue_entries, |entry| queue::read(reader, &names, entry));
    let topology = nouns::read_all(reader, &names, root, &mut queues);
    let products = queue::products_of(&queue_entries);
    let stores = each(&all("store"), |entry| store::read(reader, entry));
    let sources = all("producer");
    let producers = each(&sources, |entry| producer::read(reader, &names, (&products, topology.as_ref().ok()), entry));
    let around = Around { reader, names: &names, stores: &stores, products: &products };
    let entries = all("consumer");
    let consumers = each(&entries, |entry| consumer::read(&around, entry));
    let fits = consumer::check_limits(&around, &entries, &consumers);
    let faults = each(&all("fault"), |entry| fault::read(reader, &names, &consumers, entry));
    let entries = all("link");
    let links = each(&entries, |entry| link::read(reader, &names, &producers, &consumers, entry));
    link::check_pairs(reader, &entries, &links);
    let redrives = each(&all("redrive"), |entry| redrive::read(reader, &names, &queues, entry));
    let expect = expect::read(reader, &names, root);

    let top = top?;
    top::check_end(reader, &top.length, &sources, &producers).and(fits)?;
    let plan = Plan {
        title: top.title,
        question: top.question,
        seed: top.seed,
        length: top.length,
        producers: collect(producers)?,
        queues: collect(queues)?,
        topology: topology?,
        stores: collect(stores)?,
        consumers: collect(consumers)?,
        faults: collect(faults)?,
        links: collect(links)?,
        redrives: collect(redrives)?,
    };
    refusal::check(reader, root, &plan)?;
    Ok(Scenario {
        plan: plan.numbered(),
        variant: None,
        check_seeds: top.check_seeds,
        explore: top.explore,
        expect: expect?,
        variants: Vec::new(),
    })
}

fn each<T>(entries: &[&Entry], mut read: impl FnMut(&Entry) -> Read<T>) -> Vec<Read<T>> {
    entries.iter().map(|entry| read(entry)).collect()
}

fn collect<T>(list: Vec<Read<T>>) -> Read<Vec<T>> {
    list.into_iter().collect()
}
