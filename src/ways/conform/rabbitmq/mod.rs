//! RabbitMQ's vocabulary: scripts of declarations, publishes, consumers and failures, played on the broker's machine.
//!
//! `script.rs` turns a script into a stage and acts, `player.rs` plays them, `client.rs` is what a driver of a real client
//! keeps: inboxes and what is held. Here nothing is known of other products.

mod client;
mod player;
mod script;
mod words;

use super::NotModelled;
use super::trace::{Event, Trace};

/// How the names of the folders begin.
pub(super) const FOLDERS: &str = "rabbitmq-";

/// Plays a script.
///
/// # Errors
/// What the model does not have.
pub(super) fn play(trace: &Trace) -> Result<Vec<Event>, NotModelled> {
    let script = script::Script::of(trace)?;
    Ok(player::Player::play(&script))
}

/// Everything is compared.
pub(super) fn leave_out(_: &Trace, _: &mut Event) {}
