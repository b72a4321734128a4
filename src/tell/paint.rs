//! Colour, where it is asked for: the sense of a word, never its only sign.

use anstyle::{AnsiColor, Style};

/// Whether a text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// It has none.
    Off,
    /// It has, as escape codes of a terminal.
    On,
}

impl Paint {
    fn with(self, style: Style, text: &str) -> String {
        match self {
            Paint::Off => text.to_owned(),
            Paint::On => format!("{style}{text}{style:#}"),
        }
    }
    /// As expected.
    pub(super) fn good(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }
    /// Not as expected.
    pub(super) fn bad(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }
    /// Nobody knows.
    pub(super) fn unsure(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }
    /// What to read first.
    pub(super) fn strong(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }
    /// What to read last.
    pub(super) fn faint(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }
}
