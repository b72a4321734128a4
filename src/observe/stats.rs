//! Estimates over seeds: a mean with its 95 % interval by Student's t.
//!
//! It knows nothing of what is measured. With one value there is no interval: its half width is infinite.

/// A mean and how far off it may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean of the values; NaN without any.
    pub mean: f64,
    /// Half of the 95 % interval around it.
    pub half_width: f64,
    /// How many values.
    pub n: usize,
}

/// The two-sided 95 % point of Student's t for 1 to 30 degrees of freedom.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];
/// And for more: by the inverse of the degrees of freedom, on which t depends almost linearly.
const T_TAIL: [(f64, f64); 5] =
    [(1.0 / 30.0, 2.042), (1.0 / 40.0, 2.021), (1.0 / 60.0, 2.000), (1.0 / 120.0, 1.980), (0.0, 1.960)];

fn t(freedom: usize) -> f64 {
    if let Some(&t) = freedom.checked_sub(1).and_then(|at| T.get(at)) {
        return t;
    }
    if freedom == 0 {
        return f64::INFINITY;
    }
    let x = 1.0 / freedom as f64;
    for pair in T_TAIL.windows(2) {
        let ((x0, t0), (x1, t1)) = (pair[0], pair[1]);
        if x >= x1 {
            return t1 + (t0 - t1) * (x - x1) / (x0 - x1);
        }
    }
    T_TAIL[4].1
}

/// The mean of independent values with its 95 % interval. The sums run in the order given.
pub fn estimate(values: &[f64]) -> Estimate {
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    if n < 2 {
        return Estimate { mean, half_width: f64::INFINITY, n };
    }
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let deviation = (squares / (n - 1) as f64).sqrt();
    Estimate { mean, half_width: t(n - 1) * deviation / (n as f64).sqrt(), n }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_says_nothing_about_how_far_off_it_is() {
        assert_eq!(estimate(&[4.0]), Estimate { mean: 4.0, half_width: f64::INFINITY, n: 1 });
        assert!(estimate(&[]).mean.is_nan());
    }

    #[test]
    fn a_worked_example() {
        // Deviation 1.5811, t(4) = 2.776, half width 2.776 * 1.5811 / sqrt(5) = 1.963.
        let e = estimate(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!((e.mean, e.n), (3.0, 5));
        assert!((e.half_width - 1.9629).abs() < 1e-3, "{}", e.half_width);
    }

    #[test]
    fn equal_values_have_no_width() {
        assert_eq!(estimate(&[2.0; 8]).half_width, 0.0);
    }

    #[test]
    fn t_falls_towards_the_normal_without_a_step() {
        for freedom in 1..2_000 {
            assert!(t(freedom) > t(freedom + 1) && t(freedom) > 1.96, "{freedom}");
        }
        // From a larger table than ours.
        for (freedom, exact) in [(31, 2.0395), (50, 2.0086), (80, 1.9901), (200, 1.9719), (1_000, 1.9623)] {
            assert!((t(freedom) - exact).abs() < 2e-3, "t({freedom}) = {}", t(freedom));
        }
    }
}
