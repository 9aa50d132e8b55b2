//! The loads: how each is brought on, and what its own report says.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::growth::{Figures, Latency, POLL, Sample, watch_growth};
use super::{BenchError, single};
use crate::background::{self, Background};
use crate::contender::{Contender, Running};
use crate::hammer::{Findings, Hammer};
use crate::loopback::{Connection, published_size};
use crate::peers::{self, Peers};

/// The most writers or connections that a load may have.
const MOST: u64 = 19_000;

/// Writers of Tessera's load tool when none are named.
const HAMMER_WRITERS: u64 = 12_000;

/// Who writes, and with how many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Tessera's load tool with so many writers: `hammer` (12,000) or `hammer-N`.
    Hammer(u64),
    /// wrk with so many connections: `wrk-N`.
    Wrk(u64),
    /// One connection that adds one entry after the other: `single`.
    Single,
}

/// What a load tool's report says: latencies if it tells them, and remarks; or why there is no telling.
type Said = Result<(Option<Latency>, String), String>;

impl Load {
    /// Brings the load up, measures for `time`, and ends it.
    pub(super) fn run(
        self,
        peers: &Peers,
        contender: &Contender,
        running: &mut Running,
        time: Duration,
        dir: &Path,
    ) -> Result<Figures, BenchError> {
        let failed =
            |why: String| BenchError::Load { load: self.to_string(), who: contender.to_string(), why };
        let measured = match self {
            Load::Single => run_single(running, time),
            Load::Hammer(writers) => {
                let seconds = (self.rise() + time).as_secs() + 5;
                let command = Hammer { writers, readers: 0, seconds }.command(peers, contender, running);
                self.run_tool(&command, running, time, dir, hammer_says)
            }
            Load::Wrk(connections) => {
                let command = wrk(connections, self.rise() + time, &running.base());
                self.run_tool(&command, running, time, dir, wrk_says)
            }
        };
        let measured = measured.map_err(failed)?;
        if running.process.runs() {
            return Ok(measured);
        }
        Err(failed(format!("the server ended; its last words:\n{}", running.process.last_words())))
    }

    /// How long all connections take to be there and busy.
    fn rise(self) -> Duration {
        match self {
            Load::Hammer(connections) | Load::Wrk(connections) => Duration::from_secs(3 + connections / 1500),
            Load::Single => Duration::ZERO,
        }
    }

    fn run_tool(
        self,
        command: &Command,
        running: &Running,
        time: Duration,
        dir: &Path,
        says: fn(&str) -> Said,
    ) -> Result<Figures, String> {
        // The connection that watches is there before the load is, and is kept in use: servers end silent ones.
        let mut watch = Connection::open(running.address).map_err(|why| format!("cannot connect: {why}"))?;
        let mut tool = Background::start(command, dir.join("load.log"))
            .map_err(|why| format!("cannot run `{}`: {why}", peers::shown(command)))?;
        let risen = Instant::now() + self.rise();
        while Instant::now() < risen {
            std::thread::sleep(POLL);
            published_size(&mut watch)
                .map_err(|why| format!("GET /checkpoint while the load comes up: {why}"))?;
        }
        let mut figures = watch_growth(watch, running, || tool.cost(), time)
            .map_err(|why| format!("{why}; the load tool said last:\n{}", tool.last_words()))?;
        if !tool.wait(Duration::from_mins(1)).is_ok_and(|ended| ended.is_some()) {
            return Err("the load tool did not end by itself".to_owned());
        }
        (figures.latency, figures.remarks) = says(&tool.said())?;
        Ok(figures)
    }
}

/// Here this process is the load tool.
fn run_single(running: &Running, time: Duration) -> Result<Figures, String> {
    let first = Sample::take(0, running, background::cost_of("self"))?;
    let (latency, adds) = single::measure(running.address, time).map_err(|why| why.to_string())?;
    let last = Sample::take(adds as u64, running, background::cost_of("self"))?;
    Ok(Figures { latency: Some(latency), remarks: format!("{adds} adds"), ..first.until(&last) })
}

