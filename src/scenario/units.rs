//! Units: from `30s`, `200/s`, `0.5%` and `1/1000` to exact numbers.
//!
//! It knows words and numbers, no field and no file; a [`Complaint`] says which bytes of the word are wrong, so that the
//! unit can be underlined inside its string. Numbers are read in decimals: nothing is rounded but the gap of a rate.

use std::ops::Range;

use crate::sim::{Chance, Span};

/// What is wrong with a word, and which of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub part: Range<usize>,
    pub message: String,
    /// What was expected there.
    pub label: String,
    /// What to write there instead.
    pub instead: Option<String>,
}

fn complain<T>(part: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Result<T, Complaint> {
    Err(Complaint { part, message: message.into(), label: label.into(), instead: None })
}

const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];
const UNIT_NAMES: &str = "ns, us, ms, s, min, h or d";

/// What people write for a unit, and the unit.
const SPELLINGS: [(&[&str], &str); 7] = [
    (&["nsec", "nanos", "nanoseconds"], "ns"),
    (&["µs", "μs", "usec", "micros", "microseconds"], "us"),
    (&["msec", "millis", "milliseconds"], "ms"),
    (&["sec", "secs", "second", "seconds"], "s"),
    (&["m", "mins", "minute", "minutes"], "min"),
    (&["hr", "hrs", "hour", "hours"], "h"),
    (&["day", "days"], "d"),
];

/// A length beyond this is a slip of the pen.
const LONGEST: Span = Span::from_secs(100 * 365 * 86_400);

/// A number in decimals: `digits / 10^scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    digits: u64,
    scale: u32,
}

impl Decimal {
    /// How many of `unit` it is: whole ones, and whether something is left.
    fn times(self, unit: u64) -> (u128, bool) {
        let (product, ten) = (u128::from(self.digits) * u128::from(unit), 10u128.pow(self.scale));
        (product / ten, product % ten != 0)
    }
}

/// The number at the start of a word, and how many bytes it takes.
fn decimal(word: &str) -> Result<(Decimal, usize), Complaint> {
    const WANTED: &str = "expected a number";
    if word.starts_with('-') {
        return complain(0..word.len(), "it cannot be negative", WANTED);
    }
    let (mut digits, mut scale, mut point, mut seen, mut len) = (0u64, 0u32, false, false, 0);
    let bytes = word.as_bytes();
    while let Some(&byte) = bytes.get(len) {
        let next_is_digit = bytes.get(len + 1).is_some_and(u8::is_ascii_digit);
        match byte {
            b'0'..=b'9' => {
                let longer = digits.checked_mul(10).and_then(|d| d.checked_add(u64::from(byte - b'0')));
                let Some(longer) = longer.filter(|d| *d <= 1_000_000_000_000_000_000) else {
                    return complain(0..word.len(), "this number has too many digits", "18 digits at most");
                };
                digits = longer;
                scale += u32::from(point);
                seen = true;
            }
            b'_' if seen && next_is_digit => {}
            b'.' if !point && seen && next_is_digit => point = true,
            _ => break,
        }
        len += 1;
    }
    if !seen {
        return complain(0..word.len(), "this is not a number", WANTED);
    }
    let (exponent, taken) = exponent(&word[len..]);
    let shifted = i64::from(scale) - exponent;
    let number = match shifted {
        0..=18 => Some(Decimal { digits, scale: shifted as u32 }),
        -18..0 => digits.checked_mul(10u64.pow(-shifted as u32)).map(|digits| Decimal { digits, scale: 0 }),
        _ => None,
    };
    match number {
        Some(number) => Ok((number, len + taken)),
        None => complain(0..len + taken, "this number is too large, or too fine", "18 digits at most"),
    }
}

/// `e-3` at the start of a word, and how many bytes it takes.
fn exponent(word: &str) -> (i64, usize) {
    let Some(rest) = word.strip_prefix(['e', 'E']) else { return (0, 0) };
    let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let digits = unsigned.len() - unsigned.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let signed = rest.len() - unsigned.len() + digits;
    match rest[..signed].parse() {
        Ok(exponent) if digits <= 3 => (exponent, 1 + signed),
        _ => (0, 0),
    }
}

