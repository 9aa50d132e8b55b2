//! What every handler is given.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use sequencer::{Log, reader::Reader};

use crate::{
    access::{Access, Moment},
    body::Room,
    limits::Timeouts,
    metrics::Metrics,
    problem::Problem,
};

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
    pub(crate) access: Access,
    pub(crate) publish_every: Duration,
    pub(crate) timeouts: Timeouts,
    pub(crate) room: Room,
    last_received: AtomicU64,
}

impl App {
    /// Serves a log to whom it may concern.
    pub fn new(
        log: Log,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
        publish_every: Duration,
        access: Access,
    ) -> Arc<Self> {
        Self::with_timeouts(log, metrics, clock, publish_every, access, Timeouts::default())
    }

    /// Serves a log, and waits for its callers as long as is said here.
    pub fn with_timeouts(
        log: Log,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
        publish_every: Duration,
        access: Access,
        timeouts: Timeouts,
    ) -> Arc<Self> {
        let reader = log.reader();
        let (room, last_received) = (Room::default(), AtomicU64::new(0));
        Arc::new(Self { log, reader, clock, metrics, access, publish_every, timeouts, room, last_received })
    }

    /// Name of the log.
    pub fn origin(&self) -> &str {
        &self.reader.identity().origin
    }

    /// Whom it is served to.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Moment {
        Moment::from_ms(self.clock.now_ms())
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
        Moment::from_ms(now).to_string()
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
