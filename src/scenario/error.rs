//! Problems: what is wrong with a scenario, where, what was expected, and what to write instead.
//!
//! A problem knows its place and its words, and nothing of how it was found. All problems of a file are shown at once, in
//! the order of their places, each in the form
//!
//! ```text
//! error: unknown field `leese` in a plain queue
//!  --> shop.toml:7:1
//!   |
//! 7 | leese = "30s"
//!   | ^^^^^ not a field of a plain queue
//!   |
//! help: did you mean `lease`?
//! ```

use std::fmt;

use annotate_snippets::{
    AnnotationKind, Group, Level, Patch, Renderer, Snippet, normalize_untrusted_str, renderer::DecorStyle,
};

use super::place::{Place, Texts};

/// So many problems are shown; of the others, how many there are.
const SHOWN: usize = 30;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// Where: `None` for what has no place in a text.
    at: Option<Place>,
    message: String,
    /// What was expected there.
    label: String,
    help: Option<String>,
    fix: Option<Fix>,
}

/// What to write instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fix {
    at: Place,
    title: String,
    text: String,
}

impl Problem {
    /// What is wrong at a place.
    pub fn new(at: Place, message: impl Into<String>) -> Problem {
        Problem { at: Some(at), message: message.into(), label: String::new(), help: None, fix: None }
    }
    /// What is wrong with no place in a text.
    pub fn general(message: impl Into<String>) -> Problem {
        Problem { at: None, message: message.into(), label: String::new(), help: None, fix: None }
    }
    /// The same problem, of which only a variant of the file has it.
    pub fn in_variant(mut self, name: &str) -> Problem {
        self.message = format!("{} (in the variant `{name}`)", self.message);
        self
    }
    /// What stands under the underlined text: what was expected.
    pub fn label(mut self, label: impl Into<String>) -> Problem {
        self.label = label.into();
        self
    }
    /// How to mend it, in a sentence.
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
    /// How to mend it: what to write at a place instead.
    pub fn fix(mut self, at: Place, title: impl Into<String>, text: impl Into<String>) -> Problem {
        self.fix = Some(Fix { at, title: title.into(), text: text.into() });
        self
    }
    /// How to mend a misspelt name: the nearest of the names there are, or else all of them. `at` is where the name can
    /// be written anew.
    pub fn nearest<'n>(
        self,
        at: Option<Place>,
        name: &str,
        there: impl IntoIterator<Item = &'n str>,
        all: &str,
    ) -> Problem {
        let there: Vec<&str> = there.into_iter().collect();
        match (nearest(name, &there), at) {
            (Some(near), Some(at)) => self.fix(at, format!("did you mean `{near}`?"), near),
            (Some(near), None) => self.help(format!("did you mean `{near}`?")),
            (None, _) if there.is_empty() => self,
            (None, _) => self.help(format!("{all}: {}", list(&there))),
        }
    }
}

/// The name that was most likely meant, if one is near enough.
pub(crate) fn nearest<'n>(name: &str, there: &[&'n str]) -> Option<&'n str> {
    if name.len() > 100 {
        return None;
    }
    let lower = name.to_lowercase();
    let distance = |other: &str| strsim::damerau_levenshtein(&lower, &other.to_lowercase());
    let near = there.iter().map(|&other| (distance(other), other)).min_by_key(|(distance, _)| *distance);
    near.filter(|&(distance, other)| distance <= (name.len().max(other.len()) + 1) / 3).map(|(_, other)| other)
}

/// `a`, `a and b`, `a, b and c`, each in backticks; no more than 30.
pub(crate) fn list(names: &[&str]) -> String {
    const MOST: usize = 30;
    let quoted: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(MOST) {
        0 => joined(&quoted, "and"),
        more => format!("{} and {more} more", quoted.join(", ")),
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn joined(words: &[impl AsRef<str>], with: &str) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.to_string(),
        [first @ .., last] => format!("{} {with} {last}", first.join(", ")),
    }
}

/// Everything that is wrong with a scenario, by place; at least one problem.
#[derive(Clone, Debug)]
pub struct Problems {
    texts: Texts,
    list: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(texts: Texts, mut list: Vec<Problem>) -> Problems {
        list.sort();
        list.dedup();
        Problems { texts, list }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// The problems as a person reads them; with colours for a terminal that has them.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii);
        let mut shown: Vec<String> =
            self.list.iter().take(SHOWN).map(|problem| renderer.render(&self.groups(problem))).collect();
        if self.list.len() > SHOWN {
            shown.push(format!("and {} more", self.list.len() - SHOWN));
        }
        shown.join("\n\n")
    }

    fn groups<'a>(&'a self, problem: &'a Problem) -> Vec<Group<'a>> {
        let title = Level::ERROR.primary_title(problem.message.as_str());
        let mut first = match problem.at {
            None => Group::with_title(title),
            Some(at) => {
                let (snippet, shift) = self.snippet(at);
                let label = normalize_untrusted_str(&problem.label);
                let range = at.start as usize - shift..at.end as usize - shift;
                title.element(snippet.annotation(AnnotationKind::Primary.span(range).label(label)))
            }
        };
        if let Some(help) = &problem.help {
            first = first.element(Level::HELP.message(normalize_untrusted_str(help)));
        }
        let Some(fix) = &problem.fix else { return vec![first] };
        let (snippet, shift) = self.snippet(fix.at);
        let patch = Patch::new(fix.at.start as usize - shift..fix.at.end as usize - shift, fix.text.as_str());
        let title = Level::HELP.secondary_title(normalize_untrusted_str(&fix.title));
        vec![first, title.element(snippet.patch(patch))]
    }

    /// The lines that a place touches, and how many bytes of the text stand before them.
    fn snippet<T: Clone>(&self, at: Place) -> (Snippet<'_, T>, usize) {
        let text = self.texts.text(at.text);
        let before = text.get(..at.start as usize).unwrap_or("");
        let from = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = text.get(at.end as usize..).unwrap_or("");
        let to = at.end as usize + rest.find('\n').unwrap_or(rest.len());
        let line = 1 + before.bytes().filter(|&byte| byte == b'\n').count();
        let lines = text.get(from..to).unwrap_or("");
        (Snippet::source(lines).line_start(line).path(self.texts.name(at.text)), from)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near_or_none() {
        let there = ["lease", "returns_to", "max_deliveries", "durable"];
        for (name, near) in [
            ("leese", Some("lease")),
            ("Lease", Some("lease")),
            ("max_delivery", Some("max_deliveries")),
            ("visibility", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &there), near, "{name}");
        }
    }

    #[test]
    fn a_list_reads_as_a_sentence() {
        assert_eq!(list(&["a"]), "`a`");
        assert_eq!(list(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
