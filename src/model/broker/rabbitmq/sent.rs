//! What was sent to whom, with all that a client would see: kept only where a script asks for it.
//!
//! No machine reads it.

use super::letters::{Letter, labels_of};
use super::machine::{Machine, settings, topology};
use super::settings::Family;
use super::topology::{Notice, Version};
use crate::model::broker;
use crate::model::fact::Watch;
use crate::model::out::Out;
use crate::model::plan::{ProducerId, QueueId};
use crate::model::records::NONE;
use crate::model::wire::Call;
use crate::sim::Oracle;

/// A delivery as its client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// To whom.
    pub worker: u32,
    /// The delivery tag.
    pub tag: u32,
    /// Which message.
    pub producer: ProducerId,
    /// From which queue.
    pub queue: QueueId,
    /// The flag.
    pub redelivered: bool,
    /// The header `x-delivery-count`.
    pub delivery_count: Option<u32>,
    /// The header `x-acquired-count`.
    pub acquired_count: Option<u32>,
    /// Through which exchange it came; none: the default exchange.
    pub exchange: Option<u16>,
    /// The routing key.
    pub key: String,
    /// How long it may live, if it still says so.
    pub expiration: Option<u64>,
    /// Its deaths.
    pub letter: Option<Letter>,
}

impl Machine {
    /// What was sent so far.
    pub(crate) fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// Notes a delivery.
    #[inline(never)]
    pub(super) fn note_sent<O: Oracle, W: Watch>(
        &mut self,
        (queue, entry, message): (QueueId, u32, u32),
        (worker, tag): (u32, u32),
        (is_get, from_queue): (bool, bool),
        out: &Out<'_, O, W>,
    ) {
        let stage = out.stage;
        let (settings, mark) = (settings(stage, queue), *self.mark(entry));
        let record = &out.common.records.entries[entry];
        let shown = u32::from(mark.shown());
        let (mut delivery_count, mut acquired_count) = (None, None);
        let redelivered = match settings.family {
            Family::Classic => {
                let failed_elsewhere = settings.version == Version::V4_3 && mark.failed > 0;
                let before_restart = record.place < self.queues[queue.at()].redelivered_to;
                // The record counts this delivery already.
                record.attempts > 1 || from_queue && (failed_elsewhere || before_restart)
            }
            Family::Quorum => {
                match settings.version {
                    Version::V3_10 => delivery_count = (is_get || mark.failed > 0).then_some(u32::from(mark.failed)),
                    Version::V4_0 => delivery_count = (shown > 0).then_some(shown),
                    Version::V4_3 => {
                        acquired_count = (shown > 0).then_some(shown);
                        delivery_count = (mark.failed > 0).then_some(u32::from(mark.failed));
                    }
                }
                shown > 0
            }
        };
        let record = &out.common.records.messages[message];
        let letter = self.letters.get(message as usize).and_then(|letter| letter.as_deref());
        let labels = labels_of(record, letter, stage);
        let expiration = match (letter, &stage.plan.producers[record.producer.at()].message) {
            (Some(_), _) => None, // who died once lives on without
            (None, Some(broker::Envelope::Rabbitmq(envelope))) => envelope.expiration,
            (None, _) => None,
        };
        self.sent.push(Sent {
            worker,
            tag,
            producer: record.producer,
            queue,
            redelivered,
            delivery_count,
            acquired_count,
            exchange: labels.exchange,
            key: labels.keys.first().cloned().unwrap_or_default(),
            expiration,
            letter: letter.cloned(),
        });
    }

    /// Answers a script.
    pub(super) fn answer<O: Oracle, W: Watch>(&self, notice: Notice, out: &mut Out<'_, O, W>) {
        debug_assert!(topology(out.stage).script, "only scripts are answered so");
        out.call(Call::Notice { worker: NONE, notice: broker::Notice::Rabbitmq(notice) });
    }
}
