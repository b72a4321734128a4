//! Known states: their fingerprints, and how each was reached first.
//!
//! A state is four bytes of parent, eight of choice and eight of fingerprint, and a slot of the index; worlds are not kept.

use super::choice::{Answers, Choice};

/// The fingerprint of a state: what it is told by.
pub(super) type Print = u64;

/// The states found so far.
#[derive(Debug)]
pub(super) struct Table {
    /// By state number, from 0: the fingerprint, the state before, the choice.
    states: Vec<(Print, u32, Packed)>,
    /// Open addressing: state numbers plus one, 0 where nobody is. Its length is a power of two.
    slots: Vec<u32>,
}

/// A choice in eight bytes.
#[derive(Clone, Copy, Debug)]
struct Packed(u32, u32);

impl Packed {
    fn new(choice: Choice) -> Packed {
        match choice {
            Choice::Take { lane, nth, answers } => Packed(lane, (nth << 16 | u32::from(answers.0)) << 3),
            Choice::Lose { lane } => Packed(lane, 1),
            Choice::Crash { process } => Packed(process, 2),
            Choice::CrashBroker { queue } => Packed(u32::from(queue), 3),
            Choice::Delay { lane } => Packed(lane, 4),
        }
    }
    fn choice(self) -> Choice {
        let Packed(who, how) = self;
        match how & 7 {
            0 => Choice::Take { lane: who, nth: how >> 19, answers: Answers((how >> 3) as u16) },
            1 => Choice::Lose { lane: who },
            2 => Choice::Crash { process: who },
            3 => Choice::CrashBroker { queue: who as u16 },
            _ => Choice::Delay { lane: who },
        }
    }
}

impl Table {
    pub fn new() -> Table {
        Table { states: Vec::new(), slots: vec![0; 1 << 10] }
    }

    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// The number of a state that was not known, now noted; `None` where it was.
    pub fn insert(&mut self, fingerprint: Print, before: u32, choice: Choice) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = fingerprint as usize & mask;
        while self.slots[at] != 0 {
            if self.states[self.slots[at] as usize - 1].0 == fingerprint {
                return None;
            }
            at = (at + 1) & mask;
        }
        let number = self.states.len() as u32;
        self.slots[at] = number + 1;
        self.states.push((fingerprint, before, Packed::new(choice)));
        if self.states.len() * 2 > self.slots.len() {
            self.grow();
        }
        Some(number)
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let mut slots = vec![0u32; mask + 1];
        for (number, (fingerprint, ..)) in self.states.iter().enumerate() {
            let mut at = *fingerprint as usize & mask;
            while slots[at] != 0 {
                at = (at + 1) & mask;
            }
            slots[at] = number as u32 + 1;
        }
        self.slots = slots;
    }

    /// The choices that led to a state, from the first state on.
    pub fn path(&self, mut state: u32) -> Vec<Choice> {
        let mut path = Vec::new();
        while state != 0 {
            let (_, before, choice) = self.states[state as usize];
            path.push(choice.choice());
            state = before;
        }
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::oracle::mix;

    #[test]
    fn a_state_is_known_once_and_remembers_its_way() {
        let mut table = Table::new();
        let start = Choice::Take { lane: 0, nth: 0, answers: Answers(0) };
        assert_eq!(table.insert(mix(0), 0, start), Some(0));
        for i in 1..5_000u64 {
            let choice = Choice::Take { lane: i as u32, nth: 3, answers: Answers(7) };
            assert_eq!(table.insert(mix(i), i as u32 / 2, choice), Some(i as u32));
            assert_eq!(table.insert(mix(i), 0, start), None);
        }
        let lanes: Vec<u32> = table
            .path(9)
            .iter()
            .map(|c| if let Choice::Take { lane, nth: 3, answers: Answers(7) } = c { *lane } else { 0 })
            .collect();
        assert_eq!((table.len(), lanes), (5_000, vec![1, 2, 4, 9]));
        for choice in [
            Choice::Lose { lane: 9 },
            Choice::Crash { process: 8 },
            Choice::CrashBroker { queue: 7 },
            Choice::Delay { lane: 6 },
        ] {
            assert_eq!(Packed::new(choice).choice(), choice);
        }
    }
}
