//! The ten facts that `help sqs-standard` and `help sqs-fifo` state, each shown by a script or by a world.

#![cfg(feature = "cli")]

use redelivery::model::Stage;
use redelivery::model::broker::product;
use redelivery::observe::Report;
use redelivery::scenario::Scenario;
use redelivery::sim::Time;
use redelivery::ways::conform::trace::Trace;
use redelivery::ways::conform::{Outcome, judge};
use redelivery::ways::run::run;

/// Prints the fact and plays a script, a step a line; what is seen is written behind `->`, as `kind msg result-or-count`.
#[track_caller]
fn check(number: usize, script: &str) {
    println!("{number}. {}", product("sqs-fifo").expect("a product").facts[number - 1]);
    let (mut steps, mut events) = (Vec::new(), Vec::new());
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix("-> ") {
            Some(event) => events.push(format!("{{\"step\":{},{event}}}", steps.len() - 1)),
            None => steps.push(format!("{{{line}}}")),
        }
    }
    let text = format!(
        r#"{{"broker":"sqs","version":"","name":"fact {number}","meaning":"","scenario":{{"steps":[{}]}},"observed":[{}],"varies":[]}}"#,
        steps.join(","),
        events.join(",")
    );
    let case = judge("sqs-facts", &Trace::read(&text).unwrap_or_else(|why| panic!("{why}\n{text}")));
    assert_eq!(
        case.result,
        Outcome::Agree,
        "{}\nexpected {:?}\ngot {:?}",
        case.before.join("\n"),
        case.expected,
        case.got
    );
}

/// What a world of this file comes to.
fn world(text: &str) -> Report {
    let scenario = Scenario::read("fact.toml", text, &[], None).unwrap_or_else(|problems| panic!("{problems}"));
    let stage = Stage::new(scenario.plan).expect("a plan");
    run(&stage, 1, &|_: Time, _: u32| true)
}

fn slow_handler(product: &str, more: &str) -> Report {
    world(&format!(
        r#"
title = "A handler of 40 s under a visibility timeout of 30 s"
run = {{ operations = 1 }}
producer.p = {{ to = "q", arrivals = {{ at_once = 1 }}{more} }}
queue.q = {{ product = "{product}", VisibilityTimeout = 30 }}
store.db = {{ kind = "database", latency = "0s" }}
consumer.c = {{ from = "q", instances = 2, WaitTimeSeconds = 20, steps = ["work", "effect db", "ack"], work = "40s" }}
"#
    ))
}

#[test]
fn a_send_that_is_retried_is_stored_twice_on_a_standard_queue() {
    check(
        1,
        r#"
        "op":"queue","name":"q","attrs":{}
        "op":"send","queue":"q","msgs":["m","m"]
        -> "kind":"sent","msg":"m","queue":"q","result":"ok"
        -> "kind":"sent","msg":"m","queue":"q","result":"ok"
        "op":"receive","queue":"q","max":10,"consumer":"c"
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"c","receive_count":1
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"c","receive_count":1
        "#,
    );
}

#[test]
fn a_deduplication_id_is_known_for_five_minutes() {
    check(
        2,
        r#"
        "op":"queue","name":"q.fifo","attrs":{"FifoQueue":true}
        "op":"send","queue":"q.fifo","msgs":["m"],"group":"g","dedup":"x"
        -> "kind":"sent","msg":"m","queue":"q.fifo","result":"ok"
        "op":"drain","queue":"q.fifo"
        -> "kind":"delivered","msg":"m","queue":"q.fifo","consumer":"c1","receive_count":1,"group":"g"
        "op":"sleep","ms":299000
        "op":"send","queue":"q.fifo","msgs":["n"],"group":"g","dedup":"x"
        -> "kind":"sent","msg":"n","queue":"q.fifo","result":"ok","same_id_as":"m"
        "op":"receive","queue":"q.fifo","max":10,"consumer":"c"
        -> "kind":"empty","queue":"q.fifo","consumer":"c"
        "op":"sleep","ms":2000
        "op":"send","queue":"q.fifo","msgs":["o"],"group":"g","dedup":"x"
        -> "kind":"sent","msg":"o","queue":"q.fifo","result":"ok"
        "op":"receive","queue":"q.fifo","max":10,"consumer":"c"
        -> "kind":"delivered","msg":"o","queue":"q.fifo","consumer":"c","receive_count":1,"group":"g"
        "#,
    );
}

