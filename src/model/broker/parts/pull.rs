//! The client that pulls, in the consumer's process: an idle worker asks for messages, and says what becomes of each.
//!
//! It keeps nothing: what a worker holds is chained through the deliveries. The consumer above it knows no product, the
//! broker below it no process.

use crate::model::fact::Watch;
use crate::model::out::{Direction, Out};
use crate::model::plan::QueueId;
use crate::model::wire::{Call, Settle, Settlement};
use crate::sim::oracle::attempt;
use crate::sim::{Address, Canon, Oracle};

/// The client of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pull;

impl Pull {
    /// An idle worker waits for messages. `polls`: how often it has.
    #[inline]
    pub fn poll<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        worker: u32,
        polls: u32,
        wire: u32,
        out: &mut Out<'_, O, W>,
    ) {
        let about = Address { site: 0, attempt: attempt(u64::from(worker) << 32 | u64::from(polls), 0) };
        out.send(wire, Direction::Request, Call::Receive { queue, worker }, about);
    }

    /// The handler says over a wire what became of a delivery that it lets go of; `wait`: its worker has nothing further and
    /// waits for the next (its count of polls). Where the request is lost on its wire, the wait is not: the client asks again.
    pub fn settle<O: Oracle, W: Watch>(
        &mut self,
        delivery: u32,
        how: Settlement,
        wait: Option<u32>,
        wire: u32,
        out: &mut Out<'_, O, W>,
    ) {
        let record = &out.common.records.deliveries[delivery];
        let (about, queue, worker) = (record.address(0), record.queue, record.worker);
        let call = Settle { queue, delivery, how, wait: wait.is_some() };
        if !out.send(wire, Direction::Request, Call::Settle(call), about) {
            out.common.records.release(delivery);
            if let Some(polls) = wait {
                self.poll(queue, worker, polls, wire, out);
            }
        }
    }

    /// The lease of a delivery is renewed.
    pub fn renew<O: Oracle, W: Watch>(&mut self, delivery: u32, wire: u32, out: &mut Out<'_, O, W>) {
        let record = &out.common.records.deliveries[delivery];
        let (about, queue) = (record.address(1), record.queue);
        out.common.records.hold(delivery);
        if !out.send(wire, Direction::Request, Call::Renew { queue, delivery }, about) {
            out.common.records.release(delivery);
        }
    }

    /// Writes what it keeps.
    pub fn canon(&self, _: &mut impl Canon) {}
}
