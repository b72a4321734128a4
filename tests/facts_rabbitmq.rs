//! Ten facts that a model of RabbitMQ must reproduce: nine as scripts with what a client sees, one as a world.

#![cfg(feature = "scenario")]

use redelivery::model::broker::rabbitmq::{Family, Settings, Subscription, Version};
use redelivery::model::broker::{self};
use redelivery::model::plan::{Arrivals, Consumer, Plan, Producer, Queue, QueueId, Step};
use redelivery::model::{Fact, Stage};
use redelivery::sim::{Dist, Span, Time};
use redelivery::ways::conform::trace::Trace;
use redelivery::ways::conform::{Outcome, judge};
use redelivery::ways::run::run_watched;
use serde_json::{Value, json};

const VERSIONS: [&str; 3] = ["3.10", "4.0", "4.3"];

/// Plays steps on a version and compares what is observed: of each event the fields that are given.
#[track_caller]
fn shows(version: &str, steps: &Value, expected: &[Value]) {
    let mut events: Vec<Value> = expected.to_vec();
    for event in &mut events {
        let fields = event.as_object_mut().expect("an event");
        fields.retain(|_, value| !value.is_null());
    }
    let trace = json!({
        "broker": "rabbitmq", "version": format!("{version}.0"), "name": "fact", "meaning": "",
        "scenario": {"steps": steps}, "observed": events, "varies": [],
    });
    let trace = Trace::read(&trace.to_string()).expect("a trace");
    let case = judge(&format!("rabbitmq-{version}"), &trace);
    assert_eq!(case.result, Outcome::Agree, "{version}: step {:?}: {:?}\ngot {:?}", case.step, case.expected, case.got);
}

fn said(sentence: &str) {
    println!("{sentence}");
}

fn classic(name: &str) -> Value {
    json!({"op": "queue", "name": name, "args": {"x-queue-type": "classic"}})
}

fn queue(name: &str, args: Value) -> Value {
    json!({"op": "queue", "name": name, "args": args})
}

fn publish(messages: &[&str], queue: &str) -> Value {
    json!({"op": "publish", "msgs": messages, "queue": queue})
}

fn published(step: usize, message: &str, confirm: &str) -> Value {
    json!({"step": step, "kind": "published", "msg": message, "confirm": confirm})
}

fn get(queue: &str, count: u32) -> Value {
    json!({"op": "get", "queue": queue, "n": count, "consumer": "getter"})
}

fn depth(step: usize, queue: &str, ready: u32, consumers: u32) -> Value {
    json!({"step": step, "kind": "depth", "queue": queue, "ready": ready, "consumers": consumers})
}

/// A delivery of a quorum queue: it counts from the first return on, each version in its own way.
fn delivered(step: usize, message: &str, to: &str, queue: &str, [failed, returned]: [u32; 2], version: &str) -> Value {
    let all = failed + returned;
    let some = |count: u32| (count > 0).then_some(count);
    let (delivery_count, acquired_count) = match version {
        "4.3" => (some(failed), some(all)),
        "3.10" if to == "getter" => (Some(all), None),
        _ => (some(all), None),
    };
    json!({
        "step": step, "kind": "delivered", "msg": message, "consumer": to, "queue": queue, "redelivered": all > 0,
        "delivery_count": delivery_count, "acquired_count": acquired_count,
    })
}

fn delivered_classic(step: usize, message: &str, to: &str, queue: &str, redelivered: bool) -> Value {
    json!({
        "step": step, "kind": "delivered", "msg": message, "consumer": to, "queue": queue, "redelivered": redelivered,
    })
}

#[test]
fn an_unroutable_publish_is_confirmed() {
    said(
        "1. A confirmed publish to a direct exchange with no matching binding and mandatory=false is acked, and nothing is stored.",
    );
    let steps = json!([
        {"op": "exchange", "name": "ex", "type": "direct"},
        classic("q"),
        {"op": "publish", "msgs": ["m1"], "exchange": "ex", "key": "none"},
        {"op": "depth", "queues": ["q"]},
    ]);
    for version in VERSIONS {
        shows(version, &steps, &[published(2, "m1", "ack"), depth(3, "q", 0, 0)]);
    }
}

