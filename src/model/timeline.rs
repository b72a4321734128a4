//! Timelines of faults: when a process or a broker is struck, whatever else happens.
//!
//! A timeline is absolute, one for each process; what falls into its down time is ignored, so two policies compared on one
//! seed are struck at the same moments. Random faults stop when producers should have stopped: at the length that the plan
//! gives, or with the last operation where it gives a number only. A moment that the plan names comes whatever happened.

use super::broker::{Input, Machine};
use super::consumer::Consumers;
use super::fact::Watch;
use super::out::Out;
use super::plan::{FaultKind, QueueId, When};
use crate::sim::{Dist, Oracle, Span, Time};

/// Books the first moment of every timeline.
pub(super) fn start<O: Oracle, W: Watch>(out: &mut Out<'_, O, W>) {
    for (fault, processes) in out.stage.timelines.iter().enumerate() {
        for process in 0..processes.len() {
            book_next(fault as u16, process as u16, 0, false, out);
        }
    }
}

/// Books moment `nth` of a timeline, if there is one. `all_produced`: there will be no further operation.
pub(super) fn book_next<O: Oracle, W: Watch>(
    fault: u16,
    process: u16,
    nth: u32,
    all_produced: bool,
    out: &mut Out<'_, O, W>,
) {
    let stage = out.stage;
    let at = match &stage.plan.faults[usize::from(fault)].when {
        When::Every(mean) => {
            let source = stage.timelines[usize::from(fault)][usize::from(process)];
            let bits = out.oracle.draw(source, u64::from(nth));
            let at = out.common.now + Dist::exponential(*mean).from_bits(bits);
            let is_over = stage.plan.length.span.map_or(all_produced, |span| at > Time::ZERO + span);
            (!is_over).then_some(at)
        }
        When::At { times, instance } if instance.is_none_or(|only| only == process) => times.get(nth as usize).copied(),
        When::At { .. } | When::AtStep { .. } => None,
    };
    if let Some(at) = at {
        out.common.agenda.book(stage.timeline_lane(fault, process), at.max(out.common.now), nth);
    }
}

/// A fault strikes: `process` counts among those of its consumer.
pub(super) fn strike<O: Oracle, W: Watch>(
    fault: u16,
    process: u16,
    brokers: &mut [Machine],
    consumers: &mut Consumers,
    out: &mut Out<'_, O, W>,
) {
    let kind = out.stage.plan.faults[usize::from(fault)].kind;
    let of_consumer = kind.consumer().and_then(|consumer| {
        out.stage.processes.iter().position(|p| p.consumer == consumer && p.number == process).map(|p| p as u32)
    });
    match (kind, of_consumer) {
        (FaultKind::Crash { restart_after, .. }, Some(process)) => consumers.crash(process, restart_after, out),
        (FaultKind::Pause { lasts, .. }, Some(process)) => consumers.pause(process, lasts, out),
        (FaultKind::Slow { factor, lasts, .. }, Some(process)) => consumers.slow(process, factor, lasts, out),
        (FaultKind::BrokerCrash { queue, restart_after }, _) => crash_broker(queue, restart_after, brokers, out),
        (FaultKind::Error { .. }, _) => unreachable!("an error befalls a step"),
        (_, None) => {}
    }
}

/// A broker dies and comes back after a while. A broker that is down already stays so.
pub(super) fn crash_broker<O: Oracle, W: Watch>(
    queue: QueueId,
    restart_after: Span,
    brokers: &mut [Machine],
    out: &mut Out<'_, O, W>,
) {
    let up = out.stage.broker_up_lane(queue);
    if !out.common.agenda.is_booked(up) {
        let at = &out.stage.queues[queue.at()];
        let handed_out = brokers[at.broker].handle(queue, &at.settings, || Input::Crash, out);
        debug_assert!(handed_out.is_none(), "a broker that dies hands nothing out");
        out.book(up, restart_after, 0);
    }
}
