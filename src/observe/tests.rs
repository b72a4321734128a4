//! What the judge makes of handmade histories: each a few facts, and the sentence that the report says.

use super::guarantees::GUARANTEES;
use super::report::{CAUSES, CauseCount, Report, Verdict};
use super::{Judge, Roles};
use crate::model::broker::{Topology, some_settings};
use crate::model::fact::{Cause, DropReason, Fact, Held, Holder, RunEnd, Watch};
use crate::model::plan::{
    Arrivals, Consumer, Length, OnError, Plan, Producer, ProducerId, Publish, Queue, QueueId, Reaction, Step, Store,
    StoreId, StoreKind,
};
use crate::sim::{Dist, KeyDraw, Span, Time};

const Q: QueueId = QueueId(0);

/// One of each.
pub(super) fn plan() -> Plan {
    Plan {
        title: String::new(),
        question: String::new(),
        seed: 0,
        length: Length { span: Some(Span::from_secs(10)), operations: None, drain: Span::ZERO },
        producers: vec![Producer {
            name: "till".into(),
            to: Q,
            homes: Vec::new(),
            arrivals: Arrivals::AtOnce { count: 1 },
            keys: KeyDraw::None,
            kinds: None,
            poison: None,
            publish: Publish::Confirm { timeout: Span::from_secs(1) },
            message: None,
        }],
        queues: vec![Queue { name: "payments".into(), settings: some_settings(Vec::new()) }],
        topology: Topology::default(),
        stores: vec![Store { name: "card".into(), kind: StoreKind::Database, latency: Dist::fixed(Span::ZERO) }],
        consumers: vec![Consumer {
            foreign: false,
            name: "capture".into(),
            from: Q,
            instances: 1,
            workers: 4,
            batch: 1,
            receives: Default::default(),
            heartbeat: None,
            steps: vec![Step::Effect { store: StoreId(0), site: 0 }, Step::Ack],
            marks_by: Default::default(),
            pattern: None,
            on_error: OnError::always(Reaction::Leave),
            subscription: None,
        }],
        faults: Vec::new(),
        links: Vec::new(),
        redrives: Vec::new(),
    }
    .check()
    .expect("a plan that can be run")
}

fn held(delivery: u32) -> Held {
    Held { op: 0, key: 0, delivery, worker: delivery }
}

fn stored() -> Vec<Fact> {
    vec![
        Fact::Produced { op: 0, key: 0, producer: ProducerId(0), poison: false },
        Fact::Published { op: 0, copy: 0, queue: Q },
        Fact::Accepted { op: 0, copy: 0, message: 0, queue: Q },
        Fact::Confirmed { op: 0 },
    ]
}

fn delivered(delivery: u32, cause: Cause, holder: Holder) -> Fact {
    let (attempt, until) = (delivery as u16 + 1, Time::NEVER);
    Fact::Delivered { held: held(delivery), message: 0, queue: Q, attempt, cause, holder, until }
}

fn started(delivery: u32) -> Fact {
    Fact::Started { held: held(delivery), run: 1 }
}

fn effect(delivery: u32) -> Fact {
    Fact::Effect { held: held(delivery), site: 0, current: true }
}

fn acked(delivery: u32) -> Fact {
    Fact::Acked { held: held(delivery), message: 0, queue: Q }
}

fn ended(delivery: u32, how: RunEnd) -> Fact {
    Fact::Ended { held: held(delivery), how }
}

/// One fact a second, the first after one.
fn report(facts: &[Fact], cut: Option<&str>) -> Report {
    let mut judge = Judge::new(&plan(), 7);
    let mut now = Time::ZERO;
    for fact in facts {
        now += Span::from_secs(1);
        judge.moment(now);
        judge.fact(now, fact);
    }
    judge.finish(now, cut.map(str::to_owned))
}

fn verdict(report: &Report, id: &str) -> Verdict {
    report.guarantees.iter().find(|g| g.id == id).expect("a guarantee of the catalogue").verdict
}

fn one(cause: &str) -> Vec<CauseCount> {
    vec![CauseCount { cause: cause.into(), count: 1, first_op: 0 }]
}

#[test]
fn a_duplicate_is_put_down_to_what_the_former_holder_was_doing_when_it_was_delivered_again() {
    for (cause, holder, words) in [
        (Cause::Expired, Holder::Working, CAUSES[0]),
        (Cause::Expired, Holder::Paused, CAUSES[1]),
        (Cause::Expired, Holder::Crashed, CAUSES[2]),
        (Cause::Nacked, Holder::Done, CAUSES[3]),
        (Cause::BrokerRestart, Holder::Working, CAUSES[4]),
        (Cause::ProducerCopy, Holder::Nobody, CAUSES[5]),
        (Cause::Expired, Holder::Done, CAUSES[6]),
    ] {
        let mut facts = stored();
        facts.extend([delivered(0, Cause::First, Holder::Nobody), started(0), effect(0)]);
        facts.push(Fact::Expired { held: held(0), message: 0, queue: Q, holder });
        facts.extend([delivered(1, cause, holder), started(1), effect(1)]);
        let report = report(&facts, None);
        assert_eq!(report.consumers[0].duplicates_by_cause, one(words));
        assert_eq!((report.counts.effects, report.counts.duplicates), (2, 1));
        assert_eq!((verdict(&report, "A3"), verdict(&report, "A7")), (Verdict::Violated, Verdict::Violated));
    }
}

