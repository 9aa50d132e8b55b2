//! Places for work that blocks, on threads that may take their time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::problem::Problem;

/// So many pieces of such work are done at one time.
pub(crate) struct Places(Arc<Semaphore>);

impl Places {
    pub(crate) fn new(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(places)))
    }

    /// Does one piece of work in its turn. Whoever goes away while he waits has no turn; once his work is begun, it keeps its
    /// place until it is done, also if nobody waits for it.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Box<Problem>> {
        let place = self.0.clone().acquire_owned().await;
        let work = move || {
            let done = work();
            drop(place);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))
    }

    /// How many are free.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.0.available_permits()
    }
}
