//! The laws of distributions: closed forms, growth with the bits, means, and words that guard determinism.

use proptest::prelude::*;

use super::*;
use crate::sim::oracle::mix;

fn ms(millis: u64) -> Span {
    Span::from_millis(millis)
}

/// One of each shape, as the examples of the guide would have them.
fn every_shape() -> Vec<(&'static str, Dist)> {
    vec![
        ("fixed", Dist::fixed(ms(20))),
        ("uniform", Dist::uniform(ms(10), ms(50)).unwrap()),
        ("exponential", Dist::exponential(ms(100))),
        ("lognormal", Dist::lognormal((0.5, ms(120)), (0.99, ms(4000))).unwrap()),
        ("lognormal, cut", Dist::lognormal((0.5, ms(120)), (0.99, ms(4000))).unwrap().cut(ms(10_000))),
        ("pareto", Dist::pareto(ms(10), 3.0).unwrap()),
        ("pareto, cut", Dist::pareto(ms(10), 0.8).unwrap().cut(ms(5000))),
        ("empirical", Dist::empirical(vec![(0.5, ms(80)), (0.9, ms(200)), (0.99, ms(900))]).unwrap()),
    ]
}

/// The first word that is drawn as `p` or more.
fn bits_at(p: f64) -> u64 {
    ((p * (1u64 << 52) as f64) as u64) << 12
}

#[track_caller]
fn near(got: f64, want: f64, tolerance: f64) {
    assert!((got / want - 1.0).abs() < tolerance, "{got} is not {want}");
}

#[test]
fn the_bits_of_a_quantile_give_its_closed_form() {
    let at = |dist: &Dist, p: f64| dist.from_bits(bits_at(p)).as_secs_f64();
    let exponential = Dist::exponential(ms(100));
    near(at(&exponential, 0.99), -0.1 * libm::log(0.01), 1e-7);
    near(at(&exponential, 0.5), 0.1 * libm::log(2.0), 1e-7);
    near(at(&Dist::pareto(ms(10), 3.0).unwrap(), 0.999), 0.1, 1e-7);
    near(at(&Dist::uniform(ms(10), ms(50)).unwrap(), 0.25), 0.020, 1e-7);
    let lognormal = Dist::lognormal((0.99, ms(4000)), (0.5, ms(120))).unwrap();
    assert_eq!(lognormal.median(), ms(120));
    near(at(&lognormal, 0.99), 4.0, 1e-7);
    // The figures of the guide: P(call > 30 s) is 1.246e-4, p99.9 is 12.7 s.
    near(at(&lognormal, 1.0 - 1.246e-4), 30.0, 1e-3);
    near(at(&lognormal, 0.999), 12.7, 1e-2);
    let through_the_tail = Dist::lognormal((0.9, ms(300)), (0.999, ms(700))).unwrap();
    near(at(&through_the_tail, 0.9), 0.3, 1e-7);
    near(at(&through_the_tail, 0.999), 0.7, 1e-7);
}

#[test]
fn an_empirical_distribution_is_straight_between_its_quantiles_and_flat_beyond() {
    let dist = Dist::empirical(vec![(0.99, ms(900)), (0.5, ms(80)), (0.9, ms(200))]).unwrap();
    for (p, want) in [(0.001, 80), (0.5, 80), (0.7, 140), (0.9, 200), (0.945, 550), (0.99, 900), (0.9999, 900)] {
        near(dist.from_bits(bits_at(p)).as_secs_f64(), want as f64 / 1e3, 1e-7);
    }
}

