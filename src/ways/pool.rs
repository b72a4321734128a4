//! The same work on many things, on some threads; the results come in the order of the things.
//!
//! It knows neither worlds nor seeds. Rule: the number of threads changes nothing but how long it takes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Works on every item and hands each result on as soon as those before it are there. `done` ends it by `false`.
pub(crate) fn in_order<T: Sync, R: Send>(
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

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn results_come_in_order_on_any_number_of_threads_until_they_are_not_wanted() {
        let items: Vec<u32> = (0..100).collect();
        for threads in [0, 1, 2, 7, 200] {
            let mut told = Vec::new();
            in_order(
                &items,
                threads,
                |item| item * 2,
                |result| {
                    told.push(result);
                    told.len() < 50
                },
            );
            assert_eq!(told, (0..50).map(|item| item * 2).collect::<Vec<u32>>());
        }
    }
}
