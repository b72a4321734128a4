//! Topic patterns: whether dot-separated words match a pattern with wildcards.
//!
//! It knows no exchange. `*` stands for one word, which may be empty; `#` for any number of words. An empty text has no
//! words.

/// Whether the words of `text` match the `pattern`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match_words(&split(pattern), &split(text))
}

fn split(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split('.').collect() }
}

fn match_words(pattern: &[&str], words: &[&str]) -> bool {
    match (pattern.split_first(), words.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        // `#` takes none, or one more.
        (Some((&"#", rest)), _) => {
            match_words(rest, words) || words.split_first().is_some_and(|(_, others)| match_words(pattern, others))
        }
        (Some(_), None) => false,
        (Some((&wanted, rest)), Some((&word, others))) => {
            (wanted == "*" || wanted == word) && match_words(rest, others)
        }
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
