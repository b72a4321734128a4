//! An operation that is stored in several queues: the readers of each are judged on their own copy.

use redelivery::model::broker::rabbitmq::{
    self, Binding, Bound, Envelope, Exchange, ExchangeKind, Family, Settings, Subscription,
};
use redelivery::model::broker::{self};
use redelivery::model::plan::{
    Arrivals, Consumer, ConsumerId, Fault, FaultKind, Plan, Producer, Publish, Queue, QueueId, Step, Store, StoreId,
    StoreKind, When,
};
use redelivery::model::text::Text;
use redelivery::model::{Fact, Leases, Stage};
use redelivery::observe::automata::Questions;
use redelivery::observe::guarantees::{Asked, Id};
use redelivery::observe::report::{Report, Verdict};
use redelivery::sim::{Chance, Dist, KeyDraw, Span, Time};
use redelivery::tell::story::{Clock, story};
use redelivery::ways::explore::{Exploration, Late, Limits, Rules, explore};
use redelivery::ways::run::{record, run, run_watched};

const AUDIT: QueueId = QueueId(0);
const BILLING: QueueId = QueueId(1);

fn ms(n: u64) -> Span {
    Span::from_millis(n)
}

/// A step on the reader's own store, of the same number as its queue.
fn effect(reader: u16) -> Step {
    Step::Effect { store: StoreId(reader), site: 0 }
}

/// One producer, and two queues with a reader and a store each.
fn plan(kind: ExchangeKind, keys: [&str; 2], steps: [Vec<Step>; 2]) -> Plan {
    let mut plan = Plan::new("a fan-out");
    plan.length.operations = Some(40);
    for (name, number, steps) in [("audit", 0, &steps[0]), ("billing", 1, &steps[1])] {
        let settings = Settings { family: Family::Classic, ..Settings::default() };
        plan.queues.push(Queue { name: name.into(), settings: broker::Settings::Rabbitmq(settings) });
        plan.stores.push(Store { name: name.into(), kind: StoreKind::Database, latency: Dist::fixed(ms(2)) });
        let subscription = Some(broker::Subscription::Rabbitmq(Subscription::default()));
        let reader = Consumer::new(&format!("{name}-reader"), QueueId(number), steps.clone());
        plan.consumers.push(Consumer { subscription, ..reader });
    }
    let exchange = Exchange { name: 0, kind, durable: true, alternate: None, hash_header: None };
    let bind =
        |(number, key): (u16, &str)| Binding { from: 0, to: Bound::Queue(number), key: key.into(), args: vec![] };
    plan.topology.rabbitmq = rabbitmq::Topology {
        exchange_names: vec!["orders".into()],
        exchanges: vec![exchange],
        bindings: [0, 1].into_iter().zip(keys).map(bind).collect(),
        ..plan.topology.rabbitmq
    };
    let envelope = Envelope { exchange: Some(0), key: Text::read("order.{key}").ok(), ..Envelope::default() };
    let source = Producer::new("source", AUDIT, Arrivals::Constant { gap: ms(10) });
    plan.producers.push(Producer {
        homes: vec![BILLING, AUDIT],
        keys: KeyDraw::Uniform { n: 2 },
        message: Some(broker::Envelope::Rabbitmq(envelope)),
        ..source
    });
    plan
}

fn effect_then_ack() -> [Vec<Step>; 2] {
    [vec![effect(0), Step::Ack], vec![effect(1), Step::Ack]]
}

fn fanout() -> Plan {
    plan(ExchangeKind::Fanout, ["", ""], effect_then_ack())
}

fn stage(plan: Plan) -> Stage {
    Stage::new(plan).expect("a plan that can be run")
}

fn on(_: Time, _: u32) -> bool {
    true
}

fn judged(plan: Plan) -> Report {
    run(&stage(plan), 1, &on)
}

