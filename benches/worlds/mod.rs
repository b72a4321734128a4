//! Worlds that stress the kernel: three reference workloads, and two in which everything happens that can.
#![allow(dead_code, reason = "the benchmark and the test take what they need")]

use redelivery::model::broker::{Settings, plain};
use redelivery::model::plan::*;
use redelivery::sim::{Chance, Dist, KeyDraw, Span, Time};

fn fixed(span: Span) -> Dist {
    Dist::fixed(span)
}

fn one_in(of: u64) -> Chance {
    Chance::new(1, of).expect("one in some is a chance")
}

fn queue(name: &str, settings: plain::Settings) -> Queue {
    Queue { name: name.into(), settings: Settings::Plain(settings) }
}

fn store(name: &str, kind: StoreKind, latency: Span) -> Store {
    Store { name: name.into(), kind, latency: fixed(latency) }
}

fn link(name: &str, from: Party, latency: Dist, lose: Chance) -> Link {
    Link { name: name.into(), from, to: QueueId(0), latency, lose_request: lose, lose_answer: lose }
}

/// A work queue with a visibility timeout, at a load of 0.8 or 0.9: Poisson arrivals, exponential work of 1 ms, a lease
/// of 10 ms, and a crash within the work or before the ack once in 200 runs each.
fn work_queue(operations: u32, instances: u16, gap: Span) -> Plan {
    let mut plan = Plan::new("work queue");
    plan.length.operations = Some(operations);
    plan.queues.push(queue("work", plain::Settings { lease: Span::from_millis(10), ..Default::default() }));
    let mut producer = Producer::new("source", QueueId(0), Arrivals::Poisson { gap });
    producer.publish = Publish::FireAndForget;
    plan.producers.push(producer);
    plan.stores.push(store("db", StoreKind::Database, Span::ZERO));
    let work = Step::Work(Dist::exponential(Span::from_millis(1)));
    let steps = vec![work, Step::Effect { store: StoreId(0), site: 0 }, Step::Ack];
    let mut consumer = Consumer::new("worker", QueueId(0), steps);
    consumer.instances = instances;
    plan.consumers.push(consumer);
    for (name, step) in [("crash-a", 0), ("crash-b", 2)] {
        let kind = FaultKind::Crash { consumer: ConsumerId(0), restart_after: Span::from_millis(1) };
        plan.faults.push(Fault { name: name.into(), kind, when: When::AtStep { step, chance: one_in(200) } });
    }
    plan
}

/// Four consumers.
pub fn reference(operations: u32) -> Plan {
    work_queue(operations, 4, Span::from_nanos(312_500))
}

/// 64 consumers, and keys by Zipf's law.
pub fn hot(operations: u32) -> Plan {
    let mut plan = work_queue(operations, 64, Span::from_nanos(17_361));
    plan.producers[0].keys = KeyDraw::zipf(10_000, 1.1).expect("a law of Zipf");
    plan
}

/// Four consumers, with wires of 10 us.
pub fn wire(operations: u32) -> Plan {
    let mut plan = reference(operations);
    for (name, from) in [("a", Party::Producer(ProducerId(0))), ("b", Party::Consumer(ConsumerId(0)))] {
        plan.links.push(link(name, from, fixed(Span::from_micros(10)), Chance::NEVER));
    }
    plan
}

fn every(name: &str, mean: Span, kind: FaultKind) -> Fault {
    Fault { name: name.into(), kind, when: When::Every(mean) }
}

