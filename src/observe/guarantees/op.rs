//! The memory of an operation: one word that all guarantees about operations share.
//!
//! It knows no time, no slot and no count beyond two, so that equal situations are equal words. Each field moves by
//! itself: what a field becomes depends on the fields that stand in the [mask](super::mask) of every guarantee that
//! reads it, and on nothing else. So whoever keeps only `word & mask` still judges right.
//!
//! A count that matters up to two takes two bits, *once* and *twice*; the second never stands without the first.

use std::hint::cold_path;

use crate::model::fact::{Cause, DropReason, Fact, Holder};
use crate::observe::roles::Roles;

/// What is remembered of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpState(u64);

/// How the last copy of an operation that is gone went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastCopy {
    /// None went so far.
    None,
    Acked,
    BrokerCrash,
    MaxDeliveries,
    Expired,
    TooMany,
    Unroutable,
    Removed,
    Swallowed,
}

// Where the fields begin: in the lower half what is asked of nearly every fact, for there a question is one instruction.
// The two bits of effect site `s` are 2s (once) and 2s + 1 (twice).
const DELIVERED_AT: u32 = 16;
const STARTED_AT: u32 = 18;
const STORED_AT: u32 = 20;
const DONE_AT: u32 = 22;
const KEYED_AT: u32 = 23;
const ALIVE_AT: u32 = 24;
const HANDS_AT: u32 = 28;
const DEAD_AT: u32 = 34;
const LAST_AT: u32 = 37;
const CAUSE_AT: u32 = 41;
const FOUND_AT: u32 = 45;
const STRAND_AT: u32 = 48;
/// A count of copies or hands that reached this stays there: such an operation is never found gone.
pub const FULL: u64 = 15;

impl OpState {
    pub(crate) const EFFECTS_ONCE: u64 = 0x5555;
    pub(crate) const EFFECTS: u64 = 0xffff;
    /// Delivered from its home queue.
    pub(crate) const DELIVERED_ONCE: u64 = 1 << DELIVERED_AT;
    pub(crate) const DELIVERED: u64 = 3 << DELIVERED_AT;
    /// Handler runs of deliveries from its home queue.
    pub(crate) const STARTED_ONCE: u64 = 1 << STARTED_AT;
    pub(crate) const STARTED: u64 = 3 << STARTED_AT;
    /// Copies that were stored.
    pub(crate) const STORED_ONCE: u64 = 1 << STORED_AT;
    pub(crate) const STORED: u64 = 3 << STORED_AT;
    /// Put aside from its home queue.
    pub(crate) const DEAD_ONCE: u64 = 1 << DEAD_AT;
    pub(crate) const DEAD: u64 = 3 << DEAD_AT;
    /// The second bit of every count.
    pub(crate) const TWICE: u64 = 0x2a_aaaa | 2 << DEAD_AT;
    /// Copies stored or on their way.
    pub(crate) const ALIVE: u64 = FULL << ALIVE_AT;
    /// Deliveries whose run may still come or still goes on.
    pub(crate) const HANDS: u64 = FULL << HANDS_AT;
    pub(crate) const CONFIRMED: u64 = 1 << 32;
    /// Its producer will not publish it again.
    pub(crate) const SETTLED: u64 = 1 << 33;
    /// Every effect of one consumer stands; of a consumer without effects: it acked.
    pub(crate) const DONE: u64 = 1 << DONE_AT;
    /// A handler found that it was done.
    pub(crate) const FOUND: u64 = 1 << FOUND_AT;
    /// A handler run of a delivery from another queue than its home.
    pub(crate) const STARTED_ELSEWHERE: u64 = 1 << 36;
    pub(crate) const LAST: u64 = 15 << LAST_AT;
    const CAUSE: u64 = 15 << CAUSE_AT;
    /// It shares its key with others.
    pub(crate) const KEYED: u64 = 1 << KEYED_AT;
    /// Its producer publishes it once and never hears of it.
    pub(crate) const FORGOTTEN: u64 = 1 << 46;
    /// Its messages may be routed to several queues, and none was stored in this one so far. With [`CONFIRMED`] besides it
    /// was routed elsewhere: this queue's readers are owed nothing.
    ///
    /// [`CONFIRMED`]: Self::CONFIRMED
    pub(crate) const UNROUTED: u64 = 1 << 47;
    /// Who produced it, and how; and whether it is one of this queue's. Part of every mask.
    pub(crate) const BORN: u64 = 0xffff << STRAND_AT | Self::KEYED | Self::FORGOTTEN | Self::UNROUTED;
    /// The word of a home that its producer does not have.
    pub(crate) const NOBODYS: OpState = OpState(Self::UNROUTED | Self::CONFIRMED | Self::SETTLED);

