//! The kernel gives the same facts at the same moments as when these digests were written down: whatever makes it faster
//! or shorter changes no result.

use std::fmt::{self, Write};

use redelivery::model::plan::Plan;
use redelivery::model::seat::Empty;
use redelivery::model::{Around, Fact, Leases, Stage, Stop, Times, Watch, World};
use redelivery::sim::{Fingerprint, Time};

#[path = "../benches/worlds/mod.rs"]
mod worlds;

/// A digest (FNV-1a) of all facts and their moments, as they are written.
struct Digest {
    hash: u64,
    facts: u64,
}

impl Digest {
    fn new() -> Digest {
        Digest { hash: 0xCBF2_9CE4_8422_2325, facts: 0 }
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        Ok(())
    }
}

impl Watch for Digest {
    fn fact(&mut self, now: Time, fact: &Fact) {
        self.facts += 1;
        write!(self, "{} {fact:?}", now.nanos()).expect("a digest takes every text");
    }
}

/// Runs an indexed world: why it stopped, how many facts it told, and their digest.
fn run(plan: Plan) -> (Stop, u64, u64) {
    let stage = Stage::new(plan).expect("a plan that can be run");
    let (mut oracle, mut watch) = (stage.oracle(42), Digest::new());
    let mut around = Around { oracle: &mut oracle, watch: &mut watch, seat: &mut Empty };
    let mut world = World::new(&stage, true, &mut around);
    let stop = world.run(&stage, &mut around, u64::MAX);
    (stop, watch.facts, watch.hash)
}

/// Takes the earliest head of a world that is not indexed, `events` times; the same of the facts, and a digest of the
/// canonical forms on the way.
fn step(plan: Plan, events: u32) -> (u64, u64, u64) {
    let stage = Stage::new(plan).expect("a plan that can be run");
    let (mut oracle, mut watch) = (stage.oracle(42), Digest::new());
    let mut around = Around { oracle: &mut oracle, watch: &mut watch, seat: &mut Empty };
    let mut world = World::new(&stage, false, &mut around);
    let (mut heads, mut forms) = (Vec::new(), Fingerprint::default());
    for _ in 0..events {
        heads.clear();
        world.heads(&stage, Leases::Strict, &mut heads);
        let Some(&head) = heads.iter().min_by_key(|head| head.event.rank()) else { break };
        world.take(&stage, head, &mut around);
        world.canon(&stage, Times::Kept, Leases::Strict, &mut forms);
        world.canon(&stage, Times::Dropped, Leases::Loose, &mut forms);
    }
    (watch.facts, watch.hash, forms.finish())
}

const N: u32 = 20_000;

#[test]
fn the_facts_of_a_run_are_those_that_were_written_down() {
    let settled = |facts, digest| (Stop::Settled, facts, digest);
    assert_eq!(run(worlds::reference(N)), settled(0x2c46a, 0xe504_4ba4_0f86_2349));
    assert_eq!(run(worlds::hot(N)), settled(0x2c46a, 0x2224_1397_b385_9bb5));
    assert_eq!(run(worlds::wire(N)), settled(0x2c46a, 0xe189_5cc2_5ec7_b7bd));
    assert_eq!(run(worlds::busy(N)), settled(0x50951, 0x307d_1ae9_b3f7_d1fa));
    assert_eq!(run(worlds::loose(N)), settled(0x30fad, 0xfc99_8d9b_3df7_74e1));
}

#[test]
fn so_are_the_forms_of_worlds_that_are_taken_head_by_head() {
    let stepped = [worlds::reference(N), worlds::busy(N), worlds::loose(N)].map(|plan| step(plan, 3000));
    assert_eq!(
        stepped,
        [
            (0x1a61, 0x6e52_1dba_1182_f2a0, 0x5554_e3b1_e253_4148),
            (0xda2, 0x5506_7567_cf4a_bd29, 0x089f_8f69_d34b_2635),
            (0x1a7d, 0x1049_ec2c_a7f3_db27, 0xe34f_7203_e6bd_f217),
        ]
    );
}

/// Which kinds of facts were told.
#[derive(Default)]
struct Kinds(std::collections::BTreeMap<String, u32>);

impl Watch for Kinds {
    fn fact(&mut self, _: Time, fact: &Fact) {
        let text = format!("{fact:?}");
        let kind = text.split(' ').next().unwrap_or_default();
        *self.0.entry(kind.to_owned()).or_default() += 1;
    }
}

#[test]
fn everything_that_can_happen_happens_in_them() {
    let mut watch = Kinds::default();
    for plan in [worlds::busy(N), worlds::loose(N)] {
        let stage = Stage::new(plan).unwrap();
        let mut oracle = stage.oracle(42);
        let mut around = Around { oracle: &mut oracle, watch: &mut watch, seat: &mut Empty };
        World::new(&stage, true, &mut around).run(&stage, &mut around, u64::MAX);
    }
    assert_eq!(watch.0.len(), 31, "{:?}", watch.0.keys());
}
