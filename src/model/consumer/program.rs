//! A consumer is a little program of steps. A step is one event, at the end of its latency: there its store acts and the
//! answer is back. A crash before it leaves no effect; a crash after it leaves the effect.
//!
//! A program knows its operation by number and its stores by number, and neither broker nor lease.

use super::{Consumers, Phase, Process};
use crate::model::fact::{Fact, Held, Holder, RunEnd, Watch};
use crate::model::out::Out;
use crate::model::plan::{MarksBy, PoisonKind, Reaction, Step, StoreId, StoreKind};
use crate::model::records::{Delivery, NONE};
use crate::model::seat::{Answer, Point};
use crate::model::stage::{Hand, StepAt, StepFault, Strike};
use crate::model::store::{self, Insert};
use crate::model::wire::{Call, Settle, Settlement};
use crate::sim::{Address, Lane, Oracle, Span};

/// How long a process is down that a poison operation killed: nothing in a scenario says it.
pub const RESTART_AFTER_POISON: Span = Span::from_secs(5);

/// A handler at work: whose, on what. Looked up once for all that it does in an event; only what is in place is given it, for
/// it is to stay in registers.
#[derive(Clone, Copy)]
struct Run<'a> {
    held: Held,
    poison: bool,
    /// The broker counts its delivery as the message's.
    current: bool,
    /// Where questions about it stand.
    attempt: u64,
    hand: &'a Hand,
}

impl<'a> Run<'a> {
    #[inline(always)]
    fn of(delivery: u32, record: &Delivery, hand: &'a Hand) -> Run<'a> {
        let Delivery { message, current, attempt, .. } = *record;
        Run { held: record.parties(delivery), poison: message.traits.poison(), current, attempt, hand }
    }
}

/// Where a program goes after a step.
#[derive(Clone, Copy)]
enum Next {
    /// To the following step.
    On,
    /// To its ack: the operation is done already.
    ToAck,
    /// Nowhere for now: it waits or hangs.
    Stays,
    /// Nowhere: its process died.
    Dies,
    /// It ended with an error that no other try will not have.
    Fails,
}

/// What a handler knows of its error.
#[derive(Clone, Copy)]
enum Failure {
    /// Another try may do it.
    Retryable,
    /// No handler can do it.
    Poison,
}

impl Consumers {
    /// A handler starts on a delivery.
    #[inline(always)]
    pub(super) fn begin<O: Oracle, W: Watch>(
        &mut self,
        worker: u32,
        hand: &Hand,
        delivery: u32,
        out: &mut Out<'_, O, W>,
    ) {
        let record = &mut out.common.records.deliveries[delivery];
        if record.current {
            // Counted where it begins: a delivery that never reached a handler is no run.
            let entry = &mut out.common.records.entries[record.entry];
            entry.runs = entry.runs.saturating_add(1);
            debug_assert_eq!(entry.runs, record.run, "no other run began since it was handed out");
        }
        let (at_work, run) = (Run::of(delivery, record, hand), record.run);
        let state = &mut self.workers[worker as usize];
        (state.phase, state.delivery, state.at) = (Phase::Working, delivery, 0);
        if !hand.foreign {
            // Booked before it is told: how long the step takes is known late, and everybody waits for it.
            self.enter(at_work, 0, out);
        }
        out.tell(Fact::Started { held: at_work.held, run });
        if hand.foreign {
            let message = &out.common.records.deliveries[delivery].message;
            let start = Answer::Start { op: message.op, key: message.key, copy: message.copy, run };
            self.ask_seat(worker, &start, out);
        }
    }

    /// The same; not in place.
    #[inline(never)]
    pub(super) fn begin_another<O: Oracle, W: Watch>(&mut self, worker: u32, delivery: u32, out: &mut Out<'_, O, W>) {
        self.begin(worker, out.stage.hand(worker), delivery, out);
    }