    /// The bit that says "took effect" on a site.
    pub(crate) const fn once_at(site: u8) -> u64 {
        1 << (2 * (site as u32 % 8))
    }

    /// An operation that was just produced; `fans_out`: it may be routed to other queues than this one.
    #[inline]
    pub fn produced(strand: u16, keyed: bool, forgotten: bool, fans_out: bool) -> OpState {
        let born = |yes, bit| if yes { bit } else { 0 };
        let how = born(keyed, Self::KEYED) | born(forgotten, Self::FORGOTTEN) | born(fans_out, Self::UNROUTED);
        OpState(u64::from(strand) << STRAND_AT | how)
    }

    /// Only what stands in `mask`.
    pub const fn masked(self, mask: u64) -> OpState {
        OpState(self.0 & mask)
    }

    /// As a plain word.
    pub const fn word(self) -> u64 {
        self.0
    }

    /// No bit at all: what is never counted.
    pub(crate) const NEVER: u64 = 0;

    // What it says.

    #[inline]
    pub(crate) fn has(self, bits: u64) -> bool {
        self.0 & bits == bits
    }
    #[inline]
    pub(crate) fn has_none(self, bits: u64) -> bool {
        self.0 & bits == 0
    }
    #[inline]
    pub(crate) fn strand(self) -> usize {
        (self.0 >> STRAND_AT) as usize
    }
    /// Whether it was routed elsewhere, and not here.
    #[inline]
    pub(crate) fn is_elsewhere(self) -> bool {
        self.has(Self::UNROUTED | Self::CONFIRMED)
    }
    #[inline]
    pub(crate) fn last_copy(self) -> LastCopy {
        match (self.0 & Self::LAST) >> LAST_AT {
            0 => LastCopy::None,
            1 => LastCopy::Acked,
            2 => LastCopy::BrokerCrash,
            3 => LastCopy::MaxDeliveries,
            4 => LastCopy::Expired,
            5 => LastCopy::TooMany,
            6 => LastCopy::Unroutable,
            7 => LastCopy::Removed,
            _ => LastCopy::Swallowed,
        }
    }
    /// Why it was delivered the last time that it was delivered again: 0 where it never was, otherwise one more than
    /// the place in [`CAUSES`](crate::observe::report::CAUSES).
    #[inline]
    pub(crate) fn cause(self) -> usize {
        ((self.0 & Self::CAUSE) >> CAUSE_AT) as usize
    }
    /// Whether something of it is stored, on its way or in a handler's hands.
    pub(crate) fn is_alive(self) -> bool {
        !self.has_none(Self::ALIVE | Self::HANDS)
    }

    // What becomes of it.

    #[inline]
    fn with(self, bits: u64) -> OpState {
        OpState(self.0 | bits)
    }
    #[inline]
    fn counted(self, at: u32) -> OpState {
        let once = 1 << at;
        OpState(self.0 | (self.0 & once) << 1 | once)
    }
    #[inline]
    fn up(self, at: u32) -> OpState {
        let after = self.0.wrapping_add(1 << at);
        if after & FULL << at == 0 {
            cold_path(); // it was full
            return self;
        }
        OpState(after)
    }
    #[inline]
    fn down(self, at: u32) -> OpState {
        // Zero where the count is not kept: see the mask. One more than zero is one, one more than full is zero.
        if self.0.wrapping_add(1 << at) & (FULL - 1) << at == 0 {
            cold_path();
            return self;
        }
        OpState(self.0 - (1 << at))
    }
    #[inline]
    fn last(self, how: u64) -> OpState {
        OpState(self.0 & !Self::LAST | how << LAST_AT).down(ALIVE_AT)
    }

