//! What a machine may do: tell a fact, call another machine, book a timer, ask the oracle.
//!
//! A machine gets `Out` with its input and keeps nothing of it. The records and the agenda are shared by all machines of a
//! world; who watches, and what the oracle is, no machine can see.

use super::fact::{Fact, Watch};
use super::records::{NONE, Records};
use super::seat::Seat;
use super::stage::Stage;
use super::wire::{Call, Wires};
use crate::sim::{Address, Agenda, Dist, Lane, Oracle, Ring, Span, Time, clone_by_field};

/// What all machines of a world share.
#[derive(Debug)]
pub(crate) struct Common {
    /// The moment of this event, or of the last.
    pub now: Time,
    pub agenda: Agenda,
    pub records: Records,
    pub calls: Ring<Call>,
    pub wires: Wires,
}

clone_by_field!(Common { now, agenda, records, calls, wires });

/// The verbs of a machine, and what it shares.
pub struct Out<'a, O, W> {
    pub(crate) stage: &'a Stage,
    pub(crate) common: &'a mut Common,
    pub(crate) oracle: &'a mut O,
    pub(crate) watch: &'a mut W,
    pub(crate) seat: &'a mut dyn Seat,
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Answer,
}

impl<O: Oracle, W: Watch> Out<'_, O, W> {
    /// Tells a fact.
    #[inline(always)]
    pub fn tell(&mut self, fact: Fact) {
        self.watch.fact(self.common.now, &fact);
    }

    /// Calls another machine, within this event.
    #[inline]
    pub fn call(&mut self, call: Call) {
        self.common.calls.push(call);
    }

    /// Calls another machine if there is anything to call.
    #[inline]
    pub(crate) fn call_if(&mut self, call: Option<Call>) {
        if let Some(call) = call {
            self.common.calls.push(call);
        }
    }

    /// Books an event and gives its token.
    #[inline]
    pub fn book(&mut self, lane: Lane, after: Span, payload: u32) -> u32 {
        self.common.agenda.book(lane, self.common.now + after, payload)
    }

    /// Asks for a length of time.
    #[inline]
    pub fn span(&mut self, at: Address, of: &Dist) -> Span {
        match of.constant() {
            Some(span) => span,
            None => self.oracle.span(at, of),
        }
    }

    /// Sends a call over `wire`, or directly where it is [`NONE`]. `about` says where questions about this packet
    /// stand; `false` when it was lost.
    // The call goes to its place in the ring straight from registers: no copy of it may be made that is read at once.
    #[inline(always)]
    pub(crate) fn send(&mut self, wire: u32, direction: Direction, call: Call, about: Address) -> bool {
        if wire == NONE {
            self.common.calls.push(call);
            return true;
        }
        let packets = 2 * wire + u32::from(direction == Direction::Answer);
        let departs = self.departs(packets, call.can_be_lost(), about);
        if departs {
            self.common.wires.0[packets as usize].push(call);
        }
        departs
    }

    /// Books the arrival of a packet, unless it is lost.
    fn departs(&mut self, packets: u32, can_be_lost: bool, about: Address) -> bool {
        let way = &self.stage.ways[packets as usize];
        let is_lost = |oracle: &mut O| oracle.fault(Address { site: way.loss_site, ..about }, way.lose);
        if can_be_lost && !way.lose.is_never() && is_lost(self.oracle) {
            return false;
        }
        let span = self.span(Address { site: way.latency_site, ..about }, &way.latency);
        let lane = self.stage.packets_lane(packets);
        // A packet never overtakes the one before it.
        self.common.agenda.book_behind(lane, self.common.now + span, 0);
        true
    }
}