#[test]
fn the_receive_after_the_last_one_moves_the_message() {
    check(
        3,
        r#"
        "op":"queue","name":"d","attrs":{}
        "op":"queue","name":"q","attrs":{"VisibilityTimeout":1,"RedrivePolicy":{"dlq":"d","maxReceiveCount":3}}
        "op":"send","queue":"q","msgs":["m"]
        -> "kind":"sent","msg":"m","queue":"q","result":"ok"
        "op":"receive","queue":"q","consumer":"c","visibility":0,"times":3
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"c","receive_count":1
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"c","receive_count":2
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"c","receive_count":3
        "op":"sleep","ms":3600000
        "op":"counts","queues":["q","d"]
        -> "kind":"counts","queue":"q","visible":1,"not_visible":0,"delayed":0
        -> "kind":"counts","queue":"d","visible":0,"not_visible":0,"delayed":0
        "op":"receive","queue":"q","consumer":"c"
        -> "kind":"empty","queue":"q","consumer":"c"
        "op":"counts","queues":["q","d"]
        -> "kind":"counts","queue":"q","visible":0,"not_visible":0,"delayed":0
        -> "kind":"counts","queue":"d","visible":1,"not_visible":0,"delayed":0
        "#,
    );
}

#[test]
fn an_old_receipt_does_not_delete_from_a_standard_queue() {
    check(
        4,
        r#"
        "op":"queue","name":"q","attrs":{"VisibilityTimeout":30}
        "op":"send","queue":"q","msgs":["m"]
        -> "kind":"sent","msg":"m","queue":"q","result":"ok"
        "op":"receive","queue":"q","consumer":"slow"
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"slow","receive_count":1
        "op":"sleep","ms":29999
        "op":"receive","queue":"q","consumer":"other"
        -> "kind":"empty","queue":"q","consumer":"other"
        "op":"sleep","ms":1
        "op":"receive","queue":"q","consumer":"other"
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"other","receive_count":2
        "op":"sleep","ms":10000
        "op":"delete","queue":"q","msgs":["m"],"handle":0
        -> "kind":"deleted","msg":"m","result":"ok"
        "op":"counts","queues":["q"]
        -> "kind":"counts","queue":"q","visible":0,"not_visible":1,"delayed":0
        "#,
    );
    let counts = slow_handler("sqs-standard", "").counts;
    assert!(counts.effects >= 2 && counts.stale >= 1, "{counts:?}");
}

#[test]
fn an_old_receipt_is_an_error_on_a_fifo_queue_and_the_effect_is_doubled() {
    check(
        5,
        r#"
        "op":"queue","name":"q.fifo","attrs":{"FifoQueue":true,"VisibilityTimeout":30}
        "op":"send","queue":"q.fifo","msgs":["m"],"group":"g","dedup":"x"
        -> "kind":"sent","msg":"m","queue":"q.fifo","result":"ok"
        "op":"receive","queue":"q.fifo","consumer":"slow"
        -> "kind":"delivered","msg":"m","queue":"q.fifo","consumer":"slow","receive_count":1,"group":"g"
        "op":"sleep","ms":30000
        "op":"delete","queue":"q.fifo","msgs":["m"]
        -> "kind":"deleted","msg":"m","result":"InvalidParameterValue"
        "op":"receive","queue":"q.fifo","consumer":"other"
        -> "kind":"delivered","msg":"m","queue":"q.fifo","consumer":"other","receive_count":2,"group":"g"
        "#,
    );
    let message = r#", message = { MessageGroupId = "{key}", MessageDeduplicationId = "{operation}" }"#;
    let counts = slow_handler("sqs-fifo", message).counts;
    assert!(counts.effects >= 2 && counts.acked_late == 0, "{counts:?}");
}

#[test]
fn what_is_left_of_a_batch_runs_after_its_siblings() {
    check(
        6,
        r#"
        "op":"queue","name":"q.fifo","attrs":{"FifoQueue":true,"VisibilityTimeout":30}
        "op":"send","queue":"q.fifo","msgs":["1","2","3"],"group":"a","auto_dedup":true
        -> "kind":"sent","msg":"1","queue":"q.fifo","result":"ok"
        -> "kind":"sent","msg":"2","queue":"q.fifo","result":"ok"
        -> "kind":"sent","msg":"3","queue":"q.fifo","result":"ok"
        "op":"receive","queue":"q.fifo","max":3,"consumer":"c"
        -> "kind":"delivered","msg":"1","queue":"q.fifo","consumer":"c","receive_count":1,"group":"a"
        -> "kind":"delivered","msg":"2","queue":"q.fifo","consumer":"c","receive_count":1,"group":"a"
        -> "kind":"delivered","msg":"3","queue":"q.fifo","consumer":"c","receive_count":1,"group":"a"
        "op":"delete","queue":"q.fifo","msgs":["2","3"]
        -> "kind":"deleted","msg":"2","result":"ok"
        -> "kind":"deleted","msg":"3","result":"ok"
        "op":"sleep","ms":30000
        "op":"receive","queue":"q.fifo","max":10,"consumer":"c"
        -> "kind":"delivered","msg":"1","queue":"q.fifo","consumer":"c","receive_count":2,"group":"a"
        "#,
    );
}

