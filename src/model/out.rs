//! What a machine may do: tell a fact, call another machine, book a timer, ask the oracle.
//!
//! A machine gets `Out` with its input and keeps nothing of it. The records and the agenda are shared by all machines of a
//! world; who watches, and what the oracle is, no machine can see.

use super::fact::{Fact, Watch};
use super::records::{NONE, Records};
use super::seat::Seat;
use super::stage::Stage;
use super::wire::{Call, Wires};
use crate::sim::{Address, Agenda, Dist, Lane, Oracle, Ring, Span, Time};

/// The verbs of a machine, and the records.
pub struct Out<'a, O, W> {
    /// The moment of this event.
    pub now: Time,
    pub(crate) stage: &'a Stage,
    pub(crate) agenda: &'a mut Agenda,
    pub(crate) records: &'a mut Records,
    pub(crate) calls: &'a mut Ring<Call>,
    pub(crate) wires: &'a mut Wires,
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
        self.watch.fact(self.now, &fact);
    }

    /// Calls another machine, within this event.
    #[inline]
    pub fn call(&mut self, call: Call) {
        self.calls.push(call);
    }

    /// Calls another machine if there is anything to call.
    #[inline]
    pub(crate) fn call_if(&mut self, call: Option<Call>) {
        if let Some(call) = call {
            self.calls.push(call);
        }
    }

    /// Books an event and gives its token.
    #[inline]
    pub fn book(&mut self, lane: Lane, after: Span, payload: u32) -> u32 {
        self.agenda.book(lane, self.now + after, payload)
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
            self.calls.push(call);
            return true;
        }
        let packets = 2 * wire + u32::from(direction == Direction::Answer);
        let departs = self.departs(packets, call.can_be_lost(), about);
        if departs {
            self.wires.0[packets as usize].push(call);
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
        let at = (self.now + span).max(self.agenda.last_at(lane).unwrap_or(Time::ZERO));
        self.agenda.book_fifo(lane, at, 0);
        true
    }
}
