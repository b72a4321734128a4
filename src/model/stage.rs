//! The stage: a checked plan with the numbers that its machines are addressed by.
//!
//! Which lane is whose, which wire joins whom, which streams are drawn from, and the site of every step. It is made once of
//! a plan, shared by all worlds of it, and never changes.

use super::broker::{Settings, Subscription};
use super::plan::{
    Consumer, ConsumerId, FaultKind, LinkId, Party, Plan, PlanError, ProducerId, ProducerSources, Queue, QueueId,
    Receives, Step, StoreId, StoreKind, When,
};
use super::records::NONE;
use crate::sim::oracle::{Seeded, Sources, site};
use crate::sim::{Chance, Dist, Lane, Source, Span};

/// Whose lane it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The continuation of a worker's program.
    Worker(u32),
    /// The arrivals of a producer.
    Arrivals(ProducerId),
    /// When a `fault` (its place in the plan) strikes a `process` (its number in its consumer; 0 for a broker).
    #[allow(missing_docs, reason = "said above")]
    Timeline { fault: u16, process: u16 },
    /// A crashed process comes back.
    Restart(u32),
    /// A paused one goes on.
    Resume(u32),
    /// A slowed one is fast again.
    Quicken(u32),
    /// A broker comes back.
    BrokerUp(QueueId),
    /// The leases of a queue.
    Leases(QueueId),
    /// Confirms that a producer waits for.
    Confirms(ProducerId),
    /// Publishes that a producer will try again.
    Retries(ProducerId),
    /// Renewals of leases by a process.
    Heartbeats(u32),
    /// Workers of a process that pause before they ask for messages again.
    Polls(u32),
    /// Idempotency keys that a store will forget.
    Keys(StoreId),
    /// Packets of a wire in one direction: requests of wire w are number 2w, answers 2w + 1.
    Packets(u32),
    /// Messages of a queue that wait for their delay.
    Delays(QueueId),
    /// An operator that moves dead letters back (its place in the plan).
    Redrive(u16),
    /// A timer that only queues of its product have (its number there).
    #[allow(missing_docs, reason = "said above")]
    Timer { queue: QueueId, timer: u8 },
}

impl Actor {
    /// Who it is, by the names of the plan.
    pub fn name(self, plan: &Plan) -> String {
        match self {
            Actor::Worker(worker) => plan.worker_name(worker),
            Actor::Arrivals(producer) | Actor::Confirms(producer) | Actor::Retries(producer) => {
                plan.producers[producer.at()].name.clone()
            }
            Actor::Timeline { fault, .. } => plan.faults[usize::from(fault)].name.clone(),
            Actor::Restart(process)
            | Actor::Resume(process)
            | Actor::Quicken(process)
            | Actor::Heartbeats(process)
            | Actor::Polls(process) => plan.instance_name(process),
            Actor::BrokerUp(queue) | Actor::Leases(queue) | Actor::Delays(queue) | Actor::Timer { queue, .. } => {
                plan.queues[queue.at()].name.clone()
            }
            Actor::Redrive(redrive) => plan.redrives[usize::from(redrive)].name.clone(),
            Actor::Keys(store) => plan.stores[store.at()].name.clone(),
            Actor::Packets(_) => "a packet".to_owned(),
        }
    }
}

/// A fault that may befall a handler at a step.
#[derive(Clone, Copy, Debug)]
pub struct StepFault {
    /// How likely.
    pub chance: Chance,
    /// Where the question stands whether it does.
    pub site: u64,
    /// Where the question stands at which moment.
    pub moment: u64,
    /// What it does.
    pub strikes: Strike,
}

/// What a fault does to a handler at a step.
#[derive(Clone, Copy, Debug)]
pub enum Strike {
    /// Its process dies.
    #[allow(missing_docs, reason = "how long it is down")]
    Crash { restart_after: Span },
    /// The step ends with an error that another try may not have.
    Error,
}

/// What is known of a process beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Whose.
    pub consumer: ConsumerId,
    /// Its number among its consumer's.
    pub number: u16,
    /// Its workers.
    pub first_worker: u32,
    /// How many.
    pub workers: u32,
    /// The wire to its broker, or `u32::MAX`: direct.
    pub wire: u32,
}

