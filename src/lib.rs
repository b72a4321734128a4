//! A deterministic simulator and teaching model of message-queue delivery semantics.
//!
//! A queue promises something about deliveries; what a business needs is something about effects. Between the two stand
//! crashes, timeouts and retries. This library runs that gap: producers, brokers and consumers as state machines, with
//! faults whenever you like them, judged against the guarantees of the field.
//!
//! # A consumer on trial
//!
//! This consumer looks whether an operation was done, does it, and then notes that it was. Every schedule with one crash is
//! tried, and the smallest one that breaks it is the failure:
//!
//! ```
//! use redelivery::model::broker::{Settings, plain};
//! use redelivery::model::plan::Small;
//! use redelivery::ways::trial::{At, Message, Trial};
//!
//! async fn check_then_process(_: Message, at: At) -> Result<(), String> {
//!     if !at.seen("db").await {
//!         at.effect("db").await;
//!         at.mark("db").await;
//!     }
//!     at.ack().await;
//!     Ok(())
//! }
//!
//! let plan = Small::on(Settings::Plain(plain::Settings::default())).database("db").foreign();
//! let failure = Trial::of(plan).faults(1).late(0).check(|| check_then_process).unwrap_err();
//! assert!(failure.to_string().contains("effects at-most-once violated"));
//! println!("{failure:?}"); // the story: a crash after the effect, before the mark
//! ```
//!
//! # The tour, from the ground up
//!
//! - [`sim`]: time in whole nanoseconds, the agenda of what is pending, the oracle that all chance is asked of. It knows no
//!   queues.
//! - [`model`]: a [`Plan`](model::Plan) is what is to be run, a [`World`](model::World) is everything that changes, a
//!   [`Fact`](model::Fact) is what it tells. [`model::plan`] is where to look for a setting.
//! - [`observe`]: the [`Judge`](observe::Judge) makes a [`Report`](observe::Report) of facts; [`observe::guarantees`] says what is
//!   judged.
//! - `scenario` (feature `scenario`): files into plans and expectations.
//! - [`ways`]: what can be done with a world: [run](ways::run) it, [explore](ways::explore) every schedule, put it
//!   [on trial](ways::trial) with a handler of yours.
//! - [`tell`]: results as words and pictures.
//!
//! # Features
//!
//! `cli` (default) builds the command. `scenario` adds the reader of files. With neither the bare library is left, which is what a
//! test suite wants: worlds built by code.

#![cfg_attr(not(feature = "scenario"), allow(dead_code, reason = "only scenarios and recorded scripts ask for it"))]

#[cfg(feature = "cli")]
pub mod cli;
pub mod model;
pub mod observe;
#[cfg(feature = "scenario")]
pub mod scenario;
pub mod sim;
pub mod tell;
pub mod ways;
