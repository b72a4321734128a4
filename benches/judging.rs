//! What judging costs in a real run: nanoseconds a message, silent against judged, and the difference.
//!
//! `cargo bench --bench judging`: rounds of one and the other in turn, the median of each. `-- callgrind silent` and
//! `-- callgrind judged` run one of them once, so that instructions can be counted.

use std::hint::black_box;

use redelivery::model::broker::{Settings, plain};
use redelivery::model::plan::{
    Arrivals, Consumer, ConsumerId, Fault, FaultKind, Plan, Producer, Publish, Queue, QueueId, Step, Store, StoreId,
    StoreKind, When,
};
use redelivery::model::seat::Empty;
use redelivery::model::{Around, Silent, Stage, World};
use redelivery::sim::{Chance, Dist, Span, Time};
use redelivery::ways::run;

const MESSAGES: u32 = 1_000_000;
const ROUNDS: usize = 9;

/// One producer, four workers that take a millisecond, and a crash before or after the effect now and then.
fn plan() -> Plan {
    let ms = Span::from_millis(1);
    let mut plan = Plan::new("reference");
    plan.length.operations = Some(MESSAGES);
    let settings = Settings::Plain(plain::Settings { lease: ms * 10, ..plain::Settings::default() });
    plan.queues.push(Queue { name: "work".into(), settings });
    let mut producer = Producer::new("source", QueueId(0), Arrivals::Poisson { gap: Span::from_nanos(312_500) });
    producer.publish = Publish::FireAndForget;
    plan.producers.push(producer);
    plan.stores.push(Store { name: "db".into(), kind: StoreKind::Database, latency: Dist::fixed(Span::ZERO) });
    let effect = Step::Effect { store: StoreId(0), site: 0 };
    let mut consumer = Consumer::new("worker", QueueId(0), vec![Step::Work(Dist::exponential(ms)), effect, Step::Ack]);
    consumer.instances = 4;
    plan.consumers.push(consumer);
    for (name, step) in [("crash-a", 0), ("crash-b", 2)] {
        let kind = FaultKind::Crash { consumer: ConsumerId(0), restart_after: ms };
        let when = When::AtStep { step, chance: Chance::new(1, 200).expect("a chance") };
        plan.faults.push(Fault { name: name.into(), kind, when });
    }
    plan
}

fn silent(stage: &Stage) {
    let mut oracle = stage.oracle(42);
    let mut around = Around { oracle: &mut oracle, watch: &mut Silent, seat: &mut Empty };
    let mut world = World::new(stage, true, &mut around);
    black_box(world.run(stage, &mut around, u64::MAX));
}

fn judged(stage: &Stage) {
    black_box(run::run(stage, 42, &|_: Time, _: u32| true));
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures the machine, not the model")]
fn nanoseconds(stage: &Stage, what: fn(&Stage)) -> f64 {
    let start = std::time::Instant::now();
    what(stage);
    start.elapsed().as_secs_f64() * 1e9 / f64::from(MESSAGES)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let stage = Stage::new(plan()).expect("a plan that can be run");
    let words: Vec<String> = std::env::args().collect();
    if words.iter().any(|word| word == "callgrind") {
        return if words.iter().any(|word| word == "judged") { judged(&stage) } else { silent(&stage) };
    }
    let rounds: Vec<[f64; 2]> =
        (0..ROUNDS).map(|_| [nanoseconds(&stage, silent), nanoseconds(&stage, judged)]).collect();
    let of = |what: fn(&[f64; 2]) -> f64| median(rounds.iter().map(what).collect());
    for (what, ns) in [("silent", of(|r| r[0])), ("judged", of(|r| r[1])), ("judging", of(|r| r[1] - r[0]))] {
        println!("{what:<10} {ns:6.1} ns a message");
    }
}
