//! What the judge costs: nanoseconds for a message of nine or ten facts, told one by one as a world tells them.
//!
//! `cargo bench --bench judge`. Each line is the best of nine rounds, with what telling nobody costs taken away.

use std::hint::black_box;

use redelivery::model::broker::{Settings, plain};
use redelivery::model::fact::{Cause, Fact, Held, Holder, RunEnd, Watch};
use redelivery::model::plan::{
    Arrivals, Consumer, Length, OnError, Plan, Producer, ProducerId, Publish, Queue, QueueId, Step, Store, StoreId,
    StoreKind,
};
use redelivery::observe::{Fingerprint, Judge};
use redelivery::sim::{Dist, KeyDraw, Span, Time};

const MESSAGES: u32 = 2_000_000;
const WORKERS: u32 = 128;
const KEYS: u32 = 10_000;

fn plan(keys: KeyDraw) -> Plan {
    let ms = Span::from_millis;
    let producer = Producer {
        name: "p".into(),
        to: QueueId(0),
        arrivals: Arrivals::Constant { gap: ms(5) },
        keys,
        poison: None,
        publish: Publish::Confirm { timeout: ms(1_000) },
    };
    let consumer = Consumer {
        foreign: false,
        name: "c".into(),
        from: QueueId(0),
        instances: 8,
        workers: (WORKERS / 8) as u16,
        batch: 1,
        heartbeat: None,
        steps: vec![Step::Work(Dist::fixed(ms(300))), Step::Effect { store: StoreId(0), site: 0 }, Step::Ack],
        pattern: None,
        on_error: OnError::Leave,
    };
    Plan {
        title: String::new(),
        question: String::new(),
        seed: 0,
        length: Length { span: None, operations: Some(MESSAGES), drain: Span::ZERO },
        producers: vec![producer],
        queues: vec![Queue { name: "q".into(), settings: Settings::Plain(plain::Settings::default()) }],
        stores: vec![Store { name: "s".into(), kind: StoreKind::Database, latency: Dist::fixed(ms(2)) }],
        consumers: vec![consumer],
        faults: Vec::new(),
        links: Vec::new(),
    }
    .check()
    .expect("a plan that can be run")
}

/// Tells the facts of all messages: each is taken up 20 messages after it was stored, and done 100 messages later.
fn tell(watch: &mut impl Watch) -> Time {
    let (queue, producer) = (QueueId(0), ProducerId(0));
    let mut now = Time::ZERO;
    let mut bits = 1u64;
    for i in 0..MESSAGES + 120 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        now += Span::from_nanos(bits >> 41);
        let held = |op: u32| {
            let key = ((u64::from(op.wrapping_mul(2_654_435_769)) * u64::from(KEYS)) >> 32) as u32;
            Held { op, key, delivery: op % WORKERS, worker: op % WORKERS }
        };
        if i < MESSAGES {
            let (op, copy, message) = (i, 0, i % WORKERS);
            watch.fact(now, &Fact::Produced { op, key: held(op).key, producer, poison: false });
            watch.fact(now, &Fact::Published { op, copy, queue });
            watch.fact(now, &Fact::Accepted { op, copy, message, queue });
            watch.fact(now, &Fact::Confirmed { op });
        }
        if let Some(op) = i.checked_sub(20).filter(|&op| op < MESSAGES) {
            let (held, message, until) = (held(op), op % WORKERS, now + Span::from_secs(30));
            let (cause, holder) = (Cause::First, Holder::Nobody);
            watch.fact(now, &Fact::Delivered { held, message, queue, attempt: 1, cause, holder, until });
            watch.fact(now, &Fact::Started { held, run: 1 });
        }
        if let Some(op) = i.checked_sub(119).filter(|&op| op < MESSAGES) {
            let (held, message) = (held(op), op % WORKERS);
            watch.fact(now, &Fact::Stepped { held, step: 0, skip: false });
            watch.fact(now, &Fact::Effect { held, site: 0, current: true });
            watch.fact(now, &Fact::Acked { held, message, queue });
            watch.fact(now, &Fact::Ended { held, how: RunEnd::Done });
        }
    }
    now
}

/// Tells nobody, and lets the compiler leave out nothing.
struct Nobody;

impl Watch for Nobody {
    #[inline(always)]
    fn fact(&mut self, now: Time, fact: &Fact) {
        black_box((now, fact));
    }
}

struct Digest(Fingerprint);

impl Watch for Digest {
    #[inline(always)]
    fn fact(&mut self, now: Time, fact: &Fact) {
        self.0.fact(now, fact);
    }
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures the machine, not the model")]
fn best_of_nine(mut round: impl FnMut()) -> f64 {
    (0..9)
        .map(|_| {
            let start = std::time::Instant::now();
            round();
            start.elapsed().as_secs_f64() * 1e9 / f64::from(MESSAGES)
        })
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let nobody = best_of_nine(|| {
        black_box(tell(&mut Nobody));
    });
    let show = |what: &str, ns: f64| println!("{what:<40} {ns:6.1} ns a message");
    show("telling nobody (taken away below)", nobody);
    let digest = best_of_nine(|| {
        let mut digest = Digest(Fingerprint::default());
        tell(&mut digest);
        black_box(digest.0.digits());
    });
    show("the fingerprint alone", digest);
    for (what, keys) in [("the judge, keys", KeyDraw::Uniform { n: KEYS }), ("the judge, no keys", KeyDraw::None)] {
        let plan = plan(keys);
        let ns = best_of_nine(|| {
            let mut judge = Judge::new(&plan, 1);
            let end = tell(&mut judge);
            black_box(judge.finish(end, None));
        });
        show(what, ns - nobody);
    }
}
