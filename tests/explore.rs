//! The explorer against what is known: the states of the peers' model, and the patterns that break and hold.

use redelivery::model::Leases;
use redelivery::model::broker::{Settings, plain};
use redelivery::model::plan::{Arrivals, Plan, Small, Step, StoreId};
use redelivery::observe::automata::Questions;
use redelivery::observe::guarantees::{Asked, Id};
use redelivery::sim::{KeyDraw, Span};
use redelivery::ways::explore::{Exploration, Late, Limits, Rules, explore};

const EFFECT: Step = Step::Effect { store: StoreId(0), site: 0 };
const DB: StoreId = StoreId(0);

fn plan(steps: Vec<Step>, operations: u32) -> Plan {
    let queue = Settings::Plain(plain::Settings::default());
    Small::on(queue).operations(operations).database("db").program(steps)
}

fn check_then_process() -> Vec<Step> {
    vec![Step::Seen(DB), EFFECT, Step::Mark(DB), Step::Ack]
}

fn run(plan: Plan, faults: u8, late: Late, all: bool, asked: Asked) -> Exploration {
    let rules = Rules::new(plan, faults, late, Leases::Loose, false, None).expect("a plan that can be run");
    let questions = Questions { guarantees: asked, missing: false };
    explore(&rules, questions, Limits { states: 3_000_000, all }, |_, _| true)
}

#[test]
fn three_operations_have_the_states_that_the_peers_counted() {
    let found = run(plan(check_then_process(), 3), 1, Late::Unlimited, true, Asked::of(Id::A3));
    assert_eq!((found.states, found.generated), (107_042, 337_513));
}

#[test]
#[cfg_attr(debug_assertions, ignore = "a minute and a half: run by the optimised step of .ci/run")]
fn four_operations_have_the_states_that_the_peers_counted() {
    let found = run(plan(check_then_process(), 4), 1, Late::Unlimited, true, Asked::of(Id::A3));
    assert_eq!((found.states, found.generated), (1_429_445, 4_421_310));
}

#[test]
fn check_then_process_falls_by_one_crash() {
    let found = run(plan(check_then_process(), 3), 1, Late::AtMost(0), false, Asked::of(Id::A3));
    let violation = found.violation.expect("a crash between effect and mark");
    assert_eq!((violation.faults, violation.late), (1, 0), "{:?}", violation.schedule);
}

#[test]
fn check_then_process_falls_without_a_crash_by_one_late_event() {
    let found = run(plan(check_then_process(), 3), 0, Late::AtMost(1), false, Asked::of(Id::A3));
    let violation = found.violation.expect("a handler later than its lease");
    assert_eq!((violation.faults, violation.late), (0, 1), "{:?}", violation.schedule);
}

#[test]
fn nothing_breaks_without_faults_and_lateness() {
    let found = run(plan(check_then_process(), 3), 0, Late::AtMost(0), false, Asked::of(Id::A3));
    assert!(found.violation.is_none() && found.stopped.is_none(), "{found:?}");
}

#[test]
fn the_second_effect_of_an_operation_is_no_disorder() {
    let two = vec![EFFECT, Step::Effect { store: DB, site: 1 }, Step::Ack];
    let mut plan = plan(two, 2);
    plan.producers[0].keys = KeyDraw::uniform(1);
    plan.producers[0].arrivals = Arrivals::Constant { gap: Span::from_millis(50) };
    let found = run(plan, 0, Late::AtMost(0), false, Asked::of(Id::B4));
    assert!(found.violation.is_none() && found.stopped.is_none(), "{found:?}");
}

#[test]
fn a_run_that_overlaps_another_is_told_with_it() {
    let mut plan = plan(vec![EFFECT, Step::Ack], 2);
    plan.producers[0].keys = KeyDraw::uniform(1);
    plan.producers[0].arrivals = Arrivals::Constant { gap: Span::from_millis(50) };
    let found = run(plan, 0, Late::AtMost(0), false, Asked::of(Id::B5));
    assert_eq!(found.violation.expect("two workers").broke.ops(), [0, 1]);
}

#[test]
fn the_inbox_holds_under_two_faults_and_any_lateness() {
    let inbox = vec![Step::Begin(DB), Step::Mark(DB), EFFECT, Step::Commit(DB), Step::Ack];
    let found = run(plan(inbox, 3), 2, Late::Unlimited, false, Asked::of(Id::A3) | Asked::of(Id::A5));
    assert!(found.violation.is_none() && found.stopped.is_none(), "{found:?}");
}
