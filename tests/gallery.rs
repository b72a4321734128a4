//! The pictures of the README are made again, byte for byte. `UPDATE=1` rewrites them: look at them before they are kept.

use std::fs;

use redelivery::model::Stage;
use redelivery::observe::Report;
use redelivery::scenario::Scenario;
use redelivery::sim::Time;
use redelivery::tell::plot::{PlotError, duplicates_svg, lag_svg};
use redelivery::ways::run::run;

type Plot = fn(&str, &Report) -> Result<String, PlotError>;

/// The picture, and the scenario and plot that make it.
const PICTURES: [(&str, &str, Plot); 2] = [
    ("payment-capture-duplicates", "scenarios/06-payment-capture/capture.toml", duplicates_svg),
    ("poison-lag", "scenarios/05-poison/poison.toml", lag_svg),
];

#[test]
fn the_gallery_is_made_again_to_the_byte() {
    for (picture, file, plot) in PICTURES {
        let text = fs::read_to_string(file).expect("the scenario is there");
        let scenario = Scenario::read(file, &text, &[], None).expect("it reads");
        let stage = Stage::new(scenario.plan).expect("it can be run");
        let report = run(&stage, stage.plan.seed, &|_: Time, _: u32| true);
        let drawn = plot(&stage.plan.title, &report).expect("it can be drawn");
        let kept = format!("output/gallery/{picture}.svg");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&kept, &drawn).expect("the gallery can be written");
        }
        assert!(fs::read_to_string(&kept).is_ok_and(|old| old == drawn), "{kept} is not what {file} draws today");
    }
}
