//! Brokers: each product is a machine of its own in a folder of its own, and one line in the list below.
//!
//! Nothing outside a product's folder names the product but that line. A machine gets calls and
//! timers and answers through `Out`; it knows its queues, their settings and the records of messages
//! and deliveries, and neither who consumes nor who watches.

use std::num::NonZeroU64;

use super::fact::Watch;
use super::out::Out;
use super::parameter::{Parameter, Values};
use super::plan::{Queue, QueueId};
use super::records::{Message, Records};
use super::stage::Stage;
use super::wire::{Moved, Settlement};
use crate::sim::{Agenda, Canon, Event, Oracle, Span, Time};

mod parts;

macro_rules! products {
    ($first:ident in $home:ident, $($further:ident in $folder:ident),* $(,)?) => {
        products! { @all $first: $first in $home, $($further in $folder),* }
    };
    (@all $first:ident: $($variant:ident in $module:ident),*) => {
        $(pub mod $module;)*

        /// What a queue is of, and how it is set.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Settings {
            $(#[doc = "See the module of the same name."] $variant($module::Settings)),*
        }

        /// What a producer says with each message, under the product's names.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Envelope {
            $(#[doc = "See the module of the same name."] $variant($module::Envelope)),*
        }

        /// How a consumer asks for messages, under the product's names.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Subscription {
            $(#[doc = "See the module of the same name."] $variant($module::Subscription)),*
        }

        impl Subscription {
            /// Whether a message is settled when it is sent.
            pub(crate) fn acks_itself(&self) -> bool {
                match self { $(Subscription::$variant(subscription) => subscription.acks_itself()),* }
            }
            /// Whether it is in the words of the product of these settings.
            pub(crate) fn fits(&self, settings: &Settings) -> bool {
                match (self, settings) {
                    $((Subscription::$variant(_), Settings::$variant(_)) => true,)*
                    _ => false,
                }
            }
            /// How many messages a worker takes at a time.
            pub(crate) fn batch(&self) -> Option<u16> {
                match self { $(Subscription::$variant(subscription) => subscription.batch()),* }
            }
            /// When a worker asks again after what its broker says, if it does.
            pub(crate) fn asks_again(&self, notice: Notice) -> Option<Again> {
                match (self, notice) {
                    $((Subscription::$variant(subscription), Notice::$variant(notice)) => subscription.asks_again(notice),)*
                    _ => unreachable!("a consumer hears of its own product"),
                }
            }
            /// Whether a worker that asks an empty queue of these settings waits there.
            pub(crate) fn waits(&self, settings: &Settings) -> bool {
                match (self, settings) {
                    $((Subscription::$variant(subscription), Settings::$variant(settings)) => subscription.waits(settings),)*
                                _ => unreachable!("a consumer's subscription is of its queue's product"),
                }
            }
        }

        impl Settings {
            /// How a consumer asks where it says nothing.
            pub(crate) fn subscription(&self) -> Subscription {
                match self { $(Settings::$variant(_) => Subscription::$variant($module::Subscription::default())),* }
            }
        }

        /// What an operator or a script tells a broker, beyond publishing and consuming.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Command {
            $(#[doc = "See the module of the same name."] $variant($module::Command)),*
        }

        /// What a broker says to a client, beyond what every product says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Notice {
            $(#[doc = "See the module of the same name."] $variant($module::Notice)),*
        }

        /// What stands around the queues of a plan, by product: exchanges and bindings, where a product has such.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Topology {
            $(#[doc = "See the module of the same name."] pub $module: $module::Topology),*
        }

        /// A broker's machine.
        #[derive(Debug)]
        #[allow(clippy::large_enum_variant, reason = "a world has few, and each is reached with every event")]
        pub(crate) enum Machine {
            $($variant($module::Machine)),*
        }

        impl Clone for Machine {
            fn clone(&self) -> Self {
                match self { $(Machine::$variant(machine) => Machine::$variant(machine.clone())),* }
            }
            fn clone_from(&mut self, source: &Self) {
                match (self, source) {
                    $((Machine::$variant(machine), Machine::$variant(source)) => machine.clone_from(source),)*
                    (machine, source) => *machine = source.clone(),
                }
            }
        }

        impl Machine {
            /// The machine of a broker whose first queue this is.
            pub fn new(stage: &Stage, first: QueueId) -> Machine {
                match stage.settings(first) {
                    $(Settings::$variant(_) => Machine::$variant($module::Machine::new(stage, first))),*
                }
            }
            /// A call or a timer, and then what can be handed out. Gives the hand-out that is to be handled before any call.
            // The first of the list is asked for first, and alone is part of the loop's own code: with every product in it the
            // loop would have no registers left. The input is made where it is needed, for the one would not have it in memory.
            #[inline(always)]
            pub fn handle<O: Oracle, W: Watch>(
                &mut self, queue: QueueId, settings: &Settings, input: impl Fn() -> Input, out: &mut Out<'_, O, W>,
            ) -> Option<HandOut> {
                if let (Machine::$first(machine), Settings::$first(settings)) = (&mut *self, settings) {
                    return machine.input(queue, settings, input(), out);
                }
                self.handle_other(queue, settings, input(), out)
            }
            #[inline(never)]
            fn handle_other<O: Oracle, W: Watch>(
                &mut self, queue: QueueId, settings: &Settings, input: Input, out: &mut Out<'_, O, W>,
            ) -> Option<HandOut> {
                match (self, settings) {
                    $((Machine::$variant(machine), Settings::$variant(settings)) => {
                        machine.input(queue, settings, input, out)
                    })*
                    _ => unreachable!("a queue's machine is of its settings' product"),
                }
            }
            /// An operator or a script speaks.
            pub fn command<O: Oracle, W: Watch>(
                &mut self, queue: QueueId, settings: &Settings, command: Command, out: &mut Out<'_, O, W>,
            ) -> Option<HandOut> {
                match (self, settings, command) {
                    $((Machine::$variant(machine), Settings::$variant(settings), Command::$variant(command)) => {
                        if machine.command(queue, command, out) { machine.serve(queue, settings, out) } else { None }
                    })*
                    _ => unreachable!("a command is of its broker's product"),
                }
            }
            /// Whether a timer of a queue still stands.
            pub fn stands(&self, queue: QueueId, timer: u8, event: &Event, records: &Records) -> bool {
                match self { $(Machine::$variant(machine) => machine.stands(queue, timer, event, records)),* }
            }
            /// Writes what the machine keeps of the room's queue.
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
            /// What a timer of a queue is about, in canonical forms.
            pub fn timer_name(&self, timer: u8, payload: u32, room: &Room<'_>) -> [u64; 2] {
                match (self, room.settings()) {
                    $((Machine::$variant(machine), Settings::$variant(settings)) =>
                        machine.timer_name(settings, timer, payload, room),)*
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
            /// A handler lets go of a delivery and says over a wire what became of it; `wait`: its worker waits for the next
            /// (its count of polls).
            pub fn settle<O: Oracle, W: Watch>(
                &mut self, delivery: u32, how: Settlement, wait: Option<u32>, wire: u32, out: &mut Out<'_, O, W>,
            ) {
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

        /// Every noun of a product.
        pub fn nouns() -> impl Iterator<Item = &'static Noun> {
            [$($module::PRODUCTS[0].nouns),*].into_iter().flatten()
        }

        impl Topology {
            /// Of what is given, and the names of the plan's queues.
            ///
            /// # Errors
            /// What does not fit, and why.
            pub fn read(given: &[Given], queues: &mut [Queue]) -> Result<Topology, (Culprit, String)> {
                Ok(Topology { $($module: $module::Topology::read(given, queues)?),* })
            }
            /// The queues that a message may be routed to that says this, besides the one that it is sent to.
            pub fn reached(&self, said: Option<&Envelope>) -> Vec<QueueId> {
                match said {
                    $(Some(Envelope::$variant(said)) => self.$module.reached(said),)*
                    None => Vec::new(),
                }
            }
        }

        /// Every product.
        pub fn products() -> impl Iterator<Item = &'static Product> {
            [$($module::PRODUCTS),*].into_iter().flatten()
        }

        impl Settings {
            /// The product.
            pub fn product(&self) -> &'static Product {
                match self { $(Settings::$variant(settings) => settings.product()),* }
            }
            /// The number of the broker that it shares with other queues of its product; `None` where it stands alone.
            pub fn broker(&self) -> Option<u16> {
                match self { $(Settings::$variant(settings) => settings.broker()),* }
            }
            /// Whether a consumer may reject a message, so that it is put aside or dropped.
            pub(crate) fn rejects(&self) -> bool {
                match self { $(Settings::$variant(settings) => settings.rejects()),* }
            }
            /// Whether an operator may move back what waits.
            pub(crate) fn redrives(&self) -> bool {
                match self { $(Settings::$variant(settings) => settings.redrives()),* }
            }
            /// What is wrong with a dead-letter queue that is set so, in words.
            pub(crate) fn puts_aside_in(&self, target: &Settings) -> Result<(), String> {
                match (self, target) {
                    $((Settings::$variant(settings), Settings::$variant(target)) => settings.puts_aside_in(target),)*
                    (settings, _) => Err(format!("expected a queue of the same family as {}", settings.product().name)),
                }
            }
            /// What is wrong with messages that say this, in words; nothing where they say nothing.
            pub(crate) fn takes(&self, said: Option<&Envelope>) -> Result<(), String> {
                match (self, said) {
                    $((Settings::$variant(settings), Some(Envelope::$variant(said))) => settings.takes(said),)*
                    $((Settings::$variant(settings), None) => settings.takes(&Default::default()),)*
                    (settings, Some(_)) => Err(format!("what a message says must be in the words of {}", settings.product().name)),
                }
            }
            /// How many timers of its own a queue has: for one event, for events of one length, for events of any length. The
            /// machine numbers them in this order.
            pub(crate) fn timers(&self) -> [u8; 3] {
                match self { $(Settings::$variant(settings) => settings.timers()),* }
            }
            /// Where dead letters go.
            pub fn dead_letter_to(&self) -> Option<QueueId> {
                match self { $(Settings::$variant(settings) => settings.dead_letter_to()),* }
            }
            /// How long a consumer may hold a message at first, where the product limits it.
            pub fn lease(&self) -> Option<Span> {
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
            /// Whether dead letters that come back to a queue of these settings do not go round for ever.
            pub(crate) fn ends_circles(&self) -> bool {
                match self { $(Settings::$variant(settings) => settings.ends_circles()),* }
            }
            /// Why its consumers' heartbeats would change nothing, if so.
            pub(crate) fn takes_no_heartbeats(&self) -> Option<&'static str> {
                match self { $(Settings::$variant(settings) => settings.takes_no_heartbeats()),* }
            }
        }
    };
}

products! {
    Plain in plain,
    Rabbitmq in rabbitmq,
    Sqs in sqs,
}

/// What a broker's machine hears.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// Store this.
    Publish { message: Message, pending: u32 },
    /// Store what comes from another queue.
    Move(Moved),
    /// An operator moves what waits here to another queue.
    Redrive { to: QueueId },
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
    /// A timer of its own.
    Timer { timer: u8, payload: u32 },
    /// The broker dies.
    Crash,
    /// It is back.
    Restart,
}

