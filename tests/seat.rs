//! The consumer's seat: what goes in and out of it is plain data, and a foreign handler is judged as a program is.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use redelivery::model::Stage;
use redelivery::model::broker::{Settings, plain};
use redelivery::model::plan::{About, Arrivals, Plan, QueueId, Small};
use redelivery::model::seat::{Answer, Point, Seat};
use redelivery::observe::guarantees::{Asked, Id};
use redelivery::sim::Span;
use redelivery::ways::run::run_seated;
use redelivery::ways::trial::{At, Message, Trial, What};

/// Some operations, processes that crash now and then, a lease of 30 s.
fn world(operations: u32, processes: u16) -> Plan {
    let queue = Settings::Plain(plain::Settings::default());
    Small::on(queue).operations(operations).processes(processes).database("db").foreign()
}

/// Asks, applies, marks, acks: a check is not a transaction.
async fn check_then_process(_: Message, at: At) -> Result<(), String> {
    if !at.seen("db").await {
        at.point("not seen").await;
        at.effect("db").await;
        at.mark("db").await;
    }
    at.ack().await;
    Ok(())
}

async fn ack_first(_: Message, at: At) -> Result<(), String> {
    at.ack().await;
    at.effect("db").await;
    Ok(())
}

/// Sends every answer and every point through JSON and back, and notes which kinds it saw.
struct ThroughJson<S> {
    inner: S,
    seen: BTreeSet<&'static str>,
}

impl<S: Seat> Seat for ThroughJson<S> {
    fn resume(&mut self, worker: u32, answer: &Answer) -> Point {
        let sent = serde_json::to_string(answer).expect("an answer is JSON");
        let answer: Answer = serde_json::from_str(&sent).expect("and comes back");
        self.seen.insert(match answer {
            Answer::Start { .. } => "start",
            Answer::Done => "done",
            Answer::Known(_) => "known",
        });
        let point = self.inner.resume(worker, &answer);
        let back: Point =
            serde_json::from_str(&serde_json::to_string(&point).expect("a point is JSON")).expect("and comes back");
        assert_eq!(back, point);
        self.seen.insert(match back {
            Point::At(_) => "at",
            Point::Seen(_) => "seen",
            Point::Effect(_) => "effect",
            Point::Mark(_) => "mark",
            Point::Ack => "ack",
            Point::Failed(_) => "failed",
            Point::End => "end",
        });
        back
    }
    fn forget(&mut self, worker: u32) {
        self.inner.forget(worker);
    }
}

/// A handler as a type that is its own program: by worker, the answers that it still waits for.
#[derive(Default)]
struct Machine {
    at: Vec<u8>,
    op: Vec<u32>,
}

impl Seat for Machine {
    fn resume(&mut self, worker: u32, answer: &Answer) -> Point {
        let worker = worker as usize;
        self.at.resize(self.at.len().max(worker + 1), 0);
        self.op.resize(self.at.len(), 0);
        if let Answer::Start { op, .. } = *answer {
            (self.at[worker], self.op[worker]) = (0, op);
        }
        self.at[worker] += 1;
        match (self.at[worker], answer) {
            (1, _) => Point::Seen("db".into()),
            (2, Answer::Known(true)) => {
                self.at[worker] = 5;
                Point::Ack
            }
            (2, _) if self.op[worker] % 50 == 49 => {
                self.op[worker] = 0; // the next try will do
                Point::Failed("the network is down".into())
            }
            (2, _) => Point::At("not seen".into()),
            (3, _) => Point::Effect("db".into()),
            (4, _) => Point::Mark("db".into()),
            (5, _) => Point::Ack,
            _ => Point::End,
        }
    }
    fn forget(&mut self, worker: u32) {
        self.at[worker as usize] = 0;
    }
}

#[test]
fn every_answer_and_every_point_survives_json() {
    let mut plan = world(400, 2);
    let Settings::Plain(settings) = &mut plan.queues[0].settings else { panic!("the plan is of plain queues") };
    settings.max_deliveries = Some(3);
    let stage = Stage::new(plan).unwrap();
    let mut seat = ThroughJson { inner: Machine::default(), seen: BTreeSet::new() };
    let through = run_seated(&stage, 7, &mut seat);
    let kinds = ["start", "done", "known", "at", "seen", "effect", "mark", "ack", "failed", "end"];
    assert_eq!(seat.seen, BTreeSet::from(kinds));
    assert_eq!(through.fingerprint, run_seated(&stage, 7, &mut Machine::default()).fingerprint);
    assert!(through.counts.crashes > 0 && through.counts.effects > 300, "{:?}", through.counts);
}

/// Acks, and then stands at a point.
#[derive(Default)]
struct AcksFirst {
    acked: bool,
    heard: Vec<&'static str>,
}

