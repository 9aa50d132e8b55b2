//! Records at a steady rate.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use super::super::lookups::World;
use crate::loopback::Connection;

/// How a new record is answered, once in each item.
const LOGGED: &str = r#""status":"logged""#;

/// How many records a second, and how many in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(super) rate: u64,
    pub(super) per_request: u64,
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not records a second and in a request, such as 5000x1");
        let (rate, per_request) = text.split_once('x').ok_or_else(wrong)?;
        let number = |text: &str, most: u64| {
            text.parse().ok().filter(|number| (1..=most).contains(number)).ok_or_else(wrong)
        };
        Ok(Self { rate: number(rate, 1_000_000)?, per_request: number(per_request, 10_000)? })
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.rate, self.per_request)
    }
}

/// What was sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) records: u64,
    /// How long each request took, ascending.
    pub(super) times: Vec<Duration>,
    /// From the first request to the last answer.
    took: Duration,
}

impl Sent {
    pub(super) fn rate(&self) -> f64 {
        self.records as f64 / self.took.as_secs_f64().max(0.001)
    }
}

impl Pace {
    /// The bodies of so many seconds. Times and ids of the records move on as they do when records are made one after the
    /// other: the log keeps ids in their order, and ids of one moment would lie anywhere among each other.
    pub(super) fn bodies(self, seconds: u64) -> Vec<Vec<u8>> {
        let world = World::new(self.rate * seconds);
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as u64;
        let requests = (self.rate * seconds).div_ceil(self.per_request);
        let body = |n: u64| {
            let first = n * self.per_request;
            world.ndjson(first, self.per_request, now + first * 1_000 / self.rate)
        };
        (0..requests).map(body).collect()
    }

    /// Sends each body when it is due.
    pub(super) fn send(
        self,
        address: SocketAddr,
        connections: u64,
        bodies: &[Vec<u8>],
    ) -> Result<Sent, String> {
        let (next, began) = (AtomicUsize::new(0), Instant::now());
        let sent = std::thread::scope(|scope| {
            let send = || scope.spawn(|| self.send_some(address, bodies, &next, began));
            let senders: Vec<_> = (0..connections).map(|_| send()).collect();
            let joined = senders.into_iter();
            joined
                .map(|sender| sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let mut times = sent.concat();
        times.sort_unstable();
        Ok(Sent { records: times.len() as u64 * self.per_request, times, took: began.elapsed() })
    }

    fn send_some(
        self,
        address: SocketAddr,
        bodies: &[Vec<u8>],
        next: &AtomicUsize,
        began: Instant,
    ) -> Result<Vec<Duration>, String> {
        let failed = |why: std::io::Error| format!("POST /v1/records: {why}");
        let mut connection = Connection::open(address).map_err(failed)?;
        let mut times = vec![];
        loop {
            let n = next.fetch_add(1, Relaxed);
            let Some(body) = bodies.get(n) else { return Ok(times) };
            let due = began + Duration::from_secs_f64(n as f64 * self.per_request as f64 / self.rate as f64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let sent = Instant::now();
            let answer = connection.post_ndjson("/v1/records", body).map_err(failed)?;
            let logged = answer.body.matches(LOGGED).count() as u64;
            if (answer.status, logged) != (200, self.per_request) {
                let start: String = answer.body.chars().take(300).collect();
                return Err(format!("status {}, {logged} records logged: {start}", answer.status));
            }
            times.push(sent.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_read_as_it_is_written() {
        assert_eq!("5000x1".parse(), Ok(Pace { rate: 5_000, per_request: 1 }));
        assert_eq!(Pace { rate: 40_000, per_request: 1_000 }.to_string(), "40000x1000");
        for wrong in ["", "5000", "x1", "5000x", "0x1", "1x0", "1x10001", "1000001x1", "-1x1"] {
            assert!(wrong.parse::<Pace>().is_err(), "{wrong}");
        }
    }
}
