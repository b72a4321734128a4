//! Whether a plan can be run, and the numbers of what is in it.

use std::collections::BTreeMap;
use std::fmt;

use super::{
    Arrivals, Consumer, ConsumerId, Fault, FaultKind, Instance, MAX_EFFECT_SITES, MAX_STEPS, MAX_STRANDS,
    MAX_TIMELINES, MAX_WORKERS, Plan, ProducerId, QueueId, Reaction, Step, StoreId, StoreKind, When,
};
use crate::sim::agenda::MAX_LANES;
use crate::sim::{Source, Span, oracle};

/// A plan that cannot be run: what of it, why, and what to do. It speaks to those who build worlds by code; the reader of
/// scenarios, which knows where everything was written, finds the line for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// What of the plan.
    pub about: About,
    /// What is wrong.
    pub what: String,
    /// What was expected, or would mend it.
    pub mend: String,
}

/// What of a plan an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// No part of it.
    Plan,
    /// A producer.
    Producer(ProducerId),
    /// Where the dead letters of a queue go.
    DeadLetters(QueueId),
    /// A consumer.
    Consumer(ConsumerId),
    /// A step of a consumer, by its place in the program.
    Step(ConsumerId, usize),
    /// A fault, by its place in the plan.
    Fault(usize),
    /// A redrive, by its place in the plan.
    Redrive(usize),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.mend)
    }
}

impl std::error::Error for PlanError {}

// Whatever fits these limits has a lane for each thing that can be pending: a worker, what can happen to a process, a
// timeline, and a few for each producer, queue, store and link.
const _: () = assert!(6 * MAX_WORKERS + MAX_TIMELINES + 9 * (1 << 16) < MAX_LANES);

/// Errors, one after the other.
#[derive(Default)]
struct Refusals(Vec<PlanError>);

impl Refusals {
    fn add(&mut self, about: About, what: String, mend: impl Into<String>) {
        self.0.push(PlanError { about, what, mend: mend.into() });
    }

    /// Reports names that do not stand in their order.
    fn sorted<T>(&mut self, what: &str, list: &[T], name: impl Fn(&T) -> &str) {
        if let Some(two) = list.windows(2).find(|two| name(&two[0]) >= name(&two[1])) {
            let what = format!("{what} `{}` and `{}` stand in this order", name(&two[0]), name(&two[1]));
            self.add(About::Plan, what, "sort them by their names, each once");
        }
    }
}

/// A fault strikes so often at most: in a run of a minute 60 million times.
const SHORTEST_GAP: Span = Span::from_micros(1);

/// Which effect a step is: by which queue's readers, on which store, and how many steps of the program had one there before.
/// Consumers that share a queue share its messages, so what one of them does again is the same effect.
fn effect_at(consumer: &Consumer, at: usize) -> Option<(QueueId, StoreId, usize)> {
    let Step::Effect { store, .. } = consumer.steps[at] else { return None };
    let same = |step: &&Step| matches!(step, Step::Effect { store: other, .. } if *other == store);
    Some((consumer.from, store, consumer.steps[..at].iter().filter(same).count()))
}

impl Plan {
    /// Checks what a world takes for granted, and numbers the effects.
    ///
    /// # Errors
    /// The first thing that a world could not run: a name out of order, an index out of range, a limit.
    pub fn check(self) -> Result<Plan, PlanError> {
        match self.refusals().into_iter().next() {
            Some(first) => Err(first),
            None => Ok(self.numbered()),
        }
    }

    /// Everything that a world could not run.
    pub(crate) fn refusals(&self) -> Vec<PlanError> {
        let mut all = Refusals::default();
        all.sorted("producers", &self.producers, |x| &x.name);
        all.sorted("queues", &self.queues, |x| &x.name);
        all.sorted("stores", &self.stores, |x| &x.name);
        all.sorted("consumers", &self.consumers, |x| &x.name);
        all.sorted("faults", &self.faults, |x| &x.name);
        all.sorted("links", &self.links, |x| &x.name);
        all.sorted("redrives", &self.redrives, |x| &x.name);
        self.check_producers(&mut all);
        self.check_consumers(&mut all);
        self.check_faults(&mut all);
        self.check_dead_letters(&mut all);
        self.check_redrives(&mut all);
        self.check_keys(&mut all);
        all.0
    }

