//! The memory of guarantees in an explored state: the bytes that the judge keeps for each operation and key, no more.
//!
//! It measures nothing and knows no time. The words are whole; the canonical form has only the bits that the guarantees
//! asked for need, so states that differ in what nobody asked about are one.

use super::guarantees::{self, Asked, Id, OpState, Outcome, first_effect, run_begins, run_ends};
use super::homes::Homes;
use super::roles::Roles;
use crate::model::fact::{Fact, Held, Watch};
use crate::sim::{Canon, Time, clone_by_field};

/// What the guarantees remember of a world.
#[derive(Debug, Default)]
pub struct Automata {
    /// Of each operation, for each of its homes.
    ops: Vec<OpState>,
    homes: Homes,
    /// By key: for B4 the newest operation with a first effect, by consumer; for B5 the open runs. Sorted.
    keys: Vec<Key>,
    /// Deliveries, the places of their words, and whether their run goes on (`true`) or is still to come. The world knows
    /// them too.
    hands: Vec<(Held, usize, bool)>,
}

clone_by_field!(Automata { ops, homes, keys, hands });

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    /// Consumer (for B4; past the last one for B5), strand, key.
    subject: (u16, u16, u32),
    value: u32,
}

/// What is asked of every state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// These guarantees. That nothing is lost is A5.
    pub guarantees: Asked,
    /// That no operation is missing.
    pub missing: bool,
}

impl Questions {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.guarantees.is_empty() && !self.missing
    }
    fn mask(&self) -> u64 {
        let outcome = Asked::of(Id::A5) | Asked::of(Id::E1);
        guarantees::mask(self.guarantees) | if self.missing { guarantees::mask(outcome) } else { 0 }
    }
}

/// What broke in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broke {
    /// Which guarantees.
    pub guarantees: Asked,
    /// An operation is missing from now on.
    pub missing: bool,
    /// Whose.
    pub op: u32,
    /// Of an order: the operation that came first, where it is another one.
    pub other: Option<u32>,
}

impl Broke {
    /// The operations that its story is about, the older one first.
    pub fn ops(&self) -> Vec<u32> {
        let mut ops: Vec<u32> = [self.op].into_iter().chain(self.other).collect();
        ops.sort_unstable();
        ops
    }
}

/// The watcher of one step of one world.
#[derive(Debug)]
pub struct Step<'a> {
    /// The memory, which goes on with the world.
    pub automata: &'a mut Automata,
    /// Who is who.
    pub roles: &'a Roles,
    /// The first thing that broke and was asked for.
    pub broke: Option<Broke>,
    /// What is asked.
    pub questions: Questions,
}

const B5: u16 = u16::MAX;

impl Automata {
    /// Writes what the guarantees asked for remember.
    pub fn canon(&self, questions: &Questions, form: &mut impl Canon) {
        let mask = questions.mask();
        form.list(self.ops.iter(), |form, op| form.put(op.masked(mask).word()));
        for key in &self.keys {
            let asked = if key.subject.0 == B5 { Id::B5 } else { Id::B4 };
            if questions.guarantees.contains(asked) {
                let (consumer, strand, number) = key.subject;
                form.puts([
                    u64::from(consumer) << 48 | u64::from(strand) << 32 | u64::from(number),
                    u64::from(key.value),
                ]);
            }
        }
    }

    /// What is wrong where nothing more will ever happen: a confirmed operation that has neither effect nor dead letter.
    pub fn broken_at_the_end(&self, roles: &Roles, questions: &Questions) -> Option<Broke> {
        let asked = [Id::A5, Id::A7].into_iter().filter(|&id| questions.guarantees.contains(id));
        let guarantees = asked.fold(Asked::NONE, |all, id| all | Asked::of(id));
        let stuck = |op: &OpState| guarantees::unsettled_yet(*op);
        let op = (self.ops.iter().position(stuck)? / Homes::words(roles)) as u32;
        (!guarantees.is_empty()).then_some(Broke { guarantees, missing: false, op, other: None })
    }

    /// Another operation of the key whose handler runs, the oldest of those.
    fn runs_already(&self, roles: &Roles, strand: u16, held: Held) -> Option<u32> {
        let of_key = self.hands.iter().filter(|(other, word, running)| {
            let state = self.ops[*word];
            *running
                && other.key == held.key
                && state.strand() == usize::from(strand)
                && roles.at_home(state, other.worker)
        });
        of_key.map(|(other, ..)| other.op).filter(|&op| op != held.op).min()
    }

    fn key(&mut self, subject: (u16, u16, u32)) -> &mut u32 {
        let at = match self.keys.binary_search_by_key(&subject, |key| key.subject) {
            Ok(at) => at,
            Err(at) => {
                self.keys.insert(at, Key { subject, value: 0 });
                at
            }
        };
        &mut self.keys[at].value
    }