/// What is known of a worker beforehand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hand {
    /// Its process.
    pub process: u32,
    /// The wire to its broker, or [`NONE`]: direct.
    pub wire: u32,
    /// Whose.
    pub consumer: ConsumerId,
    /// What it reads.
    pub queue: QueueId,
    /// Messages that it takes at a time.
    pub batch: u16,
    /// Who asks for its messages: itself, or the first worker of its process for all of them.
    pub receiver: u32,
    /// Whether its process asks for all its workers.
    pub shares: bool,
    /// Whether it waits at an empty queue.
    pub waits: bool,
    /// Whether the leases of what it holds are renewed.
    pub renews: bool,
    /// Whether someone else decides what its handler does.
    pub foreign: bool,
}

/// What is known of a producer beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// What it draws from.
    pub streams: ProducerSources,
    /// The gaps between random arrivals.
    pub gap: Dist,
    /// Where it is asked of which kind an operation is.
    pub kind_site: u64,
    /// Where it is asked whether an operation is poison.
    pub poison_site: u64,
    /// The wire to its broker, or [`NONE`]: direct.
    pub wire: u32,
}

/// What is known of a queue beforehand.
#[derive(Clone, Debug)]
pub(crate) struct QueueAt {
    /// The place of its broker.
    pub broker: usize,
    /// How it is set.
    pub settings: Settings,
}

/// What is known of a step beforehand.
#[derive(Clone, Debug)]
pub(crate) struct StepAt {
    /// What it does.
    pub step: Step,
    /// How long it takes.
    pub takes: Dist,
    /// Where the question stands how long.
    pub site: u64,
    /// The faults that may befall there.
    pub faults: Vec<StepFault>,
    /// It takes no time, and no fault befalls there.
    pub passes: bool,
    /// It acks, and nothing follows; never of a foreign handler, which ends where it says.
    pub acks_and_ends: bool,
    /// It has its effect at once and every time: no transaction of its program is on that store, and the store takes no keys.
    pub is_plain: bool,
}

/// What is known beforehand of a wire in one direction.
#[derive(Clone, Debug)]
pub(crate) struct WireWay {
    /// The link that the plan has there.
    pub link: LinkId,
    /// How long a packet takes.
    pub latency: Dist,
    /// Where the question stands how long.
    pub latency_site: u64,
    /// How likely a packet is lost.
    pub lose: Chance,
    /// Where the question stands whether it is.
    pub loss_site: u64,
}

/// A checked plan and its numbers.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The plan.
    pub plan: Plan,
    actors: Vec<Actor>,
    /// How many single, fifo and loose lanes.
    pub(crate) lanes: [u32; 3],
    /// By producer.
    pub(crate) origins: Vec<Origin>,
    /// By fault and process.
    pub(crate) timelines: Vec<Vec<Source>>,
    pub(crate) sources: Sources,
    /// By process.
    pub(crate) processes: Vec<Process>,
    /// By consumer: how it asks for messages.
    subscriptions: Vec<Subscription>,
    /// By worker.
    pub(crate) hands: Vec<Hand>,
    /// By broker: its first queue.
    pub(crate) brokers: Vec<QueueId>,
    /// By queue.
    pub(crate) queues: Vec<QueueAt>,
    /// By queue: up to which the count of a message's deliveries matters to anybody.
    counted: Vec<u16>,
    /// By queue: the lanes of its timers.
    timers: Vec<Vec<Lane>>,
    /// Two for each wire, requests first.
    pub(crate) ways: Vec<WireWay>,
    /// By consumer: its program.
    pub(crate) programs: Vec<Vec<StepAt>>,
    first: First,
}

/// The first lane of each kind.
#[derive(Clone, Copy, Debug, Default)]
struct First {
    arrivals: u32,
    timelines: u32,
    restart: u32,
    resume: u32,
    quicken: u32,
    broker_up: u32,
    redrives: u32,
    leases: u32,
    confirms: u32,
    retries: u32,
    heartbeats: u32,
    polls: u32,
    keys: u32,
    packets: u32,
    delays: u32,
}

impl Stage {
    /// Checks the plan and numbers what is in it.
    ///
    /// # Errors
    /// What [`Plan::check`] finds.
    pub fn new(plan: Plan) -> Result<Stage, PlanError> {
        Ok(Stage::of(plan.check()?))
    }

