//! Entries that no compressor makes smaller: what the store itself adds.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use testkit::Chance;

use super::super::report::Out;
use super::BenchError;
use super::disk::{self, Footprint};
use crate::contender::Contender;
use crate::loopback::Connection;

/// Bytes of an entry.
const ENTRY_BYTES: usize = 500;

/// Connections, each with one entry under way.
const CONNECTIONS: u64 = 256;

/// Grows a log of raw entries and prints a table of one line.
pub(super) fn run(contender: &Contender, to: u64, dir: &Path, out: &mut Out) -> Result<(), BenchError> {
    let running = contender.start(dir)?;
    out.say(&format!(
        "\n## Raw entries of {ENTRY_BYTES} random bytes, one a request, to {to}\n\n{}",
        disk::HEAD
    ))?;
    let started = Instant::now();
    fill(running.address, to).map_err(|why| BenchError::Load {
        load: "growth".into(),
        who: contender.to_string(),
        why,
    })?;
    let cpu = running.process.cost().unwrap_or_default().cpu_seconds;
    out.say(&Footprint::of(&running, &dir.join("log"))?.line(to, to, started.elapsed(), cpu))
}

fn fill(address: SocketAddr, to: u64) -> Result<(), String> {
    let begun = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let begun = &begun;
        let senders: Vec<_> =
            (0..CONNECTIONS).map(|number| scope.spawn(move || send(address, begun, to, number))).collect();
        senders
            .into_iter()
            .try_for_each(|sender| sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn send(address: SocketAddr, begun: &AtomicU64, to: u64, seed: u64) -> Result<(), String> {
    let failed = |why: std::io::Error| format!("POST /add: {why}");
    let mut connection = Connection::open(address).map_err(failed)?;
    let mut chance = Chance::seeded(seed);
    let mut entry = [0; ENTRY_BYTES];
    while begun.fetch_add(1, Relaxed) < to {
        chance.fill(&mut entry);
        loop {
            let answer = connection.post("/add", &entry).map_err(failed)?;
            match answer.status {
                200 => break,
                429 | 503 => std::thread::sleep(Duration::from_secs(answer.retry_after.unwrap_or(1))),
                status => return Err(format!("POST /add: status {status}: {}", answer.body)),
            }
        }
    }
    Ok(())
}
