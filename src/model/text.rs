//! A text that a message carries: fixed, or made of what its operation is.
//!
//! Brokers compare such texts (a group, a deduplication id, a routing key) far more often than anybody reads them. So a text
//! has a *name* of 64 bits, made without an allocation, which is equal where the texts are; among n texts the chance that two
//! of them share one is about n^2 / 3.7e19.

use std::fmt::{Display, Write as _};

use super::records::Message;
use crate::sim::KeyDraw;
use crate::sim::keys::UNNAMED;

/// A text, as a template of the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<Part>);

/// A piece of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Fixed(String),
    /// The name of the key, as stories say it: `{key}`.
    Key,
    /// The number of the operation: `{operation}`.
    Operation,
    /// Which publish of the operation it is, from 0: `{copy}`.
    Copy,
    /// The name of its kind: `{kind}`.
    Kind,
}

/// The words that may stand in braces.
pub const PLACEHOLDERS: [(&str, Part); 4] =
    [("key", Part::Key), ("operation", Part::Operation), ("copy", Part::Copy), ("kind", Part::Kind)];

impl Text {
    /// The same for every operation.
    pub fn fixed(text: &str) -> Text {
        Text(vec![Part::Fixed(text.to_owned())])
    }

    /// From its pieces.
    pub fn of(parts: Vec<Part>) -> Text {
        Text(parts)
    }

    /// `order-{key}`: braces hold one of the [`PLACEHOLDERS`].
    ///
    /// # Errors
    /// The first word in braces that is none of them, or a brace that is not closed.
    pub fn read(text: &str) -> Result<Text, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, behind) = after.split_once('}').ok_or_else(|| format!("`{{{after}` is not closed"))?;
            if !before.is_empty() {
                parts.push(Part::Fixed(before.to_owned()));
            }
            let known = PLACEHOLDERS.into_iter().find(|(name, _)| *name == word);
            parts.push(known.ok_or_else(|| word.to_owned())?.1);
            rest = behind;
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Fixed(rest.to_owned()));
        }
        Ok(Text(parts))
    }

    /// Whether it is the same for every operation.
    pub fn is_fixed(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Fixed(_)))
    }

    /// Whether it says the kind of the operation.
    pub fn says_kind(&self) -> bool {
        self.0.contains(&Part::Kind)
    }

    /// As it is written, where it says nothing of the operation.
    pub fn plain(&self) -> String {
        self.written(&Message::default(), NAMELESS)
    }

    /// As it is written for a message of a producer with these names.
    pub fn written(&self, message: &Message, names: Names<'_>) -> String {
        let mut text = String::new();
        self.write(message, names, &mut text);
        text
    }

    /// The same, behind what stands in `text`.
    pub fn write(&self, message: &Message, names: Names<'_>, text: &mut String) {
        let number = |text: &mut String, number: &dyn Display| write!(text, "{number}").expect("a text takes all");
        for part in &self.0 {
            match part {
                Part::Fixed(fixed) => text.push_str(fixed),
                Part::Key => match names.keys.own_name(message.key) {
                    Ok(name) => text.push_str(name),
                    Err(nth) => {
                        text.push_str(UNNAMED);
                        number(text, &nth);
                    }
                },
                Part::Operation => number(text, &message.op),
                Part::Copy => number(text, &message.copy),
                Part::Kind => text.push_str(names.kind(message)),
            }
        }
    }

    /// Its name for a message of a producer with these names.
    pub(crate) fn name(&self, message: &Message, names: Names<'_>) -> u64 {
        self.0.iter().fold(START, |name, part| match part {
            Part::Fixed(text) => take(name, text.as_bytes()),
            Part::Key => match names.keys.own_name(message.key) {
                Ok(key) => take(name, key.as_bytes()),
                Err(nth) => take_number(take(name, UNNAMED.as_bytes()), nth),
            },
            Part::Operation => take_number(name, message.op),
            Part::Copy => take_number(name, message.copy.into()),
            Part::Kind => take(name, names.kind(message).as_bytes()),
        })
    }
}

/// The names of a producer's kinds and keys.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// By kind; none, where there is one kind only.
    pub kinds: &'a [String],
    /// How keys are drawn, which knows their names.
    pub keys: &'a KeyDraw,
}

/// The names of a producer that has none.
pub(crate) const NAMELESS: Names<'static> = Names { kinds: &[], keys: &KeyDraw::None };

impl<'a> Names<'a> {
    fn kind(self, message: &Message) -> &'a str {
        self.kinds.get(usize::from(message.traits.kind())).map_or("", String::as_str)
    }
}

// FNV-1a, of 64 bits, with its last step mixed: short texts that differ in the last byte are far apart too.
const START: u64 = 0xcbf2_9ce4_8422_2325;

fn take(name: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(name, |name, &byte| (name ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The digits of a number, as [`Text::written`] writes them.
fn take_number(name: u64, number: u32) -> u64 {
    let (mut digits, mut at, mut rest) = ([0; 10], 10, number);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return take(name, &digits[at..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::records::Traits;

    #[test]
    fn texts_are_written_as_they_are_read_and_named_as_they_are_written() {
        let message = Message { op: 1_207, key: 40, copy: 3, traits: Traits::new(1, false), ..Message::default() };
        let kinds = ["created".to_owned(), "paid".to_owned()];
        let names = Names { kinds: &kinds, keys: &KeyDraw::None };
        for (template, written) in [
            ("order-{key}", "order-key-41"),
            ("{operation}", "1207"),
            ("{key}{copy}!", "key-413!"),
            ("order.{kind}", "order.paid"),
            ("fixed", "fixed"),
            ("", ""),
        ] {
            let text = Text::read(template).unwrap();
            assert_eq!(text.written(&message, names), written);
            let same = Text::fixed(written).name(&Message::default(), NAMELESS);
            assert_eq!(text.name(&message, names), same, "{template}");
        }
        assert_eq!(Text::read("{keys}"), Err("keys".into()));
        assert_eq!(Text::read("a{key"), Err("`{key` is not closed".into()));
    }
}
