//! A text that a message carries: fixed, or made of what its operation is.
//!
//! Brokers compare such texts (a group, a deduplication id, a routing key) far more often than anybody reads them. So a text
//! has a *name* of 64 bits, made without an allocation, which is equal where the texts are; among n texts the chance that two
//! of them share one is about n^2 / 3.7e19.

use std::fmt::{Display, Write as _};

use super::records::Message;

/// A text, as a template of the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<Part>);

/// A piece of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Fixed(String),
    /// The number of the key: `{key}`.
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
        self.written(&Message::default(), &[])
    }

    /// As it is written for a message of a producer with these kinds.
    pub fn written(&self, message: &Message, kinds: &[String]) -> String {
        let mut text = String::new();
        self.write(message, kinds, &mut text);
        text
    }

    /// The same, behind what stands in `text`.
    pub fn write(&self, message: &Message, kinds: &[String], text: &mut String) {
        let number = |text: &mut String, number: &dyn Display| write!(text, "{number}").expect("a text takes all");
        for part in &self.0 {
            match part {
                Part::Fixed(fixed) => text.push_str(fixed),
                Part::Key => number(text, &message.key),
                Part::Operation => number(text, &message.op),
                Part::Copy => number(text, &message.copy),
                Part::Kind => text.push_str(kind(message, kinds)),
            }
        }
    }

    /// Its name for a message of a producer with these kinds.
    pub(crate) fn name(&self, message: &Message, kinds: &[String]) -> u64 {
        self.0.iter().fold(START, |name, part| match part {
            Part::Fixed(text) => take(name, text.as_bytes()),
            Part::Key => take_number(name, message.key),
            Part::Operation => take_number(name, message.op),
            Part::Copy => take_number(name, message.copy.into()),
            Part::Kind => take(name, kind(message, kinds).as_bytes()),
        })
    }
}

/// The name of a message's kind; nothing, where its producer has none.
fn kind<'a>(message: &Message, kinds: &'a [String]) -> &'a str {
    kinds.get(usize::from(message.traits.kind())).map_or("", String::as_str)
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
        for (template, written) in [
            ("order-{key}", "order-40"),
            ("{operation}", "1207"),
            ("{key}{copy}!", "403!"),
            ("order.{kind}", "order.paid"),
            ("fixed", "fixed"),
            ("", ""),
        ] {
            let text = Text::read(template).unwrap();
            assert_eq!(text.written(&message, &kinds), written);
            let same = Text::fixed(written).name(&Message::default(), &[]);
            assert_eq!(text.name(&message, &kinds), same, "{template}");
        }
        assert_eq!(Text::read("{keys}"), Err("keys".into()));
        assert_eq!(Text::read("a{key"), Err("`{key` is not closed".into()));
    }
}