#[test]
fn the_mean_is_the_closed_form() {
    near(Dist::lognormal((0.5, ms(120)), (0.99, ms(4000))).unwrap().mean(), 0.374, 2e-3);
    near(Dist::pareto(ms(10), 3.0).unwrap().mean(), 0.015, 1e-12);
    near(Dist::pareto(ms(10), 1.0).unwrap().cut(ms(1000)).mean(), 0.01 * (1.0 + libm::log(100.0)), 1e-12);
    near(Dist::uniform(ms(10), ms(50)).unwrap().mean(), 0.030, 1e-12);
    near(Dist::exponential(ms(100)).cut(ms(100)).mean(), 0.1 * (1.0 - libm::exp(-1.0)), 1e-12);
    assert_eq!(Dist::pareto(ms(10), 1.0).unwrap().mean(), f64::INFINITY);
    assert_eq!(Dist::pareto(ms(10), 3.0).unwrap().cut(ms(4)).mean(), 0.004);
    assert_eq!(Dist::fixed(ms(20)).cut(ms(4)).mean(), 0.004);
    assert_eq!(Dist::exponential(Span::ZERO).mean(), 0.0);
    assert_eq!(Dist::exponential(Span::ZERO).cut(Span::ZERO).mean(), 0.0);
}

#[test]
fn what_is_drawn_averages_to_the_mean() {
    // An even grid of words: the average differs from the mean only by what a step hides in the tail.
    const STEPS: u64 = 1 << 18;
    for (name, dist) in every_shape() {
        for dist in [dist.clone(), dist.clone().cut(ms(150)), dist.cut(ms(30))] {
            let sum: f64 = (0..STEPS).map(|i| dist.from_bits((i << 46) + (1 << 45)).as_secs_f64()).sum();
            let mean = dist.mean();
            assert!((sum / STEPS as f64 / mean - 1.0).abs() < 1e-3, "{name}: {} is not {mean}", sum / STEPS as f64);
        }
    }
}

#[test]
fn a_sample_of_words_averages_to_the_mean_within_four_sigma() {
    const DRAWS: u64 = 200_000;
    for (name, dist) in every_shape() {
        let drawn: Vec<f64> = (0..DRAWS).map(|i| dist.from_bits(mix(i + 1)).as_secs_f64()).collect();
        let mean = drawn.iter().sum::<f64>() / DRAWS as f64;
        let variance = drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / DRAWS as f64;
        let sigma = (variance / DRAWS as f64).sqrt();
        assert!((mean - dist.mean()).abs() <= 4.0 * sigma + 1e-9, "{name}: {mean} +- {sigma}, {}", dist.mean());
    }
}

