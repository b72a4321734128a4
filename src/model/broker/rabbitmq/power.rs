//! Power: what a kill, an orderly stop and a start do to queues, messages and exchanges.
//!
//! What a classic queue keeps is durable and persistent; a quorum queue keeps all. After a kill a classic queue takes every
//! message for delivered.

use super::channels::Channel;
use super::letters::envelope;
use super::machine::{Machine, settings, topology};
use super::queue::{Queue, Status};
use super::settings::Family;
use super::topology::Version;
use crate::model::fact::{Cause, DropReason, Fact, Watch};
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::NONE;
use crate::sim::Oracle;

impl Machine {
    /// The broker of a world dies.
    pub(super) fn crash<O: Oracle, W: Watch>(&mut self, out: &mut Out<'_, O, W>) {
        if !self.down {
            for queue in self.all_standing() {
                out.tell(Fact::BrokerDown { queue });
            }
            self.kill(out);
        }
    }

    /// It is back.
    pub(super) fn restart<O: Oracle, W: Watch>(&mut self, out: &mut Out<'_, O, W>) {
        if self.down {
            for queue in self.all_standing() {
                out.tell(Fact::BrokerUp { queue });
            }
            self.start(out);
            // Clients open their connections again, and consume again.
            for worker in std::mem::take(&mut self.rejoin) {
                self.consume(out.stage.hand(worker).queue, worker, out);
            }
        }
    }

    /// All processes die at once.
    pub(super) fn kill<O: Oracle, W: Watch>(&mut self, out: &mut Out<'_, O, W>) {
        self.go_down(true, out);
    }

    /// The broker ends in good order.
    pub(super) fn stop<O: Oracle, W: Watch>(&mut self, out: &mut Out<'_, O, W>) {
        self.go_down(false, out);
    }

    fn go_down<O: Oracle, W: Watch>(&mut self, killed: bool, out: &mut Out<'_, O, W>) {
        self.down = true;
        let (channels, haunted) = (std::mem::take(&mut self.channels), std::mem::take(&mut self.haunted));
        self.channels.resize_with(channels.len(), Channel::default);
        for queue in self.all_standing() {
            let unacked = channels.iter().flat_map(|channel| &channel.unacked).chain(&haunted);
            let of_queue = unacked.filter(|it| it.queue == queue).map(|it| it.delivery);
            let held: Vec<u32> = of_queue.filter(|&it| out.common.records.deliveries[it].current).collect();
            self.queue_goes_down(queue, held, killed, out);
        }
        if !topology(out.stage).script {
            self.rejoin = (0..self.seats.len() as u32).filter(|&it| self.seats[it as usize] != NONE).collect();
        }
        for channel in &channels {
            self.release_all(&channel.unacked, out);
        }
        self.seats.fill(NONE);
        let keeps_all = topology(out.stage).version == Version::V4_3;
        self.routes.crash(topology(out.stage), |exchange| keeps_all || exchange.durable);
        self.handed = None;
    }

    fn queue_goes_down<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        held: Vec<u32>,
        killed: bool,
        out: &mut Out<'_, O, W>,
    ) {
        let settings = settings(out.stage, queue);
        if !settings.durable || settings.exclusive {
            for delivery in held {
                self.lose(queue, delivery, DropReason::BrokerCrash, out);
            }
            return self.delete_silently(queue, out);
        }
        let state = self.queue(queue);
        for consumer in &mut state.consumers {
            consumer.status = Status::Gone;
        }
        state.turns.clear();
        state.waiting.clear();
        (state.active, state.was_consumed, state.knows_publishers, state.blocks_publishers) =
            (None, false, false, false);
        let classic = settings.family == Family::Classic;
        if classic {
            if killed {
                state.delivered_to = state.next_place; // it takes all for delivered, for good
            }
            // Each priority has its own order of places: there it goes by the messages themselves.
            if killed || settings.max_priority.is_none() {
                state.redelivered_to = state.delivered_to;
            }
        }
        for delivery in held {
            let record = &out.common.records.deliveries[delivery];
            let (parties, message, holder) = (record.parties(delivery), record.slot, record.doing);
            out.tell(Fact::TakenBack { held: parties, message, queue });
            let entry = Self::end(delivery, Cause::BrokerRestart, holder, out);
            if classic {
                self.put_back(queue, entry, settings, out);
            } else {
                self.broker_return(queue, entry, out);
            }
        }
        if classic {
            self.lose_transient(queue, killed, out);
        }
        for timer in [super::EXPIRES, super::RETRY] {
            out.common.agenda.cancel(out.stage.timer_lane(queue, timer));
        }
    }

    /// What is not persistent is gone; what a classic queue knew of failures too, unless it could write it down.
    fn lose_transient<O: Oracle, W: Watch>(&mut self, queue: QueueId, killed: bool, out: &mut Out<'_, O, W>) {
        let ready: Vec<u32> = self.queues[queue.at()].levels.iter().collect();
        for &entry in &ready {
            if killed && let Some(mark) = self.marks.get_mut(entry as usize) {
                mark.failed = 0;
            }
        }
        let (records, stage) = (&out.common.records, out.stage);
        let persistent =
            |entry: &u32| envelope(records.message_of(*entry), stage).is_none_or(|envelope| envelope.persistent);
        if ready.iter().all(persistent) {
            return;
        }
        let settings = settings(stage, queue);
        let lost: Vec<u32> = ready.iter().filter(|&entry| !persistent(entry)).copied().collect();
        self.queue(queue).take_all();
        self.queue(queue).bytes = 0;
        for entry in ready.into_iter().filter(|entry| !lost.contains(entry)) {
            self.put_back(queue, entry, settings, out);
        }
        for entry in lost {
            self.drop_entry(queue, entry, DropReason::BrokerCrash, out);
        }
    }

    /// A queue goes without anybody being told: with the broker.
    fn delete_silently<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        self.purge(queue, DropReason::BrokerCrash, out);
        self.forget_timers(queue, out);
        *self.queue(queue) = Queue::new(false);
        if topology(out.stage).script {
            let name = super::machine::name_of(out.stage, queue);
            self.standing[usize::from(name)] = None;
            self.routes.forget(super::Bound::Queue(name), topology(out.stage));
        } else {
            self.queue(queue).stands = true; // whoever needs it declares it again
        }
    }

    /// The broker is back: what expired meanwhile goes, what is too much with what was held too, and what failed too often.
    pub(super) fn start<O: Oracle, W: Watch>(&mut self, out: &mut Out<'_, O, W>) {
        self.down = false;
        for queue in self.all_standing() {
            self.used(queue, out);
            match settings(out.stage, queue).family {
                Family::Classic => self.came_back(queue, settings(out.stage, queue), out),
                Family::Quorum => self.quorum_recovers(queue, out),
            }
            self.try_retained(queue, out);
        }
    }
}
