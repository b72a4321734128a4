//! Distributions of lengths of time, by inverse CDF: 64 uniform bits in, one length out.
//!
//! It knows no generator: the bits come from the oracle. A larger word never gives a shorter length, so two policies that
//! ask with the same word meet the same luck; only words that agree in their first 40 bits may differ by a nanosecond of
//! rounding. Draws allocate nothing and use `libm` alone.

use std::f64::consts::LOG2_E;

use super::ln::minus_ln_of_rest;
use super::normal;
use super::time::Span;

/// A distribution of lengths of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Dist {
    shape: Shape,
    /// What lies above is drawn as this.
    cut: Span,
}

/// Lengths are nanoseconds, as numbers with a fraction.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Constant(Span),
    Uniform { from: f64, to: f64 },
    Exponential { mean: f64 },
    Lognormal { median: f64, sigma: f64, given: [f64; 2] },
    Pareto { min: f64, shape: f64 },
    Empirical(Vec<Point>),
}

/// A quantile that the user gave.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    p: f64,
    nanos: f64,
}

impl Dist {
    /// Always the same.
    pub fn fixed(span: Span) -> Dist {
        Shape::Constant(span).into()
    }

    /// Exponential, of this mean.
    pub fn exponential(mean: Span) -> Dist {
        Shape::Exponential { mean: nanos(mean) }.into()
    }

    /// Every length between the two alike.
    ///
    /// # Errors
    /// The second is shorter than the first.
    pub fn uniform(from: Span, to: Span) -> Result<Dist, String> {
        if to < from {
            return Err(format!("from {from} to {to}: the second must not be shorter than the first"));
        }
        Ok(Shape::Uniform { from: nanos(from), to: nanos(to) }.into())
    }

    /// The lognormal through two quantiles, such as `(0.5, 120 ms)` and `(0.99, 4 s)`, in either order.
    ///
    /// # Errors
    /// A probability outside (0, 1), a length of zero, or no growth from the lower quantile to the upper one.
    pub fn lognormal(one: (f64, Span), other: (f64, Span)) -> Result<Dist, String> {
        let (low, high) = if one.0 <= other.0 { (one, other) } else { (other, one) };
        for (p, span) in [low, high] {
            if !(p > 0.0 && p < 1.0) {
                return Err(format!("{p} is no quantile of a lognormal: it must lie between 0 and 1, both excluded"));
            }
            if span.is_zero() {
                return Err(format!("{} is 0 s: a lognormal is always longer than that", percentile(p)));
            }
        }
        if low.0 == high.0 {
            return Err(format!("{} twice: a lognormal goes through two different quantiles", percentile(low.0)));
        }
        if low.1 >= high.1 {
            return Err(not_above(low, high));
        }
        let (z_low, z_high) = (normal::quantile(low.0), normal::quantile(high.0));
        let sigma = libm::log(nanos(high.1) / nanos(low.1)) / (z_high - z_low);
        let median = nanos(low.1) * libm::exp(-sigma * z_low);
        Ok(Shape::Lognormal { median, sigma, given: [low.0, high.0] }.into())
    }

    /// Pareto: never below `min`; longer than `x` with probability `(min / x) ^ shape`.
    ///
    /// # Errors
    /// A `min` of zero, or a shape that is no positive number.
    pub fn pareto(min: Span, shape: f64) -> Result<Dist, String> {
        if min.is_zero() {
            return Err("the shortest length of a Pareto distribution must be above 0 s".into());
        }
        if !(shape > 0.0 && shape.is_finite()) {
            return Err(format!("{shape} is no shape of a Pareto distribution: it must be a number above 0"));
        }
        Ok(Shape::Pareto { min: nanos(min), shape }.into())
    }

