//! How long the kernel takes for a message, with a watcher that only counts.
//!
//! `cargo bench --bench kernel -- [WORLD] [MESSAGES] [ROUNDS]`: nanoseconds a message, the least and the median of the
//! rounds. The shared machine's clock is noisy: for a difference of a few percent count instructions, of one round:
//! `valgrind --tool=callgrind target/release/deps/kernel-... hot 200000 1`.

#[path = "worlds/mod.rs"]
mod worlds;

use std::time::{Duration, Instant};

use redelivery::model::plan::Plan;
use redelivery::model::seat::Empty;
use redelivery::model::{Around, Fact, Stage, Watch, World};
use redelivery::sim::Time;

/// What a judge cannot do without: it looks at every fact.
#[derive(Default)]
struct Count {
    facts: u64,
    effects: u64,
    expired: u64,
}

impl Watch for Count {
    #[inline]
    fn fact(&mut self, _: Time, fact: &Fact) {
        self.facts += 1;
        match fact {
            Fact::Effect { .. } => self.effects += 1,
            Fact::Expired { .. } => self.expired += 1,
            _ => {}
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn run(plan: Plan) -> (Duration, Count) {
    let stage = Stage::new(plan).expect("a plan that can be run");
    let (mut oracle, mut watch) = (stage.oracle(42), Count::default());
    let start = Instant::now();
    let mut around = Around { oracle: &mut oracle, watch: &mut watch, seat: &mut Empty };
    let mut world = World::new(&stage, true, &mut around);
    world.run(&stage, &mut around, u64::MAX);
    (start.elapsed(), watch)
}

/// A world by name.
type Named = (&'static str, fn(u32) -> Plan);

fn main() {
    const WORLDS: [Named; 4] =
        [("ref", worlds::reference), ("hot", worlds::hot), ("wire", worlds::wire), ("busy", worlds::busy)];
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let number = |at: usize, otherwise| args.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(otherwise);
    let (messages, rounds) = (number(1, 1_000_000), number(2, 5).max(1));
    for (name, world) in WORLDS {
        if args.first().is_some_and(|wanted| wanted != name && wanted != "all") {
            continue;
        }
        let mut runs: Vec<(Duration, Count)> = (0..rounds).map(|_| run(world(messages))).collect();
        runs.sort_by_key(|(took, _)| *took);
        let nanos = |at: usize| runs[at].0.as_nanos() as f64 / f64::from(messages);
        let Count { facts, effects, expired } = runs[0].1;
        println!(
            "{name}: {:.1} ns a message, median {:.1}; {facts} facts, {effects} effects, {expired} leases expired",
            nanos(0),
            nanos(rounds as usize / 2)
        );
    }
}
