//! A log put under load, and held to what it acknowledged.
//!
//! Each worker has one connection that is kept alive, and sends one request after the other (closed loop), or takes the
//! next request that is due at a fixed rate (open loop: a request's latency then counts from when it was due, so a log
//! that stalls does not hide it). What the log acknowledges is written to a list at once; afterwards, or after a crash,
//! [`verify`](Promises::verify) reads the log once and holds it to every line: the entry at that index is the one that
//! was sent, and all entries together are the tree that the log signed.

mod acks;
mod connection;
mod payload;
mod tally;
mod verify;
mod watch;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use url::Url;

use crate::audit::Progress;
use crate::http::Bearer;

pub use acks::{Ack, AckError, AckList};
pub use payload::{ENTRY_BYTES_MIN, Payload};
pub use tally::Latencies;
pub use verify::{Checked, Promises, VerifyError};

use acks::AckWriter;
use connection::Target;
use tally::Tally;
use worker::Worker;

/// How often what was acknowledged is written out.
const WRITE_EVERY: Duration = Duration::from_millis(50);

/// How to load a log.
#[derive(Debug, Clone)]
pub struct Load {
    /// URL prefix that takes submissions; plain `http` only.
    pub url: Url,
    /// Shown to the log, if there is one.
    pub token: Option<Bearer>,
    /// What is sent.
    pub payload: Payload,
    /// Records in one request; 1 for raw entries.
    pub per_request: u64,
    /// Workers, each with a connection.
    pub workers: u32,
    /// Requests a second that are due, all workers together; without it each worker sends as fast as it is answered.
    pub rate: Option<f64>,
    /// No request begins after this time.
    pub duration: Duration,
    /// No more requests than this.
    pub requests_max: Option<u64>,
    /// Where the list of what was acknowledged goes.
    pub acks: PathBuf,
    /// Time for one request.
    pub timeout: Duration,
}

/// Why there was no load.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The URL cannot be used.
    #[error(
        "{0}: load is put on plain http URLs only; name the log's own port rather than its TLS front, or serve it without TLS on loopback"
    )]
    Url(Url),
    /// Raw entries go one a request.
    #[error("raw entries are sent one a request")]
    PerRequest,
    /// The list could not be written.
    #[error(transparent)]
    Acks(#[from] AckError),
}

/// What came of a load.
#[derive(Debug, Clone, Serialize)]
pub struct Loaded {
    /// Seconds from the first request to the last answer.
    pub seconds: f64,
    /// Requests that were answered with success.
    pub requests: u64,
    /// Entries that were acknowledged.
    pub acknowledged: u64,
    /// Of these, records that the log had already: sent again, because the answer to an earlier try was lost.
    pub duplicates: u64,
    /// Records that were sent again, because nobody could tell what became of an earlier try.
    pub resent: u64,
    /// Acknowledged entries a second.
    pub per_second: f64,
    /// Answers by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
    /// What else happened, by kind.
    pub errors: BTreeMap<String, u64>,
    /// Of successful requests.
    pub latencies: Latencies,
    /// Where the list is.
    pub acks: PathBuf,
}

/// What all workers share.
pub(crate) struct Shared {
    load: Load,
    target: Target,
    tally: Tally,
    /// Entries made so far: each gets a number of its own.
    made: AtomicU64,
    /// Requests begun so far.
    begun: AtomicU64,
    start: Instant,
    stop: AtomicBool,
}

impl Load {
    /// Puts the log under load.
    ///
    /// # Errors
    /// Nothing could be sent, or the list of what was acknowledged could not be kept.
    pub async fn run(self, progress: &dyn Progress) -> Result<Loaded, LoadError> {
        if self.payload.is_raw() && self.per_request != 1 {
            return Err(LoadError::PerRequest);
        }
        let target = Target::new(&self).ok_or_else(|| LoadError::Url(self.url.clone()))?;
        let writer = AckWriter::create(&self.acks, &self.payload)?;
        let shared = Arc::new(Shared {
            target,
            tally: Tally::new(),
            made: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            start: Instant::now(),
            stop: AtomicBool::new(false),
            load: self,
        });
        let workers: Vec<_> = (0..shared.load.workers)
            .map(|number| tokio::spawn(Worker::new(number, shared.clone()).run()))
            .collect();
        let writing = keep_acks(&shared, writer, progress, &workers).await;
        shared.stop.store(true, Ordering::Relaxed);
        for worker in workers {
            // A worker that panicked is a mistake of this program; the others' results stand.
            if let Err(error) = worker.await {
                shared.tally.error(0, &format!("worker: {error}"));
            }
        }
        let seconds = shared.start.elapsed().as_secs_f64();
        let mut writer = writing?;
        writer.write(&shared.tally.take_acks())?;
        writer.finish()?;
        Ok(shared.tally.report(seconds, shared.load.acks.clone()))
    }
}

/// Writes out what was acknowledged until all workers are done.
async fn keep_acks<T>(
    shared: &Shared,
    mut writer: AckWriter,
    progress: &dyn Progress,
    workers: &[tokio::task::JoinHandle<T>],
) -> Result<AckWriter, AckError> {
    while workers.iter().any(|worker| !worker.is_finished()) {
        tokio::time::sleep(WRITE_EVERY).await;
        writer.write(&shared.tally.take_acks())?;
        let done = shared.start.elapsed().min(shared.load.duration).as_millis();
        let of = shared.load.duration.as_millis();
        progress.entries(u64::try_from(done).unwrap_or(u64::MAX), u64::try_from(of).unwrap_or(u64::MAX));
    }
    Ok(writer)
}

impl Shared {
    /// When the next request is due; `None` when there are enough.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        if self.stop.load(Ordering::Relaxed) || self.load.requests_max.is_some_and(|max| number >= max) {
            return None;
        }
        let due = match self.load.rate {
            Some(rate) => self.start + Duration::from_secs_f64(number as f64 / rate),
            None => Instant::now(),
        };
        (due < self.start + self.load.duration).then_some(due)
    }
}

#[cfg(test)]
mod tests;
