//! What may be chosen in a state, and the state that comes of it.
//!
//! A choice is plain data that names a lane, a process or a queue by its number in the plan, so that a list of choices is a
//! schedule that can be written down and replayed.

use serde::{Deserialize, Serialize};

use crate::model::plan::{FaultKind, QueueId};
use crate::model::seat::Seat;
use crate::model::{Actor, Around, Leases, Plan, Stage, Times, Watch, World};
use crate::sim::oracle::Odometer;
use crate::sim::{Canon, Head, Lane, Span};

/// How many late events a schedule may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Late {
    /// At the most this many; each pending event keeps its remaining time.
    AtMost(u8),
    /// Any number; times are dropped.
    Unlimited,
}

/// One step of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// The next event of a lane happens.
    Take {
        /// Whose.
        lane: u32,
        /// Which of its heads.
        nth: u32,
        /// What the oracle answers, where it does not answer typically.
        #[serde(default, skip_serializing_if = "Answers::are_typical")]
        answers: Answers,
    },
    /// The packet at the head of a wire is lost.
    Lose {
        /// The wire's lane.
        lane: u32,
    },
    /// A process crashes.
    Crash {
        /// Which, over the whole plan.
        process: u32,
    },
    /// A broker crashes.
    CrashBroker {
        /// The queue that it holds.
        queue: u16,
    },
    /// The next event of a lane is late: others pass it.
    Delay {
        /// Whose.
        lane: u32,
    },
}

impl Choice {
    /// The same choice with typical answers.
    pub fn typical(self) -> Choice {
        match self {
            Choice::Take { lane, nth, .. } => Choice::Take { lane, nth, answers: Answers::default() },
            other => other,
        }
    }
}

/// The oracle's answers in one event: a hexadecimal digit each, the first one lowest; none where all are typical.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers(pub u16);

impl Answers {
    /// At most so many questions of at most 16 answers are told apart in one event.
    pub const MOST: usize = 4;

    /// The answers that an odometer gave; `None` where they are too many.
    pub fn of(odometer: &Odometer) -> Option<Answers> {
        let answers = odometer.answers();
        let last = answers.iter().rposition(|&answer| answer != 0).map_or(0, |last| last + 1);
        let fit = last <= Self::MOST && answers.iter().all(|&answer| answer < 16);
        fit.then(|| Answers(answers[..last].iter().rev().fold(0, |all, &answer| all << 4 | answer as u16)))
    }
    /// Whether all are typical.
    pub fn are_typical(&self) -> bool {
        self.0 == 0
    }
    fn odometer(self) -> Odometer {
        let digits: Vec<u32> = (0..Self::MOST).map(|digit| u32::from(self.0 >> (4 * digit) & 15)).collect();
        Odometer::starting_with(&digits)
    }
}

/// What may go wrong, taken out of a plan's faults: rates and moments are ignored.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Processes that may crash, and for how long.
    crashes: Vec<(u32, Span)>,
    brokers: Vec<(QueueId, Span)>,
    /// Wires that may lose, by link: request, answer.
    losses: Vec<[bool; 2]>,
}

/// What is asked of the explorer's worlds, the same in all of them.
#[derive(Debug)]
pub struct Rules {
    pub(super) stage: Stage,
    pub(super) allowed: Allowed,
    pub(super) faults: u8,
    pub(super) late: Late,
    pub(super) leases: Leases,
}

/// A world and what it has used up.
#[derive(Debug)]
pub struct State {
    /// The world.
    pub world: World,
    /// Lanes whose next event is late, with the token of that event. Sorted.
    delayed: Vec<(u32, u32)>,
    /// Faults that happened.
    pub faults: u8,
    /// Late events.
    pub late: u8,
}

crate::sim::clone_by_field!(State { world, delayed, faults, late });

