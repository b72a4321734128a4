//! Which words a fact moves, for whoever keeps words and none of the ledger's records: the explorer, a recorder.
//!
//! Where an operation may be routed to several queues it has a word for each. It remembers in which queue each message was
//! accepted, and of which message each delivery is; nothing of this is part of a state, for the world knows it too. Where
//! nobody fans out it remembers nothing.

use std::ops::Range;

use super::guarantees::OpState;
use super::roles::Roles;
use crate::model::fact::Fact;
use crate::model::plan::ProducerId;
use crate::sim::clone_by_field;

/// The words of an operation, and what moves them.
#[derive(Debug, Default)]
pub struct Homes {
    /// By slot: the number of the message's home.
    messages: Vec<u16>,
    /// The same of deliveries.
    deliveries: Vec<u16>,
}

clone_by_field!(Homes { messages, deliveries });

fn put(list: &mut Vec<u16>, slot: u32, home: usize) {
    let slot = slot as usize;
    if slot >= list.len() {
        list.resize(slot + 1, 0);
    }
    list[slot] = home as u16;
}

impl Homes {
    /// The words of a new operation, as many for each.
    pub fn newborn(roles: &Roles, producer: ProducerId) -> impl Iterator<Item = OpState> {
        let strands = roles.strands_of(producer);
        (0..1 << roles.shift).map(|number| strands.get(number).map_or(OpState::NOBODYS, |strand| strand.newborn))
    }

    /// How many words an operation has.
    pub fn words(roles: &Roles) -> usize {
        1 << roles.shift
    }

    /// The homes, by number, whose words a fact about an operation moves; `first` is the operation's first word.
    pub fn of(&mut self, roles: &Roles, first: OpState, fact: &Fact) -> Range<usize> {
        if roles.shift == 0 {
            return 0..1;
        }
        let Homes { messages, deliveries } = self;
        let one = |home: u16| usize::from(home)..usize::from(home) + 1;
        match *fact {
            Fact::Accepted { message, queue, .. } => {
                let home = roles.home_number(first, queue);
                put(messages, message, home);
                home..home + 1
            }
            Fact::PassedBy { queue, .. } => {
                let home = roles.home_number(first, queue);
                home..home + 1
            }
            Fact::Delivered { held, message, .. } => {
                put(deliveries, held.delivery, usize::from(messages[message as usize]));
                one(messages[message as usize])
            }
            Fact::Acked { message, .. }
            | Fact::AckedLate { message, .. }
            | Fact::Nacked { message, .. }
            | Fact::Expired { message, .. }
            | Fact::TakenBack { message, .. }
            | Fact::DeadLettered { message, .. }
            | Fact::Redriven { message, .. }
            | Fact::Dropped { message, .. } => one(messages[message as usize]),
            Fact::Started { held, .. }
            | Fact::Stepped { held, .. }
            | Fact::Waits { held, .. }
            | Fact::Effect { held, .. }
            | Fact::Suppressed { held, .. }
            | Fact::Ended { held, .. }
            | Fact::Stale { held, .. }
            | Fact::Renewed { held, .. } => one(deliveries[held.delivery as usize]),
            _ => 0..roles.strands_with(first).len(),
        }
    }

    /// The number of the home of a delivery's message.
    pub fn of_delivery(&self, delivery: u32) -> usize {
        self.deliveries.get(delivery as usize).map_or(0, |&home| usize::from(home))
    }
}
