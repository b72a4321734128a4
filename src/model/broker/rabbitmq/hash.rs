//! The hash of a consistent-hash exchange: which bucket of its ring a routing key belongs to.
//!
//! It is Erlang's: the portable hash of a binary seeds an xorshift generator, whose fractions lead the jumps.

use crate::model::broker::parts::jump;

/// The bucket of a text.
pub(super) fn bucket(text: &str, buckets: u32) -> u32 {
    let mut generator = Generator::new(u64::from(portable(text.as_bytes())));
    jump::bucket(buckets, || generator.next() as f64 / 18_446_744_073_709_551_616.0)
}

const GOLDEN: u32 = 0x9e37_79b9;

/// `erlang:phash2` of a binary.
fn portable(bytes: &[u8]) -> u32 {
    let start = GOLDEN.wrapping_mul(13);
    let hash = if bytes.is_empty() { start } else { of_block(bytes, start) };
    hash & ((1 << 27) - 1)
}

/// Jenkins' hash of a block.
fn of_block(bytes: &[u8], start: u32) -> u32 {
    let word = |part: &[u8]| part.iter().zip(0..).fold(0u32, |word, (&byte, at)| word | u32::from(byte) << (8 * at));
    let (mut a, mut b, mut c) = (GOLDEN, GOLDEN, start);
    let mut blocks = bytes.chunks_exact(12);
    for block in &mut blocks {
        a = a.wrapping_add(word(&block[..4]));
        b = b.wrapping_add(word(&block[4..8]));
        c = c.wrapping_add(word(&block[8..]));
        (a, b, c) = mix(a, b, c);
    }
    let rest = blocks.remainder();
    let part = |from: usize, to: usize| word(&rest[from.min(rest.len())..to.min(rest.len())]);
    c = c.wrapping_add(bytes.len() as u32);
    // The first byte of c is for the length.
    c = c.wrapping_add(part(8, 11) << 8);
    b = b.wrapping_add(part(4, 8));
    a = a.wrapping_add(part(0, 4));
    mix(a, b, c).2
}

fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> 13);
    b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << 8);
    c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> 13);
    a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> 12);
    b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << 16);
    c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> 5);
    a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> 3);
    b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << 10);
    c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> 15);
    (a, b, c)
}

/// Erlang's `exs1024`, seeded with one number three times.
struct Generator {
    state: [u64; 16],
    at: usize,
}

impl Generator {
    fn new(seed: u64) -> Generator {
        let mask = (1 << 21) - 1;
        let part = |factor: u64| (((seed & mask) + 1) * factor) & mask;
        let mut seed = part(2_097_131) << 43 | part(2_097_133) << 22 | part(2_097_143) << 1 | 1;
        let mut state = [0; 16];
        // The list is built from its end.
        for slot in state.iter_mut().rev() {
            seed ^= seed >> 12;
            seed ^= seed << 25;
            seed ^= seed >> 27;
            *slot = seed.wrapping_mul(2_685_821_657_736_338_717);
        }
        Generator { state, at: 0 }
    }

    fn next(&mut self) -> u64 {
        let first = self.state[self.at];
        self.at = (self.at + 1) % 16;
        let mut second = self.state[self.at];
        second ^= second << 31;
        second ^= second >> 11;
        let new = first ^ (first >> 30) ^ second;
        self.state[self.at] = new;
        new.wrapping_mul(1_181_783_497_276_652_981)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_where_recorded_brokers_sent_them() {
        let first: Vec<u32> = (0..24).filter(|n| bucket(&format!("key-{n}"), 2) == 0).collect();
        assert_eq!(first, [7, 8, 9, 10, 11, 12, 13, 14, 16, 17]);
        let first: Vec<u32> = (0..24).filter(|n| bucket(&format!("key-{n}"), 3) == 0).collect();
        assert_eq!(first, [8, 9, 10, 12, 17]);
    }
}