/// The unit that is the whole of `word`, which stands `from` bytes into its string.
fn unit(word: &str, from: usize) -> Result<u64, Complaint> {
    if let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == word) {
        return Ok(*nanos);
    }
    let meant = word.trim().to_lowercase();
    let spelt = SPELLINGS.iter().find(|(spellings, name)| meant == *name || spellings.contains(&meant.as_str()));
    Err(Complaint {
        part: from..from + word.len(),
        message: format!("`{word}` is no unit of time"),
        label: format!("expected {UNIT_NAMES}"),
        instead: spelt.map(|(_, name)| (*name).into()),
    })
}

/// A length of time: `30s`, `120ms`, `1.5h`, `0s`.
pub(crate) fn span(word: &str) -> Result<Span, Complaint> {
    if word.is_empty() {
        return complain(0..0, "a length of time is missing", "expected a length such as \"30s\"");
    }
    let (number, len) = decimal(word)?;
    if len == word.len() {
        return complain(0..len, "a length of time needs a unit", format!("expected a unit after it: {UNIT_NAMES}"));
    }
    match number.times(unit(&word[len..], len)?) {
        (_, true) => complain(0..word.len(), "finer than a nanosecond", "time is counted in whole nanoseconds"),
        (nanos, _) if nanos > u128::from(LONGEST.nanos()) => {
            complain(0..word.len(), "this is longer than 100 years", "expected a length such as \"30s\"")
        }
        (nanos, _) => Ok(Span::from_nanos(nanos as u64)),
    }
}

/// So many of `unit`, for a bare number whose unit is documented.
pub(crate) fn bare_span(word: &str, unit: Span) -> Result<Span, Complaint> {
    let (number, len) = decimal(word)?;
    match number.times(unit.nanos()) {
        (nanos, false) if len == word.len() && nanos <= u128::from(LONGEST.nanos()) => {
            Ok(Span::from_nanos(nanos as u64))
        }
        _ => complain(0..word.len(), format!("this is no number of units of {unit}"), "expected a number"),
    }
}

/// A rate, as the number and the length of time for it: `200/s`, `1/10min`, `0.5/s`.
fn rate_parts(word: &str) -> Result<(Decimal, Span), Complaint> {
    let Some((count, period)) = word.split_once('/') else {
        return complain(0..word.len(), "a rate needs a time", "expected a rate such as \"200/s\" or \"1/10min\"");
    };
    let from = count.len() + 1;
    let (number, len) = decimal(count)?;
    if len < count.len() {
        return complain(len..count.len(), "a rate is a number for a time", "expected `/` here, as in \"200/s\"");
    }
    let period = match period.starts_with(|c: char| c.is_ascii_digit()) {
        true => span(period).map_err(|c| Complaint { part: c.part.start + from..c.part.end + from, ..c })?,
        false => Span::from_nanos(unit(period, from)?),
    };
    if number.digits == 0 || period.is_zero() {
        return complain(0..word.len(), "a rate of nothing", "expected more than 0");
    }
    Ok((number, period))
}

/// The time from one to the next at a rate, to the nearest nanosecond.
pub(crate) fn gap(word: &str) -> Result<Span, Complaint> {
    let (number, period) = rate_parts(word)?;
    let scaled = u128::from(period.nanos()) * 10u128.pow(number.scale);
    let nanos = (scaled + u128::from(number.digits) / 2) / u128::from(number.digits);
    match nanos {
        0 => complain(0..word.len(), "faster than one in a nanosecond", "time is counted in whole nanoseconds"),
        _ if nanos > u128::from(LONGEST.nanos()) => {
            complain(0..word.len(), "slower than one in 100 years", "expected a rate such as \"200/s\"")
        }
        _ => Ok(Span::from_nanos(nanos as u64)),
    }
}

/// A rate for each second.
pub(crate) fn per_second(word: &str) -> Result<f64, Complaint> {
    let (number, period) = rate_parts(word)?;
    Ok(number.digits as f64 / 10u64.pow(number.scale) as f64 / period.as_secs_f64())
}

/// A chance, exactly: `0.001`, `0.5%`, `1/1000`.
pub(crate) fn chance(word: &str) -> Result<Chance, Complaint> {
    const FORMS: &str = "expected a chance such as 0.001, \"0.5%\" or \"1/1000\"";
    let (number, len) = decimal(word)?;
    let ten = 10u64.pow(number.scale);
    let (hits, of) = match &word[len..] {
        "" => (number.digits, Some(ten)),
        "%" => (number.digits, ten.checked_mul(100)),
        rest if rest.starts_with('/') && number.scale == 0 => match decimal(&rest[1..]) {
            Ok((of, used)) if used == rest.len() - 1 && of.scale == 0 && of.digits > 0 => {
                (number.digits, Some(of.digits))
            }
            _ => return complain(len..word.len(), "this is no fraction", FORMS),
        },
        _ => return complain(len..word.len(), "this is no unit of a chance", FORMS),
    };
    let Some(of) = of else { return complain(0..word.len(), "this chance is too fine", FORMS) };
    Chance::new(hits, of).ok_or_else(|| Complaint {
        part: 0..word.len(),
        message: "a chance is at most 1".into(),
        label: FORMS.into(),
        instead: (len == word.len() && number.times(1).0 <= 100).then(|| format!("{word}%")),
    })
}