    #[inline]
    pub(crate) fn published(self) -> OpState {
        self.up(ALIVE_AT).with(if self.has(Self::FORGOTTEN) { Self::SETTLED } else { 0 })
    }
    #[inline]
    pub(crate) fn stored(self) -> OpState {
        self.counted(STORED_AT)
    }
    /// A copy is routed here.
    pub(crate) fn routed(self) -> OpState {
        if self.has(Self::UNROUTED) { OpState(self.0 & !(Self::UNROUTED | Self::CONFIRMED)) } else { self }
    }
    /// A copy is not stored here, and others are elsewhere; `routed`: it would have been stored here.
    pub(crate) fn passed_by(self, routed: bool) -> OpState {
        let elsewhere = if !routed && self.has(Self::UNROUTED) { Self::CONFIRMED } else { 0 };
        self.with(elsewhere).not_stored()
    }
    /// A publish was refused or lost.
    #[inline]
    pub(crate) fn not_stored(self) -> OpState {
        self.down(ALIVE_AT)
    }
    #[inline]
    pub(crate) fn confirmed(self) -> OpState {
        self.with(Self::CONFIRMED | Self::SETTLED)
    }
    #[inline]
    pub(crate) fn gave_up(self) -> OpState {
        self.with(Self::SETTLED)
    }
    #[inline]
    pub(crate) fn delivered(self, at_home: bool, cause: Cause, holder: Holder) -> OpState {
        let counted = if at_home { self.counted(DELIVERED_AT) } else { self };
        let because = if cause == Cause::First { counted } else { counted.because(cause, holder) };
        because.up(HANDS_AT)
    }
    /// Whether no delivery of it from its home was ever made, and none from elsewhere has a run.
    #[inline]
    pub(crate) fn is_new_to_consumers(self) -> bool {
        self.has_none(Self::DELIVERED_ONCE | Self::HANDS)
    }
    /// The first delivery, from its home.
    #[inline]
    pub(crate) fn first_delivered(self) -> OpState {
        let after = self.with(Self::DELIVERED_ONCE | 1 << HANDS_AT);
        debug_assert_eq!(after, self.delivered(true, Cause::First, Holder::Nobody), "it is the first");
        after
    }
    /// It is delivered again, for this reason.
    #[inline(never)]
    fn because(self, cause: Cause, holder: Holder) -> OpState {
        let cause = match (cause, holder) {
            (Cause::First, _) | (Cause::Expired, Holder::Nobody) => return self,
            // Under a live handler a connection ends because one of its deliveries was held for too long.
            (Cause::Expired | Cause::Disconnected, Holder::Working) => 1,
            (Cause::Expired | Cause::Disconnected, Holder::Paused) => 2,
            (Cause::Expired, Holder::Crashed) | (Cause::Disconnected, Holder::Crashed | Holder::Nobody) => 3,
            (Cause::Nacked, _) => 4,
            (Cause::BrokerRestart, _) => 5,
            (Cause::ProducerCopy, _) => 6,
            (Cause::Expired | Cause::Disconnected, Holder::Done) => 7,
        };
        OpState(self.0 & !Self::CAUSE | cause << CAUSE_AT)
    }
    /// The first run, from its home.
    #[inline]
    pub(crate) fn first_started(self) -> OpState {
        let after = self.with(Self::STARTED_ONCE);
        debug_assert_eq!(after, self.started(true), "it is the first");
        after
    }
    #[inline]
    pub(crate) fn started(self, at_home: bool) -> OpState {
        if at_home { self.counted(STARTED_AT) } else { self.with(Self::STARTED_ELSEWHERE) }
    }
    /// `sites`: those of the consumer.
    #[inline]
    pub(crate) fn took_effect(self, site: u8, sites: u64) -> OpState {
        let after = self.counted(2 * (u32::from(site) % 8));
        after.with(if after.has(sites) { Self::DONE } else { 0 })
    }
    /// The same, where there is one site and it had no effect before.
    #[inline]
    pub(crate) fn took_only_effect(self, site: u8, sites: u64) -> OpState {
        let after = self.with(sites | Self::DONE);
        debug_assert_eq!(after, self.took_effect(site, sites), "it is the first, and the only one");
        after
    }
    #[inline]
    pub(crate) fn found_done(self) -> OpState {
        self.with(Self::FOUND)
    }
    /// A run ended, or a delivery that never had one is over.
    #[inline]
    pub(crate) fn let_go(self) -> OpState {
        self.down(HANDS_AT)
    }
    /// `sites`: those of the consumer.
    #[inline]
    pub(crate) fn acked(self, sites: u64) -> OpState {
        if self.has(Self::DONE) {
            return self.acked_when_done();
        }
        self.last(1).with(if sites == 0 { Self::DONE } else { 0 })
    }
    /// It is done already: how its copies go is asked no more.
    #[inline]
    pub(crate) fn acked_when_done(self) -> OpState {
        self.down(ALIVE_AT)
    }
    #[inline]
    pub(crate) fn dropped(self, why: DropReason) -> OpState {
        self.last(match why {
            DropReason::BrokerCrash => 2,
            DropReason::MaxDeliveries | DropReason::Rejected => 3,
            DropReason::Expired => 4,
            DropReason::MaxLength => 5,
            DropReason::Unroutable => 6,
            DropReason::QueueDeleted | DropReason::Purged => 7,
        })
    }
    /// A copy was taken for another message, `of` this operation (`own`) or another.
    #[inline]
    pub(crate) fn swallowed(self, own: bool) -> OpState {
        if own { self.not_stored() } else { self.last(8) }
    }
    #[inline]
    pub(crate) fn dead_lettered(self, at_home: bool) -> OpState {
        if at_home { self.counted(DEAD_AT) } else { self }
    }

