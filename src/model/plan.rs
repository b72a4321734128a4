//! The plan: the resolved scenario. Immutable, shared, complete: every default filled in, every name an index.
//!
//! A plan knows no text, no file and no unit; whoever builds one (the reader of scenarios, or code) calls
//! [`Plan::check`] before a [`World`](super::World) is made of it. Everything named stands in the order of its names:
//! the numbering, the initial bookings and so the whole run do not depend on the order in which a file says things.

use std::fmt;

use super::broker::Settings;
use crate::sim::{Chance, Dist, KeyDraw, Source, Span, Time, oracle};

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);
        impl $name {
            /// As an index into the plan's list.
            pub const fn at(self) -> usize { self.0 as usize }
        }
    )*};
}
index! {
    /// The place of a producer in [`Plan::producers`].
    ProducerId,
    /// The place of a queue in [`Plan::queues`].
    QueueId,
    /// The place of a store in [`Plan::stores`].
    StoreId,
    /// The place of a consumer in [`Plan::consumers`].
    ConsumerId,
    /// The place of a link in [`Plan::links`].
    LinkId
}

/// The resolved scenario.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the scenario shows, in one line.
    pub title: String,
    /// What the scenario asks.
    pub question: String,
    /// The world that `run` takes where no other is asked for.
    pub seed: u64,
    /// How long producers produce and how long the rest may take.
    pub length: Length,
    /// By name.
    pub producers: Vec<Producer>,
    /// By name.
    pub queues: Vec<Queue>,
    /// By name.
    pub stores: Vec<Store>,
    /// By name.
    pub consumers: Vec<Consumer>,
    /// By name.
    pub faults: Vec<Fault>,
    /// By name. Where no link is said, a hop is direct.
    pub links: Vec<Link>,
}

/// How long a run is. Producers and random faults stop at the first of the two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Producers stop at this moment.
    pub span: Option<Span>,
    /// Producers stop when so many operations were produced in all.
    pub operations: Option<u32>,
    /// How long after that the rest may take before it counts as still stored.
    pub drain: Span,
}

/// Produces operations and publishes them.
#[derive(Clone, Debug)]
pub struct Producer {
    /// Its name in the scenario.
    pub name: String,
    /// Where it publishes.
    pub to: QueueId,
    /// When operations are produced. Arrivals never wait for anything.
    pub arrivals: Arrivals,
    /// Which key an operation gets.
    pub keys: KeyDraw,
    /// Operations that no handler can do.
    pub poison: Option<Poison>,
    /// What it does with an operation.
    pub publish: Publish,
}

/// When operations are produced.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// One every `gap`, the first after one gap.
    Constant {
        /// From one to the next.
        gap: Span,
    },
    /// Exponential gaps.
    Poisson {
        /// The mean gap.
        gap: Span,
    },
    /// Poisson while on, silent while off, on first.
    Bursty {
        /// The mean gap while on.
        gap: Span,
        /// How long each burst lasts.
        on: Span,
        /// How long each silence lasts.
        off: Span,
    },
    /// So many in the first instant.
    AtOnce {
        /// How many.
        count: u32,
    },
}

/// Operations that no handler can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poison {
    /// How many of the operations.
    pub fraction: Chance,
    /// What happens to a handler that tries.
    pub how: PoisonKind,
}

/// What a poison operation does to its handler, at its first step that is not an ack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoisonKind {
    /// The handler ends with an error.
    Errors,
    /// The handler never ends.
    Hangs,
    /// The process dies, with all its workers.
    Kills,
}

/// What a producer does with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    /// Publishes once and never looks back.
    FireAndForget,
    /// Publishes once and waits for the broker's confirm; without it in time, the outcome stays unknown.
    Confirm {
        /// How long it waits.
        timeout: Span,
    },
    /// Publishes again, under the same operation id, until a confirm comes or the attempts are used up. A retry after
    /// an unknown outcome may store a second copy.
    ConfirmAndRetry {
        /// How long it waits for each confirm.
        timeout: Span,
        /// How many publishes at the most.
        attempts: u16,
        /// How long it waits after a refusal or a timeout before it publishes again.
        backoff: Span,
    },
}

impl Publish {
    /// How long the producer waits for a confirm, if it does.
    pub fn timeout(self) -> Option<Span> {
        match self {
            Publish::FireAndForget => None,
            Publish::Confirm { timeout } | Publish::ConfirmAndRetry { timeout, .. } => Some(timeout),
        }
    }
}