fn verdict(report: &Report, reader: usize, id: &str) -> Verdict {
    let mut found = report.consumers[reader].guarantees.iter();
    found.find(|found| found.id == id).expect("a guarantee of consumers").verdict
}

fn overall(report: &Report, id: &str) -> Verdict {
    report.guarantees.iter().find(|found| found.id == id).expect("a guarantee").verdict
}

/// A reader dies before its ack, each time with this chance in a hundred.
fn dies(reader: u16, step: u8, percent: u32) -> Fault {
    let chance = Chance::new(u64::from(percent), 100).expect("a chance");
    let kind = FaultKind::Crash { consumer: ConsumerId(reader), restart_after: ms(20) };
    Fault { name: "crash".into(), kind, when: When::AtStep { step, chance } }
}

#[test]
fn each_reader_has_the_effects_of_a_queue_of_its_own() {
    let quiet = judged(fanout());
    let Report { counts, .. } = &quiet;
    assert_eq!((counts.produced, counts.published, counts.confirmed), (40, 40, 40));
    assert_eq!((counts.accepted, counts.delivered, counts.effects), (80, 80, 80));
    assert_eq!((counts.duplicates, counts.lost, counts.missing, quiet.still_stored), (0, 0, 0, 0));
    for consumer in &quiet.consumers {
        let counts = &consumer.counts;
        assert_eq!((counts.produced, counts.confirmed, counts.effects), (40, 40, 40), "{}", consumer.name);
        assert!(consumer.guarantees.iter().all(|found| found.verdict == Verdict::Holds), "{:?}", consumer.guarantees);
    }
    for found in ["A1", "A2", "A4", "A9", "D1", "E1"] {
        assert_eq!(overall(&quiet, found), Verdict::Holds, "{found}");
    }
}

#[test]
fn a_reader_that_dies_before_its_ack_repeats_its_own_effects_only() {
    let mut broken = fanout();
    broken.faults.push(dies(1, 1, 25));
    let report = judged(broken.clone());
    let [audit, billing] = [0, 1].map(|reader: usize| report.consumers[reader].counts.clone());
    assert_eq!((audit.effects, audit.duplicates, audit.redelivered), (40, 0, 0));
    assert_eq!(billing.effects - billing.duplicates, 40);
    assert!(billing.duplicates > 0 && billing.duplicates == billing.redelivered, "{billing:?}");
    assert_eq!([0, 1].map(|reader| verdict(&report, reader, "A3")), [Verdict::Holds, Verdict::Violated]);
    assert_eq!([0, 1].map(|reader| verdict(&report, reader, "A5")), [Verdict::Holds; 2]);

    // The same reader at a queue of its own, under the same crashes.
    let mut alone = broken;
    let source = &mut alone.producers[0];
    (source.to, source.homes, source.message) = (BILLING, vec![BILLING], None);
    let own = judged(alone).consumers[1].counts.clone();
    assert_eq!(
        (billing.effects, billing.duplicates, billing.redelivered, billing.out_of_order),
        (own.effects, own.duplicates, own.redelivered, own.out_of_order)
    );
}

#[test]
fn what_is_routed_elsewhere_is_neither_lost_nor_missing_nor_counted() {
    let publishes = [
        Publish::FireAndForget,
        Publish::Confirm { timeout: ms(100) },
        Publish::ConfirmAndRetry { timeout: ms(100), attempts: 3, backoff: Span::ZERO },
    ];
    for publish in publishes {
        let mut topic = plan(ExchangeKind::Topic, ["order.*", "order.key-2"], effect_then_ack());
        topic.producers[0].publish = publish;
        let report = judged(topic);
        let [audit, billing] = [0, 1].map(|reader: usize| report.consumers[reader].counts.clone());
        assert!((1..40).contains(&billing.produced), "{billing:?}");
        assert_eq!((audit.produced, audit.effects), (40, 40));
        assert_eq!((billing.published, billing.effects, billing.duplicates), (billing.produced, billing.produced, 0));
        let sure = publish != Publish::FireAndForget;
        assert_eq!(billing.confirmed, if sure { billing.produced } else { 0 });
        let counts = &report.counts;
        assert_eq!((counts.produced, counts.published, counts.confirmed), (40, 40, if sure { 40 } else { 0 }));
        assert_eq!((counts.lost, counts.missing, report.still_stored), (0, 0, 0), "{publish:?}");
        assert_eq!(verdict(&report, 1, "A5"), if sure { Verdict::Holds } else { Verdict::Undecided });
    }
}

