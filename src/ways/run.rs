//! Runs: a scenario's world by the clock of its agenda, judged; one seed or many; and one operation told again.
//!
//! A run keeps no history. Whoever wants the life of an operation runs the seed again with a recorder on it, and stops
//! when nothing more can happen to it: determinism pays for it. Many seeds run on many threads, each alone, and are put
//! together in the order of the seeds, so the number of threads changes nothing.

use super::pool;
use crate::model::fact::{Fact, Watch};
use crate::model::seat::{Empty, Seat};
use crate::model::{Around, MAX_AT_ONE_INSTANT, Stage, Stop, World};
use crate::observe::automata::{Automata, Questions, Step};
use crate::observe::guarantees::{self, Asked, Id, OpState};
use crate::observe::{Homes, Judge, Report, Roles};
use crate::sim::Time;

/// Events between two looks at whether to go on.
const SLICE: u64 = 1 << 16;

/// How a run goes on: asked now and then with the moment reached and the operations produced.
pub trait Pace: Sync {
    /// Whether to go on.
    fn go_on(&self, now: Time, produced: u32) -> bool;
}

impl<F: Fn(Time, u32) -> bool + Sync> Pace for F {
    fn go_on(&self, now: Time, produced: u32) -> bool {
        self(now, produced)
    }
}

/// Runs the world of `seed` and judges it.
pub fn run(stage: &Stage, seed: u64, pace: &impl Pace) -> Report {
    let mut judge = Judge::new(&stage.plan, seed);
    let (end, cut) = drive(stage, seed, &mut judge, &mut Empty, pace);
    judge.finish(end, cut)
}

/// The same, with others who watch.
pub fn run_watched(stage: &Stage, seed: u64, others: &mut [&mut dyn Watch], pace: &impl Pace) -> Report {
    let mut judged = Judged { judge: Judge::new(&stage.plan, seed), others };
    let (end, cut) = drive(stage, seed, &mut judged, &mut Empty, pace);
    judged.judge.finish(end, cut)
}

/// The same, with somebody in the seat of foreign handlers.
pub fn run_seated(stage: &Stage, seed: u64, seat: &mut dyn Seat) -> Report {
    let mut judge = Judge::new(&stage.plan, seed);
    let (end, cut) = drive(stage, seed, &mut judge, seat, &|_: Time, _: u32| true);
    judge.finish(end, cut)
}

/// The worlds of these seeds, judged, on so many threads; in the order of the seeds.
pub fn run_many(stage: &Stage, seeds: &[u64], threads: usize, pace: &impl Pace) -> Vec<Report> {
    let mut reports = Vec::with_capacity(seeds.len());
    pool::in_order(
        seeds,
        threads,
        |&seed| run(stage, seed, pace),
        |report| {
            reports.push(report);
            true
        },
    );
    reports
}

/// Everything that befell these operations in the world of `seed`, and what befell processes and brokers meanwhile. Stops
/// when nothing more can happen to any of them.
pub fn record(stage: &Stage, seed: u64, ops: &[u32], pace: &impl Pace) -> Vec<(Time, Fact)> {
    let recorder = Recorder {
        roles: Roles::new(&stage.plan),
        homes: Homes::default(),
        subjects: ops.iter().map(|&op| (op, Vec::new())).collect(),
        facts: Vec::new(),
        open: ops.len(),
    };
    run_until(stage, seed, recorder, pace, |recorder| recorder.open == 0).facts
}

/// Whose story a break of a guarantee is: the operation's; where an order broke, also that of the one which came first, found
/// by running the world of `seed` until it broke.
pub fn involved(stage: &Stage, seed: u64, op: u32, guarantee: Option<Id>, pace: &impl Pace) -> Vec<u32> {
    let Some(order) = guarantee.filter(|id| matches!(id, Id::B4 | Id::B5)) else { return vec![op] };
    let (mut automata, roles) = (Automata::default(), Roles::new(&stage.plan));
    let questions = Questions { guarantees: Asked::of(order), missing: false };
    let step = Step { automata: &mut automata, roles: &roles, broke: None, questions };
    let watch = run_until(stage, seed, UntilItBreaks { step, op }, pace, |watch| watch.step.broke.is_some());
    watch.step.broke.map_or(vec![op], |broke| broke.ops())
}

