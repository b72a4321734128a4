//! The reader of scenarios, from outside: good files, bad files beside the messages that mend them, variants, settings.

#![cfg(feature = "scenario")]

use std::fs;
use std::path::{Path, PathBuf};

use redelivery::model::plan::{FaultKind, Publish, Step, When};
use redelivery::scenario::{Asks, Scenario, Test};
use redelivery::sim::{Chance, Span, Time};

const CAPTURE: &str = include_str!("good/capture.toml");

fn read(text: &str, settings: &[(&str, &str)], variant: Option<&str>) -> Result<Scenario, String> {
    let settings: Vec<(String, String)> = settings.iter().map(|(p, v)| (p.to_string(), v.to_string())).collect();
    Scenario::read("capture.toml", text, &settings, variant).map_err(|problems| problems.to_string())
}

fn good(settings: &[(&str, &str)], variant: Option<&str>) -> Scenario {
    match read(CAPTURE, settings, variant) {
        Ok(scenario) => scenario,
        Err(problems) => panic!("{problems}"),
    }
}

/// Every file under `tests/bad` beside its message; `UPDATE=1` writes the messages anew.
#[test]
fn every_bad_file_gets_the_message_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").map(|f| f.expect("a file").path()).collect();
    files.sort();
    files.retain(|file| file.extension().is_some_and(|extension| extension != "txt"));
    assert!(files.len() >= 25);
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        let text = fs::read_to_string(&file).expect("a text");
        let problems = Scenario::read(name, &text, &[], None).expect_err(name);
        let message = format!("{problems}\n");
        let beside = file.with_file_name(format!("{name}.txt"));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&beside, &message).expect("written");
        } else if fs::read_to_string(&beside).ok().as_ref() != Some(&message) {
            wrong.push(format!("{name}:\n{message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn toml_and_json_say_the_same() {
    let json = include_str!("good/capture.json");
    let json = Scenario::read("capture.json", json, &[], None).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(format!("{json:#?}"), format!("{:#?}", good(&[], None)));
}

#[test]
fn names_become_indices_in_their_order_and_units_become_exact() {
    let scenario = good(&[], None);
    let plan = &scenario.plan;
    let names: Vec<&str> = plan.consumers.iter().map(|consumer| consumer.name.as_str()).collect();
    assert_eq!(names, ["audit", "capture"]);
    assert_eq!(plan.length.span, Some(Span::from_secs(3600)));
    assert_eq!(plan.producers[0].publish, Publish::FireAndForget);
    let poison = plan.producers[1].poison.map(|poison| poison.fraction);
    assert_eq!(poison, Chance::new(1, 1000));
    let words: Vec<&str> = plan.consumers[0].steps.iter().map(Step::word).collect();
    assert_eq!(words, ["seen?", "mark", "work", "effect", "ack"]);
    let FaultKind::Slow { factor: 10, .. } = plan.faults[2].kind else { panic!("{:?}", plan.faults[2]) };
    let times = vec![Time::ZERO + Span::from_secs(300), Time::ZERO + Span::from_secs(600)];
    assert_eq!(plan.faults[2].when, When::At { times, instance: None });
    let unlucky = Chance::new(5, 1000).expect("a chance");
    assert_eq!(plan.faults[3].when, When::AtStep { step: 3, chance: unlucky });
    assert_eq!(scenario.expect.len(), 7);
    let Asks::Number { mean: true, test: Test::More(more), .. } = scenario.expect[6].asks else { panic!() };
    assert_eq!(more, 700_000.0);
}

#[test]
fn a_variant_is_the_file_with_some_settings_changed() {
    let base = good(&[], None);
    let heartbeat = good(&[], Some("heartbeat"));
    assert_eq!((base.variants.len(), base.plan.consumers[1].heartbeat), (2, None));
    assert_eq!(heartbeat.plan.consumers[1].heartbeat, Some(Span::from_secs(10)));
    assert_eq!(heartbeat.variant.and_then(|variant| variant.title).as_deref(), Some("Renewed every 10 s"));
    let inbox = good(&[], Some("inbox"));
    let words: Vec<&str> = inbox.plan.consumers[0].steps.iter().map(Step::word).collect();
    assert_eq!(words, ["begin", "mark", "work", "effect", "commit", "ack"]);
    let faults: Vec<&str> = inbox.plan.faults.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(faults, ["down", "nap", "slow", "unlucky"]);
}

#[test]
fn a_variants_sentences_replace_those_of_their_subject() {
    let texts = |scenario: &Scenario| -> Vec<(String, String)> {
        scenario.expect.iter().map(|e| (e.name.clone(), e.text.clone())).collect()
    };
    let (base, heartbeat) = (texts(&good(&[], None)), texts(&good(&[], Some("heartbeat"))));
    let of = |list: &[(String, String)], subject: &str| list.iter().filter(|(name, _)| name == subject).count();
    assert_eq!((of(&base, "capture"), of(&heartbeat, "capture")), (4, 1));
    assert_eq!((of(&base, "payments-dlq"), of(&heartbeat, "payments-dlq")), (1, 1));
}

#[test]
fn a_setting_of_the_command_line_comes_last_and_needs_no_quotes() {
    let set = [("consumer.capture.heartbeat", "5s"), ("seed", "11"), ("queue.payments.durable", "false")];
    let scenario = good(&set, Some("heartbeat"));
    assert_eq!(scenario.plan.consumers[1].heartbeat, Some(Span::from_secs(5)));
    assert_eq!(scenario.plan.seed, 11);
    let quoted = good(&[("consumer.\"audit\".batch", "2"), ("run.drain", "1h")], None);
    assert_eq!(quoted.plan.consumers[0].batch, 2);
}

#[test]
fn a_setting_need_not_fit_the_variants_that_were_not_asked_for() {
    let text = "\
title = \"t\"\nrun = { operations = 1 }\nproducer.p = { to = \"q\", arrivals = { at_once = 1 } }\nqueue.q.product = \"plain\"
store.db.kind = \"database\"\nconsumer.c = { from = \"q\", steps = [\"effect db\", \"ack\"] }
variant.late = { set = { \"fault.f\" = { crash = \"c\", at_step = \"effect db\", chance = \"1%\", restart_after = \"1s\" } } }
";
    let set = [("consumer.c.steps", "[\"ack\"]")];
    assert!(read(text, &[], None).is_ok());
    let base = read(text, &set, None).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((base.plan.consumers[0].steps.len(), base.variants.len()), (1, 1));
    let problems = read(text, &set, Some("late")).expect_err("there is no such step");
    assert!(problems.contains("in the variant `late`"), "{problems}");
    // A setting that fits nothing is told of once, as a matter of the base.
    let problems = read(text, &[("consumer.c.stepz", "1")], None).expect_err("no such field");
    assert!(problems.contains("stepz") && !problems.contains("in the variant"), "{problems}");
}

#[test]
fn what_is_wrong_with_a_setting_points_at_the_setting() {
    let set = [
        ("queue.paymets.lease", "2min"),
        ("queue.payments.leese", "2min"),
        ("queue.payments.lease", "2m"),
        ("sed", "1"),
    ];
    let problems = read(CAPTURE, &set, None).expect_err("wrong");
    let expected = include_str!("bad_settings.txt");
    if std::env::var_os("UPDATE").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_settings.txt");
        fs::write(file, format!("{problems}\n")).expect("written");
    } else {
        assert_eq!(format!("{problems}\n"), expected);
    }
}

#[test]
fn a_variant_that_is_not_there_is_named_with_those_that_are() {
    let problems = read(CAPTURE, &[], Some("heartbeet")).expect_err("no such variant");
    assert_eq!(problems, "error: no variant is called `heartbeet`\n |\n = help: variants: `heartbeat` and `inbox`");
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let problems = read(&" ".repeat((4 << 20) + 1), &[], None).expect_err("too long");
    assert_eq!(problems, "error: capture.toml has 4194305 bytes: a scenario has at most 4 MiB");
}

#[test]
fn a_text_that_nests_deeply_is_refused_in_peace() {
    for depth in [60, 500, 20_000] {
        let list = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for (name, text) in [("t.toml", format!("seed = {list}")), ("t.json", format!("{{ \"seed\": {list} }}"))] {
            assert!(Scenario::read(name, &text, &[("seed".into(), list.clone())], None).is_err(), "{name} {depth}");
        }
    }
}

mod mutations {
    use super::*;
    use proptest::prelude::*;

    /// Cuts, doubles or replaces a stretch of a text.
    fn mutate(text: &str, changes: &[(usize, usize, String)]) -> String {
        let mut text = text.to_string();
        for (at, length, with) in changes {
            let from = text.floor_char_boundary(at % (text.len() + 1));
            let to = text.ceil_char_boundary((from + length).min(text.len()));
            text.replace_range(from..to, with);
        }
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_mutation_of_a_good_file_makes_the_reader_panic(
            changes in prop::collection::vec((any::<usize>(), 0usize..12, "[-a-z0-9.=\"'\\[\\]{} \n%µ/]{0,6}"), 1..4),
            json in any::<bool>(),
        ) {
            let (name, text) = if json { ("c.json", include_str!("good/capture.json")) } else { ("c.toml", CAPTURE) };
            let text = mutate(text, &changes);
            if let Err(problems) = Scenario::read(name, &text, &[], None) {
                prop_assert!(problems.count() > 0);
                // What is wrong with a file has a place in it.
                let text = problems.to_string();
                prop_assert!(text.contains("error: ") && text.matches("error: ").count() <= text.matches("--> ").count(), "{text}");
            }
        }
    }
}

#[test]
fn a_dead_letter_queue_may_be_named_by_its_arn() {
    let text = r#"
title = "Copied from the console"
run = { operations = 1 }
queue.jobs = { product = "sqs-standard", RedrivePolicy = { deadLetterTargetArn = "ARN", maxReceiveCount = 3 } }
queue.jobs-dlq = { product = "sqs-standard" }

[producer.p]
to = "jobs"
arrivals = { at_once = 1 }

[consumer.c]
from = "jobs"
steps = ["ack"]
"#;
    let named = |arn: &str| read(&text.replace("ARN", arn), &[], None);
    assert!(named("jobs-dlq").is_ok());
    assert!(named("arn:aws:sqs:eu-west-1:123456789012:jobs-dlq").is_ok());
    let problems = named("arn:aws:sqs:eu-west-1:123456789012:jobs-dlk").expect_err("no such queue");
    assert!(problems.contains("no queue is called `jobs-dlk`") && problems.contains("jobs-dlq"), "{problems}");
}