    /// Through measured quantiles, with straight lines between them. Nothing is made up beyond them: below the first
    /// it draws the first, above the last the last.
    ///
    /// # Errors
    /// Fewer than two quantiles, one outside [0, 1], one given twice, or a length that falls as the quantile grows.
    pub fn empirical(mut quantiles: Vec<(f64, Span)>) -> Result<Dist, String> {
        if quantiles.len() < 2 {
            return Err("at least two quantiles are needed; for one length say that length alone".into());
        }
        if let Some((p, _)) = quantiles.iter().find(|(p, _)| !(0.0..=1.0).contains(p)) {
            return Err(format!("{p} is no quantile: it must lie between 0 and 1"));
        }
        quantiles.sort_by(|a, b| a.0.total_cmp(&b.0));
        for pair in quantiles.windows(2) {
            if pair[0].0 == pair[1].0 {
                return Err(format!("{} is given twice", percentile(pair[0].0)));
            }
            if pair[0].1 > pair[1].1 {
                return Err(not_above(pair[0], pair[1]));
            }
        }
        let points = quantiles.into_iter().map(|(p, span)| Point { p, nanos: nanos(span) }).collect();
        Ok(Shape::Empirical(points).into())
    }

    /// The same, with all that lies above `span` drawn as `span`.
    pub fn cut(mut self, span: Span) -> Dist {
        self.cut = self.cut.min(span);
        self
    }

    /// The one value, where there is one only.
    #[inline]
    pub fn constant(&self) -> Option<Span> {
        match self.shape {
            Shape::Constant(span) => Some(span.min(self.cut)),
            _ => None,
        }
    }

    /// The length for 64 uniform bits.
    // One piece of code: where it is asked nothing else fits into the registers besides.
    #[inline(never)]
    pub fn from_bits(&self, bits: u64) -> Span {
        // Never 0 or 1, and exact.
        let u = || ((bits >> 12) as i64 as f64 + 0.5) / (1u64 << 52) as f64;
        let nanos = match self.shape {
            Shape::Constant(span) => return span.min(self.cut),
            Shape::Uniform { from, to } => from + (to - from) * u(),
            Shape::Exponential { mean } => mean * minus_ln_of_rest(bits),
            // A power of two comes at half the price of a power of e.
            Shape::Lognormal { median, sigma, .. } => median * libm::exp2(sigma * LOG2_E * normal::quantile(u())),
            Shape::Pareto { min, shape } => min * libm::exp2(LOG2_E / shape * minus_ln_of_rest(bits)),
            Shape::Empirical(ref points) => interpolate(points, u()),
        };
        Span::from_nanos(whole(nanos)).min(self.cut)
    }

    /// The median.
    pub fn median(&self) -> Span {
        self.from_bits(1 << 63)
    }

    /// The mean in seconds, the cut taken into account; infinite for a Pareto of shape 1 or less without one.
    pub fn mean(&self) -> f64 {
        let cut = if self.cut == Span::FOREVER { f64::INFINITY } else { nanos(self.cut) };
        let nanos = match self.shape {
            Shape::Constant(span) => nanos(span).min(cut),
            Shape::Uniform { from, to } => mean_between(from, to, cut),
            Shape::Exponential { mean: 0.0 } => 0.0,
            Shape::Exponential { mean } => -mean * libm::expm1(-cut / mean),
            Shape::Lognormal { median, sigma, .. } => {
                let z = libm::log(cut / median) / sigma;
                let below = median * libm::exp(sigma * sigma / 2.0) * normal::above(sigma - z);
                if cut.is_finite() { below + cut * normal::above(z) } else { below }
            }
            Shape::Pareto { min, .. } if cut <= min => cut,
            Shape::Pareto { min, shape } => min * (1.0 + integral_of_power(shape, libm::log(cut / min))),
            Shape::Empirical(ref points) => {
                let (first, last) = (points[0], points[points.len() - 1]);
                let between = |two: &[Point]| (two[1].p - two[0].p) * mean_between(two[0].nanos, two[1].nanos, cut);
                let outside = first.p * first.nanos.min(cut) + (1.0 - last.p) * last.nanos.min(cut);
                outside + points.windows(2).map(between).sum::<f64>()
            }
        };
        nanos / 1e9
    }

