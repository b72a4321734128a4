//! Brokers: each product is a machine of its own in a folder of its own, and one line in the list below.
//!
//! Nothing outside a product's folder names the product but that line. A machine gets calls and
//! timers and answers through `Out`; it knows its queue, its settings and the records of messages
//! and deliveries, and neither who consumes nor who watches.

use super::fact::Watch;
use super::out::Out;
use super::parameter::{Parameter, Values};
use super::plan::QueueId;
use super::records::{Message, Records};
use super::stage::Stage;
use super::wire::{Settle, Settlement};
use crate::sim::{Agenda, Canon, Oracle};

mod parts;

macro_rules! products {
    ($($variant:ident in $module:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// What a queue is of, and how it is set.
        #[derive(Clone, Debug)]
        pub enum Settings {
            $(#[doc = "See the module of the same name."] $variant($module::Settings)),*
        }

        /// A broker's machine.
        #[derive(Debug)]
        pub(crate) enum Machine {
            $($variant($module::Machine)),*
        }

        impl Clone for Machine {
            fn clone(&self) -> Self {
                match self { $(Machine::$variant(machine) => Machine::$variant(machine.clone())),* }
            }
            fn clone_from(&mut self, source: &Self) {
                #[allow(unreachable_patterns, reason = "with one product nothing is left over")]
                match (self, source) {
                    $((Machine::$variant(machine), Machine::$variant(source)) => machine.clone_from(source),)*
                    (machine, source) => *machine = source.clone(),
                }
            }
        }

        #[allow(unreachable_patterns, reason = "with one product nothing is left over")]
        impl Machine {
            /// The machine of an empty queue.
            pub fn new(settings: &Settings) -> Machine {
                match settings { $(Settings::$variant(_) => Machine::$variant($module::Machine::default())),* }
            }
            /// The only way in. Says whether there may be something to hand out now.
            #[inline(always)]
            pub fn handle<O: Oracle, W: Watch>(
                &mut self, queue: QueueId, input: Input, out: &mut Out<'_, O, W>,
            ) -> bool {
                let stage = out.stage;
                match (self, &stage.plan.queues[queue.at()].settings) {
                    $((Machine::$variant(machine), Settings::$variant(settings)) =>
                        machine.handle(queue, settings, input, out),)*
                    _ => unreachable!("a queue's machine is of its settings' product"),
                }
            }
            /// Hands out what it can. Gives the hand-out that is to be handled next, before any call.
            #[inline(always)]
            pub fn serve<O: Oracle, W: Watch>(&mut self, queue: QueueId, out: &mut Out<'_, O, W>) -> Option<HandOut> {
                let stage = out.stage;
                match (self, &stage.plan.queues[queue.at()].settings) {
                    $((Machine::$variant(machine), Settings::$variant(settings)) => machine.serve(queue, settings, out),)*
                    _ => unreachable!("a queue's machine is of its settings' product"),
                }
            }
            /// Writes the machine.
            pub fn canon<F: Canon>(&self, form: &mut F, room: &Room<'_>) {
                match (self, room.settings()) {
                    $((Machine::$variant(machine), Settings::$variant(settings)) => machine.canon(settings, form, room),)*
                    _ => unreachable!("a queue's machine is of its settings' product"),
                }
            }
            /// What the machine knows of a stored message, in canonical forms.
            pub fn name(&self, entry: u32, room: &Room<'_>) -> [u64; 2] {
                match (self, room.settings()) {
                    $((Machine::$variant(machine), Settings::$variant(settings)) => machine.name(settings, entry, room),)*
                    _ => unreachable!("a queue's machine is of its settings' product"),
                }
            }
        }

        /// A product's client, in the consumer's process.
        #[derive(Clone, Debug)]
        pub(crate) enum Client {
            $($variant($module::Client)),*
        }

        impl Client {
            /// The client of a process that reads a queue of these settings.
            pub fn new(settings: &Settings) -> Client {
                match settings { $(Settings::$variant(_) => Client::$variant($module::Client::default())),* }
            }
            /// An idle worker waits for messages; `polls`: how often it has.
            #[inline]
            pub fn poll<O: Oracle, W: Watch>(
                &mut self, queue: QueueId, worker: u32, polls: u32, wire: u32, out: &mut Out<'_, O, W>,
            ) {
                match self { $(Client::$variant(client) => client.poll(queue, worker, polls, wire, out)),* }
            }
            /// A handler lets go of a delivery and says what became of it; `wait`: its worker waits for the next (its
            /// count of polls). Gives the call where the hop is direct.
            #[inline(always)]
            pub fn settle<O: Oracle, W: Watch>(
                &mut self, delivery: u32, how: Settlement, wait: Option<u32>, wire: u32, out: &mut Out<'_, O, W>,
            ) -> Option<Settle> {
                match self { $(Client::$variant(client) => client.settle(delivery, how, wait, wire, out)),* }
            }
            /// A lease is renewed.
            pub fn renew<O: Oracle, W: Watch>(&mut self, delivery: u32, wire: u32, out: &mut Out<'_, O, W>) {
                match self { $(Client::$variant(client) => client.renew(delivery, wire, out)),* }
            }
            /// Writes what the client keeps.
            pub fn canon(&self, form: &mut impl Canon) {
                match self { $(Client::$variant(client) => client.canon(form)),* }
            }
        }

        /// Every product.
        pub const PRODUCTS: &[&Product] = &[$(&$module::PRODUCT),*];

        impl Settings {
            /// The product.
            pub fn product(&self) -> &'static Product {
                match self { $(Settings::$variant(_) => &$module::PRODUCT),* }
            }
            /// Where dead letters go.
            pub fn dead_letter_to(&self) -> Option<QueueId> {
                match self { $(Settings::$variant(settings) => settings.dead_letter_to()),* }
            }
            /// How long a consumer may hold a message at first, where the product limits it.
            pub fn lease(&self) -> Option<crate::sim::Span> {
                match self { $(Settings::$variant(settings) => settings.lease()),* }
            }
            /// After how many deliveries a message goes there.
            pub fn max_deliveries(&self) -> Option<u16> {
                match self { $(Settings::$variant(settings) => settings.max_deliveries()),* }
            }
            /// The cap on deliveries as a sentence says it: "after 5 deliveries".
            pub fn dead_letter_words(&self) -> Option<String> {
                match self { $(Settings::$variant(settings) => settings.dead_letter_words()),* }
            }
        }
    };
}

products! {
    Plain in plain,
}

/// What a broker's machine hears.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// Store this.
    Publish { message: Message, pending: u32 },
    /// Store what another queue put aside.
    DeadLetter { message: u32 },
    /// A worker waits.
    Receive { worker: u32 },
    /// A holder is done.
    Settle { delivery: u32, how: Settlement, wait: bool },
    /// A holder needs longer.
    Renew { delivery: u32 },
    /// Connections broke.
    Disconnect { first: u32, workers: u32 },
    /// The lease of a current delivery ran out.
    LeaseOver { delivery: u32 },
    /// The delay of a message is over.
    DelayOver { entry: u32 },
    /// The broker dies.
    Crash,
    /// It is back.
    Restart,
}

