//! Canonical forms: what a state is, apart from how it came about.
//!
//! Each machine writes itself as a list of whole numbers: no absolute time, no growing counter, no slab index, no
//! measurement. Two states with equal forms behave alike under every choice. The list is hashed as it is written; tests
//! keep it whole.

/// Takes a canonical form, number by number.
pub trait Canon {
    /// The next number of the form.
    fn put(&mut self, number: u64);
    /// The next numbers of the form.
    fn puts<const N: usize>(&mut self, numbers: [u64; N]) {
        for number in numbers {
            self.put(number);
        }
    }
    /// A list: its length, then what `each` writes.
    fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        self.put(items.len() as u64);
        for item in items {
            each(self, item);
        }
    }
}

impl Canon for Vec<u64> {
    fn put(&mut self, number: u64) {
        self.push(number);
    }
}

/// A hash of 64 bits of what was put. Among n states the chance that any two share one is about n^2 / 3.7e19: 5e-8 for a
/// million.
#[derive(Clone, Copy, Debug)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint(0x243F_6A88_85A3_08D3)
    }
}

impl Fingerprint {
    /// The hash.
    pub fn finish(self) -> u64 {
        super::oracle::mix(self.0)
    }
}

impl Canon for Fingerprint {
    /// A 64 by 64 bit product folded to 64: every bit of the number reaches every bit of the hash.
    #[inline]
    fn put(&mut self, number: u64) {
        let wide = u128::from(self.0 ^ number) * 0x9E37_79B9_7F4A_7C15;
        self.0 = (wide as u64).rotate_left(29).wrapping_add((wide >> 64) as u64) ^ 0xA409_3822_299F_31D0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn near_forms_have_different_fingerprints() {
        let mut seen = BTreeSet::new();
        for a in 0..64u64 {
            for b in 0..64 {
                for c in 0..64 {
                    let mut print = Fingerprint::default();
                    print.puts([a, b, c]);
                    assert!(seen.insert(print.finish()), "{a} {b} {c}");
                }
            }
        }
    }
}
