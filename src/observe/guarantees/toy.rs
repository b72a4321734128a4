//! A toy queue that is driven by a list of bytes: random histories that obey the contract of facts.
//!
//! It keeps the order of facts and nothing else: it loses, repeats, lies about attempts and breaks every guarantee as
//! the bytes say, so that the automata are tried far from what a world would do. Fewer and smaller bytes make a simpler
//! history, so a failure shrinks.

use super::history::History;
use crate::model::broker::some_settings;
use crate::model::fact::{Cause, DropReason, Fact, Held, Holder, Refusal, RunEnd};
use crate::model::parameter::Value;
use crate::model::plan::{Consumer, Plan, Producer, ProducerId, Publish, Queue, QueueId, Step, StoreId};
use crate::sim::{KeyDraw, Span, Time};

/// Dead letters go from the main queue to the grave, and from there to the abyss, which nobody reads.
const ABYSS: QueueId = QueueId(0);
const GRAVE: QueueId = QueueId(1);
const MAIN: QueueId = QueueId(2);
/// Where a fan-out goes besides.
const SIDE: QueueId = QueueId(3);

/// Answers from a list of bytes; zeros once it is used up.
struct Dice<'a>(std::slice::Iter<'a, u8>);

impl Dice<'_> {
    fn pick(&mut self, n: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % n
    }
    /// One in `n`; never, once the bytes are used up.
    fn one_in(&mut self, n: usize) -> bool {
        self.pick(n) == n - 1
    }
}

#[derive(Clone, Copy)]
struct Message {
    op: u32,
    slot: u32,
    queue: QueueId,
    attempts: u16,
    cause: Cause,
    holder: Holder,
}

#[derive(Clone, Copy)]
struct Delivery {
    held: Held,
    message: u32,
    current: bool,
    at: At,
    step: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    Waiting,
    Running,
    Over(Holder),
}

#[derive(Clone, Copy)]
struct Made {
    key: u32,
    forgets: bool,
    copies: u16,
    stored: bool,
    confirmed: bool,
    gave_up: bool,
}

/// The toy.
struct Toy<'a> {
    dice: Dice<'a>,
    history: History,
    now: Time,
    ops: Vec<Made>,
    on_way: Vec<(u32, u16)>,
    messages: Vec<Message>,
    deliveries: Vec<Delivery>,
    /// What may go wrong, so that there are histories in which nothing does.
    losses: bool,
    faults: bool,
    orderly: bool,
    liar: bool,
}

/// The history that these bytes choose.
pub fn history(bytes: &[u8]) -> History {
    let mut dice = Dice(bytes.iter());
    let (losses, faults, orderly, liar) = (dice.one_in(2), dice.one_in(2), !dice.one_in(2), dice.one_in(4));
    let plan = plan(&mut dice);
    let mut toy = Toy {
        dice,
        history: History { plan, facts: Vec::new() },
        now: Time::ZERO,
        ops: Vec::new(),
        on_way: Vec::new(),
        messages: Vec::new(),
        deliveries: Vec::new(),
        losses,
        faults,
        orderly,
        liar,
    };
    while toy.dice.0.len() > 0 {
        toy.turn();
    }
    toy.history
}

