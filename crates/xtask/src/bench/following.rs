//! `cargo xtask bench-follow`: how far the lookups are behind what is published, at a steady rate of new records.
//!
//! The bodies are made before the server starts. Each is sent when it is due, or as soon as a connection is free; meanwhile
//! the published size and the size that the lookups answer for are read again and again. Behind by a second means: what
//! was published a second ago is not answered for yet.

mod pace;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use serde::Serialize;

use super::lookups::gauge;
use super::single::percentile;
use super::telling::Telling;
use super::{BenchError, ours};
use crate::contender::{Contender, Running};
use crate::loopback::{Connection, published_size};
use pace::{Pace, Sent};

/// How long the lookups may take for what is left when all is sent.
const PATIENCE: Duration = Duration::from_mins(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// What the project promises: never further behind.
const TARGET: Duration = Duration::from_secs(1);

/// Measure how far the lookups are behind at a steady rate of new records
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Our server [default: target/release/deedbook]
    #[arg(long, value_name = "PATH")]
    log_binary: Option<PathBuf>,
    /// Records a second and in a request
    #[arg(long, value_name = "RATExRECORDS", value_delimiter = ',', default_value = "5000x1,40000x1000")]
    loads: Vec<Pace>,
    /// Connections: so many requests can be under way
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    connections: u64,
    /// How long each load is on
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(3..=600))]
    seconds: u64,
    #[command(flatten)]
    telling: Telling,
}

/// One look: how much is published, and then how much is answered for.
#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    published: u64,
    answered: u64,
}

/// What one load gave.
#[derive(Debug, Serialize)]
struct Followed {
    load: String,
    records_per_second: f64,
    request_p50_ms: f64,
    request_p99_ms: f64,
    looks: usize,
    behind_p50_ms: f64,
    behind_p99_ms: f64,
    behind_max_ms: f64,
    /// Entries that were published and not answered for, at most.
    behind_entries: u64,
    server_cpu_per_thousand: f64,
    peak_rss: u64,
    met: bool,
}

/// All that is printed.
#[derive(Debug, Serialize)]
struct Report {
    machine: String,
    seconds: u64,
    loads: Vec<Followed>,
}

/// Each load on a log of its own.
pub(crate) fn run(args: &Args) -> Result<(), BenchError> {
    let begun = args.telling.begin()?;
    let mut loads = vec![];
    for pace in &args.loads {
        let bodies = pace.bodies(args.seconds);
        let dir = tempfile::tempdir_in(&begun.data)
            .map_err(|why| BenchError::Io("make a directory".into(), why))?;
        let running = Contender::Records(ours(args.log_binary.as_deref())).start(dir.path())?;
        let followed = args.follow(&running, *pace, &bodies)?;
        eprintln!("{}", followed.line());
        loads.push(followed);
    }
    let report = Report { machine: begun.machine.clone(), seconds: args.seconds, loads };
    begun.tell(&report, &report.table())
}

