//! Which key an operation gets.

/// A distribution over keys.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyDraw {
    /// Every operation has a key of its own: the number of the operation among its producer's.
    None,
    /// Each of `n` keys alike.
    Uniform {
        /// How many.
        n: u32,
    },
}

impl KeyDraw {
    /// stub
    pub fn uniform(n: u32) -> KeyDraw {
        KeyDraw::Uniform { n }
    }
    /// stub
    pub fn zipf(n: u32, _: f64) -> Result<KeyDraw, String> {
        Ok(KeyDraw::Uniform { n })
    }
    /// stub
    pub fn weighted(shares: Vec<(String, f64)>, rest: u32) -> Result<KeyDraw, String> {
        if shares.iter().map(|s| s.1).sum::<f64>() > 1.0 {
            Err("the shares are more than all".into())
        } else {
            Ok(KeyDraw::Uniform { n: rest })
        }
    }
    /// The key for 64 uniform bits; `nth` is the number of the operation among its producer's.
    #[inline]
    pub fn draw(&self, bits: u64, nth: u32) -> u32 {
        match *self {
            KeyDraw::None => nth,
            KeyDraw::Uniform { n } => ((u128::from(bits) * u128::from(n)) >> 64) as u32,
        }
    }
    /// Whether a draw is needed at all.
    pub fn needs_bits(&self) -> bool {
        !matches!(self, KeyDraw::None)
    }
}
