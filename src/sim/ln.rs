//! The logarithm that draws wait for: -ln(1 - u) of 64 uniform bits, by a table and a short polynomial.
//!
//! Nearly every message of a run asks for it two or three times. `libm::log` divides, and takes subnormals and infinities
//! into account, which no draw can be; this takes a third of its instructions. It is sums and products alone, in one order,
//! so it is the same to the bit everywhere, as `libm` is. It is exact to 1e-15: lengths of time need no more, for they are
//! rounded to nanoseconds.

use std::f64::consts::LN_2;

/// Intervals of the mantissa, a power of two.
const PARTS: usize = 128;

/// By interval: the inverse of its middle, and the logarithm of the middle.
static MIDDLES: [(f64, f64); PARTS] = middles();

const fn middles() -> [(f64, f64); PARTS] {
    let (mut all, mut part) = ([(0.0, 0.0); PARTS], 0);
    while part < PARTS {
        let inverse = 1.0 / (1.0 + (part as f64 + 0.5) / PARTS as f64);
        // ln x = 2 artanh((x - 1) / (x + 1)), its series from the last term on.
        let s = (1.0 - inverse) / (1.0 + inverse);
        let (mut sum, mut term) = (0.0, 41);
        while term > 0 {
            sum = sum * s * s + 2.0 / term as f64;
            term -= 2;
        }
        all[part] = (inverse, sum * s);
        part += 1;
    }
    all
}

/// -ln(1 - u), where u are the upper 52 bits and a half, over 2^52: never 0 or 1.
#[inline]
pub(super) fn minus_ln_of_rest(bits: u64) -> f64 {
    // 2^64 (1 - u), a whole number; then its digits after the first one.
    let rest = !(bits | 0xfff) | 0x800;
    let halvings = rest.leading_zeros();
    let digits = rest << halvings << 1;
    let mantissa = f64::from_bits(digits >> 12 | 1.0f64.to_bits());
    let (inverse, ln_of_middle) = MIDDLES[(digits >> 57) as usize];
    let r = mantissa * inverse - 1.0; // at most 2^-8 off 0: the first term left out is below 1e-15
    let ln_of_ratio = r - r * r * ((0.5 - r * (1.0 / 3.0)) + r * r * (0.25 - r * 0.2));
    f64::from(halvings + 1) * LN_2 - ln_of_middle - ln_of_ratio
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::oracle::mix;

    #[test]
    fn it_is_the_logarithm_of_libm() {
        let edges = (0..64).flat_map(|bit| [1 << bit, (1 << bit) - 1, !(1 << bit), u64::MAX << bit]);
        for bits in edges.chain((0..1_000_000).map(mix)) {
            let u = ((bits >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
            let (got, want) = (minus_ln_of_rest(bits), -libm::log(1.0 - u));
            assert!((got - want).abs() <= 1e-15 * want.max(1.0), "{bits:#x}: {got} is not {want}");
        }
    }
}
