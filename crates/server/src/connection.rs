//! Connections: how many, how long, and how they end.
//!
//! Every connection costs a descriptor, and so do the store and the log's files. The server gives connections what
//! is left after a reserve; one more is told "503, come back" and closed. An accept that fails because descriptors
//! ran out anyway is tried again, it never ends the process.

use std::{
    convert::Infallible,
    io,
    net::IpAddr,
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tower::ServiceExt as _;

use crate::{
    limits::{self, Timeouts},
    metrics::{Connections, OpenConnection},
    patient::{Patient, Refused},
    problem::{Code, Problem},
    tls::Tls,
};

/// How many connections may be open, and how long each may keep the server waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Open at one time.
    pub connections_max: usize,
    /// Limits of time.
    pub timeouts: Timeouts,
}

impl Capacity {
    /// What the process's descriptor limit leaves after the reserve.
    pub fn of_this_process() -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1 << 20);
        let connections = limit.saturating_sub(limits::DESCRIPTORS_RESERVED).clamp(16, 1 << 20);
        Self { connections_max: connections as usize, timeouts: Timeouts::default() }
    }

    /// The same, with no more connections than somebody asked for.
    #[must_use]
    pub fn at_most(mut self, connections_max: Option<u32>) -> Self {
        let asked = connections_max.map_or(usize::MAX, |max| max as usize);
        self.connections_max = self.connections_max.min(asked);
        self
    }
}

/// Serves, over TLS if there is some, until `shutdown` is done; then lets requests under way finish, for a while.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections: impl Into<Connections>,
    capacity: Capacity,
    tls: Option<Tls>,
    shutdown: impl Future<Output = ()>,
) {
    let connections = connections.into();
    let open = Arc::new(Semaphore::new(capacity.connections_max));
    let refusing = Arc::new(Semaphore::new(limits::REFUSALS_AT_ONCE));
    let graceful = GracefulShutdown::new();
    let (stopping, stop_seen) = watch::channel(false);
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let (stream, from) = match accepted {
            Ok((stream, from)) => (stream, CallerAddress::of(from.ip())),
            Err(error) => {
                after_failed_accept(&error).await;
                continue;
            }
        };
        if let Ok(permit) = open.clone().try_acquire_owned() {
            // Answers are small and written at once: waiting to fill a packet only adds time.
            let _ = stream.set_nodelay(true);
            let peer = Peer {
                router: router.clone(),
                from,
                timeouts: capacity.timeouts,
                watcher: graceful.watcher(),
                _held: (connections.count(), permit),
            };
            match tls.clone() {
                None => drop(tokio::spawn(peer.converse(stream))),
                Some(tls) => drop(tokio::spawn(peer.converse_over(tls, stream, stop_seen.clone()))),
            }
            continue;
        }
        connections.refused();
        // To say so over TLS would take a handshake, which is what there is no room for.
        if let Ok(permit) = refusing.clone().try_acquire_owned()
            && tls.is_none()
        {
            tokio::spawn(refuse(stream, permit));
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    if tokio::time::timeout(capacity.timeouts.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
}

/// The address that a connection comes from, beside each of its requests; behind a proxy it is the proxy's. Of IPv6 the
/// first 64 bits alone: whoever has one address there has all of them, and they count as one caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallerAddress(IpAddr);

impl CallerAddress {
    pub(crate) fn of(peer: IpAddr) -> Self {
        Self(match peer.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::from([a, b, c, d, 0, 0, 0, 0])
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }

    /// What is counted as one caller.
    pub(crate) fn counted(self) -> IpAddr {
        self.0
    }
}

/// A peer that has a place, and what is kept for it as long as it is there.
struct Peer {
    router: Router,
    from: CallerAddress,
    timeouts: Timeouts,
    watcher: Watcher,
    _held: (OpenConnection, OwnedSemaphorePermit),
}

impl Peer {
    /// Shakes hands first, in the time that a header may take. Who is not done with that when the server stops has asked
    /// for nothing yet.
    async fn converse_over(self, tls: Tls, stream: TcpStream, mut stop_seen: watch::Receiver<bool>) {
        let accepted = tokio::select! {
            accepted = tls.accept(stream, self.timeouts.header) => accepted,
            _ = stop_seen.wait_for(|stopping| *stopping) => None,
        };
        if let Some(stream) = accepted {
            self.converse(stream).await;
        }
    }

    /// Serves one connection to its end.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let Self { router, from, timeouts, watcher, _held } = self;
        let refused = Refused::default();
        let socket = Patient::new(stream, timeouts, refused.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(from);
            let (answering, refused) = (router.clone().oneshot(request.map(Body::new)), refused.clone());
            async move {
                let response = answering.await.unwrap_or_else(|never| match never {});
                refused.store(response.status().as_u16() >= 400, Relaxed);
                Ok::<_, Infallible>(response)
            }
        });
        // The library's own limits stand behind those of this server: what passes them is answered without a body.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(timeouts.header)
            .max_buf_size(2 * limits::HEADER_BYTES_MAX)
            .max_headers(2 * limits::HEADERS_MAX)
            .serve_connection(TokioIo::new(socket), service);
        // Errors here are the peer's: a broken connection, a head that is none, a head that took too long.
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

/// Says that there are too many, and closes. Reads a little first, so that the answer is not lost to a reset.
async fn refuse(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let busy = Problem::new(Code::Busy, "The server has as many connections as it can hold.").to_json();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
         retry-after: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        limits::RETRY_AFTER.as_secs(),
        busy.len(),
    );
    let exchange = async {
        let mut ignored = [0; 4096];
        let _ = stream.read(&mut ignored).await?;
        stream.write_all(&[answer.as_bytes(), &busy].concat()).await?;
        stream.shutdown().await
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), exchange).await;
}

/// Errors of one connection are over at once; anything else (no descriptors, no memory) needs a moment.
async fn after_failed_accept(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "a connection could not be accepted; trying again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_has_one_address_however_many_he_can_call_from() {
        let counted = |text: &str| CallerAddress::of(text.parse().unwrap()).counted().to_string();
        for (from, as_one) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.8", "192.0.2.8"),
            ("2001:db8:1:2::3", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::"),
            ("2001:db8:1:3::3", "2001:db8:1:3::"),
        ] {
            assert_eq!(counted(from), as_one, "{from}");
        }
    }
}
