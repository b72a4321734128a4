//! The machine of a broker: all its queues, channels and routes; what it hears, and who takes it up.
//!
//! A queue's own rules are in `classic.rs` and `quorum.rs`. Everything that an input causes in its queue, deliveries among it,
//! happens while it is handled, as a queue's process handles one command; what another queue gets of it (a dead letter)
//! comes to it as a call.

use super::channels::{Channel, Unacked};
use super::letters::{Dying, Letter};
use super::publish::Desk;
use super::queue::{Mark, Queue, UNMARKED};
use super::routes::Routes;
use super::sent::Sent;
use super::settings::{CONSUMER_TIMEOUT, Family, Settings};
use super::topology::{Command, Subscription, Topology};
use super::{EXPIRES, LEASE, OWN_TTL, RETRY, TTL};
use crate::model::broker::{self, HandOut, Input};
use crate::model::fact::{Fact, Watch};
use crate::model::out::Out;
use crate::model::plan::QueueId;
use crate::model::records::{NONE, Records};
use crate::model::stage::Stage;
use crate::sim::{Event, Oracle, Span, Time, clone_by_field};

/// What changes in a broker.
#[derive(Debug)]
pub(crate) struct Machine {
    /// By queue of the plan; those of other brokers stand empty.
    pub(super) queues: Vec<Queue>,
    /// By name: the queue that stands under it.
    pub(super) standing: Vec<Option<QueueId>>,
    pub(super) routes: Routes,
    pub(super) channels: Vec<Channel>,
    /// What ghosts hold: consumers whose channel is gone and whom their queue still serves.
    pub(super) haunted: Vec<Unacked>,
    /// By worker: its slot among the consumers of its queue, or [`NONE`].
    pub(super) seats: Vec<u32>,
    /// By entry; shorter where nothing was noted yet.
    pub(super) marks: Vec<Mark>,
    /// By message; shorter where nothing was rewritten yet.
    pub(super) letters: Vec<Option<Box<Letter>>>,
    /// Dead letters of the command at hand.
    pub(super) dying: Vec<Dying>,
    /// Dead letters that are kept, by entry, and the names of queues that have taken them.
    pub(super) confirmed: Vec<(u32, u16)>,
    /// What came back in the command at hand and waits for its delay, with that.
    pub(super) delaying: Vec<(u32, Span)>,
    /// The first hand-out of this input, if nobody's call comes before it.
    pub(super) handed: Option<HandOut>,
    /// What was sent, where a script asks for it.
    pub(super) sent: Vec<Sent>,
    /// The delivery whose time ran out, while that is handled.
    pub(super) overdue: u32,
    /// Workers that will consume again when the broker is back.
    pub(super) rejoin: Vec<u32>,
    /// How long the client waits before it nacks, while that is handled.
    pub(super) delay: Span,
    /// How long a delivery may be held on channels that open from now on.
    pub(super) timeout: Span,
    pub(super) down: bool,
    pub(super) desk: Desk,
}

clone_by_field!(Machine {
    queues,
    standing,
    routes,
    channels,
    haunted,
    seats,
    marks,
    letters,
    dying,
    confirmed,
    delaying,
    handed,
    sent,
    overdue,
    rejoin,
    delay,
    timeout,
    down,
    desk
});

/// How a queue of this product is set.
#[inline]
pub(super) fn settings(stage: &Stage, queue: QueueId) -> &Settings {
    match stage.settings(queue) {
        broker::Settings::Rabbitmq(settings) => settings,
        _ => unreachable!("a queue of this broker"),
    }
}

/// How a worker asks for messages.
#[inline]
pub(super) fn subscription(stage: &Stage, worker: u32) -> Subscription {
    match stage.subscription(worker) {
        broker::Subscription::Rabbitmq(subscription) => *subscription,
        _ => unreachable!("a consumer of this broker subscribes in its words"),
    }
}

/// What stands around the queues.
#[inline]
pub(super) fn topology(stage: &Stage) -> &Topology {
    &stage.plan.topology.rabbitmq
}

