//! Whole reports of many kinds of worlds, digested: whoever makes the judge faster may not change what it says.
//!
//! Fingerprints are told apart from the rest, so that a new definition of them shows as what it is.

use redelivery::model::Stage;
use redelivery::model::broker::{Settings, plain};
use redelivery::model::plan::{
    Arrivals, Consumer, ConsumerId, Fault, FaultKind, Link, OnError, Party, Plan, Poison, PoisonKind, Producer,
    ProducerId, Publish, Queue, QueueId, Reaction, Step, Store, StoreId, StoreKind, When,
};
use redelivery::sim::{Chance, Dist, KeyDraw, Span, Time};
use redelivery::ways::run;

const MS: Span = Span::from_millis(1);

fn one_in(n: u32) -> Chance {
    Chance::new(1, n.into()).expect("a chance")
}

fn effect() -> Step {
    Step::Effect { store: StoreId(0), site: 0 }
}

fn steps() -> Vec<Step> {
    vec![Step::Work(Dist::exponential(MS)), effect(), Step::Ack]
}

fn settings(change: impl Fn(&mut plain::Settings)) -> Settings {
    let mut settings = plain::Settings { lease: MS * 10, ..plain::Settings::default() };
    change(&mut settings);
    Settings::Plain(settings)
}

/// The workload of the benchmarks, made small.
fn plan(title: &str) -> Plan {
    let mut plan = Plan::new(title);
    plan.length.operations = Some(20_000);
    plan.queues.push(Queue { name: "work".into(), settings: settings(|_| {}) });
    let mut producer = Producer::new("source", QueueId(0), Arrivals::Poisson { gap: Span::from_nanos(312_500) });
    producer.publish = Publish::FireAndForget;
    plan.producers.push(producer);
    plan.stores.push(Store { name: "db".into(), kind: StoreKind::Database, latency: Dist::fixed(Span::ZERO) });
    let mut consumer = Consumer::new("worker", QueueId(0), steps());
    consumer.instances = 4;
    plan.consumers.push(consumer);
    fault(&mut plan, "crash-a", crash(0), When::AtStep { step: 0, chance: one_in(200) });
    fault(&mut plan, "crash-b", crash(0), When::AtStep { step: 2, chance: one_in(200) });
    plan
}

fn crash(consumer: u16) -> FaultKind {
    FaultKind::Crash { consumer: ConsumerId(consumer), restart_after: MS }
}

fn fault(plan: &mut Plan, name: &str, kind: FaultKind, when: When) {
    plan.faults.push(Fault { name: name.into(), kind, when });
    plan.faults.sort_by(|a, b| a.name.cmp(&b.name));
}

fn lossy(plan: &mut Plan, name: &str, from: Party) {
    plan.links.push(Link {
        name: name.into(),
        from,
        to: QueueId(0),
        latency: Dist::exponential(MS),
        lose_request: one_in(20),
        lose_answer: one_in(20),
    });
}

/// A dead-letter queue (its consumer has two effects), fed by a cap on deliveries.
fn morgue(plan: &mut Plan) {
    plan.queues.push(Queue { name: "yard".into(), settings: settings(|s| s.max_deliveries = Some(2)) });
    plan.queues[0].settings = settings(|s| (s.max_deliveries, s.dead_letter_to) = (Some(3), Some(QueueId(1))));
    let second = Step::Effect { store: StoreId(0), site: 1 };
    plan.consumers.push(Consumer::new(
        "yardman",
        QueueId(1),
        vec![effect(), Step::Work(Dist::fixed(MS)), second, Step::Ack],
    ));
}