/// A whole number: `10_000`.
pub(crate) fn whole(word: &str) -> Result<u64, Complaint> {
    let (number, len) = decimal(word)?;
    match number.times(1) {
        (n, false) if len == word.len() => Ok(n as u64),
        _ => complain(0..word.len(), "this is not a whole number", "expected a whole number"),
    }
}

/// A number without a unit: `1.1`; `percent` takes `80%` as well.
pub(crate) fn number(word: &str, percent: bool) -> Result<f64, Complaint> {
    let (number, len) = decimal(word)?;
    let value = number.digits as f64 / 10u64.pow(number.scale) as f64;
    match &word[len..] {
        "" => Ok(value),
        "%" if percent => Ok(value / 100.0),
        rest => complain(len..word.len(), format!("`{rest}` does not belong here"), "expected a number without a unit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_exact() {
        for (word, nanos) in [
            ("0s", 0),
            ("10us", 10_000),
            ("120ms", 120_000_000),
            ("1.5s", 1_500_000_000),
            ("2min", 120_000_000_000),
            ("1h", 3_600_000_000_000),
            ("1d", 86_400_000_000_000),
            ("1_000ns", 1_000),
            ("1e-3s", 1_000_000),
        ] {
            assert_eq!(span(word), Ok(Span::from_nanos(nanos)), "{word}");
        }
    }

    #[test]
    fn a_rate_gives_the_nearest_gap() {
        for (word, nanos) in
            [("200/s", 5_000_000), ("1/10min", 600_000_000_000), ("0.5/s", 2_000_000_000), ("3/s", 333_333_333)]
        {
            assert_eq!(gap(word), Ok(Span::from_nanos(nanos)), "{word}");
        }
        assert_eq!(per_second("120/min"), Ok(2.0));
    }

    #[test]
    fn a_chance_is_an_exact_fraction() {
        for (word, hits, of) in
            [("0.001", 1, 1000), ("0.5%", 5, 1000), ("1/1000", 1, 1000), ("1", 1, 1), ("1e-6", 1, 1_000_000)]
        {
            assert_eq!(chance(word).ok(), Chance::new(hits, of), "{word}");
        }
    }

    #[test]
    fn a_complaint_points_at_the_wrong_part_and_says_what_to_write() {
        for (complaint, part, instead) in [
            (span("30sec").map(drop), 2..5, Some("s")),
            (span("30").map(drop), 0..2, None),
            (span("2 min").map(drop), 1..5, Some("min")),
            (span("5parsecs").map(drop), 1..8, None),
            (span("0.1ns").map(drop), 0..5, None),
            (span("200y").map(drop), 3..4, None),
            (gap("200").map(drop), 0..3, None),
            (gap("200/sec").map(drop), 4..7, Some("s")),
            (gap("1/10mins").map(drop), 4..8, Some("min")),
            (chance("5").map(drop), 0..1, Some("5%")),
            (chance("5‰").map(drop), 1..4, None),
            (whole("1.5").map(drop), 0..3, None),
            (whole("-1").map(drop), 0..2, None),
            (number("7s", true).map(drop), 1..2, None),
        ] {
            let complaint = complaint.expect_err("a complaint");
            assert_eq!((complaint.part.clone(), complaint.instead.as_deref()), (part, instead), "{complaint:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_word_is_too_strange(word in "[-+0-9._eE/%a-zµ ]{0,24}|\\PC{0,12}") {
            let length = word.len();
            for part in [span(&word).err(), gap(&word).err(), chance(&word).err(), whole(&word).err(), number(&word, true).err()]
                .into_iter()
                .flatten()
                .map(|complaint| complaint.part)
            {
                proptest::prop_assert!(part.start <= part.end && part.end <= length);
                proptest::prop_assert!(word.is_char_boundary(part.start) && word.is_char_boundary(part.end));
            }
        }
    }
}
