//! Grows a log to an exact size over `POST /add`, and keeps what the server acknowledged.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::loopback::{Connection, published_size};

/// The acknowledgements of a log: index and leaf hash (RFC 6962, section 2.1) of each entry that was answered with 200.
pub(crate) type Acks = BTreeMap<u64, [u8; 32]>;

/// The log did not grow as it was asked to.
#[derive(Debug, Error)]
pub(crate) enum FillError {
    /// The connection failed in the middle: whether the entry is in the log is unknown.
    #[error("POST /add: {0}")]
    Connection(#[from] io::Error),
    /// An answer that is neither an index nor a request to wait.
    #[error("POST /add: status {status}, body {body:?}")]
    Answer {
        /// The status code.
        status: u16,
        /// The body.
        body: String,
    },
    /// Two entries were acknowledged with one index.
    #[error("index {0} was acknowledged twice")]
    Twice(u64),
    /// The indexes are not the next ones.
    #[error("{acknowledged} entries were acknowledged, but their indexes are not {from} to {to} exactly")]
    Gap {
        /// How many were acknowledged.
        acknowledged: usize,
        /// The first index that was due.
        from: u64,
        /// The size that was due.
        to: u64,
    },
    /// The published checkpoint did not get there.
    #[error("the checkpoint is at {at} after {seconds} s, not at {due}")]
    Unpublished {
        /// The last size that was published.
        at: u64,
        /// The size that was due.
        due: u64,
        /// How long it was waited for.
        seconds: u64,
    },
}

/// Adds entries until the log, now of size `from`, has size `to`; over at most `connections` connections at once.
pub(crate) fn fill(
    address: SocketAddr,
    from: u64,
    to: u64,
    connections: u64,
    acks: &mut Acks,
) -> Result<(), FillError> {
    let next = AtomicU64::new(from);
    let answered = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..connections.min(to - from))
            .map(|_| scope.spawn(|| write_until(address, &next, to)))
            .collect();
        writers.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    for (index, hash) in answered.into_iter().flatten() {
        if acks.insert(index, hash).is_some() {
            return Err(FillError::Twice(index));
        }
    }
    let acknowledged = acks.range(from..to).count();
    if acknowledged as u64 != to - from || acks.range(to..).next().is_some() {
        return Err(FillError::Gap { acknowledged, from, to });
    }
    Ok(())
}

fn join<T>(writer: std::thread::ScopedJoinHandle<'_, T>) -> T {
    writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// One writer: takes the next number, posts an entry that holds it, waits when it is told to.
fn write_until(address: SocketAddr, next: &AtomicU64, to: u64) -> Result<Vec<(u64, [u8; 32])>, FillError> {
    let mut connection = Connection::open(address)?;
    let mut acks = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= to {
            return Ok(acks);
        }
        let entry = format!("interop entry {number}");
        loop {
            let answer = connection.post("/add", entry.as_bytes())?;
            match (answer.status, answer.body.lines().next().and_then(|line| line.parse().ok())) {
                (200, Some(index)) => break acks.push((index, leaf_hash(entry.as_bytes()))),
                (429 | 503, _) => std::thread::sleep(Duration::from_secs(answer.retry_after.unwrap_or(1))),
                (status, _) => return Err(FillError::Answer { status, body: answer.body }),
            }
        }
    }
}

fn leaf_hash(entry: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The lines that `verifylog --acks` reads: index and leaf hash in hexadecimal digits.
pub(crate) fn as_lines(acks: &Acks) -> String {
    let mut lines = String::new();
    for (index, hash) in acks {
        let _ = write!(lines, "{index} ");
        for byte in hash {
            let _ = write!(lines, "{byte:02x}");
        }
        lines.push('\n');
    }
    lines
}

/// Waits until the published checkpoint has exactly this size.
pub(crate) fn wait_published(address: SocketAddr, due: u64, patience: Duration) -> Result<(), FillError> {
    let started = Instant::now();
    let mut connection = Connection::open(address)?;
    loop {
        let at = published_size(&mut connection)?;
        if at == due {
            return Ok(());
        }
        if at > due || started.elapsed() > patience {
            return Err(FillError::Unpublished { at, due, seconds: started.elapsed().as_secs() });
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until the published checkpoint has stood still for three seconds, and says its size.
pub(crate) fn wait_still(address: SocketAddr, patience: Duration) -> Result<u64, FillError> {
    let started = Instant::now();
    let mut connection = Connection::open(address)?;
    let (mut size, mut since) = (published_size(&mut connection)?, Instant::now());
    while since.elapsed() < Duration::from_secs(3) && started.elapsed() < patience {
        std::thread::sleep(Duration::from_millis(100));
        let now = published_size(&mut connection)?;
        if now != size {
            (size, since) = (now, Instant::now());
        }
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_are_written_as_index_and_leaf_hash() {
        // The leaf hash of the empty entry: SHA-256 of one zero byte (RFC 6962, section 2.1).
        let hash = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        let acks = Acks::from([(0, leaf_hash(b"")), (1, [0xab; 32])]);
        assert_eq!(as_lines(&acks), format!("0 {hash}\n1 {}\n", "ab".repeat(32)));
    }
}
