//! Dead letters: where a message goes that a queue gives up, what is written on it, and when it would go in a circle.
//!
//! It knows why a queue gave it up, not what else is in the queue. Rule: a message that comes back to a queue it died in
//! without having been rejected on the way is dropped.

use super::RETRY;
use super::machine::{Machine, name_of, number_of, pace, settings, topology, written};
use super::routes::{Labels, Value, Way};
use super::settings::{Family, Strategy};
use super::topology::{Envelope, Version};
use crate::model::broker;
use crate::model::fact::{DropReason, Fact, Watch};
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::{Entry, Message};
use crate::model::stage::Stage;
use crate::model::wire::{Call, Moved};
use crate::sim::{Oracle, Span};

/// Why a queue gave a message up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A consumer rejected it.
    #[default]
    Rejected,
    /// It was too old.
    Expired,
    /// There were too many.
    MaxLen,
    /// It failed too often.
    DeliveryLimit,
}

impl Reason {
    /// As headers say it.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Rejected => "rejected",
            Reason::Expired => "expired",
            Reason::MaxLen => "maxlen",
            Reason::DeliveryLimit => "delivery_limit",
        }
    }

    fn without_target(self) -> DropReason {
        match self {
            Reason::Rejected => DropReason::Rejected,
            Reason::Expired => DropReason::Expired,
            Reason::MaxLen => DropReason::MaxLength,
            Reason::DeliveryLimit => DropReason::MaxDeliveries,
        }
    }
}

/// What is written on a message that died.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    /// Through which exchange it went since.
    pub exchange: Option<u16>,
    /// Its routing keys.
    pub keys: Vec<String>,
    /// Those of them that a consumer does not see.
    pub hidden: Vec<String>,
    /// Its deaths, the newest first; one for each queue and reason.
    pub deaths: Vec<Death>,
    /// Reason, queue and exchange of the first.
    pub first: (Reason, u16, Option<u16>),
    /// Reason, queue and exchange of the last.
    pub last: (Reason, u16, Option<u16>),
    /// How often it had failed.
    pub failed: u16,
}

/// Deaths in one queue for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// In which queue, by name.
    pub queue: u16,
    /// Why.
    pub reason: Reason,
    /// How often.
    pub count: u32,
    /// Through which exchange it had come, the first time.
    pub exchange: Option<u16>,
    /// With which routing keys.
    pub keys: Vec<String>,
    /// How long it was to live.
    pub original_expiration: Option<u64>,
}

/// An entry that a queue gives up at the end of a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dying {
    pub entry: u32,
    pub reason: Reason,
}

/// How a message is addressed.
pub(super) struct Address {
    pub exchange: Option<u16>,
    pub keys: Vec<String>,
    pub hidden: Vec<String>,
    pub expiration: Option<u64>,
}

impl Address {
    /// The keys that a consumer sees: each that is hidden takes away the first that is written the same; in 3.10 it is itself
    /// that goes.
    fn shown_keys(&self, version: Version) -> Vec<String> {
        let mut shown = self.keys.clone();
        for hidden in &self.hidden {
            let at = match version {
                Version::V3_10 => shown.iter().rposition(|key| key == hidden),
                _ => shown.iter().position(|key| key == hidden),
            };
            if let Some(at) = at {
                shown.remove(at);
            }
        }
        shown
    }
}

/// How a message is addressed: as it was published, or as it was rewritten since.
pub(super) fn labels_of(message: &Message, letter: Option<&Letter>, stage: &Stage) -> Address {
    if let Some(letter) = letter {
        let (keys, hidden) = (letter.keys.clone(), letter.hidden.clone());
        return Address { exchange: letter.exchange, keys, hidden, expiration: None };
    }
    let mut keys = Vec::new();
    let envelope = write_keys(message, stage, &mut keys);
    Address {
        exchange: envelope.and_then(|envelope| envelope.exchange),
        keys,
        hidden: envelope.map_or_else(Vec::new, |envelope| envelope.bcc.clone()),
        expiration: envelope.and_then(|envelope| envelope.expiration),
    }
}

/// Writes the routing keys of a message as it was published, its own first, over what stands in `keys`; gives what its
/// producer says with it.
pub(super) fn write_keys<'a>(message: &Message, stage: &'a Stage, keys: &mut Vec<String>) -> Option<&'a Envelope> {
    let (producer, envelope) = (&stage.plan.producers[message.producer.at()], envelope(message, stage));
    keys.resize_with(1, String::new);
    keys[0].clear();
    match envelope.and_then(|envelope| envelope.key.as_ref()) {
        Some(key) => key.write(message, producer.names(), &mut keys[0]),
        None => keys[0].push_str(written(stage, name_of(stage, producer.to))),
    }
    if let Some(envelope) = envelope {
        keys.extend(envelope.cc.iter().chain(&envelope.bcc).cloned());
    }
    envelope
}