    /// B4 and B5: whether this fact breaks one of them, and the operation that came first: the younger one that took effect
    /// before, or the one whose handler runs already.
    fn order(&mut self, roles: &Roles, before: OpState, fact: &Fact) -> (Asked, Option<u32>) {
        if !before.has(OpState::KEYED) {
            return (Asked::NONE, None);
        }
        let strand = before.strand() as u16;
        match *fact {
            Fact::Effect { held, .. } if before.has_none(roles.sites(held.worker)) => {
                let newest = self.key((roles.consumer(held.worker) as u16, strand, held.key));
                let younger = newest.checked_sub(1);
                let late = first_effect(newest, held.op);
                (Asked::when(late, Id::B4), younger.filter(|_| late))
            }
            Fact::Started { held, .. } if roles.at_home(before, held.worker) => {
                let overlaps = run_begins(self.key((B5, strand, held.key)));
                let other = if overlaps { self.runs_already(roles, strand, held) } else { None };
                (Asked::when(overlaps, Id::B5), other)
            }
            Fact::Ended { held, .. } if roles.at_home(before, held.worker) => {
                run_ends(self.key((B5, strand, held.key)));
                (Asked::NONE, None)
            }
            _ => (Asked::NONE, None),
        }
    }
}

impl Step<'_> {
    fn note(&mut self, (op, other): (u32, Option<u32>), broke: Asked, before: OpState, after: OpState) {
        let is_missing = |word| guarantees::outcome(word) == Outcome::Missing;
        let missing = self.questions.missing && is_missing(after) && !is_missing(before);
        let asked = broke.iter().filter(|&id| self.questions.guarantees.contains(id));
        let guarantees = asked.fold(Asked::NONE, |all, id| all | Asked::of(id));
        if self.broke.is_none() && (missing || !guarantees.is_empty()) {
            self.broke = Some(Broke { guarantees, missing, op, other });
        }
    }

    /// Deliveries that wait for their run will never have one.
    fn abandon(&mut self, is: impl Fn(&Held) -> bool) {
        while let Some(at) = self.automata.hands.iter().position(|(held, _, running)| !running && is(held)) {
            let (Held { op, .. }, word, _) = self.automata.hands.remove(at);
            let before = self.automata.ops[word];
            let (after, broke) = guarantees::abandon(before);
            self.automata.ops[word] = after;
            self.note((op, None), broke, before, after);
        }
    }

    /// The fact moves a word of its operation.
    fn moves(&mut self, op: u32, word: usize, fact: &Fact) {
        let before = self.automata.ops[word];
        let (after, broke) = guarantees::step(before, self.roles, fact);
        let (order, other) = self.automata.order(self.roles, before, fact);
        let broke = broke | order | self.roles.wrong_attempts(fact);
        self.automata.ops[word] = after;
        self.note((op, other), broke, before, after);
    }
}

impl Watch for Step<'_> {
    fn fact(&mut self, _: Time, fact: &Fact) {
        let words = Homes::words(self.roles);
        match *fact {
            Fact::Produced { producer, .. } => self.automata.ops.extend(Homes::newborn(self.roles, producer)),
            Fact::Delivered { held, .. } => self.abandon(|before| before.delivery == held.delivery),
            Fact::Started { held: this, .. } => {
                let mut hands = self.automata.hands.iter_mut();
                if let Some((.., running)) = hands.find(|(held, ..)| held.delivery == this.delivery) {
                    *running = true;
                }
            }
            Fact::Ended { held: this, .. } => self.automata.hands.retain(|(held, ..)| held.delivery != this.delivery),
            Fact::Crashed { instance } => {
                let workers = self.roles.workers_of(instance);
                self.abandon(|held| workers.contains(&held.worker));
            }
            _ => {}
        }
        let Some(op) = fact.op() else { return };
        let first = op as usize * words;
        let homes = self.automata.homes.of(self.roles, self.automata.ops[first], fact);
        if let Fact::Delivered { held, .. } = *fact {
            self.automata.hands.push((held, first + homes.start, false));
        }
        for home in homes {
            self.moves(op, first + home, fact);
        }
    }
}

impl Roles {
    /// The effects of a worker's consumer.
    fn sites(&self, worker: u32) -> u64 {
        self.consumers[self.consumer(worker)].sites
    }

    fn workers_of(&self, instance: u32) -> std::ops::Range<u32> {
        let role = self.instances[instance as usize];
        role.first_worker..role.end_worker
    }

    /// E2 by the broker's own count; that the count is right is judged in runs.
    fn wrong_attempts(&self, fact: &Fact) -> Asked {
        match *fact {
            Fact::DeadLettered { from, attempts, spent: true, .. } => {
                Asked::when(self.caps[from.at()] != Some(attempts), Id::E2)
            }
            _ => Asked::NONE,
        }
    }
}
