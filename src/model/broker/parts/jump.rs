//! Jump consistent hash: a bucket for a key, such that adding a bucket moves as few keys as possible.
//!
//! It knows neither keys nor buckets. A source of random fractions that the key determines says how the key jumps.

/// The bucket of `buckets` (at least one) that a key's `fractions` (between 0 and 1) lead to.
pub(crate) fn bucket(buckets: u32, mut fractions: impl FnMut() -> f64) -> u32 {
    let (mut here, mut next) = (0, 0);
    while next < u64::from(buckets) {
        here = next;
        next = ((here + 1) as f64 / fractions()) as u64;
    }
    here as u32
}

#[cfg(test)]
mod tests {
    use super::bucket;
    use crate::sim::oracle::mix;

    #[test]
    fn keys_spread_evenly_and_few_move() {
        let of = |key: u64, buckets| {
            let mut state = mix(key);
            bucket(buckets, || {
                state = mix(state);
                (state as f64 + 1.0) / (u64::MAX as f64 + 2.0)
            })
        };
        let mut counts = [0; 10];
        (0..10_000).for_each(|key| counts[of(key, 10) as usize] += 1);
        assert!(counts.iter().all(|&count| (850..1_150).contains(&count)), "{counts:?}");
        let moved = (0..10_000).filter(|&key| of(key, 10) != of(key, 11)).count();
        assert!((750..1_080).contains(&moved), "{moved}: about one of eleven");
        assert!((0..1_000).all(|key| of(key, 11) == of(key, 10) || of(key, 11) == 10), "only to the new one");
    }
}