/// By name.
pub fn worlds() -> Vec<Plan> {
    let mut all = vec![plan("reference")];
    let mut add = |title: &str, change: fn(&mut Plan)| {
        let mut plan = plan(title);
        change(&mut plan);
        all.push(plan);
    };
    add("hot keys", |p| {
        p.producers[0].arrivals = Arrivals::Poisson { gap: Span::from_nanos(17_361) };
        p.producers[0].keys = KeyDraw::zipf(1_000, 1.1).expect("a draw of keys");
        p.consumers[0].instances = 64;
    });
    add("batches and nacks", |p| {
        p.producers[0].keys = KeyDraw::Uniform { n: 50 };
        p.producers[0].publish = Publish::Confirm { timeout: MS * 100 };
        p.producers[0].poison = Some(Poison { fraction: one_in(100), how: PoisonKind::Errors });
        p.queues[0].settings = settings(|s| s.max_deliveries = Some(4));
        (p.consumers[0].batch, p.consumers[0].workers) = (5, 2);
        p.consumers[0].on_error = OnError::always(Reaction::Nack { delay: MS * 3 });
    });
    add("poison and dead letters", |p| {
        p.producers[0].poison = Some(Poison { fraction: one_in(50), how: PoisonKind::Kills });
        morgue(p);
    });
    add("copies over lossy links", |p| {
        let backoff = MS * 7;
        p.producers[0].publish = Publish::ConfirmAndRetry { timeout: MS * 5, attempts: 3, backoff };
        p.producers.push(Producer::new("till", QueueId(0), Arrivals::Constant { gap: MS * 4 }));
        p.producers[1].keys = KeyDraw::Uniform { n: 3 };
        lossy(p, "in", Party::Producer(ProducerId(0)));
        lossy(p, "out", Party::Consumer(ConsumerId(0)));
    });
    add("a broker that forgets", |p| {
        p.queues[0].settings = settings(|s| (s.durable, s.max_length) = (false, Some(40)));
        p.producers[0].publish = Publish::Confirm { timeout: MS * 100 };
        let down = FaultKind::BrokerCrash { queue: QueueId(0), restart_after: MS * 20 };
        fault(p, "broker", down, When::Every(MS * 200));
    });
    add("a broker that remembers, and heartbeats", |p| {
        let down = FaultKind::BrokerCrash { queue: QueueId(0), restart_after: MS * 20 };
        fault(p, "broker", down, When::Every(MS * 200));
        let pause = FaultKind::Pause { consumer: ConsumerId(0), lasts: MS * 30 };
        fault(p, "pause", pause, When::Every(MS * 70));
        let slow = FaultKind::Slow { consumer: ConsumerId(0), factor: 20, lasts: MS * 50 };
        fault(p, "slow", slow, When::At { times: vec![Time::ZERO + MS * 500], instance: None });
        p.consumers[0].heartbeat = Some(MS * 4);
    });
    add("pauses of a client that acks first", |p| {
        p.consumers[0].steps = vec![Step::Ack, Step::Work(Dist::exponential(MS)), effect()];
        p.faults.clear();
        fault(p, "crash", crash(0), When::Every(MS * 50));
        let pause = FaultKind::Pause { consumer: ConsumerId(0), lasts: MS * 30 };
        fault(p, "pause", pause, When::Every(MS * 70));
    });
    add("a span of time", |p| {
        (p.length.span, p.length.operations) = (Some(Span::from_secs(3)), None);
        p.consumers[0].instances = 2;
    });
    add("whichever comes first", |p| p.length.span = Some(Span::from_secs(3)));
    add("all at once, and no effect", |p| {
        p.producers[0].arrivals = Arrivals::AtOnce { count: 3_000 };
        p.consumers[0].steps = vec![Step::Work(Dist::fixed(MS)), Step::Ack];
        p.faults.clear();
    });
    add("an inbox and a key of idempotency", |p| {
        let (db, latency) = (StoreId(0), Dist::fixed(MS));
        p.stores.push(Store {
            name: "service".into(),
            kind: StoreKind::External { idempotency: Some(Span::FOREVER) },
            latency,
        });
        let call = Step::Effect { store: StoreId(1), site: 0 };
        p.consumers[0].instances = 8;
        p.consumers[0].steps = vec![call, Step::Ack];
        let inbox = vec![Step::Begin(db), Step::Seen(db), effect(), Step::Mark(db), Step::Commit(db), Step::Ack];
        let mut other = Consumer::new("writer", QueueId(0), inbox);
        other.instances = 4;
        p.consumers.push(other);
        p.faults.clear();
        fault(p, "crash-a", crash(0), When::AtStep { step: 1, chance: one_in(100) });
        fault(p, "crash-b", crash(1), When::AtStep { step: 5, chance: one_in(100) });
    });
    all
}

/// The report of a world as JSON, without its fingerprint; and its fingerprint.
pub fn report(plan: Plan) -> (String, String) {
    let stage = Stage::new(plan).expect("a plan that can be run");
    let mut report = run::run(&stage, 42, &|_: Time, _: u32| true);
    let fingerprint = std::mem::take(&mut report.fingerprint);
    (serde_json::to_string(&report).expect("a report is JSON"), fingerprint)
}

/// FNV-1a.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_reports_of_many_worlds_stay_what_they_are() {
    let shown: String = worlds()
        .into_iter()
        .map(|plan| {
            let title = plan.title.clone();
            let (text, fingerprint) = report(plan);
            format!("{:016x} {fingerprint} {title}\n", digest(&text))
        })
        .collect();
    insta::assert_snapshot!(shown);
}
