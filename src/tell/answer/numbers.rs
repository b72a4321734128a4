//! The numbers: what was produced and delivered, how fast, how busy, how deep; one block for each consumer.

use super::super::words::number;
use super::{LABEL, measured, measured_as, span};
use crate::model::Plan;
use crate::observe::report::{ConsumerReport, Latency, QueueReport, Report};

/// The block of every consumer.
pub(super) fn block(plan: &Plan, reports: &[Report]) -> String {
    // What is counted by the second, or on average while producers produced, is nothing where all came at once.
    let timed = reports.iter().all(|report| report.produced_for_s > 0.0);
    let mut text = String::new();
    for (c, consumer) in plan.consumers.iter().enumerate() {
        let of: Vec<&ConsumerReport> = reports.iter().filter_map(|report| report.consumers.get(c)).collect();
        let queue: Vec<&QueueReport> =
            reports.iter().filter_map(|report| report.queues.get(consumer.from.at())).collect();
        let label = if plan.consumers.len() == 1 { "numbers" } else { &consumer.name };
        grid(label, &cells(&of, &queue, timed), &mut text);
        times(&of, &mut text);
    }
    text
}

fn cells(of: &[&ConsumerReport], queue: &[&QueueReport], timed: bool) -> Vec<(&'static str, String)> {
    let values = |read: fn(&ConsumerReport) -> f64| of.iter().map(|report| read(report)).collect::<Vec<f64>>();
    let ran = of.iter().any(|report| report.counts.runs > 0);
    let only = |is: bool, text: String| if is { text } else { "-".into() };
    let depth: Vec<f64> = queue.iter().map(|queue| queue.max_depth as f64).collect();
    let percent = |value: f64| format!("{} %", number(value * 100.0));
    let rate = |value: f64| format!("{}/s", number(value));
    vec![
        ("produced", measured(&values(|c| c.counts.produced as f64))),
        ("delivered", measured(&values(|c| c.counts.delivered as f64))),
        ("runs per operation", only(ran, measured(&values(|c| c.runs_per_operation)))),
        ("goodput", only(timed, measured_as(&values(|c| c.goodput_per_s), rate))),
        ("utilisation", only(ran && timed, measured_as(&values(|c| c.utilisation), percent))),
        ("max depth", measured(&depth)),
    ]
}

/// Labels and values in three columns, the values to the right.
fn grid(label: &str, cells: &[(&str, String)], text: &mut String) {
    const COLUMNS: usize = 3;
    let width = |column: usize, of: &dyn Fn(&(&str, String)) -> usize| {
        cells.iter().skip(column).step_by(COLUMNS).map(of).max().unwrap_or(0)
    };
    for (i, row) in cells.chunks(COLUMNS).enumerate() {
        let label = if i == 0 { label } else { "" };
        text.push_str(&format!("  {label:<width$}", width = LABEL - 2));
        for (column, (name, value)) in row.iter().enumerate() {
            let (names, values) = (width(column, &|cell| cell.0.len()), width(column, &|cell| cell.1.chars().count()));
            let gap = if column > 0 { "     " } else { "" };
            text.push_str(&format!("{gap}{name:<names$}  {value:>values$}"));
        }
        text.push('\n');
    }
}

/// The quantiles of what was measured.
fn times(of: &[&ConsumerReport], text: &mut String) {
    type Read = fn(&ConsumerReport) -> &Latency;
    type Quantile = fn(&Latency) -> f64;
    let rows: [(&str, Read); 3] =
        [("end to end", |c| &c.end_to_end), ("queueing", |c| &c.queueing), ("handler", |c| &c.handler)];
    let quantiles: [(&str, Quantile); 3] = [("p50", |l| l.p50_s), ("p99", |l| l.p99_s), ("max", |l| l.max_s)];
    let cell = |read: Read, quantile: Quantile| {
        let known = of.iter().map(|report| read(report)).filter(|latency| latency.count > 0);
        let values: Vec<f64> = known.map(quantile).collect();
        if values.is_empty() { "-".to_owned() } else { measured_as(&values, span) }
    };
    let table: Vec<Vec<String>> =
        rows.iter().map(|&(_, read)| quantiles.iter().map(|&(_, quantile)| cell(read, quantile)).collect()).collect();
    let widths: Vec<usize> = (0..quantiles.len())
        .map(|column| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(6))
        .collect();
    let line = |name: &str, cells: &mut dyn Iterator<Item = &str>| {
        let cells: String = cells.zip(&widths).map(|(cell, width)| format!("   {cell:>width$}")).collect();
        format!("{:LABEL$}{name:<10}{cells}\n", "")
    };
    text.push_str(&line("", &mut quantiles.iter().map(|(name, _)| *name)));
    for ((name, _), row) in rows.iter().zip(&table) {
        text.push_str(&line(name, &mut row.iter().map(String::as_str)));
    }
}