/// When a client asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Whatever its workers do.
    Now,
    /// When it has waited for so long.
    After(Span),
}

/// A hand-out to a worker on a direct hop.
// Both numbers in one word, under a bit that is always set: so one or none of it is a word too, and stays in a register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandOut(NonZeroU64);

impl HandOut {
    const SET: NonZeroU64 = NonZeroU64::new(1 << 63).expect("a bit");

    #[inline(always)]
    pub fn new(worker: u32, delivery: u32) -> HandOut {
        HandOut(Self::SET | (u64::from(worker) << 32 | u64::from(delivery)))
    }
    /// To whom; numbers of workers have 24 bits.
    #[inline(always)]
    pub fn worker(self) -> u32 {
        (self.0.get() << 1 >> 33) as u32
    }
    #[inline(always)]
    pub fn delivery(self) -> u32 {
        self.0.get() as u32
    }
}

/// What stands around a machine when it writes its canonical form.
pub(crate) struct Room<'a> {
    pub queue: QueueId,
    pub stage: &'a Stage,
    pub now: Time,
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
    /// What a producer may say with each message: `message = { .. }`.
    pub message: &'static [Parameter],
    /// How a consumer may ask for messages.
    pub client: &'static [Parameter],
    /// What is its delivery guarantee?
    pub delivery: &'static str,
    /// What is its ordering guarantee?
    pub ordering: &'static str,
    /// What is its dead-letter policy?
    pub dead_letters: &'static str,
    /// What whoever uses it should know and often does not; each is a test.
    pub facts: &'static [&'static str],
    /// What may stand around its queues.
    pub nouns: &'static [Noun],
    /// What it calls what stories tell of.
    pub words: Words,
    /// What this model leaves out.
    pub not_modelled: NotModelled,
    /// From values that fit the parameters to settings, or what does not fit together.
    pub read: fn(&Values) -> Result<Settings, String>,
    /// The same of what a producer says with each message.
    pub read_message: fn(&Values) -> Result<Envelope, String>,
    /// The same of how a consumer asks.
    pub read_client: fn(&Values) -> Result<Subscription, String>,
}

