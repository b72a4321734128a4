//! A trial: a foreign handler in the consumer's seat, under every schedule within a budget.
//!
//! The handler's memory is unseen, so no states are merged: every schedule is run from the start along its prefix, with a
//! fresh handler, and only finite budgets are allowed. Schedules are tried by faults and late events, so the first level on
//! which one breaks holds the smallest. Rule: an answer says how many schedules it covered.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::explore::{Choice, Late, Rules, State};
use super::run::run_seated;
use crate::model::fact::{Fact, Watch};
use crate::model::plan::{Plan, PlanError};
use crate::model::seat::{Answer, Point, Seat};
use crate::model::{Leases, Stage};
use crate::observe::automata::{Automata, Broke, Questions, Step};
use crate::observe::guarantees::{Asked, Id};
use crate::observe::{Report, Roles};
use crate::sim::Time;

/// A message, as a handler sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The operation's id, which the producer gave it: the same in every copy and delivery.
    pub op: u32,
    /// Its key.
    pub key: u32,
    /// Which copy of the operation, from 0.
    pub copy: u16,
    /// Handler runs of this copy, this one included.
    pub run: u16,
}

/// A consumer under trial. What survives a crash lives in `self`; what a handler run holds dies with its process.
pub trait Handler {
    /// Handles one message: ordinary code, which may be cut at every await on `at`. An error gives the message back.
    fn handle(&self, message: Message, at: At) -> impl Future<Output = Result<(), String>> + 'static;

    /// How often the operation has taken effect, by the handler's own books, asked when a schedule has ended. `None` where
    /// effects are applied through [`At::effect`] and counted there.
    fn effects(&self, op: u32) -> Option<u32> {
        let _ = op;
        None
    }
}

impl<F, R> Handler for F
where
    F: Fn(Message, At) -> R,
    R: Future<Output = Result<(), String>> + 'static,
{
    fn handle(&self, message: Message, at: At) -> impl Future<Output = Result<(), String>> + 'static {
        self(message, at)
    }
}

/// Where a handler stands: its way to the world.
#[derive(Clone, Debug)]
pub struct At(Rc<RefCell<Mailbox>>);

#[derive(Debug, Default)]
struct Mailbox {
    point: Option<Point>,
    answer: Option<Answer>,
}

impl At {
    async fn stand(&self, point: Point) -> Answer {
        self.0.borrow_mut().point = Some(point);
        std::future::poll_fn(|_| match self.0.borrow_mut().answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
        .await
    }

    /// A place at which the process may crash or stand still.
    pub async fn point(&self, name: &str) {
        self.stand(Point::At(name.into())).await;
    }
    /// Whether the operation is marked in a store of the plan.
    pub async fn seen(&self, store: &str) -> bool {
        self.stand(Point::Seen(store.into())).await == Answer::Known(true)
    }
    /// Applies the operation's effect to a store of the plan.
    pub async fn effect(&self, store: &str) {
        self.stand(Point::Effect(store.into())).await;
    }
    /// Marks the operation in a store of the plan.
    pub async fn mark(&self, store: &str) {
        self.stand(Point::Mark(store.into())).await;
    }
    /// Acks the message.
    pub async fn ack(&self) {
        self.stand(Point::Ack).await;
    }
}

/// The budget of a trial, and what is asked.
#[derive(Clone, Debug)]
pub struct Trial {
    plan: Plan,
    faults: u8,
    late: u8,
    asked: Asked,
    schedules: u64,
}

/// More steps than this in one schedule are a loop.
const MAX_STEPS: usize = 10_000;

/// What a trial covered without finding anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Schedules run from start to end.
    pub schedules: u64,
    /// The budget: at the most so many faults,
    pub faults: u8,
    /// and so many late events.
    pub late: u8,
}

/// What a trial found. Its `Debug` is the story, so that `?` in a test shows it.
pub struct Failure {
    pub(crate) what: What,
    pub(crate) schedule: Vec<Choice>,
    pub(crate) stage: Stage,
    /// The facts of the smallest schedule.
    pub(crate) facts: Vec<(Time, Fact)>,
}

/// Why a trial did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A guarantee broke on this operation.
    Broke(Broke),
    /// By the handler's own books the operation took effect so often.
    Effects(u32, u32),
    /// The limit on schedules came first.
    TooMany(u64),
    /// A schedule went on for so many steps that it looks endless.
    Endless,
}