#[test]
fn what_is_routed_nowhere_is_lost_once() {
    let report = judged(plan(ExchangeKind::Topic, ["order.7", "order.8"], effect_then_ack()));
    assert_eq!((report.counts.produced, report.counts.lost, report.counts.missing), (40, 40, 0));
    assert_eq!([0, 1].map(|reader: usize| report.consumers[reader].counts.lost), [40, 0]);
}

#[test]
fn a_queue_that_loses_its_copies_loses_them_for_its_own_reader() {
    let mut crash = fanout();
    let broker::Settings::Rabbitmq(settings) = &mut crash.queues[BILLING.at()].settings else { panic!("it is one") };
    settings.durable = false;
    crash.length.operations = Some(10);
    crash.producers[0].arrivals = Arrivals::AtOnce { count: 10 };
    let kind = FaultKind::BrokerCrash { queue: AUDIT, restart_after: ms(50) };
    let when = When::At { times: vec![Time::ZERO + ms(5)], instance: None };
    crash.faults.push(Fault { name: "down".into(), kind, when });
    let report = judged(crash);
    let [audit, billing] = [0, 1].map(|reader: usize| report.consumers[reader].counts.clone());
    assert_eq!((audit.lost, audit.effects - audit.duplicates), (0, 10), "{audit:?}");
    assert!(billing.lost > 0, "{billing:?}");
    assert_eq!(billing.lost + billing.effects, 10, "{billing:?}");
    assert_eq!(report.counts.lost, billing.lost);
    assert_eq!([0, 1].map(|reader| verdict(&report, reader, "A5")), [Verdict::Holds, Verdict::Violated]);
    assert_eq!(report.consumers[1].lost_by_reason[0].cause, "broker crash");
    assert!(report.consumers[0].lost_by_reason.is_empty());
}

#[test]
fn a_full_queue_is_passed_by_and_its_reader_misses_the_operation() {
    let mut full = fanout();
    let broker::Settings::Rabbitmq(settings) = &mut full.queues[BILLING.at()].settings else { panic!("it is one") };
    (settings.max_length, settings.overflow) = (Some(1), rabbitmq::Overflow::RejectPublish);
    full.length.operations = Some(10);
    full.producers[0].arrivals = Arrivals::AtOnce { count: 10 };
    let mut facts: Vec<(Time, Fact)> = Vec::new();
    let report = run_watched(&stage(full), 1, &mut [&mut facts], &on);
    let [audit, billing] = [0, 1].map(|reader: usize| report.consumers[reader].counts.clone());
    let passed = facts.iter().filter(|(_, f)| matches!(f, Fact::PassedBy { routed: true, queue: BILLING, .. })).count();
    assert!(passed > 0 && report.still_stored == 0);
    assert_eq!((billing.effects, billing.missing), (10 - passed as u64, passed as u64));
    assert_eq!((audit.effects, audit.missing), (10, 0));
}

