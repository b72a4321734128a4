//! A panel: two axes, a horizontal grid, and what is drawn between them.
//!
//! It knows values and where they stand in the picture, not what they mean.

use super::axis::Axis;
use super::picture::{Anchor, Dash, Ink, Picture, Point};

/// The size of the text at ticks and in legends.
pub(super) const TEXT: f64 = 11.0;
/// The size of what stands above a panel.
pub(super) const CAPTION: f64 = 12.0;

/// A part of the picture in which values are drawn.
pub(super) struct Panel<'a> {
    /// What is drawn, in a few words above it.
    pub caption: &'a str,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    /// Time, in seconds.
    pub x: &'a Axis,
    pub y: Axis,
}

impl Panel<'_> {
    /// Where a moment stands, from left to right.
    pub fn across(&self, seconds: f64) -> f64 {
        self.left + (self.right - self.left) * part(seconds, self.x.max)
    }

    /// Where a value stands, from top to bottom.
    pub fn height(&self, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * part(value, self.y.max)
    }

    /// The caption, the grid with its values, and the line of time at the bottom.
    pub fn frame(&self, picture: &mut Picture) {
        picture.heading((self.left, self.top - 12.0), CAPTION, self.caption);
        for (value, words) in &self.y.ticks {
            let y = self.height(*value);
            let ink = if *value == 0.0 { Ink::AXIS } else { Ink::GRID };
            picture.line(vec![(self.left, y), (self.right, y)], 1.0, ink, Dash::Solid);
            picture.text((self.left - 8.0, y), Anchor::End, TEXT, Ink::FAINT_TEXT, words.clone());
        }
        for (seconds, _) in &self.x.ticks {
            let x = self.across(*seconds);
            picture.line(vec![(x, self.bottom), (x, self.bottom + 4.0)], 1.0, Ink::AXIS, Dash::Solid);
        }
    }

    /// What the ticks of time say, below.
    pub fn times(&self, picture: &mut Picture) {
        for (seconds, words) in &self.x.ticks {
            let at = (self.across(*seconds), self.bottom + 14.0);
            picture.text(at, Anchor::Middle, TEXT, Ink::FAINT_TEXT, words.clone());
        }
    }

    /// A line through samples, the first of them at `every`.
    pub fn curve(&self, picture: &mut Picture, every: f64, samples: &[f64], ink: Ink, dash: Dash) {
        let at = |(i, value): (usize, &f64)| (self.across((i + 1) as f64 * every), self.height(*value));
        picture.line(thinned(samples.iter().enumerate().map(at)), 1.6, ink, dash);
    }
}

fn part(value: f64, of: f64) -> f64 {
    if of > 0.0 { (value / of).clamp(0.0, 1.0) } else { 0.0 }
}

/// The same line with few points: of those that share half a point of width, the first, the extremes and the last.
fn thinned(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::new();
    let mut column: Vec<Point> = Vec::new();
    let of = |point: &Point| (point.0 * 2.0) as i64;
    for point in points {
        if column.first().is_some_and(|first| of(first) != of(&point)) {
            keep(&mut kept, &mut column);
        }
        column.push(point);
    }
    keep(&mut kept, &mut column);
    kept
}

fn keep(kept: &mut Vec<Point>, column: &mut Vec<Point>) {
    let by_height = |a: &usize, b: &usize| column[*a].1.total_cmp(&column[*b].1);
    let (lowest, highest) = ((0..column.len()).max_by(by_height), (0..column.len()).min_by(by_height));
    let ends = [Some(0), lowest, highest, column.len().checked_sub(1)];
    let mut places: Vec<usize> = ends.into_iter().flatten().filter(|&place| place < column.len()).collect();
    places.sort_unstable();
    places.dedup();
    kept.extend(places.into_iter().map(|place| column[place]));
    column.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_line_keeps_every_peak() {
        let peak = |i: usize| if i == 5_000 { 9.0 } else { 1.0 };
        let line = thinned((0..10_000).map(|i| (i as f64 / 100.0, peak(i))));
        assert!(line.len() < 1_000, "{}", line.len());
        assert!(line.contains(&(50.0, 9.0)));
        let short = [(0.0, 1.0), (1.0, 2.0), (2.0, 1.0)];
        assert_eq!(thinned(short.into_iter()), short);
    }
}