#[test]
fn a_group_in_flight_is_locked_and_the_others_go_on() {
    check(
        7,
        r#"
        "op":"queue","name":"q.fifo","attrs":{"FifoQueue":true,"VisibilityTimeout":30}
        "op":"send","queue":"q.fifo","msgs":["a1","a2","b1","c1"],"groups":["a","a","b","c"],"auto_dedup":true
        -> "kind":"sent","msg":"a1","queue":"q.fifo","result":"ok"
        -> "kind":"sent","msg":"a2","queue":"q.fifo","result":"ok"
        -> "kind":"sent","msg":"b1","queue":"q.fifo","result":"ok"
        -> "kind":"sent","msg":"c1","queue":"q.fifo","result":"ok"
        "op":"receive","queue":"q.fifo","consumer":"one"
        -> "kind":"delivered","msg":"a1","queue":"q.fifo","consumer":"one","receive_count":1,"group":"a"
        "op":"receive","queue":"q.fifo","max":10,"consumer":"two"
        -> "kind":"delivered","msg":"b1","queue":"q.fifo","consumer":"two","receive_count":1,"group":"b"
        -> "kind":"delivered","msg":"c1","queue":"q.fifo","consumer":"two","receive_count":1,"group":"c"
        "#,
    );
}

#[test]
fn a_changed_visibility_counts_from_the_call() {
    check(
        8,
        r#"
        "op":"queue","name":"q","attrs":{"VisibilityTimeout":60}
        "op":"send","queue":"q","msgs":["m"]
        -> "kind":"sent","msg":"m","queue":"q","result":"ok"
        "op":"receive","queue":"q","consumer":"c"
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"c","receive_count":1
        "op":"sleep","ms":15000
        "op":"change_visibility","queue":"q","msgs":["m"],"seconds":10
        -> "kind":"visibility_changed","msg":"m","seconds":10,"result":"ok"
        "op":"sleep","ms":9999
        "op":"receive","queue":"q","consumer":"c"
        -> "kind":"empty","queue":"q","consumer":"c"
        "op":"sleep","ms":1
        "op":"receive","queue":"q","consumer":"c"
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"c","receive_count":2
        "#,
    );
}

#[test]
fn a_receive_whose_answer_is_lost_is_counted_and_hides_the_message() {
    check(
        9,
        r#"
        "op":"queue","name":"q","attrs":{"VisibilityTimeout":30}
        "op":"send","queue":"q","msgs":["m"]
        -> "kind":"sent","msg":"m","queue":"q","result":"ok"
        "op":"receive","queue":"q","consumer":"never hears it"
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"never hears it","receive_count":1
        "op":"receive","queue":"q","consumer":"c","wait":20
        -> "kind":"empty","queue":"q","consumer":"c"
        "op":"receive","queue":"q","consumer":"c","wait":20
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"c","receive_count":2
        "#,
    );
}

#[test]
fn a_standard_dead_letter_keeps_its_age() {
    check(
        10,
        r#"
        "op":"queue","name":"d","attrs":{"MessageRetentionPeriod":345600}
        "op":"queue","name":"q","attrs":{"VisibilityTimeout":1,"MessageRetentionPeriod":1209600,"RedrivePolicy":{"dlq":"d","maxReceiveCount":1}}
        "op":"send","queue":"q","msgs":["m"]
        -> "kind":"sent","msg":"m","queue":"q","result":"ok"
        "op":"receive","queue":"q","consumer":"c"
        -> "kind":"delivered","msg":"m","queue":"q","consumer":"c","receive_count":1
        "op":"sleep","ms":342000000
        "op":"receive","queue":"q","consumer":"c"
        -> "kind":"empty","queue":"q","consumer":"c"
        "op":"sleep","ms":3599000
        "op":"counts","queues":["q","d"]
        -> "kind":"counts","queue":"q","visible":0,"not_visible":0,"delayed":0
        -> "kind":"counts","queue":"d","visible":1,"not_visible":0,"delayed":0
        "op":"sleep","ms":1000
        "op":"counts","queues":["d"]
        -> "kind":"counts","queue":"d","visible":0,"not_visible":0,"delayed":0
        "#,
    );
}

/// The story of the smallest violation, from its heading on.
fn explored(file: &str) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_redelivery"))
        .args(["explore", file, "--no-files"])
        .output()
        .expect("it starts");
    String::from_utf8(output.stdout).expect("words")
}

#[test]
fn a_batch_with_a_partial_delete_reorders_a_fifo_group_without_any_fault() {
    let told = explored("scenarios/07-ordering/partial-delete.toml");
    let story = told.split("effects in order: violated by 1 late event").nth(1).expect("an order that broke");
    let lines = story.lines().skip(1).skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
    assert!(told.contains("at most 0 faults") && (5..=12).contains(&lines.count()), "{told}");
}
