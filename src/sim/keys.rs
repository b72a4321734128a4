//! Which key an operation gets: 64 uniform bits in, one key out.
//!
//! Keys are numbers from 0; a name is made only for people. It knows no generator and no operation but its number among
//! its producer's. A larger word never gives a key of a lower number, so a draw keeps its luck where shares change.

use std::sync::Arc;

/// At most so many keys in a distribution with a table: it takes 12 to 16 bytes a key.
pub const MAX_TABLE_KEYS: u32 = 10_000_000;

/// A distribution over keys. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyDraw {
    /// Every operation has a key of its own: the number of the operation among its producer's.
    None,
    /// Each of `n` keys alike.
    Uniform {
        /// How many.
        n: u32,
    },
    /// Each key by its own share.
    Shares(Arc<Shares>),
}

/// A table of shares, looked up in about one step.
///
/// The words of 64 bits are dealt to the keys in their order. `guide` cuts the words into stretches of equal length and
/// knows the first key of each, from where the search goes on key by key.
#[derive(Debug, PartialEq)]
pub struct Shares {
    /// The last word of each key; nowhere falling, and the last of all is the largest word.
    last_words: Vec<u64>,
    guide: Vec<u32>,
    /// A word shifted by this is the number of its stretch.
    shift: u32,
    /// Of the first keys; the others have none of their own.
    names: Vec<String>,
}

/// What stands before the number of a key that has no name.
pub const UNNAMED: &str = "key-";

impl KeyDraw {
    /// Each of `n` keys alike; zero is taken as one.
    pub fn uniform(n: u32) -> KeyDraw {
        KeyDraw::Uniform { n: n.max(1) }
    }

    /// Zipf's law: the share of the k-th key is proportional to `1 / k ^ exponent`.
    ///
    /// # Errors
    /// No keys, more than [`MAX_TABLE_KEYS`], or an exponent that is no number of zero or more.
    pub fn zipf(n: u32, exponent: f64) -> Result<KeyDraw, String> {
        check_count(u64::from(n))?;
        if !(exponent >= 0.0 && exponent.is_finite()) {
            return Err(format!("{exponent} is no exponent of Zipf's law: it must be a number of 0 or more"));
        }
        let weights = (1..=n).map(|k| libm::pow(f64::from(k), -exponent));
        Ok(KeyDraw::Shares(Arc::new(Shares::new(weights, Vec::new()))))
    }

    /// Named keys with their shares of the operations, in the given order; what they leave goes evenly to `rest` more.
    ///
    /// # Errors
    /// No keys or too many, a share outside (0, 1], shares of more than 1 together, something left without a `rest` to
    /// go to, nothing left for the `rest`, a name given twice or made like those of the rest.
    pub fn weighted(named: Vec<(String, f64)>, rest: u32) -> Result<KeyDraw, String> {
        // Shares such as 0.1, ten times, come to 1 only after rounding.
        const ROUNDING: f64 = 1e-9;
        check_count(named.len() as u64 + u64::from(rest))?;
        for (i, (name, share)) in named.iter().enumerate() {
            if !(*share > 0.0 && *share <= 1.0) {
                return Err(format!("the share of `{name}` is {share}: it must be above 0 and at most 1"));
            }
            if named[..i].iter().any(|(other, _)| other == name) {
                return Err(format!("the key `{name}` is given twice"));
            }
            if name.strip_prefix("key-").is_some_and(|number| number.parse::<u32>().is_ok()) {
                return Err(format!("`{name}` is how the keys without a name are called: choose another name"));
            }
        }
        let taken: f64 = named.iter().map(|(_, share)| share).sum();
        let left = 1.0 - taken;
        if left < -ROUNDING {
            return Err(format!("the shares come to {}: together they must not exceed 100 %", percent(taken)));
        }
        if left > ROUNDING && rest == 0 {
            return Err(format!(
                "the shares come to {}: `rest` must say how many keys share what is left",
                percent(taken)
            ));
        }
        if left <= ROUNDING && rest > 0 {
            return Err(format!("the shares come to 100 %: nothing is left for the {rest} keys of `rest`"));
        }
        let each = left / f64::from(rest.max(1));
        let (names, shares): (Vec<String>, Vec<f64>) = named.into_iter().unzip();
        let weights = shares.into_iter().chain((0..rest).map(|_| each));
        Ok(KeyDraw::Shares(Arc::new(Shares::new(weights, names))))
    }

    /// The key for 64 uniform bits; `nth` is the number of the operation among its producer's.
    #[inline]
    pub fn draw(&self, bits: u64, nth: u32) -> u32 {
        match self {
            KeyDraw::None => nth,
            KeyDraw::Uniform { n } => ((u128::from(bits) * u128::from(*n)) >> 64) as u32,
            KeyDraw::Shares(shares) => shares.key_of(bits),
        }
    }

