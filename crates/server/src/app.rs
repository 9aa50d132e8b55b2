//! What every handler is given.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use sequencer::{Log, reader::Reader};

use crate::{body::Room, limits::Timeouts, metrics::Metrics, problem::Problem};

/// Time and chance, passed in so that tests can hold them.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> i64;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }
}

/// A log and how it is served.
pub struct App {
    pub(crate) log: Log,
    pub(crate) reader: Reader,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) publish_every: Duration,
    pub(crate) timeouts: Timeouts,
    pub(crate) room: Room,
    last_received: AtomicU64,
}

impl App {
    /// Serves a log.
    pub fn new(log: Log, metrics: Arc<Metrics>, clock: Arc<dyn Clock>, publish_every: Duration) -> Arc<Self> {
        Self::with_timeouts(log, metrics, clock, publish_every, Timeouts::default())
    }

    /// Serves a log, and waits for its callers as long as is said here.
    pub fn with_timeouts(
        log: Log,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
        publish_every: Duration,
        timeouts: Timeouts,
    ) -> Arc<Self> {
        let reader = log.reader();
        let (room, last_received) = (Room::default(), AtomicU64::new(0));
        Arc::new(Self { log, reader, clock, metrics, publish_every, timeouts, room, last_received })
    }

    /// Name of the log.
    pub fn origin(&self) -> &str {
        &self.reader.identity().origin
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// When a request arrived, as RFC 3339 with milliseconds. It is the clock's word: a clock that jumps back is
    /// noticed, told to the operator, and not corrected.
    pub(crate) fn received(&self) -> String {
        let now = self.clock.now_ms();
        let before = self.last_received.swap(now.unsigned_abs(), Relaxed);
        if now.unsigned_abs() + 1000 < before {
            tracing::warn!(now, before, "the clock went back by more than a second");
            self.metrics.clock_went_back();
        }
        rfc3339(now)
    }

    /// Reads the log on a thread that may wait.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> T + Send + 'static,
    ) -> Result<T, Box<Problem>> {
        let reader = self.reader.clone();
        let done = tokio::task::spawn_blocking(move || work(&reader)).await;
        done.map_err(|error| Problem::internal(&error))
    }
}

/// `2026-11-23T08:14:03.118Z`
fn rfc3339(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_have_milliseconds_always() {
        assert_eq!(super::rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(super::rfc3339(1_763_885_643_118), "2025-11-23T08:14:03.118Z");
        assert_eq!(super::rfc3339(1_763_885_643_100), "2025-11-23T08:14:03.100Z");
    }
}
