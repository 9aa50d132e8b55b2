//! Everything that is counted, in one place, as Prometheus text.

mod shared;
mod witnesses;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use sequencer::log::{Commit, Log, Observer};
use tlog::checkpoint::SignedCheckpoint;
use witnessing::{Cause, Report};

use crate::{access::Denied, routes::ALL};

pub use shared::Connections;
pub(crate) use shared::{OpenConnection, Requests, gauged};

/// Labels of a request that was not let in.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Why {
    why: &'static str,
}

/// All metrics of a server.
pub struct Metrics {
    registry: Registry,
    requests: Arc<Requests>,
    denied: Family<Why, Counter>,
    entries: Counter,
    entry_bytes: Counter,
    duplicates: Counter,
    conflicts: Counter,
    commits: Counter,
    commit_seconds: Histogram,
    store_seconds: Histogram,
    size: Gauge<i64, AtomicI64>,
    published_size: Gauge<i64, AtomicI64>,
    failed: Gauge<i64, AtomicI64>,
    clock_went_back: Counter,
    connections: Connections,
    waiting: Gauge<i64, AtomicI64>,
    published_age: Gauge<f64, AtomicU64>,
    published_at: Mutex<Option<Instant>>,
    lookup_size: Gauge,
    lookup_findings_size: Gauge,
    witnesses: witnesses::Witnesses,
}

impl Metrics {
    /// Metrics at zero, of a log that asks no witnesses.
    pub fn new() -> Arc<Self> {
        Self::make(false)
    }

    /// Metrics at zero, of a log that asks witnesses.
    pub fn with_witnesses() -> Arc<Self> {
        Self::make(true)
    }

    fn make(asks_witnesses: bool) -> Arc<Self> {
        let seconds =
            || Histogram::new([0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]);
        let mut metrics = Self {
            registry: Registry::with_prefix("deedbook"),
            requests: Requests::new(&ALL),
            denied: Family::default(),
            entries: Counter::default(),
            entry_bytes: Counter::default(),
            duplicates: Counter::default(),
            conflicts: Counter::default(),
            commits: Counter::default(),
            commit_seconds: seconds(),
            store_seconds: seconds(),
            size: Gauge::default(),
            published_size: Gauge::default(),
            failed: Gauge::default(),
            clock_went_back: Counter::default(),
            connections: Connections::default(),
            waiting: Gauge::default(),
            published_age: Gauge::default(),
            published_at: Mutex::default(),
            lookup_size: Gauge::default(),
            lookup_findings_size: Gauge::default(),
            witnesses: witnesses::Witnesses::new(),
        };
        metrics.register();
        if asks_witnesses {
            metrics.witnesses.register(&mut metrics.registry);
        }
        Arc::new(metrics)
    }

    #[rustfmt::skip]
    fn register(&mut self) {
        let r = &mut self.registry;
        self.requests.register(r);
        r.register("denied", "Requests not let in: no token, one that is unknown, expired or revoked, or without the role", self.denied.clone());
        r.register("entries", "Entries logged since the start", self.entries.clone());
        r.register_with_unit("entries", "Size of the entries logged since the start", Unit::Bytes, self.entry_bytes.clone());
        r.register("duplicates", "Submissions that were in the log already", self.duplicates.clone());
        r.register("conflicts", "Submissions refused because other bytes stand under their id", self.conflicts.clone());
        r.register("commits", "Commits", self.commits.clone());
        r.register_with_unit("commit", "From taking a batch to its being durable", Unit::Seconds, self.commit_seconds.clone());
        r.register_with_unit("store_commit", "The store's part of a commit: writing and syncing", Unit::Seconds, self.store_seconds.clone());
        r.register("size", "Size of the log, durable", self.size.clone());
        r.register("published_size", "Size of the published checkpoint", self.published_size.clone());
        r.register_with_unit("published_age", "Since the last publication", Unit::Seconds, self.published_age.clone());
        r.register("failed", "1 after the log has stopped writing because of a failure", self.failed.clone());
        r.register("clock_went_back", "Times that the clock went back by more than a second", self.clock_went_back.clone());
        self.connections.register(r);
        r.register("lookup_size", "Entries that the lookups answer for", self.lookup_size.clone());
        r.register("lookup_findings_size", "Entries whose findings the lookups know", self.lookup_findings_size.clone());
        r.register("pool_entries", "Entries waiting for a commit", self.waiting.clone());
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self, log: &Log, witnesses: Option<&Report>) -> Result<String, std::fmt::Error> {
        if let Some(report) = witnesses {
            self.witnesses.report(report);
        }
        let reader = log.reader();
        self.waiting.set(log.waiting().cast_signed() as i64);
        self.size.set(reader.committed().head().size.cast_signed());
        self.published_size.set(reader.published().size().cast_signed());
        self.published_age.set(self.published_age().map_or(f64::INFINITY, |age| age.as_secs_f64()));
        self.encode()
    }

