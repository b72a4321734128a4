//! Distributions of lengths of time, by inverse CDF, so that a length grows with the number drawn.

use super::time::Span;

/// A distribution of lengths of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Dist {
    shape: Shape,
    cut: Cut,
}

/// What lies above is drawn as this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut(pub Span);

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Constant(Span),
    Exponential { mean: f64 },
}

impl Dist {
    /// Always the same.
    pub fn fixed(span: Span) -> Dist {
        Dist { shape: Shape::Constant(span), cut: Cut(Span::FOREVER) }
    }
    /// Exponential.
    pub fn exponential(mean: Span) -> Dist {
        Dist { shape: Shape::Exponential { mean: mean.as_secs_f64() * 1e9 }, cut: Cut(Span::FOREVER) }
    }
    /// The one value, where there is one only.
    #[inline]
    pub fn constant(&self) -> Option<Span> {
        match self.shape {
            Shape::Constant(span) => Some(span),
            _ => None,
        }
    }
    /// The length for 64 uniform bits.
    #[inline]
    pub fn from_bits(&self, bits: u64) -> Span {
        let u = ((bits >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
        match self.shape {
            Shape::Constant(span) => span,
            Shape::Exponential { mean } => Span::from_nanos((-mean * libm::log1p(-u)) as u64).min(self.cut.0),
        }
    }
    /// The median.
    pub fn median(&self) -> Span {
        self.from_bits(1 << 63)
    }
}
