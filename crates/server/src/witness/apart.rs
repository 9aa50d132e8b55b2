//! Work with a bound of its own, on threads that may take their time.

use std::sync::Arc;

#[cfg(test)]
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

use crate::{places::Places, problem::Problem};

/// Where such work is done.
pub(super) struct Apart {
    /// Places of those who wait or are worked for.
    places: Arc<Semaphore>,
    /// Places of those who are worked for.
    at_once: Places,
}

impl Apart {
    /// So many are let in, and so many of these are worked for at one time.
    pub(super) fn new(places: usize, at_once: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), at_once: Places::new(at_once) }
    }

    /// Does one piece of work in its turn; `None` if there is no place. Whoever goes away while he waits gives up his place;
    /// once his work is begun, it keeps the place until it is done.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<Result<T, Box<Problem>>> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let work = move || {
            let _place = place;
            work()
        };
        Some(self.at_once.work(work).await)
    }

    /// Takes all places.
    #[cfg(test)]
    pub(super) fn fill(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(self.places.available_permits()).unwrap();
        self.places.clone().try_acquire_many_owned(all).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt as _;

    use super::*;

    /// Waits until so many of the places are free.
    async fn until_free(apart: &Apart, places: usize, at_once: usize) {
        let free = || (apart.places.available_permits(), apart.at_once.free());
        tokio::time::timeout(std::time::Duration::from_secs(30), async {
            while free() != (places, at_once) {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{:?} are free", free()));
    }

    #[tokio::test]
    async fn so_many_are_worked_for_and_one_more_than_may_wait_is_refused() {
        let apart = Apart::new(4, 2);
        let (begun, begins) = mpsc::channel();
        let mut ends = vec![];
        let mut asked: Vec<_> = (0..4)
            .map(|number| {
                let ((end, ended), begun) = (mpsc::channel::<()>(), begun.clone());
                ends.push(end);
                let work = move || {
                    begun.send(number).unwrap();
                    let _ = ended.recv();
                    number
                };
                Box::pin(apart.work(work))
            })
            .collect();
        asked.iter_mut().for_each(|asked| assert!(asked.now_or_never().is_none()));
        assert!(apart.work(|| ()).await.is_none(), "there is no place for a fifth");
        until_free(&apart, 0, 0).await;
        let mut first = [begins.recv().unwrap(), begins.recv().unwrap()];
        first.sort_unstable();
        assert_eq!(first, [0, 1]);
        // Every piece of work has its thread: a third that had begun would be heard of.
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        assert!(begins.try_recv().is_err(), "the others wait");
        drop(ends);
        for (number, asked) in asked.into_iter().enumerate() {
            assert_eq!(asked.await.unwrap().unwrap(), number);
        }
        until_free(&apart, 4, 2).await;
    }

    #[tokio::test]
    async fn whoever_goes_away_frees_a_place_when_his_work_is_done_and_not_before() {
        let apart = Apart::new(2, 1);
        let ((begun, begins), (end, ended)) = (mpsc::channel(), mpsc::channel::<()>());
        let work = move || {
            begun.send(()).unwrap();
            ended.recv()
        };
        let mut works = Box::pin(apart.work(work));
        let mut waits = Box::pin(apart.work(|| ()));
        assert!((&mut works).now_or_never().is_none() && (&mut waits).now_or_never().is_none());
        begins.recv().unwrap();
        until_free(&apart, 0, 0).await;
        drop(waits);
        until_free(&apart, 1, 0).await;
        drop(works);
        assert!((apart.places.available_permits(), apart.at_once.free()) == (1, 0));
        drop(end);
        until_free(&apart, 2, 1).await;
    }
}
