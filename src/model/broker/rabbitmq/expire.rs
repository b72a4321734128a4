//! Age and length: which messages a queue gives up because they are too old or too many, and when it goes itself.
//!
//! A message expires only at the head; one that is held never does.

use super::letters::{Reason, envelope};
use super::machine::{Machine, after, settings};
use super::settings::{Family, Settings};
use super::topology::Version;
use super::{EXPIRES, OWN_TTL, TTL};
use crate::model::fact::Watch;
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::{Message, NONE};
use crate::sim::{Oracle, Span};

/// How often a quorum queue looks whether it is unused.
const TICK: Span = Span::from_secs(5);

impl Machine {
    /// Books the end of a message's life, if it has one. Says whether it has no life at all.
    #[inline]
    pub(super) fn note_expiry<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        entry: u32,
        record: &Message,
        settings: &Settings,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        // Who died once lives on without an expiration of its own.
        let message = out.common.records.entries[entry].message;
        let died = self.letters.get(message as usize).is_some_and(Option::is_some);
        let own = envelope(record, out.stage).filter(|_| !died).and_then(|envelope| envelope.expiration);
        let own = own.map(Span::from_millis);
        let (lane, ttl) = match (own, settings.message_ttl) {
            (None, None) => return false,
            (Some(own), ttl) if ttl.is_none_or(|ttl| own < ttl) => (OWN_TTL, own),
            (_, ttl) => (TTL, ttl.unwrap_or(Span::ZERO)),
        };
        self.queues[queue.at()].may_expire = true;
        if ttl.is_zero() {
            return true;
        }
        let timer = out.book(out.stage.timer_lane(queue, lane), ttl, entry);
        self.mark_mut(entry).expires = timer;
        false
    }

    /// A life of nothing is over; who takes the message at once still gets it.
    #[inline]
    pub(super) fn mark_expired(&mut self, entry: u32, at_once: bool) {
        if at_once {
            self.mark_mut(entry).expired = true;
        }
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
        if !self.queues[queue.at()].may_expire {
            return;
        }
        let settings = settings(out.stage, queue);
        while let Some(head) =
            self.queues[queue.at()].head(settings, &out.common.records).filter(|&head| self.mark(head).expired)
        {
            self.take_ready(queue, settings, out);
            self.die(queue, head, Reason::Expired, out);
        }
        if settings.max_priority.is_some() {
            let head = self.queues[queue.at()].head(settings, &out.common.records);
            self.queue(queue).watched = head.unwrap_or(NONE);
        }
    }

    /// Dooms the expired heads of a quorum queue. Since 4.3 each priority has one, once the next message is expired.
    #[inline]
    pub(super) fn expire_quorum<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) {
        if !self.queues[queue.at()].may_expire {
            return;
        }
        let settings = settings(out.stage, queue);
        while let Some(head) =
            self.queues[queue.at()].head(settings, &out.common.records).filter(|&head| self.mark(head).expired)
        {
            if settings.version == Version::V4_3 {
                self.expire_all_heads(queue, settings, out);
            } else {
                self.take_ready(queue, settings, out);
                self.doom(head, Reason::Expired);
            }
        }
    }

    fn expire_all_heads<O: Oracle, W: Watch>(&mut self, queue: QueueId, settings: &Settings, out: &mut Out<'_, O, W>) {
        while let Some(entry) = self.queues[queue.at()].returns.front().filter(|&it| self.mark(it).expired) {
            self.queue(queue).returns.pop();
            self.gave_up(queue, entry, Reason::Expired, settings, out);
        }
        let levels: Vec<usize> = self.queues[queue.at()].levels.occupied().collect();
        for level in levels {
            let front = |machine: &Machine| machine.queues[queue.at()].levels.front(level);
            while let Some(entry) = front(self).filter(|&it| self.mark(it).expired) {
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
        self.doom(entry, reason);
    }

    /// A message is too old from now on, wherever it is; it goes when it is the head.
    pub(super) fn grows_old<O: Oracle, W: Watch>(&mut self, queue: QueueId, entry: u32, out: &mut Out<'_, O, W>) {
        let mark = self.mark_mut(entry);
        (mark.expires, mark.expired) = (NONE, true);
        if self.down {
            return;
        }
        let settings = settings(out.stage, queue);
        match settings.family {
            // With priorities it waits only for the end of what was the head when it last looked.
            Family::Classic if settings.max_priority.is_some() && self.queues[queue.at()].watched != entry => {}
            Family::Classic => self.expire_classic(queue, out),
            Family::Quorum => {
                let was_low = self.is_low(queue, settings);
                if settings.version == Version::V4_3 {
                    self.expire_all_heads(queue, settings, out);
                }
                self.checkout(queue, was_low, out);
            }
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
        let entry = self.queues[queue.at()].take(settings, &out.common.records)?;
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
        settings.max_length.is_some_and(|most| state.counted() > most)
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
        unacked.any(|it| it.queue == queue && it.consumer == NONE)
    }
}
