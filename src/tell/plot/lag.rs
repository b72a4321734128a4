//! What waits, by queue over time: ready messages, messages in flight, and the age of the oldest.
//!
//! A queue has one colour in all three panels, and a broken line where the colours begin again.

use super::axis::Axis;
use super::panel::{Panel, TEXT};
use super::picture::{Anchor, Dash, Ink, Picture, PlotError, SIZE, fit};
use super::{LEFT, MARGIN, bands, end_of_time, say, titled};
use crate::observe::report::{Report, Series};

const RIGHT: f64 = 712.0;
const FIRST_TOP: f64 = 112.0;
const HEIGHT: f64 = 130.0;
const FROM_PANEL_TO_PANEL: f64 = 160.0;
const LEGEND_LINE: f64 = 18.0;
/// As many lines as can be told apart: each colour solid, dashed and dotted.
const MOST_QUEUES: usize = 18;

/// Draws what each queue held over time.
///
/// # Errors
/// The picture could not be drawn.
pub fn lag_svg(title: &str, report: &Report) -> Result<String, PlotError> {
    draw(title, report).svg()
}

pub(super) fn draw(title: &str, report: &Report) -> Picture {
    let mut picture = titled(title, "what waits", report);
    let queues = busiest(&report.series);
    if queues.is_empty() {
        say(&mut picture, "Nothing was sampled: no queue, or the run ended before the first sample.");
        return picture;
    }
    let end = end_of_time(report);
    let time = Axis::seconds(end, 8).ending_at(end);
    let panel = |number: f64, caption, y| {
        let top = FIRST_TOP + number * FROM_PANEL_TO_PANEL;
        Panel { caption, left: LEFT, right: RIGHT, top, bottom: top + HEIGHT, x: &time, y }
    };
    let most = |of: fn(&Series) -> &[u64]| queues.iter().flat_map(|series| of(series)).copied().max().unwrap_or(0);
    let oldest = queues.iter().flat_map(|series| &series.oldest_age_s).copied().fold(0.0, f64::max);
    let ready = panel(0.0, "ready messages", Axis::counts(most(|series| &series.depth), 4));
    let in_flight = panel(1.0, "messages in flight", Axis::counts(most(|series| &series.in_flight), 4));
    let age = panel(2.0, "age of the oldest message not yet settled", Axis::seconds(oldest, 4));

    bands::draw(&mut picture, &report.faults, &[&ready, &in_flight, &age]);
    for panel in [&ready, &in_flight, &age] {
        panel.frame(&mut picture);
    }
    age.times(&mut picture);
    // The first queue is drawn last, over the others.
    for (place, series) in queues.iter().enumerate().rev() {
        let (ink, dash) = style(place);
        let numbers = |of: &[u64]| of.iter().map(|&n| n as f64).collect::<Vec<_>>();
        ready.curve(&mut picture, series.every_s, &numbers(&series.depth), ink, dash);
        in_flight.curve(&mut picture, series.every_s, &numbers(&series.in_flight), ink, dash);
        age.curve(&mut picture, series.every_s, &series.oldest_age_s, ink, dash);
    }
    legend(&mut picture, &queues, report.series.len());
    picture
}

/// The sampled queues in the order of the report; where they are too many, those that had the greatest lag.
fn busiest(series: &[Series]) -> Vec<&Series> {
    let mut places: Vec<usize> = (0..series.len()).filter(|&place| !series[place].depth.is_empty()).collect();
    places.sort_by_key(|&place| std::cmp::Reverse(series[place].lag.iter().max()));
    places.truncate(MOST_QUEUES);
    places.sort_unstable();
    places.into_iter().map(|place| &series[place]).collect()
}

fn style(place: usize) -> (Ink, Dash) {
    let dashes = [Dash::Solid, Dash::Dashed, Dash::Dotted];
    let colours = Ink::SERIES.len();
    (Ink::SERIES[place % colours], dashes[place / colours % dashes.len()])
}

fn legend(picture: &mut Picture, queues: &[&Series], of: usize) {
    const SWATCH: f64 = 20.0;
    let left = RIGHT + 20.0;
    let room = SIZE.0 - MARGIN / 2.0 - left - SWATCH - 6.0;
    let mut y = FIRST_TOP + 4.0;
    for (place, series) in queues.iter().enumerate() {
        let (ink, dash) = style(place);
        picture.line(vec![(left, y), (left + SWATCH, y)], 2.4, ink, dash);
        let at = (left + SWATCH + 6.0, y);
        picture.text(at, Anchor::Start, TEXT, Ink::TEXT, fit(&series.queue, TEXT, room));
        y += LEGEND_LINE;
    }
    if queues.len() < of {
        let text = format!("and {} with less", of - queues.len());
        picture.text((left, y), Anchor::Start, TEXT, Ink::FAINT_TEXT, text);
    }
}