impl Seat for AcksFirst {
    fn resume(&mut self, _: u32, answer: &Answer) -> Point {
        let starts = matches!(answer, Answer::Start { .. });
        self.heard.push(if starts { "start" } else { "done" });
        match (starts, std::mem::replace(&mut self.acked, starts)) {
            (true, _) => Point::Ack,
            (false, true) => Point::At("after".to_owned()),
            (false, false) => Point::End,
        }
    }
    fn forget(&mut self, _: u32) {}
}

#[test]
fn a_foreign_handler_goes_on_after_its_ack_though_no_step_is_listed_behind_it() {
    let plan = Small::on(Settings::Plain(plain::Settings::default())).operations(3).processes(1).foreign();
    let mut seat = AcksFirst::default();
    let report = run_seated(&Stage::new(plan).unwrap(), 7, &mut seat);
    assert_eq!(seat.heard, ["start", "done", "done"].repeat(3));
    assert_eq!((report.counts.acked, report.counts.runs), (3, 3));
}

#[test]
fn a_foreign_check_then_process_falls_by_one_crash() {
    let failure = Trial::of(world(2, 2)).faults(1).late(0).check(|| check_then_process).unwrap_err();
    let What::Broke(broke) = failure.what() else { panic!("{failure}") };
    assert!(broke.guarantees.contains(Id::A3), "{failure}");
}

#[test]
fn a_foreign_check_then_process_falls_without_a_crash_by_one_late_event() {
    let failure = Trial::of(world(2, 2)).faults(0).late(1).check(|| check_then_process).unwrap_err();
    assert!(matches!(failure.what(), What::Broke(broke) if broke.guarantees.contains(Id::A3)), "{failure}");
}

#[test]
fn a_foreign_ack_first_loses_by_one_crash() {
    let failure = Trial::of(world(2, 1)).faults(1).late(0).check(|| ack_first).unwrap_err();
    assert!(matches!(failure.what(), What::Broke(broke) if broke.guarantees.contains(Id::A5)), "{failure}");
}

#[test]
fn nothing_breaks_a_foreign_handler_without_faults_and_lateness() {
    let covered = Trial::of(world(3, 2)).faults(0).late(0).check(|| check_then_process).unwrap();
    assert_eq!(covered.schedules, 1);
}

#[test]
fn a_crashed_handler_is_forgotten_without_a_destructor() {
    struct Bell(Rc<RefCell<u32>>);
    impl Drop for Bell {
        fn drop(&mut self) {
            *self.0.borrow_mut() += 1;
        }
    }
    let rings = Rc::new(RefCell::new(0));
    let handler = |_: Message, at: At| {
        let bell = Bell(rings.clone());
        async move {
            let _bell = bell;
            at.effect("db").await;
            at.ack().await;
            Ok(())
        }
    };
    let report = Trial::of(world(400, 1)).run(7, &handler).unwrap();
    let interrupted = report.counts.runs - report.counts.acked - report.counts.stale;
    assert!(interrupted > 0, "some runs were cut by a crash");
    assert_eq!(u64::from(*rings.borrow()), report.counts.runs - interrupted);
}

#[test]
fn a_trial_that_takes_too_long_is_undecided_and_says_so() {
    let trial = Trial::of(world(3, 2)).faults(1).late(1).schedules(5).asks(Asked::of(Id::E4));
    let failure = trial.check(|| check_then_process).unwrap_err();
    assert_eq!(failure.to_string(), "undecided: more than 5 schedules");
}

#[test]
#[should_panic(expected = "Effect(\"crad\"): the plan's foreign consumer lists no such step")]
fn a_point_that_is_not_listed_is_a_mistake_of_the_test() {
    let misspelt = |_: Message, at: At| async move {
        at.effect("crad").await;
        Ok(())
    };
    let _ = Trial::of(world(1, 1)).check(|| misspelt);
}

#[test]
fn a_plan_that_would_never_end_is_refused() {
    let mut plan = world(1, 1);
    let Settings::Plain(settings) = &mut plan.queues[0].settings else { panic!("the plan is of plain queues") };
    (settings.max_deliveries, settings.dead_letter_to) = (Some(1), Some(QueueId(0)));
    let error = plan.clone().check().expect_err("a circle");
    assert_eq!(error.about, About::DeadLetters(QueueId(0)));
    assert_eq!(
        error.to_string(),
        "dead letters of `work` come back to it: expected another queue; they would never end"
    );
    let mut plan = world(1, 1);
    plan.producers[0].arrivals = Arrivals::Constant { gap: Span::ZERO };
    assert!(plan.check().expect_err("no gap").mend.contains("expected a gap"));
}
