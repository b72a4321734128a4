//! Topic patterns: whether dot-separated words match a pattern with wildcards.
//!
//! It knows no exchange. `*` stands for one word, which may be empty; `#` for any number of words. An empty text has no
//! words.

/// Whether the words of `text` match the `pattern`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match_words(words(pattern), words(text))
}

/// What is left of a text's words: none, or those that dots part.
type Words<'a> = Option<&'a str>;

fn words(text: &str) -> Words<'_> {
    if text.is_empty() { None } else { Some(text) }
}

fn match_words(pattern: Words<'_>, words: Words<'_>) -> bool {
    match (pattern.map(split_first), words.map(split_first)) {
        (None, None) => true,
        (None, Some(_)) => false,
        // `#` takes none, or one more.
        (Some(("#", rest)), first) => {
            match_words(rest, words) || first.is_some_and(|(_, others)| match_words(pattern, others))
        }
        (Some(_), None) => false,
        (Some((wanted, rest)), Some((word, others))) => (wanted == "*" || wanted == word) && match_words(rest, others),
    }
}

fn split_first(words: &str) -> (&str, Words<'_>) {
    match words.split_once('.') {
        Some((first, others)) => (first, Some(others)),
        None => (words, None),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn words_match_as_brokers_match_them() {
        for (pattern, matching, others) in [
            ("a.*", &["a.b", "a."][..], &["a", "a.b.c", "b.a", "", ".a"][..]),
            ("#", &["", "a", "a.b", "."], &[]),
            ("*", &["a"], &["", "a.b"]),
            ("*.#", &["a", "a.b"], &[""]),
            ("a.#.b", &["a.b", "a.x.b", "a.x.y.b", "a..b"], &["a", "b", "a.b.c"]),
            ("#.#", &["", "a"], &[]),
            ("a.b", &["a.b"], &["A.b"]),
        ] {
            matching.iter().for_each(|text| assert!(matches(pattern, text), "`{pattern}` and `{text}`"));
            others.iter().for_each(|text| assert!(!matches(pattern, text), "`{pattern}` and `{text}`"));
        }
    }
}