#[test]
fn the_same_bits_give_the_same_nanoseconds_on_every_platform() {
    let words = [0, mix(1), 1 << 63, mix(2), u64::MAX];
    let drawn: Vec<String> = every_shape()
        .iter()
        .map(|(name, dist)| format!("{name}: {:?}", words.map(|bits| dist.from_bits(bits).nanos())))
        .collect();
    insta::assert_snapshot!(drawn.join("\n"), @r"
    fixed: [20000000, 20000000, 20000000, 20000000, 20000000]
    uniform: [10000000, 23526664, 30000000, 44347059, 50000000]
    exponential: [0, 41274142, 69314718, 195670347, 3673680057]
    lognormal: [507, 63957996, 120000000, 606040918, 28400441622816]
    lognormal, cut: [507, 63957996, 120000000, 606040918, 10000000000]
    pareto: [10000000, 11474940, 12599210, 19198259, 2080638306836]
    pareto, cut: [10000000, 16751903, 23784142, 115406933, 5000000000]
    empirical: [80000000, 80000000, 80000000, 187602941, 900000000]
    ");
}

#[test]
fn what_is_too_long_is_forever_and_a_cut_ends_it() {
    let endless = Dist::pareto(Span::from_secs(1), 0.01).unwrap();
    assert_eq!(endless.from_bits(u64::MAX), Span::FOREVER);
    assert_eq!(endless.clone().cut(ms(5000)).from_bits(u64::MAX), ms(5000));
    assert_eq!(Dist::exponential(Span::FOREVER).from_bits(u64::MAX), Span::FOREVER);
    assert_eq!(Dist::fixed(ms(20)).cut(ms(5)).cut(ms(9)).constant(), Some(ms(5)));
    assert_eq!(endless.constant(), None);
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    for (refused, text) in [
        (Dist::uniform(ms(50), ms(10)), "from 50 ms to 10 ms: the second must not be shorter than the first"),
        (Dist::lognormal((0.5, ms(120)), (0.99, ms(120))), "p99 (120 ms) must be longer than p50 (120 ms)"),
        (
            Dist::lognormal((0.5, ms(120)), (0.5, ms(4000))),
            "p50 twice: a lognormal goes through two different quantiles",
        ),
        (Dist::lognormal((0.5, Span::ZERO), (0.99, ms(9))), "p50 is 0 s: a lognormal is always longer than that"),
        (
            Dist::lognormal((0.5, ms(120)), (1.0, ms(4000))),
            "1 is no quantile of a lognormal: it must lie between 0 and 1, both excluded",
        ),
        (Dist::pareto(Span::ZERO, 2.0), "the shortest length of a Pareto distribution must be above 0 s"),
        (Dist::pareto(ms(1), -2.0), "-2 is no shape of a Pareto distribution: it must be a number above 0"),
        (Dist::empirical(vec![]), "at least two quantiles are needed; for one length say that length alone"),
        (Dist::empirical(vec![(0.5, ms(1)), (1.5, ms(2))]), "1.5 is no quantile: it must lie between 0 and 1"),
        (Dist::empirical(vec![(0.999, ms(1)), (0.999, ms(2))]), "p99.9 is given twice"),
        (Dist::empirical(vec![(0.9, ms(1)), (0.5, ms(2))]), "p90 (1 ms) must be longer than p50 (2 ms)"),
    ] {
        assert_eq!(refused.unwrap_err(), text);
    }
    assert!(Dist::lognormal((f64::NAN, ms(1)), (0.5, ms(2))).is_err());
    assert!(Dist::empirical(vec![(f64::NAN, ms(1)), (0.5, ms(2))]).is_err());
}

#[test]
fn a_distribution_says_which_quantiles_were_given() {
    let words = |(_, dist): &(&str, Dist)| dist.quantile_words();
    let said: Vec<String> = every_shape().iter().filter_map(words).collect();
    assert_eq!(said, ["p50 and p99 only", "p50 and p99 only", "p50, p90 and p99 only"]);
    let fine = Dist::lognormal((0.29, ms(1)), (0.9999, ms(2))).unwrap();
    assert_eq!(fine.quantile_words().unwrap(), "p29 and p99.99 only");
}

#[test]
fn a_length_beyond_the_given_quantiles_is_a_guess() {
    let calls = Dist::lognormal((0.5, ms(120)), (0.99, Span::from_secs(4))).unwrap();
    assert_eq!(calls.guessed_quantile(Span::from_secs(30)).as_deref(), Some("p99.98"));
    assert_eq!(calls.guessed_quantile(Span::from_secs(60)).as_deref(), Some("p99.998"));
    assert_eq!(calls.guessed_quantile(Span::from_secs(3)), None);
    assert_eq!(calls.cut(Span::from_secs(20)).guessed_quantile(Span::from_secs(30)), None);
    assert_eq!(Dist::exponential(ms(120)).guessed_quantile(Span::from_secs(30)), None);
}

proptest! {
    #[test]
    fn a_larger_word_never_gives_a_shorter_length(a: u64, b: u64) {
        let (a, b) = (a.min(b), a.max(b));
        for (name, dist) in every_shape() {
            prop_assert!(dist.from_bits(a) <= dist.from_bits(b), "{name}");
        }
    }

    #[test]
    fn neighbours_differ_at_most_by_rounding(word: u64, near in 0u32..24) {
        let next = word.saturating_add(1 << 12 << near);
        for (name, dist) in every_shape() {
            prop_assert!(dist.from_bits(word) <= dist.from_bits(next) + Span::from_nanos(1), "{name}");
        }
    }

    #[test]
    fn a_cut_shortens_what_lies_above_it_and_nothing_else(word: u64, cut in 1u64..1_000_000_000) {
        for (name, dist) in every_shape() {
            let cut = Span::from_nanos(cut);
            prop_assert_eq!(dist.clone().cut(cut).from_bits(word), dist.from_bits(word).min(cut), "{}", name);
        }
    }
}