/// Two threads, and the latencies in its report; bench/add.lua makes the bodies.
fn wrk(connections: u64, time: Duration, base: &str) -> Command {
    let mut command = Command::new("wrk");
    command.args(["-t2", "--latency", "--timeout", "30s", &format!("-c{connections}")]);
    command
        .arg(format!("-d{}s", time.as_secs() + 2))
        .arg("-s")
        .arg(peers::repository().join("bench/add.lua"));
    command.arg(format!("{base}add"));
    command
}

/// The load tool writes no latencies without its screen.
fn hammer_says(said: &str) -> Said {
    let findings = Findings::read(said);
    if findings.complete { Ok((None, findings.to_string())) } else { Err(findings.to_string()) }
}

/// Percentiles, its own rate, and the lines that tell of failures, which are there only when there were some.
fn wrk_says(said: &str) -> Said {
    let value = |name: &str| {
        said.lines()
            .find_map(|line| line.trim().strip_prefix(name))
            .map(str::trim)
            .ok_or(format!("no {name} in:\n{said}"))
    };
    let latency = Latency { p50: wrk_time(value("50%")?)?, p99: wrk_time(value("99%")?)? };
    let failures = ["Non-2xx or 3xx responses", "Socket errors"];
    let failures =
        said.lines().map(str::trim).filter(|line| failures.iter().any(|name| line.starts_with(name)));
    let remarks: Vec<String> = std::iter::once(format!("wrk itself {}/s", value("Requests/sec:")?))
        .chain(failures.map(str::to_owned))
        .collect();
    Ok((Some(latency), remarks.join(", ")))
}

/// `12.34ms`, `1.05s`, `870.00us`, `1.10m`.
fn wrk_time(text: &str) -> Result<Duration, String> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0)];
    let parsed = units.into_iter().find_map(|(unit, seconds)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Duration::try_from_secs_f64(number * seconds).ok()
    });
    parsed.ok_or_else(|| format!("wrk wrote {text:?} where a time belongs"))
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Load::Hammer(writers) => write!(f, "hammer-{writers}"),
            Load::Wrk(connections) => write!(f, "wrk-{connections}"),
            Load::Single => write!(f, "single"),
        }
    }
}

impl FromStr for Load {
    type Err = String;

    fn from_str(name: &str) -> Result<Load, String> {
        let many = |digits: &str| digits.parse().ok().filter(|many| (1..=MOST).contains(many));
        let load = match name.split_once('-') {
            None if name == "single" => Some(Load::Single),
            None if name == "hammer" => Some(Load::Hammer(HAMMER_WRITERS)),
            Some(("hammer", digits)) => many(digits).map(Load::Hammer),
            Some(("wrk", digits)) => many(digits).map(Load::Wrk),
            _ => None,
        };
        load.ok_or_else(|| format!("hammer, hammer-N, wrk-N or single, N from 1 to {MOST}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_print_as_they_are_written() {
        for name in ["hammer-200", "wrk-256", "single"] {
            assert_eq!(name.parse::<Load>().unwrap().to_string(), name);
        }
        assert_eq!("hammer".parse(), Ok(Load::Hammer(12_000)));
        for bad in ["", "wrk", "wrk-0", "wrk-x", "wrk-20000", "single-1", "ab-1"] {
            assert!(bad.parse::<Load>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn wrks_report_is_read_with_its_failures() {
        let said = "  Latency Distribution\n     50%   12.50ms\n     75%   1.00s\n     99%    1.05s \n  9 requests in 1s\n  \
                    Non-2xx or 3xx responses: 7\nRequests/sec:   4321.50\n";
        let (latency, remarks) = wrk_says(said).unwrap();
        let expected = Latency { p50: Duration::from_micros(12_500), p99: Duration::from_millis(1050) };
        assert_eq!(latency, Some(expected));
        assert_eq!(remarks, "wrk itself 4321.50/s, Non-2xx or 3xx responses: 7");
        assert!(wrk_says("unable to connect").is_err());
    }

    #[test]
    fn times_of_every_unit_are_read() {
        assert_eq!(wrk_time("870.00us"), Ok(Duration::from_micros(870)));
        assert_eq!(wrk_time("1.10m"), Ok(Duration::from_secs(66)));
        assert!(wrk_time("12").is_err() && wrk_time("-1s").is_err());
    }
}