/// What a producer says with its messages, if anything.
#[inline]
pub(super) fn envelope<'a>(message: &Message, stage: &'a Stage) -> Option<&'a Envelope> {
    match &stage.plan.producers[message.producer.at()].message {
        Some(broker::Envelope::Rabbitmq(envelope)) => Some(envelope),
        _ => None,
    }
}

/// How long the first dead letter that was not taken waits for a further try.
const SETTLE_TIMEOUT: Span = Span::from_secs(180);

impl Machine {
    /// A queue gives an entry up now. It is neither ready nor held.
    pub(super) fn die<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        entry: u32,
        reason: Reason,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        let keeps = settings.dead_letter.as_ref().is_some_and(|it| it.strategy == Strategy::AtLeastOnce);
        if keeps && reason != Reason::MaxLen {
            self.queue(queue).retained.push((entry, reason));
            self.try_retained(queue, out);
        } else if !self.forward(queue, entry, reason, false, out) {
            self.drop_entry(queue, entry, reason.without_target(), out);
        }
    }

    /// Tries the dead letters that are kept until their targets take them, in order.
    pub(super) fn try_retained<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        for _ in 0..self.queue(queue).retained.len() {
            let Some((entry, reason)) = self.queue(queue).retained.pop() else { break };
            if !self.forward(queue, entry, reason, true, out) {
                self.queue(queue).retained.push((entry, reason));
            }
        }
        let lane = out.stage.timer_lane(queue, RETRY);
        let waits = !self.queue(queue).retained.is_empty();
        if waits && !out.common.agenda.is_booked(lane) {
            out.common.agenda.book_single(lane, out.common.now + SETTLE_TIMEOUT, 0);
        }
    }

    /// Sends an entry's message to its dead-letter targets, if there are any; `sure`: only if all of them take it.
    fn forward<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        entry: u32,
        reason: Reason,
        sure: bool,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        let stage = out.stage;
        let settings = settings(stage, queue);
        let Some(dead_letter) = &settings.dead_letter else { return false };
        let Entry { message, attempts, runs, .. } = out.common.records.entries[entry];
        let record = out.common.records.messages[message];
        let old = self.letters.get(message as usize).and_then(|letter| letter.as_deref());
        let labels = labels_of(&record, old, stage);
        let mut letter = old.cloned().unwrap_or_default();
        let (name, mark) = (name_of(stage, queue), *self.mark(entry));
        letter.record_death((name, reason), &labels, settings.version);
        let counts =
            settings.version == Version::V4_3 || settings.version == Version::V4_0 && settings.family == Family::Quorum;
        if counts && mark.failed > 0 {
            letter.failed = mark.failed;
        }
        if counts && settings.family == Family::Classic && mark.failed == 0 && self.is_suspect(queue, entry, out) {
            letter.failed = 1;
        }
        letter.exchange = dead_letter.exchange;
        let named = dead_letter.to.map(|to| written(stage, name_of(stage, to)).to_owned());
        (letter.keys, letter.hidden) = match dead_letter.key.clone().or(named) {
            Some(key) if settings.version == Version::V3_10 => (vec![key], Vec::new()),
            Some(key) => (vec![key], labels.hidden),
            None => (labels.keys, labels.hidden),
        };
        let empty: &[(String, Value)] = &[];
        let headers = envelope(&record, stage).map_or(empty, |envelope| &envelope.headers);
        let labels = Labels { keys: &letter.keys, headers };
        let mut way = Way::default();
        if !self.targets(dead_letter.exchange, &labels, stage, &mut way) {
            return false;
        }
        let mut targets = way.queues;
        if reason != Reason::Rejected {
            targets.retain(|&target| !letter.comes_back_to(name_of(stage, target)));
        }
        if targets.is_empty() {
            return false;
        }
        targets.retain(|&to| !self.confirmed.contains(&(entry, name_of(stage, to))));
        if targets.is_empty() {
            self.drop_entry(queue, entry, reason.without_target(), out); // who had not taken it is gone
            return true;
        }
        let is_whole = !sure || targets.iter().all(|&to| self.admits(to, &record, true, out));
        if is_whole {
            out.common.records.entries.remove(entry);
            self.forget_entry(entry);
        } else {
            // Each target that takes it has it from now on; it is kept for the others.
            targets.retain(|&to| self.admits(to, &record, true, out));
            self.confirmed.extend(targets.iter().map(|&to| (entry, name_of(stage, to))));
        }
        let op = record.op;
        let spent = reason == Reason::DeliveryLimit && settings.max_deliveries().is_some();
        for (number, &to) in targets.iter().enumerate() {
            let slot = if number == 0 && is_whole {
                out.tell(Fact::DeadLettered { op, message, from: queue, to, attempts, spent });
                message
            } else {
                let home = stage.plan.producers[record.producer.at()].home_number(to);
                let slot =
                    out.common.records.messages.insert(Message { traits: record.traits.at_home(home), ..record });
                out.tell(Fact::Accepted { op, copy: record.copy, message: slot, queue: to });
                slot
            };
            if self.letters.len() <= slot as usize {
                self.letters.resize_with(slot as usize + 1, || None);
            }
            self.letters[slot as usize] = Some(Box::new(letter.clone()));
            let moved = Moved { message: slot, attempts, runs, since: out.common.now };
            out.call(Call::Move { queue: to, moved });
        }
        is_whole
    }

    /// A classic queue that came back with a message cannot know whether it was delivered.
    pub(super) fn is_suspect<O: Oracle, W: Watch>(&self, queue: QueueId, entry: u32, out: &Out<'_, O, W>) -> bool {
        out.common.records.entries[entry].place < self.queues[queue.at()].redelivered_to
    }

    /// Finds the queues that an exchange routes to, the quicker ones first; `false`, where the exchange does not stand.
    pub(super) fn targets(&self, exchange: Option<u16>, labels: &Labels<'_>, stage: &Stage, way: &mut Way) -> bool {
        way.names.clear();
        match exchange {
            Some(exchange) if self.routes.exchange(exchange).is_none() => return false,
            Some(exchange) => self.routes.route(exchange, labels, topology(stage), way),
            None => way.names.extend(labels.keys.iter().filter_map(|key| number_of(stage, key))),
        }
        way.names.sort_unstable();
        way.names.dedup();
        way.queues.clear();
        way.queues.extend(way.names.iter().filter_map(|&name| self.standing[usize::from(name)]));
        if way.queues.len() > 1 {
            way.queues.sort_unstable_by_key(|&queue| pace(stage, queue));
        }
        true
    }

    /// At the end of a command of a quorum queue: gives up what it decided to, in that order; before 4.3 first what was too
    /// much, and of that the last first.
    pub(super) fn bury<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        if self.dying.is_empty() {
            return;
        }
        let mut dying = std::mem::take(&mut self.dying);
        if settings(out.stage, queue).version < Version::V4_3 {
            let is_surplus = |dying: &Dying| dying.reason == Reason::MaxLen;
            dying.sort_by_key(|dying| !is_surplus(dying));
            let surplus = dying.partition_point(is_surplus);
            dying[..surplus].reverse();
        }
        for Dying { entry, reason } in dying.drain(..) {
            self.die(queue, entry, reason, out);
        }
        self.dying = dying;
    }

    /// An entry will be given up at the end of this command.
    pub(super) fn doom(&mut self, entry: u32, reason: Reason) {
        self.dying.push(Dying { entry, reason });
    }

    /// A message is gone.
    pub(super) fn drop_entry<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        entry: u32,
        why: DropReason,
        out: &mut Out<'_, O, W>,
    ) {
        let message = out.common.records.entries[entry].message;
        let op = out.common.records.messages[message].op;
        self.remove(entry, message, &mut out.common.records);
        out.tell(Fact::Dropped { op, message, queue, in_flight: false, why });
    }
}

impl Letter {
    /// Notes a death, as the newest.
    fn record_death(&mut self, (queue, reason): (u16, Reason), labels: &Address, version: Version) {
        let is_first = self.deaths.is_empty();
        let known = self.deaths.iter().position(|death| death.queue == queue && death.reason == reason);
        let death = match known {
            Some(at) => {
                let mut death = self.deaths.remove(at);
                death.count += 1;
                death
            }
            None => Death {
                queue,
                reason,
                count: 1,
                exchange: labels.exchange,
                keys: labels.shown_keys(version),
                original_expiration: labels.expiration,
            },
        };
        self.last = (reason, queue, labels.exchange);
        if is_first {
            self.first = self.last;
        }
        self.deaths.insert(0, death);
    }

    /// Whether it died in a queue before, and was not rejected anywhere since.
    fn comes_back_to(&self, queue: u16) -> bool {
        let last = self.deaths.iter().position(|death| death.queue == queue);
        last.is_some_and(|last| self.deaths[..=last].iter().all(|death| death.reason != Reason::Rejected))
    }
}
