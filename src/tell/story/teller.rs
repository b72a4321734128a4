//! The teller: from facts to the lines of a story.
//!
//! It follows who stores the operations and in whose hands they are, so that it tells of crashes, pauses and outages only
//! where they matter. It knows no columns. Rule: what one party does in one moment is one line.

use super::super::words::counted;
use super::Ruler;
use crate::model::Plan;
use crate::model::broker::Words;
use crate::model::fact::{DropReason, Fact, Held, Refusal};
use crate::model::plan::{Party, ProducerId, QueueId, Step};
use crate::sim::Time;

/// One line of a story.
pub(super) struct Line {
    pub at: Time,
    pub op: u32,
    pub who: Who,
    pub what: String,
    pub detail: String,
}

/// Whose line it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Producer(ProducerId),
    Queue(QueueId),
    Worker(u32),
}

impl Who {
    pub fn name(self, plan: &Plan) -> String {
        match self {
            Who::Producer(p) => plan.producers[p.at()].name.clone(),
            Who::Queue(q) => plan.queues[q.at()].name.clone(),
            Who::Worker(w) => plan.worker_name(w),
        }
    }
}

/// A copy that a queue stores.
pub(super) struct Copy {
    pub op: u32,
    pub message: u32,
    pub number: u16,
    pub queue: QueueId,
    /// Whose readers it is for, wherever it is put aside.
    pub home: QueueId,
}

/// A delivery in somebody's hands, and how far its handler is.
pub(super) struct Handling {
    pub held: Held,
    /// Of the copy that it is of.
    pub home: QueueId,
    pub since: Time,
    pub started: bool,
    /// Its handler ended, or its process died.
    pub ended: bool,
    pub failed: bool,
    /// The last thing that it did, as "crashes after .." says it.
    pub done: Option<String>,
    /// The next step, by its index.
    pub next: usize,
    pub in_transaction: bool,
    pub renewed: u32,
    /// What is told only together with what comes next.
    pub quiet: Option<&'static str>,
}

/// An operation of the story.
pub(super) struct Subject {
    pub op: u32,
    pub producer: ProducerId,
    /// Effects so far: of which home's copy, on which site.
    pub effects: Vec<(QueueId, u8)>,
    /// Runs so far: of which home's copy.
    pub runs: Vec<QueueId>,
}

/// Follows the facts.
pub(super) struct Teller<'a> {
    pub(super) plan: &'a Plan,
    pub(super) ruler: &'a Ruler,
    facts: &'a [(Time, Fact)],
    pub(super) sites: usize,
    /// The process of every worker.
    pub(super) instance_of: Vec<u32>,
    pub(super) subjects: Vec<Subject>,
    pub(super) copies: Vec<Copy>,
    pub(super) handlings: Vec<Handling>,
    down: Vec<QueueId>,
    pub(super) lines: Vec<Line>,
}

