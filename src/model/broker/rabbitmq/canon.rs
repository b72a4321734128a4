//! The canonical form of a broker: what of it can change what happens next.
//!
//! A place only orders messages against each other, so it is written as a rank; a moment as what remains of it; a count up
//! to the limit that asks for it.

use super::channels::Unacked;
use super::machine::Machine;
use super::queue::Status;
use super::settings::{Family, Settings};
use super::topology::Version;
use crate::model::broker::Room;
use crate::model::plan::QueueId;
use crate::model::records::NONE;
use crate::sim::Canon;
use crate::sim::oracle::mix;

impl Machine {
    /// Writes what it keeps of the room's queue; with the first one that stands, what all share.
    pub fn canon<F: Canon>(&self, settings: &Settings, form: &mut F, room: &Room<'_>) {
        let state = &self.queues[room.queue.at()];
        if self.all_standing().first() == Some(&room.queue) {
            self.canon_of_all(form, room);
        }
        form.puts([u64::from(state.stands), u64::from(self.down), u64::from(state.owner)]);
        form.puts([u64::from(state.blocks_publishers), u64::from(state.knows_publishers)]);
        let asks_for_use = settings.auto_delete && state.was_consumed;
        form.puts([u64::from(state.streak), u64::from(asks_for_use), state.bytes]);
        if settings.max_priority.is_some() && state.watched != NONE {
            form.puts(self.name(settings, state.watched, room));
        }
        if settings.expires.is_some() {
            form.put(room.now.since(state.last_used).nanos());
        }
        form.put(state.returns.len().into());
        for entry in state.returns.iter() {
            form.puts(self.name(settings, entry, room));
        }
        // Which of two priorities is due may depend on which message came first.
        let weighs = settings.family == Family::Quorum && settings.version == Version::V4_0;
        let place = |entry: u32| room.records.entries[entry].place;
        state.levels.canon(form, |form, entry| {
            form.puts(self.name(settings, entry, room));
            if weighs {
                form.put(state.levels.iter().filter(|&other| place(other) < place(entry)).count() as u64);
            }
        });
        form.list(state.retained.iter(), |form, &(entry, reason)| {
            form.puts(self.name(settings, entry, room));
            let taken = self.confirmed.iter().filter(|it| it.0 == entry);
            form.puts([reason as u64, taken.fold(0, |all, &(_, name)| all ^ mix(u64::from(name)))]);
        });
        form.put(state.active.map_or(0, |who| u64::from(state.consumers[who as usize].worker) + 1));
        let attached = state.attached();
        form.list(attached.iter(), |form, &who| {
            let it = &state.consumers[who as usize];
            let flags = u64::from(it.marked) | u64::from(it.status == Status::Quiescing) << 1;
            let flags = flags | u64::from(it.status == Status::Cancelled) << 2;
            let flags = flags | u64::from(it.channel == NONE) << 3;
            form.puts([u64::from(it.worker), u64::from(it.credit) << 4 | flags, u64::from(it.timed_out)]);
        });
        let worker = |who: u32| u64::from(state.consumers[who as usize].worker);
        state.turns.canon(form, worker);
        form.list(state.waiting.iter(), |form, &who| form.put(worker(who)));
    }

    fn canon_of_all<F: Canon>(&self, form: &mut F, room: &Room<'_>) {
        self.routes.canon(form);
        form.list(self.rejoin.iter(), |form, &worker| form.put(u64::from(worker)));
        for channel in &self.channels {
            form.put(u64::from(channel.open));
            form.list(channel.unacked.iter(), |form, unacked| self.canon_of_unacked(form, unacked, room));
        }
        form.list(self.haunted.iter(), |form, unacked| self.canon_of_unacked(form, unacked, room));
    }

    fn canon_of_unacked<F: Canon>(&self, form: &mut F, unacked: &Unacked, room: &Room<'_>) {
        let delivery = &room.records.deliveries[unacked.delivery];
        form.puts(room.records.name(unacked.delivery));
        if delivery.current {
            let room = Room { queue: unacked.queue, ..*room };
            form.puts(self.name(super::machine::settings(room.stage, room.queue), delivery.entry, &room));
        }
    }

    /// What a queue knows of a stored message: which it is, how many came before it, how often it failed, whether it is
    /// too old, and where it died.
    pub fn name(&self, settings: &Settings, entry: u32, room: &Room<'_>) -> [u64; 2] {
        let records = room.records;
        let record = &records.entries[entry];
        let mark = self.mark(entry);
        let cap = asks_for_counts(settings, room);
        let suspect = settings.family == Family::Classic
            && settings.version == Version::V4_3
            && record.place < self.queues[room.queue.at()].redelivered_to;
        let failed = if suspect { mark.failed.max(1) } else { mark.failed };
        let before = match settings.family {
            Family::Quorum if settings.version == Version::V4_0 => mark.acquired.min(cap).into(), // what its limit asks
            Family::Quorum => 0,
            Family::Classic => {
                let state = &self.queues[room.queue.at()];
                let held = self.current_of(room.queue).into_iter().map(|it| &records.deliveries[it]);
                let held = held.filter(|it| it.current).map(|it| it.entry);
                let stored = state.levels.iter().chain(held).chain(room.delayed());
                stored.filter(|&other| records.entries[other].place < record.place).count()
            }
        };
        let deaths = self.letters.get(record.message as usize).and_then(|it| it.as_deref());
        let deaths = deaths.map_or(0, |letter| {
            let one = |sum: u64, death: &super::Death| {
                sum.wrapping_mul(31).wrapping_add(u64::from(death.queue) << 2 | death.reason as u64) + 1
            };
            letter.deaths.iter().fold(0, one)
        });
        // A handler that failed may go by how often the message was delivered.
        let attempts = u64::from(record.attempts.min(room.stage.counted(room.queue)));
        let rest = deaths.wrapping_mul(1 << 16).wrapping_add(attempts);
        let rest = if rest == 0 { 0 } else { mix(rest) << 34 };
        let old = u64::from(mark.expired) << 33;
        [records.message_of(entry).name(), rest | old | u64::from(failed.min(cap)) << 20 | before as u64]
    }

    /// What a timer is about: a lease about its message, the others about their queue.
    pub fn timer_name(&self, settings: &Settings, timer: u8, payload: u32, room: &Room<'_>) -> [u64; 2] {
        match timer {
            super::LEASE => self.name(settings, room.records.deliveries[payload].entry, room),
            super::TTL | super::OWN_TTL => self.name(settings, payload, room),
            _ => [u64::from(timer), 0],
        }
    }
}

/// Up to which count anybody asks how often a message failed: its queue, or one that takes its dead letters.
fn asks_for_counts(settings: &Settings, room: &Room<'_>) -> u16 {
    let asks = |settings: &Settings| {
        let limit = settings.limit().map_or(0, |limit| limit.max(0) + 1);
        let backoffs = settings.delayed_retry.map_or(0, |retry| retry.max.nanos() / retry.min.nanos().max(1) + 1);
        limit.unsigned_abs().max(backoffs).min(1 << 12) as u16
    };
    let queues = (0..room.stage.plan.queues.len()).filter(|_| settings.dead_letter.is_some());
    let elsewhere = queues.map(|queue| asks(super::machine::settings(room.stage, QueueId(queue as u16))));
    elsewhere.fold(asks(settings), u16::max)
}