    /// Which quantiles the user gave, where the rest is a guess between or beyond them: `p50 and p99 only`.
    pub fn quantile_words(&self) -> Option<String> {
        let given: Vec<String> = match self.shape {
            Shape::Lognormal { given, .. } => given.iter().map(|&p| percentile(p)).collect(),
            Shape::Empirical(ref points) => points.iter().map(|point| percentile(point.p)).collect(),
            _ => return None,
        };
        let (last, others) = given.split_last()?;
        Some(format!("{} and {last} only", others.join(", ")))
    }

    /// The quantile of `span`, rounded down, where it lies beyond the last one that the user gave and is drawn all the same:
    /// `p99.98`. Lengths out there are a guess.
    pub fn guessed_quantile(&self, span: Span) -> Option<String> {
        let last = match self.shape {
            Shape::Lognormal { given, .. } => given[1],
            Shape::Empirical(ref points) => points.last()?.p,
            _ => return None,
        };
        // The least word that gives more; a larger word never gives a shorter length.
        let (mut low, mut high) = (0, u64::MAX);
        while low < high {
            let middle = low + (high - low) / 2;
            (low, high) = if self.from_bits(middle) > span { (low, middle) } else { (middle + 1, high) };
        }
        let above = (u64::MAX - low) as f64 / u64::MAX as f64;
        if above == 0.0 || 1.0 - above <= last {
            return None;
        }
        // As many decimals as it takes to be below p100, two at least.
        let enough = |&(_, scale): &(usize, f64)| above * 100.0 * scale >= 1.0;
        let (decimals, scale) = [(2, 1e2), (3, 1e3), (4, 1e4), (6, 1e6)].into_iter().find(enough).unwrap_or((10, 1e10));
        let percent = ((1.0 - above) * 100.0 * scale).floor() / scale;
        Some(format!("p{percent:.decimals$}"))
    }
}

impl From<Shape> for Dist {
    fn from(shape: Shape) -> Dist {
        Dist { shape, cut: Span::FOREVER }
    }
}

fn nanos(span: Span) -> f64 {
    span.nanos() as f64
}

/// The nearest whole number; what is too long, or infinite, is forever.
#[inline]
fn whole(nanos: f64) -> u64 {
    const UNIT: f64 = (1u64 << 52) as f64;
    // Added to 2^52, the whole part fills the mantissa.
    if nanos < UNIT / 2.0 { (nanos + UNIT).to_bits() - UNIT.to_bits() } else { (nanos + 0.5) as u64 }
}

/// `p99`, `p99.9`: a quantile as people call it.
fn percentile(p: f64) -> String {
    let text = format!("p{:.6}", p * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn not_above(low: (f64, Span), high: (f64, Span)) -> String {
    format!("{} ({}) must be longer than {} ({})", percentile(high.0), high.1, percentile(low.0), low.1)
}

/// The value at `u` on the straight lines through `points`.
#[inline]
fn interpolate(points: &[Point], u: f64) -> f64 {
    let after = points.partition_point(|point| point.p <= u);
    let low = points[after.saturating_sub(1)];
    let high = points[after.min(points.len() - 1)];
    let width = high.p - low.p;
    // Flat beyond the ends; and rounding must not carry it past the next point, or it would fall there.
    let part = if width > 0.0 { (u - low.p) / width } else { 0.0 };
    (low.nanos + (high.nanos - low.nanos) * part).min(high.nanos)
}

/// The mean of an even draw between the two, with what lies above `cut` drawn as `cut`.
fn mean_between(from: f64, to: f64, cut: f64) -> f64 {
    if cut >= to {
        (from + to) / 2.0
    } else if cut <= from {
        cut
    } else {
        cut - (cut - from) * (cut - from) / (2.0 * (to - from))
    }
}

/// The integral of `y ^ -shape` for `y` from 1 to `e ^ log`.
fn integral_of_power(shape: f64, log: f64) -> f64 {
    let k = 1.0 - shape;
    if k == 0.0 { log } else { libm::expm1(k * log) / k }
}

#[cfg(test)]
mod tests;
