//! The client of a RabbitMQ consumer, in the consumer's process: it consumes once, and acks or nacks by delivery tag.
//!
//! It keeps nothing. When its broker cancels a consumer or closes a channel, it opens and consumes again.

use crate::model::fact::Watch;
use crate::model::out::{Direction, Out};
use crate::model::plan::QueueId;
use crate::model::records::NONE;
use crate::model::wire::{Call, Settle, Settlement};
use crate::sim::{Address, Canon, Oracle};

/// The client of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Client;

impl Client {
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
        let about = Address { site: 0, fate: u64::from(worker) << 32 | u64::from(polls), copy: 0, run: 0 };
        out.send(wire, Direction::Request, Call::Receive { queue, worker }, about);
    }

    /// The handler says what became of a delivery. Gives the call where the hop is direct.
    #[inline(always)]
    pub fn settle<O: Oracle, W: Watch>(
        &mut self,
        delivery: u32,
        how: Settlement,
        wait: Option<u32>,
        wire: u32,
        out: &mut Out<'_, O, W>,
    ) -> Option<Settle> {
        let record = &out.common.records.deliveries[delivery];
        let (about, queue, worker) = (record.address(0), record.queue, record.worker);
        let call = Settle { queue, delivery, how, wait: wait.is_some() };
        if wire == NONE {
            return Some(call);
        }
        if !out.send(wire, Direction::Request, Call::Settle(call), about) {
            out.common.records.release(delivery);
            if let Some(polls) = wait {
                self.poll(queue, worker, polls, wire, out);
            }
        }
        None
    }

    /// A delivery has one deadline: nothing renews it.
    pub fn renew<O: Oracle, W: Watch>(&mut self, _: u32, _: u32, _: &mut Out<'_, O, W>) {}

    /// Writes what it keeps.
    pub fn canon(&self, _: &mut impl Canon) {}
}
