//! What a state costs the explorer: a copy of the world of `mc.toml` and its fingerprint, together under a microsecond; and
//! states per second over the whole search.
//!
//!     cargo bench --bench explore

use std::hint::black_box;
use std::time::Instant;

use redelivery::model::Leases;
use redelivery::model::fact::Silent;
use redelivery::model::seat::Empty;
use redelivery::observe::automata::Questions;
use redelivery::observe::guarantees::{Asked, Id};
use redelivery::scenario::Scenario;
use redelivery::sim::Fingerprint;
use redelivery::ways::explore::{Late, Limits, Rules, State, explore};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/reference/mc.toml");

/// Together, in nanoseconds.
const COPY_AND_FINGERPRINT_AT_MOST: f64 = 1_000.0;

#[allow(clippy::disallowed_methods, reason = "a benchmark measures by the wall clock")]
fn now() -> Instant {
    Instant::now()
}

/// States along a walk that takes every third choice, until they repeat themselves in kind.
fn states(rules: &Rules) -> Vec<State> {
    let (mut heads, mut choices) = (Vec::new(), Vec::new());
    let mut all = vec![rules.start(&mut Silent, &mut Empty)];
    for step in 0..40 {
        let mut next = all[all.len() - 1].clone();
        rules.choices(&next, &mut heads, &mut choices);
        let Some(&choice) = choices.get(step * 7 % choices.len().max(1)) else { break };
        rules.follow(&mut next, choice, &mut Silent, &mut Empty);
        all.push(next);
    }
    all
}

fn main() {
    let text = std::fs::read_to_string(FILE).expect("the reference scenario is there");
    let scenario = Scenario::read(FILE, &text, &[], None).expect("the reference scenario reads");
    let rules = Rules::new(scenario.plan, 1, Late::Unlimited, Leases::Loose, false, Some(4)).expect("it can be run");

    let states = states(&rules);
    let rounds = 20_000;
    let mut copy = states[0].clone();
    let mut best = f64::MAX;
    for _ in 0..10 {
        let start = now();
        for _ in 0..rounds {
            for state in &states {
                copy.clone_from(black_box(state));
                let mut print = Fingerprint::default();
                rules.canon(&copy, &mut print);
                black_box(print.finish());
            }
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / (rounds * states.len()) as f64);
    }
    println!("copy and fingerprint: {best:.0} ns a state, the best of 10 rounds over {} states", states.len());

    let questions = Questions { guarantees: Asked::of(Id::A3), missing: false };
    let start = now();
    let found = explore(&rules, questions, Limits { states: usize::MAX, all: true }, |_, _| true);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} states ({} generated) in {seconds:.2} s: {:.0} states a second",
        found.states,
        found.generated,
        found.states as f64 / seconds
    );
    assert!(
        best < COPY_AND_FINGERPRINT_AT_MOST,
        "a state costs {best:.0} ns, more than {COPY_AND_FINGERPRINT_AT_MOST} ns"
    );
}
