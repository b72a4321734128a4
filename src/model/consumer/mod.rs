//! Consumers: processes with workers, which crash, stand still, slow down and come back.
//!
//! A process knows no product and no offset: it speaks to its broker through the product's client. A crash takes all its
//! workers and what they hold in memory; a paused process does nothing, and what comes due for it waits; neither lets go of
//! anything at the broker.

pub(super) mod program;
mod receive;

use super::broker::Client;
use super::fact::{Fact, Holder, RunEnd, Watch};
use super::out::Out;
use super::plan::{ConsumerId, QueueId, StoreKind};
use super::records::{NONE, Records};
use super::stage::Stage;
use super::store::Store;
use super::wire::Call;
use crate::sim::{Canon, Oracle, Span, clone_by_field};

/// All processes, their workers and the stores that they work on.
#[derive(Debug)]
pub(crate) struct Consumers {
    processes: Vec<Process>,
    clients: Vec<Client>,
    workers: Vec<Worker>,
    stores: Vec<Store>,
}

clone_by_field!(Consumers { processes, clients, workers, stores });

/// What changes in a process.
#[derive(Clone, Copy, Debug)]
struct Process {
    up: bool,
    paused: bool,
    /// How many times as long its steps take.
    slow: u32,
}

/// What changes in a worker.
#[derive(Clone, Copy, Debug)]
struct Worker {
    phase: Phase,
    /// The step that its program is at.
    at: u8,
    /// The effects that its open transaction will have, a bit a site.
    unborn: u8,
    /// The store of its open transaction.
    transaction: Option<u16>,
    /// Its transaction has inserted the operation's key, or waits to.
    inserts: bool,
    /// The delivery that it works on, or [`NONE`].
    delivery: u32,
    /// The first and the last of those that wait in its hands. What a process received for all its workers waits in the hands of
    /// the first.
    next: u32,
    last: u32,
    /// It received for all, and a request of it is open.
    asks: bool,
    /// The token of its pause between two polls, or [`NONE`].
    pause: u32,
    /// How often it has asked for messages. It only addresses chance.
    polls: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    /// It waits for a message.
    Idle,
    /// Its program goes on with the next event of its lane.
    Working,
    /// It waits for another's transaction.
    Blocked,
    /// Its handler never ends.
    Hung,
}

const FRESH: Worker = Worker {
    phase: Phase::Down,
    at: 0,
    unborn: 0,
    transaction: None,
    inserts: false,
    delivery: NONE,
    next: NONE,
    last: NONE,
    asks: false,
    pause: NONE,
    polls: 0,
};

impl Consumers {
    pub fn new(stage: &Stage) -> Consumers {
        let rooms = |kind| if kind == StoreKind::Cache { stage.processes.len().max(2) as u32 } else { 1 };
        Consumers {
            processes: vec![Process { up: false, paused: false, slow: 1 }; stage.processes.len()],
            clients: stage.processes.iter().map(|p| Client::new(stage.settings(stage.queue_of(p)))).collect(),
            workers: vec![FRESH; stage.hands.len()],
            stores: stage.plan.stores.iter().map(|store| Store::new(rooms(store.kind))).collect(),
        }
    }

    /// Whether a process runs (it may stand still).
    pub fn is_up(&self, process: u32) -> bool {
        self.processes[process as usize].up
    }

    /// Whether no handler is at work and nothing is in anybody's hands, but for handlers that never end.
    pub fn is_settled(&self) -> bool {
        self.workers.iter().all(|w| !matches!(w.phase, Phase::Working | Phase::Blocked) && w.next == NONE)
    }

    /// The workers of a process come up, each with its first wait.
    pub fn start<O: Oracle, W: Watch>(&mut self, process: u32, out: &mut Out<'_, O, W>) {
        self.processes[process as usize].up = true;
        let of = out.stage.processes[process as usize];
        for worker in of.first_worker..of.first_worker + of.workers {
            self.turn_idle(worker, out);
        }
    }

    /// A crashed process comes back.
    pub fn restart<O: Oracle, W: Watch>(&mut self, process: u32, out: &mut Out<'_, O, W>) {
        out.tell(Fact::Restarted { instance: process });
        self.start(process, out);
    }