#[test]
fn a_limit_of_two_is_three_deliveries() {
    said(
        "2. Quorum, delivery-limit 2 and a DLX, a consumer that crashes on each delivery: exactly 3 deliveries, the DLX gets it on the third crash.",
    );
    let limited = json!({
        "x-queue-type": "quorum", "x-delivery-limit": 2, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dlq",
    });
    let mut steps = vec![classic("dlq"), queue("q", limited), publish(&["m1"], "q")];
    for _ in 0..3 {
        steps.push(json!({"op": "consume", "consumer": "A", "queue": "q", "prefetch": 1}));
        steps.push(json!({"op": "drain"}));
        steps.push(json!({"op": "depth", "queues": ["dlq"]}));
        steps.push(json!({"op": "crash", "consumer": "A"}));
    }
    steps.push(json!({"op": "depth", "queues": ["q", "dlq"]}));
    for version in VERSIONS {
        let mut events = vec![published(2, "m1", "ack")];
        for round in 0..3 {
            let step = 4 + 4 * round;
            events.push(delivered(step, "m1", "A", "q", [round as u32, 0], version));
            events.push(depth(step + 1, "dlq", 0, 0));
        }
        events.extend([depth(15, "q", 0, 0), depth(15, "dlq", 1, 0)]);
        shows(version, &Value::Array(steps.clone()), &events);
    }
}

#[test]
fn a_nack_is_a_failure_before_4_3_only() {
    said(
        "3. 4.3 quorum with delivery-limit 2, nack(requeue=true) 100 times: still redelivered; 3.10 and 4.0 put it aside on the third.",
    );
    let limited = json!({
        "x-queue-type": "quorum", "x-delivery-limit": 2, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dlq",
    });
    let mut steps = vec![classic("dlq"), queue("q", limited), publish(&["m1"], "q")];
    for _ in 0..100 {
        steps.push(get("q", 1));
        steps.push(json!({"op": "nack", "consumer": "getter", "pick": "all", "requeue": true}));
    }
    steps.push(json!({"op": "depth", "queues": ["q", "dlq"]}));
    for version in VERSIONS {
        let mut events = vec![published(2, "m1", "ack")];
        for round in 0..100 {
            let step = 3 + 2 * round;
            if version != "4.3" && round > 2 {
                events.push(json!({"step": step, "kind": "empty", "queue": "q", "consumer": "getter"}));
                continue;
            }
            events.push(delivered(step, "m1", "getter", "q", [0, round as u32], version));
            let nacked =
                json!({"step": step + 1, "kind": "nacked", "msg": "m1", "consumer": "getter", "requeue": true});
            events.push(nacked);
        }
        let left = u32::from(version == "4.3");
        events.extend([depth(203, "q", left, 0), depth(203, "dlq", 1 - left, 0)]);
        shows(version, &Value::Array(steps.clone()), &events);
    }
}

#[test]
fn a_classic_queue_has_no_limit() {
    said("4. Classic: a consumer that nacks with requeue for ever makes the message loop without limit.");
    let mut steps = vec![classic("q"), publish(&["m1"], "q")];
    let mut events = vec![published(1, "m1", "ack")];
    for round in 0..50 {
        let step = 2 + 2 * round;
        steps.push(get("q", 1));
        steps.push(json!({"op": "nack", "consumer": "getter", "pick": "all", "requeue": true}));
        events.push(delivered_classic(step, "m1", "getter", "q", round > 0));
        events.push(json!({"step": step + 1, "kind": "nacked", "msg": "m1", "consumer": "getter", "requeue": true}));
    }
    for version in VERSIONS {
        shows(version, &Value::Array(steps.clone()), &events);
    }
}

