//! What workers count, in a few shards so that they do not wait for each other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Loaded;
use super::acks::Ack;

const SHARDS: usize = 16;
/// Latencies are kept to a microsecond, with three digits, up to an hour.
const LATENCY_US_MAX: u64 = 3_600_000_000;

/// Latencies of successful requests, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latencies {
    /// Half of them were faster.
    pub p50_ms: f64,
    /// Nine in ten.
    pub p90_ms: f64,
    /// 99 in a hundred.
    pub p99_ms: f64,
    /// 999 in a thousand.
    pub p99_9_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// The mean.
    pub mean_ms: f64,
}

#[derive(Default)]
struct Shard {
    acks: Vec<Ack>,
    acknowledged: u64,
    duplicates: u64,
    resent: u64,
    requests: u64,
    statuses: BTreeMap<u16, u64>,
    errors: BTreeMap<String, u64>,
    latencies: Option<Histogram<u64>>,
}

/// All that was counted.
pub(super) struct Tally([Mutex<Shard>; SHARDS]);

impl Tally {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }

    fn shard(&self, worker: u32) -> MutexGuard<'_, Shard> {
        // A shard holds counts only; after a panic they are as good as before.
        self.0[worker as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer came, of whatever kind.
    pub(super) fn status(&self, worker: u32, status: u16) {
        *self.shard(worker).statuses.entry(status).or_default() += 1;
    }

    /// Something went wrong, of this kind.
    pub(super) fn error(&self, worker: u32, kind: &str) {
        let mut shard = self.shard(worker);
        match shard.errors.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                shard.errors.insert(kind.to_owned(), 1);
            }
        }
    }

    /// Records are sent again whose fate is not known.
    pub(super) fn resent(&self, worker: u32, records: u64) {
        self.shard(worker).resent += records;
    }

    /// A request was acknowledged, for so many of its records as duplicates.
    pub(super) fn success(&self, worker: u32, took: Duration, acks: &[Ack], duplicates: u64) {
        let mut shard = self.shard(worker);
        shard.requests += 1;
        shard.duplicates += duplicates;
        shard.acknowledged += acks.len() as u64;
        shard.acks.extend_from_slice(acks);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).clamp(1, LATENCY_US_MAX);
        if shard.latencies.is_none() {
            shard.latencies = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).ok();
        }
        if let Some(latencies) = &mut shard.latencies {
            latencies.saturating_record(micros);
        }
    }

    /// What was acknowledged since this was asked last.
    pub(super) fn take_acks(&self) -> Vec<Ack> {
        (0..SHARDS as u32).flat_map(|shard| std::mem::take(&mut self.shard(shard).acks)).collect()
    }

    pub(super) fn report(&self, seconds: f64, acks: PathBuf) -> Loaded {
        let mut loaded = Loaded {
            seconds,
            requests: 0,
            acknowledged: 0,
            duplicates: 0,
            resent: 0,
            per_second: 0.0,
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            latencies: Latencies::default(),
            acks,
        };
        let mut all: Option<Histogram<u64>> = None;
        for shard in 0..SHARDS as u32 {
            let shard = self.shard(shard);
            loaded.requests += shard.requests;
            loaded.acknowledged += shard.acknowledged;
            loaded.duplicates += shard.duplicates;
            loaded.resent += shard.resent;
            shard.statuses.iter().for_each(|(status, n)| *loaded.statuses.entry(*status).or_default() += n);
            shard.errors.iter().for_each(|(kind, n)| *loaded.errors.entry(kind.clone()).or_default() += n);
            match (&mut all, &shard.latencies) {
                (Some(all), Some(latencies)) => all.add(latencies).unwrap_or_default(),
                (None, Some(latencies)) => all = Some(latencies.clone()),
                (_, None) => {}
            }
        }
        loaded.per_second = if seconds > 0.0 { loaded.acknowledged as f64 / seconds } else { 0.0 };
        loaded.latencies = all.map(|all| Latencies::of(&all)).unwrap_or_default();
        loaded
    }
}

impl Latencies {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        Self {
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p99_9_ms: at(0.999),
            max_ms: histogram.max() as f64 / 1_000.0,
            mean_ms: histogram.mean() / 1_000.0,
        }
    }
}
