//! A picture: a list of marks in points, 900 by 600, and the SVG text of it.
//!
//! It knows no report and no axis. The same marks give the same bytes: no font is looked up, so the width of a text is an
//! estimate, on the safe side for the usual sans-serif faces.

use std::fmt;

use plotters::prelude::{DrawingBackend, FontFamily, FontStyle, RGBAColor, SVGBackend, ShapeStyle, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont};

/// Width and height of every picture.
pub(super) const SIZE: (f64, f64) = (900.0, 600.0);

/// plotters rounds to whole pixels: it draws so many times larger, and the picture is shown at its size.
const ZOOM: f64 = 10.0;

/// plotters divides the size of a text by this.
const PLOTTERS_EM: f64 = 1.24;

const FACES: &str = "Inter, Helvetica, Arial, sans-serif";

/// A colour and how much of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ink(pub u8, pub u8, pub u8, pub f64);

impl Ink {
    pub const PAPER: Ink = Ink(0xFF, 0xFF, 0xFF, 1.0);
    pub const TEXT: Ink = Ink(0x24, 0x29, 0x2F, 1.0);
    pub const FAINT_TEXT: Ink = Ink(0x57, 0x60, 0x6A, 1.0);
    pub const GRID: Ink = Ink(0xE1, 0xE4, 0xE8, 1.0);
    pub const AXIS: Ink = Ink(0x8C, 0x95, 0x9F, 1.0);
    /// What stands out: vermilion.
    pub const ALARM: Ink = Ink(0xB3, 0x4A, 0x00, 1.0);
    pub const BAND: Ink = Ink(0xD5, 0x5E, 0x00, 0.13);
    /// Okabe and Ito: told apart by the colour-blind too.
    pub const SERIES: [Ink; 6] = [
        Ink(0x00, 0x72, 0xB2, 1.0),
        Ink(0xE6, 0x9F, 0x00, 1.0),
        Ink(0x00, 0x9E, 0x73, 1.0),
        Ink(0xD5, 0x5E, 0x00, 1.0),
        Ink(0xCC, 0x79, 0xA7, 1.0),
        Ink(0x56, 0xB4, 0xE9, 1.0),
    ];

    fn color(self) -> RGBAColor {
        RGBAColor(self.0, self.1, self.2, self.3)
    }
}

/// Which point of a text stands at its place; the middle of its height always does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Dash {
    Solid,
    Dashed,
    Dotted,
}

/// A point, from the upper left corner.
pub(super) type Point = (f64, f64);

#[derive(Debug)]
enum Mark {
    Area { from: Point, to: Point, ink: Ink },
    Line { points: Vec<Point>, width: f64, ink: Ink },
    Text { at: Point, anchor: Anchor, size: f64, bold: bool, ink: Ink, text: String },
}

/// What is drawn, from the bottom up.
#[derive(Debug, Default)]
pub(super) struct Picture {
    marks: Vec<Mark>,
}

/// A picture that could not be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlotError(String);

impl fmt::Display for PlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the picture could not be drawn: {}", self.0)
    }
}

impl std::error::Error for PlotError {}

impl Picture {
    /// A filled rectangle.
    pub fn area(&mut self, from: Point, to: Point, ink: Ink) {
        self.marks.push(Mark::Area { from, to, ink });
    }

    /// A line through all points.
    pub fn line(&mut self, points: Vec<Point>, width: f64, ink: Ink, dash: Dash) {
        let pieces = match dash {
            Dash::Solid => vec![points],
            Dash::Dashed => pieces(&points, 7.0, 4.0),
            Dash::Dotted => pieces(&points, 2.0, 3.0),
        };
        self.marks.extend(pieces.into_iter().map(|points| Mark::Line { points, width, ink }));
    }

    /// A text of this size in points.
    pub fn text(&mut self, at: Point, anchor: Anchor, size: f64, ink: Ink, text: impl Into<String>) {
        self.marks.push(Mark::Text { at, anchor, size, bold: false, ink, text: text.into() });
    }

    /// A heading.
    pub fn heading(&mut self, at: Point, size: f64, text: impl Into<String>) {
        let (anchor, ink) = (Anchor::Start, Ink::TEXT);
        self.marks.push(Mark::Text { at, anchor, size, bold: true, ink, text: text.into() });
    }