    /// The same of a plan that is not checked: of brokers that are played by hand.
    pub(crate) fn of(plan: Plan) -> Stage {
        let (sources, streams, timelines) = plan.sources();
        let link_between = |from: Party| plan.links.iter().position(|link| link.from == from);
        let mut ways: Vec<WireWay> = Vec::new();
        let mut wire = |link: Option<usize>| match link {
            Some(link) => {
                ways.extend(both_ways(&plan, LinkId(link as u16)));
                ways.len() as u32 / 2 - 1
            }
            None => NONE,
        };
        let ids = |n: usize| (0..n as u16).map(ProducerId);
        let origins: Vec<Origin> = streams
            .into_iter()
            .zip(&plan.producers)
            .zip(0..)
            .map(|((streams, producer), number)| Origin {
                streams,
                gap: Dist::exponential(producer.arrivals.mean_gap()),
                kind_site: site(&[&producer.name, "kind"]),
                poison_site: site(&[&producer.name, "poison"]),
                wire: wire(link_between(Party::Producer(ProducerId(number)))),
            })
            .collect();
        let processes: Vec<Process> = plan
            .instances()
            .map(|i| Process {
                consumer: i.consumer,
                number: i.number,
                first_worker: i.first_worker,
                workers: u32::from(plan.consumers[i.consumer.at()].workers),
                wire: wire(link_between(Party::Consumer(i.consumer))),
            })
            .collect();

        let mut actors: Vec<Actor> = Vec::new();
        let mut add = |list: &mut dyn Iterator<Item = Actor>| {
            let first = actors.len() as u32;
            actors.extend(list);
            first
        };
        let all = 0..processes.len() as u32;
        let queues = 0..plan.queues.len() as u16;
        add(&mut (0..plan.workers().count() as u32).map(Actor::Worker));
        let arrivals = add(&mut ids(plan.producers.len()).map(Actor::Arrivals));
        let of_faults = add(&mut timelines.iter().enumerate().flat_map(|(fault, processes)| {
            (0..processes.len() as u16).map(move |process| Actor::Timeline { fault: fault as u16, process })
        }));
        let restart = add(&mut all.clone().map(Actor::Restart));
        let resume = add(&mut all.clone().map(Actor::Resume));
        let quicken = add(&mut all.clone().map(Actor::Quicken));
        let broker_up = add(&mut queues.clone().map(|q| Actor::BrokerUp(QueueId(q))));
        let redrives = add(&mut (0..plan.redrives.len() as u16).map(Actor::Redrive));
        let mut timers = vec![Vec::new(); plan.queues.len()];
        let single_timers = add(&mut timers_of(&plan, 0));
        let leases = add(&mut queues.clone().map(|q| Actor::Leases(QueueId(q))));
        let confirms = add(&mut ids(plan.producers.len()).map(Actor::Confirms));
        let retries = add(&mut ids(plan.producers.len()).map(Actor::Retries));
        let heartbeats = add(&mut all.clone().map(Actor::Heartbeats));
        let polls = add(&mut all.map(Actor::Polls));
        let keys = add(&mut (0..plan.stores.len() as u16).map(|s| Actor::Keys(StoreId(s))));
        let packets = add(&mut (0..ways.len() as u32).map(Actor::Packets));
        let fifo_timers = add(&mut timers_of(&plan, 1));
        let delays = add(&mut queues.map(|q| Actor::Delays(QueueId(q))));
        let loose_timers = add(&mut timers_of(&plan, 2));
        for first in [single_timers, fifo_timers, loose_timers] {
            for lane in first..actors.len() as u32 {
                let Actor::Timer { queue, .. } = actors[lane as usize] else { break };
                timers[queue.at()].push(Lane(lane));
            }
        }
        let lanes = [leases, delays - leases, actors.len() as u32 - delays];

        let asks = |of: &Consumer| {
            of.subscription.clone().unwrap_or_else(|| plan.queues[of.from.at()].settings.subscription())
        };
        let subscriptions: Vec<Subscription> = plan.consumers.iter().map(asks).collect();
        let hand = |(worker, process): (u32, u32)| {
            let Process { consumer, wire, first_worker, .. } = processes[process as usize];
            let of = &plan.consumers[consumer.at()];
            let (queue, settings) = (of.from, &plan.queues[of.from.at()].settings);
            let asks = &subscriptions[consumer.at()];
            let (batch, waits) = (asks.batch().unwrap_or(of.batch), asks.waits(settings));
            let (shares, renews, foreign) = (of.receives == Receives::Instance, of.heartbeat.is_some(), of.foreign);
            let receiver = if shares { first_worker } else { worker };
            Hand { process, wire, consumer, queue, batch, receiver, shares, waits, renews, foreign }
        };
        let hands = (0..).zip(plan.workers()).map(hand).collect();
        let (numbers, brokers) = brokers(&plan);
        let at = |(queue, broker): (&Queue, usize)| QueueAt { broker, settings: queue.settings.clone() };
        let queues = plan.queues.iter().zip(numbers).map(at).collect();
        let counted = plan.queue_ids().map(|queue| counted(&plan, queue)).collect();
        let programs = (0..plan.consumers.len()).map(|consumer| program(&plan, consumer)).collect();
        Stage {
            first: First {
                arrivals,
                timelines: of_faults,
                restart,
                resume,
                quicken,
                broker_up,
                redrives,
                leases,
                confirms,
                retries,
                heartbeats,
                polls,
                keys,
                packets,
                delays,
            },
            plan,
            brokers,
            queues,
            counted,
            timers,
            actors,
            lanes,
            origins,
            timelines,
            sources,
            processes,
            ways,
            subscriptions,
            hands,
            programs,
        }
    }