impl Rules {
    /// The rules of a plan: its faults become choices, its links go unless `wires` keeps them.
    ///
    /// # Errors
    /// What [`Stage::new`] finds.
    pub fn new(
        mut plan: Plan,
        faults: u8,
        late: Late,
        leases: Leases,
        wires: bool,
        operations: Option<u32>,
    ) -> Result<Rules, crate::model::plan::PlanError> {
        if let Some(operations) = operations {
            plan.length.operations = Some(operations);
            plan.length.span = None;
        }
        let mut allowed = Allowed::default();
        let kinds: Vec<FaultKind> = plan.faults.iter().map(|fault| fault.kind).collect();
        plan.faults.retain(|fault| matches!(fault.kind, FaultKind::Error { .. }));
        let processes: Vec<_> = plan.instances().map(|instance| instance.consumer).enumerate().collect();
        for kind in kinds {
            match kind {
                FaultKind::Crash { consumer, restart_after } => {
                    let of = processes.iter().filter(|(_, owner)| *owner == consumer);
                    allowed.crashes.extend(of.map(|(process, _)| (*process as u32, restart_after)));
                }
                FaultKind::BrokerCrash { queue, restart_after } => allowed.brokers.push((queue, restart_after)),
                // A pause and a slow handler are lateness.
                // An error may befall whenever its step is taken: the oracle is asked there.
                FaultKind::Pause { .. } | FaultKind::Slow { .. } | FaultKind::Error { .. } => {}
            }
        }
        allowed.crashes.sort_unstable();
        allowed.crashes.dedup_by_key(|(process, _)| *process);
        allowed.brokers.sort_unstable();
        allowed.brokers.dedup_by_key(|(queue, _)| *queue);
        if !wires {
            plan.links.clear();
        }
        for link in &mut plan.links {
            allowed.losses.push([!link.lose_request.is_never(), !link.lose_answer.is_never()]);
            (link.lose_request, link.lose_answer) = (crate::sim::Chance::NEVER, crate::sim::Chance::NEVER);
        }
        Ok(Rules { stage: Stage::new(plan)?, allowed, faults, late, leases })
    }

    /// The stage of all its worlds.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// How many late events a schedule may have.
    pub fn late(&self) -> Late {
        self.late
    }

    /// The first state.
    pub fn start<W: Watch>(&self, watch: &mut W, seat: &mut dyn Seat) -> State {
        let mut around = Around { oracle: &mut Odometer::default(), watch, seat };
        let world = World::new(&self.stage, false, &mut around);
        State { world, delayed: Vec::new(), faults: 0, late: 0 }
    }

    /// Every choice in a state but the further passes of a head (see [`Rules::apply`]), in documented order: heads by lane,
    /// late events, crashes of processes, crashes of brokers, losses.
    pub fn choices(&self, state: &State, heads: &mut Vec<Head>, out: &mut Vec<Choice>) {
        heads.clear();
        out.clear();
        state.world.heads(&self.stage, self.leases, heads);
        match self.late {
            Late::Unlimited => out.extend(take_each(heads)),
            Late::AtMost(most) => {
                let is_late = |lane: Lane| state.delayed.iter().any(|&(late, _)| late == lane.0);
                let earliest = heads
                    .iter()
                    .filter(|head| !is_late(head.lane))
                    .min_by_key(|head| head.event.rank())
                    .map(|h| h.lane);
                // Of a lane with many heads the earliest stands for the lane, unless they may pass each other.
                out.extend(take_each(heads).filter(|choice| match *choice {
                    Choice::Take { lane, .. } => earliest == Some(Lane(lane)) || is_late(Lane(lane)),
                    _ => false,
                }));
                if let Some(lane) = earliest.filter(|_| state.late < most) {
                    out.push(Choice::Delay { lane: lane.0 });
                }
            }
        }
        if state.faults >= self.faults {
            return;
        }
        let up = self.allowed.crashes.iter().filter(|(process, _)| state.world.is_up(*process));
        out.extend(up.map(|&(process, _)| Choice::Crash { process }));
        let up = self.allowed.brokers.iter().filter(|(queue, _)| state.world.is_broker_up(&self.stage, *queue));
        out.extend(up.map(|&(queue, _)| Choice::CrashBroker { queue: queue.0 }));
        for head in heads.iter() {
            if let Actor::Packets(packets) = self.stage.actor(head.lane) {
                let link = self.stage.link_of(packets);
                if self.allowed.losses[link.at()][packets as usize % 2] && state.world.can_lose(packets) {
                    out.push(Choice::Lose { lane: head.lane.0 });
                }
            }
        }
    }

