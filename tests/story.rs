//! Stories of small worlds, to be read like prose.

use insta::assert_snapshot;

use redelivery::model::broker::{Settings, plain};
use redelivery::model::plan::*;
use redelivery::model::{Leases, Stage};
use redelivery::observe::automata::Questions;
use redelivery::observe::guarantees::{Asked, Id};
use redelivery::sim::{Chance, Dist, KeyDraw};
use redelivery::sim::{Span, Time};
use redelivery::tell::story::{Clock, story};
use redelivery::ways::explore::{Late, Limits, Rules, explore};
use redelivery::ways::run::{involved, record, run};
use redelivery::ways::trial::{At, Message, Trial};

const CARD: StoreId = StoreId(0);
const DB: StoreId = StoreId(1);
const WORK: QueueId = QueueId(0);
const CAPTURE: ConsumerId = ConsumerId(0);

fn secs(s: f64) -> Span {
    Span::from_secs_f64(s)
}

fn at(s: f64) -> Time {
    Time::ZERO + secs(s)
}

fn effect(store: StoreId) -> Step {
    Step::Effect { store, site: 0 }
}

fn plain(settings: plain::Settings) -> Settings {
    Settings::Plain(settings)
}

/// One producer, one queue with a lease of 30 s, a card network (310 ms a call), a database, two capturing processes.
fn plan(steps: Vec<Step>) -> Plan {
    let mut plan = Plan::new("capture");
    plan.length.operations = Some(1);
    plan.queues.push(Queue { name: "payments".into(), settings: plain(plain::Settings::default()) });
    let mut producer = Producer::new("checkout", WORK, Arrivals::Constant { gap: secs(1.0) });
    producer.keys = KeyDraw::weighted(vec![("cust-3".into(), 1.0)], 0).expect("a world of ours");
    plan.producers.push(producer);
    let external = StoreKind::External { idempotency: None };
    plan.stores.push(Store { name: "card".into(), kind: external, latency: Dist::fixed(secs(0.31)) });
    plan.stores.push(Store { name: "db".into(), kind: StoreKind::Database, latency: Dist::fixed(secs(0.002)) });
    let mut consumer = Consumer::new("capture", WORK, steps);
    consumer.instances = 2;
    plan.consumers.push(consumer);
    plan
}

fn fault(kind: FaultKind, moment: f64) -> Fault {
    Fault { name: "trouble".into(), kind, when: When::At { times: vec![at(moment)], instance: Some(0) } }
}

fn crash() -> FaultKind {
    FaultKind::Crash { consumer: CAPTURE, restart_after: secs(5.0) }
}

fn told(plan: Plan, ops: &[u32]) -> String {
    let stage = Stage::new(plan).expect("a world of ours");
    story(&stage.plan, &record(&stage, 7, ops, &|_: Time, _| true), ops, Clock::Since)
}

#[test]
fn crash_after_the_effect() {
    let mut plan = plan(vec![effect(CARD), Step::Work(Dist::fixed(secs(1.0))), Step::Ack]);
    plan.faults.push(fault(crash(), 1.5));
    assert_snapshot!(told(plan, &[0]));
}

#[test]
fn late_handler() {
    let mut plan = plan(vec![effect(CARD), Step::Ack]);
    plan.faults.push(fault(FaultKind::Slow { consumer: CAPTURE, factor: 133, lasts: secs(2.0) }, 0.5));
    assert_snapshot!(told(plan, &[0]));
}

#[test]
fn pause() {
    let mut plan = plan(vec![effect(CARD), Step::Ack]);
    plan.consumers[0].heartbeat = Some(secs(0.1));
    plan.faults.push(fault(FaultKind::Pause { consumer: CAPTURE, lasts: secs(40.0) }, 1.25));
    assert_snapshot!(told(plan, &[0]));
}

#[test]
fn ack_first() {
    let mut plan = plan(vec![Step::Ack, effect(CARD)]);
    plan.faults.push(fault(crash(), 1.1));
    assert_snapshot!(told(plan, &[0]));
}

#[test]
fn poison() {
    let mut plan = plan(vec![effect(CARD), Step::Ack]);
    plan.producers[0].poison = Some(Poison { fraction: Chance::ALWAYS, how: PoisonKind::Errors });
    plan.consumers[0].on_error = OnError::always(Reaction::Nack { delay: secs(10.0) });
    let settings =
        plain::Settings { max_deliveries: Some(3), dead_letter_to: Some(QueueId(1)), ..plain::Settings::default() };
    plan.queues[0].settings = plain(settings);
    plan.queues.push(Queue { name: "payments-dlq".into(), settings: plain(plain::Settings::default()) });
    assert_snapshot!(told(plan, &[0]));
}

#[test]
fn producer_copy() {
    let mut plan = plan(vec![effect(CARD), Step::Ack]);
    plan.producers[0].publish = Publish::ConfirmAndRetry { timeout: secs(0.2), attempts: 2, backoff: Span::ZERO };
    plan.links.push(Link {
        name: "wan".into(),
        from: Party::Producer(ProducerId(0)),
        to: WORK,
        latency: Dist::fixed(secs(0.15)),
        lose_request: Chance::NEVER,
        lose_answer: Chance::NEVER,
    });
    assert_snapshot!(told(plan, &[0]));
}

