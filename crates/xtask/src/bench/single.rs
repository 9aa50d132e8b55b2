//! One add at a time on an idle server, over one kept connection: how long a submitter waits for durability.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::growth::Latency;
use crate::loopback::Connection;

/// At most so many adds; a server that answers once a second ends by its time.
const ADDS: usize = 5_000;

/// So many adds come first and are not measured.
const WARM_UP: usize = 20;

/// Latencies, and how many adds they are of.
pub(super) fn measure(address: SocketAddr, time: Duration) -> io::Result<(Latency, usize)> {
    let mut connection = Connection::open(address)?;
    let started = Instant::now();
    let mut times = Vec::new();
    for number in 0..ADDS + WARM_UP {
        let before = Instant::now();
        let answer = connection.post("/add", format!("single entry {number}").as_bytes())?;
        if answer.status != 200 {
            return Err(io::Error::other(format!("POST /add: status {}: {}", answer.status, answer.body)));
        }
        times.push(before.elapsed());
        if started.elapsed() > time {
            break;
        }
    }
    // A server so slow that the time is up during the warm-up is measured by all it did.
    let warm = if times.len() > 2 * WARM_UP { WARM_UP } else { 0 };
    let mut times = times.split_off(warm);
    times.sort_unstable();
    Ok((Latency { p50: percentile(&times, 50), p99: percentile(&times, 99) }, times.len()))
}

/// The nearest-rank percentile of sorted times; zero of none.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(100));
        assert_eq!(percentile(&times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&times[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