    /// The oracle of a run in the world of `seed`.
    pub fn oracle(&self, seed: u64) -> Seeded {
        Seeded::new(seed, &self.sources)
    }

    /// Whose lane it is.
    #[inline]
    pub fn actor(&self, lane: Lane) -> Actor {
        self.actors[lane.0 as usize]
    }

    /// Up to which the count of a message's deliveries matters to anybody: the broker, or a handler that failed.
    pub(crate) fn counted(&self, queue: QueueId) -> u16 {
        self.counted[queue.at()]
    }

    /// The lane of a queue's timer, by its number in the product.
    #[inline]
    pub(crate) fn timer_lane(&self, queue: QueueId, timer: u8) -> Lane {
        self.timers[queue.at()][usize::from(timer)]
    }

    /// The lane of one timeline.
    pub(crate) fn timeline_lane(&self, fault: u16, process: u16) -> Lane {
        let before: usize = self.timelines[..usize::from(fault)].iter().map(Vec::len).sum();
        Lane(self.first.timelines + before as u32 + u32::from(process))
    }

    /// The queue that a process reads.
    #[inline]
    pub(crate) fn queue_of(&self, process: &Process) -> QueueId {
        self.plan.consumers[process.consumer.at()].from
    }

    /// How a queue is set.
    pub(crate) fn settings(&self, queue: QueueId) -> &Settings {
        &self.plan.queues[queue.at()].settings
    }

    /// Every process, by number.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// The link that these packets travel on (see [`Actor::Packets`]).
    pub fn link_of(&self, packets: u32) -> LinkId {
        self.ways[packets as usize].link
    }

    /// What is known of a worker.
    #[inline]
    pub(crate) fn hand(&self, worker: u32) -> &Hand {
        &self.hands[worker as usize]
    }

    /// How a worker asks for messages.
    pub(crate) fn subscription(&self, worker: u32) -> &Subscription {
        &self.subscriptions[self.hand(worker).consumer.at()]
    }

    /// The consumer of a worker.
    pub fn consumer_of(&self, worker: u32) -> ConsumerId {
        self.hand(worker).consumer
    }
}

