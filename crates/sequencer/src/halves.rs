//! Work that is worth a second thread.

use std::{sync::LazyLock, thread};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Threads that stand ready: a new one would cost as much as reading some bundles, and find nothing of what is kept for each
/// thread. Whoever asks works too, so there is one less than there are cores. `None` where there is no thread to be had.
static READY: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let threads = ThreadPoolBuilder::new().num_threads((cores - 1).max(1));
    threads.thread_name(|number| format!("half-{number}")).build().ok()
});

/// Does the work for all items at once where they are fewer than `few`; else for the second half on another thread. Answers
/// what came of the parts, in the order of the items.
pub fn in_halves<'t, T: Sync, R: Send>(
    items: &'t [T],
    few: usize,
    work: impl Fn(&'t [T]) -> R + Sync,
) -> Vec<R> {
    let Some(ready) = READY.as_ref().filter(|_| items.len() >= few.max(2)) else {
        return vec![work(items)];
    };
    let (here, there) = items.split_at(items.len() / 2);
    let mut second = None;
    let first = ready.in_place_scope(|scope| {
        scope.spawn(|_| second = Some(work(there)));
        work(here)
    });
    [first].into_iter().chain(second).collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::in_halves;

    #[test]
    fn all_of_it_in_its_order_and_on_two_threads_only_where_it_is_much() {
        for (count, few, threads) in [(0, 0, 1), (1, 1, 1), (2, 2, 2), (9, 10, 1), (10, 10, 2), (11, 10, 2)] {
            let items: Vec<usize> = (0..count).collect();
            let parts = in_halves(&items, few, |part| (thread::current().id(), part.to_vec()));
            let ids: HashSet<_> = parts.iter().map(|(id, _)| *id).collect();
            assert_eq!(ids.len(), threads, "{count} of {few}");
            assert_eq!(parts.into_iter().flat_map(|(_, part)| part).collect::<Vec<_>>(), items);
        }
    }

    #[test]
    #[should_panic(expected = "the second half")]
    fn a_panic_of_the_other_thread_is_one_of_this_one() {
        in_halves(&[1, 2], 2, |part| assert_ne!(part, [2], "the second half"));
    }
}
