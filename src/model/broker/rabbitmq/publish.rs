//! Publishing: a message is routed, each queue takes its copy or refuses it, and the producer hears of it.
//!
//! It knows what a producer says with a message. Rule: one refusal is a nack, whatever other queues took.

use super::letters::{envelope, write_keys};
use super::machine::{Machine, settings};
use super::routes::{Labels, Value, Way};
use super::settings::{Family, Overflow, Settings};
use crate::model::fact::{DropReason, Fact, Refusal, Watch};
use crate::model::out::{Direction, Out};
use crate::model::plan::QueueId;
use crate::model::records::{Message, NONE};
use crate::model::wire::{Call, Moved};
use crate::sim::{Address, Oracle};

/// What is written down while a message is routed. It is kept from one to the next, so that none asks for memory, and says
/// nothing in between.
#[derive(Debug, Default)]
pub(super) struct Desk {
    keys: Vec<String>,
    way: Way,
    /// What each queue said.
    answers: Vec<Result<(), Option<Refusal>>>,
}

impl Clone for Desk {
    fn clone(&self) -> Desk {
        Desk::default()
    }
    fn clone_from(&mut self, _: &Desk) {}
}

impl Machine {
    /// A producer publishes.
    #[inline]
    pub(super) fn publish<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        message: Message,
        pending: u32,
        out: &mut Out<'_, O, W>,
    ) {
        if self.down {
            // The connection is refused: nobody answers, and nothing is stored.
            return Self::lose_publish(message.op, message.copy, queue, out);
        }
        let answer = match envelope(&message, out.stage) {
            None if self.queues[queue.at()].stands => self.offer(queue, message, out),
            None => Err(Some(Refusal::Unroutable)),
            Some(_) => self.route(queue, message, out),
        };
        let (op, copy) = (message.op, message.copy);
        let wire = out.stage.origins[message.producer.at()].wire;
        let about = Address { site: 0, attempt: message.attempt(0) };
        match answer {
            Ok(()) if pending != NONE => {
                out.send(wire, Direction::Answer, Call::Confirm { op, pending }, about);
            }
            Ok(()) => {}
            Err(why) => {
                if let Some(why) = why {
                    out.tell(Fact::Refused { op, copy, queue, why });
                }
                out.send(wire, Direction::Answer, Call::Refuse { op, copy, pending }, about);
            }
        }
    }

    /// One queue is offered a message.
    #[inline]
    fn offer<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        message: Message,
        out: &mut Out<'_, O, W>,
    ) -> Result<(), Option<Refusal>> {
        let settings = settings(out.stage, queue);
        if settings.has_limit() && !self.admits_publish(queue, &message, out) {
            if settings.overflow == Overflow::RejectPublishDlx {
                self.refuse_to_dead_letters(queue, message, out);
                return Err(None); // it is stored elsewhere
            }
            return Err(Some(Refusal::MaxLength));
        }
        let slot = out.common.records.messages.insert(message);
        self.forget_message(slot);
        out.tell(Fact::Accepted { op: message.op, copy: message.copy, message: slot, queue });
        match settings.family {
            Family::Classic => self.classic_store(queue, slot, 0, out),
            Family::Quorum => self.quorum_store(queue, slot, 0, out),
        }
        Ok(())
    }

    fn admits_publish<O: Oracle, W: Watch>(&mut self, queue: QueueId, message: &Message, out: &Out<'_, O, W>) -> bool {
        let settings = settings(out.stage, queue);
        match settings.family {
            Family::Classic => self.classic_admits(queue, message, settings, (0, 0), out),
            Family::Quorum => self.quorum_admits(queue, settings),
        }
    }

    /// Whether a queue takes a dead letter. A quorum queue refuses only whoever waits for its confirm (`sure`).
    pub(super) fn admits<O: Oracle, W: Watch>(
        &self,
        queue: QueueId,
        message: &Message,
        sure: bool,
        out: &Out<'_, O, W>,
    ) -> bool {
        let settings = settings(out.stage, queue);
        match settings.family {
            Family::Classic => {
                let others = if sure { Self::on_the_way(queue, settings, out) } else { (0, 0) };
                self.classic_admits(queue, message, settings, others, out)
            }
            Family::Quorum => !sure || settings.overflow != Overflow::RejectPublish || !self.is_over(queue, settings),
        }
    }

    /// How many dead letters are on their way to a queue, and how many bytes of them.
    fn on_the_way<O: Oracle, W: Watch>(queue: QueueId, settings: &Settings, out: &Out<'_, O, W>) -> (u64, u64) {
        let moves = out.common.calls.iter().filter_map(|call| match call {
            Call::Move { queue: to, moved } if *to == queue => Some(out.common.records.messages[moved.message]),
            _ => None,
        });
        moves.fold((0, 0), |(all, bytes), record| (all + 1, bytes + Self::bytes_of(&record, settings, out)))
    }

    /// What is refused is a dead letter of the queue that refused it.
    fn refuse_to_dead_letters<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        message: Message,
        out: &mut Out<'_, O, W>,
    ) {
        let slot = out.common.records.messages.insert(message);
        self.forget_message(slot);
        out.tell(Fact::Accepted { op: message.op, copy: message.copy, message: slot, queue });
        let entry = self.new_entry(queue, slot, message.copy, 0, &mut out.common.records);
        self.die(queue, entry, super::Reason::MaxLen, out);
    }

    /// Where a message goes that says more than nothing.
    fn route<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        message: Message,
        out: &mut Out<'_, O, W>,
    ) -> Result<(), Option<Refusal>> {
        let mut desk = std::mem::take(&mut self.desk);
        let answer = self.route_at(&mut desk, queue, message, out);
        self.desk = desk;
        answer
    }

    fn route_at<O: Oracle, W: Watch>(
        &mut self,
        Desk { keys, way, answers }: &mut Desk,
        queue: QueueId,
        message: Message,
        out: &mut Out<'_, O, W>,
    ) -> Result<(), Option<Refusal>> {
        let stage = out.stage;
        let envelope = write_keys(&message, stage, keys);
        let headers: &[(String, Value)] = envelope.map_or(&[], |envelope| &envelope.headers);
        let exchange = envelope.and_then(|envelope| envelope.exchange);
        if !self.targets(exchange, &Labels { keys, headers }, stage, way) {
            return Err(Some(Refusal::NoExchange));
        }
        let targets = &way.queues;
        let producer = &stage.plan.producers[message.producer.at()];
        let homes = &producer.homes;
        if targets.is_empty() {
            if envelope.is_some_and(|envelope| envelope.mandatory) {
                return Err(Some(Refusal::Unroutable));
            }
            let (op, copy) = (message.op, message.copy);
            // As if the queue that it is published to had taken it and let it go.
            let taken = homes.binary_search(&queue).unwrap_or(0);
            for (_, &queue) in homes.iter().enumerate().filter(|&(number, _)| number != taken) {
                out.tell(Fact::PassedBy { op, copy, queue, routed: false });
            }
            let slot = out.common.records.messages.insert(message);
            out.tell(Fact::Accepted { op, copy, message: slot, queue });
            out.common.records.messages.remove(slot);
            let why = DropReason::Unroutable;
            out.tell(Fact::Dropped { op, message: slot, queue, in_flight: false, why });
            return Ok(());
        }
        answers.clear();
        for &target in targets {
            let traits = message.traits.at_home(producer.home_number(target));
            answers.push(self.offer(target, Message { traits, ..message }, out));
        }
        let stored = answers.iter().any(Result::is_ok);
        let is_taken = |answer: &Result<(), Option<Refusal>>| matches!(answer, Ok(()) | Err(None));
        if homes.len() > 1 && answers.iter().any(is_taken) {
            for &queue in homes {
                let answer = targets.iter().zip(answers.iter()).find(|&(&target, _)| target == queue);
                if !answer.is_some_and(|(_, answer)| is_taken(answer)) {
                    let (op, copy, routed) = (message.op, message.copy, answer.is_some());
                    out.tell(Fact::PassedBy { op, copy, queue, routed });
                }
            }
        }
        match answers.iter().copied().find(Result::is_err) {
            Some(Err(_)) if stored => Err(None), // a copy is stored, though the producer hears that it is not
            Some(refused) => refused,
            None => Ok(()),
        }
    }

    /// A dead letter of another queue comes in.
    pub(super) fn take_dead_letter<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        Moved { message, runs, .. }: Moved,
        out: &mut Out<'_, O, W>,
    ) {
        let record = out.common.records.messages[message];
        let lost = if !self.queues[queue.at()].stands {
            Some(DropReason::QueueDeleted)
        } else if !self.admits(queue, &record, false, out) {
            Some(DropReason::MaxLength)
        } else {
            None
        };
        if let Some(why) = lost {
            out.common.records.messages.remove(message);
            self.forget_message(message);
            out.tell(Fact::Dropped { op: record.op, message, queue, in_flight: false, why });
            return;
        }
        match settings(out.stage, queue).family {
            Family::Classic => self.classic_store(queue, message, runs, out),
            Family::Quorum => self.quorum_store(queue, message, runs, out),
        }
    }
}