    /// What a worker has in work.
    #[inline(always)]
    fn run<'a, O: Oracle, W: Watch>(&self, worker: u32, out: &Out<'a, O, W>) -> Run<'a> {
        let delivery = self.workers[worker as usize].delivery;
        Run::of(delivery, &out.common.records.deliveries[delivery], out.stage.hand(worker))
    }

    /// The program enters a step: books its end.
    #[inline(always)]
    fn enter<O: Oracle, W: Watch>(&mut self, run: Run, at: usize, out: &mut Out<'_, O, W>) {
        let Some(step) = out.stage.programs[run.hand.consumer.at()].get(at) else {
            return self.finish(run.held.worker, RunEnd::Done, None, out);
        };
        if step.passes {
            return out.common.agenda.book_soon(Lane(run.held.worker), out.common.now, 0);
        }
        let slow = self.processes[run.hand.process as usize].slow;
        if let Some(payload) = Self::enter_unless_soon(run, slow, step, out) {
            out.common.agenda.book_soon(Lane(run.held.worker), out.common.now, payload);
        }
    }

    /// The same; where the step takes no time nothing is booked yet, and what would be is given.
    #[inline(always)]
    fn enter_unless_soon<O: Oracle, W: Watch>(
        run: Run,
        slow: u32,
        step: &StepAt,
        out: &mut Out<'_, O, W>,
    ) -> Option<u32> {
        let mut span = match step.takes.constant() {
            Some(span) => span,
            None => out.oracle.span(Address { site: step.site, attempt: run.attempt }, &step.takes),
        };
        if slow > 1 {
            span = span * u64::from(slow);
        }
        let mut payload = 0;
        if let Some((number, part)) = strikes(&step.faults, run.attempt, span, out.oracle) {
            (payload, span) = (number + 1, part);
        }
        if span.is_zero() {
            return Some(payload);
        }
        out.common.agenda.book_single(Lane(run.held.worker), out.common.now + span, payload);
        None
    }

    /// The event of a worker: its step ends, or a fault strikes within it. Where the next step takes no time, it ends too if
    /// nothing can come before it. Gives the call that is to be handled next, before any other.
    #[inline(always)]
    pub fn go_on<O: Oracle, W: Watch>(
        &mut self,
        worker: u32,
        mut payload: u32,
        out: &mut Out<'_, O, W>,
    ) -> Option<Settle> {
        let (stage, hand) = (out.stage, out.stage.hand(worker));
        let Process { paused, slow, .. } = self.processes[hand.process as usize];
        if paused {
            let goes_on = out.common.agenda.due(stage.resume_lane(hand.process));
            out.common.agenda.book(Lane(worker), goes_on, payload);
            return None;
        }
        let program = stage.programs[hand.consumer.at()].as_slice();
        let state = &self.workers[worker as usize];
        let run = Run::of(state.delivery, &out.common.records.deliveries[state.delivery], hand);
        let mut at = usize::from(state.at);
        let mut step = program.get(at).expect("a handler at work is at a step");
        loop {
            if payload > 0 {
                match step.faults[payload as usize - 1].strikes {
                    Strike::Crash { restart_after } => self.crash(hand.process, restart_after, out),
                    Strike::Error => self.fail(worker, Failure::Retryable, out),
                }
                return None;
            }
            if step.acks_and_ends {
                return self.settle_and_turn(run, RunEnd::Done, Settlement::Ack, out);
            }
            let next = self.act(run, at, step, out);
            at = match next {
                Next::On | Next::ToAck if hand.foreign => {
                    self.answer_seat(worker, &step.step, next, out);
                    return None;
                }
                Next::On => at + 1,
                Next::ToAck => (at..program.len()).find(|&at| program[at].step == Step::Ack).unwrap_or(program.len()),
                Next::Fails => {
                    self.fail(worker, Failure::Poison, out);
                    return None;
                }
                Next::Stays => break,
                Next::Dies => return None,
            };
            let Some(following) = program.get(at) else {
                self.finish(worker, RunEnd::Done, None, out);
                return None;
            };
            step = following;
            let soon = if step.passes { Some(0) } else { Self::enter_unless_soon(run, slow, step, out) };
            match soon {
                Some(next) if out.common.calls.is_empty() && out.common.agenda.would_be_next() => payload = next,
                Some(next) => {
                    out.common.agenda.book_soon(Lane(worker), out.common.now, next);
                    break;
                }
                None => break,
            }
        }
        self.workers[worker as usize].at = at as u8;
        None
    }

    #[inline(always)]
    fn act<O: Oracle, W: Watch>(&mut self, run: Run, at: usize, step: &StepAt, out: &mut Out<'_, O, W>) -> Next {
        let Run { held, poison, current, hand, .. } = run;
        let Held { worker, delivery, .. } = held;
        if poison && may_fail(&step.step) {
            return self.poisoned(worker, out);
        }
        let (at, process) = (at as u8, hand.process);
        let mut skip = false;
        match step.step {
            Step::Work(_) => {}
            Step::Point => return Next::On,
            Step::Seen(store) => {
                skip = mark(delivery, hand, out).is_some_and(|name| self.stores[store.at()].is_marked(name, process));
            }
            Step::Begin(store) => self.workers[worker as usize].transaction = Some(store.0),
            Step::Mark(store) if self.workers[worker as usize].transaction == Some(store.0) => {
                let name = mark(delivery, hand, out);
                self.workers[worker as usize].inserts = name.is_some();
                match name.map_or(Insert::Done, |name| self.stores[store.at()].insert(name, worker)) {
                    Insert::Done => {}
                    Insert::Conflict => {
                        self.roll_back(worker, out);
                        skip = true;
                    }
                    Insert::Wait => {
                        self.workers[worker as usize].phase = Phase::Blocked;
                        out.tell(Fact::Waits { held, step: at });
                        return Next::Stays;
                    }
                }
            }
            Step::Mark(store) => {
                if let Some(name) = mark(delivery, hand, out) {
                    self.stores[store.at()].mark(name, process);
                }
            }
            Step::Effect { site, .. } if step.is_plain => {
                out.tell(Fact::Effect { held, site, current });
                return Next::On;
            }
            Step::Effect { store, site } => {
                self.effect(worker, (store, site), out);
                return Next::On;
            }
            Step::Commit(store) => self.commit(worker, store, out),
            Step::Ack => {
                out.common.records.hold(delivery); // it goes on with it
                let call = self.settle(delivery, hand, Settlement::Ack, None, out);
                out.call_if(call.map(Call::Settle));
                return Next::On;
            }
        }
        out.tell(Fact::Stepped { held, step: at, skip });
        if skip { Next::ToAck } else { Next::On }
    }

    /// What a poison operation does to its handler.
    fn poisoned<O: Oracle, W: Watch>(&mut self, worker: u32, out: &mut Out<'_, O, W>) -> Next {
        let state = &mut self.workers[worker as usize];
        let producer = out.common.records.deliveries[state.delivery].message.producer;
        let how = out.stage.plan.producers[producer.at()].poison.map_or(PoisonKind::Errors, |poison| poison.how);
        match how {
            PoisonKind::Errors => Next::Fails,
            PoisonKind::Hangs => {
                state.phase = Phase::Hung;
                Next::Stays
            }
            PoisonKind::Kills => {
                self.crash(out.stage.hand(worker).process, RESTART_AFTER_POISON, out);
                Next::Dies
            }
        }
    }

    /// An effect that may wait for a commit, or be had already by its key.
    #[inline(never)]
    fn effect<O: Oracle, W: Watch>(&mut self, worker: u32, (store, site): (StoreId, u8), out: &mut Out<'_, O, W>) {
        let state = &mut self.workers[worker as usize];
        if state.transaction == Some(store.0) {
            state.unborn |= 1 << site;
            return;
        }
        let Run { held, current, .. } = self.run(worker, out);
        if let StoreKind::External { idempotency: Some(life) } = out.stage.plan.stores[store.at()].kind {
            // A key names the operation; `Plan::check` sees to it that one step only calls with it.
            if self.stores[store.at()].is_marked(held.op.into(), 0) {
                return out.tell(Fact::Suppressed { held, site });
            }
            self.stores[store.at()].mark(held.op.into(), 0);
            if life != Span::FOREVER {
                out.book(out.stage.keys_lane(store), life, held.op);
            }
        }
        out.tell(Fact::Effect { held, site, current });
    }

    fn commit<O: Oracle, W: Watch>(&mut self, worker: u32, store: StoreId, out: &mut Out<'_, O, W>) {
        let unborn = self.workers[worker as usize].unborn;
        let Run { held, current, .. } = self.run(worker, out);
        for site in (0..8).filter(|site| unborn >> site & 1 == 1) {
            out.tell(Fact::Effect { held, site, current });
        }
        self.end_transaction(worker, store, true, out);
    }

    pub(super) fn roll_back<O: Oracle, W: Watch>(&mut self, worker: u32, out: &mut Out<'_, O, W>) {
        if let Some(store) = self.workers[worker as usize].transaction {
            self.end_transaction(worker, StoreId(store), false, out);
        }
    }

    fn end_transaction<O: Oracle, W: Watch>(
        &mut self,
        worker: u32,
        store: StoreId,
        commits: bool,
        out: &mut Out<'_, O, W>,
    ) {
        let state = &mut self.workers[worker as usize];
        let (delivery, inserts) = (state.delivery, state.inserts);
        (state.transaction, state.inserts, state.unborn) = (None, false, 0);
        let Some(name) = mark(delivery, out.stage.hand(worker), out).filter(|_| inserts) else { return };
        let store = &mut self.stores[store.at()];
        store.leave(worker);
        let workers = &mut self.workers;
        store.end(name, worker, commits, |woken| {
            workers[woken as usize].phase = Phase::Working;
            out.common.agenda.book_soon(Lane(woken), out.common.now, 0);
        });
    }

    fn fail<O: Oracle, W: Watch>(&mut self, worker: u32, failure: Failure, out: &mut Out<'_, O, W>) {
        self.roll_back(worker, out);
        let on_error = out.stage.plan.consumers[out.stage.hand(worker).consumer.at()].on_error;
        let records = &out.common.records;
        let record = &records.deliveries[self.workers[worker as usize].delivery];
        // Of a message that is somebody else's by now no handler learns how often it was delivered.
        let attempts = if record.current { records.entries[record.entry].attempts } else { 0 };
        let reaction = match (on_error.after, failure) {
            (Some((from, reaction)), _) if attempts >= from => reaction,
            (_, Failure::Retryable) => on_error.retryable,
            (_, Failure::Poison) => on_error.poison,
        };
        let how = match reaction {
            Reaction::Nack { delay } => Some(Settlement::Nack(delay)),
            Reaction::Leave => None,
            Reaction::Reject => Some(Settlement::Reject),
            Reaction::Ack => Some(Settlement::Ack),
        };
        self.finish(worker, RunEnd::Failed, how, out);
    }

    /// A handler ends: its delivery is settled if it is, and the worker turns to the next message.
    fn finish<O: Oracle, W: Watch>(
        &mut self,
        worker: u32,
        end: RunEnd,
        settle: Option<Settlement>,
        out: &mut Out<'_, O, W>,
    ) {
        let run = self.run(worker, out);
        if let Some(how) = settle {
            let call = self.settle_and_turn(run, end, how, out);
            return out.call_if(call.map(Call::Settle));
        }
        let next = self.end(run, end, out);
        out.common.records.release(run.held.delivery);
        match next {
            Some(next) => self.begin_another(worker, next, out),
            None => self.turn_idle(worker, out),
        }
    }

    /// The same of a delivery that is settled; where nothing is left in the worker's hands, the same request waits for the next
    /// message. The call is given where nothing else follows it, and nothing goes before it unless it was called before.
    #[inline(always)]
    fn settle_and_turn<O: Oracle, W: Watch>(
        &mut self,
        run: Run,
        end: RunEnd,
        how: Settlement,
        out: &mut Out<'_, O, W>,
    ) -> Option<Settle> {
        let Run { held: Held { worker, delivery, .. }, hand, .. } = run;
        let next = self.end(run, end, out);
        if let Some(next) = next {
            let call = self.settle(delivery, hand, how, None, out);
            out.call_if(call.map(Call::Settle));
            self.begin_another(worker, next, out);
            return None;
        }
        if hand.shares {
            let call = self.settle(delivery, hand, how, None, out);
            self.turn_idle(worker, out);
            return call;
        }
        let state = &mut self.workers[worker as usize];
        (state.phase, state.polls) = (Phase::Idle, state.polls.wrapping_add(1));
        let polls = state.polls;
        self.settle(delivery, hand, how, Some(polls), out)
    }

    /// Says what became of a delivery. Gives the call where the hop is direct; a wire takes the client's.
    #[inline(always)]
    fn settle<O: Oracle, W: Watch>(
        &mut self,
        delivery: u32,
        hand: &Hand,
        how: Settlement,
        wait: Option<u32>,
        out: &mut Out<'_, O, W>,
    ) -> Option<Settle> {
        if hand.wire == NONE {
            return Some(Settle { queue: hand.queue, delivery, how, wait: wait.is_some() });
        }
        self.clients[hand.process as usize].settle(delivery, how, wait, hand.wire, out);
        None
    }

    /// A handler's end is told; gives the next message in the worker's hands.
    #[inline(always)]
    fn end<O: Oracle, W: Watch>(&mut self, run: Run, how: RunEnd, out: &mut Out<'_, O, W>) -> Option<u32> {
        let state = &mut self.workers[run.held.worker as usize];
        (state.delivery, state.at) = (NONE, 0); // an idle worker has no past
        let record = &mut out.common.records.deliveries[run.held.delivery];
        (record.doing, record.beat) = (Holder::Done, NONE);
        out.tell(Fact::Ended { held: run.held, how });
        if !run.hand.shares && state.next == NONE {
            return None;
        }
        self.take_next(run.held.worker, run.hand, &mut out.common.records)
    }

    fn answer_seat<O: Oracle, W: Watch>(&mut self, worker: u32, step: &Step, next: Next, out: &mut Out<'_, O, W>) {
        let answer = match (next, step) {
            (Next::ToAck, _) => Answer::Known(true),
            (_, Step::Seen(_)) => Answer::Known(false),
            _ => Answer::Done,
        };
        self.ask_seat(worker, &answer, out);
    }

    /// A foreign handler goes on: the point that it reaches is one of its consumer's steps.
    fn ask_seat<O: Oracle, W: Watch>(&mut self, worker: u32, answer: &Answer, out: &mut Out<'_, O, W>) {
        let (stage, hand) = (out.stage, out.stage.hand(worker));
        let steps = &stage.plan.consumers[hand.consumer.at()].steps;
        let of_store = |name: &str| stage.plan.stores.iter().position(|s| s.name == name).map(|s| StoreId(s as u16));
        let at = match out.seat.resume(worker, answer) {
            Point::At(_) => steps.iter().position(|step| *step == Step::Point),
            Point::Ack => steps.iter().position(|step| *step == Step::Ack),
            Point::Seen(store) => of_store(&store).and_then(|s| steps.iter().position(|step| *step == Step::Seen(s))),
            Point::Mark(store) => of_store(&store).and_then(|s| steps.iter().position(|step| *step == Step::Mark(s))),
            Point::Effect(store) => of_store(&store)
                .and_then(|s| steps.iter().position(|step| matches!(step, Step::Effect { store, .. } if *store == s))),
            Point::End => return self.finish(worker, RunEnd::Done, None, out),
            Point::Failed(_) => return self.fail(worker, Failure::Retryable, out),
        };
        // A point that the plan does not list is an error of the handler's author; it shows as a failed run.
        let Some(at) = at else { return self.fail(worker, Failure::Poison, out) };
        self.workers[worker as usize].at = at as u8;
        self.enter(self.run(worker, out), at, out);
    }
}

