//! Everything that the README shows is what the command says today.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use redelivery::model::Stage;
use redelivery::scenario::Scenario;
use redelivery::sim::Time;
use redelivery::ways::run::run_many;

const CAPTURE: &str = "scenarios/06-payment-capture/capture.toml";

fn readme() -> String {
    fs::read_to_string("README.md").expect("the README is there")
}

/// The blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let text = readme();
    let open = format!("```{language}\n");
    text.split(&open).skip(1).filter_map(|rest| rest.split_once("```").map(|(block, _)| block.to_owned())).collect()
}

fn said(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_redelivery")).args(arguments).output().expect("it starts");
    String::from_utf8(output.stdout).expect("words")
}

#[test]
fn the_stories_are_told_as_shown() {
    let [payment, explored] = &blocks("text")[..] else { panic!("two stories") };
    let op = payment.split([' ', ',']).nth(1).expect("op N");
    let told = said(&["run", CAPTURE, "--no-files", "--op", op]);
    assert!(told.contains(payment.trim_end()), "{told}");
    let story = explored.split_once("\n\n").expect("a command, then what it says").1;
    let told = said(&["explore", "scenarios/reference/mc.toml", "--no-files"]);
    assert!(told.contains(story.trim_end()), "{told}");
}

#[test]
fn the_smallest_scenario_is_as_it_expects() {
    let [scenario] = &blocks("toml")[..] else { panic!("one scenario") };
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("readme.toml");
    fs::write(&file, scenario).expect("a file for a moment");
    let output = Command::new(env!("CARGO_BIN_EXE_redelivery")).arg("check").arg(&file).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_command_shown_is_one() {
    let shown = blocks("sh").concat();
    let commands =
        shown.lines().filter_map(|line| line.strip_prefix("redelivery ")).filter_map(|l| l.split(' ').next());
    for command in commands {
        let output =
            Command::new(env!("CARGO_BIN_EXE_redelivery")).args([command, "--help"]).output().expect("it starts");
        assert!(output.status.success(), "{command}");
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "thirty hours of payments: run by the release step of .ci/run")]
fn the_table_says_what_was_measured() {
    let text = fs::read_to_string(CAPTURE).expect("the scenario is there");
    let variants = [
        None,
        Some("two-minutes"),
        Some("heartbeat"),
        Some("inbox"),
        Some("inbox-crashes-at-commit"),
        Some("idempotency-key"),
    ];
    let readme = readme();
    let rows = readme.lines().skip_while(|line| !line.starts_with("| variant |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with("| "));
    let shown: Vec<String> = rows.filter_map(|row| row.split(" | ").nth(1).map(str::to_owned)).collect();
    let measured: Vec<String> = variants
        .map(|variant| {
            let scenario = Scenario::read(CAPTURE, &text, &[], variant).expect("it reads");
            let stage = Stage::new(scenario.plan).expect("it can be run");
            let seeds: Vec<u64> = (0..5).map(|n| stage.plan.seed + n).collect();
            let reports = run_many(&stage, &seeds, 2, &|_: Time, _: u32| true);
            let mean = reports.iter().map(|report| report.counts.duplicates).sum::<u64>() as f64 / 5.0;
            if mean < 10.0 && mean > 0.0 { format!("{mean:.1}") } else { format!("{mean:.0}") }
        })
        .into();
    assert_eq!(shown, measured);
}