#[test]
fn an_operation_is_lost_the_moment_its_effect_can_no_longer_happen() {
    let first = || delivered(0, Cause::First, Holder::Nobody);
    let dropped = |why| Fact::Dropped { op: 0, message: 0, queue: Q, in_flight: false, why };
    let crashed = ended(0, RunEnd::Crashed);
    for (what, reason, d1) in [
        (vec![first(), started(0), acked(0), crashed], "acked before its effect", Verdict::Holds),
        (vec![dropped(DropReason::BrokerCrash)], "broker crash", Verdict::Violated),
        (vec![dropped(DropReason::MaxDeliveries)], "given up, with no queue for dead letters", Verdict::Holds),
    ] {
        let mut facts = stored();
        facts.extend(what);
        let lost = report(&facts, None);
        assert_eq!((lost.counts.lost, lost.still_stored), (1, 0), "{reason}");
        assert_eq!(lost.consumers[0].lost_by_reason, one(reason));
        assert_eq!((verdict(&lost, "A5"), verdict(&lost, "D1")), (Verdict::Violated, d1));
        let found = lost.guarantees.iter().find(|g| g.id == "A5").and_then(|g| g.first_at_s);
        assert_eq!(found, Some(facts.len() as f64), "it is the last fact that makes it so");

        let earlier = report(&facts[..facts.len() - 1], None);
        assert_eq!((earlier.counts.lost, earlier.still_stored), (0, 1));
        assert_eq!(verdict(&earlier, "A5"), Verdict::Undecided);
    }
}

#[test]
fn a_delivery_that_waited_in_a_process_that_crashed_can_no_longer_take_effect() {
    let mut facts = stored();
    facts.push(delivered(0, Cause::First, Holder::Nobody));
    facts.push(Fact::Dropped { op: 0, message: 0, queue: Q, in_flight: true, why: DropReason::BrokerCrash });
    assert_eq!(report(&facts, None).counts.lost, 0, "its handler may still start");
    facts.push(Fact::Crashed { instance: 0 });
    let report = report(&facts, None);
    assert_eq!((report.counts.lost, report.counts.crashes), (1, 1));
    assert_eq!(report.faults[0].what, "capture-1 crashed");
}

#[test]
fn without_a_confirm_an_operation_is_missing_and_a_late_confirm_makes_it_lost() {
    let mut facts = stored();
    let confirm = facts.pop().expect("four facts");
    facts.push(Fact::Dropped { op: 0, message: 0, queue: Q, in_flight: false, why: DropReason::BrokerCrash });
    assert_eq!(report(&facts, None).counts.missing, 0, "its producer may publish again");
    facts.push(Fact::GaveUp { op: 0 });
    assert_eq!(report(&facts, None).counts.missing, 1);
    facts.push(confirm);
    let counts = report(&facts, None).counts;
    assert_eq!((counts.missing, counts.lost), (0, 1));
}

#[test]
fn a_run_without_facts_or_cut_short_proves_nothing() {
    let mut whole = stored();
    whole.extend([delivered(0, Cause::First, Holder::Nobody), started(0), effect(0), acked(0), ended(0, RunEnd::Done)]);
    for found in &report(&[], None).guarantees {
        assert_eq!(found.verdict, Verdict::Undecided, "{}", found.id);
        assert!(found.missing.as_ref().is_some_and(|m| m.starts_with("it never occurred that")));
    }
    assert_eq!(verdict(&report(&whole, None), "A7"), Verdict::Holds);
    assert_eq!(verdict(&report(&whole, Some("interrupted")), "A7"), Verdict::Undecided);
}

#[test]
fn a_life_without_trouble_is_measured_to_the_second() {
    let mut facts = stored();
    facts.extend([delivered(0, Cause::First, Holder::Nobody), started(0), effect(0), acked(0), ended(0, RunEnd::Done)]);
    let report = report(&facts, None);
    let consumer = &report.consumers[0];
    let mean = |l: &super::report::Latency| (l.mean_s * 1e3).round() / 1e3;
    // Produced at 1, accepted at 3, delivered at 5, started at 6, effect at 7, acked at 8, ended at 9.
    assert_eq!((mean(&consumer.queueing), mean(&consumer.handler), mean(&consumer.end_to_end)), (2.0, 3.0, 6.0));
    assert_eq!((report.end_s, report.produced_for_s), (9.0, 9.0));
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(close(consumer.utilisation, 3.0 / 9.0 / 4.0) && close(consumer.goodput_per_s, 1.0 / 9.0));
    let queue = &report.queues[0];
    assert!(close(queue.mean_depth, 2.0 / 9.0) && close(queue.mean_in_flight, 3.0 / 9.0));
    assert_eq!((queue.depth, queue.in_flight, queue.max_depth), (0, 0, 1));
    let series = &report.series[0];
    assert_eq!((series.effects.iter().sum::<u64>(), series.lag.iter().max()), (1, Some(&1)));
}

#[test]
fn the_list_of_guarantees_is_in_the_order_of_the_catalogue_and_names_each_once() {
    assert!(GUARANTEES.is_sorted_by(|a, b| a.id < b.id));
    let mut names: Vec<_> = GUARANTEES.iter().map(|g| g.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), GUARANTEES.len());
    assert_eq!(Roles::new(&plan()).caps, [None]);
}
