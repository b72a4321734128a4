//! Whether a plan can be run, and the numbers of what is in it.

use std::fmt;

use super::{
    Arrivals, Consumer, ConsumerId, EffectSite, FaultKind, Instance, MAX_EFFECT_SITES, MAX_WORKERS, Plan, QueueId,
    Step, Store, StoreKind, When,
};
use crate::sim::{Source, oracle};

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
        if let Some(queue) = self.dead_letters_in_a_circle() {
            return fail(format!("dead letters of queue `{queue}` come back to it: they would never end"));
        }
        for producer in &self.producers {
            let never = match producer.arrivals {
                Arrivals::AtOnce { .. } => false,
                Arrivals::Bursty { gap, on, .. } => gap.is_zero() || on.is_zero(),
                Arrivals::Constant { gap } | Arrivals::Poisson { gap } => gap.is_zero(),
            };
            if never {
                return fail(format!(
                    "producer `{}` needs a gap between operations, and bursts that last",
                    producer.name
                ));
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
        if let Some(store) = self.calls_twice_by_one_key() {
            return fail(format!(
                "two effect steps go to store `{store}`, which knows an operation by one idempotency key and would do nothing \
                 for the second: give each its own store"
            ));
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

    /// A store with idempotency keys that more than one effect step goes to: a key names the operation.
    fn calls_twice_by_one_key(&self) -> Option<&str> {
        let effects = self.effects();
        let keyed = |store: &Store| matches!(store.kind, StoreKind::External { idempotency: Some(_) });
        let twice = |at: usize| effects.iter().filter(|site| site.store.at() == at).count() > 1;
        let mut stores = self.stores.iter().enumerate();
        stores.find(|(at, store)| keyed(store) && twice(*at)).map(|(_, store)| store.name.as_str())
    }

    /// A queue whose dead letters come back to it.
    fn dead_letters_in_a_circle(&self) -> Option<&str> {
        let next = |queue: QueueId| self.queues[queue.at()].settings.dead_letter_to();
        let comes_back = |start: QueueId| {
            let mut at = next(start);
            for _ in 0..self.queues.len() {
                if at == Some(start) {
                    return true;
                }
                at = at.and_then(next);
            }
            false
        };
        let mut ids = (0..self.queues.len() as u16).map(QueueId);
        ids.find(|&queue| comes_back(queue)).map(|queue| self.queues[queue.at()].name.as_str())
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