    pub(super) fn book_beat<O: Oracle, W: Watch>(process: u32, of: ConsumerId, delivery: u32, out: &mut Out<'_, O, W>) {
        if let Some(every) = out.stage.plan.consumers[of.at()].heartbeat {
            out.common.records.deliveries[delivery].beat =
                out.book(out.stage.heartbeats_lane(process), every, delivery);
        }
    }

    /// It is time to renew a lease. A process that stands still does not.
    pub fn beat<O: Oracle, W: Watch>(&mut self, process: u32, delivery: u32, out: &mut Out<'_, O, W>) {
        let of = out.stage.processes[process as usize];
        if self.processes[process as usize].paused {
            return;
        }
        if out.stage.plan.consumers[of.consumer.at()].heartbeat.is_some() {
            self.clients[process as usize].renew(delivery, of.wire, out);
            Self::book_beat(process, of.consumer, delivery, out);
        }
    }

    /// Every delivery in the hands of a worker, the one that it works on first.
    fn in_hands(&self, worker: u32, records: &Records) -> Vec<u32> {
        let state = &self.workers[worker as usize];
        let mut all: Vec<u32> = (state.delivery != NONE).then_some(state.delivery).into_iter().collect();
        let mut next = state.next;
        while next != NONE {
            all.push(next);
            next = records.deliveries[next].next;
        }
        all
    }

    /// Where a delivery stands in the hands of its worker: with leases that end, two of one message may be there.
    pub fn place_in_hands(&self, delivery: u32, records: &Records) -> u64 {
        let worker = records.deliveries[delivery].worker;
        self.in_hands(worker, records).iter().take_while(|&&other| other != delivery).count() as u64
    }

    /// A process dies with all its workers, and comes back after a while.
    pub fn crash<O: Oracle, W: Watch>(&mut self, process: u32, restart_after: Span, out: &mut Out<'_, O, W>) {
        if !self.processes[process as usize].up {
            return;
        }
        let (stage, of) = (out.stage, out.stage.processes[process as usize]);
        if self.processes[process as usize].paused {
            out.common.agenda.cancel(stage.resume_lane(process));
            out.tell(Fact::Resumed { instance: process });
        }
        if self.processes[process as usize].slow > 1 {
            out.common.agenda.cancel(stage.quicken_lane(process));
            out.tell(Fact::Quickened { instance: process });
        }
        self.processes[process as usize] = Process { up: false, paused: false, slow: 1 };
        for worker in of.first_worker..of.first_worker + of.workers {
            self.kill(worker, out);
        }
        for (store, settings) in self.stores.iter_mut().zip(&stage.plan.stores) {
            if settings.kind == StoreKind::Cache {
                store.forget_room(process);
            }
        }
        let queue = stage.queue_of(&of);
        break_connection(queue, of.wire, out);
        out.call(Call::Disconnect { queue, first: of.first_worker, workers: of.workers });
        out.tell(Fact::Crashed { instance: process });
        out.book(stage.restart_lane(process), restart_after, 0);
    }

    fn kill<O: Oracle, W: Watch>(&mut self, worker: u32, out: &mut Out<'_, O, W>) {
        out.common.agenda.cancel(crate::sim::Lane(worker));
        let state = self.workers[worker as usize];
        if state.delivery != NONE {
            let held = out.common.records.deliveries[state.delivery].parties(state.delivery);
            out.tell(Fact::Ended { held, how: RunEnd::Crashed });
            self.roll_back(worker, out);
            if out.stage.hand(worker).foreign {
                out.seat.forget(worker);
            }
        }
        for delivery in self.in_hands(worker, &out.common.records) {
            let record = &mut out.common.records.deliveries[delivery];
            (record.doing, record.beat) = (Holder::Crashed, NONE);
            out.common.records.release(delivery);
        }
        self.workers[worker as usize] = Worker { polls: state.polls, ..FRESH };
    }

    /// A process stands still.
    pub fn pause<O: Oracle, W: Watch>(&mut self, process: u32, lasts: Span, out: &mut Out<'_, O, W>) {
        let state = &mut self.processes[process as usize];
        if !state.up || state.paused {
            return;
        }
        state.paused = true;
        self.all_in_hands_are(process, Holder::Paused, out);
        out.tell(Fact::Paused { instance: process });
        out.book(out.stage.resume_lane(process), lasts, 0);
    }