/// What a model leaves out, in lists that products may share: (name in the product, why or what to do instead).
pub type NotModelled = &'static [&'static [(&'static str, &'static str)]];

/// What stands around the queues of some products, each with a name: `[exchange.NAME]`.
#[derive(Debug)]
pub struct Noun {
    /// The word of the language.
    pub word: &'static str,
    /// What one is, as an error names it: "an exchange".
    pub what: &'static str,
    /// What is said of it.
    pub parameters: &'static [Parameter],
    /// What it has in the product and not here.
    pub not_modelled: NotModelled,
}

/// Which part of what is given does not fit, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// One of those that stand around the queues.
    Given(usize),
    /// A queue.
    Queue(QueueId),
}

/// One of them as it is given.
#[derive(Clone, Debug)]
pub struct Given {
    /// The word of its [`Noun`].
    pub word: &'static str,
    /// Its name; those of one word come in the order of their names.
    pub name: String,
    /// What is said of it.
    pub values: Values,
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
    products().find(|product| product.name == name)
}

/// The settings of a queue of the first product, for tests that need a queue and not to know which.
///
/// # Panics
/// Where the product does not take these values.
#[cfg(test)]
pub(crate) fn some_settings(values: Vec<(&'static str, super::parameter::Value)>) -> Settings {
    (products().next().expect("a product").read)(&Values(values)).expect("settings that fit together")
}