impl Failure {
    /// Why the trial did not pass.
    pub fn what(&self) -> What {
        self.what
    }
    /// The smallest schedule that shows it.
    pub fn schedule(&self) -> &[Choice] {
        &self.schedule
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::Broke(Broke { guarantees, op, .. }) => {
                let names: Vec<&str> = guarantees.iter().map(|id| id.guarantee().name).collect();
                write!(f, "{} violated: op {op}", names.join(", "))
            }
            What::Effects(op, count) => write!(f, "op {op} took effect {count} times by the handler's books"),
            What::TooMany(most) => write!(f, "undecided: more than {most} schedules"),
            What::Endless => write!(f, "undecided: a schedule of more than {MAX_STEPS} steps"),
        }
    }
}

impl Trial {
    /// A trial of the plan's foreign consumer: one fault, one late event, exactly-once effects.
    ///
    /// The faults tried are those that the plan declares; their rates are ignored. [`Small`](crate::model::plan::Small) builds a
    /// plan that is small enough.
    pub fn of(plan: Plan) -> Trial {
        Trial { plan, faults: 1, late: 1, asked: Asked::of(Id::A3) | Asked::of(Id::A5), schedules: 1_000_000 }
    }
    /// At the most so many faults.
    pub fn faults(self, faults: u8) -> Trial {
        Trial { faults, ..self }
    }
    /// At the most so many late events.
    pub fn late(self, late: u8) -> Trial {
        Trial { late, ..self }
    }
    /// What is asked.
    pub fn asks(self, asked: Asked) -> Trial {
        Trial { asked, ..self }
    }
    /// Gives up, undecided, after so many schedules.
    pub fn schedules(self, schedules: u64) -> Trial {
        Trial { schedules, ..self }
    }

    /// Tries every schedule, each on a fresh handler.
    ///
    /// # Errors
    /// The smallest schedule that breaks what is asked, or why it is undecided.
    ///
    /// # Panics
    /// Where the plan cannot be run (see [`Plan::check`]), or the handler stands at a point that its consumer does not list
    /// (see [`Consumer::foreign`](crate::model::plan::Consumer::foreign)): both are the test's own mistakes.
    pub fn check<H: Handler>(&self, fresh: impl Fn() -> H) -> Result<Covered, Box<Failure>> {
        let rules = self.rules().unwrap_or_else(|error| panic!("the plan of a trial can be run: {error}"));
        let mut schedules = 0;
        for budget in 0..=u32::from(self.faults) + u32::from(self.late) {
            let mut smallest: Option<Run> = None;
            let mut prefixes: Vec<Vec<Choice>> = vec![Vec::new()];
            while let Some(prefix) = prefixes.pop() {
                schedules += 1;
                let run = self.one(&rules, &prefix, budget, &fresh(), &mut prefixes);
                if schedules > self.schedules && run.what.is_none() {
                    return Err(self.failure(&rules, What::TooMany(self.schedules), run));
                }
                if run.what.is_some() && smallest.as_ref().is_none_or(|least| run.choices.len() < least.choices.len()) {
                    smallest = Some(run);
                }
            }
            if let Some(Run { what: Some(what), .. }) = smallest {
                return Err(self.failure(&rules, what, smallest.expect("just seen")));
            }
        }
        Ok(Covered { schedules, faults: self.faults, late: self.late })
    }

    /// Runs the plan by its clock in the world of `seed`, faults by their rates, with this handler, and judges it.
    ///
    /// # Errors
    /// Where the plan cannot be run: see [`Plan::check`].
    pub fn run<H: Handler>(&self, seed: u64, handler: &H) -> Result<Report, PlanError> {
        let stage = Stage::new(self.plan.clone())?;
        Ok(run_seated(&stage, seed, &mut Coroutines { handler, running: Vec::new(), plan: &stage.plan }))
    }

    fn rules(&self) -> Result<Rules, PlanError> {
        Rules::new(self.plan.clone(), self.faults, Late::AtMost(self.late), Leases::Strict, false, None)
    }

    fn failure(&self, rules: &Rules, what: What, run: Run) -> Box<Failure> {
        Box::new(Failure { what, schedule: run.choices, stage: rules.stage().clone(), facts: run.facts })
    }