fn plan(dice: &mut Dice) -> Plan {
    let base = crate::observe::tests::plan();
    let homes = if dice.one_in(3) { vec![MAIN, SIDE] } else { vec![MAIN] };
    let effect = || Step::Effect { store: StoreId(0), site: 0 };
    let keys = if dice.one_in(4) { KeyDraw::None } else { KeyDraw::Uniform { n: 2 } };
    let retry = Publish::ConfirmAndRetry { timeout: Span::from_secs(1), attempts: 3, backoff: Span::ZERO };
    let producer = |name: &str, publish| Producer {
        name: name.into(),
        to: MAIN,
        homes: homes.clone(),
        keys: keys.clone(),
        publish,
        ..base.producers[0].clone()
    };
    let consumer = |name: &str, from, steps| Consumer {
        name: name.into(),
        from,
        instances: 2,
        workers: 2,
        steps,
        ..base.consumers[0].clone()
    };
    let mut program = || match dice.pick(8) {
        0..=2 => vec![effect(), Step::Ack],
        3 => vec![Step::Ack, effect()],
        4 => vec![effect(), effect(), Step::Ack],
        5 => vec![effect(), Step::Ack, effect()],
        6 => vec![Step::Ack],
        _ => vec![Step::Seen(StoreId(0)), effect(), Step::Ack],
    };
    let steps = program();
    let side_steps = if homes.len() > 1 { program() } else { vec![Step::Ack] };
    let mourns = if dice.one_in(3) { vec![effect(), Step::Ack] } else { vec![Step::Ack] };
    let queue = |name: &str, max_deliveries: Option<u16>, dead_letter_to: Option<QueueId>| {
        let cap = max_deliveries.map(|most| ("max_deliveries", Value::Whole(u64::from(most))));
        let aside = dead_letter_to.map(|to| ("dead_letter_to", Value::Queue(to)));
        Queue { name: name.into(), settings: some_settings(cap.into_iter().chain(aside).collect()) }
    };
    let cap = [None, Some(1), Some(1), Some(1), Some(2)][dice.pick(5)];
    let to_grave = cap.filter(|_| !dice.one_in(4)).map(|_| GRAVE);
    Plan {
        producers: vec![producer("confirms", retry), producer("forgets", Publish::FireAndForget)],
        queues: vec![
            queue("abyss", None, None),
            queue("grave", Some(1), Some(ABYSS)),
            queue("main", cap, to_grave),
            queue("side", cap, to_grave),
        ],
        consumers: vec![
            consumer("mourner", GRAVE, mourns),
            consumer("worker", MAIN, steps),
            consumer("x-reader", SIDE, side_steps),
        ],
        ..base
    }
    .check()
    .expect("a plan that can be run")
}

/// The lowest slot that is free.
fn free(used: impl Iterator<Item = u32> + Clone) -> u32 {
    (0..).find(|slot| used.clone().all(|u| u != *slot)).expect("some slot is free")
}