    /// The SVG text.
    pub fn svg(&self) -> Result<String, PlotError> {
        let large = |length: f64| (length * ZOOM).round() as i32;
        let (width, height) = (large(SIZE.0) as u32, large(SIZE.1) as u32);
        let at = |(x, y): Point| (large(x), large(y));
        let mut svg = String::new();
        {
            let mut backend = SVGBackend::with_string(&mut svg, (width, height));
            for mark in &self.marks {
                match mark {
                    Mark::Area { from, to, ink } => backend.draw_rect(at(*from), at(*to), &ink.color(), true),
                    Mark::Line { points, width, ink } => {
                        let style =
                            ShapeStyle { color: ink.color(), filled: false, stroke_width: large(*width) as u32 };
                        backend.draw_path(points.iter().map(|&point| at(point)), &style)
                    }
                    Mark::Text { at: place, anchor, size, bold, ink, text } => {
                        let style = text_style(*anchor, *size, *bold, *ink);
                        backend.draw_text(text, &style, at(*place))
                    }
                }
                .map_err(|error| PlotError(error.to_string()))?;
            }
            backend.present().map_err(|error| PlotError(error.to_string()))?;
        }
        let shown = format!("<svg width=\"{}\" height=\"{}\" stroke-linejoin=\"round\"", SIZE.0, SIZE.1);
        Ok(svg.replacen(&format!("<svg width=\"{width}\" height=\"{height}\""), &shown, 1))
    }

    /// The texts with the boxes that they are believed to fill, for tests that none is cut or overlaps.
    #[cfg(test)]
    pub fn boxes(&self) -> Vec<(String, Point, Point)> {
        let of = |mark: &Mark| {
            let Mark::Text { at: (x, y), anchor, size, text, .. } = mark else { return None };
            let width = text_width(text, *size);
            let left = match anchor {
                Anchor::Start => *x,
                Anchor::Middle => x - width / 2.0,
                Anchor::End => x - width,
            };
            Some((text.clone(), (left, y - size / 2.0), (left + width, y + size / 2.0)))
        };
        self.marks.iter().filter_map(of).collect()
    }
}

fn text_style(anchor: Anchor, size: f64, bold: bool, ink: Ink) -> TextStyle<'static> {
    let font = (FontFamily::Name(FACES), size * ZOOM * PLOTTERS_EM).into_font();
    let font = if bold { font.style(FontStyle::Bold) } else { font };
    let across = match anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    TextStyle { font, color: ink.color().to_backend_color(), pos: Pos::new(across, VPos::Center) }
}

/// How wide a text will be, at most, in the usual faces.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.6
}

/// The text, shortened to what fits into `width`.
pub(super) fn fit(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let room = (width / (size * 0.6)) as usize;
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// The pieces of a line that is drawn for `on` and left out for `off`, along its length.
fn pieces(points: &[Point], on: f64, off: f64) -> Vec<Vec<Point>> {
    let (mut pieces, mut piece, mut left) = (Vec::new(), points.first().copied().into_iter().collect::<Vec<_>>(), on);
    let mut drawing = true;
    for two in points.windows(2) {
        let (mut from, to) = (two[0], two[1]);
        loop {
            let (dx, dy) = (to.0 - from.0, to.1 - from.1);
            let length = (dx * dx + dy * dy).sqrt();
            if length <= left {
                left -= length;
                break;
            }
            from = (from.0 + dx * left / length, from.1 + dy * left / length);
            if drawing {
                piece.push(from);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![from];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        if drawing {
            piece.push(to);
        }
    }
    pieces.extend((piece.len() > 1).then_some(piece));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashed_line_goes_round_corners() {
        let corner = [(0.0, 0.0), (3.0, 0.0), (3.0, 4.0)];
        let dashes = [vec![(0.0, 0.0), (2.0, 0.0)], vec![(3.0, 0.0), (3.0, 2.0)], vec![(3.0, 3.0), (3.0, 4.0)]];
        assert_eq!(pieces(&corner, 2.0, 1.0), dashes);
    }

    #[test]
    fn a_text_that_is_too_long_says_so() {
        assert_eq!(fit("payments", 10.0, 48.0), "payments");
        assert_eq!(fit("payments-dlq", 10.0, 48.0), "payment…");
    }

    #[test]
    fn a_picture_is_drawn_ten_times_larger_and_shown_at_its_size() {
        let mut picture = Picture::default();
        picture.line(vec![(0.25, 0.0), (1.5, 2.0)], 1.5, Ink::TEXT, Dash::Solid);
        let svg = picture.svg().unwrap();
        assert!(
            svg.starts_with("<svg width=\"900\" height=\"600\" stroke-linejoin=\"round\" viewBox=\"0 0 9000 6000\"")
        );
        assert!(svg.contains("stroke-width=\"15\" points=\"3,0 15,20 \""), "{svg}");
    }
}
