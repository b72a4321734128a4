//! Distributions of lengths of time, as they are written.
//!
//! The words only: what can be drawn from, and how, is known to [`Dist`].

use super::decode::{Fields, Read, Reader};
use super::document::{Entry, Node, Table, Value};
use super::error::Problem;
use super::schema::{Block, SPAN, optional, required};
use crate::sim::{Dist, Span};

const DIST: Block = Block {
    path: "DISTRIBUTION",
    what: "a distribution",
    fields: &[
        optional("exponential", SPAN, "exponential, with this mean"),
        optional("uniform", "a list of two lengths of time", "each length between the two alike"),
        optional(
            "p50",
            SPAN,
            "two quantiles, here the median and with it `p99` or any other: the lognormal through both",
        ),
        optional("pareto", "a table", "the Pareto distribution: a heavy tail"),
        optional("quantiles", "a table of lengths of time: p0, p50, .., p100", "measured quantiles, even between them"),
        optional("max", SPAN, "cuts it there: what is longer takes this long"),
    ],
};

const PARETO: Block = Block {
    path: "DISTRIBUTION.pareto",
    what: "a Pareto distribution",
    fields: &[
        required("min", SPAN, "the shortest"),
        required("shape", "a number above 0", "the smaller, the heavier the tail; no mean up to 1"),
    ],
};

pub(crate) const BLOCKS: &[&Block] = &[&DIST, &PARETO];

/// A distribution: `"30ms"` is always that; the others are tables.
pub(crate) fn read(reader: &Reader<'_>, node: &Node) -> Read<Dist> {
    match &node.value {
        Value::Text(_) | Value::Number(_) => reader.span(node).map(Dist::fixed),
        Value::Table(table) => of_table(reader, node, table),
        _ => reader.wrong(node, super::schema::DIST),
    }
}

fn of_table(reader: &Reader<'_>, node: &Node, table: &Table) -> Read<Dist> {
    let (quantiles, rest): (Vec<&Entry>, Vec<&Entry>) =
        table.entries.iter().partition(|entry| quantile(&entry.key).is_some());
    let rest = Table { entries: rest.into_iter().cloned().collect() };
    let fields = Fields::new(reader, &DIST, &rest, node.at);
    let max = fields.optional("max", |n| reader.some_time(n));
    let dist = if quantiles.is_empty() {
        shape(&fields, node)
    } else {
        let others = ["exponential", "uniform", "pareto", "quantiles"];
        let alone = others.map(|name| fields.refuse(name, "quantiles say all of the distribution"));
        alone.into_iter().collect::<Read<()>>().and(through(reader, node, &quantiles))
    };
    let (dist, max) = (dist?, max?);
    Ok(match max {
        Some(max) => dist.cut(max),
        None => dist,
    })
}

fn shape(fields: &Fields<'_, '_>, node: &Node) -> Read<Dist> {
    let reader = fields.reader;
    let (name, entry) = fields.one_of(&["exponential", "uniform", "pareto", "quantiles"])?;
    let value = &entry.node;
    match name {
        "exponential" => reader.some_time(value).map(Dist::exponential),
        "uniform" => match reader.list(value, "the least and the most: [\"1ms\", \"3ms\"]")? {
            [min, max] => {
                let (min, max) = (reader.span(min), reader.span(max));
                drawn(reader, node, Dist::uniform(min?, max?))
            }
            _ => reader.wrong(value, "two lengths of time: [\"1ms\", \"3ms\"]"),
        },
        "pareto" => {
            let fields = Fields::of(reader, &PARETO, value, entry.key_at)?;
            let (min, shape) =
                (fields.read("min", |n| reader.some_time(n)), fields.read("shape", |n| reader.positive(n)));
            drawn(reader, node, Dist::pareto(min?, shape?))
        }
        _ => match &value.value {
            Value::Table(table) => {
                let points: Vec<Read<(f64, Span)>> = table.entries.iter().map(|entry| point(reader, entry)).collect();
                let points = points.into_iter().collect::<Read<Vec<_>>>()?;
                drawn(reader, value, Dist::empirical(points))
            }
            _ => reader.wrong(value, "a table of quantiles: { p0 = \"1ms\", p50 = \"3ms\", p100 = \"9ms\" }"),
        },
    }
}

fn through(reader: &Reader<'_>, node: &Node, quantiles: &[&Entry]) -> Read<Dist> {
    match quantiles {
        [one, other] => {
            let (one, other) = (point(reader, one), point(reader, other));
            drawn(reader, node, Dist::lognormal(one?, other?))
        }
        _ => {
            let problem = Problem::new(node.at, "a lognormal goes through two quantiles");
            let help = "with more than two, say { quantiles = { p0 = .., p50 = .., p100 = .. } }";
            reader.fail(problem.label(format!("expected two, found {}", quantiles.len())).help(help))
        }
    }
}

fn point(reader: &Reader<'_>, entry: &Entry) -> Read<(f64, Span)> {
    let span = reader.span(&entry.node);
    match quantile(&entry.key) {
        Some(p) => Ok((p, span?)),
        None => {
            let problem = Problem::new(entry.key_at, format!("`{}` is no quantile", entry.key.escape_debug()));
            reader.fail(problem.label("expected p0 to p100, such as p50 or \"p99.9\""))
        }
    }
}

/// The quantile that a key names, as a fraction: `p99.9`.
fn quantile(key: &str) -> Option<f64> {
    let number = key.strip_prefix('p').filter(|n| n.starts_with(|c: char| c.is_ascii_digit()))?;
    super::units::number(number, false).ok().filter(|p| *p <= 100.0).map(|p| p / 100.0)
}

fn drawn(reader: &Reader<'_>, node: &Node, dist: Result<Dist, String>) -> Read<Dist> {
    let at = node.at;
    dist.or_else(|why| reader.fail(Problem::new(at, "this is no distribution").label(why)))
}
