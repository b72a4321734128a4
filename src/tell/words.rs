//! Numbers as sentences say them: `720,267`, `1 operation`, `4.1 s`, `1 in 8,000`.
//!
//! It knows nothing of what is counted. Rule: a number is rounded here or nowhere.

#[cfg(feature = "cli")]
use crate::sim::Span;

/// `720,267`
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 operation`, `2 operations`, `2 copies`.
pub(super) fn counted(n: u64, one: &str) -> String {
    match one.strip_suffix('y') {
        _ if n == 1 => format!("1 {one}"),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{} {stem}ies", thousands(n)),
        _ => format!("{} {one}s", thousands(n)),
    }
}

/// `1, 2 and 3`
pub(super) fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

/// A length in seconds, to three digits: `4.1 s`, `374 ms`.
#[cfg(feature = "cli")]
pub(super) fn seconds(value: f64) -> String {
    days(value).unwrap_or_else(|| Span::from_secs_f64(value).to_string())
}

/// Beyond two days in days: `3.5 days`.
#[cfg(feature = "cli")]
fn days(seconds: f64) -> Option<String> {
    const DAY: f64 = 86_400.0;
    (seconds > 2.0 * DAY).then(|| format!("{} days", number(seconds / DAY)))
}

/// A length of time to the minute where there are many, as headings say it.
#[cfg(feature = "cli")]
pub(super) fn about(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round();
    let shown = if minutes >= 10.0 { minutes * 60.0 } else { seconds };
    self::seconds(shown)
}

/// A number that need not be whole, to about three digits: `0.0125`, `1.02`, `58.3`, `12,345`.
#[cfg(feature = "cli")]
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "?".into();
    }
    if value == value.trunc() || size >= 1_000.0 {
        let sign = if value <= -0.5 { "-" } else { "" };
        return format!("{sign}{}", thousands(size.round() as u64));
    }
    let decimals = match size {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        0.01.. => 4,
        _ => 6,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// How rare something is: `1 in 8,000`; `None` where there was none.
#[cfg(feature = "cli")]
pub(super) fn one_in(n: f64, of: f64) -> Option<String> {
    if n <= 0.0 || of <= 0.0 {
        return None;
    }
    let rarity = of / n;
    if rarity < 2.0 {
        return Some(format!("{} %", number(n / of * 100.0)));
    }
    // Two digits are all that a count of events carries.
    let mut scale = 1.0;
    while rarity / scale >= 100.0 {
        scale *= 10.0;
    }
    Some(format!("1 in {}", thousands(((rarity / scale).round() * scale) as u64)))
}

/// Breaks a sentence into lines of at most `width` characters, at its spaces.
#[cfg(feature = "cli")]
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_separators_and_their_plurals() {
        assert_eq!([0, 999, 1_000, 720_267].map(thousands), ["0", "999", "1,000", "720,267"]);
        assert_eq!(counted(1, "operation"), "1 operation");
        assert_eq!(counted(0, "fault"), "0 faults");
        assert_eq!(counted(1_200, "delivery"), "1,200 deliveries");
        assert_eq!(counted(2, "key"), "2 keys");
    }

    #[test]
    fn numbers_have_three_digits() {
        let values = [0.0, 5.0, 1.018, 58.31, 0.0125, 123.4, 12_345.6, -3.0, f64::NAN];
        assert_eq!(values.map(number), ["0", "5", "1.02", "58.3", "0.0125", "123", "12,346", "-3", "?"]);
    }

    #[test]
    fn long_times_are_in_days() {
        assert_eq!([4.1, 172_800.0, 302_400.0].map(seconds), ["4.1 s", "48 h", "3.5 days"]);
        assert_eq!([59.5, 3_607.0, 698_228_100.0].map(about), ["59.5 s", "1 h", "8,081 days"]);
    }

    #[test]
    fn rarity_has_two_digits() {
        assert_eq!(one_in(90.0, 720_267.0).as_deref(), Some("1 in 8,000"));
        assert_eq!(one_in(3.0, 10.0).as_deref(), Some("1 in 3"));
        assert_eq!(one_in(9.0, 10.0).as_deref(), Some("90 %"));
        assert_eq!(one_in(0.0, 10.0), None);
    }

    #[test]
    fn a_sentence_breaks_at_its_spaces() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
    }
}
