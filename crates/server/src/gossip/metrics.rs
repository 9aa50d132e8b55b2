//! What a monitor counts about those who ask it; what it knows of logs is counted elsewhere.

use std::{fmt, sync::Arc};

use prometheus_client::{encoding::text::encode_registry, registry::Registry};

use super::ROUTES;
use crate::metrics::{Connections, Requests};

/// Requests and connections of a monitor, over all its listeners.
pub struct Metrics {
    registry: Registry,
    requests: Arc<Requests>,
    connections: Connections,
}

impl Metrics {
    /// Metrics at zero.
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("deedbook_monitor");
        let (requests, connections) = (Requests::new(&ROUTES), Connections::default());
        requests.register(&mut registry);
        connections.register(&mut registry);
        Arc::new(Self { registry, requests, connections })
    }

    /// What was counted so far, as the beginning of a page.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
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