/// The number of a queue's name.
pub(super) fn name_of(stage: &Stage, queue: QueueId) -> u16 {
    topology(stage).named.get(queue.at()).copied().unwrap_or(queue.0)
}

/// Which of two queues is done first with what one command asks of both: a classic one, for a quorum queue writes to its log
/// before it does anything; then by name.
pub(super) fn pace(stage: &Stage, queue: QueueId) -> (bool, u16) {
    (settings(stage, queue).family == Family::Quorum, name_of(stage, queue))
}

/// A queue's name as it is written.
pub(super) fn written(stage: &Stage, name: u16) -> &str {
    match topology(stage).names.get(usize::from(name)) {
        Some(written) => written,
        None => &stage.plan.queues[usize::from(name)].name,
    }
}

/// The number of a name, if any queue has it.
pub(super) fn number_of(stage: &Stage, text: &str) -> Option<u16> {
    let names = &topology(stage).names;
    let found = match names.is_empty() {
        true => stage.plan.queues.binary_search_by(|queue| queue.name.as_str().cmp(text)),
        false => names.binary_search_by(|name| name.as_str().cmp(text)),
    };
    found.ok().map(|number| number as u16)
}

impl Machine {
    /// The machine of a broker, with all that stands from the start.
    pub fn new(stage: &Stage, first: QueueId) -> Machine {
        let topology = topology(stage);
        let stands =
            |queue: QueueId| !topology.script && stage.queues[queue.at()].broker == stage.queues[first.at()].broker;
        let queues: Vec<Queue> = stage.plan.queue_ids().map(|queue| Queue::new(stands(queue))).collect();
        let names = if topology.names.is_empty() { queues.len() } else { topology.names.len() };
        let mut standing = vec![None; names];
        for queue in stage.plan.queue_ids().filter(|&queue| stands(queue)) {
            standing[usize::from(name_of(stage, queue))] = Some(queue);
        }
        let workers = stage.hands.len();
        let channel = |worker: usize| subscription(stage, worker as u32).channel.unwrap_or(worker as u32);
        let channels = (0..workers).map(channel).max().map_or(0, |most| most as usize + 1);
        Machine {
            queues,
            standing,
            routes: Routes::new(topology),
            channels: vec![Channel::default(); channels],
            haunted: Vec::new(),
            seats: vec![NONE; workers],
            marks: Vec::new(),
            letters: Vec::new(),
            dying: Vec::new(),
            confirmed: Vec::new(),
            delaying: Vec::new(),
            handed: None,
            sent: Vec::new(),
            overdue: NONE,
            rejoin: Vec::new(),
            delay: Span::ZERO,
            timeout: CONSUMER_TIMEOUT,
            down: false,
            desk: Desk::default(),
        }
    }