#[test]
fn where_what_comes_back_stands() {
    said(
        "5. 1..5, a consumer holds 1, 2 and requeues 2, then 1: classic gives 1, 2, 3; quorum with a limit 2, 1, 3; without (3.10) 3, 4, 5, 2, 1.",
    );
    let requeue = |message: &str| json!({"op": "nack", "consumer": "getter", "msgs": [message], "requeue": true});
    let nacked = |step: usize, message: &str| json!({"step": step, "kind": "nacked", "msg": message, "consumer": "getter", "requeue": true});
    let messages = ["m1", "m2", "m3", "m4", "m5"];
    for (kind, version, order) in [
        ("classic", "3.10", ["m1", "m2", "m3", "m4", "m5"]),
        ("classic", "4.3", ["m1", "m2", "m3", "m4", "m5"]),
        ("quorum", "4.0", ["m2", "m1", "m3", "m4", "m5"]),
        ("quorum", "4.3", ["m2", "m1", "m3", "m4", "m5"]),
        ("quorum", "3.10", ["m3", "m4", "m5", "m2", "m1"]),
    ] {
        let steps = json!([
            queue("q", json!({"x-queue-type": kind})),
            publish(&messages, "q"),
            get("q", 2),
            requeue("m2"),
            requeue("m1"),
            get("q", 5),
        ]);
        let mut events: Vec<Value> = messages.iter().map(|message| published(1, message, "ack")).collect();
        let one = |step: usize, message: &str, returned: u32| match kind {
            "classic" => delivered_classic(step, message, "getter", "q", returned > 0),
            _ => delivered(step, message, "getter", "q", [0, returned], version),
        };
        events.extend([one(2, "m1", 0), one(2, "m2", 0), nacked(3, "m2"), nacked(4, "m1")]);
        events.extend(order.iter().map(|&message| one(5, message, u32::from(message == "m1" || message == "m2"))));
        shows(version, &steps, &events);
    }
}

#[test]
fn a_second_ack_closes_the_channel() {
    said(
        "6. The same tag acked twice: the channel closes and all its other unacked messages are redelivered with redelivered=true.",
    );
    let steps = json!([
        classic("q"), publish(&["m1", "m2", "m3"], "q"), get("q", 3),
        {"op": "ack", "consumer": "getter", "msgs": ["m1"]},
        {"op": "ack_again", "consumer": "getter", "msg": "m1"},
        {"op": "get", "queue": "q", "n": 3, "consumer": "other", "auto_ack": true},
    ]);
    let mut events: Vec<Value> = ["m1", "m2", "m3"].iter().map(|message| published(1, message, "ack")).collect();
    events.extend(["m1", "m2", "m3"].iter().map(|message| delivered_classic(2, message, "getter", "q", false)));
    events.extend([
        json!({"step": 3, "kind": "acked", "msg": "m1", "consumer": "getter"}),
        json!({"step": 4, "kind": "acked", "msg": "m1", "consumer": "getter"}),
        json!({"step": 4, "kind": "channel_closed", "consumer": "getter", "code": 406}),
        delivered_classic(5, "m2", "other", "q", true),
        delivered_classic(5, "m3", "other", "q", true),
        json!({"step": 5, "kind": "empty", "queue": "q", "consumer": "other"}),
    ]);
    for version in VERSIONS {
        shows(version, &steps, &events);
    }
}

#[test]
fn what_is_unacked_does_not_count() {
    said("7. max-length 2 drop-head and 5 unacked in flight: 2 more published, nothing is dropped.");
    let first = ["m1", "m2", "m3", "m4", "m5"];
    let steps = json!([
        queue("q", json!({"x-queue-type": "classic", "x-max-length": 2})),
        {"op": "consume", "consumer": "A", "queue": "q", "prefetch": 5},
        publish(&first, "q"), publish(&["m6", "m7"], "q"),
        {"op": "depth", "queues": ["q"]},
        {"op": "drain"},
        get("q", 2),
    ]);
    let mut events: Vec<Value> = first.iter().map(|message| published(2, message, "ack")).collect();
    events.extend([published(3, "m6", "ack"), published(3, "m7", "ack"), depth(4, "q", 2, 1)]);
    events.extend(first.iter().map(|message| delivered_classic(5, message, "A", "q", false)));
    events.extend(["m6", "m7"].iter().map(|message| delivered_classic(6, message, "getter", "q", false)));
    for version in VERSIONS {
        shows(version, &steps, &events);
    }
}