    /// The plan with the sites of its effects and the homes of its operations.
    pub(crate) fn numbered(mut self) -> Plan {
        for producer in &mut self.producers {
            if producer.homes.is_empty() {
                producer.homes.push(producer.to);
            }
            producer.homes.sort_unstable();
            producer.homes.dedup();
        }
        let sites = self.sites();
        for consumer in &mut self.consumers {
            for at in 0..consumer.steps.len() {
                let number = effect_at(consumer, at).and_then(|of| sites.iter().position(|&other| other == of));
                if let (Some(number), Step::Effect { site, .. }) = (number, &mut consumer.steps[at]) {
                    *site = number as u8;
                }
            }
        }
        self
    }

    /// Every effect that an operation can have.
    fn sites(&self) -> Vec<(QueueId, StoreId, usize)> {
        let mut sites = Vec::new();
        for consumer in &self.consumers {
            for of in (0..consumer.steps.len()).filter_map(|at| effect_at(consumer, at)) {
                if !sites.contains(&of) {
                    sites.push(of);
                }
            }
        }
        sites
    }

    fn check_producers(&self, all: &mut Refusals) {
        let endless = self.length.span.is_none() && self.length.operations.is_none();
        for (producer, id) in self.producers.iter().zip((0..).map(ProducerId)) {
            let (name, about) = (&producer.name, About::Producer(id));
            if endless && !matches!(producer.arrivals, Arrivals::AtOnce { .. }) {
                all.add(about, format!("producer `{name}` never stops"), "give the run a length");
            }
            match self.queues.get(producer.to.at()).map(|queue| queue.settings.takes(producer.message.as_ref())) {
                None => {
                    all.add(about, format!("producer `{name}` publishes to a queue that is not there"), "add the queue")
                }
                Some(Err(why)) => all.add(
                    about,
                    format!("queue `{}` refuses messages of `{name}`", self.queues[producer.to.at()].name),
                    why,
                ),
                Some(Ok(())) => {}
            }
            if producer.homes.iter().any(|home| home.at() >= self.queues.len()) {
                all.add(
                    about,
                    format!("producer `{name}` may be routed to a queue that is not there"),
                    "add the queue",
                );
            }
            let never = match producer.arrivals {
                Arrivals::AtOnce { .. } => false,
                Arrivals::Bursty { gap, on, .. } => gap.is_zero() || on.is_zero(),
                Arrivals::Constant { gap } | Arrivals::Poisson { gap } => gap.is_zero(),
            };
            if never {
                let what = format!("producer `{name}` has no time between operations, or in its bursts");
                all.add(about, what, "expected a gap, and bursts that last");
            }
        }
    }

