//! What every handler is given.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use lookup::Lookups;
use sequencer::{Log, beside::Rows, reader::Reader, witnesses::WhenUnwitnessed};
use tlog::{checkpoint::SignedCheckpoint, cosignature::Timestamp, policy::Policy};
use tokio::sync::Semaphore;
use witnessing::Witnesses;

use crate::{
    access::{Access, Moment},
    body::Room,
    clerk::{Draft, SUBMITTER},
    custody::{Custody, CustodyError},
    limits::{EVIDENCE_AT_ONCE, Timeouts},
    metrics::Metrics,
    problem::{Code, Problem},
};

/// Time and chance, passed in so that tests can hold them.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> i64;

    /// The time for a cosignature; none if the clock shows one before 1970.
    fn timestamp(&self) -> Timestamp {
        let seconds = u64::try_from(self.now_ms() / 1_000).unwrap_or(0);
        Timestamp::from_seconds(seconds).unwrap_or(Timestamp::NONE)
    }
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
    pub(crate) custody: Option<Custody>,
    pub(crate) lookups: Option<Lookups>,
    pub(crate) witnesses: Option<Arc<Witnesses>>,
    /// What they have to satisfy.
    policy: Option<Policy>,
    pub(crate) publish_every: Duration,
    pub(crate) timeouts: Timeouts,
    pub(crate) room: Room,
    pub(crate) evidence_turns: Semaphore,
    last_received: AtomicU64,
}

/// How a log is served.
pub struct Config {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How often the log publishes.
    pub publish_every: Duration,
    /// To whom.
    pub access: Access,
    /// Who keeps its content, and writes its own records; a log of raw entries has neither.
    pub custody: Option<Custody>,
    /// Which records speak of whom; kept by [`Following`](crate::Following). A log of raw entries has none.
    pub lookups: Option<Lookups>,
    /// Who cosigns what it publishes: those that the log was opened with.
    pub witnesses: Option<Arc<Witnesses>>,
    /// How long callers are waited for.
    pub timeouts: Timeouts,
}

impl App {
    /// Serves a log to whom it may concern. May block.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn new(log: Log, config: Config) -> Result<Arc<Self>, CustodyError> {
        let reader = log.reader();
        if let Some(custody) = &config.custody {
            custody.begin(&reader)?;
        }
        let Config { metrics, clock, publish_every, access, custody, lookups, witnesses, timeouts } = config;
        let (room, last_received) = (Room::default(), AtomicU64::new(0));
        Ok(Arc::new(Self {
            log,
            reader,
            clock,
            metrics,
            access,
            custody,
            lookups,
            policy: witnesses.as_ref().map(|witnesses| witnesses.policy()),
            witnesses,
            publish_every,
            timeouts,
            room,
            evidence_turns: Semaphore::new(EVIDENCE_AT_ONCE),
            last_received,
        }))
    }

    /// Who keeps the log's content.
    pub(crate) fn custody(&self) -> Result<&Custody, Box<Problem>> {
        let none = || Problem::new(Code::NotFound, "This log takes raw entries; it has no records.");
        self.custody.as_ref().ok_or_else(none)
    }

    /// Which records speak of whom.
    pub(crate) fn lookups(&self) -> Result<&Lookups, Box<Problem>> {
        let none = || Problem::new(Code::NotFound, "This log takes raw entries; it has no records.");
        self.lookups.as_ref().ok_or_else(none)
    }

    /// Records the first admin token, which was made before the log was open.
    ///
    /// # Errors
    /// The log takes no entries.
    pub async fn record_first_admin(self: &Arc<Self>) -> Result<(), Box<Problem>> {
        let (Access::Tokens(tokens), Some(custody)) = (&self.access, &self.custody) else { return Ok(()) };
        let list = tokens.list();
        let Some(first) = list.tokens().next().cloned() else { return Ok(()) };
        custody.clerk.write(self, Draft::granted(&first, SUBMITTER), |_| Ok(Rows::default())).await.map(drop)
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

    /// Whether the public log stands still while it has too few cosignatures.
    pub(crate) fn holds(&self) -> bool {
        self.reader.when_unwitnessed() == Some(WhenUnwitnessed::Hold)
    }

    /// Whether the public log stands still because too few have cosigned. Where it stands still and enough have, it is the disk.
    pub fn waits_for_witnesses(&self) -> bool {
        self.holds() && self.witnesses.as_ref().is_some_and(|witnesses| !witnesses.report().met)
    }

    /// Whether a checkpoint has enough cosignatures for the log's own policy; `None` if the log asks for none.
    pub(crate) fn is_witnessed(&self, checkpoint: &SignedCheckpoint) -> Option<bool> {
        self.policy.as_ref().map(|policy| policy.verify(checkpoint.bytes().clone()).is_ok())
    }

    /// The same of the checkpoint of a commit, which nobody has cosigned.
    pub(crate) fn is_witnessed_by_nobody(&self) -> Option<bool> {
        self.policy.as_ref().map(|policy| policy.satisfied_by(|_| false))
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
