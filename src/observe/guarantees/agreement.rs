//! The fast against the naive: each guarantee and each outcome, on random histories.

use proptest::prelude::*;

use super::history::{History, Subject, Twin};
use super::toy::history;
use super::{Asked, GUARANTEES, Id, OpState, Outcome};
use super::{counts, dead_letters, durability, lease, order, outcome};
use crate::model::fact::{Fact, Holder, Watch};
use crate::observe::report::{Counts, Finding, Report, Verdict};
use crate::observe::{Homes, Judge, Roles};
use crate::sim::Time;

fn judged(h: &History) -> Report {
    let mut judge = Judge::new(&h.plan, 7);
    for (now, fact) in &h.facts {
        judge.moment(*now);
        judge.fact(*now, fact);
    }
    judge.finish(h.facts.last().map_or(Time::ZERO, |(at, _)| *at), None)
}

/// `consumer`: only what it did, where a guarantee is found by consumer.
fn naive(id: Id, h: &History, consumer: Option<usize>) -> Twin {
    match id {
        Id::A1 => counts::naive::a1(h),
        Id::A2 => counts::naive::a2(h),
        Id::A3 => counts::naive::a3(h, consumer),
        Id::A4 => counts::naive::a4(h),
        Id::A5 => outcome::naive::a5(h, consumer.map(|c| h.plan.consumers[c].from)),
        Id::A7 => {
            let (a3, a5) = (naive(Id::A3, h, consumer), naive(Id::A5, h, consumer));
            let checked = a3.checked.max(a5.checked);
            let mut both = a3;
            both.add(a5);
            Twin { checked, ..both }
        }
        Id::A9 => counts::naive::a9(h),
        Id::B4 => order::naive::b4(h, consumer),
        Id::B5 => order::naive::b5(h),
        Id::C3 => lease::naive::c3(h, consumer),
        Id::C6 => lease::naive::c6(h, consumer),
        Id::D1 => durability::naive::d1(h),
        Id::E1 => outcome::naive::e1(h),
        Id::E2 => dead_letters::naive::e2(h),
        Id::E4 => dead_letters::naive::e4(h),
    }
}

fn verdict(twin: &Twin) -> Verdict {
    match twin {
        Twin { violations: 1.., .. } => Verdict::Violated,
        Twin { checked: 0, .. } | Twin { open: 1.., .. } => Verdict::Undecided,
        _ => Verdict::Holds,
    }
}

fn agree(found: &Finding, twin: &Twin, whose: &str) {
    let what = format!("{} {whose}: {found:?} but {twin:?}", found.id);
    assert_eq!(found.verdict, verdict(twin), "{what}");
    assert_eq!((found.checked, found.violations), (twin.checked, twin.violations), "{what}");
    assert_eq!(found.first_at_s, twin.first.as_ref().map(|(at, _)| at.as_secs_f64()), "{what}");
    let plausible = found.first_op.is_none_or(|op| twin.first.as_ref().is_some_and(|(_, ops)| ops.contains(&op)));
    assert!(plausible, "{what}");
    assert_eq!(found.missing.is_some(), found.verdict == Verdict::Undecided, "{what}");
}

fn all_agree(h: &History) -> Report {
    let report = judged(h);
    for (found, &id) in report.guarantees.iter().zip(Id::ALL) {
        agree(found, &naive(id, h, None), "over all");
    }
    for (c, consumer) in report.consumers.iter().enumerate() {
        let ids = Id::ALL.iter().filter(|id| id.guarantee().by_consumer);
        for (found, &id) in consumer.guarantees.iter().zip(ids) {
            agree(found, &naive(id, h, Some(c)), &consumer.name);
        }
    }
    let subjects: Vec<Subject> = h.subjects().collect();
    let outcomes: Vec<Outcome> = subjects.iter().map(|&subject| outcome::naive::outcome(h, subject)).collect();
    let count = |what| outcomes.iter().filter(|&&o| o == what).count() as u64;
    assert_eq!((report.counts.lost, report.counts.missing), (count(Outcome::Lost), count(Outcome::Missing)));
    let confirmed = |s: &Subject| h.confirmed(&h.facts_of(*s), s.op);
    let any_confirmed = |op: &u32| subjects.iter().any(|s| s.op == *op && confirmed(s));
    let confirmed_ops = (0..h.ops()).filter(any_confirmed).count() as u64;
    let published = h.facts.iter().filter(|(_, f)| matches!(f, Fact::Published { .. })).count() as u64;
    let Counts { produced, published: said, confirmed: heard, .. } = report.counts;
    assert_eq!((produced, said, heard), (u64::from(h.ops()), published, confirmed_ops));
    for (consumer, of) in report.consumers.iter().zip(&h.plan.consumers) {
        let owed = |s: &&Subject| s.home == of.from && !h.is_elsewhere(&h.facts_of(**s), s.op);
        let owed: Vec<Subject> = subjects.iter().filter(owed).copied().collect();
        let sure = owed.iter().filter(|s| confirmed(s)).count() as u64;
        assert_eq!((consumer.counts.produced, consumer.counts.confirmed), (owed.len() as u64, sure), "{}", of.name);
        for reason in &consumer.lost_by_reason {
            let lost = |s: &&Subject| outcome::naive::outcome(h, **s) == Outcome::Lost;
            let why = owed.iter().filter(lost).filter(|&&s| outcome::naive::reason(h, s) == reason.cause);
            assert_eq!(reason.count, why.count() as u64, "{}", reason.cause);
        }
    }
    for consumer in &report.consumers {
        let causes: u64 = consumer.duplicates_by_cause.iter().map(|c| c.count).sum();
        assert_eq!(causes, consumer.counts.duplicates, "every duplicate has a cause");
    }
    report
}

