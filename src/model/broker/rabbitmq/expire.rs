//! Age and length: which messages a queue gives up because they are too old or too many, and when it goes itself.
//!
//! A message expires only at the head; one that is held never does.

use super::letters::{Reason, envelope};
use super::machine::{Machine, after, settings};
use super::settings::{Family, Settings};
use super::topology::Version;
use super::{EXPIRES, TTL};
use crate::model::fact::Watch;
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::Message;
use crate::sim::{Oracle, Span, Time};

/// How often a quorum queue looks whether it is unused.
const TICK: Span = Span::from_secs(5);

impl Machine {
    /// Notes until when a message may live. A time to live of nothing ends after `least`. Says whether it is such.
    #[inline]
    pub(super) fn note_expiry<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        entry: u32,
        record: &Message,
        settings: &Settings,
        least: Span,
        out: &Out<'_, O, W>,
    ) -> bool {
        // Who died once lives on without an expiration of its own.
        let message = out.common.records.entries[entry].message;
        let died = self.letters.get(message as usize).is_some_and(Option::is_some);
        let own = envelope(record, out.stage).filter(|_| !died).and_then(|envelope| envelope.expiration);
        let own = own.map(Span::from_millis);
        let Some(ttl) = [own, settings.message_ttl].into_iter().flatten().min() else { return false };
        self.mark_mut(entry).expires = out.common.now + ttl.max(least);
        self.queues[queue.at()].has_ttl = true;
        ttl.is_zero()
    }

    /// What an old life left on a message counts here too.
    #[inline]
    pub(super) fn note_of_old(&mut self, entry: u32, message: u32) {
        let failed = self.letters.get(message as usize).and_then(|it| it.as_deref()).map_or(0, |it| it.failed);
        if failed > 0 {
            self.mark_mut(entry).failed = failed;
        }
    }

    /// Gives up the expired heads of a classic queue.
    #[inline]
    pub(super) fn expire_classic<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        if !self.queues[queue.at()].has_ttl {
            return;
        }
        let settings = settings(out.stage, queue);
        while let Some(head) = self.queues[queue.at()].head(settings) {
            if self.mark(head).expires > out.common.now {
                break;
            }
            self.take_ready(queue, settings, out);
            self.die(queue, head, Reason::Expired, out);
        }
        self.book_expiry(queue, out);
    }

    /// Dooms the expired heads of a quorum queue. Since 4.3 each priority has one, once the next message is expired.
    #[inline]
    pub(super) fn expire_quorum<O: Oracle, W: Watch>(&mut self, queue: QueueId, now: Time, out: &mut Out<'_, O, W>) {
        if !self.queues[queue.at()].has_ttl {
            return;
        }
        let settings = settings(out.stage, queue);
        while let Some(head) = self.queues[queue.at()].head(settings) {
            if self.mark(head).expires > now {
                break;
            }
            if settings.version == Version::V4_3 {
                self.expire_all_heads(queue, now, settings, out);
            } else if let Some(entry) = self.take_ready(queue, settings, out) {
                self.doom(entry, Reason::Expired, false);
            }
        }
    }

    fn expire_all_heads<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        now: Time,
        settings: &Settings,
        out: &mut Out<'_, O, W>,
    ) {
        while let Some(entry) = self.queues[queue.at()].returns.front().filter(|&it| self.mark(it).expires <= now) {
            self.queue(queue).returns.pop();
            self.gave_up(queue, entry, Reason::Expired, settings, out);
        }
        let levels: Vec<usize> = self.queues[queue.at()].levels.occupied().collect();
        for level in levels {
            let front = |machine: &Machine| machine.queues[queue.at()].levels.front(level);
            while let Some(entry) = front(self).filter(|&it| self.mark(it).expires <= now) {
                self.queue(queue).levels.pop(level);
                self.gave_up(queue, entry, Reason::Expired, settings, out);
            }
        }
    }

    /// What was ready will be given up.
    pub(super) fn gave_up<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        entry: u32,
        reason: Reason,
        settings: &Settings,
        out: &mut Out<'_, O, W>,
    ) {
        let record = *out.common.records.message_of(entry);
        self.count_bytes(queue, &record, settings, false, out);
        self.doom(entry, reason, false);
    }

    /// The time of a head has come.
    pub(super) fn head_expires<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        self.queue(queue).ttl_due = Time::NEVER;
        let settings = settings(out.stage, queue);
        match settings.family {
            Family::Classic => self.expire_classic(queue, out),
            Family::Quorum if settings.version == Version::V4_3 => {
                self.expire_all_heads(queue, out.common.now, settings, out);
                self.bury(queue, out);
                self.book_expiry(queue, out);
            }
            Family::Quorum => {
                // Each came by a command of its own, and goes by one.
                while let Some(head) = self.queues[queue.at()].head(settings) {
                    if self.mark(head).expires > out.common.now {
                        break;
                    }
                    self.take_ready(queue, settings, out);
                    self.doom(head, Reason::Expired, false);
                    self.bury(queue, out);
                }
                self.book_expiry(queue, out);
            }
        }
    }

    /// Books the moment at which the next head expires, or takes it back.
    pub(super) fn book_expiry<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        let state = &self.queues[queue.at()];
        if !state.has_ttl {
            return;
        }
        let settings = settings(out.stage, queue);
        let of = |entry: Option<u32>| entry.map_or(Time::NEVER, |entry| self.mark(entry).expires);
        let due = match (settings.family, settings.version) {
            (Family::Quorum, Version::V4_3) => {
                let levels = state.levels.occupied().map(|level| of(state.levels.front(level)));
                levels.min().unwrap_or(Time::NEVER).min(of(state.returns.front()))
            }
            _ => of(state.head(settings)),
        };
        if due != state.ttl_due {
            let lane = out.stage.timer_lane(queue, TTL);
            out.common.agenda.cancel(lane);
            if due < Time::NEVER {
                out.common.agenda.book_single(lane, due.max(out.common.now), 0);
            }
            self.queue(queue).ttl_due = due;
        }
    }

    /// Takes what is ready next.
    #[inline]
    pub(super) fn take_ready<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        settings: &Settings,
        out: &Out<'_, O, W>,
    ) -> Option<u32> {
        let entry = self.queues[queue.at()].take(settings)?;
        if settings.max_length_bytes.is_some() {
            let record = *out.common.records.message_of(entry);
            self.count_bytes(queue, &record, settings, false, out);
        }
        Some(entry)
    }

    /// Counts the bytes of what becomes ready, or is no longer.
    #[inline]
    pub(super) fn count_bytes<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        record: &Message,
        settings: &Settings,
        more: bool,
        out: &Out<'_, O, W>,
    ) {
        if settings.max_length_bytes.is_some() {
            let bytes = Self::bytes_of(record, settings, out);
            let state = self.queue(queue);
            state.bytes = if more { state.bytes + bytes } else { state.bytes - bytes };
        }
    }

    /// What a message counts for: its body, and since 4.3 on a quorum queue its properties too.
    pub(super) fn bytes_of<O: Oracle, W: Watch>(record: &Message, settings: &Settings, out: &Out<'_, O, W>) -> u64 {
        let both = settings.family == Family::Quorum && settings.version == Version::V4_3;
        let nothing_said = super::Envelope::default();
        let envelope = envelope(record, out.stage).unwrap_or(&nothing_said);
        u64::from(envelope.bytes) + if both { u64::from(envelope.property_bytes) } else { 0 }
    }

    /// Whether there is too much.
    #[inline]
    pub(super) fn is_over(&self, queue: QueueId, settings: &Settings) -> bool {
        let state = &self.queues[queue.at()];
        let count = u64::from(state.ready()) + state.retained.len() as u64;
        settings.max_length.is_some_and(|most| count > most)
            || settings.max_length_bytes.is_some_and(|most| state.bytes > most)
    }

    /// A queue was used: from now on it may be unused.
    pub(super) fn used<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        let settings = settings(out.stage, queue);
        let Some(expires) = settings.expires else { return };
        let now = out.common.now;
        self.queue(queue).last_used = now;
        let lane = out.stage.timer_lane(queue, EXPIRES);
        match settings.family {
            Family::Classic => {
                if self.queues[queue.at()].attached().is_empty() {
                    out.common.agenda.cancel(lane);
                    out.common.agenda.book_single(lane, after(now, Some(expires)), 0);
                }
            }
            Family::Quorum => {
                if !out.common.agenda.is_booked(lane) {
                    out.common.agenda.book_single(lane, now + TICK, 0);
                }
            }
        }
    }

    /// A queue looks whether it is unused.
    pub(super) fn may_be_unused<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        let settings = settings(out.stage, queue);
        let Some(expires) = settings.expires else { return };
        let now = out.common.now;
        let unused = self.queues[queue.at()].attached().is_empty();
        match settings.family {
            Family::Classic if unused => self.delete(queue, out),
            Family::Classic => {}
            Family::Quorum => {
                let got = self.holds_got(queue);
                if unused && !got && now > self.queues[queue.at()].last_used + expires {
                    self.delete(queue, out);
                } else {
                    out.common.agenda.book_single(out.stage.timer_lane(queue, EXPIRES), now + TICK, 0);
                }
            }
        }
    }

    /// Whether anybody holds what it got.
    pub(super) fn holds_got(&self, queue: QueueId) -> bool {
        let mut unacked = self.channels.iter().flat_map(|channel| &channel.unacked);
        unacked.any(|it| it.queue == queue && it.consumer == crate::model::records::NONE)
    }
}
