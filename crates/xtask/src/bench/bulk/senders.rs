//! Threads that send bulk requests, one connection each, and count what the answers say.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::growth::Latency;
use super::super::single::percentile;
use super::pool::Pool;
use crate::loopback::Connection;

/// How a new record is answered, once in each item.
const LOGGED: &str = r#""status":"logged""#;

/// How much is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bulk {
    /// Connections, each with one request under way.
    pub(crate) connections: u64,
    /// Records in one request.
    pub(crate) per_request: u64,
    /// No more records than this, all connections together.
    pub(crate) most: u64,
}

/// The threads. Without [`Senders::finish`] they go on until the process ends.
pub(crate) struct Senders {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<Sent, String>>>,
}

struct Shared {
    address: SocketAddr,
    bulk: Bulk,
    begun: AtomicU64,
    stop: AtomicBool,
}

/// What was sent and answered.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Records that were answered as logged.
    pub(crate) records: u64,
    /// Requests that were told to come again.
    pub(crate) pushed_back: u64,
    /// How long each request took that was not.
    times: Vec<Duration>,
}

impl Senders {
    /// Makes the bodies on each thread, then sends.
    pub(crate) fn start(address: SocketAddr, bulk: Bulk) -> Senders {
        let shared = Shared { address, bulk, begun: AtomicU64::new(0), stop: AtomicBool::new(false) };
        let shared = Arc::new(shared);
        let threads = (0..bulk.connections as u16).map(|number| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.send(number))
        });
        Senders { threads: threads.collect(), shared }
    }

    /// Whether all that was to be sent is answered, or nothing goes on.
    pub(crate) fn done(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Lets requests under way be answered, and sends no more.
    pub(crate) fn finish(self) -> Result<Sent, String> {
        self.shared.stop.store(true, Relaxed);
        let mut all = Sent::default();
        for thread in self.threads {
            let sent = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            all.records += sent.records;
            all.pushed_back += sent.pushed_back;
            all.times.extend(sent.times);
        }
        all.times.sort_unstable();
        Ok(all)
    }
}

impl Shared {
    fn send(&self, number: u16) -> Result<Sent, String> {
        let Bulk { per_request, most, .. } = self.bulk;
        let mut pool = Pool::new(number, per_request);
        let failed = |why: std::io::Error| format!("POST /v1/records: {why}");
        let mut connection = Connection::open(self.address).map_err(failed)?;
        let mut sent = Sent::default();
        while !self.stop.load(Relaxed) && self.begun.fetch_add(per_request, Relaxed) < most {
            let lines = pool.next();
            loop {
                let began = Instant::now();
                let answer = connection.post_ndjson("/v1/records", lines).map_err(failed)?;
                if matches!(answer.status, 429 | 503) {
                    sent.pushed_back += 1;
                    std::thread::sleep(Duration::from_secs(answer.retry_after.unwrap_or(1)));
                    continue;
                }
                let logged = answer.body.matches(LOGGED).count() as u64;
                if (answer.status, logged) != (200, per_request) {
                    let start: String = answer.body.chars().take(300).collect();
                    return Err(format!("status {}, {logged} records logged: {start}", answer.status));
                }
                sent.times.push(began.elapsed());
                sent.records += logged;
                break;
            }
        }
        Ok(sent)
    }
}

impl Sent {
    /// Requests that were answered.
    pub(crate) fn requests(&self) -> usize {
        self.times.len()
    }

    /// Of one request.
    pub(crate) fn latency(&self) -> Latency {
        Latency { p50: percentile(&self.times, 50), p99: percentile(&self.times, 99) }
    }
}
