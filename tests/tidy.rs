//! The house rules that no compiler checks: floors, product names, the length of files, their first lines.
//!
//! It reads the source as text, line by line, a `use` over several lines as one; comments do not count. It needs no parser,
//! for it asks only what a line of ours looks like. A breach is told as `file:line: what is wrong`.

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up: a floor uses itself and those before it.
const FLOORS: [&str; 7] = ["sim", "model", "observe", "scenario", "ways", "tell", "cli"];
const LONGEST_FILE: usize = 600;
const BROKERS: &str = "model/broker";
const CONFORM: &str = "ways/conform";

/// A source file: its path below `src/`, and its lines.
struct Source {
    path: String,
    lines: Vec<String>,
}

impl Source {
    fn floor(&self) -> Option<usize> {
        let first = self.path.split(['/', '.']).next();
        FLOORS.iter().position(|floor| Some(*floor) == first)
    }

    /// The lines with their numbers from 1, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.lines.iter().enumerate();
        numbered.map(|(i, line)| (i + 1, line.split("//").next().unwrap_or_default()))
    }

    /// The same, with a `use` over several lines as one line, by the number of its first.
    fn statements(&self) -> Vec<(usize, String)> {
        let mut all: Vec<(usize, String)> = Vec::new();
        for (number, line) in self.code() {
            match all.last_mut().filter(|(_, begun)| is_use(begun) && !begun.contains(';')) {
                Some((_, begun)) => begun.push_str(line.trim()),
                None => all.push((number, line.trim().to_owned())),
            }
        }
        all
    }

    /// Every place where it uses a floor above its own.
    fn upward(&self) -> Vec<String> {
        let Some(floor) = self.floor() else { return Vec::new() };
        let mut breaches = Vec::new();
        for (number, line) in self.statements() {
            // `crate::ways::..` or `super::super::ways::..`, or in braces: `crate::{sim, ways}`.
            let named = |at: usize| {
                let before = &line[..at];
                before.contains("crate::") || before.ends_with("super::") || before.contains("super::{")
            };
            for above in FLOORS[floor + 1..].iter().filter(|above| words(&line, above).any(named)) {
                let place = format!("src/{}:{number}", self.path);
                breaches.push(format!("{place}: `{}` lies below `{above}` and must not use it", FLOORS[floor]));
            }
        }
        breaches
    }
}

/// Whether a line begins a `use`, of whatever visibility.
fn is_use(line: &str) -> bool {
    let rest = line.strip_prefix("pub").map_or(line, |rest| match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(')').map_or(rest, |(_, rest)| rest),
        None => rest,
    });
    rest.trim_start().starts_with("use ")
}

fn sources() -> Vec<Source> {
    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder of ours") {
            let path = entry.expect("an entry of it").path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    files.sort();
    let read = |file: &PathBuf| Source {
        path: file.strip_prefix(&src).expect("a file below src").to_string_lossy().replace('\\', "/"),
        lines: fs::read_to_string(file).expect("a text").lines().map(str::to_owned).collect(),
    };
    files.iter().map(read).collect()
}

/// Where `word` stands in `line` as a word of its own.
fn words<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| !line[..at].ends_with(part_of_word) && !line[at + word.len()..].starts_with(part_of_word))
}

#[track_caller]
fn assert_none(breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn a_floor_uses_only_what_lies_below_it() {
    assert_none(sources().iter().flat_map(Source::upward).collect());
}

#[test]
fn no_way_to_break_a_line_hides_a_floor() {
    let upward =
        |text: &str| Source { path: "sim/x.rs".into(), lines: text.lines().map(str::to_owned).collect() }.upward();
    for breach in [
        "use crate::ways::run;",
        "pub(crate) use crate::{model::Plan, tell};",
        "use crate::{\n    model::plan::{Plan, Step}, // a comment; it ends nothing\n    tell,\n};\nfn f() {}",
        "use super::super::{\n    ways::{\n        run,\n    },\n};",
        "let x = crate::model::Plan::new();",
    ] {
        assert!(!upward(breach).is_empty(), "{breach}");
    }
    let told = upward("//! First.\n\npub use crate::{\n    sim::Span,\n    cli,\n};");
    assert_eq!(told, ["src/sim/x.rs:3: `sim` lies below `cli` and must not use it"]);
    for fine in ["use crate::sim::{\n    Span,\n};\nlet model = 1;", "use super::ways_of::X;", "// use crate::cli;"] {
        assert_eq!(upward(fine), [""; 0], "{fine}");
    }
}

#[test]
fn nothing_outside_a_products_folder_names_it_but_its_line_in_the_list() {
    let sources = sources();
    let list = format!("{BROKERS}/mod.rs");
    let lines = &sources.iter().find(|source| source.path == list).expect("the list of products").lines;
    // The entries of `products! { .. }`: `Plain in plain,`.
    let entries = lines.iter().skip_while(|line| *line != "products! {").skip(1).take_while(|line| *line != "}");
    let mut breaches = Vec::new();
    for entry in entries {
        let Some((variant, module)) = entry.trim().trim_end_matches(',').split_once(" in ") else {
            breaches.push(format!("src/{list}: `{entry}` is no entry of the list of products"));
            continue;
        };
        // `plain::`, `"plain"`, `Plain(`: the module, the name in scenarios, the variant.
        let named = |line: &str| {
            let in_quotes = line.contains(&format!("\"{}\"", module.replace('_', "-")));
            in_quotes
                || words(line, module).any(|at| line[at + module.len()..].starts_with("::"))
                || variant_named(line, variant)
        };
        // Its folder, and who plays the recordings of it.
        let home = [BROKERS, CONFORM].map(|floor| [format!("{floor}/{module}/"), format!("{floor}/{module}.rs")]);
        let home: Vec<String> = home.into_iter().flatten().collect();
        let vocabulary = format!("    {module}::VOCABULARY,");
        for source in sources.iter().filter(|source| !home.iter().any(|home| source.path.starts_with(home))) {
            let listed = |line: &str| line == entry || source.path == format!("{CONFORM}/mod.rs") && line == vocabulary;
            for (number, line) in source.code().filter(|(_, line)| named(line) && !listed(line)) {
                let what = format!("names the product `{module}`: {}", line.trim());
                breaches.push(format!("src/{}:{number}: {what}", source.path));
            }
        }
    }
    assert_none(breaches);
}

fn variant_named(line: &str, variant: &str) -> bool {
    words(line, variant).any(|at| line[..at].ends_with("::") || line[at + variant.len()..].starts_with('('))
}

#[test]
fn every_product_has_its_line_in_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(BROKERS);
    let list = fs::read_to_string(folder.join("mod.rs")).unwrap();
    let modules = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let names = modules.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let missing = names.filter(|name| name != "parts" && !list.contains(&format!(" in {name},")));
    assert_none(missing.map(|name| format!("src/{BROKERS}/{name}: no line in `products!` of mod.rs")).collect());
}

#[test]
fn no_file_is_longer_than_one_idea() {
    let long = sources().into_iter().filter(|source| source.lines.len() > LONGEST_FILE);
    let told = long.map(|source| format!("src/{}:{}: at most {LONGEST_FILE} lines", source.path, source.lines.len()));
    assert_none(told.collect());
}

#[test]
fn every_file_says_first_what_it_is() {
    let starts = |source: &Source| source.lines.first().is_some_and(|line| line.starts_with("//! "));
    let silent = sources().into_iter().filter(|source| !starts(source));
    assert_none(
        silent
            .map(|source| format!("src/{}:1: the first line says what the file is, after `//! `", source.path))
            .collect(),
    );
}