    fn all_in_hands_are<O: Oracle, W: Watch>(&self, process: u32, doing: Holder, out: &mut Out<'_, O, W>) {
        let of = out.stage.processes[process as usize];
        for worker in of.first_worker..of.first_worker + of.workers {
            for delivery in self.in_hands(worker, &out.common.records) {
                out.common.records.deliveries[delivery].doing = doing;
            }
        }
    }

    /// It goes on: first its renewals, then what came while it stood still.
    pub fn resume<O: Oracle, W: Watch>(&mut self, process: u32, out: &mut Out<'_, O, W>) {
        self.processes[process as usize].paused = false;
        self.all_in_hands_are(process, Holder::Working, out);
        out.tell(Fact::Resumed { instance: process });
        let of = out.stage.processes[process as usize];
        for worker in of.first_worker..of.first_worker + of.workers {
            for delivery in self.in_hands(worker, &out.common.records) {
                self.beat(process, delivery, out);
            }
            if self.workers[worker as usize].phase == Phase::Idle
                && let Some(delivery) = self.take_next(worker, out.stage.hand(worker), &mut out.common.records)
            {
                self.begin_another(worker, delivery, out);
            }
        }
        self.ask_if_idle(of.first_worker, out);
    }

    /// The steps of a process take longer for a while: those that begin in it.
    pub fn slow<O: Oracle, W: Watch>(&mut self, process: u32, factor: u32, lasts: Span, out: &mut Out<'_, O, W>) {
        let state = &mut self.processes[process as usize];
        if !state.up || state.slow > 1 {
            return;
        }
        state.slow = factor;
        out.tell(Fact::Slowed { instance: process });
        out.book(out.stage.quicken_lane(process), lasts, 0);
    }

    /// They are as fast as before.
    pub fn quicken<O: Oracle, W: Watch>(&mut self, process: u32, out: &mut Out<'_, O, W>) {
        self.processes[process as usize].slow = 1;
        out.tell(Fact::Quickened { instance: process });
    }

    /// A store forgets an idempotency key.
    pub fn forget_key(&mut self, store: usize, op: u32) {
        self.stores[store].forget(op);
    }

    /// Writes processes, workers and stores.
    pub fn canon(&self, records: &Records, form: &mut impl Canon) {
        for process in &self.processes {
            form.put(u64::from(process.up) | u64::from(process.paused) << 1 | u64::from(process.slow) << 2);
        }
        for client in &self.clients {
            client.canon(form);
        }
        for (number, worker) in self.workers.iter().enumerate() {
            let flags = worker.phase as u64
                | u64::from(worker.at) << 8
                | u64::from(worker.unborn) << 16
                | u64::from(worker.inserts) << 24
                | u64::from(worker.asks) << 25
                | worker.transaction.map_or(0, |store| u64::from(store) + 1) << 32;
            form.put(flags);
            if worker.delivery != NONE {
                form.puts(records.name(worker.delivery));
            }
            if worker.next != NONE {
                let in_hands = self.in_hands(number as u32, records);
                form.list(in_hands.iter(), |form, &delivery| form.puts(records.name(delivery)));
            }
        }
        for store in &self.stores {
            store.canon(form);
        }
    }
}

/// Answers to a dead process are dropped, and so is what it waited for; its other requests travel on.
fn break_connection<O: Oracle, W: Watch>(queue: QueueId, wire: u32, out: &mut Out<'_, O, W>) {
    if wire == NONE {
        return;
    }
    out.common.wires.0[2 * wire as usize].change(|call| match call {
        Call::Receive { .. } => *call = Call::Nothing,
        Call::Settle(settle) => settle.wait = false,
        _ => {}
    });
    out.common.agenda.clear(out.stage.packets_lane(2 * wire + 1));
    while let Some(answer) = out.common.wires.0[2 * wire as usize + 1].pop() {
        if let Call::Deliver { delivery, .. } = answer {
            debug_assert_eq!(out.common.records.deliveries[delivery].queue, queue, "a process has one broker");
            out.common.records.deliveries[delivery].doing = Holder::Crashed;
            out.common.records.release(delivery);
        }
    }
}