/// A queue and the settings of its product.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its name in the scenario.
    pub name: String,
    /// What it is of, and how it is set.
    pub settings: Settings,
}

/// Something that effects are applied to.
#[derive(Clone, Debug)]
pub struct Store {
    /// Its name in the scenario.
    pub name: String,
    /// What kind.
    pub kind: StoreKind,
    /// How long each step on it takes.
    pub latency: Dist,
}

/// What a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Takes part in transactions; a second insert of a key waits for the first transaction, then conflicts.
    Database,
    /// Takes no part in transactions: an effect on it stands at once.
    External {
        /// How long it remembers the idempotency key of an operation; `None` where it takes none.
        idempotency: Option<Span>,
    },
    /// In the memory of the process: dies with it.
    Cache,
}

/// An application that consumes.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its name in the scenario.
    pub name: String,
    /// Which queue it reads.
    pub from: QueueId,
    /// Processes; each crashes alone, with all its workers.
    pub instances: u16,
    /// Handlers at a time in each process.
    pub workers: u16,
    /// Messages that a worker takes at a time, and handles one after the other.
    pub batch: u16,
    /// How often the leases of what a process holds are renewed.
    pub heartbeat: Option<Span>,
    /// What a handler does.
    pub steps: Vec<Step>,
    /// The named program that the steps were written for, if any.
    pub pattern: Option<&'static str>,
    /// What happens to a message whose handler ended with an error.
    pub on_error: OnError,
}

/// What happens to a message whose handler ended with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Given back, to be delivered again after a delay.
    Nack {
        /// How long it stays aside.
        delay: Span,
    },
    /// Left to its lease: it comes back when that expires.
    Leave,
}

/// One step of a handler: one event, at the end of its latency.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Computes for a while.
    Work(Dist),
    /// Asks the store whether this operation is marked; goes on to the ack if it is.
    Seen(StoreId),
    /// Applies the operation's change.
    Effect {
        /// To what.
        store: StoreId,
        /// Which effect of the plan: see [`Plan::effects`]. Filled in by [`Plan::check`].
        site: u8,
    },
    /// Marks the operation as done. In a transaction this inserts its key: a second insert waits for the
    /// first transaction, and conflicts with it once committed, which goes on to the ack.
    Mark(StoreId),
    /// Begins a transaction.
    Begin(StoreId),
    /// Commits it: its marks and effects stand from now on.
    Commit(StoreId),
    /// Settles the message. Takes no time.
    Ack,
}

impl Step {
    /// The word of the scenario language.
    pub fn word(&self) -> &'static str {
        match self {
            Step::Work(_) => "work",
            Step::Seen(_) => "seen?",
            Step::Effect { .. } => "effect",
            Step::Mark(_) => "mark",
            Step::Begin(_) => "begin",
            Step::Commit(_) => "commit",
            Step::Ack => "ack",
        }
    }
    /// The store that the step goes to.
    pub fn store(&self) -> Option<StoreId> {
        match *self {
            Step::Seen(s) | Step::Effect { store: s, .. } | Step::Mark(s) | Step::Begin(s) | Step::Commit(s) => Some(s),
            Step::Work(_) | Step::Ack => None,
        }
    }
}

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its name in the scenario.
    pub name: String,
    /// What happens, and to whom.
    pub kind: FaultKind,
    /// When it happens.
    pub when: When,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// A process dies with all its workers and comes back.
    Crash {
        /// Whose process.
        consumer: ConsumerId,
        /// How long it is down.
        restart_after: Span,
    },
    /// A process stands still; what comes due waits until it goes on.
    Pause {
        /// Whose process.
        consumer: ConsumerId,
        /// How long it stands still.
        lasts: Span,
    },
    /// The work of handlers takes longer for a while.
    Slow {
        /// Whose handlers.
        consumer: ConsumerId,
        /// How many times as long.
        factor: u32,
        /// How long from its start.
        lasts: Span,
    },
    /// A broker goes down and comes back, keeping or losing what its durability settings say.
    BrokerCrash {
        /// The queue that it holds.
        queue: QueueId,
        /// How long it is down.
        restart_after: Span,
    },
}

impl FaultKind {
    /// The consumer whose processes it befalls.
    pub fn consumer(&self) -> Option<ConsumerId> {
        match *self {
            FaultKind::Crash { consumer, .. }
            | FaultKind::Pause { consumer, .. }
            | FaultKind::Slow { consumer, .. } => Some(consumer),
            FaultKind::BrokerCrash { .. } => None,
        }
    }
}

