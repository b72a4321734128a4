//! The teller: from facts to the lines of a story.
//!
//! It follows who stores the operations and in whose hands they are, so that it tells of crashes, pauses and outages only
//! where they matter. It knows no columns. Rule: what one party does in one moment is one line.

use super::Ruler;
use super::super::words::counted;
use crate::model::Plan;
use crate::model::broker::Words;
use crate::model::fact::{DropReason, Fact, Held, Holder, Refusal, RunEnd};
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
struct Copy {
    op: u32,
    message: u32,
    number: u16,
    queue: QueueId,
}

/// A delivery in somebody's hands, and how far its handler is.
struct Hand {
    held: Held,
    since: Time,
    started: bool,
    /// Its handler ended, or its process died.
    ended: bool,
    failed: bool,
    /// The last thing that it did, as "crashes after .." says it.
    done: Option<String>,
    /// The next step, by its index.
    next: usize,
    in_transaction: bool,
    renewed: u32,
    /// What is told only together with what comes next.
    quiet: Option<&'static str>,
}

/// An operation of the story.
struct Subject {
    op: u32,
    producer: ProducerId,
    /// Effects so far, by site.
    effects: Vec<u32>,
    runs: u32,
}

/// Follows the facts.
pub(super) struct Teller<'a> {
    plan: &'a Plan,
    ruler: &'a Ruler,
    facts: &'a [(Time, Fact)],
    sites: usize,
    /// The process of every worker.
    instance_of: Vec<u32>,
    subjects: Vec<Subject>,
    copies: Vec<Copy>,
    hands: Vec<Hand>,
    down: Vec<QueueId>,
    lines: Vec<Line>,
}