    /// Whether a draw is needed at all.
    pub fn needs_bits(&self) -> bool {
        !matches!(self, KeyDraw::None)
    }

    /// How many keys there are; `None` where every operation has its own.
    pub fn count(&self) -> Option<u32> {
        match self {
            KeyDraw::None => None,
            KeyDraw::Uniform { n } => Some(*n),
            KeyDraw::Shares(shares) => Some(shares.last_words.len() as u32),
        }
    }

    /// The name of a key: its own, or `key-7` for the seventh of those that have none.
    pub fn name(&self, key: u32) -> String {
        match self.own_name(key) {
            Ok(name) => name.to_owned(),
            Err(number) => format!("{UNNAMED}{number}"),
        }
    }

    /// The name of its own that a key has, or its number, from 1, among those that have none.
    pub fn own_name(&self, key: u32) -> Result<&str, u32> {
        let names = match self {
            KeyDraw::Shares(shares) => shares.names.as_slice(),
            KeyDraw::None | KeyDraw::Uniform { .. } => &[],
        };
        names.get(key as usize).map(String::as_str).ok_or_else(|| (key + 1).saturating_sub(names.len() as u32))
    }
}

impl Shares {
    /// The table of weights that need not come to 1. There is at least one, and the first is above zero.
    fn new(weights: impl Iterator<Item = f64>, names: Vec<String>) -> Shares {
        let mut sum = 0.0;
        let sums: Vec<f64> = weights.map(|weight| (sum += weight, sum).1).collect();
        let of_all_words = |part: f64| (part / sum * (1u128 << 64) as f64) as u64;
        let mut last_words: Vec<u64> = sums.into_iter().map(|part| of_all_words(part).saturating_sub(1)).collect();
        if let Some(last) = last_words.last_mut() {
            *last = u64::MAX;
        }
        let stretches = last_words.len().next_power_of_two().max(2);
        let shift = u64::BITS - stretches.trailing_zeros();
        let mut key = 0;
        let guide = (0..stretches as u64).map(|stretch| {
            while last_words[key] < stretch << shift {
                key += 1;
            }
            key as u32
        });
        Shares { guide: guide.collect(), last_words, shift, names }
    }

    #[inline]
    fn key_of(&self, bits: u64) -> u32 {
        let mut key = self.guide[(bits >> self.shift) as usize];
        while self.last_words[key as usize] < bits {
            key += 1;
        }
        key
    }
}

fn check_count(keys: u64) -> Result<(), String> {
    if keys == 0 {
        return Err("at least one key is needed; for a key of its own for each operation say `none`".into());
    }
    if keys > u64::from(MAX_TABLE_KEYS) {
        return Err(format!("{keys} keys: at most {MAX_TABLE_KEYS} can have shares of their own"));
    }
    Ok(())
}

