//! Everything that a mirror counts, in one place, as Prometheus text.

use std::sync::Arc;

use follower::mirror::service::Mirror;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{Standing, routes};
use crate::metrics::{Connections, Requests, gauged};

/// Labels of a log: its name.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Named {
    origin: String,
}

/// All metrics of a mirror.
pub struct Metrics {
    registry: Registry,
    requests: Arc<Requests>,
    connections: Connections,
    size: Family<Named, Gauge>,
    behind: Family<Named, Gauge>,
    trouble: Family<Named, Gauge>,
    broken: Family<Named, Gauge>,
    forks: Gauge,
    failed: Gauge,
}

impl Metrics {
    /// Metrics at zero.
    pub fn new() -> Arc<Self> {
        let mut metrics = Self {
            registry: Registry::with_prefix("deedbook"),
            requests: Requests::new(&routes::ALL),
            connections: Connections::default(),
            size: Family::default(),
            behind: Family::default(),
            trouble: Family::default(),
            broken: Family::default(),
            forks: Gauge::default(),
            failed: Gauge::default(),
        };
        metrics.register();
        Arc::new(metrics)
    }

    #[rustfmt::skip]
    fn register(&mut self) {
        let r = &mut self.registry;
        self.requests.register(r);
        self.connections.register(r);
        r.register("mirror_size", "Entries of a log in the mirror's checkpoint", self.size.clone());
        r.register("mirror_behind", "Entries that a log has shown beyond it", self.behind.clone());
        r.register("mirror_trouble", "1 while something is wrong with following a log", self.trouble.clone());
        r.register("mirror_broken", "1 while the log is to blame: it has forked, went back, or shows what it did not sign", self.broken.clone());
        r.register("mirror_forks", "Proofs that a log has forked, kept", self.forks.clone());
        r.register("mirror_failed", "1 after the mirror has stopped cosigning because of a failure", self.failed.clone());
    }

    /// The text that Prometheus reads.
    pub(super) fn text(&self, mirror: &Mirror, standings: &[Standing]) -> Result<String, std::fmt::Error> {
        for standing in standings {
            let log = Named { origin: standing.origin.clone() };
            self.size.get_or_create(&log).set(gauged(standing.size.unwrap_or(0)));
            self.behind.get_or_create(&log).set(gauged(standing.behind));
            self.trouble.get_or_create(&log).set(i64::from(standing.problem.is_some()));
            self.broken.get_or_create(&log).set(i64::from(standing.broken));
        }
        self.forks.set(gauged(mirror.keeper().counts().contradictions));
        self.failed.set(i64::from(mirror.keeper().stopped().is_some()));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Requests, for whoever counts them.
    pub(super) fn requests(&self) -> Arc<Requests> {
        self.requests.clone()
    }
}

impl From<Arc<Metrics>> for Connections {
    fn from(metrics: Arc<Metrics>) -> Self {
        metrics.connections.clone()
    }
}