/// Lossy wires, batches, two workers a process, renewals, transactions, an idempotent service, a cache, poison that ends
/// as dead letters, delays, crashes, pauses, slow processes and a broker that goes down.
pub fn busy(operations: u32) -> Plan {
    let (ms, worker) = (Span::from_millis, ConsumerId(1));
    let mut plan = Plan::new("busy");
    plan.length.operations = Some(operations);
    let dead = QueueId(1);
    let work =
        plain::Settings { lease: ms(60), max_deliveries: Some(4), dead_letter_to: Some(dead), ..Default::default() };
    plan.queues = vec![queue("a-work", work), queue("dead", plain::Settings::default())];
    let bursty = Arrivals::Bursty { gap: Span::from_micros(900), on: ms(500), off: ms(300) };
    let mut producer = Producer::new("source", QueueId(0), bursty);
    producer.publish = Publish::ConfirmAndRetry { timeout: ms(5), attempts: 3, backoff: ms(2) };
    producer.keys = KeyDraw::uniform(50);
    producer.poison = Some(Poison { fraction: one_in(150), how: PoisonKind::Errors });
    let mut other = Producer::new("timer", QueueId(0), Arrivals::Constant { gap: ms(7) });
    other.publish = Publish::Confirm { timeout: ms(2) };
    plan.producers = vec![producer, other];
    let external = StoreKind::External { idempotency: Some(ms(200)) };
    plan.stores = vec![
        store("cache", StoreKind::Cache, Span::ZERO),
        store("db", StoreKind::Database, Span::from_micros(300)),
        store("service", external, Span::from_micros(500)),
    ];
    let (cache, db, service) = (StoreId(0), StoreId(1), StoreId(2));
    let steps = vec![
        Step::Seen(cache),
        Step::Work(Dist::exponential(ms(1))),
        Step::Begin(db),
        Step::Mark(db),
        Step::Effect { store: db, site: 0 },
        Step::Effect { store: service, site: 1 },
        Step::Commit(db),
        Step::Mark(cache),
        Step::Ack,
    ];
    let mut consumer = Consumer::new("worker", QueueId(0), steps);
    (consumer.instances, consumer.workers, consumer.batch) = (3, 2, 3);
    (consumer.heartbeat, consumer.on_error) = (Some(ms(20)), OnError::always(Reaction::Nack { delay: ms(3) }));
    let buries = Consumer::new("undertaker", dead, vec![Step::Ack]);
    plan.consumers = vec![buries, consumer];
    let crash = FaultKind::Crash { consumer: worker, restart_after: ms(30) };
    let outage = FaultKind::BrokerCrash { queue: QueueId(0), restart_after: ms(25) };
    let moments = (1..6).map(|i| Time::ZERO + ms(700 * i)).collect();
    plan.faults = vec![
        every("crash", ms(900), crash),
        Fault { name: "crash-at".into(), kind: crash, when: When::AtStep { step: 6, chance: one_in(700) } },
        Fault { name: "outage".into(), kind: outage, when: When::At { times: moments, instance: None } },
        every("pause", ms(800), FaultKind::Pause { consumer: worker, lasts: ms(90) }),
        every("slow", ms(1200), FaultKind::Slow { consumer: worker, factor: 5, lasts: ms(150) }),
    ];
    let latency = Dist::uniform(Span::from_micros(50), Span::from_micros(900)).expect("a range");
    plan.links = vec![
        link("a", Party::Producer(ProducerId(0)), latency.clone(), one_in(60)),
        link("b", Party::Consumer(worker), latency, one_in(90)),
    ];
    plan
}

/// Direct calls, a queue that loses what it stores and puts back to the old place, a limit of length, poison that kills
/// and that hangs, handlers that ack first, and errors left to the lease.
pub fn loose(operations: u32) -> Plan {
    let ms = Span::from_millis;
    let mut plan = Plan::new("loose");
    plan.length.operations = Some(operations);
    plan.length.drain = Span::from_secs(5);
    plan.queues = vec![queue(
        "work",
        plain::Settings {
            lease: ms(9),
            returns_to: plain::ReturnsTo::Place,
            max_deliveries: Some(3),
            max_length: Some(40),
            durable: false,
            ..Default::default()
        },
    )];
    let producer = |name: &str, gap, how, fraction| {
        let mut producer = Producer::new(name, QueueId(0), Arrivals::Poisson { gap });
        producer.publish = Publish::ConfirmAndRetry { timeout: ms(4), attempts: 4, backoff: ms(6) };
        producer.poison = Some(Poison { fraction, how });
        producer
    };
    plan.producers = vec![
        producer("kills", Span::from_micros(700), PoisonKind::Kills, one_in(900)),
        producer("wrong", ms(2), PoisonKind::Errors, one_in(100)),
    ];
    plan.stores = vec![store("db", StoreKind::Database, Span::from_micros(400))];
    let (db, work) = (StoreId(0), Step::Work(Dist::exponential(ms(1))));
    let effect = |site| Step::Effect { store: db, site };
    let mut first = Consumer::new("acks-first", QueueId(0), vec![Step::Ack, work.clone(), effect(0)]);
    (first.instances, first.batch) = (2, 2);
    let steps = vec![Step::Seen(db), work, effect(1), Step::Mark(db), Step::Ack];
    let mut last = Consumer::new("acks-last", QueueId(0), steps);
    (last.instances, last.workers, last.on_error) = (2, 3, OnError::always(Reaction::Leave));
    plan.consumers = vec![first, last];
    let outage = FaultKind::BrokerCrash { queue: QueueId(0), restart_after: ms(5) };
    plan.faults = vec![
        every("crash", ms(300), FaultKind::Crash { consumer: ConsumerId(1), restart_after: ms(3) }),
        every("outage", ms(400), outage),
        every("pause", ms(250), FaultKind::Pause { consumer: ConsumerId(0), lasts: ms(15) }),
    ];
    plan
}