impl<'a> Teller<'a> {
    pub fn new(plan: &'a Plan, ruler: &'a Ruler, facts: &'a [(Time, Fact)], ops: &[u32]) -> Teller<'a> {
        let sites = plan.effects().len();
        let subject = |&op: &u32| Subject { op, producer: ProducerId(0), effects: vec![0; sites], runs: 0 };
        Teller {
            plan,
            ruler,
            facts,
            sites,
            instance_of: plan.workers().collect(),
            subjects: ops.iter().map(subject).collect(),
            copies: Vec::new(),
            hands: Vec::new(),
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
    fn say(&mut self, now: Time, op: u32, who: Who, what: &str, detail: &str) {
        self.join(now, op, who, ", ", what, detail);
    }

    fn join(&mut self, now: Time, op: u32, who: Who, joint: &str, what: &str, detail: &str) {
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
    fn does(&mut self, now: Time, hand: usize, what: &str, detail: &str, done: Option<&str>) {
        let hand = &mut self.hands[hand];
        let quiet = hand.quiet.take();
        if let Some(done) = done {
            hand.done = Some(done.into());
        }
        let (op, who) = (hand.held.op, Who::Worker(hand.held.worker));
        if let Some(quiet) = quiet {
            self.say(now, op, who, quiet, "");
        }
        self.say(now, op, who, what, detail);
    }

    fn words(&self, queue: QueueId) -> Words {
        self.plan.queues[queue.at()].settings.product().words
    }

    fn steps(&self, worker: u32) -> &'a [Step] {
        let consumer = self.plan.instances().nth(self.instance_of[worker as usize] as usize).map(|i| i.consumer);
        consumer.map_or(&[], |c| &self.plan.consumers[c.at()].steps)
    }

    /// Whether the worker's acks travel.
    fn is_wired(&self, worker: u32) -> bool {
        let consumer = self.plan.instances().nth(self.instance_of[worker as usize] as usize).map(|i| i.consumer);
        consumer.is_some_and(|c| self.plan.links.iter().any(|link| link.from == Party::Consumer(c)))
    }

    /// The hand of a delivery; a history that begins in the middle has none.
    fn hand(&mut self, now: Time, held: Held) -> usize {
        match self.hands.iter().rposition(|hand| hand.held.delivery == held.delivery && hand.held.op == held.op) {
            Some(hand) => hand,
            None => self.take(now, held),
        }
    }

    fn take(&mut self, since: Time, held: Held) -> usize {
        self.hands.push(Hand {
            held,
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
        self.hands.len() - 1
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
                self.copies.push(Copy { op, message, number: copy, queue });
                self.answered(now, op, producer, queue, "stored", "stores it", "");
            }
            Fact::Refused { queue, why: Refusal::MaxLength, .. } => {
                self.answered(now, op, producer, queue, "refused", "refuses it", "the queue is full");
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
                self.hands.retain(|hand| hand.held.delivery != held.delivery);
                self.take(now, held);
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
            Fact::Dropped { message, queue, why, .. } => {
                self.copies.retain(|copy| copy.message != message);
                let (what, detail) = match why {
                    DropReason::BrokerCrash => ("loses it", "it keeps nothing over a crash".to_owned()),
                    DropReason::MaxDeliveries => ("drops it", format!("after its last {}", self.words(queue).delivery)),
                };
                self.say(now, op, Who::Queue(queue), what, &detail);
            }
            _ => self.of_hand(now, subject, fact),
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

    /// What the holder of an expired lease was doing.
    fn holder_words(&mut self, now: Time, held: Held, holder: Holder) -> String {
        let name = self.plan.worker_name(held.worker);
        let hand = self.hand(now, held);
        let hand = &mut self.hands[hand];
        let mut words = match holder {
            Holder::Nobody => String::new(),
            Holder::Working if !hand.started => format!("{name} has not begun"),
            Holder::Working => format!("{name} still working"),
            Holder::Paused => format!("{name} stands still"),
            Holder::Crashed => format!("{name} has crashed"),
            Holder::Done => format!("{name} has ended"),
        };
        if hand.renewed > 0 {
            words = format!("{words}; {}", renewals(std::mem::take(&mut hand.renewed)));
        }
        words
    }

    /// What a handler does with what it holds.
    fn of_hand(&mut self, now: Time, subject: usize, fact: Fact) {
        match fact {
            Fact::Started { held, .. } => {
                let hand = self.hand(now, held);
                self.subjects[subject].runs += 1;
                self.hands[hand].started = true;
                if self.ruler.stamp(self.hands[hand].since) != self.ruler.stamp(now) {
                    self.does(now, hand, "begins", "", None);
                }
            }
            Fact::Stepped { held, step, skip } => self.stepped(now, subject, held, step, skip),
            Fact::Waits { held, .. } => {
                let hand = self.hand(now, held);
                let other = self.hands.iter().find(|other| {
                    other.held.op == held.op && other.in_transaction && other.held.worker != held.worker && !other.ended
                });
                let whose = other.map(|other| format!("{} has its key", self.plan.worker_name(other.held.worker)));
                self.does(now, hand, "waits for a transaction", &whose.unwrap_or_default(), None);
            }
            Fact::Effect { held, site, .. } => {
                let hand = self.hand(now, held);
                let effects = &mut self.subjects[subject].effects[usize::from(site)];
                *effects += 1;
                let mut what = format!("effect {effects}");
                if self.sites > 1 {
                    let store = self.plan.effects()[usize::from(site)].store;
                    what = format!("{what} on {}", self.plan.stores[store.at()].name);
                }
                self.passed(hand, |step| matches!(step, Step::Effect { site: this, .. } if *this == site));
                self.does(now, hand, &what, "", Some(&what));
            }
            Fact::Suppressed { held, site } => {
                let hand = self.hand(now, held);
                let store = self.plan.effects()[usize::from(site)].store;
                let detail = format!("{} knows its key", self.plan.stores[store.at()].name);
                self.passed(hand, |step| matches!(step, Step::Effect { site: this, .. } if *this == site));
                self.does(now, hand, "call suppressed", &detail, Some("its call"));
            }
            Fact::Ended { held, how } => self.ended(now, held, how),
            Fact::Renewed { held, .. } => {
                let hand = self.hand(now, held);
                self.hands[hand].renewed += 1;
            }
            Fact::Acked { held, message, queue } => {
                self.copies.retain(|copy| copy.message != message);
                self.settled(now, held, queue, ", ", ["ack", "takes the ack of"], "");
            }
            Fact::Stale { held, queue } => {
                let hand = self.hand(now, held);
                let what = if self.hands[hand].failed { "nack" } else { "ack" };
                let (here, there) = (format!("its {what} is stale"), format!("ignores the {what} of"));
                self.settled(now, held, queue, "; ", [&here, &there], "");
            }
            Fact::Nacked { held, queue, delay, .. } => {
                let detail = self.ruler.span(delay).map(|delay| format!("ready again after {delay}"));
                let words = ["gives it back", "gets it back from"];
                self.settled(now, held, queue, ", ", words, &detail.unwrap_or_default());
            }
            _ => {}
        }
    }

    /// What a settlement came to: said by the worker where nothing lies between, else by the queue.
    fn settled(&mut self, now: Time, held: Held, queue: QueueId, joint: &str, words: [&str; 2], detail: &str) {
        let hand = self.hand(now, held);
        self.passed(hand, |step| *step == Step::Ack);
        let renewed = std::mem::take(&mut self.hands[hand].renewed);
        let renewed = if renewed > 0 { renewals(renewed) } else { String::new() };
        let detail = if detail.is_empty() { &renewed } else { detail };
        if self.is_wired(held.worker) {
            let what = format!("{} {}", words[1], self.plan.worker_name(held.worker));
            return self.say(now, held.op, Who::Queue(queue), &what, detail);
        }
        let hand = &mut self.hands[hand];
        hand.done = Some("its ack".into());
        if let Some(quiet) = hand.quiet.take() {
            self.say(now, held.op, Who::Worker(held.worker), quiet, "");
        }
        self.join(now, held.op, Who::Worker(held.worker), joint, words[0], detail);
    }

    fn stepped(&mut self, now: Time, subject: usize, held: Held, step: u8, skip: bool) {
        let hand = self.hand(now, held);
        self.hands[hand].next = usize::from(step) + 1;
        let again = self.subjects[subject].runs > 1;
        match (self.steps(held.worker).get(usize::from(step)), skip) {
            (Some(Step::Seen(_)), true) => self.does(now, hand, "seen? yes", "", None),
            // It is no news in the first run.
            (Some(Step::Seen(_)), false) => self.hands[hand].quiet = again.then_some("seen? no"),
            (Some(Step::Mark(_)), true) => {
                self.hands[hand].in_transaction = false;
                self.does(now, hand, "its key is there already, rolls back", "", Some("its rollback"));
            }
            (Some(Step::Mark(_)), false) if self.hands[hand].in_transaction => {
                self.does(now, hand, "inserts its key", "", None);
            }
            (Some(Step::Mark(_)), false) => self.does(now, hand, "mark", "", Some("its mark")),
            (Some(Step::Begin(_)), _) => self.hands[hand].in_transaction = true,
            (Some(Step::Commit(_)), _) => {
                self.hands[hand].in_transaction = false;
                self.does(now, hand, "commit", "", Some("its commit"));
            }
            _ => {}
        }
    }

    /// The handler has the next step of this kind behind it.
    fn passed(&mut self, hand: usize, is: impl Fn(&Step) -> bool) {
        let steps = self.steps(self.hands[hand].held.worker);
        let hand = &mut self.hands[hand];
        if let Some(at) = steps.iter().skip(hand.next).position(is) {
            hand.next += at + 1;
        }
    }

    fn ended(&mut self, now: Time, held: Held, how: RunEnd) {
        let hand = self.hand(now, held);
        self.hands[hand].ended = true;
        match how {
            RunEnd::Done => {}
            RunEnd::Failed => {
                self.hands[hand].failed = true;
                self.does(now, hand, "fails", "", None);
            }
            RunEnd::Crashed => {
                let words = self.crash_words(now, hand);
                self.hands[hand].quiet = None;
                self.does(now, hand, &words, "", None);
            }
        }
    }

    /// Where a crash fell: `crashes after effect 1, before its ack`.
    fn crash_words(&self, now: Time, hand: usize) -> String {
        let hand = &self.hands[hand];
        let stamp = self.ruler.stamp(now);
        // What it did in the same moment stands in the same line already.
        let is_said = self.lines.last().is_some_and(|line| {
            line.who == Who::Worker(hand.held.worker) && line.op == hand.held.op && self.ruler.stamp(line.at) == stamp
        });
        if hand.in_transaction {
            return "crashes, its transaction rolls back".into();
        }
        let steps = self.steps(hand.held.worker);
        // A foreign handler's steps are a list of what it may do, in no order.
        let ordered = !steps.contains(&Step::Point);
        let next = steps.get(hand.next).filter(|_| ordered);
        let before = match next {
            Some(Step::Ack) if self.is_wired(hand.held.worker) => None,
            Some(Step::Work(_)) => Some(" at work".to_owned()),
            Some(Step::Seen(_)) => Some(" before it asks".to_owned()),
            Some(Step::Begin(_)) => Some(" before its transaction".to_owned()),
            Some(step) => Some(format!(" before its {}", step.word())),
            None => None,
        };
        let after = hand.done.as_ref().filter(|_| !is_said).map(|done| format!(" after {done}"));
        let joint = if after.is_some() && before.is_some() { "," } else { "" };
        format!("crashes{}{joint}{}", after.unwrap_or_default(), before.unwrap_or_default())
    }

    /// What befalls a process or a broker, told of those that have to do with the operations.
    fn of_party(&mut self, i: usize, now: Time, fact: Fact) {
        match fact {
            Fact::Crashed { instance } => {
                self.tell_hands(now, instance, |hand| (!hand.started).then_some("crashes before it begins"));
                for hand in self.hands.iter_mut().filter(|h| self.instance_of[h.held.worker as usize] == instance) {
                    hand.ended = true;
                }
            }
            Fact::Restarted { instance } => {
                if let Some(held) = self.delivered_next(i).filter(|h| self.instance_of[h.worker as usize] == instance) {
                    self.say(now, held.op, Who::Worker(held.worker), "is back", "");
                }
            }
            Fact::Paused { instance } => self.tell_hands(now, instance, |_| Some("stands still")),
            Fact::Resumed { instance } => {
                let mut at_once = self.facts[i + 1..].iter().take_while(|(at, _)| *at == now);
                if !at_once.any(|(_, fact)| *fact == Fact::Crashed { instance }) {
                    self.tell_hands(now, instance, |_| Some("goes on"));
                }
            }
            Fact::Slowed { instance } => self.tell_hands(now, instance, |_| Some("slows down")),
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

    fn tell_hands(&mut self, now: Time, instance: u32, words: impl Fn(&Hand) -> Option<&'static str>) {
        let of = |hand: &&Hand| !hand.ended && self.instance_of[hand.held.worker as usize] == instance;
        let told: Vec<_> = self.hands.iter().filter(of).filter_map(|h| Some((h.held, words(h)?))).collect();
        for (held, words) in told {
            self.say(now, held.op, Who::Worker(held.worker), words, "");
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

fn renewals(n: u32) -> String {
    if n == 1 { "renewed once".into() } else { format!("renewed {n} times") }
}