/// The lane of each actor.
macro_rules! lanes {
    ($($(#[$doc:meta])* $name:ident($of:ty) = $first:ident),* $(,)?) => {
        impl Stage {$(
            $(#[$doc])*
            #[inline]
            pub(crate) fn $name(&self, of: $of) -> Lane { Lane(self.first.$first + u32::from(of)) }
        )*}
    };
}
lanes! {
    arrivals_lane(ProducerId) = arrivals,
    restart_lane(u32) = restart,
    resume_lane(u32) = resume,
    quicken_lane(u32) = quicken,
    broker_up_lane(QueueId) = broker_up,
    redrive_lane(u16) = redrives,
    leases_lane(QueueId) = leases,
    confirms_lane(ProducerId) = confirms,
    retries_lane(ProducerId) = retries,
    heartbeats_lane(u32) = heartbeats,
    polls_lane(u32) = polls,
    keys_lane(StoreId) = keys,
    packets_lane(u32) = packets,
    delays_lane(QueueId) = delays,
}

/// A count may go on where dead letters go.
fn counted(plan: &Plan, queue: QueueId) -> u16 {
    let next = |queue: &QueueId| plan.queues[queue.at()].settings.dead_letter_to();
    let way = std::iter::successors(Some(queue), next).take(plan.queues.len());
    let here = |queue: QueueId| {
        let readers = plan.consumers.iter().filter(move |consumer| consumer.from == queue);
        let after = readers.filter_map(|consumer| consumer.on_error.after.map(|(from, _)| from));
        after.chain(plan.queues[queue.at()].settings.max_deliveries()).max().unwrap_or(0)
    };
    way.map(here).max().unwrap_or(0)
}

/// The timers of one kind (0: for one event, 1: of one length, 2: of any length) that queues of their products have.
fn timers_of(plan: &Plan, kind: usize) -> impl Iterator<Item = Actor> + '_ {
    plan.queue_ids().flat_map(move |queue| {
        let counts = plan.queues[queue.at()].settings.timers();
        let before: u8 = counts[..kind].iter().sum();
        (before..before + counts[kind]).map(move |timer| Actor::Timer { queue, timer })
    })
}

/// Which broker each queue belongs to, and the first queue of each.
fn brokers(plan: &Plan) -> (Vec<usize>, Vec<QueueId>) {
    let (mut machines, mut first) = (Vec::new(), Vec::<QueueId>::new());
    for (queue, id) in plan.queues.iter().zip(plan.queue_ids()) {
        let of = |id: QueueId| &plan.queues[id.at()].settings;
        let shared = queue.settings.broker().and_then(|number| {
            let same_broker = |other: &Settings| {
                other.broker() == Some(number)
                    && std::mem::discriminant(other) == std::mem::discriminant(&queue.settings)
            };
            first.iter().position(|&other| same_broker(of(other)))
        });
        machines.push(shared.unwrap_or(first.len()));
        if shared.is_none() {
            first.push(id);
        }
    }
    (machines, first)
}

fn both_ways(plan: &Plan, id: LinkId) -> [WireWay; 2] {
    let link = &plan.links[id.at()];
    [("request", link.lose_request), ("answer", link.lose_answer)].map(|(direction, lose)| WireWay {
        link: id,
        latency: link.latency.clone(),
        latency_site: site(&[&link.name, direction, "latency"]),
        lose,
        loss_site: site(&[&link.name, direction, "loss"]),
    })
}

fn program(plan: &Plan, consumer: usize) -> Vec<StepAt> {
    let of = &plan.consumers[consumer];
    let of_step = |(at, step): (usize, &Step)| {
        let takes = match (step, step.store()) {
            (Step::Work(takes), _) => takes.clone(),
            (_, Some(store)) => plan.stores[store.at()].latency.clone(),
            (_, None) => Dist::fixed(Span::ZERO),
        };
        let faults = faults_at(plan, consumer, at);
        StepAt {
            step: step.clone(),
            site: site(&[&of.name, &format!("{at} {}", step.word())]),
            passes: takes.constant() == Some(Span::ZERO) && faults.is_empty(),
            acks_and_ends: *step == Step::Ack && at + 1 == of.steps.len() && !of.foreign,
            is_plain: step.store().is_some_and(|store| {
                let takes_keys = matches!(plan.stores[store.at()].kind, StoreKind::External { idempotency: Some(_) });
                !takes_keys && !of.steps.contains(&Step::Begin(store))
            }),
            takes,
            faults,
        }
    };
    of.steps.iter().enumerate().map(of_step).collect()
}

fn faults_at(plan: &Plan, consumer: usize, at: usize) -> Vec<StepFault> {
    let here = |fault: &&super::plan::Fault| fault.kind.consumer() == Some(ConsumerId(consumer as u16));
    plan.faults
        .iter()
        .filter(here)
        .filter_map(|fault| {
            let strikes = match fault.kind {
                FaultKind::Crash { restart_after, .. } => Strike::Crash { restart_after },
                FaultKind::Error { .. } => Strike::Error,
                _ => return None,
            };
            let When::AtStep { step, chance } = fault.when else { return None };
            let name = format!("{at}");
            (usize::from(step) == at).then(|| StepFault {
                chance,
                site: site(&[&fault.name, &name]),
                moment: site(&[&fault.name, &name, "moment"]),
                strikes,
            })
        })
        .collect()
}