impl<'a> Teller<'a> {
    pub fn new(plan: &'a Plan, ruler: &'a Ruler, facts: &'a [(Time, Fact)], ops: &[u32]) -> Teller<'a> {
        let sites = plan.effects().len();
        let subject = |&op: &u32| Subject { op, producer: ProducerId(0), effects: Vec::new(), runs: Vec::new() };
        Teller {
            plan,
            ruler,
            facts,
            sites,
            instance_of: plan.workers().collect(),
            subjects: ops.iter().map(subject).collect(),
            copies: Vec::new(),
            handlings: Vec::new(),
            down: Vec::new(),
            lines: Vec::new(),
        }
    }

    pub fn tell(mut self) -> Vec<Line> {
        for (i, &(now, fact)) in self.facts.iter().enumerate() {
            match fact.op() {
                None => self.of_party(i, now, fact),
                Some(op) => {
                    if let Some(subject) = self.subjects.iter().position(|subject| subject.op == op) {
                        self.of_op(i, now, subject, fact);
                    }
                }
            }
        }
        self.lines
    }

    /// Says something; what the same party said of the operation in the same moment becomes one line with it.
    pub(super) fn say(&mut self, now: Time, op: u32, who: Who, what: &str, detail: &str) {
        self.join(now, op, who, ", ", what, detail);
    }

    pub(super) fn join(&mut self, now: Time, op: u32, who: Who, joint: &str, what: &str, detail: &str) {
        let stamp = self.ruler.stamp(now);
        let together = |line: &&mut Line| line.who == who && self.ruler.stamp(line.at) == stamp;
        let same = self.lines.iter_mut().rev().take_while(together).find(|line| line.op == op);
        match same.filter(|line| line.detail.is_empty()) {
            Some(line) => {
                line.what.push_str(joint);
                line.what.push_str(what);
                line.detail.push_str(detail);
            }
            None => self.lines.push(Line { at: now, op, who, what: what.into(), detail: detail.into() }),
        }
    }

    /// A handler says something that it has done.
    pub(super) fn does(&mut self, now: Time, handling: usize, what: &str, detail: &str, done: Option<&str>) {
        let handling = &mut self.handlings[handling];
        let quiet = handling.quiet.take();
        if let Some(done) = done {
            handling.done = Some(done.into());
        }
        let (op, who) = (handling.held.op, Who::Worker(handling.held.worker));
        if let Some(quiet) = quiet {
            self.say(now, op, who, quiet, "");
        }
        self.say(now, op, who, what, detail);
    }

    fn words(&self, queue: QueueId) -> Words {
        self.plan.queues[queue.at()].settings.product().words
    }

    pub(super) fn steps(&self, worker: u32) -> &'a [Step] {
        let consumer = self.plan.instances().nth(self.instance_of[worker as usize] as usize).map(|i| i.consumer);
        consumer.map_or(&[], |c| &self.plan.consumers[c.at()].steps)
    }

    /// Whether the worker's acks travel.
    pub(super) fn is_wired(&self, worker: u32) -> bool {
        let consumer = self.plan.instances().nth(self.instance_of[worker as usize] as usize).map(|i| i.consumer);
        consumer.is_some_and(|c| self.plan.links.iter().any(|link| link.from == Party::Consumer(c)))
    }

    /// The handling of a delivery; a history that begins in the middle has none.
    pub(super) fn handling(&mut self, now: Time, held: Held) -> usize {
        match self
            .handlings
            .iter()
            .rposition(|handling| handling.held.delivery == held.delivery && handling.held.op == held.op)
        {
            Some(handling) => handling,
            None => self.take(now, held, None),
        }
    }

    fn take(&mut self, since: Time, held: Held, message: Option<u32>) -> usize {
        let copy = self.copies.iter().find(|copy| Some(copy.message) == message && copy.op == held.op);
        self.handlings.push(Handling {
            held,
            home: copy.map_or(QueueId(0), |copy| copy.home),
            since,
            started: false,
            ended: false,
            failed: false,
            done: None,
            next: 0,
            in_transaction: false,
            renewed: 0,
            quiet: None,
        });
        self.handlings.len() - 1
    }

