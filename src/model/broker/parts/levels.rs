//! Levels: a ready order for each priority.
//!
//! It knows entries by slot and the places that they were given. Which level is served next is its user's to say; mostly
//! the highest that has any.

use super::Ready;
use crate::sim::{Canon, clone_by_field};

/// Entries that wait, by level.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    /// At least one from the first entry on.
    levels: Vec<Ready>,
    len: u32,
}

clone_by_field!(Levels { levels, len });

impl Levels {
    /// How many wait.
    #[inline]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether none waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn at(&mut self, level: usize) -> &mut Ready {
        if level >= self.levels.len() {
            self.levels.resize_with(level + 1, Ready::default);
        }
        &mut self.levels[level]
    }

    /// Behind all of its level.
    #[inline]
    pub fn push(&mut self, level: usize, entry: u32) {
        self.len += 1;
        self.at(level).push(entry);
    }

    /// To its place among those of its level.
    pub fn put_back(&mut self, level: usize, entry: u32, place_of: impl Fn(u32) -> u32) {
        self.len += 1;
        self.at(level).put_back(entry, place_of);
    }

    /// The highest level that has any.
    #[inline]
    pub fn highest(&self) -> Option<usize> {
        self.levels.iter().rposition(|level| !level.is_empty())
    }

    /// The next entry of a level.
    #[inline]
    pub fn front(&self, level: usize) -> Option<u32> {
        self.levels.get(level).and_then(Ready::front)
    }

    /// Takes the next entry of a level.
    #[inline]
    pub fn pop(&mut self, level: usize) -> Option<u32> {
        let entry = self.levels.get_mut(level)?.pop()?;
        self.len -= 1;
        Some(entry)
    }

    /// The levels that have any, the highest first.
    pub fn occupied(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.levels.len()).rev().filter(|&level| !self.levels[level].is_empty())
    }

    /// All entries, the highest level first.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.levels.iter().rev().flat_map(Ready::iter)
    }

    /// Takes all, the highest level first.
    pub fn drain(&mut self) -> Vec<u32> {
        self.len = 0;
        self.levels.iter_mut().rev().flat_map(|level| level.drain().collect::<Vec<u32>>()).collect()
    }

    /// Writes them in order, level by level.
    pub fn canon<F: Canon>(&self, form: &mut F, mut each: impl FnMut(&mut F, u32)) {
        for level in &self.levels {
            level.canon(form, &mut each);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_stands_in_its_place_among_equals() {
        let mut levels = Levels::default();
        [(0, 1), (3, 2), (0, 4), (3, 5)].into_iter().for_each(|(level, entry)| levels.push(level, entry));
        levels.put_back(0, 3, |entry| entry);
        levels.put_back(7, 0, |entry| entry);
        assert_eq!((levels.len(), levels.highest()), (6, Some(7)));
        assert_eq!(levels.pop(3), Some(2));
        assert_eq!(levels.occupied().collect::<Vec<_>>(), [7, 3, 0]);
        assert_eq!(levels.drain(), [0, 5, 1, 3, 4]);
        assert!(levels.is_empty());
    }
}
