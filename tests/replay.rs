//! What the explorer found, written down and run again: the same violation, or an error that names the step.

use redelivery::model::broker::{Settings, plain};
use redelivery::model::plan::{ConsumerId, Link, Party, Plan, QueueId, Small, Step, StoreId};
use redelivery::model::{Fact, Leases};
use redelivery::observe::automata::Questions;
use redelivery::observe::guarantees::{Asked, Id};
use redelivery::sim::{Chance, Dist, Span};
use redelivery::ways::explore::{Answers, Choice, Late, Limits, Rules, Violation, explore};
use redelivery::ways::replay::{FORMAT, Schedule, labelled, replay};

/// The budget of a search.
#[derive(Clone, Copy)]
struct Budget {
    faults: u8,
    late: Late,
    leases: Leases,
    wires: bool,
}

const ONE_CRASH: Budget = Budget { faults: 1, late: Late::AtMost(0), leases: Leases::Strict, wires: false };

fn plan() -> Plan {
    let steps = vec![Step::Effect { store: StoreId(0), site: 0 }, Step::Ack];
    let mut plan = Small::on(Settings::Plain(plain::Settings::default())).database("db").program(steps);
    plan.links.push(Link {
        name: "wan".into(),
        from: Party::Consumer(ConsumerId(0)),
        to: QueueId(0),
        latency: Dist::fixed(Span::from_millis(5)),
        lose_request: Chance::new(1, 100).expect("a chance"),
        lose_answer: Chance::NEVER,
    });
    plan
}

fn asks(id: Id) -> Questions {
    Questions { guarantees: Asked::of(id), missing: false }
}

fn found(budget: Budget, id: Id) -> (Rules, Violation) {
    let Budget { faults, late, leases, wires } = budget;
    let rules = Rules::new(plan(), faults, late, leases, wires, Some(2)).expect("a plan that can be run");
    let found = explore(&rules, asks(id), Limits { states: 1_000_000, all: false }, |_, _| true);
    (rules, found.violation.expect("a violation"))
}

fn written(rules: &Rules, budget: Budget, violation: &Violation) -> Schedule {
    Schedule {
        format: FORMAT,
        scenario: "replay.toml".into(),
        variant: None,
        settings: vec!["queue.work.lease=30s".into()],
        faults: budget.faults,
        late: budget.late,
        leases: budget.leases,
        wires: budget.wires,
        operations: 2,
        broke: violation.broke.into(),
        steps: labelled(rules.stage(), &violation.schedule),
    }
}

#[test]
fn what_was_found_breaks_the_same_again_also_after_it_was_a_file() {
    let late = Budget { faults: 0, late: Late::AtMost(1), ..ONE_CRASH };
    let untimed = Budget { faults: 0, late: Late::Unlimited, leases: Leases::Loose, wires: false };
    let lost = Budget { wires: true, ..ONE_CRASH };
    for (budget, id) in [(ONE_CRASH, Id::A3), (late, Id::A3), (untimed, Id::A3), (untimed, Id::C3), (lost, Id::A3)] {
        let (rules, violation) = found(budget, id);
        let schedule = written(&rules, budget, &violation);
        let text = serde_json::to_string(&schedule).expect("a text");
        let read: Schedule = serde_json::from_str(&text).expect("a schedule");
        assert_eq!(read, schedule);
        let questions = read.broke.questions().expect("guarantees");
        let replayed = replay(&rules, questions, &read).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(replayed.broke, Some(violation.broke), "{schedule:#?}");
        let effects =
            |(_, fact): &&(_, Fact)| matches!(fact, Fact::Effect { held, .. } if held.op == violation.broke.op);
        assert!(id != Id::A3 || replayed.facts.iter().filter(effects).count() == 2);
    }
}

#[test]
fn a_step_that_does_not_exist_is_named_with_what_could_be_done_instead() {
    let (rules, violation) = found(ONE_CRASH, Id::A3);
    let good = written(&rules, ONE_CRASH, &violation);
    let crash = good.steps.iter().position(|step| matches!(step.choice, Choice::Crash { .. })).expect("a crash");
    for wrong in [
        Choice::Take { lane: 4_000_000_000, nth: 0, answers: Answers::default() },
        Choice::Take { lane: 0, nth: 7, answers: Answers::default() },
        Choice::Take { lane: 0, nth: 0, answers: Answers(1) },
        Choice::Crash { process: 9 },
        Choice::CrashBroker { queue: 0 },
        Choice::Delay { lane: 0 },
        Choice::Lose { lane: 0 },
    ] {
        let mut schedule = good.clone();
        schedule.steps[crash].choice = wrong;
        let error = replay(&rules, asks(Id::A3), &schedule).expect_err("a step that is none").to_string();
        let start = format!("step {} of {} cannot be taken: \"worker-1 crashes\"", crash + 1, good.steps.len());
        assert!(error.starts_with(&start) && error.contains("worker-1 goes on"), "{wrong:?}: {error}");
    }
    // Beyond the budget: a second crash.
    let mut schedule = good.clone();
    schedule.steps.insert(crash + 1, schedule.steps[crash].clone());
    assert_eq!(replay(&rules, asks(Id::A3), &schedule).expect_err("no budget").number, crash + 2);
}

#[test]
fn a_schedule_that_stops_early_breaks_nothing_and_an_unknown_guarantee_is_named() {
    let (rules, violation) = found(ONE_CRASH, Id::A3);
    let mut schedule = written(&rules, ONE_CRASH, &violation);
    schedule.steps.pop();
    assert_eq!(replay(&rules, asks(Id::A3), &schedule).expect("it can be run").broke, None);
    schedule.broke.guarantees = vec!["effects for free".into()];
    assert_eq!(schedule.broke.questions(), Err("effects for free"));
}