impl Toy<'_> {
    fn tell(&mut self, fact: Fact) {
        self.history.facts.push((self.now, fact));
    }

    fn turn(&mut self) {
        self.now += Span::from_nanos(self.dice.pick(3) as u64 * 300);
        match self.dice.pick(16) {
            0 | 1 => self.produce(),
            2 | 3 => self.arrive(),
            4 => self.hear(),
            5..=8 => self.deliver(),
            9 => self.start(),
            10..=12 => self.step(),
            _ if self.faults => self.fault(),
            _ => self.step(),
        }
    }

    fn produce(&mut self) {
        if self.ops.len() == 4 {
            return;
        }
        let (op, key, forgets) = (self.ops.len() as u32, self.dice.pick(2) as u32, self.dice.one_in(4));
        self.ops.push(Made { key, forgets, copies: 0, stored: false, confirmed: false, gave_up: false });
        self.tell(Fact::Produced { op, key, producer: ProducerId(u16::from(forgets)), poison: false });
        self.publish(op);
    }

    fn publish(&mut self, op: u32) {
        let copy = self.ops[op as usize].copies;
        self.ops[op as usize].copies += 1;
        self.on_way.push((op, copy));
        self.tell(Fact::Published { op, copy, queue: MAIN });
    }

    fn arrive(&mut self) {
        if self.on_way.is_empty() {
            return;
        }
        let at = self.dice.pick(self.on_way.len());
        let (op, copy) = self.on_way.remove(at);
        match if self.losses { self.dice.pick(4) } else { 0 } {
            2 => self.tell(Fact::PacketLost { op, copy, queue: MAIN }),
            3 => self.tell(Fact::Refused { op, copy, queue: MAIN, why: Refusal::MaxLength }),
            _ if self.history.plan.producers[0].homes.len() == 1 => self.store(op, copy, MAIN),
            _ => {
                let [main, side] = [[0, 0], [0, 0], [0, 1], [1, 0], [0, 2], [2, 0]][self.dice.pick(6)];
                for (queue, how) in [(MAIN, main), (SIDE, side)] {
                    match how {
                        0 => self.store(op, copy, queue),
                        _ => self.tell(Fact::PassedBy { op, copy, queue, routed: how == 2 && self.losses }),
                    }
                }
            }
        }
    }

    fn store(&mut self, op: u32, copy: u16, queue: QueueId) {
        let slot = free(self.messages.iter().map(|m| m.slot));
        let cause = if copy == 0 { Cause::First } else { Cause::ProducerCopy };
        let holder = Holder::Nobody;
        self.messages.push(Message { op, slot, queue, attempts: 0, cause, holder });
        self.ops[op as usize].stored = true;
        self.tell(Fact::Accepted { op, copy, message: slot, queue });
    }

    /// What a producer hears, or does because it hears nothing.
    fn hear(&mut self) {
        if self.ops.is_empty() {
            return;
        }
        let op = self.dice.pick(self.ops.len()) as u32;
        let made = self.ops[op as usize];
        if made.forgets || made.confirmed {
            return;
        }
        let late = self.losses && !self.dice.one_in(3);
        if made.stored && !late {
            self.ops[op as usize].confirmed = true;
            self.tell(Fact::Confirmed { op });
        } else if made.copies < 3 && !made.gave_up && !self.dice.one_in(3) {
            self.tell(Fact::Unconfirmed { op, copy: made.copies - 1 });
            self.publish(op);
        } else if !made.gave_up {
            self.ops[op as usize].gave_up = true;
            self.tell(Fact::GaveUp { op });
        }
    }

    fn deliver(&mut self) {
        let out = |m: &Message| self.deliveries.iter().any(|d| d.current && d.message == m.slot);
        let ready = |m: &Message| m.queue != ABYSS && !out(m);
        let ready: Vec<usize> = (0..self.messages.len()).filter(|&i| ready(&self.messages[i])).collect();
        if ready.is_empty() {
            return;
        }
        let at = ready[self.dice.pick(ready.len())];
        let Message { op, slot: message, queue, attempts, cause, holder } = self.messages[at];
        let settings = &self.history.plan.queues[queue.at()].settings;
        if settings.max_deliveries().is_some_and(|cap| attempts >= cap) {
            match settings.dead_letter_to() {
                Some(to) => {
                    let attempts = attempts + u16::from(self.liar && self.dice.one_in(2));
                    self.messages[at] = Message { queue: to, attempts: 0, ..self.messages[at] };
                    self.tell(Fact::DeadLettered { op, message, from: queue, to, attempts, spent: true });
                }
                None => {
                    self.messages.remove(at);
                    let why = DropReason::MaxDeliveries;
                    self.tell(Fact::Dropped { op, message, queue, in_flight: false, why });
                }
            }
            return;
        }
        // Workers 0 to 3 are mourners.
        let worker = 4 * (u32::from(queue.0) - 1) + self.dice.pick(4) as u32;
        let delivery = free(self.deliveries.iter().map(|d| d.held.delivery));
        let held = Held { op, key: self.ops[op as usize].key, delivery, worker };
        self.messages[at].attempts += 1;
        self.deliveries.push(Delivery { held, message, current: true, at: At::Waiting, step: 0 });
        let until = self.now + Span::from_secs(30);
        self.tell(Fact::Delivered { held, message, queue, attempt: attempts + 1, cause, holder, until });
    }

    /// One of the deliveries that are at something.
    fn choose(&mut self, is: impl Fn(&Delivery) -> bool) -> Option<usize> {
        let those: Vec<usize> = (0..self.deliveries.len()).filter(|&i| is(&self.deliveries[i])).collect();
        if those.is_empty() { None } else { Some(those[self.dice.pick(those.len())]) }
    }

    fn start(&mut self) {
        let Some(i) = self.choose(|d| d.at == At::Waiting) else { return };
        let Delivery { held, current, .. } = self.deliveries[i];
        if !current && self.dice.one_in(3) {
            self.deliveries[i].at = At::Over(Holder::Nobody); // its client saw in time that it is stale
        } else {
            self.deliveries[i].at = At::Running;
            self.tell(Fact::Started { held, run: 1 });
        }
        self.forget();
    }

    fn step(&mut self) {
        let Some(i) = self.choose(|d| d.at == At::Running) else { return self.start() };
        let Delivery { held, message, current, step, .. } = self.deliveries[i];
        let queue = self.history.queue_of(held.worker);
        let steps = self.history.plan.consumers[self.history.consumer_of(held.worker)].steps.clone();
        let wild = !self.orderly && self.dice.one_in(4);
        self.deliveries[i].step += 1;
        match steps.get(step) {
            Some(_) if wild && self.dice.one_in(3) => self.end(i, RunEnd::Failed),
            Some(Step::Ack) if !wild && current => {
                self.deliveries[i].current = false;
                self.messages.retain(|m| m.slot != message);
                self.tell(Fact::Acked { held, message, queue });
            }
            Some(Step::Ack) if !wild => self.tell(Fact::Stale { held, queue }),
            Some(&Step::Effect { site, .. }) if !wild => self.tell(Fact::Effect { held, site, current }),
            Some(&Step::Effect { site, .. }) => self.tell(Fact::Suppressed { held, site }),
            Some(_) => self.tell(Fact::Stepped { held, step: step as u8, skip: wild }),
            None => self.end(i, RunEnd::Done),
        }
        self.forget();
    }

    fn end(&mut self, i: usize, how: RunEnd) {
        self.deliveries[i].at = At::Over(if how == RunEnd::Crashed { Holder::Crashed } else { Holder::Done });
        let held = self.deliveries[i].held;
        self.tell(Fact::Ended { held, how });
    }

    fn fault(&mut self) {
        match self.dice.pick(9) {
            0..=3 => {
                let Some(i) = self.choose(|d| d.current) else { return };
                let Delivery { held, message, at, .. } = self.deliveries[i];
                let queue = self.history.queue_of(held.worker);
                if at != At::Waiting && self.dice.one_in(4) {
                    self.tell(Fact::Nacked { held, message, queue, delay: Span::ZERO });
                    self.back(i, Cause::Nacked, Holder::Working);
                    return self.forget();
                }
                let holder = match at {
                    At::Over(holder) => holder,
                    At::Waiting if self.dice.one_in(3) => {
                        self.deliveries[i].at = At::Over(Holder::Nobody);
                        Holder::Nobody
                    }
                    _ => [Holder::Working, Holder::Paused][self.dice.pick(2)],
                };
                self.tell(Fact::Expired { held, message, queue, holder });
                self.back(i, Cause::Expired, holder);
                self.forget();
            }
            4..=6 => {
                let instance = self.dice.pick(2 * self.readers()) as u32;
                let of = |d: &Delivery, h: &History| h.instance(d.held.worker) == instance;
                for i in 0..self.deliveries.len() {
                    if of(&self.deliveries[i], &self.history) && self.deliveries[i].at == At::Running {
                        self.end(i, RunEnd::Crashed);
                    }
                }
                self.tell(Fact::Crashed { instance });
                for i in 0..self.deliveries.len() {
                    if of(&self.deliveries[i], &self.history) && self.deliveries[i].at == At::Waiting {
                        self.deliveries[i].at = At::Over(Holder::Crashed);
                    }
                }
                self.forget();
                self.tell(Fact::Restarted { instance });
            }
            _ => self.broker_crash(),
        }
    }

    /// How many consumers have something to do.
    fn readers(&self) -> usize {
        1 + self.history.plan.producers[0].homes.len()
    }

    fn broker_crash(&mut self) {
        let queue = [GRAVE, MAIN, SIDE][self.dice.pick(self.readers())];
        let durable = self.dice.one_in(2);
        self.tell(Fact::BrokerDown { queue });
        for i in 0..self.deliveries.len() {
            let Delivery { held, message, current, .. } = self.deliveries[i];
            if durable && current && self.history.queue_of(held.worker) == queue {
                self.tell(Fact::TakenBack { held, message, queue });
                self.back(i, Cause::BrokerRestart, Holder::Working);
            }
        }
        for i in (0..self.messages.len()).rev() {
            let Message { op, slot: message, queue: of, .. } = self.messages[i];
            if !durable && of == queue {
                let out = |d: &&mut Delivery| d.current && d.message == message;
                let out = self.deliveries.iter_mut().find(out).map(|d| d.current = false);
                let in_flight = out.is_some();
                self.messages.remove(i);
                self.tell(Fact::Dropped { op, message, queue, in_flight, why: DropReason::BrokerCrash });
            }
        }
        self.forget();
        self.tell(Fact::BrokerUp { queue });
    }

    /// The message of a delivery is ready again.
    fn back(&mut self, i: usize, cause: Cause, holder: Holder) {
        let message = self.deliveries[i].message;
        let m = self.messages.iter_mut().find(|m| m.slot == message).expect("it is stored");
        (m.cause, m.holder) = (cause, holder);
        self.deliveries[i].current = false;
    }

    /// Slots that nobody refers to are free again.
    fn forget(&mut self) {
        self.deliveries.retain(|d| d.current || !matches!(d.at, At::Over(_)));
    }
}
