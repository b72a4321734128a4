//! The worlds of some seeds, run on some threads, with their progress and an ear for Ctrl-C.
//!
//! Only the first world is shown over time, so of the others the series are not kept: many seeds take little memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::interrupt;
use super::progress::Progress;
use crate::model::Stage;
use crate::observe::Report;
use crate::sim::{Span, Time};
use crate::ways::pool;
use crate::ways::run::{Pace, run};

/// As many threads as were asked for, or as the machine runs at once.
pub(super) fn threads(asked: Option<u32>) -> usize {
    let at_once = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.map_or_else(at_once, |asked| asked as usize)
}

/// So many seeds, from the first one on.
pub(super) fn seeds(first: u64, count: u32) -> Vec<u64> {
    (0..u64::from(count)).map(|more| first.wrapping_add(more)).collect()
}

/// The reports of these worlds, in the order of the seeds; cut short, and perhaps fewer, where Ctrl-C came.
pub(super) fn worlds(stage: &Stage, seeds: &[u64], threads: usize, progress: &Progress) -> Vec<Report> {
    let over = AtomicUsize::new(0);
    let one = |&seed: &u64| {
        let report = run(stage, seed, &pace(progress, seed, || (over.load(Ordering::Relaxed), seeds.len())));
        over.fetch_add(1, Ordering::Relaxed);
        report
    };
    let mut reports: Vec<Report> = Vec::new();
    pool::in_order(seeds, threads, one, |mut report| {
        if !reports.is_empty() {
            (report.series, report.faults) = (Vec::new(), Vec::new());
        }
        reports.push(report);
        !interrupt::asked()
    });
    reports
}

/// Shows how far the world of a seed is, and stops it where Ctrl-C came; `over` says how many worlds are, of how many.
pub(super) fn pace(progress: &Progress, seed: u64, over: impl Fn() -> (usize, usize) + Sync) -> impl Pace {
    move |now: Time, produced: u32| {
        progress.show(|| {
            let worlds = match over() {
                (_, 1) => String::new(),
                (over, all) => format!("; {over} of {all} worlds are over"),
            };
            format!("seed {seed}: {} simulated, {produced} operations{worlds}", about(now))
        });
        !interrupt::asked()
    }
}

/// A moment to the second, or to the minute where there are many.
fn about(now: Time) -> Span {
    let seconds = now.nanos() / 1_000_000_000;
    Span::from_secs(if seconds < 600 { seconds } else { seconds / 60 * 60 })
}