#[test]
fn broker_crash() {
    let mut plan = plan(vec![effect(CARD), Step::Ack]);
    plan.queues[0].settings = plain(plain::Settings { durable: false, ..plain::Settings::default() });
    plan.faults.push(fault(FaultKind::BrokerCrash { queue: WORK, restart_after: secs(5.0) }, 2.1));
    plan.length.operations = Some(3);
    plan.consumers[0].steps[0] = Step::Work(Dist::fixed(secs(2.5)));
    assert_snapshot!(told(plan, &[0, 2]));
}

#[test]
fn durable_broker() {
    let mut plan = plan(vec![effect(CARD), Step::Ack]);
    plan.faults.push(fault(FaultKind::BrokerCrash { queue: WORK, restart_after: secs(5.0) }, 1.1));
    assert_snapshot!(told(plan, &[0]));
}

#[test]
fn inbox() {
    let mut plan = plan(vec![Step::Begin(DB), Step::Mark(DB), effect(DB), effect(CARD), Step::Commit(DB), Step::Ack]);
    plan.faults.push(fault(FaultKind::Slow { consumer: CAPTURE, factor: 133, lasts: secs(2.0) }, 0.5));
    assert_snapshot!(told(plan, &[0]));
}

#[test]
fn suppressed() {
    let mut plan = plan(vec![effect(CARD), Step::Mark(DB), Step::Ack]);
    plan.stores[0].kind = StoreKind::External { idempotency: Some(Span::FOREVER) };
    plan.faults.push(fault(crash(), 1.311));
    assert_snapshot!(told(plan, &[0]));
}

#[test]
fn batch() {
    let mut plan = plan(vec![effect(CARD), Step::Ack]);
    plan.producers[0].arrivals = Arrivals::AtOnce { count: 4 };
    plan.length.operations = Some(4);
    (plan.consumers[0].instances, plan.consumers[0].batch) = (1, 3);
    plan.faults.push(fault(crash(), 0.4));
    assert_snapshot!(told(plan, &[2, 3]));
}

#[test]
fn within_milliseconds() {
    let plan = plan(vec![Step::Seen(DB), effect(DB), Step::Mark(DB), Step::Ack]);
    assert_snapshot!(told(plan, &[0]));
}

#[test]
fn the_middle_of_an_endless_life_is_left_out() {
    let mut plan = plan(vec![effect(CARD), Step::Ack]);
    plan.producers[0].poison = Some(Poison { fraction: Chance::ALWAYS, how: PoisonKind::Errors });
    let text = told(plan, &[0]);
    assert_eq!(text.lines().count(), 1 + 60 + 1);
    assert!(text.contains("lines left out"), "{text}");
}

/// The story of the first break of a guarantee in a run.
fn broken(plan: Plan, id: Id) -> String {
    let stage = Stage::new(plan.clone()).expect("a world of ours");
    let report = run(&stage, 7, &|_: Time, _| true);
    let finding = report.guarantees.into_iter().find(|finding| finding.id == id.guarantee().id);
    let op = finding.and_then(|finding| finding.first_op).expect("a world that breaks it");
    told(plan, &involved(&stage, 7, op, Some(id), &|_: Time, _| true))
}

#[test]
fn effects_out_of_order() {
    let mut plan = plan(vec![effect(CARD), Step::Ack]);
    plan.length.operations = Some(3);
    plan.faults.push(fault(crash(), 1.2));
    assert_snapshot!(broken(plan, Id::B4));
}

#[test]
fn two_runs_of_a_key() {
    let mut plan = plan(vec![effect(CARD), Step::Ack]);
    plan.length.operations = Some(3);
    plan.producers[0].arrivals = Arrivals::Constant { gap: secs(0.2) };
    assert_snapshot!(broken(plan, Id::B5));
}

fn explored(mut plan: Plan, faults: u8, late: Late) -> String {
    plan.faults.push(fault(crash(), 1.0));
    let rules = Rules::new(plan, faults, late, Leases::Loose, false, Some(2)).expect("a world of ours");
    let questions = Questions { guarantees: Asked::of(Id::A3), missing: false };
    let found = explore(&rules, questions, Limits { states: 100_000, all: false }, |_, _| true);
    redelivery::tell::violation::violation(&rules, &found.violation.expect("a world of ours"))
}

#[test]
fn the_smallest_crash() {
    let text = explored(plan(vec![Step::Seen(DB), effect(DB), Step::Mark(DB), Step::Ack]), 1, Late::AtMost(0));
    assert!(text.lines().count() <= 12, "{text}");
    assert_snapshot!(text);
}

#[test]
fn a_story_without_times() {
    assert_snapshot!(explored(plan(vec![Step::Seen(DB), effect(DB), Step::Mark(DB), Step::Ack]), 0, Late::Unlimited));
}

#[test]
fn the_smallest_lateness() {
    assert_snapshot!(explored(plan(vec![effect(DB), Step::Ack]), 0, Late::AtMost(1)));
}

#[test]
fn a_failed_trial() {
    let mut plan = plan(Vec::new());
    plan.consumers[0] = Consumer::foreign("capture", WORK, &[DB], &[DB]);
    plan.consumers[0].instances = 2;
    plan.faults.push(fault(crash(), 1.0));
    let handler = || {
        |_: Message, at: At| async move {
            if !at.seen("db").await {
                at.effect("db").await;
                at.mark("db").await;
            }
            at.ack().await;
            Ok(())
        }
    };
    let failure = Trial::of(plan).faults(1).late(0).check(handler).expect_err("it breaks");
    assert_snapshot!(format!("{failure:?}"));
}