    fn of_op(&mut self, i: usize, now: Time, subject: usize, fact: Fact) {
        let op = self.subjects[subject].op;
        let producer = Who::Producer(self.subjects[subject].producer);
        match fact {
            Fact::Produced { producer, .. } => self.subjects[subject].producer = producer,
            Fact::Published { copy: 0, .. } => self.say(now, op, producer, "published", ""),
            Fact::Published { copy, .. } => {
                self.say(now, op, producer, "published again", &format!("copy {}", copy + 1));
            }
            Fact::Accepted { copy, message, queue, .. } => {
                let homes = &self.plan.producers[self.subjects[subject].producer.at()].homes;
                let home = homes.binary_search(&queue).unwrap_or(0);
                let home = homes.get(home).copied().unwrap_or(queue);
                self.copies.push(Copy { op, message, number: copy, queue, home });
                self.answered(now, op, producer, queue, "stored", "stores it", "");
            }
            Fact::PassedBy { queue, routed: true, .. } => {
                self.say(now, op, Who::Queue(queue), "refuses it", "the queue is full");
            }
            Fact::Refused { queue, why, .. } => {
                let detail = match why {
                    Refusal::MaxLength => "the queue is full",
                    Refusal::Unroutable => "there is no way to a queue",
                    Refusal::NoExchange => "there is no such exchange",
                };
                self.answered(now, op, producer, queue, "refused", "refuses it", detail);
            }
            Fact::Swallowed { queue, of, .. } => {
                let detail = if of == op { "it has a copy".to_owned() } else { format!("taken for op {of}") };
                self.answered(now, op, producer, queue, "not stored", "does not store it", &detail);
            }
            Fact::PacketLost { queue, .. } if self.down.contains(&queue) => {
                let detail = format!("{} is down", Who::Queue(queue).name(self.plan));
                self.say(now, op, producer, "not stored", &detail);
            }
            Fact::PacketLost { .. } => self.say(now, op, producer, "lost on its way", ""),
            Fact::Confirmed { .. } => self.confirmed(now, op, producer),
            Fact::Unconfirmed { .. } => self.say(now, op, producer, "hears nothing in time", "it may be stored or not"),
            Fact::GaveUp { .. } => self.say(now, op, producer, "gives up", ""),
            Fact::Delivered { held, message, queue, attempt, until, .. } => {
                self.handlings.retain(|handling| handling.held.delivery != held.delivery);
                self.take(now, held, Some(message));
                let detail = self.delivery_words(i, message, queue, attempt, held, until);
                let what = format!("delivers to {}", self.plan.worker_name(held.worker));
                self.say(now, op, Who::Queue(queue), &what, &detail);
            }
            Fact::Expired { held, queue, holder, .. } => {
                let detail = self.holder_words(now, held, holder);
                let what = format!("{} expires", self.words(queue).lease);
                self.say(now, op, Who::Queue(queue), &what, &detail);
            }
            Fact::TakenBack { held, queue, .. } => {
                let detail = format!("from {}", self.plan.worker_name(held.worker));
                self.say(now, op, Who::Queue(queue), "takes it back", &detail);
            }
            Fact::DeadLettered { message, from, to, attempts, .. } => {
                if let Some(copy) = self.copies.iter_mut().find(|copy| copy.message == message) {
                    copy.queue = to;
                }
                let what = format!("puts it aside in {}", Who::Queue(to).name(self.plan));
                let detail = format!("after {}", counted(u64::from(attempts), self.words(from).delivery));
                self.say(now, op, Who::Queue(from), &what, &detail);
            }
            Fact::Redriven { message, from, to, .. } => {
                if let Some(copy) = self.copies.iter_mut().find(|copy| copy.message == message) {
                    copy.queue = to;
                }
                let what = format!("moves it back to {}", Who::Queue(to).name(self.plan));
                self.say(now, op, Who::Queue(from), &what, "");
            }
            Fact::Dropped { message, queue, why, .. } => {
                self.copies.retain(|copy| copy.message != message);
                let (what, detail) = match why {
                    DropReason::BrokerCrash => ("loses it", "it keeps nothing over a crash".to_owned()),
                    DropReason::MaxDeliveries => ("drops it", format!("after its last {}", self.words(queue).delivery)),
                    DropReason::Rejected => ("drops it", "it was rejected".to_owned()),
                    DropReason::Expired => ("drops it", "it is too old".to_owned()),
                    DropReason::MaxLength => ("drops it", "it is full".to_owned()),
                    DropReason::Unroutable => ("drops it", "there is no way to a queue".to_owned()),
                    DropReason::QueueDeleted => ("drops it", "the queue is deleted".to_owned()),
                    DropReason::Purged => ("drops it", "the queue is purged".to_owned()),
                };
                self.say(now, op, Who::Queue(queue), what, &detail);
            }
            _ => self.of_handler(now, subject, fact),
        }
    }

    /// What the queue answers to a publish: said by the producer where nothing lies between, else by the queue.
    #[expect(clippy::too_many_arguments, reason = "two ways to say one thing")]
    fn answered(&mut self, now: Time, op: u32, producer: Who, queue: QueueId, here: &str, there: &str, detail: &str) {
        let direct = self.lines.last().is_some_and(|line| line.who == producer && line.op == op && line.at == now);
        match direct {
            true => self.say_on(here, detail),
            false => self.say(now, op, Who::Queue(queue), there, detail),
        }
    }

    /// Where the confirm is back in the moment of the publish, it stands there, before what came of it meanwhile.
    fn confirmed(&mut self, now: Time, op: u32, producer: Who) {
        let same = |line: &&mut Line| line.at == now && line.op == op && line.who == producer;
        match self.lines.iter_mut().rev().take_while(|line| line.at == now).find(same) {
            Some(line) => line.what.push_str(", confirmed"),
            None => self.say(now, op, producer, "confirmed", ""),
        }
    }