/// What a mark of this handler names; nothing, where no other will ever have that name.
fn mark<O: Oracle, W: Watch>(delivery: u32, hand: &Hand, out: &Out<'_, O, W>) -> Option<u64> {
    let message = &out.common.records.deliveries[delivery].message;
    match out.stage.plan.consumers[hand.consumer.at()].marks_by {
        MarksBy::Operation => Some(store::name(message.op, 0)),
        MarksBy::Message => Some(store::name(message.op, message.copy)),
        MarksBy::Delivery => None,
    }
}

/// Whether a step may fail. An ack is the broker's, and a point is nothing.
// Asked of poison alone: not in place, so that nobody else answers it.
#[cold]
#[inline(never)]
fn may_fail(step: &Step) -> bool {
    !matches!(step, Step::Ack | Step::Point)
}

/// Whether one of the faults of a step strikes, which (the first), and how far into the step.
#[inline]
fn strikes<O: Oracle>(faults: &[StepFault], attempt: u64, span: Span, oracle: &mut O) -> Option<(u32, Span)> {
    let number =
        faults.iter().position(|&StepFault { site, chance, .. }| oracle.fault(Address { site, attempt }, chance))?;
    let bits = oracle.bits(Address { site: faults[number].moment, attempt });
    let part = (u128::from(bits) * u128::from(span.nanos())) >> 64;
    Some((number as u32, Span::from_nanos(part as u64)))
}