#[test]
fn the_order_of_a_key_is_judged_in_each_queue() {
    let mut mixed = fanout();
    mixed.producers[0].keys = KeyDraw::Uniform { n: 1 };
    // The second reader is far behind the first, and neither overtakes itself.
    mixed.stores[1].latency = Dist::fixed(ms(60));
    let report = judged(mixed.clone());
    assert_eq!((report.counts.out_of_order, overall(&report, "B5")), (0, Verdict::Holds));
    assert_eq!([0, 1].map(|reader| verdict(&report, reader, "B4")), [Verdict::Holds; 2]);

    mixed.consumers[1].instances = 4;
    mixed.faults.push(dies(1, 0, 10));
    let report = judged(mixed);
    assert!(report.consumers[1].counts.out_of_order > 0);
    assert_eq!([0, 1].map(|reader| verdict(&report, reader, "B4")), [Verdict::Holds, Verdict::Violated]);
    assert_eq!(overall(&report, "B5"), Verdict::Violated);
}

fn explored(steps: [Vec<Step>; 2], homes: Vec<QueueId>) -> Exploration {
    let mut small = plan(ExchangeKind::Fanout, ["", ""], steps);
    small.length.operations = Some(1);
    small.producers[0].homes = homes;
    small.faults = [0, 1].map(|reader| dies(reader, 0, 1)).to_vec();
    small.faults[1].name = "crash-too".into();
    small.faults.iter_mut().for_each(|fault| fault.when = When::Every(Span::from_secs(1)));
    let rules = Rules::new(small, 1, Late::AtMost(0), Leases::Loose, false, None).expect("a plan that can be run");
    let questions = Questions { guarantees: Asked::of(Id::A3) | Asked::of(Id::A5), missing: true };
    explore(&rules, questions, Limits { states: 1_000_000, all: false }, |_, _| true)
}

#[test]
fn explored_each_reader_stands_or_falls_by_its_own_program() {
    let db = StoreId;
    let inbox = |reader: u16| {
        let (begin, commit) = (Step::Begin(db(reader)), Step::Commit(db(reader)));
        vec![begin, Step::Mark(db(reader)), effect(reader), commit, Step::Ack]
    };
    let checks = |reader| vec![Step::Seen(db(reader)), effect(reader), Step::Mark(db(reader)), Step::Ack];
    let both = vec![AUDIT, BILLING];
    let held = explored([inbox(0), inbox(1)], both.clone());
    assert!(held.violation.is_none() && held.stopped.is_none(), "{held:?}");
    for steps in [[inbox(0), checks(1)], [checks(0), inbox(1)]] {
        let broke = explored(steps, both.clone()).violation.expect("a crash between effect and mark");
        assert_eq!((broke.broke.op, broke.broke.guarantees, broke.faults), (0, Asked::of(Id::A3), 1));
    }
}

#[test]
fn a_story_tells_of_all_copies_and_numbers_effects_for_each_reader() {
    let mut broken = fanout();
    broken.faults.push(dies(1, 1, 25));
    let stage = stage(broken);
    let report = run(&stage, 1, &on);
    let op = report.consumers[1].guarantees.iter().find_map(|found| found.first_op).expect("a duplicate");
    let text = story(&stage.plan, &record(&stage, 1, &[op], &on), &[op], Clock::Since);
    let of = |who: &str, what: &str| text.lines().filter(|line| line.contains(who) && line.contains(what)).count();
    assert_eq!((of("audit-reader-1", "effect 1"), of("audit-reader-1", "effect 2")), (1, 0), "{text}");
    assert_eq!((of("billing-reader-1", "effect 1"), of("billing-reader-1", "effect 2")), (1, 1), "{text}");
}

#[test]
fn what_one_queue_refuses_is_counted_there() {
    let mut plan = fanout();
    let audit = Settings { max_length: Some(1), overflow: rabbitmq::Overflow::RejectPublish, ..Settings::default() };
    plan.queues[AUDIT.at()].settings = broker::Settings::Rabbitmq(audit);
    plan.stores[AUDIT.at()].latency = Dist::fixed(ms(200));
    let [audit, billing] = [0, 1].map(|reader| judged(plan.clone()).consumers[reader].counts.clone());
    assert_eq!((audit.accepted + audit.refused, billing.accepted, billing.refused), (40, 40, 0), "{audit:?}");
    assert!(audit.refused > 30, "{audit:?}");
}
