//! Places: where in which text something was written.
//!
//! A scenario is read from one file, and from the settings that the command line adds to it; each is a text of its own. A
//! place knows bytes, not lines: lines are counted only when a problem is shown. Invariant: a place lies within its text.

use std::ops::Range;

/// A stretch of one of the texts that a scenario is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Which text: 0 is the file, the others are settings of the command line.
    pub text: u16,
    pub start: u32,
    pub end: u32,
}

impl Place {
    /// The start of the file: where what is missing from all of it is reported.
    pub const START: Place = Place { text: 0, start: 0, end: 0 };

    pub fn new(text: u16, range: Range<usize>) -> Place {
        Place { text, start: range.start as u32, end: range.end as u32 }
    }
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A text and what it is called.
#[derive(Clone, Debug)]
struct Text {
    name: String,
    text: String,
}

/// The texts that a scenario is read from.
#[derive(Clone, Debug)]
pub(crate) struct Texts(Vec<Text>);

impl Texts {
    /// The file alone.
    pub fn new(name: &str, text: &str) -> Texts {
        Texts(vec![Text { name: name.into(), text: text.into() }])
    }
    /// A further text; its number.
    pub fn add(&mut self, name: &str, text: String) -> u16 {
        self.0.push(Text { name: name.into(), text });
        (self.0.len() - 1) as u16
    }
    /// What a text is called.
    pub fn name(&self, text: u16) -> &str {
        &self.0[usize::from(text)].name
    }
    /// A text.
    pub fn text(&self, text: u16) -> &str {
        &self.0[usize::from(text)].text
    }
    /// What was written at a place.
    pub fn at(&self, place: Place) -> &str {
        self.text(place.text).get(place.range()).unwrap_or("")
    }

    /// The place of a part of a string, or of a key: `part` counts bytes of its `content`. A string written with
    /// escapes has no such parts.
    pub fn part(&self, place: Place, content: &str, part: Range<usize>) -> Option<Place> {
        let written = self.at(place);
        let quoted = written.len() == content.len() + 2 && written.get(1..1 + content.len()) == Some(content);
        let first = match () {
            () if written == content => place.start,
            () if quoted => place.start + 1,
            () => return None,
        };
        Some(Place { text: place.text, start: first + part.start as u32, end: first + part.end as u32 })
    }
    /// The place of a part of a string, or of a key; where it has no parts, the whole of it.
    pub fn within(&self, place: Place, content: &str, part: Range<usize>) -> Place {
        self.part(place, content, part).unwrap_or(place)
    }
    /// The place of the content of a string, or of a key, without its quotes.
    pub fn content(&self, place: Place, content: &str) -> Option<Place> {
        self.part(place, content, 0..content.len())
    }
}