/// A hand-out to a worker on a direct hop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandOut {
    pub worker: u32,
    pub delivery: u32,
}

/// What stands around a machine when it writes its canonical form.
pub(crate) struct Room<'a> {
    pub queue: QueueId,
    pub stage: &'a Stage,
    pub agenda: &'a Agenda,
    pub records: &'a Records,
}

impl Room<'_> {
    fn settings(&self) -> &Settings {
        &self.stage.plan.queues[self.queue.at()].settings
    }

    /// The deliveries whose leases run, in the order in which they run out.
    pub fn in_flight(&self) -> impl Iterator<Item = u32> + '_ {
        let leases = self.agenda.events(self.stage.leases_lane(self.queue));
        leases.filter(|event| self.records.lease_runs(event)).map(|event| event.payload)
    }

    /// The entries that wait for their delay.
    pub fn delayed(&self) -> impl Iterator<Item = u32> + '_ {
        self.agenda.events(self.stage.delays_lane(self.queue)).map(|event| event.payload)
    }
}

/// What the command knows of a product: the text of `help`, and how its settings are read.
#[derive(Debug)]
pub struct Product {
    /// Its name in a scenario: `product = "plain"`.
    pub name: &'static str,
    /// One line on what it is.
    pub title: &'static str,
    /// Its settings.
    pub parameters: &'static [Parameter],
    /// What is its delivery guarantee?
    pub delivery: &'static str,
    /// What is its ordering guarantee?
    pub ordering: &'static str,
    /// What is its dead-letter policy?
    pub dead_letters: &'static str,
    /// What it calls what stories tell of.
    pub words: Words,
    /// What this model leaves out: (name in the product, why or what to do instead).
    pub not_modelled: &'static [(&'static str, &'static str)],
    /// From values that fit the parameters to settings, or what does not fit together.
    pub read: fn(&Values) -> Result<Settings, String>,
}

/// The product's own words for the life of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// One hand-out, counted from 1: "delivery", "receive".
    pub delivery: &'static str,
    /// The claim of a consumer that ends by time: "lease", "visibility timeout".
    pub lease: &'static str,
    /// What a message is meanwhile: "leased", "hidden".
    pub held: &'static str,
}

/// The product of that name.
pub fn product(name: &str) -> Option<&'static Product> {
    PRODUCTS.iter().copied().find(|product| product.name == name)
}

/// The settings of a queue of the first product, for tests that need a queue and not to know which.
///
/// # Panics
/// Where the product does not take these values.
#[cfg(test)]
pub(crate) fn some_settings(values: Vec<(&'static str, super::parameter::Value)>) -> Settings {
    (PRODUCTS[0].read)(&Values(values)).expect("settings that fit together")
}
