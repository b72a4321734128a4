//! Pictures of made-up runs: same bytes, no text cut or written over another, and a sentence where nothing is to see.

use super::picture::Picture;
use super::*;
use crate::observe::report::{CauseCount, ConsumerReport, Counts, FaultBand, Latency, Series};
use crate::sim::oracle::mix;

/// An hour in which the payments queue fills and drains, as the first scenario of the guide has it.
fn an_hour(queues: usize, faults: usize) -> Report {
    const SAMPLES: u64 = 360;
    let series = (0..queues as u64).map(|queue| {
        let wave = |i: u64, height: u64| {
            let noise = mix(queue * 1000 + i) % (height / 6 + 1);
            let hill = if (120..200).contains(&i) { (40 - i.abs_diff(160).min(40)) * height / 20 } else { 0 };
            (hill + noise) / (queue + 1)
        };
        let depth: Vec<u64> = (0..SAMPLES).map(|i| wave(i, 60)).collect();
        let in_flight: Vec<u64> = (0..SAMPLES).map(|i| 74 / (queue + 1) + wave(i, 20)).collect();
        Series {
            queue: if queue == 0 { "payments".into() } else { format!("payments-dlq-{queue}") },
            every_s: 10.0,
            lag: depth.iter().zip(&in_flight).map(|(a, b)| a + b).collect(),
            oldest_age_s: depth.iter().map(|&n| n as f64 * 0.31).collect(),
            effects: vec![2000; SAMPLES as usize],
            duplicates: (0..SAMPLES).map(|i| if mix(i + queue).is_multiple_of(5) { mix(i) % 4 } else { 0 }).collect(),
            depth,
            in_flight,
        }
    });
    let bands = (0..faults as u64).map(|i| {
        let from_s = 3600.0 * (i as f64 + 0.3) / faults as f64;
        FaultBand { what: format!("capture-{} crashed", i % 8 + 1), from_s, to_s: from_s + 40.0 }
    });
    Report {
        seed: 7,
        end_s: 3611.5,
        produced_for_s: 3600.0,
        cut: None,
        still_stored: 0,
        counts: Counts::default(),
        consumers: vec![consumer(
            "capture",
            &[("leases expired under a live handler", 90), ("crashes before the ack", 9)],
        )],
        queues: Vec::new(),
        guarantees: Vec::new(),
        series: series.collect(),
        more_faults: 0,
        faults: bands.collect(),
        fingerprint: String::new(),
    }
}

fn consumer(name: &str, causes: &[(&str, u64)]) -> ConsumerReport {
    let cause = |&(cause, count): &(&str, u64)| CauseCount { cause: cause.into(), count, first_op: 1 };
    ConsumerReport {
        name: name.into(),
        counts: Counts::default(),
        duplicates_by_cause: causes.iter().map(cause).collect(),
        lost_by_reason: Vec::new(),
        queueing: Latency::default(),
        handler: Latency::default(),
        end_to_end: Latency::default(),
        utilisation: 0.0,
        runs_per_operation: 1.0,
        goodput_per_s: 0.0,
        guarantees: Vec::new(),
    }
}

const TITLE_OF_GUIDE: &str = "The card network is slower than the visibility timeout";

/// Every situation that a picture must bear.
fn situations() -> Vec<(&'static str, Report)> {
    let (mut idle, mut unsampled, mut cut, mut many_causes) =
        (an_hour(2, 3), an_hour(1, 0), an_hour(9, 12), an_hour(2, 4));
    for series in &mut idle.series {
        for list in [&mut series.depth, &mut series.in_flight, &mut series.lag, &mut series.duplicates] {
            list.fill(0);
        }
        series.oldest_age_s.fill(0.0);
    }
    idle.consumers.clear();
    unsampled.series.clear();
    cut.cut = Some(
        "a million calls in one instant, from capture to payments and back again, without any time passing".into(),
    );
    cut.consumers[0].name = "capture-of-the-payments-of-the-whole-world".into();
    let causes: Vec<(String, u64)> = (0..9)
        .map(|i| (format!("cause number {i} that takes a rather long sentence to say in full"), 1 << (2 * i)))
        .collect();
    let causes: Vec<(&str, u64)> = causes.iter().map(|(cause, n)| (cause.as_str(), *n)).collect();
    many_causes.consumers = vec![consumer("capture", &causes[..5]), consumer("refund", &causes[5..])];
    let mut long = an_hour(1, 0);
    let series = &mut long.series[0];
    series.every_s = 1.0;
    for list in [&mut series.depth, &mut series.in_flight, &mut series.lag, &mut series.duplicates] {
        *list = list.iter().flat_map(|&n| [n; 10]).collect();
    }
    series.oldest_age_s = series.oldest_age_s.iter().flat_map(|&s| [s; 10]).collect();
    let mut short = an_hour(1, 1);
    short.end_s = 0.0042;
    short.series[0].every_s = 1e-5;
    short.faults[0] = FaultBand { what: "payments down ".repeat(20), from_s: 0.0041, to_s: 9.0 };
    vec![
        ("usual", an_hour(2, 4)),
        ("idle", idle),
        ("unsampled", unsampled),
        ("cut", cut),
        ("many queues", an_hour(30, 300)),
        ("many causes", many_causes),
        ("long", long),
        ("short", short),
    ]
}

