//! Whatever the text, the reader of scenarios answers with a scenario or with problems that it can show.
//!
//! `cargo +nightly fuzz run reader`; `tests/good` and `tests/bad` are a good first corpus. The first byte says which
//! notation, and whether a setting of the command line is made of the last line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redelivery::scenario::Scenario;

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let file = if first & 1 == 0 { "fuzz.toml" } else { "fuzz.json" };
    let (text, setting) = match text.rsplit_once('\n') {
        Some((text, last)) if first & 2 != 0 => (text, last.split_once('=')),
        _ => (text, None),
    };
    let settings: Vec<(String, String)> = setting.map(|(p, v)| (p.to_string(), v.to_string())).into_iter().collect();
    if let Err(problems) = Scenario::read(file, text, &settings, None) {
        assert!(problems.count() > 0);
        assert!(!problems.render(first & 4 != 0).is_empty());
    }
});
