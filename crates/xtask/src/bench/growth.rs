//! What is measured while a load is on: how far the log grows, and what that costs.

use std::time::{Duration, Instant};

use crate::background::{self, Cost};
use crate::contender::Running;
use crate::loopback::{Connection, published_size};

/// How often the checkpoint is looked at, to catch the moment at which it moves.
pub(super) const POLL: Duration = Duration::from_millis(20);

/// Half of all adds are answered by p50, all but one in a hundred by p99.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Latency {
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

/// What one turn gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// By how much the checkpoint grew in `time`.
    pub(super) adds: u64,
    /// Between two moments at which the checkpoint moved.
    pub(super) time: Duration,
    /// The server's: CPU seconds in `time`, and its highest resident set until then.
    pub(super) server: Cost,
    /// CPU seconds of the load tool in `time`.
    pub(super) load_cpu: f64,
    /// CPU seconds of all other processes in `time`: with much of it the figures are fit for nothing.
    pub(super) others_cpu: f64,
    /// Where the load tool tells it.
    pub(super) latency: Option<Latency>,
    /// What the load tool has to say besides: its own count, failures.
    pub(super) remarks: String,
}

impl Figures {
    /// Adds a second.
    pub(super) fn rate(&self) -> f64 {
        if self.time.is_zero() { 0.0 } else { self.adds as f64 / self.time.as_secs_f64() }
    }

    /// CPU seconds of the server for a thousand adds.
    pub(super) fn cpu_per_thousand(&self) -> f64 {
        if self.adds == 0 { 0.0 } else { self.server.cpu_seconds * 1000.0 / self.adds as f64 }
    }
}

/// How far everything is at one moment.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    size: u64,
    at: Instant,
    server: Cost,
    /// CPU seconds of the load tool.
    tool: f64,
    /// CPU seconds of the whole machine.
    machine: f64,
}

impl Sample {
    /// Now. Without a cost of the load tool it has ended, which is an error.
    pub(super) fn take(size: u64, running: &Running, tool: Option<Cost>) -> Result<Sample, String> {
        let server = running.process.cost().ok_or("the server is gone")?;
        let tool = tool.ok_or("the load tool is gone")?.cpu_seconds;
        let machine = background::machine_cpu().unwrap_or_default();
        Ok(Sample { size, at: Instant::now(), server, tool, machine })
    }

    /// What happened from this moment to a later one.
    pub(super) fn until(&self, later: &Sample) -> Figures {
        let server_cpu = later.server.cpu_seconds - self.server.cpu_seconds;
        let load_cpu = later.tool - self.tool;
        Figures {
            adds: later.size.saturating_sub(self.size),
            time: later.at - self.at,
            server: Cost { cpu_seconds: server_cpu, peak_rss: later.server.peak_rss },
            load_cpu,
            others_cpu: (later.machine - self.machine - server_cpu - load_cpu).max(0.0),
            ..Figures::default()
        }
    }
}

/// From the first move of the checkpoint to the last one within the time. `tool` says what the load has cost.
pub(super) fn watch_growth(
    mut watch: Connection,
    running: &Running,
    tool: impl Fn() -> Option<Cost>,
    time: Duration,
) -> Result<Figures, String> {
    let end = Instant::now() + time;
    let mut next_move = |from: Option<u64>| loop {
        let size = published_size(&mut watch).map_err(|why| format!("GET /checkpoint under load: {why}"))?;
        if Some(size) != from || Instant::now() > end {
            return Sample::take(size, running, tool());
        }
        std::thread::sleep(POLL);
    };
    let somewhere = next_move(None)?.size;
    let first = next_move(Some(somewhere))?;
    let mut last = first;
    while last.at < end {
        let moved = next_move(Some(last.size))?;
        if moved.size == last.size {
            break; // it stood still until the end
        }
        last = moved;
        std::thread::sleep(POLL);
    }
    Ok(first.until(&last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_nothing_are_zero_and_not_infinite() {
        assert!(Figures::default().rate() == 0.0 && Figures::default().cpu_per_thousand() == 0.0);
    }
}