    /// What becomes of it by a fact about it, after it was [produced](Self::produced). When a process crashes, or a delivery's slot is given out again, each
    /// delivery that waited there for its run is [`abandoned`](Self::abandoned) besides.
    pub fn next(self, roles: &Roles, fact: &Fact) -> OpState {
        let sites = |worker| roles.consumers[roles.consumer(worker)].sites;
        match *fact {
            Fact::Published { .. } => self.published(),
            Fact::Accepted { .. } => self.routed().stored(),
            Fact::PassedBy { routed, .. } => self.passed_by(routed),
            Fact::Refused { .. } | Fact::PacketLost { .. } => self.not_stored(),
            Fact::Confirmed { .. } => self.confirmed(),
            Fact::GaveUp { .. } => self.gave_up(),
            Fact::Delivered { queue, cause, holder, .. } => self.delivered(queue == roles.home(self), cause, holder),
            Fact::Started { held, .. } => self.started(roles.at_home(self, held.worker)),
            Fact::Effect { held, site, .. } => self.took_effect(site, sites(held.worker)),
            Fact::Stepped { skip: true, .. } | Fact::Suppressed { .. } => self.found_done(),
            Fact::Expired { holder: Holder::Nobody, .. } | Fact::Ended { .. } => self.let_go(),
            Fact::Swallowed { op, of, .. } => self.swallowed(op == of),
            Fact::Acked { held, .. } | Fact::AckedLate { held, .. } => self.acked(sites(held.worker)),
            Fact::DeadLettered { from, .. } => self.dead_lettered(from == roles.home(self)),
            Fact::Dropped { why, .. } => self.dropped(why),
            _ => self,
        }
    }

    /// A delivery that waited for its run will never have one.
    pub fn abandoned(self) -> OpState {
        self.let_go()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_fields_share_a_bit_and_the_second_bit_of_every_count_is_twice() {
        let counts = [OpState::DELIVERED, OpState::STARTED, OpState::STORED, OpState::DEAD];
        let seconds = counts.iter().fold(OpState::EFFECTS_ONCE << 1, |all, count| all | (count & (count << 1)));
        assert_eq!(OpState::TWICE, seconds);
        let others = [
            OpState::EFFECTS,
            OpState::DONE,
            OpState::KEYED,
            OpState::ALIVE,
            OpState::HANDS,
            OpState::CONFIRMED,
            OpState::SETTLED,
            OpState::STARTED_ELSEWHERE,
            OpState::LAST,
            OpState::CAUSE,
            OpState::FOUND,
            OpState::FORGOTTEN,
            OpState::UNROUTED,
            0xffff << STRAND_AT,
        ];
        let fields = counts.iter().chain(&others);
        assert_eq!(fields.clone().fold(0, |all, field| all | field), fields.sum::<u64>(), "a sum has no carry then");
    }
}
