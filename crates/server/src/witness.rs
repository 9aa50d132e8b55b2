//! A witness (C2SP tlog-witness) over HTTP: a server of its own, beside that of a log.
//!
//! What it answers is decided below ([`follower::witness::service`]); here a request is read within its limits and the
//! answer is written. Where each thing is served is in [`routes`], what is counted in [`metrics`]. Nobody needs a token: the
//! log's signature says who asks, and what is published of a log can be asked for by anybody.
//!
//! How much may come in is bounded three times: bytes of bodies and requests at one time ([`crate::limits`]; subtrees have a
//! bound of their own, so that they keep no checkpoint out), and for each log what the list grants it
//! ([`follower::witness::ration`]).

mod answer;
mod apart;
mod health;
pub mod metrics;
pub mod routes;

use std::sync::Arc;

use follower::witness::service::Witness;
use tokio::sync::Semaphore;

use apart::Apart;

use crate::{
    app::Clock,
    body::Room,
    limits::{self, Timeouts},
};

pub(crate) use answer::respond;
pub use metrics::Metrics;

/// A witness and how it is served.
pub struct App {
    witness: Witness,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    timeouts: Timeouts,
    room: Room,
    places: Semaphore,
    subtrees: Apart,
}

impl App {
    /// Serves this witness, by this clock.
    pub fn new(
        witness: Witness,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        timeouts: Timeouts,
    ) -> Arc<Self> {
        Arc::new(Self {
            witness,
            clock,
            metrics,
            timeouts,
            room: Room::default(),
            places: Semaphore::new(limits::WITNESS_AT_ONCE),
            subtrees: Apart::new(limits::SUBTREES_WAITING_MAX, limits::SUBTREES_AT_ONCE),
        })
    }

    /// The witness.
    pub fn witness(&self) -> &Witness {
        &self.witness
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{Request, header},
    };
    use follower::witness::{
        enrolled::Enrolled,
        keeper::{Keeper, Limits},
    };
    use store::MemoryStore;
    use testkit::keys::WITNESSES;
    use tlog::{cosignature::Cosigner, witness::WitnessKeys};
    use tower::ServiceExt as _;

    use super::*;
    use crate::app::SystemClock;

    #[tokio::test]
    async fn one_request_more_than_may_be_worked_on_is_told_to_come_back() {
        let [key, ..] = WITNESSES;
        let keys = WitnessKeys::new(vec![Cosigner::from_seed(key.name.parse().unwrap(), &key.seed)]).unwrap();
        let keeper = Keeper::open(Arc::new(MemoryStore::new()), Limits::default()).unwrap();
        let witness = Witness::new(keeper, keys, Enrolled::default());
        let app = App::new(witness, Arc::new(SystemClock), Metrics::new(), Timeouts::default());
        let router = routes::router(app.clone());
        let ask = async |path: &str| {
            let request = Request::post(path).body(Body::from("x")).unwrap();
            router.clone().oneshot(request).await.unwrap()
        };
        let is_busy = async |path: &str| {
            let busy = ask(path).await;
            assert_eq!(busy.status(), 503, "{path}");
            assert_eq!(busy.headers()[header::RETRY_AFTER], "1");
        };
        let all = u32::try_from(limits::WITNESS_AT_ONCE).unwrap();
        let held = app.places.try_acquire_many(all).unwrap();
        is_busy(routes::ADD_CHECKPOINT).await;
        assert_eq!(ask(routes::SIGN_SUBTREE).await.status(), 400, "subtrees have their own places");
        drop(held);
        assert_eq!(ask(routes::ADD_CHECKPOINT).await.status(), 400, "now it is read");
        let held = app.subtrees.fill();
        is_busy(routes::SIGN_SUBTREE).await;
        assert_eq!(ask(routes::ADD_CHECKPOINT).await.status(), 400, "and take none from checkpoints");
        drop(held);
        assert_eq!(ask(routes::SIGN_SUBTREE).await.status(), 400, "now it is read");
    }
}
