//! What becomes of a message whose handler ended with an error, by kind of error and by how often it was delivered.

#![cfg(feature = "scenario")]

use redelivery::model::Stage;
use redelivery::observe::report::{Counts, Verdict};
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

/// What consumers of one queue do is the same effect, whoever did it first.
#[test]
fn consumers_that_share_a_queue_share_its_effects() {
    let text = r#"
title = "A slow reader and a fast one"
run = { operations = 1, drain = "20s" }
queue.q = { product = "plain", lease = "3s" }
store.db = { kind = "database" }

[producer.p]
to = "q"
arrivals = { at_once = 1 }

[consumer.a]
from = "q"
steps = ["work", "effect db", "ack"]
work = "4s"

[consumer.b]
from = "q"
steps = ["work", "effect db", "ack"]
work = "1s"
"#;
    let scenario = Scenario::read("two.toml", text, &[], None).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(scenario.plan.effects().len(), 1);
    let stage = Stage::new(scenario.plan).expect("a plan");
    let counts = run(&stage, 1, &|_: Time, _: u32| true).counts;
    assert_eq!((counts.effects, counts.duplicates), (2, 1), "{counts:?}");
}

/// A message that is put aside for another reason than its last delivery says nothing of the cap.
#[test]
fn a_reject_breaks_no_count_of_attempts() {
    let text = r#"
title = "Rejected at once"
run = { operations = 20, drain = "1min" }
queue.q = { product = "rabbitmq-quorum", dead-letter-exchange = "", dead-letter-routing-key = "aside" }
queue.aside = { product = "rabbitmq-quorum" }
store.db = { kind = "database" }

[broker.node]
version = "4.0"

[producer.p]
to = "q"
arrivals = { constant = "10/s" }
poison = { fraction = 1 }

[consumer.c]
from = "q"
steps = ["effect db", "ack"]
on_error = { retryable = "nack", poison = "REACTION" }
"#;
    for (reaction, verdict) in [("reject", Verdict::Undecided), ("nack", Verdict::Holds)] {
        let text = text.replace("REACTION", reaction);
        let scenario = Scenario::read("reject.toml", &text, &[], None).unwrap_or_else(|problems| panic!("{problems}"));
        let report = run(&Stage::new(scenario.plan).expect("a plan"), 1, &|_: Time, _: u32| true);
        assert_eq!(report.counts.dead_lettered, 20, "{reaction}");
        let exact = report.guarantees.iter().find(|found| found.id == "E2").expect("E2");
        assert_eq!(exact.verdict, verdict, "{reaction}");
    }
}