/// How often each guarantee breaks in the words of operations, if only the bits in `mask` are kept.
fn broken_with(h: &History, mask: u64) -> [u64; Id::ALL.len()] {
    let roles = Roles::new(&h.plan);
    let (mut words, mut homes): (Vec<OpState>, Homes) = Default::default();
    // By slot: a delivery that waits for its run, by the place of its word.
    let mut waiting: Vec<Option<(usize, u32)>> = Vec::new();
    let mut broken = [0; Id::ALL.len()];
    let mut book = |broke: Asked| broke.iter().for_each(|id| broken[id as usize] += 1);
    for (_, fact) in &h.facts {
        if let Fact::Produced { producer, .. } = *fact {
            words.extend(Homes::newborn(&roles, producer).map(|word| word.masked(mask)));
        }
        let first = fact.op().map_or(0, |op| op as usize * Homes::words(&roles));
        let moved = fact.op().map(|_| homes.of(&roles, words[first], fact)).unwrap_or_default();
        let mut over: Vec<usize> = Vec::new();
        match *fact {
            Fact::Delivered { held, .. } => {
                waiting.resize(waiting.len().max(held.delivery as usize + 1), None);
                let this = (first + moved.start, held.worker);
                over.extend(waiting[held.delivery as usize].replace(this).map(|(word, _)| word));
            }
            Fact::Started { held, .. } | Fact::Expired { held, holder: Holder::Nobody, .. } => {
                waiting[held.delivery as usize] = None;
            }
            Fact::Crashed { instance } => {
                let i = roles.instances[instance as usize];
                for slot in &mut waiting {
                    let dies = slot.filter(|(_, worker)| (i.first_worker..i.end_worker).contains(worker));
                    over.extend(dies.map(|(word, _)| word));
                    if dies.is_some() {
                        *slot = None;
                    }
                }
            }
            _ => {}
        }
        for word in over {
            let (after, broke) = super::abandon(words[word]);
            words[word] = after.masked(mask);
            book(broke);
        }
        for word in moved.map(|home| first + home) {
            let (after, broke) = super::step(words[word], &roles, fact);
            words[word] = after.masked(mask);
            book(broke);
        }
    }
    broken
}

proptest! {
    #[test]
    fn the_fast_guarantees_agree_with_the_naive_ones(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        all_agree(&history(&bytes));
    }

    #[test]
    fn a_guarantee_needs_no_bit_outside_its_mask(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let h = history(&bytes);
        let full = broken_with(&h, u64::MAX);
        let report = judged(&h);
        for (&id, found) in Id::ALL.iter().zip(&report.guarantees) {
            let masked = broken_with(&h, super::mask(Asked::of(id)));
            prop_assert_eq!(masked[id as usize], full[id as usize], "{:?}", id);
            if !matches!(id, Id::B4 | Id::B5 | Id::E2) {
                prop_assert_eq!(full[id as usize], found.violations, "{:?}: the explorer's step and the ledger's", id);
            }
        }
    }
}

#[test]
fn each_guarantee_was_seen_at_least_100_times_in_each_verdict() {
    let mut seen = [[0u32; 3]; Id::ALL.len()];
    let mut state = 1u64;
    for _ in 0..6_000 {
        let bytes: Vec<u8> = (0..40 + state % 400)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        for (seen, found) in seen.iter_mut().zip(&all_agree(&history(&bytes)).guarantees) {
            seen[found.verdict as usize] += 1;
        }
    }
    let rare: Vec<_> = GUARANTEES.iter().map(|g| g.id).zip(seen).filter(|(_, n)| n.iter().any(|&n| n < 100)).collect();
    assert!(rare.is_empty(), "of [holds, violated, undecided] too few were seen: {rare:?}");
}
