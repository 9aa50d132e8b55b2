//! Fills a log with the records of a [`World`], in bulk over HTTP.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use super::world::World;
use crate::loopback::Connection;

/// Records of a request.
const PER_REQUEST: u64 = 1_000;
/// How a new record is answered, once in each item.
const LOGGED: &str = r#""status":"logged""#;
/// Few, so that the records of one producer arrive nearly in their order.
const CONNECTIONS: u64 = 3;

/// Adds records `from` to `to`, whole requests only.
pub(super) fn fill(address: SocketAddr, world: &World, from: u64, to: u64) -> Result<(), String> {
    let begun = AtomicU64::new(from);
    std::thread::scope(|scope| {
        let send = || scope.spawn(|| send(address, world, &begun, to));
        let senders: Vec<_> = (0..CONNECTIONS).map(|_| send()).collect();
        senders
            .into_iter()
            .try_for_each(|sender| sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn send(address: SocketAddr, world: &World, begun: &AtomicU64, to: u64) -> Result<(), String> {
    let failed = |why: std::io::Error| format!("POST /v1/records: {why}");
    let mut connection = Connection::open(address).map_err(failed)?;
    loop {
        let from = begun.fetch_add(PER_REQUEST, Relaxed);
        if from >= to {
            return Ok(());
        }
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as u64;
        let lines = world.ndjson(from, PER_REQUEST, now);
        loop {
            let answer = connection.post_ndjson("/v1/records", &lines).map_err(failed)?;
            let logged = answer.body.matches(LOGGED).count() as u64;
            match (answer.status, logged) {
                (200, PER_REQUEST) => break,
                (429 | 503, _) => std::thread::sleep(Duration::from_secs(answer.retry_after.unwrap_or(1))),
                (status, _) => {
                    // What was not logged comes out first.
                    let mut items: Vec<&str> = answer.body.split("},{").collect();
                    items.sort_by_key(|item| item.contains(LOGGED));
                    let start: String = items.join("},{").chars().take(300).collect();
                    return Err(format!("POST /v1/records: status {status}, {logged} logged: {start}"));
                }
            }
        }
    }
}
