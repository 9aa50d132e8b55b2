//! Work that is worth a second thread.

use std::{sync::LazyLock, thread};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::Semaphore;

/// Threads that stand ready: a new one would cost as much as reading some bundles, and find nothing of what is kept for each
/// thread. Whoever asks works too, so there is one less than there are cores.
struct Ready {
    pool: ThreadPool,
    /// Those that have nothing to do.
    free: Semaphore,
}

impl Ready {
    /// `None` where there is no thread to be had.
    fn with(threads: usize) -> Option<Self> {
        let pool =
            ThreadPoolBuilder::new().num_threads(threads).thread_name(|number| format!("half-{number}"));
        Some(Self { pool: pool.build().ok()?, free: Semaphore::new(threads) })
    }
}

static READY: LazyLock<Option<Ready>> = LazyLock::new(|| {
    Ready::with(thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).max(1)))
});

/// Does the work for all items at once where they are fewer than `few`, or no thread is free; else for the second half on
/// another thread. Answers what came of the parts, in the order of the items.
pub fn in_halves<'t, T: Sync, R: Send>(
    items: &'t [T],
    few: usize,
    work: impl Fn(&'t [T]) -> R + Sync,
) -> Vec<R> {
    let ready = READY.as_ref().filter(|_| items.len() >= few.max(2));
    ready.and_then(|ready| halves(ready, items, &work)).unwrap_or_else(|| vec![work(items)])
}

/// `None` where no thread is free. Nobody stands in line for one: he would have done the second half before it was his turn.
fn halves<'t, T: Sync, R: Send>(
    ready: &Ready,
    items: &'t [T],
    work: &(impl Fn(&'t [T]) -> R + Sync),
) -> Option<Vec<R>> {
    let _taken = ready.free.try_acquire().ok()?;
    let (here, there) = items.split_at(items.len() / 2);
    let mut second = None;
    let first = ready.pool.in_place_scope(|scope| {
        scope.spawn(|_| second = Some(work(there)));
        work(here)
    });
    Some([first].into_iter().chain(second).collect())
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::{Ready, halves, in_halves};

    #[test]
    fn all_of_it_in_its_order_whoever_does_it() {
        for (count, few) in [(0, 0), (1, 1), (2, 2), (9, 10), (10, 10), (11, 10)] {
            let items: Vec<usize> = (0..count).collect();
            let parts = in_halves(&items, few, <[usize]>::to_vec);
            assert_eq!(parts.concat(), items);
            assert!(parts.len() == 1 || (parts.len() == 2 && count >= few), "{count} of {few}");
        }
    }

    #[test]
    fn two_threads_do_it_while_one_is_free_and_nobody_waits_for_one() {
        let ready = Ready::with(1).unwrap();
        let work = |part: &[u8]| (thread::current().id(), part.to_vec());
        let parts = halves(&ready, &[1, 2, 3], &work).unwrap();
        assert_eq!(parts.iter().map(|(_, part)| &part[..]).collect::<Vec<_>>(), [&[1][..], &[2, 3]]);
        assert_eq!(parts.iter().map(|(id, _)| *id).collect::<HashSet<_>>().len(), 2);
        let within = halves(&ready, &[1, 2], &|_: &[u8]| halves(&ready, &[1, 2], &work).is_none()).unwrap();
        assert_eq!(within, [true, true], "the only thread has something to do");
        assert!(halves(&ready, &[1, 2], &work).is_some(), "and is free again");
    }

    #[test]
    #[should_panic(expected = "the second half")]
    fn a_panic_of_the_other_thread_is_one_of_this_one() {
        let ready = Ready::with(1).unwrap();
        halves(&ready, &[1, 2], &|part: &[u8]| assert_ne!(part, [2], "the second half"));
    }
}
