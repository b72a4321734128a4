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
    /// stub
    pub fn uniform(min: Span, max: Span) -> Result<Dist, String> {
        if min > max { Err("the least is more than the most".into()) } else { Ok(Dist::fixed(min)) }
    }
    /// stub
    pub fn lognormal(one: (f64, Span), other: (f64, Span)) -> Result<Dist, String> {
        if (one.0 < other.0) == (one.1 < other.1) {
            Ok(Dist::fixed(one.1))
        } else {
            Err("a greater quantile has to be longer".into())
        }
    }
    /// stub
    pub fn pareto(min: Span, shape: f64) -> Result<Dist, String> {
        if shape > 0.0 { Ok(Dist::fixed(min)) } else { Err("shape".into()) }
    }
    /// stub
    pub fn empirical(points: Vec<(f64, Span)>) -> Result<Dist, String> {
        match points.first() {
            Some(p) => Ok(Dist::fixed(p.1)),
            None => Err("no quantiles".into()),
        }
    }
    /// stub
    pub fn cut(mut self, at: Span) -> Dist {
        self.cut = Cut(at);
        self
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