    fn check_consumers(&self, all: &mut Refusals) {
        for (consumer, id) in self.consumers.iter().zip(self.consumer_ids()) {
            let (name, about) = (&consumer.name, About::Consumer(id));
            if consumer.from.at() >= self.queues.len() {
                all.add(about, format!("consumer `{name}` reads a queue that is not there"), "add the queue");
            } else if consumer
                .subscription
                .as_ref()
                .is_some_and(|asks| !asks.fits(&self.queues[consumer.from.at()].settings))
            {
                let what = format!("consumer `{name}` asks in the words of another product than its queue's");
                all.add(about, what, "ask in the words of the queue's product");
            }
            if consumer.instances == 0 || consumer.workers == 0 || consumer.batch == 0 {
                let what = format!("consumer `{name}` has no instance, no worker, or takes no message");
                all.add(about, what, "expected at least one of each");
            }
            let settings = self.queues.get(consumer.from.at()).map(|queue| &queue.settings);
            let rejects = consumer.on_error.reactions().any(|reaction| reaction == Reaction::Reject);
            if let Some(settings) = settings.filter(|settings| rejects && !settings.rejects()) {
                let what = format!("consumer `{name}` rejects, and {} has no reject", settings.product().name);
                let mend = "expected \"nack\", \"leave\" or \"ack\", with a cap on deliveries that puts messages aside";
                all.add(about, what, mend);
            }
            let idle = consumer.heartbeat.and(settings).and_then(|settings| settings.takes_no_heartbeats());
            if let Some(mend) = idle {
                all.add(about, format!("heartbeats of consumer `{name}` would change nothing"), mend);
            }
            let steps = consumer.steps.len();
            if !(1..=MAX_STEPS).contains(&steps) {
                all.add(about, format!("consumer `{name}` has {steps} steps"), format!("expected 1 to {MAX_STEPS}"));
            }
            for (at, step) in consumer.steps.iter().enumerate() {
                if step.store().is_some_and(|store| store.at() >= self.stores.len()) {
                    let what = format!("consumer `{name}` steps on a store that is not there");
                    all.add(About::Step(id, at), what, "add the store");
                }
            }
        }
        let strands: usize = self.producers.iter().map(|producer| producer.homes.len().max(1)).sum();
        if strands > MAX_STRANDS {
            let what = format!("{strands} pairs of a producer and a queue that it may be routed to");
            all.add(About::Plan, what, format!("at most {MAX_STRANDS} are judged"));
        }
        let effects = self.effects().len();
        if effects > MAX_EFFECT_SITES {
            all.add(About::Plan, format!("{effects} effect steps"), format!("at most {MAX_EFFECT_SITES} are counted"));
        }
        let workers: u64 = self.consumers.iter().map(|c| u64::from(c.instances) * u64::from(c.workers)).sum();
        if workers > u64::from(MAX_WORKERS) {
            all.add(About::Plan, format!("{workers} workers"), format!("at most {MAX_WORKERS} are run"));
        }
    }

    fn check_faults(&self, all: &mut Refusals) {
        let (mut timelines, most) = (0u64, u64::from(MAX_TIMELINES));
        for (at, fault) in self.faults.iter().enumerate() {
            let (name, about) = (&fault.name, About::Fault(at));
            match (fault.kind, fault.kind.consumer().map(|consumer| self.consumers.get(consumer.at()))) {
                (FaultKind::BrokerCrash { queue, .. }, _) if queue.at() >= self.queues.len() => {
                    all.add(about, format!("fault `{name}` befalls a queue that is not there"), "add the queue");
                }
                (_, Some(None)) => {
                    all.add(about, format!("fault `{name}` befalls a consumer that is not there"), "add the consumer");
                }
                (FaultKind::Error { .. }, Some(Some(_))) if !matches!(fault.when, When::AtStep { .. }) => {
                    all.add(about, format!("fault `{name}` is an error of no step"), "give it at_step and chance");
                }
                (_, Some(Some(consumer))) => {
                    let steps = consumer.steps.len();
                    if matches!(fault.when, When::AtStep { step, .. } if usize::from(step) >= steps) {
                        let mend = format!("consumer `{}` has {steps} steps", consumer.name);
                        all.add(about, format!("fault `{name}` is at a step that is not there"), mend);
                    }
                }
                (_, None) => {}
            }
            if matches!(fault.when, When::Every(gap) if gap < SHORTEST_GAP) {
                all.add(
                    about,
                    format!("fault `{name}` strikes without a pause"),
                    format!("every {SHORTEST_GAP} or more"),
                );
            }
            let before = timelines;
            timelines += u64::from(self.timelines(fault));
            if before <= most && timelines > most {
                let mend = format!("at most {most}: one for each process that a fault may befall");
                all.add(about, format!("{timelines} timelines of faults up to here"), mend);
            }
        }
    }