    /// Runs one schedule: along the prefix, then by the first choice of each state. Every other choice that the budget
    /// allows becomes a prefix of its own.
    fn one<H: Handler>(
        &self,
        rules: &Rules,
        prefix: &[Choice],
        budget: u32,
        handler: &H,
        prefixes: &mut Vec<Vec<Choice>>,
    ) -> Run {
        let questions = Questions { guarantees: self.asked, missing: false };
        let roles = Roles::new(&rules.stage().plan);
        let mut seat = Coroutines { handler, running: Vec::new(), plan: &rules.stage().plan };
        let (mut automata, mut run) = (Automata::default(), Run::default());
        let mut watch = Both {
            step: Step { automata: &mut automata, roles: &roles, broke: None, questions },
            facts: &mut run.facts,
        };
        let mut state = rules.start(&mut watch, &mut seat);
        let (mut heads, mut choices) = (Vec::new(), Vec::new());
        loop {
            rules.choices(&state, &mut heads, &mut choices);
            if run.choices.len() >= prefix.len() {
                let within = |choice: &Choice| cost(&state, choice) <= budget;
                let others = choices.iter().skip(1).filter(|choice| within(choice));
                prefixes.extend(others.map(|&other| run.choices.iter().copied().chain([other]).collect()));
            }
            let Some(&choice) = prefix.get(run.choices.len()).or(choices.first()) else { break };
            run.choices.push(choice);
            rules.follow(&mut state, choice, &mut watch, &mut seat);
            if let Some(broke) = watch.step.broke {
                run.what = Some(What::Broke(broke));
                return run;
            }
            if run.choices.len() > MAX_STEPS {
                run.what = Some(What::Endless);
                return run;
            }
        }
        let produced = state.world.produced();
        run.what = automata.broken_at_the_end(&roles, &questions).map(What::Broke);
        let counted = (0..produced).filter_map(|op| handler.effects(op).map(|count| (op, count)));
        let wrong = |&(_, count): &(u32, u32)| match count {
            0 => self.asked.contains(Id::A5),
            1 => false,
            _ => self.asked.contains(Id::A3),
        };
        run.what = run.what.or(counted.into_iter().find(wrong).map(|(op, count)| What::Effects(op, count)));
        run
    }
}

/// Faults and late events of a schedule that goes on with this choice.
fn cost(state: &State, choice: &Choice) -> u32 {
    let more = u32::from(!matches!(choice, Choice::Take { .. }));
    u32::from(state.faults) + u32::from(state.late) + more
}

#[derive(Default)]
struct Run {
    choices: Vec<Choice>,
    facts: Vec<(Time, Fact)>,
    what: Option<What>,
}

/// The guarantees' memory, and everyone's who wants to tell what happened.
pub(super) struct Both<'a> {
    pub step: Step<'a>,
    pub facts: &'a mut Vec<(Time, Fact)>,
}

impl Watch for Both<'_> {
    fn fact(&mut self, now: Time, fact: &Fact) {
        self.step.fact(now, fact);
        self.facts.push((now, *fact));
    }
}

/// Handlers as coroutines, by worker: each is polled from one point to the next.
struct Coroutines<'a, H> {
    handler: &'a H,
    plan: &'a Plan,
    running: Vec<Option<Running>>,
}

/// Whether a foreign consumer of the plan may stand there.
fn is_listed(plan: &Plan, point: &Point) -> bool {
    let steps = plan.consumers.iter().filter(|consumer| consumer.foreign).flat_map(|consumer| &consumer.steps);
    let on = |word: &str, store: &str| {
        steps
            .clone()
            .any(|step| step.word() == word && step.store().is_some_and(|s| plan.stores[s.at()].name == *store))
    };
    match point {
        Point::Seen(store) => on("seen?", store),
        Point::Effect(store) => on("effect", store),
        Point::Mark(store) => on("mark", store),
        Point::At(_) | Point::Ack | Point::Failed(_) | Point::End => true,
    }
}

struct Running {
    code: Pin<Box<dyn Future<Output = Result<(), String>>>>,
    mail: Rc<RefCell<Mailbox>>,
}

impl<H: Handler> Seat for Coroutines<'_, H> {
    fn resume(&mut self, worker: u32, answer: &Answer) -> Point {
        let at = worker as usize;
        if self.running.len() <= at {
            self.running.resize_with(at + 1, || None);
        }
        if let Answer::Start { op, key, copy, run } = *answer {
            let mail = Rc::new(RefCell::new(Mailbox::default()));
            let code = Box::pin(self.handler.handle(Message { op, key, copy, run }, At(mail.clone())));
            self.running[at] = Some(Running { code, mail });
        } else if let Some(running) = &self.running[at] {
            running.mail.borrow_mut().answer = Some(answer.clone());
        }
        let Some(running) = &mut self.running[at] else { return Point::Failed("no handler runs here".into()) };
        match running.code.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => {
                self.running[at] = None;
                Point::End
            }
            Poll::Ready(Err(error)) => {
                self.running[at] = None;
                Point::Failed(error)
            }
            Poll::Pending => match running.mail.borrow_mut().point.take() {
                Some(point) => {
                    assert!(is_listed(self.plan, &point), "{point:?}: the plan's foreign consumer lists no such step");
                    point
                }
                None => panic!("the handler awaits something that is not a point of `At`"),
            },
        }
    }

    fn forget(&mut self, worker: u32) {
        if let Some(running) = self.running.get_mut(worker as usize).and_then(Option::take) {
            // A killed process runs no destructor, and neither does its handler.
            std::mem::forget(running.code);
        }
    }
}
