//! Headers: typed values by name, and whether they hold what is wanted.
//!
//! It knows no exchange. A wanted value without content asks that the header be there; any other asks for an equal value of
//! the same type.

/// The value of a header or an argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// No content.
    Nothing,
    /// A truth value.
    Switch(bool),
    /// A whole number of whatever width.
    Whole(i64),
    /// A text.
    Text(String),
    /// Anything else, as it is written.
    Other(String),
}

impl Value {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }
    /// The whole number, if it is one.
    pub fn whole(&self) -> Option<i64> {
        if let Value::Whole(number) = *self { Some(number) } else { None }
    }
}

/// Whether one of the `wanted` holds, or all of them, among those that `counts` admits.
pub(crate) fn matches(
    wanted: &[(String, Value)],
    headers: &[(String, Value)],
    any: bool,
    counts: impl Fn(&str) -> bool,
) -> bool {
    let holds = |(name, wanted): &(String, Value)| {
        let found = headers.iter().find(|(given, _)| given == name).map(|(_, value)| value);
        found.is_some_and(|found| *wanted == Value::Nothing || found == wanted)
    };
    let mut counted = wanted.iter().filter(|(name, _)| counts(name));
    if any { counted.any(holds) } else { counted.all(holds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, Value)]) -> Vec<(String, Value)> {
        entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn all_of_nothing_holds_and_any_of_nothing_does_not() {
        let headers = table(&[("a", Value::Whole(1))]);
        assert!(matches(&[], &headers, false, |_| true));
        assert!(!matches(&[], &headers, true, |_| true));
    }

    #[test]
    fn a_value_is_equal_with_its_type_or_asks_for_presence() {
        let text = |text: &str| Value::Text(text.into());
        let headers = table(&[("a", text("1")), ("b", Value::Whole(2))]);
        for (wanted, all, any) in [
            (table(&[("a", text("1")), ("b", Value::Whole(2))]), true, true),
            (table(&[("a", Value::Whole(1)), ("b", Value::Whole(2))]), false, true),
            (table(&[("a", Value::Nothing)]), true, true),
            (table(&[("c", Value::Nothing)]), false, false),
        ] {
            assert_eq!(matches(&wanted, &headers, false, |_| true), all, "{wanted:?}");
            assert_eq!(matches(&wanted, &headers, true, |_| true), any, "{wanted:?}");
        }
        let other = table(&[("x-a", text("9"))]);
        assert!(matches(&other, &headers, false, |name| !name.starts_with("x-")), "what does not count is not asked");
    }
}