    /// Goes on with the last line, whatever its detail.
    fn say_on(&mut self, what: &str, detail: &str) {
        if let Some(line) = self.lines.last_mut() {
            line.what = format!("{}, {what}", line.what);
            if !detail.is_empty() {
                line.detail = detail.into();
            }
        }
    }

    /// `delivery 2 of copy 3, leased until 30.00`: until when, where that is how it ends.
    fn delivery_words(&self, i: usize, message: u32, queue: QueueId, attempt: u16, held: Held, until: Time) -> String {
        let words = self.words(queue);
        let copy = self.copies.iter().find(|copy| copy.message == message && copy.op == held.op);
        let copy = copy.filter(|copy| copy.number > 0).map(|copy| format!(" of copy {}", copy.number + 1));
        let later = self.facts[i + 1..].iter().find(|(_, fact)| match fact {
            Fact::Delivered { held: other, .. } => other.delivery == held.delivery,
            Fact::Expired { held: other, .. } | Fact::Renewed { held: other, .. } => *other == held,
            _ => false,
        });
        let expires = matches!(later, Some((_, Fact::Expired { .. }))) && self.ruler.has_times();
        let until = expires.then(|| format!(", {} until {}", words.held, self.ruler.stamp(until)));
        format!("{} {attempt}{}{}", words.delivery, copy.unwrap_or_default(), until.unwrap_or_default())
    }

    /// What befalls a process or a broker, told of those that have to do with the operations.
    fn of_party(&mut self, i: usize, now: Time, fact: Fact) {
        match fact {
            Fact::Crashed { instance } => {
                self.tell_holders(now, instance, |handling| (!handling.started).then_some("crashes before it begins"));
                for handling in
                    self.handlings.iter_mut().filter(|h| self.instance_of[h.held.worker as usize] == instance)
                {
                    handling.ended = true;
                }
            }
            // Of several restarts before the next delivery the last one is told.
            Fact::Restarted { instance } if !self.crashes_before_delivery(i, instance) => {
                if let Some(held) = self.delivered_next(i).filter(|h| self.instance_of[h.worker as usize] == instance) {
                    self.say(now, held.op, Who::Worker(held.worker), "is back", "");
                }
            }
            Fact::Paused { instance } => self.tell_holders(now, instance, |_| Some("stands still")),
            Fact::Resumed { instance } => {
                let mut at_once = self.facts[i + 1..].iter().take_while(|(at, _)| *at == now);
                if !at_once.any(|(_, fact)| *fact == Fact::Crashed { instance }) {
                    self.tell_holders(now, instance, |_| Some("goes on"));
                }
            }
            Fact::Slowed { instance } => self.tell_holders(now, instance, |_| Some("slows down")),
            Fact::BrokerDown { queue } => {
                self.down.push(queue);
                self.tell_copies(now, queue, "goes down");
            }
            Fact::BrokerUp { queue } => {
                self.down.retain(|down| *down != queue);
                self.tell_copies(now, queue, "is back");
            }
            _ => {}
        }
    }

    fn tell_copies(&mut self, now: Time, queue: QueueId, what: &str) {
        let mut ops: Vec<u32> = self.copies.iter().filter(|copy| copy.queue == queue).map(|copy| copy.op).collect();
        ops.sort_unstable();
        ops.dedup();
        for op in ops {
            self.say(now, op, Who::Queue(queue), what, "");
        }
    }

    /// Whether a process dies again before any of the operations is delivered again.
    fn crashes_before_delivery(&self, i: usize, instance: u32) -> bool {
        let later = self.facts[i + 1..].iter().map(|(_, fact)| fact);
        let mut before = later.take_while(|fact| !matches!(fact, Fact::Delivered { .. }));
        before.any(|fact| *fact == Fact::Crashed { instance })
    }

    /// The delivery that is the next thing to happen to one of the operations, if it is one.
    fn delivered_next(&self, i: usize) -> Option<Held> {
        let is_ours = |op: u32| self.subjects.iter().any(|subject| subject.op == op);
        let next = self.facts[i + 1..].iter().find(|(_, fact)| fact.op().is_some_and(is_ours))?;
        match next.1 {
            Fact::Delivered { held, .. } => Some(held),
            _ => None,
        }
    }
}