impl Args {
    /// Sends all bodies and looks on until all of them are answered for.
    fn follow(&self, running: &Running, pace: Pace, bodies: &[Vec<u8>]) -> Result<Followed, BenchError> {
        let (all, sent_all) = (pace.per_request * bodies.len() as u64, AtomicBool::new(false));
        let (sent, looks) = std::thread::scope(|scope| {
            let looking = scope.spawn(|| look(running, running.address, all, &sent_all));
            let sent = pace.send(running.address, self.connections, bodies);
            sent_all.store(true, Relaxed);
            (sent, looking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let cost = running.process.cost().unwrap_or_default();
        let (sent, looks) = (sent.map_err(failed)?, looks?);
        Ok(Followed::of(pace, &sent, &looks, cost))
    }
}

/// Looks until everything is published and answered for, and nothing more is sent.
fn look(
    running: &Running,
    address: SocketAddr,
    all: u64,
    sent_all: &AtomicBool,
) -> Result<Vec<Look>, BenchError> {
    let io = |why| BenchError::Io("ask the server".into(), why);
    let mut connection = Connection::open(address).map_err(io)?;
    let (mut looks, mut since_sent) = (vec![], None);
    loop {
        let at = Instant::now();
        let published = published_size(&mut connection).map_err(io)?;
        let answered = gauge(running, "deedbook_lookup_size")?;
        looks.push(Look { at, published, answered });
        if sent_all.load(Relaxed) {
            let since = *since_sent.get_or_insert(at);
            if answered >= all || at - since > PATIENCE {
                return Ok(looks);
            }
        }
        std::thread::sleep(LOOK);
    }
}

/// How far behind each look found the lookups: until what was published then was answered for, by a later look.
fn behind(looks: &[Look]) -> Vec<Duration> {
    let mut later = looks.iter().peekable();
    let last = looks.last().map(|look| look.at);
    looks
        .iter()
        .map(|look| {
            while later.next_if(|each| each.answered < look.published).is_some() {}
            let reached = later.peek().map(|each| each.at).or(last).unwrap_or(look.at);
            reached.saturating_duration_since(look.at)
        })
        .collect()
}

impl Followed {
    fn of(pace: Pace, sent: &Sent, looks: &[Look], cost: crate::background::Cost) -> Self {
        let mut behind = behind(looks);
        behind.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let most = behind.last().copied().unwrap_or_default();
        let entries = looks.iter().map(|look| look.published.saturating_sub(look.answered)).max();
        Self {
            load: pace.to_string(),
            records_per_second: sent.rate(),
            request_p50_ms: ms(percentile(&sent.times, 50)),
            request_p99_ms: ms(percentile(&sent.times, 99)),
            looks: looks.len(),
            behind_p50_ms: ms(percentile(&behind, 50)),
            behind_p99_ms: ms(percentile(&behind, 99)),
            behind_max_ms: ms(most),
            behind_entries: entries.unwrap_or_default(),
            server_cpu_per_thousand: cost.cpu_seconds * 1e3 / sent.records.max(1) as f64,
            peak_rss: cost.peak_rss,
            // A rate that was not reached shows nothing.
            met: most < TARGET && sent.rate() > 0.98 * pace.rate as f64,
        }
    }

    fn line(&self) -> String {
        format!(
            "| {} | {:.0} | {:.1} ms | {:.1} ms | {} | {:.0} ms | {:.0} ms | {:.0} ms | {} | {:.4} | {:.0} MB | {} |",
            self.load,
            self.records_per_second,
            self.request_p50_ms,
            self.request_p99_ms,
            self.looks,
            self.behind_p50_ms,
            self.behind_p99_ms,
            self.behind_max_ms,
            self.behind_entries,
            self.server_cpu_per_thousand,
            self.peak_rss as f64 / 1e6,
            if self.met { "met" } else { "**missed**" },
        )
    }
}

impl Report {
    fn table(&self) -> String {
        let head = "| load | records/s | a request, p50 | p99 | looks | behind, p50 | p99 | max | entries behind, most \
                    | server CPU s per 1,000 | peak memory | never a second behind |\n\
                    |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|";
        let title =
            format!("{}\n## How far the lookups are behind, {} s a load\n", self.machine, self.seconds);
        [title, head.to_owned()]
            .into_iter()
            .chain(self.loads.iter().map(Followed::line))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn failed(why: String) -> BenchError {
    BenchError::Load { load: "following".into(), who: "deedbook".into(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_is_until_what_was_published_is_answered_for() {
        let start = Instant::now();
        let look =
            |ms, published, answered| Look { at: start + Duration::from_millis(ms), published, answered };
        let looks = [
            look(0, 10, 10),
            look(20, 30, 10),
            look(40, 50, 30),
            look(60, 50, 30),
            look(80, 60, 50),
            look(99, 60, 59),
        ];
        let behind: Vec<u128> = behind(&looks).iter().map(Duration::as_millis).collect();
        assert_eq!(behind, [0, 20, 40, 20, 19, 0], "the last is cut off by the end");
    }
}