fn percent(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sim::oracle::mix;

    fn named(keys: &[(&str, f64)]) -> Vec<(String, f64)> {
        keys.iter().map(|&(name, share)| (name.to_owned(), share)).collect()
    }

    /// Pearson's statistic of `draws` fixed words against the shares that the law gives.
    fn chi_square(keys: &KeyDraw, shares: &[f64], draws: u64) -> f64 {
        let mut counts = vec![0u64; shares.len()];
        for i in 0..draws {
            counts[keys.draw(mix(i + 1), 0) as usize] += 1;
        }
        let expected = shares.iter().map(|share| share * draws as f64);
        counts.iter().zip(expected).map(|(&seen, e)| (seen as f64 - e) * (seen as f64 - e) / e).sum()
    }

    #[test]
    fn zipf_draws_follow_their_law() {
        for exponent in [0.0, 0.9, 1.1, 2.0] {
            let weights: Vec<f64> = (1..=100).map(|k| libm::pow(f64::from(k), -exponent)).collect();
            let sum: f64 = weights.iter().sum();
            let shares: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
            // 99 degrees of freedom: four sigma above the mean are 99 + 4 * sqrt(2 * 99).
            let chi = chi_square(&KeyDraw::zipf(100, exponent).unwrap(), &shares, 1_000_000);
            assert!(chi < 155.3, "exponent {exponent}: {chi}");
        }
    }

    #[test]
    fn named_keys_get_their_shares_and_the_rest_is_even() {
        let keys = KeyDraw::weighted(named(&[("hot", 0.5), ("warm", 0.1)]), 8).unwrap();
        let shares: Vec<f64> = [0.5, 0.1].into_iter().chain([0.05; 8]).collect();
        // 9 degrees of freedom: 9 + 4 * sqrt(2 * 9).
        let chi = chi_square(&keys, &shares, 1_000_000);
        assert!(chi < 26.0, "{chi}");
        assert_eq!(keys.count(), Some(10));
    }

    #[test]
    fn the_first_and_the_last_word_have_a_key() {
        let steep = KeyDraw::zipf(10_000, 30.0).unwrap();
        for keys in [steep, KeyDraw::zipf(1, 1.1).unwrap(), KeyDraw::zipf(3, 0.0).unwrap(), KeyDraw::uniform(3)] {
            assert_eq!(keys.draw(0, 7), 0);
            assert_eq!(keys.draw(u64::MAX, 7), keys.count().unwrap() - 1);
        }
        assert_eq!(KeyDraw::None.draw(u64::MAX, 7), 7);
        assert_eq!(KeyDraw::uniform(0).draw(u64::MAX, 7), 0);
    }

    #[test]
    fn the_same_bits_give_the_same_keys_on_every_platform() {
        let words = [0, mix(1), 1 << 63, mix(2), mix(3), mix(4), u64::MAX];
        let zipf = KeyDraw::zipf(10_000, 1.1).unwrap();
        assert_eq!(words.map(|bits| zipf.draw(bits, 0)), [0, 5, 23, 1216, 0, 213, 9999]);
        let weighted = KeyDraw::weighted(named(&[("hot", 0.5)]), 999).unwrap();
        assert_eq!(words.map(|bits| weighted.draw(bits, 0)), [0, 0, 1, 717, 0, 435, 999]);
    }

    #[test]
    fn keys_without_a_name_are_numbered_from_one() {
        let keys = KeyDraw::weighted(named(&[("hot", 0.5)]), 2).unwrap();
        assert_eq!([0, 1, 2].map(|key| keys.name(key)), ["hot", "key-1", "key-2"]);
        assert_eq!(KeyDraw::zipf(3, 1.0).unwrap().name(0), "key-1");
        assert_eq!(KeyDraw::None.name(6), "key-7");
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_sentence() {
        let weighted = |keys: &[(&str, f64)], rest| KeyDraw::weighted(named(keys), rest);
        for (refused, text) in [
            (KeyDraw::zipf(0, 1.0), "at least one key is needed; for a key of its own for each operation say `none`"),
            (KeyDraw::zipf(20_000_000, 1.0), "20000000 keys: at most 10000000 can have shares of their own"),
            (KeyDraw::zipf(5, -1.0), "-1 is no exponent of Zipf's law: it must be a number of 0 or more"),
            (weighted(&[("hot", 1.5)], 3), "the share of `hot` is 1.5: it must be above 0 and at most 1"),
            (weighted(&[("hot", f64::NAN)], 3), "the share of `hot` is NaN: it must be above 0 and at most 1"),
            (
                weighted(&[("a", 0.6), ("b", 0.605)], 3),
                "the shares come to 120.5 %: together they must not exceed 100 %",
            ),
            (weighted(&[("a", 0.6)], 0), "the shares come to 60 %: `rest` must say how many keys share what is left"),
            (weighted(&[("a", 1.0)], 3), "the shares come to 100 %: nothing is left for the 3 keys of `rest`"),
            (weighted(&[("a", 0.1), ("a", 0.2)], 3), "the key `a` is given twice"),
            (weighted(&[("key-3", 0.1)], 3), "`key-3` is how the keys without a name are called: choose another name"),
        ] {
            assert_eq!(refused.unwrap_err(), text);
        }
        let tenths: Vec<(String, f64)> = (0..10).map(|i| (format!("tenth {i}"), 0.1)).collect();
        assert!(KeyDraw::weighted(tenths, 0).is_ok());
    }

    proptest! {
        #[test]
        fn the_guide_leads_where_bisection_does(n in 1u32..3000, exponent in 0.0..4.0f64, bits: u64, edge: proptest::sample::Index) {
            let KeyDraw::Shares(shares) = KeyDraw::zipf(n, exponent).unwrap() else { unreachable!() };
            let by_bisection = |bits: u64| shares.last_words.partition_point(|&last| last < bits) as u32;
            let last = *edge.get(&shares.last_words);
            for bits in [bits, last, last.saturating_add(1)] {
                prop_assert_eq!(shares.key_of(bits), by_bisection(bits));
            }
        }

        #[test]
        fn a_larger_word_never_gives_a_lower_key(a: u64, b: u64, n in 1u32..500, share in 0.01..0.99f64) {
            let (a, b) = (a.min(b), a.max(b));
            for keys in [
                KeyDraw::uniform(n),
                KeyDraw::zipf(n, 1.1).unwrap(),
                KeyDraw::weighted(named(&[("hot", share)]), n).unwrap(),
            ] {
                prop_assert!(keys.draw(a, 0) <= keys.draw(b, 0));
            }
        }
    }
}
