//! Files that are read: a scenario with its settings, and texts of any kind, with errors that mend.
//!
//! What is wrong *in* a scenario the reader says; here is what is wrong with the file.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use super::args::Source;
use super::exit::Failure;
use crate::model::{Plan, Stage};
use crate::scenario::{self, Scenario, nearest};

/// No file of ours is longer, in bytes.
const LONGEST: u64 = scenario::LONGEST as u64;

/// A scenario that was read, and what the command line says of it.
#[derive(Debug)]
pub(super) struct Input {
    /// The file, as results name it: see [`name`].
    pub name: String,
    pub scenario: Scenario,
    pub settings: Vec<(String, String)>,
}

impl Input {
    pub fn read(source: &Source) -> Result<Input, Failure> {
        let name = name(&source.file);
        let text = text(&source.file)?;
        let scenario = Scenario::read(&name, &text, &source.set, source.variant.as_deref())?;
        Ok(Input { name, scenario, settings: source.set.clone() })
    }

    /// Which variant it is.
    pub fn variant(&self) -> Option<&str> {
        self.scenario.variant.as_ref().map(|variant| variant.name.as_str())
    }

    /// The settings as they were written.
    pub fn written_settings(&self) -> Vec<String> {
        self.settings.iter().map(|(path, value)| format!("{path}={value}")).collect()
    }

    /// The command that takes this scenario again, up to the options of that command.
    pub fn command(&self, word: &str) -> String {
        let mut line = format!("redelivery {word} {}", quoted(&self.name));
        if let Some(variant) = self.variant() {
            line.push_str(&format!(" --variant {}", quoted(variant)));
        }
        for setting in self.written_settings() {
            line.push_str(&format!(" --set {}", quoted(&setting)));
        }
        line
    }
}

/// The stage of a plan.
pub(super) fn stage(plan: &Plan) -> Result<Stage, Failure> {
    Stage::new(plan.clone()).map_err(|error| Failure::input(error.to_string()))
}

/// How results name a file: from the current folder on, with `/`, where it lies below; else as it was written.
pub(super) fn name(path: &Path) -> String {
    let parts = below(path);
    match parts {
        Some(parts) => parts.join("/"),
        None => path.display().to_string(),
    }
}

/// The names on the way from the current folder to a path; `None` where it does not lie below.
pub(super) fn below(path: &Path) -> Option<Vec<String>> {
    let here = std::env::current_dir().ok()?;
    let mut whole = PathBuf::new();
    for part in here.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                whole.pop();
            }
            part => whole.push(part),
        }
    }
    let rest = whole.strip_prefix(&here).ok().filter(|rest| rest.file_name().is_some())?;
    Some(rest.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect())
}

/// The text of a file.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    if file.metadata().is_ok_and(|about| about.is_dir()) {
        let failure = Failure::input(format!("{shown} is a folder, not a file"));
        return Err(
            failure.help(format!("`redelivery check {}` judges every scenario below it", quoted(&shown.to_string())))
        );
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::input(format!("{shown} is longer than 4 MiB")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::input(format!("{shown} is no text: its byte {at} is not UTF-8"))
    })
}

/// Why a path cannot be read; where there is none, what is called almost so.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let shown = path.display();
    if error.kind() != ErrorKind::NotFound {
        return Failure::input(format!("cannot read {shown}: {error}"));
    }
    let failure = Failure::input(format!("there is no {shown}"));
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(folder) else {
        return failure.help(format!("there is no folder {} either", folder.display()));
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let asked = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match nearest(&asked, &names) {
        Some(near) => failure.help(format!("did you mean {}?", path.with_file_name(near).display())),
        None => failure,
    }
}

/// A word of a command line, in quotes where a shell would take it apart.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
