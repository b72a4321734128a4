//! RabbitMQ's vocabulary: scripts of declarations, publishes, consumers and failures, played on the broker's machine.
//!
//! `script.rs` turns a script into a stage and acts, `player.rs` plays them, `client.rs` is what a driver of a real client
//! keeps: inboxes and what is held. Here nothing is known of other products.

mod client;
mod player;
mod script;
mod words;

use super::trace::{Event, Trace};
use super::{NotModelled, Vocabulary};

/// Everything is compared.
pub(super) const VOCABULARY: Vocabulary = Vocabulary { folders: "rabbitmq-", play, leave_out: |_, _| {} };

/// Plays a script.
fn play(trace: &Trace) -> Result<Vec<Event>, NotModelled> {
    let script = script::Script::of(trace)?;
    Ok(player::Player::play(&script))
}
