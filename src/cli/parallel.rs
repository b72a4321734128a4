//! The same work on many things, on some threads; the results come in the order of the things.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// As many threads as the machine runs at once.
pub(super) fn threads(asked: Option<u32>) -> usize {
    let at_once = || thread::available_parallelism().map_or(1, usize::from);
    asked.map_or_else(at_once, |asked| asked as usize)
}

/// Works on every item and hands each result on as soon as those before it are there. `done` ends it by `false`.
pub(super) fn in_order<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
    mut done: impl FnMut(R) -> bool,
) {
    let next = AtomicUsize::new(0);
    let (results, come_in) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, items.len().max(1)) {
            let results = results.clone();
            let (next, work) = (&next, &work);
            scope.spawn(move || {
                while let Some((at, item)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?)))
                {
                    // Nobody listens any more: the rest is not wanted.
                    if results.send((at, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        let mut waiting: Vec<Option<R>> = items.iter().map(|_| None).collect();
        let mut told = 0;
        for (at, result) in come_in {
            waiting[at] = Some(result);
            while let Some(result) = waiting.get_mut(told).and_then(Option::take) {
                told += 1;
                if !done(result) {
                    return;
                }
            }
        }
    });
}