    /// Applies a choice to a state. A head may ask the oracle; `odometer` holds its answers, and is turned by the caller
    /// for the next pass. `false` where the budget does not allow what the answers say, or there is no such choice.
    pub fn apply<W: Watch>(
        &self,
        state: &mut State,
        choice: Choice,
        odometer: &mut Odometer,
        watch: &mut W,
        seat: &mut dyn Seat,
    ) -> bool {
        let stage = &self.stage;
        let mut around = Around { oracle: odometer, watch, seat };
        match choice {
            Choice::Delay { lane } => {
                let mut heads = Vec::new();
                state.world.heads(stage, self.leases, &mut heads);
                let of_lane = heads.iter().filter(|head| head.lane.0 == lane);
                let Some(head) = of_lane.min_by_key(|head| head.event.rank()) else { return false };
                state.late += 1;
                state.delayed.push((lane, head.event.token()));
                state.delayed.sort_unstable();
                return true;
            }
            Choice::Crash { process } => {
                let Some(&(_, down)) = self.allowed.crashes.iter().find(|(allowed, _)| *allowed == process) else {
                    return false;
                };
                state.world.crash(stage, process, down, &mut around);
                state.faults += 1;
            }
            Choice::CrashBroker { queue } => {
                let Some(&(queue, down)) = self.allowed.brokers.iter().find(|(allowed, _)| allowed.0 == queue) else {
                    return false;
                };
                state.world.crash_broker(stage, queue, down, &mut around);
                state.faults += 1;
            }
            Choice::Take { lane, nth, .. } => {
                let Some(head) = self.head(state, lane, nth) else { return false };
                state.world.take(stage, head, &mut around);
                state.faults = state.faults.saturating_add(odometer.faults() as u8);
                state.delayed.retain(|&(late, _)| late != lane);
            }
            Choice::Lose { lane } => {
                let Some(head) = self.head(state, lane, 0) else { return false };
                state.world.lose(stage, head, &mut around);
                state.faults += 1;
                state.delayed.retain(|&(late, _)| late != lane);
            }
        }
        // A lane that lost its event (a crash, a void timer) is not late any more.
        if !state.delayed.is_empty() {
            let mut heads = Vec::new();
            state.world.heads(stage, self.leases, &mut heads);
            let is_head = |late| heads.iter().any(|head| (head.lane.0, head.event.token()) == late);
            state.delayed.retain(|&late| is_head(late));
        }
        state.faults <= self.faults
    }

    /// Applies a choice of a schedule, with the answers written in it. `false` where there is no such choice or answer, or the
    /// budget does not allow it.
    pub fn follow<W: Watch>(&self, state: &mut State, choice: Choice, watch: &mut W, seat: &mut dyn Seat) -> bool {
        let answers = if let Choice::Take { answers, .. } = choice { answers } else { Answers::default() };
        let mut odometer = answers.odometer();
        self.apply(state, choice, &mut odometer, watch, seat) && odometer.fits()
    }

    fn head(&self, state: &State, lane: u32, nth: u32) -> Option<Head> {
        let mut heads = Vec::new();
        state.world.heads(&self.stage, self.leases, &mut heads);
        heads.into_iter().filter(|head| head.lane.0 == lane).nth(nth as usize)
    }

    /// Writes a state, its budget spent included.
    pub fn canon(&self, state: &State, form: &mut impl Canon) {
        let times = if self.late == Late::Unlimited { Times::Dropped } else { Times::Kept };
        form.put(u64::from(state.faults) | u64::from(state.late) << 8);
        if !state.delayed.is_empty() {
            let mut heads = Vec::new();
            state.world.heads(&self.stage, self.leases, &mut heads);
            for &(lane, token) in &state.delayed {
                let of_lane = || heads.iter().filter(|head| head.lane.0 == lane);
                let late = of_lane().find(|head| head.event.token() == token).map(|head| head.event.rank());
                let before = of_lane().filter(|head| Some(head.event.rank()) < late).count();
                form.put((u64::from(lane) + 1) | (before as u64) << 32);
            }
        }
        form.put(0);
        state.world.canon(&self.stage, times, self.leases, form);
    }
}

/// Each head as a choice, in order.
fn take_each(heads: &[Head]) -> impl Iterator<Item = Choice> + '_ {
    let mut before = (u32::MAX, 0);
    heads.iter().map(move |head| {
        let nth = if before.0 == head.lane.0 { before.1 + 1 } else { 0 };
        before = (head.lane.0, nth);
        Choice::Take { lane: head.lane.0, nth, answers: Answers::default() }
    })
}