fn pictures(report: &Report) -> [(&'static str, Picture); 2] {
    [("lag", lag::draw(TITLE_OF_GUIDE, report)), ("duplicates", duplicates::draw(TITLE_OF_GUIDE, report))]
}

#[test]
fn no_text_is_cut_or_written_over_another() {
    for (situation, report) in situations() {
        for (which, picture) in pictures(&report) {
            let boxes = picture.boxes();
            for (i, (text, from, to)) in boxes.iter().enumerate() {
                let inside = from.0 >= 0.0 && from.1 >= 0.0 && to.0 <= SIZE.0 && to.1 <= SIZE.1;
                assert!(inside, "{situation}, {which}: `{text}` leaves the picture: {from:?} {to:?}");
                for (other, start, end) in &boxes[..i] {
                    let apart = from.0 >= end.0 || start.0 >= to.0 || from.1 >= end.1 || start.1 >= to.1;
                    assert!(apart, "{situation}, {which}: `{text}` lies on `{other}`");
                }
            }
        }
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    // FNV-1a of every picture: a change here is a change of how pictures look, to be looked at.
    let digest = |svg: &str| {
        svg.bytes().fold(0xCBF2_9CE4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01B3))
    };
    let mut lines = Vec::new();
    for (situation, report) in situations() {
        let (lag, duplicates) = (lag_svg(situation, &report).unwrap(), duplicates_svg(situation, &report).unwrap());
        assert_eq!(lag_svg(situation, &report).unwrap(), lag);
        assert!(lag.len().max(duplicates.len()) < 600_000, "{situation}: {} bytes", lag.len().max(duplicates.len()));
        lines.push(format!("{situation}: {:016x} {:016x}", digest(&lag), digest(&duplicates)));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    usual: d66c7e5d008d6bb0 4de73e381b61b4b8
    idle: 70bd3d1e2e75fde1 76f71d9517d92d98
    unsampled: 036f90a9bca6d865 5c3d157b66c80e3f
    cut: 32171b26a00e4012 0e994d80dd7e6b11
    many queues: af855d514932f48b da8e2d3de106be3a
    many causes: 9c2876e6d4782fbd c3eccd89f6b263e8
    long: 49c12e2b51702271 1cbb951bd21940e9
    short: 6935ce13d9ec16b4 e643755958e88ace
    ");
}

#[test]
fn what_is_missing_is_said() {
    let mut nothing = an_hour(0, 0);
    assert!(lag_svg("", &nothing).unwrap().contains("Nothing was sampled"));
    assert!(duplicates_svg("", &nothing).unwrap().contains("No sample holds them"));
    nothing.consumers.clear();
    assert!(duplicates_svg("", &nothing).unwrap().contains("No duplicates"));
}

#[test]
fn names_from_a_scenario_are_escaped() {
    let svg = lag_svg("a < b & c", &an_hour(1, 0)).unwrap();
    assert!(svg.contains("a &lt; b &amp; c") && !svg.contains("a < b"));
}

/// Writes every picture to the folder in `PICTURES`, to look at.
#[test]
#[ignore = "for people: PICTURES=/tmp/pictures cargo test --lib plot -- --ignored"]
fn write_every_picture() {
    let folder = std::path::PathBuf::from(std::env::var("PICTURES").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    for (situation, report) in situations() {
        for (which, picture) in pictures(&report) {
            std::fs::write(folder.join(format!("{situation} {which}.svg")), picture.svg().unwrap()).unwrap();
        }
    }
}