    /// A call or a timer, and then what was handed out first, if nobody's call comes before it.
    #[inline]
    pub fn input<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        settings: &Settings,
        input: Input,
        out: &mut Out<'_, O, W>,
    ) -> Option<HandOut> {
        if self.handle(queue, settings, input, out) { self.serve(queue, settings, out) } else { None }
    }

    /// Says whether something was handed out before any call.
    #[inline(always)]
    fn handle<O: Oracle, W: Watch>(
        &mut self,
        queue: QueueId,
        _: &Settings,
        input: Input,
        out: &mut Out<'_, O, W>,
    ) -> bool {
        match input {
            Input::Publish { message, pending } => self.publish(queue, message, pending, out),
            Input::Settle { delivery, how, wait: _ } => self.settle_one(queue, delivery, how, out),
            _ => self.rare(queue, input, out),
        }
        self.handed.is_some()
    }

    #[inline(never)]
    fn rare<O: Oracle, W: Watch>(&mut self, queue: QueueId, input: Input, out: &mut Out<'_, O, W>) {
        match input {
            Input::Publish { .. } | Input::Settle { .. } => {}
            Input::Move(moved) => self.take_dead_letter(queue, moved, out),
            Input::Redrive { .. } => unreachable!("`Plan::check` knows that nothing is redriven here"),
            Input::Receive { worker } => self.consume(queue, worker, out),
            // A delivery has one deadline.
            Input::Renew { delivery } => out.common.records.release(delivery),
            Input::Disconnect { first, workers } => {
                self.rejoin.retain(|worker| worker.wrapping_sub(first) >= workers);
                // They go together: what one of them held goes to none of the others.
                for worker in first..first + workers {
                    self.mute(queue, worker);
                }
                for worker in first..first + workers {
                    self.close(worker, out);
                }
            }
            Input::LeaseOver { delivery } => self.held_too_long(queue, delivery, out),
            Input::DelayOver { entry } => self.delay_over(queue, entry, out),
            Input::Timer { timer: TTL | OWN_TTL, payload } => self.grows_old(queue, payload, out),
            Input::Timer { timer: EXPIRES, .. } => self.may_be_unused(queue, out),
            Input::Timer { timer: RETRY, .. } => self.try_retained(queue, out),
            Input::Timer { timer: LEASE, payload } => self.held_too_long(queue, payload, out),
            Input::Timer { .. } => unreachable!("it has five timers"),
            Input::Crash => self.crash(out),
            Input::Restart => self.restart(out),
        }
    }

    /// What a script says.
    pub fn command<O: Oracle, W: Watch>(&mut self, _: QueueId, command: Command, out: &mut Out<'_, O, W>) -> bool {
        self.obey(command, out);
        self.handed.is_some()
    }

    /// Gives what was handed out first while the input was handled.
    #[inline(always)]
    pub fn serve<O: Oracle, W: Watch>(&mut self, _: QueueId, _: &Settings, _: &mut Out<'_, O, W>) -> Option<HandOut> {
        self.handed.take()
    }

    /// Whether a timer still stands: those of a queue are taken back when they change, those of a message are not.
    pub fn stands(&self, _: QueueId, timer: u8, event: &Event, records: &Records) -> bool {
        match timer {
            LEASE => records.lease_runs(event),
            TTL | OWN_TTL => self.mark(event.payload).expires == event.token(),
            _ => true,
        }
    }

    #[inline]
    pub(super) fn queue(&mut self, queue: QueueId) -> &mut Queue {
        &mut self.queues[queue.at()]
    }

    /// What is noted of an entry.
    #[inline]
    pub(super) fn mark(&self, entry: u32) -> &Mark {
        self.marks.get(entry as usize).unwrap_or(&UNMARKED)
    }

    /// Notes something of an entry.
    pub(super) fn mark_mut(&mut self, entry: u32) -> &mut Mark {
        let at = entry as usize;
        if at >= self.marks.len() {
            self.marks.resize(at + 1, UNMARKED);
        }
        &mut self.marks[at]
    }

    /// An entry's or a message's slot is somebody else's from now on.
    #[inline]
    pub(super) fn forget_entry(&mut self, entry: u32) {
        if let Some(mark) = self.marks.get_mut(entry as usize) {
            *mark = UNMARKED;
        }
        if !self.confirmed.is_empty() {
            self.confirmed.retain(|&(other, _)| other != entry);
        }
    }

    #[inline]
    pub(super) fn forget_message(&mut self, message: u32) {
        if let Some(letter) = self.letters.get_mut(message as usize) {
            *letter = None;
        }
    }

    /// All queues that stand, in the order of their names.
    pub(super) fn all_standing(&self) -> Vec<QueueId> {
        self.standing.iter().flatten().copied().collect()
    }

    /// The broker is down and answers nobody.
    pub(super) fn lose_publish<O: Oracle, W: Watch>(op: u32, copy: u16, queue: QueueId, out: &mut Out<'_, O, W>) {
        out.tell(Fact::PacketLost { op, copy, queue });
    }
}

/// A moment so much later; never, where there is no length.
pub(super) fn after(now: Time, span: Option<Span>) -> Time {
    span.map_or(Time::NEVER, |span| now + span)
}
