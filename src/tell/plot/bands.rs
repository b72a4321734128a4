//! Faults as shaded bands across the panels of a plot, each named above them.
//!
//! It knows places along one axis of time, not what is plotted. Where the names have no room, one line counts them
//! instead: no name is drawn over another.

use std::collections::BTreeMap;

use super::panel::{Panel, TEXT};
use super::picture::{Anchor, Ink, Picture, Point, fit, text_width};
use crate::observe::report::FaultBand;

/// The rows of names above the caption of the first panel: how far up each stands.
const ROWS: [f64; 2] = [29.0, 43.0];
/// More than so many names would be a picture of names.
const MOST_NAMES: usize = 40;
/// A band is never drawn narrower: a crash of 5 s in an hour would not be seen.
const NARROWEST: f64 = 2.0;
const GAP: f64 = 8.0;

/// Shades `panels`, which share their axis of time, and names the faults in the strip above the first.
pub(super) fn draw(picture: &mut Picture, faults: &[FaultBand], panels: &[&Panel]) {
    let Some(first) = panels.first() else { return };
    let mut bands: Vec<(f64, f64, &str)> = faults.iter().filter_map(|fault| place(fault, first)).collect();
    bands.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(b.2)));
    for (from, to) in merged(&bands) {
        for panel in panels {
            picture.area((from, panel.top), (to, panel.bottom), Ink::BAND);
        }
    }
    match side_by_side(&bands, first) {
        Some(names) => {
            for (at, name) in names {
                picture.text(at, Anchor::Start, TEXT, Ink::ALARM, name);
            }
        }
        None => {
            let at = (first.left, first.top - ROWS[0]);
            picture.area((at.0, at.1 - 5.0), (at.0 + 14.0, at.1 + 5.0), Ink::BAND);
            let room = first.right - at.0 - 20.0;
            picture.text((at.0 + 20.0, at.1), Anchor::Start, TEXT, Ink::ALARM, in_one_line(&bands, room));
        }
    }
}

/// Where the band of a fault lies across, and its name; `None` where it lies outside.
fn place<'a>(fault: &'a FaultBand, panel: &Panel) -> Option<(f64, f64, &'a str)> {
    if fault.from_s > panel.x.max || fault.to_s < 0.0 {
        return None;
    }
    let (from, to) = (panel.across(fault.from_s.max(0.0)), panel.across(fault.to_s.min(panel.x.max)));
    let to = to.max(from + NARROWEST).min(panel.right);
    Some((from.min(to - NARROWEST), to, &fault.what))
}

/// The bands as stretches that do not touch, or shade would be laid on shade.
fn merged(bands: &[(f64, f64, &str)]) -> Vec<(f64, f64)> {
    let mut stretches: Vec<(f64, f64)> = Vec::new();
    for &(from, to, _) in bands {
        match stretches.last_mut() {
            Some(last) if from <= last.1 + 0.5 => last.1 = last.1.max(to),
            _ => stretches.push((from, to)),
        }
    }
    stretches
}

/// Every name above the middle of its band, in the first row that has room; `None` where one finds no room.
fn side_by_side(bands: &[(f64, f64, &str)], panel: &Panel) -> Option<Vec<(Point, String)>> {
    if bands.len() > MOST_NAMES {
        return None;
    }
    let mut free_from = ROWS.map(|_| panel.left);
    let mut names = Vec::new();
    for &(from, to, name) in bands {
        let name = fit(name, TEXT, panel.right - panel.left);
        let width = text_width(&name, TEXT);
        let left = ((from + to - width) / 2.0).min(panel.right - width).max(panel.left);
        let row = free_from.iter().position(|&free| free <= left)?;
        free_from[row] = left + width + GAP;
        names.push(((left, panel.top - ROWS[row]), name));
    }
    Some(names)
}

/// The names with their counts, most first, as far as there is room. Processes of one consumer count together.
fn in_one_line(bands: &[(f64, f64, &str)], room: f64) -> String {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for &(_, _, name) in bands {
        groups.entry(group(name)).or_default().push(name);
    }
    let named = |(group, names): (String, Vec<&str>)| {
        let all_one = names.iter().all(|&name| name == names[0]);
        (if all_one { names[0].to_owned() } else { group }, names.len())
    };
    let mut counts: Vec<(String, usize)> = groups.into_iter().map(named).collect();
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let listed = |shown: usize| {
        let times = |(name, count): &(String, usize)| match count {
            1 => name.clone(),
            _ => format!("{name} {count} times"),
        };
        let names: Vec<String> = counts[..shown].iter().map(times).collect();
        let more = counts.len() - shown;
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        format!("{}{more}", names.join(", "))
    };
    let fitting = (1..=counts.len()).rev().map(listed).find(|text| text_width(text, TEXT) <= room);
    fitting.unwrap_or_else(|| fit(&listed(1), TEXT, room))
}

/// `capture-3 crashed` is one of `capture-* crashed`.
fn group(name: &str) -> String {
    let (who, what) = name.split_once(' ').unwrap_or((name, ""));
    match who.rsplit_once('-') {
        Some((whose, number)) if number.parse::<u32>().is_ok() => format!("{whose}-* {what}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_one_consumer_count_together_where_names_have_no_room() {
        let names = ["capture-1 crashed", "capture-2 crashed", "payments down", "capture-1 crashed", "refund-1 paused"];
        let bands = names.map(|name| (0.0, 1.0, name));
        let all = "capture-* crashed 3 times, payments down, refund-1 paused";
        assert_eq!(in_one_line(&bands, 900.0), all);
        assert_eq!(in_one_line(&bands, 300.0), "capture-* crashed 3 times, and 2 more");
    }

    #[test]
    fn bands_that_touch_are_one() {
        let bands = [(1.0, 3.0, "a"), (2.0, 2.5, "b"), (3.2, 5.0, "c"), (9.0, 11.0, "d")];
        assert_eq!(merged(&bands), [(1.0, 5.0), (9.0, 11.0)]);
    }
}
