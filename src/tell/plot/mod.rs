//! Plots of one run, as SVG text: what waits over time, and what took effect twice.
//!
//! A plot knows its report and nothing else; the same report gives the same bytes. What is missing is said in the picture:
//! an empty axis would pass for a measurement of zero.

mod axis;
mod bands;
mod duplicates;
mod lag;
mod panel;
mod picture;

pub use duplicates::duplicates_svg;
pub use lag::lag_svg;
pub use picture::PlotError;

use super::words::about;
use crate::observe::report::Report;
use picture::{Anchor, Ink, Picture, SIZE, fit};

/// The margin at all sides, in points.
const MARGIN: f64 = 24.0;
/// Where panels begin from the left: after the words of their ticks.
const LEFT: f64 = 76.0;
const TITLE: f64 = 18.0;
const SUBTITLE: f64 = 12.0;

/// A picture that has its title and, below, which run it shows.
fn titled(title: &str, what: &str, report: &Report) -> Picture {
    let mut picture = Picture::default();
    picture.area((0.0, 0.0), SIZE, Ink::PAPER);
    let room = SIZE.0 - 2.0 * MARGIN;
    picture.heading((MARGIN, 28.0), TITLE, fit(title, TITLE, room));
    let run = format!("{what} · seed {} · {} simulated", report.seed, about(report.end_s));
    let (ink, text) = match &report.cut {
        Some(why) => (Ink::ALARM, format!("{run} · cut short: {why}")),
        None => (Ink::FAINT_TEXT, run),
    };
    picture.text((MARGIN, 50.0), Anchor::Start, SUBTITLE, ink, fit(&text, SUBTITLE, room));
    picture
}

/// Says in the middle of the picture why there is nothing else to see.
fn say(picture: &mut Picture, sentence: &str) {
    picture.text((SIZE.0 / 2.0, SIZE.1 / 2.0), Anchor::Middle, 16.0, Ink::FAINT_TEXT, sentence);
}

/// The end of the axis of time: the last event or the last sample.
fn end_of_time(report: &Report) -> f64 {
    let samples = report.series.iter().map(|series| series.every_s * series.depth.len() as f64);
    samples.fold(report.end_s, f64::max)
}

#[cfg(test)]
mod tests;