    /// Reports dead letters that go nowhere, and those that come back: each circle once, at its first queue.
    fn check_redrives(&self, all: &mut Refusals) {
        for (at, redrive) in self.redrives.iter().enumerate() {
            let (name, about) = (&redrive.name, About::Redrive(at));
            match [redrive.from, redrive.to].map(|queue| self.queues.get(queue.at())) {
                [Some(from), Some(to)] => {
                    if let Err(mend) = from.settings.puts_aside_in(&to.settings) {
                        all.add(about, format!("redrive `{name}` goes to a queue of another kind"), mend);
                    }
                    if !from.settings.redrives() {
                        let what = format!("redrive `{name}`: {} moves nothing back", from.settings.product().name);
                        all.add(about, what, "expected a producer that sends the operations again");
                    }
                    if redrive.from == redrive.to {
                        all.add(about, format!("redrive `{name}` goes nowhere"), "expected two queues");
                    }
                }
                _ => all.add(about, format!("redrive `{name}` is of a queue that is not there"), "add the queue"),
            }
        }
    }

    fn check_dead_letters(&self, all: &mut Refusals) {
        let name = |queue: QueueId| &self.queues[queue.at()].name;
        let next = |queue: QueueId| self.queues.get(queue.at()).and_then(|queue| queue.settings.dead_letter_to());
        for start in self.queue_ids() {
            if next(start).is_some_and(|to| to.at() >= self.queues.len()) {
                let what = format!("queue `{}` dead-letters to a queue that is not there", name(start));
                all.add(About::DeadLetters(start), what, "add the queue");
            }
            let target = next(start).and_then(|to| self.queues.get(to.at()));
            if let Some(Err(mend)) = target.map(|to| self.queues[start.at()].settings.puts_aside_in(&to.settings)) {
                let what = format!("queue `{}` dead-letters to a queue of another kind", name(start));
                all.add(About::DeadLetters(start), what, mend);
            }
            // The way may lead into a circle without its start, and go on for ever there.
            let way = std::iter::successors(next(start), |&queue| next(queue)).take(self.queues.len());
            let others: Vec<QueueId> = way.take_while(|&queue| queue != start).collect();
            let last = others.last().copied().unwrap_or(start);
            let ends = self.queues[start.at()].settings.ends_circles();
            if !ends && next(last) == Some(start) && others.iter().all(|&other| other > start) {
                let mend = match last == start {
                    true => "expected another queue; they would never end".into(),
                    false => format!("expected another queue, here or in `{}`; they would never end", name(last)),
                };
                all.add(About::DeadLetters(start), format!("dead letters of `{}` come back to it", name(start)), mend);
            }
        }
    }

    /// Reports further effect steps on a store with idempotency keys: a key names the operation.
    fn check_keys(&self, all: &mut Refusals) {
        let mut first: BTreeMap<StoreId, (&str, usize)> = BTreeMap::new();
        for (consumer, id) in self.consumers.iter().zip(self.consumer_ids()) {
            for (at, step) in consumer.steps.iter().enumerate() {
                let Step::Effect { store: number, .. } = *step else { continue };
                let Some(store) = self.stores.get(number.at()) else { continue };
                if !matches!(store.kind, StoreKind::External { idempotency: Some(_) }) {
                    continue;
                }
                if let Some((other, step)) = first.get(&number) {
                    let what =
                        format!("a further effect on `{}` does nothing: its key names the operation", store.name);
                    let mend = format!("step {} of `{other}` is the first: expected a store of its own", step + 1);
                    all.add(About::Step(id, at), what, mend);
                } else {
                    first.insert(number, (&consumer.name, at));
                }
            }
        }
    }

    /// All processes, in the order of their consumers' names.
    pub fn instances(&self) -> impl Iterator<Item = Instance> + '_ {
        let mut first_worker = 0;
        self.consumers
            .iter()
            .enumerate()
            .flat_map(|(c, consumer)| {
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

    /// The stores of all effects, by their sites.
    pub fn effects(&self) -> Vec<StoreId> {
        self.sites().into_iter().map(|(_, store, _)| store).collect()
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

    /// How many timelines a fault has.
    fn timelines(&self, fault: &Fault) -> u16 {
        let befallen = fault.kind.consumer().and_then(|consumer| self.consumers.get(consumer.at()));
        befallen.map_or(1, |consumer| consumer.instances)
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
                (0..self.timelines(fault)).map(|i| sources.add(&fault.name, &format!("timeline {i}"))).collect()
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