/// When a fault happens.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Again and again with exponential gaps of this mean, on a timeline for each process; what falls into its
    /// down time is ignored.
    Every(Span),
    /// At these moments. To one process (counted from 0), or to all.
    At {
        /// The moments, in order.
        times: Vec<Time>,
        /// Which process.
        instance: Option<u16>,
    },
    /// With a likelihood each time a handler is at this step: at an even moment within its latency, before it acts.
    AtStep {
        /// The index in the consumer's steps.
        step: u8,
        /// How likely.
        chance: Chance,
    },
}

/// A hop that takes time: its packets are events.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its name in the scenario.
    pub name: String,
    /// Who calls.
    pub from: Party,
    /// Which queue answers.
    pub to: QueueId,
    /// How long a packet takes; packets of one direction never overtake each other.
    pub latency: Dist,
    /// How many of the requests (a publish, an ack) never arrive.
    pub lose_request: Chance,
    /// How many of the answers (a confirm) never arrive.
    pub lose_answer: Chance,
}

/// Who stands at the near end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// A producer.
    Producer(ProducerId),
    /// All processes of a consumer.
    Consumer(ConsumerId),
}

/// One process of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Whose process.
    pub consumer: ConsumerId,
    /// Its number among the consumer's processes, from 0.
    pub number: u16,
    /// Its first worker, in the numbering of the whole plan.
    pub first_worker: u32,
}

/// An effect of the plan: one `effect` step of one consumer. A second one on the same site is a duplicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectSite {
    /// Whose step.
    pub consumer: ConsumerId,
    /// On what.
    pub store: StoreId,
}

/// At most so many effect steps in a plan: the ledger keeps two bits of each for each operation.
pub const MAX_EFFECT_SITES: usize = 8;
/// At most so many workers in a plan.
pub const MAX_WORKERS: u32 = 1_000_000;

/// A plan that cannot be run, in words. What a scenario can get wrong is found by its reader, with line and column;
/// this speaks to those who build worlds by code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError(pub String);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PlanError {}

impl Plan {
    /// Checks what a world takes for granted, and numbers the effects.
    ///
    /// # Errors
    /// The first thing that a world could not run: a name out of order, an index out of range, a limit.
    pub fn check(mut self) -> Result<Plan, PlanError> {
        let fail = |text: String| Err(PlanError(text));
        fn sorted<T>(what: &str, list: &[T], name: impl Fn(&T) -> &str) -> Result<(), PlanError> {
            match list.windows(2).find(|two| name(&two[0]) >= name(&two[1])) {
                Some(two) => Err(PlanError(format!(
                    "{what} stand in the order of their names, each once: `{}` before `{}`",
                    name(&two[1]),
                    name(&two[0])
                ))),
                None => Ok(()),
            }
        }
        sorted("producers", &self.producers, |x| &x.name)?;
        sorted("queues", &self.queues, |x| &x.name)?;
        sorted("stores", &self.stores, |x| &x.name)?;
        sorted("consumers", &self.consumers, |x| &x.name)?;
        sorted("faults", &self.faults, |x| &x.name)?;
        sorted("links", &self.links, |x| &x.name)?;
        if self.length.span.is_none() && self.length.operations.is_none() {
            let endless = self.producers.iter().find(|p| !matches!(p.arrivals, Arrivals::AtOnce { .. }));
            if let Some(producer) = endless {
                return fail(format!("producer `{}` never stops: give the run a length", producer.name));
            }
        }
        let queues = self.queues.len();
        if let Some(p) = self.producers.iter().find(|p| p.to.at() >= queues) {
            return fail(format!("producer `{}` publishes to a queue that is not there", p.name));
        }
        for queue in &self.queues {
            if queue.settings.dead_letter_to().is_some_and(|to| to.at() >= queues) {
                return fail(format!("queue `{}` dead-letters to a queue that is not there", queue.name));
            }
        }
        let mut site = 0usize;
        for consumer in &mut self.consumers {
            let name = consumer.name.clone();
            if consumer.from.at() >= queues {
                return fail(format!("consumer `{name}` reads a queue that is not there"));
            }
            if consumer.instances == 0 || consumer.workers == 0 || consumer.batch == 0 {
                return fail(format!("consumer `{name}` needs at least one instance, worker and message at a time"));
            }
            if consumer.steps.is_empty() || consumer.steps.len() > 200 {
                return fail(format!("consumer `{name}` has {} steps; 1 to 200 it takes", consumer.steps.len()));
            }
            for step in &mut consumer.steps {
                if step.store().is_some_and(|store| store.at() >= self.stores.len()) {
                    return fail(format!("consumer `{name}` steps on a store that is not there"));
                }
                if let Step::Effect { site: number, .. } = step {
                    *number = site.min(255) as u8;
                    site += 1;
                }
            }
        }
        if site > MAX_EFFECT_SITES {
            return fail(format!("{site} effect steps; at most {MAX_EFFECT_SITES} are counted"));
        }
        if self.workers().count() > MAX_WORKERS as usize {
            return fail(format!("{} workers; at most {MAX_WORKERS} are run", self.workers().count()));
        }
        for fault in &self.faults {
            match fault.kind {
                FaultKind::BrokerCrash { queue, .. } if queue.at() >= queues => {
                    return fail(format!("fault `{}` befalls a queue that is not there", fault.name));
                }
                _ => {}
            }
            let Some(consumer) = fault.kind.consumer() else { continue };
            let Some(consumer) = self.consumers.get(consumer.at()) else {
                return fail(format!("fault `{}` befalls a consumer that is not there", fault.name));
            };
            if matches!(fault.when, When::AtStep { step, .. } if usize::from(step) >= consumer.steps.len()) {
                return fail(format!("fault `{}` is at a step that is not there", fault.name));
            }
        }
        Ok(self)
    }