    /// What was counted so far.
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Since the last publication; `None` before the first.
    pub(crate) fn published_age(&self) -> Option<Duration> {
        self.published_at.lock().map(|at| at.elapsed())
    }

    /// Requests, for whoever counts them.
    pub(crate) fn requests(&self) -> Arc<Requests> {
        self.requests.clone()
    }

    pub(crate) fn denied(&self, denied: Denied) {
        self.denied.get_or_create(&Why { why: denied.name() }).inc();
    }

    pub(crate) fn lookups(&self, answered: u64, folded: u64) {
        self.lookup_size.set(answered.cast_signed());
        self.lookup_findings_size.set(folded.cast_signed());
    }

    pub(crate) fn clock_went_back(&self) {
        self.clock_went_back.inc();
    }

    /// Connections that are open.
    pub fn connections(&self) -> u64 {
        self.connections.open()
    }
}

impl From<Arc<Metrics>> for Connections {
    fn from(metrics: Arc<Metrics>) -> Self {
        metrics.connections.clone()
    }
}

impl Observer for Metrics {
    fn committed(&self, commit: &Commit) {
        self.entries.inc_by(commit.entries);
        self.entry_bytes.inc_by(commit.bytes);
        self.duplicates.inc_by(commit.duplicates);
        self.conflicts.inc_by(commit.conflicts);
        // A batch of known records alone commits nothing.
        if commit.entries == 0 {
            return;
        }
        self.commits.inc();
        self.commit_seconds.observe(commit.took.as_secs_f64());
        self.store_seconds.observe(commit.store_took.as_secs_f64());
    }

    fn published(&self, _checkpoint: &SignedCheckpoint) {
        *self.published_at.lock() = Some(Instant::now());
    }

    fn failed(&self, _why: &str) {
        self.failed.set(1);
    }
}

impl witnessing::Observer for Metrics {
    fn asked(&self, witness: &str, took: Duration, cause: Option<Cause>) {
        self.witnesses.asked(witness, took, cause);
    }

    fn round(&self, took: Duration, _met: bool) {
        self.witnesses.round(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_of_known_records_is_counted_and_is_no_commit() {
        let metrics = Metrics::new();
        let (took, store_took) = (Duration::from_millis(3), Duration::ZERO);
        let known = Commit { entries: 0, bytes: 0, duplicates: 2, conflicts: 1, size: 9, took, store_took };
        metrics.committed(&known);
        let has = |line: &str| metrics.encode().unwrap().lines().any(|each| each == line);
        assert!(has("deedbook_duplicates_total 2") && has("deedbook_conflicts_total 1"));
        assert!(has("deedbook_commits_total 0") && has("deedbook_store_commit_seconds_count 0"));
        metrics.committed(&Commit { entries: 1, ..known });
        assert!(has("deedbook_commits_total 1") && has("deedbook_store_commit_seconds_count 1"));
    }
}