#[test]
fn a_nacked_publish_may_be_stored_elsewhere() {
    said(
        "8. A message routed to q1 (full, reject-publish) and q2: nack, but q2 delivers it; a retry makes a duplicate in q2.",
    );
    let send = json!({"op": "publish", "msgs": ["m2"], "exchange": "fan"});
    let steps = json!([
        {"op": "exchange", "name": "fan", "type": "fanout"},
        queue("q1", json!({"x-queue-type": "classic", "x-max-length": 1, "x-overflow": "reject-publish"})),
        classic("q2"),
        {"op": "bind", "queue": "q1", "exchange": "fan", "key": ""},
        {"op": "bind", "queue": "q2", "exchange": "fan", "key": ""},
        publish(&["m1"], "q1"), send, send,
        {"op": "depth", "queues": ["q1", "q2"]},
    ]);
    let events = [
        published(5, "m1", "ack"),
        published(6, "m2", "nack"),
        published(7, "m2", "nack"),
        depth(8, "q1", 1, 0),
        depth(8, "q2", 2, 0),
    ];
    for version in VERSIONS {
        shows(version, &steps, &events);
    }
}

#[test]
fn after_a_crash_everything_is_redelivered() {
    said(
        "9. A classic queue on a crashed and restarted broker: the surviving persistent messages all carry redelivered=true.",
    );
    let steps = json!([
        classic("q"), publish(&["m1", "m2"], "q"), get("q", 1),
        {"op": "kill_broker"}, {"op": "start_broker"},
        get("q", 2),
    ]);
    let events = [
        published(1, "m1", "ack"),
        published(1, "m2", "ack"),
        delivered_classic(2, "m1", "getter", "q", false),
        json!({"step": 3, "kind": "broker_killed"}),
        json!({"step": 4, "kind": "broker_started"}),
        delivered_classic(5, "m1", "getter", "q", true),
        delivered_classic(5, "m2", "getter", "q", true),
    ];
    for version in VERSIONS {
        shows(version, &steps, &events);
    }
}

#[test]
fn a_successor_runs_beside_the_handler_that_still_works() {
    said(
        "10. Prefetch 10 and a failover while the old single active consumer still works: its 10 unacked run again at the new one, beside the old handler.",
    );
    let mut plan = Plan::new("a failover under a live handler");
    plan.length.drain = Span::from_millis(1_400);
    let settings = Settings {
        family: Family::Quorum,
        version: Version::V4_0,
        single_active_consumer: true,
        consumer_timeout: Some(Span::from_secs(1)),
        ..Settings::default()
    };
    plan.queues.push(Queue { name: "work".into(), settings: broker::Settings::Rabbitmq(settings) });
    plan.producers.push(Producer::new("source", QueueId(0), Arrivals::AtOnce { count: 10 }));
    let work = Step::Work(Dist::fixed(Span::from_secs(5)));
    let subscription = Some(broker::Subscription::Rabbitmq(Subscription { prefetch: 10, ..Subscription::default() }));
    let consumer = Consumer::new("worker", QueueId(0), vec![work, Step::Ack]);
    plan.consumers.push(Consumer { instances: 2, subscription, ..consumer });
    let stage = Stage::new(plan).expect("a plan");
    let mut facts: Vec<(Time, Fact)> = Vec::new();
    run_watched(&stage, 1, &mut [&mut facts], &|_: Time, _: u32| true);

    let to = |who: u32| -> Vec<u32> {
        let of = facts.iter().filter_map(|(_, fact)| match fact {
            Fact::Delivered { held, .. } if held.worker == who => Some(held.op),
            _ => None,
        });
        of.collect()
    };
    let all: Vec<u32> = (0..10).collect();
    let first = facts.iter().find_map(|(_, fact)| match fact {
        Fact::Delivered { held, .. } => Some(held.worker),
        _ => None,
    });
    let (old, new) = if first == Some(0) { (0, 1) } else { (1, 0) };
    assert_eq!((to(old), to(new)), (all.clone(), all), "what the old one held, the new one got");
    let runs_of = |who: u32| {
        facts
            .iter()
            .filter(|(_, fact)| matches!(fact, Fact::Started { held, .. } if held.worker == who && held.op == 0))
            .count()
    };
    let ended = facts.iter().any(|(_, fact)| matches!(fact, Fact::Ended { .. }));
    assert_eq!((runs_of(old), runs_of(new), ended), (1, 1, false), "both handlers of operation 0 are at work");
}
