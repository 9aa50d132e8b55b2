//! Everything that a witness counts, in one place, as Prometheus text.

use std::{sync::Arc, time::Duration};

use follower::witness::service::Witness;
use prometheus_client::{
    encoding::text::encode,
    metrics::{gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::routes;
use crate::metrics::{Connections, Requests, gauged};

/// All metrics of a witness.
pub struct Metrics {
    registry: Registry,
    requests: Arc<Requests>,
    connections: Connections,
    cosigned_seconds: Histogram,
    enrolled: Gauge,
    logs: Gauge,
    forks: Gauge,
    waiting: Gauge,
    failed: Gauge,
    list_failed: Gauge,
}

impl Metrics {
    /// Metrics at zero.
    pub fn new() -> Arc<Self> {
        let mut metrics = Self {
            registry: Registry::with_prefix("deedbook"),
            requests: Requests::new(&routes::ALL),
            connections: Connections::default(),
            cosigned_seconds: Histogram::new([
                0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
            ]),
            enrolled: Gauge::default(),
            logs: Gauge::default(),
            forks: Gauge::default(),
            waiting: Gauge::default(),
            failed: Gauge::default(),
            list_failed: Gauge::default(),
        };
        metrics.register();
        Arc::new(metrics)
    }

    #[rustfmt::skip]
    fn register(&mut self) {
        let r = &mut self.registry;
        self.requests.register(r);
        self.connections.register(r);
        r.register_with_unit("witness_cosigned", "From having read a request to its cosignature, which is durable then", Unit::Seconds, self.cosigned_seconds.clone());
        r.register("witness_enrolled", "Logs on the list", self.enrolled.clone());
        r.register("witness_logs", "Logs that were ever cosigned for", self.logs.clone());
        r.register("witness_forks", "Proofs that a log has forked, kept", self.forks.clone());
        r.register("witness_waiting", "Requests waiting for a commit", self.waiting.clone());
        r.register("witness_failed", "1 after the witness has stopped cosigning because of a failure", self.failed.clone());
        r.register("witness_list_failed", "1 while the list of logs cannot be read and the one before is used", self.list_failed.clone());
    }

    /// The text that Prometheus reads.
    pub(super) fn text(&self, witness: &Witness) -> Result<String, std::fmt::Error> {
        let (keeper, counts) = (witness.keeper(), witness.keeper().counts());
        self.enrolled.set(gauged(witness.enrolled().logs().len()));
        self.logs.set(gauged(counts.logs));
        self.forks.set(gauged(counts.contradictions));
        self.waiting.set(gauged(keeper.waiting()));
        self.failed.set(i64::from(keeper.stopped().is_some()));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Requests, for whoever counts them.
    pub(crate) fn requests(&self) -> Arc<Requests> {
        self.requests.clone()
    }

    /// Counts a cosignature that took so long.
    pub(super) fn cosigned(&self, took: Duration) {
        self.cosigned_seconds.observe(took.as_secs_f64());
    }

    /// Whether the list of logs could be read when it was last looked at.
    pub fn list_read(&self, good: bool) {
        self.list_failed.set(i64::from(!good));
    }
}

impl From<Arc<Metrics>> for Connections {
    fn from(metrics: Arc<Metrics>) -> Self {
        metrics.connections.clone()
    }
}
