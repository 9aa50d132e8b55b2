//! What every server of ours counts: requests, and connections.

use std::sync::{Arc, atomic::AtomicI64};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// What a request is counted for that no route takes.
const OTHER: &str = "other";

/// Labels of a request: which route, which status.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    route: &'static str,
    status: u16,
}

/// Requests, by route and status.
pub(crate) struct Requests {
    /// Every route of the server.
    routes: &'static [&'static str],
    all: Family<Request, Counter>,
    /// The counters of requests answered with 200, by place in the routes; the last is for everything else. At hand,
    /// for they count nearly all.
    succeeded: Vec<Counter>,
}

impl Requests {
    /// None yet, of a server with these routes.
    pub(crate) fn new(routes: &'static [&'static str]) -> Arc<Self> {
        let all = Family::<Request, Counter>::default();
        let succeeded = routes
            .iter()
            .chain([&OTHER])
            .map(|route| all.get_or_create(&Request { route, status: 200 }).clone())
            .collect();
        Arc::new(Self { routes, all, succeeded })
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests answered, by route and status", self.all.clone());
    }

    /// The place of a route, or one beyond if it is none.
    pub(crate) fn place(&self, route: Option<&str>) -> usize {
        let place = route.and_then(|route| self.routes.iter().position(|known| *known == route));
        place.unwrap_or(self.routes.len())
    }

    /// Counts a request by the place of its route.
    pub(crate) fn count(&self, place: usize, status: u16) {
        match self.succeeded.get(place) {
            Some(counter) if status == 200 => drop(counter.inc()),
            _ => {
                let route = self.routes.get(place).copied().unwrap_or(OTHER);
                self.all.get_or_create(&Request { route, status }).inc();
            }
        }
    }
}

/// A count as a gauge has it.
pub(crate) fn gauged(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Connections: those that are open, and those for which there was no place. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    open: Gauge<i64, AtomicI64>,
    refused: Counter,
}

impl Connections {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "refused_connections",
            "Connections refused because there were too many",
            self.refused.clone(),
        );
        registry.register("connections", "Open connections", self.open.clone());
    }

    /// Connections that are open.
    pub fn open(&self) -> u64 {
        self.open.get().unsigned_abs()
    }

    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    /// Counts a connection as open until the answer is dropped.
    pub(crate) fn count(&self) -> OpenConnection {
        self.open.inc();
        OpenConnection(self.open.clone())
    }
}

/// A connection that is open.
pub(crate) struct OpenConnection(Gauge<i64, AtomicI64>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
