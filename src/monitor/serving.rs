//! What a monitor serves: gossip, and what it counts.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use ::monitor::event::Millis;
use ::monitor::gossip::{self, Answer};
use ::monitor::heard::NOTE_BYTES_MAX;
use ::monitor::run::LogHandle;
use bytes::Bytes;
use server::Capacity;
use server::gossip::Metrics;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cli::Failure;

/// Where a monitor listens.
pub(super) struct Doors {
    gossip: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

impl Doors {
    pub(super) async fn open(
        gossip: Option<SocketAddr>,
        metrics: Option<SocketAddr>,
    ) -> Result<Self, Failure> {
        Ok(Self { gossip: listen(gossip).await?, metrics: listen(metrics).await? })
    }

    /// Addresses, as they are told: gossip and metrics.
    pub(super) fn addresses(&self) -> [Option<SocketAddr>; 2] {
        [&self.gossip, &self.metrics].map(|listener| listener.as_ref()?.local_addr().ok())
    }

    /// Serves until told to stop.
    pub(super) fn serve(
        self,
        logs: &[LogHandle],
        clock: Arc<dyn Fn() -> Millis + Send + Sync>,
        stop: &watch::Receiver<bool>,
    ) {
        let metrics = Metrics::new();
        if let Some(listener) = self.gossip {
            let desk = Arc::new(Desk { desk: gossip::Desk::new(logs.iter().cloned()), clock });
            spawn(listener, server::gossip::router(desk, &metrics), &metrics, stop.clone());
        }
        if let Some(listener) = self.metrics {
            let logs = logs.to_vec();
            let text = move || ::monitor::metrics::text(logs.iter());
            spawn(listener, server::gossip::metrics(&metrics, text), &metrics, stop.clone());
        }
    }
}

fn spawn(
    listener: TcpListener,
    router: server::gossip::Router,
    metrics: &Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) {
    let stopped = async move {
        // Gone is as good as stopped.
        let _ = stop.wait_for(|stopped| *stopped).await;
    };
    let (metrics, capacity) = (metrics.clone(), Capacity::of_this_process());
    tokio::spawn(server::serve(listener, router, metrics, capacity, None, stopped));
}

async fn listen(address: Option<SocketAddr>) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = address else { return Ok(None) };
    let listener = TcpListener::bind(address).await;
    listener
        .map(Some)
        .map_err(|error| Failure::could_not_tell(format!("cannot listen on {address}: {error}")))
}

/// The desk, as the server wants it.
struct Desk {
    desk: gossip::Desk,
    clock: Arc<dyn Fn() -> Millis + Send + Sync>,
}

impl server::gossip::Desk for Desk {
    fn note_bytes_max(&self) -> usize {
        NOTE_BYTES_MAX
    }

    fn post(
        &self,
        from: IpAddr,
        note: Bytes,
    ) -> Pin<Box<dyn Future<Output = server::gossip::Answer> + Send + '_>> {
        Box::pin(async move { answer(self.desk.post((self.clock)(), from, &note).await) })
    }

    fn list(&self, origin: &str) -> Option<String> {
        self.desk.list(origin)
    }

    fn forks(&self, origin: &str) -> Option<String> {
        self.desk.forks(origin)
    }

    fn fork(&self, origin: &str, name: &str) -> Option<String> {
        self.desk.fork(origin, name)
    }
}

/// Statuses of docs/gossip.md.
fn answer(answer: Answer) -> server::gossip::Answer {
    let words = |words: &str| words.to_owned();
    match answer {
        Answer::Known => (200, words("known: it belongs to the history that is followed here")),
        Answer::Waits => (202, words("taken: it waits to be connected")),
        Answer::Contradicts => {
            (409, words("it contradicts the history that is followed here; the proof is kept"))
        }
        Answer::Malformed(why) => (400, why),
        Answer::NotWatched(why) => (404, why),
        Answer::NotSigned(why) => (403, why),
        Answer::TooMany => (429, words("too many checkpoints from here; come back later")),
        Answer::Busy => (503, words("the monitor is busy; come back later")),
    }
}
