//! What becomes of a message whose handler ended with an error, by kind of error and by how often it was delivered.

#![cfg(feature = "scenario")]

use redelivery::model::Stage;
use redelivery::observe::report::Counts;
use redelivery::scenario::Scenario;
use redelivery::sim::Time;
use redelivery::ways::run::run;

fn counts(on_error: &str, more: &str) -> Counts {
    let text = format!(
        r#"
title = "Errors"
run = {{ operations = 1_000, drain = "2min" }}
queue.q = {{ product = "plain", lease = "10s" }}
store.db = {{ kind = "database", latency = "0s" }}

[producer.p]
to = "q"
arrivals = {{ constant = "100/s" }}
poison = {{ fraction = 0.1 }}

[consumer.c]
from = "q"
workers = 4
steps = ["work", "effect db", "ack"]
work = "5ms"
on_error = {on_error}
{more}
"#
    );
    let scenario = Scenario::read("errors.toml", &text, &[], None).unwrap_or_else(|problems| panic!("{problems}"));
    let stage = Stage::new(scenario.plan).expect("a plan");
    run(&stage, 1, &|_: Time, _: u32| true).counts
}

const ERRORS: &str = "[fault.flaky]\nerror = \"c\"\nat_step = \"effect db\"\nchance = \"20%\"";

#[test]
fn poison_that_is_acked_is_tried_once_and_what_is_retryable_until_it_works() {
    let calm = counts(r#"{ retryable = "nack", poison = "ack" }"#, "");
    assert!(calm.lost > 50 && calm.nacked == 0, "{calm:?}");
    assert_eq!((calm.runs, calm.effects), (1_000, 1_000 - calm.lost), "{calm:?}");
    let flaky = counts(r#"{ retryable = "nack", poison = "ack" }"#, ERRORS);
    assert_eq!((flaky.lost, flaky.effects), (calm.lost, calm.effects), "{flaky:?}");
    assert!(flaky.nacked > 150 && flaky.duplicates == 0, "{flaky:?}");
}

#[test]
fn from_the_nth_delivery_on_every_error_is_treated_alike() {
    let counts = counts(r#"{ retryable = "nack", poison = { nack = "50ms" }, after = 3, then = "ack" }"#, "");
    let poison = counts.lost;
    assert!(poison > 50, "{counts:?}");
    assert_eq!(counts.runs, 1_000 + 2 * poison, "three runs for each poison operation: {counts:?}");
    assert_eq!(counts.nacked, 2 * poison, "{counts:?}");
}

#[test]
fn what_is_left_comes_back_when_its_lease_expires() {
    let counts = counts(r#"{ retryable = "leave", poison = "ack" }"#, ERRORS);
    assert!(counts.expired > 150 && counts.nacked == 0, "{counts:?}");
    assert_eq!(counts.effects + counts.lost, 1_000, "{counts:?}");
}

#[test]
fn a_product_without_a_reject_says_so() {
    let text = "title = \"x\"\nrun = { operations = 1 }\nqueue.q.product = \"plain\"\n\
                producer.p = { to = \"q\", arrivals = { at_once = 1 } }\n\
                consumer.c = { from = \"q\", steps = [\"ack\"], on_error = \"reject\" }\n";
    let problems = Scenario::read("reject.toml", text, &[], None).expect_err("a plan that is refused").to_string();
    assert!(problems.contains("plain has no reject"), "{problems}");
}
