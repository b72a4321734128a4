//! Brokers: each product is a machine of its own in a folder of its own, and one line in the list below.
//!
//! Nothing outside a product's folder names the product but that line. A machine gets [`Call`](super::wire::Call)s and
//! timers and answers through [`Out`](super::world::Out); it knows its queue, its settings and the records of messages
//! and deliveries, and neither who consumes nor who watches.

use super::parameter::{Parameter, Values};
use super::plan::QueueId;

macro_rules! products {
    ($($variant:ident in $module:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// What a queue is of, and how it is set.
        #[derive(Clone, Debug)]
        pub enum Settings {
            $(#[doc = "See the module of the same name."] $variant($module::Settings)),*
        }

        /// A broker's machine.
        #[derive(Clone, Debug)]
        pub(crate) enum Machine {
            $($variant($module::Machine)),*
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
    /// What this model leaves out: (name in the product, why or what to do instead).
    pub not_modelled: &'static [(&'static str, &'static str)],
    /// From values that fit the parameters to settings, or what does not fit together.
    pub read: fn(&Values) -> Result<Settings, String>,
}

/// The product of that name.
pub fn product(name: &str) -> Option<&'static Product> {
    PRODUCTS.iter().copied().find(|product| product.name == name)
}
