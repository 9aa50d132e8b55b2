//! Somebody who looks at the log's checkpoint all the time, and remembers the last one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use client::{HttpOptions, Source};
use parking_lot::Mutex;
use tlog::checkpoint::SignedCheckpoint;
use tlog::policy::Policy;

use crate::TrialError;

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A thread that looks. It ends when this is dropped.
pub struct Onlooker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Option<SignedCheckpoint>>,
    enough: AtomicBool,
}

impl Onlooker {
    /// Begins to look. A server that does not answer is looked for again; what it shows must be signed.
    ///
    /// # Errors
    /// The URL cannot be used, or there is no thread.
    pub fn start(url: &str, policy: &Policy) -> Result<Self, TrialError> {
        let source = source(url, 1)?;
        let (policy, shared) = (policy.clone(), Arc::<Shared>::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(TrialError::failed)?;
        let theirs = shared.clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                while !theirs.enough.load(Relaxed) {
                    let note = source.checkpoint().await.ok();
                    if let Some(shown) = note.and_then(|note| policy.verify(note).ok()) {
                        *theirs.seen.lock() = Some(shown.signed().clone());
                    }
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            });
        });
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The last checkpoint that was seen.
    pub fn seen(&self) -> Option<SignedCheckpoint> {
        self.shared.seen.lock().clone()
    }
}

impl Drop for Onlooker {
    fn drop(&mut self) {
        self.shared.enough.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has nothing more to tell.
            let _ = thread.join();
        }
    }
}

/// A log over HTTP, tried so often.
pub(crate) fn source(url: &str, attempts: u32) -> Result<Source, TrialError> {
    Source::open(url, &HttpOptions { attempts, ..HttpOptions::default() }).map_err(TrialError::failed)
}
