//! Stores: what effects are applied to, and where operations are marked as done.
//!
//! A store knows marks by name (an operation's number, or one of its copies) and workers by number, and nothing of queues. A
//! transaction inserts a name: a second insert waits for the first transaction, then conflicts with what it committed. Rule:
//! an insert belongs to one open transaction at a time.

use std::collections::{BTreeSet, VecDeque};

use crate::sim::{Canon, clone_by_field};

/// What a store remembers.
#[derive(Debug)]
pub struct Store {
    /// By room, a bit for each operation; rooms are the processes of a cache, one for all other stores.
    marks: Vec<Vec<u64>>,
    /// By room, the names that are no operation's: see [`name`].
    others: BTreeSet<(u32, u64)>,
    /// Inserts of open transactions: name and worker.
    inserted: Vec<(u64, u32)>,
    /// Workers that wait for one of them, in the order in which they came.
    waiting: VecDeque<(u64, u32)>,
}

clone_by_field!(Store { marks, others, inserted, waiting });

/// The name of a copy of an operation; of copy 0 it is the operation's own.
pub fn name(op: u32, copy: u16) -> u64 {
    u64::from(copy) << 32 | u64::from(op)
}

/// What came of an insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insert {
    /// It is the transaction's.
    Done,
    /// It is committed already.
    Conflict,
    /// Another transaction has it: wait.
    Wait,
}

impl Store {
    /// An empty store. `rooms`: the number of processes where each has a memory of its own, otherwise 1.
    pub fn new(rooms: u32) -> Store {
        Store {
            marks: vec![Vec::new(); rooms as usize],
            others: BTreeSet::new(),
            inserted: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Which room it is: the only one, where all share it.
    fn room(&self, room: u32) -> usize {
        if self.marks.len() > 1 { room as usize } else { 0 }
    }

    /// Whether a name is marked, in this room.
    #[inline]
    pub fn is_marked(&self, name: u64, room: u32) -> bool {
        let Ok(op) = u32::try_from(name) else { return self.others.contains(&(self.room(room) as u32, name)) };
        let (word, bit) = place(op);
        self.marks[self.room(room)].get(word).is_some_and(|marks| marks & bit != 0)
    }

    /// Marks it.
    #[inline]
    pub fn mark(&mut self, name: u64, room: u32) {
        let room = self.room(room);
        let Ok(op) = u32::try_from(name) else {
            self.others.insert((room as u32, name));
            return;
        };
        let (word, bit) = place(op);
        let marks = &mut self.marks[room];
        if marks.len() <= word {
            marks.resize(word + 1, 0);
        }
        marks[word] |= bit;
    }

    /// Forgets an operation.
    pub fn forget(&mut self, op: u32) {
        let (word, bit) = place(op);
        if let Some(marks) = self.marks[0].get_mut(word) {
            *marks &= !bit;
        }
    }

    /// Forgets all that one process knew.
    pub fn forget_room(&mut self, room: u32) {
        let room = self.room(room);
        self.marks[room].clear();
        self.others.retain(|&(of, _)| of as usize != room);
    }

    /// A transaction of `worker` inserts a name.
    pub fn insert(&mut self, name: u64, worker: u32) -> Insert {
        if self.is_marked(name, 0) {
            return Insert::Conflict;
        }
        match self.inserted.iter().find(|(inserted, _)| *inserted == name) {
            Some(&(_, owner)) if owner == worker => Insert::Done,
            Some(_) => {
                self.waiting.push_back((name, worker));
                Insert::Wait
            }
            None => {
                self.inserted.push((name, worker));
                Insert::Done
            }
        }
    }

    /// The transaction of `worker` that inserted a name ends; its insert stands where it `commits`. Whoever waited for it is woken:
    /// all of them after a commit (they will conflict), the first after a rollback (it inserts). So it is where the one
    /// that was woken dies before it could insert: the next is woken.
    pub fn end(&mut self, name: u64, worker: u32, commits: bool, mut wake: impl FnMut(u32)) {
        self.inserted.retain(|&insert| insert != (name, worker));
        if self.inserted.iter().any(|&(inserted, _)| inserted == name) {
            return; // another transaction has it
        }
        if commits {
            self.mark(name, 0);
        }
        let mut woken = 0;
        self.waiting.retain(|&(waits_for, who)| {
            let wakes = waits_for == name && (commits || woken == 0);
            if wakes {
                woken += 1;
                wake(who);
            }
            !wakes
        });
    }

    /// A worker no longer waits.
    pub fn leave(&mut self, worker: u32) {
        self.waiting.retain(|&(_, who)| who != worker);
    }

    /// Writes what the store remembers.
    pub fn canon(&self, form: &mut impl Canon) {
        for marks in &self.marks {
            let words = marks.iter().rposition(|&marks| marks != 0).map_or(0, |last| last + 1);
            form.list(marks[..words].iter(), |form, &marks| form.put(marks));
        }
        // Which transaction inserted first changes nothing: every key has one owner.
        form.put(self.inserted.len() as u64);
        let mut last = None;
        while let Some(&insert) = self.inserted.iter().filter(|&&insert| Some(insert) > last).min() {
            form.puts([insert.0, u64::from(insert.1)]);
            last = Some(insert);
        }
        form.list(self.waiting.iter(), |form, &(name, worker)| form.puts([name, u64::from(worker)]));
        form.list(self.others.iter(), |form, &(room, name)| form.puts([u64::from(room), name]));
    }
}

/// Where an operation's bit is in its room.
fn place(op: u32) -> (usize, u64) {
    (op as usize / 64, 1 << (op % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(store: &mut Store, op: u64, worker: u32, commits: bool) -> Vec<u32> {
        let mut woken = Vec::new();
        store.end(op, worker, commits, |who| woken.push(who));
        woken
    }

    #[test]
    fn a_second_insert_waits_then_conflicts() {
        let mut store = Store::new(1);
        assert_eq!(store.insert(7, 0), Insert::Done);
        assert_eq!(store.insert(7, 1), Insert::Wait);
        assert_eq!(store.insert(8, 2), Insert::Done);
        assert_eq!(end(&mut store, 7, 0, true), [1]);
        assert_eq!(store.insert(7, 1), Insert::Conflict);
    }

    #[test]
    fn a_rollback_lets_the_first_waiter_in() {
        let mut store = Store::new(1);
        store.insert(7, 0);
        store.insert(7, 1);
        store.insert(7, 2);
        assert_eq!(end(&mut store, 7, 0, false), [1]);
        assert_eq!(store.insert(7, 1), Insert::Done);
        assert_eq!(end(&mut store, 7, 1, true), [2]);
    }

    #[test]
    fn who_is_woken_and_dies_leaves_the_key_to_the_next() {
        let mut store = Store::new(1);
        store.insert(7, 0);
        store.insert(7, 1);
        store.insert(7, 2);
        assert_eq!(end(&mut store, 7, 0, false), [1]);
        assert_eq!(end(&mut store, 7, 1, false), [2]);
        assert_eq!(store.insert(7, 2), Insert::Done);
    }

    #[test]
    fn a_cache_forgets_with_its_process() {
        let mut cache = Store::new(3);
        cache.mark(5, 0);
        cache.mark(5, 2);
        cache.forget_room(2);
        assert_eq!((cache.is_marked(5, 0), cache.is_marked(5, 1), cache.is_marked(5, 2)), (true, false, false));
    }
}