    /// All processes, in the order of their consumers' names.
    pub fn instances(&self) -> impl Iterator<Item = Instance> + '_ {
        let mut first_worker = 0;
        self.consumers.iter().enumerate().flat_map(|(c, consumer)| {
            (0..consumer.instances).map(move |number| (ConsumerId(c as u16), number, u32::from(consumer.workers)))
        })
        .map(move |(consumer, number, workers)| {
            let instance = Instance { consumer, number, first_worker };
            first_worker += workers;
            instance
        })
    }

    /// The instance (numbered over the whole plan) of every worker.
    pub fn workers(&self) -> impl Iterator<Item = u32> + '_ {
        self.instances()
            .enumerate()
            .flat_map(|(i, instance)| (0..self.consumers[instance.consumer.at()].workers).map(move |_| i as u32))
    }

    /// Every effect step, by its site.
    pub fn effects(&self) -> Vec<EffectSite> {
        let of = |(c, consumer): (usize, &Consumer)| {
            let sites: Vec<EffectSite> = consumer
                .steps
                .iter()
                .filter_map(|step| match *step {
                    Step::Effect { store, .. } => Some(EffectSite { consumer: ConsumerId(c as u16), store }),
                    _ => None,
                })
                .collect();
            sites
        };
        self.consumers.iter().enumerate().flat_map(of).collect()
    }

    /// The name of a process: `capture-1`.
    pub fn instance_name(&self, instance: u32) -> String {
        match self.instances().nth(instance as usize) {
            Some(i) => format!("{}-{}", self.consumers[i.consumer.at()].name, i.number + 1),
            None => format!("instance {instance}"),
        }
    }

    /// The name of a worker: `capture-1/w3`; without the number where a process has one only.
    pub fn worker_name(&self, worker: u32) -> String {
        let Some(instance) = self.workers().nth(worker as usize) else { return format!("worker {worker}") };
        let Some(i) = self.instances().nth(instance as usize) else { return format!("worker {worker}") };
        let process = self.instance_name(instance);
        match self.consumers[i.consumer.at()].workers {
            1 => process,
            _ => format!("{process}/w{}", worker - i.first_worker + 1),
        }
    }

    /// The streams that a run of this plan draws from.
    pub(crate) fn sources(&self) -> (oracle::Sources, Vec<ProducerSources>, Vec<Vec<Source>>) {
        let mut sources = oracle::Sources::default();
        let producers = self
            .producers
            .iter()
            .map(|p| ProducerSources {
                arrivals: sources.add(&p.name, "arrivals"),
                keys: sources.add(&p.name, "keys"),
                fates: sources.add(&p.name, "fates"),
            })
            .collect();
        let faults = self
            .faults
            .iter()
            .map(|fault| {
                let processes = fault.kind.consumer().map_or(1, |c| self.consumers[c.at()].instances);
                (0..processes).map(|i| sources.add(&fault.name, &format!("timeline {i}"))).collect()
            })
            .collect();
        (sources, producers, faults)
    }
}

/// Where the draws of a producer come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProducerSources {
    pub arrivals: Source,
    pub keys: Source,
    pub fates: Source,
}