/// Runs the world of `seed` until its watcher has enough, and gives the watcher back.
fn run_until<W: Watch>(stage: &Stage, seed: u64, mut watch: W, pace: &impl Pace, enough: impl Fn(&W) -> bool) -> W {
    let mut oracle = stage.oracle(seed);
    let mut around = Around { oracle: &mut oracle, watch: &mut watch, seat: &mut Empty };
    let mut world = World::new(stage, true, &mut around);
    while world.run(stage, &mut around, SLICE / 64) == Stop::Paused
        && !enough(around.watch)
        && pace.go_on(world.now(), world.produced())
    {}
    watch
}

fn drive<W: Watch>(
    stage: &Stage,
    seed: u64,
    watch: &mut W,
    seat: &mut dyn Seat,
    pace: &impl Pace,
) -> (Time, Option<String>) {
    let mut oracle = stage.oracle(seed);
    let mut around = Around { oracle: &mut oracle, watch, seat };
    let mut world = World::new(stage, true, &mut around);
    loop {
        match world.run(stage, &mut around, SLICE) {
            Stop::Settled | Stop::DrainOver => return (world.now(), None),
            Stop::Endless(last) => {
                let what = format!("more than {MAX_AT_ONE_INSTANT} events in one instant, the last by {last}");
                let mend = "what goes round there needs a delay, a latency or a cap on deliveries";
                return (world.now(), Some(format!("{what}: {mend}")));
            }
            Stop::Paused if pace.go_on(world.now(), world.produced()) => {}
            Stop::Paused => return (world.now(), Some("interrupted".into())),
        }
    }
}

/// The judge, and others behind it.
struct Judged<'a, 'b> {
    judge: Judge,
    others: &'a mut [&'b mut dyn Watch],
}

impl Watch for Judged<'_, '_> {
    fn moment(&mut self, now: Time) {
        self.judge.moment(now);
        for other in self.others.iter_mut() {
            other.moment(now);
        }
    }
    fn fact(&mut self, now: Time, fact: &Fact) {
        self.judge.fact(now, fact);
        for other in self.others.iter_mut() {
            other.fact(now, fact);
        }
    }
}

/// Passes over what breaks on other operations.
struct UntilItBreaks<'a> {
    step: Step<'a>,
    op: u32,
}

impl Watch for UntilItBreaks<'_> {
    fn fact(&mut self, now: Time, fact: &Fact) {
        self.step.fact(now, fact);
        self.step.broke = self.step.broke.filter(|broke| broke.op == self.op);
    }
}

/// Keeps what is about its subjects. An operation is over when nothing of it is stored, on its way or in a handler's hands.
struct Recorder {
    roles: Roles,
    homes: Homes,
    /// With their words, once they are produced.
    subjects: Vec<(u32, Vec<OpState>)>,
    facts: Vec<(Time, Fact)>,
    open: usize,
}

impl Watch for Recorder {
    fn fact(&mut self, now: Time, fact: &Fact) {
        let Some(op) = fact.op() else {
            if self.subjects.iter().any(|(_, words)| !words.is_empty()) && self.open > 0 {
                self.facts.push((now, *fact));
            }
            return;
        };
        let Some((_, words)) = self.subjects.iter_mut().find(|(subject, _)| *subject == op) else { return };
        self.facts.push((now, *fact));
        if let Fact::Produced { producer, .. } = *fact {
            words.extend(Homes::newborn(&self.roles, producer));
        }
        for home in self.homes.of(&self.roles, words[0], fact) {
            (words[home], _) = guarantees::step(words[home], &self.roles, fact);
        }
        let is_open = |words: &[OpState]| words.is_empty() || words.iter().any(|&word| guarantees::may_change(word));
        self.open = self.subjects.iter().filter(|(_, words)| is_open(words)).count();
    }
}
