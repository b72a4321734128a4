//! What took effect twice: when, how it adds up, and why.
//!
//! The bars are counts of all queues together; the causes, below, are told apart by consumer.

use super::axis::{Axis, count};
use super::panel::{CAPTION, Panel, TEXT};
use super::picture::{Anchor, Dash, Ink, Picture, PlotError, SIZE, fit};
use super::{LEFT, MARGIN, bands, end_of_time, say, titled};
use crate::observe::report::{CauseCount, Report};
use crate::sim::Span;

const RIGHT: f64 = SIZE.0 - MARGIN;
const FIRST_TOP: f64 = 112.0;
/// With all causes below; where they are fewer, the bars are higher.
const BARS_HEIGHT: f64 = 160.0;
const SUM_HEIGHT: f64 = 96.0;
const BETWEEN: f64 = 30.0;
/// From one cause to the next.
const CAUSE_LINE: f64 = 20.0;
const MOST_CAUSES: usize = 6;
/// A narrower bar cannot be read: then samples are taken together.
const NARROWEST_BAR: f64 = 4.0;

/// Draws the duplicates of a run over time, and their causes.
///
/// # Errors
/// The picture could not be drawn.
pub fn duplicates_svg(title: &str, report: &Report) -> Result<String, PlotError> {
    draw(title, report).svg()
}

pub(super) fn draw(title: &str, report: &Report) -> Picture {
    let mut picture = titled(title, "duplicate effects", report);
    let samples = over_all_queues(report);
    let causes: Vec<(&str, &CauseCount)> = report
        .consumers
        .iter()
        .flat_map(|consumer| consumer.duplicates_by_cause.iter().map(|cause| (consumer.name.as_str(), cause)))
        .collect();
    let sampled: u64 = samples.iter().sum();
    if sampled == 0 && causes.is_empty() {
        say(&mut picture, "No duplicates: nothing took effect twice.");
        return picture;
    }
    let below = match sampled {
        0 => {
            let at = (MARGIN, FIRST_TOP);
            picture.text(
                at,
                Anchor::Start,
                CAPTION,
                Ink::FAINT_TEXT,
                "No sample holds them: only their causes are known.",
            );
            FIRST_TOP + 40.0
        }
        _ => over_time(&mut picture, report, &samples, causes.len()),
    };
    by_cause(&mut picture, causes, below);
    picture
}

/// Duplicates of each sample, all queues together.
fn over_all_queues(report: &Report) -> Vec<u64> {
    let mut sums = Vec::new();
    for series in &report.series {
        sums.resize(sums.len().max(series.duplicates.len()), 0);
        for (sum, n) in sums.iter_mut().zip(&series.duplicates) {
            *sum += n;
        }
    }
    sums
}

/// Bars and their sum, with room for the causes; gives the place below.
fn over_time(picture: &mut Picture, report: &Report, samples: &[u64], causes: usize) -> f64 {
    let every = report.series.iter().map(|series| series.every_s).fold(0.0, f64::max);
    let end = end_of_time(report);
    let time = Axis::seconds(end, 10).ending_at(end);
    let together = samples_a_bar(samples.len());
    let bars: Vec<u64> = samples.chunks(together).map(|chunk| chunk.iter().sum()).collect();
    let width = every * together as f64;
    let mut sum = 0;
    let sums: Vec<f64> = samples.iter().map(|&n| (sum += n, sum as f64).1).collect();

    let caption = format!("duplicates in each {}", Span::from_secs_f64(width));
    let most = bars.iter().copied().max().unwrap_or(0);
    let spare = CAUSE_LINE * MOST_CAUSES.saturating_sub(causes) as f64;
    let (top, bottom) = (FIRST_TOP, FIRST_TOP + BARS_HEIGHT + spare);
    let rate = Panel { caption: &caption, left: LEFT, right: RIGHT, top, bottom, x: &time, y: Axis::counts(most, 5) };
    let (top, bottom) = (bottom + BETWEEN, bottom + BETWEEN + SUM_HEIGHT);
    let y = Axis::counts(sum, 3);
    let total = Panel { caption: "duplicates since the start", left: LEFT, right: RIGHT, top, bottom, x: &time, y };

    bands::draw(picture, &report.faults, &[&rate, &total]);
    rate.frame(picture);
    total.frame(picture);
    total.times(picture);
    for (i, &n) in bars.iter().enumerate().filter(|&(_, &n)| n > 0) {
        let (from, to) = (rate.across(i as f64 * width), rate.across((i + 1) as f64 * width));
        picture.area((from + 0.5, rate.height(n as f64)), (to - 0.5, rate.bottom), Ink::SERIES[0]);
    }
    total.curve(picture, every, &sums, Ink::SERIES[0], Dash::Solid);
    bottom + 28.0
}

/// How many samples share a bar: one, or as few as make bars wide enough, in round numbers.
fn samples_a_bar(samples: usize) -> usize {
    let bars = ((RIGHT - LEFT) / NARROWEST_BAR) as usize;
    let rounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];
    rounds.into_iter().find(|round| round * bars >= samples).unwrap_or(samples)
}

/// A row for each cause: whose, what, and a bar with its number.
fn by_cause(picture: &mut Picture, mut causes: Vec<(&str, &CauseCount)>, top: f64) {
    const CAUSE_LEFT: f64 = 168.0;
    const BAR_LEFT: f64 = 520.0;
    const BAR_MOST: f64 = RIGHT - BAR_LEFT - 60.0;
    picture.heading((MARGIN, top + 8.0), CAPTION, "why, by consumer");
    causes.sort_by(|a, b| b.1.count.cmp(&a.1.count).then(a.0.cmp(b.0)).then(a.1.cause.cmp(&b.1.cause)));
    let shown = if causes.len() > MOST_CAUSES { MOST_CAUSES - 1 } else { causes.len() };
    let most = causes.first().map_or(1, |(_, cause)| cause.count).max(1);
    let mut y = top + 32.0;
    for (consumer, cause) in &causes[..shown] {
        let bar = BAR_MOST * cause.count as f64 / most as f64;
        let whose = fit(consumer, TEXT, CAUSE_LEFT - MARGIN - 8.0);
        picture.text((MARGIN, y), Anchor::Start, TEXT, Ink::TEXT, whose);
        let why = fit(&cause.cause, TEXT, BAR_LEFT - CAUSE_LEFT - 8.0);
        picture.text((CAUSE_LEFT, y), Anchor::Start, TEXT, Ink::TEXT, why);
        picture.area((BAR_LEFT, y - 6.0), (BAR_LEFT + bar.max(1.0), y + 6.0), Ink::SERIES[0]);
        picture.text((BAR_LEFT + bar.max(1.0) + 6.0, y), Anchor::Start, TEXT, Ink::TEXT, count(cause.count));
        y += CAUSE_LINE;
    }
    if shown < causes.len() {
        let others: u64 = causes[shown..].iter().map(|(_, cause)| cause.count).sum();
        let text = format!("and {} more causes, together {}", causes.len() - shown, count(others));
        picture.text((MARGIN, y), Anchor::Start, TEXT, Ink::FAINT_TEXT, text);
    }
}
