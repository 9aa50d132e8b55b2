//! `cargo xtask bench-monitor`: how fast a monitor verifies small entries, from a mirror on this machine and over HTTP.
//!
//! The mirror is made here, entry by entry, of two sizes: memory must not grow with the log. Over HTTP the log is one that is
//! served on loopback, on the same cores. What is timed is `deedbook monitor --once` from a start without memory to its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args as ClapArgs;
use serde::Serialize;
use testkit::keys::RAW_LOG;
use tlog::checkpoint::Checkpoint;
use tlog::integrate::{Edge, Entry};
use tlog::key::Signer;
use tlog::tile::{Resource, bundles_of, tiles_of};

use super::telling::Telling;
use super::{BenchError, ours};
use crate::background::{Background, Cost};
use crate::contender::Contender;
use crate::fill::{Acks, fill, wait_published};

/// Entries that are integrated together.
const STEP: u64 = 65_536;
/// Connections that fill the served log.
const CONNECTIONS: u64 = 256;
/// How long a monitor may take.
const PATIENCE: Duration = Duration::from_mins(30);
/// How long the published checkpoint may take to reach what was acknowledged.
const PUBLISH_PATIENCE: Duration = Duration::from_mins(2);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Measure how fast a monitor verifies a log
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Our program [default: target/release/deedbook]
    #[arg(long, value_name = "PATH")]
    log_binary: Option<PathBuf>,
    /// Entries of the mirror; a smaller one has a tenth
    #[arg(long, value_name = "N", default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(10_000..=1_000_000_000))]
    entries: u64,
    /// Entries of the log that is served
    #[arg(long, value_name = "N", default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    served: u64,
    #[command(flatten)]
    telling: Telling,
}

/// One run.
#[derive(Debug, Serialize)]
struct Watched {
    log: String,
    entries: u64,
    seconds: f64,
    entries_per_second: f64,
    cpu_seconds: f64,
    peak_rss: u64,
    target: u64,
}

/// All that is printed.
#[derive(Debug, Serialize)]
struct Report {
    machine: String,
    runs: Vec<Watched>,
}

/// Each log once.
pub(crate) fn run(args: &Args) -> Result<(), BenchError> {
    let begun = args.telling.begin()?;
    let binary = ours(args.log_binary.as_deref());
    let mut runs = vec![];
    for entries in [args.entries / 10, args.entries] {
        let home = tempfile::tempdir_in(&begun.data).map_err(io("make a directory"))?;
        let mirror = home.path().join("mirror");
        let vkey = make(&mirror, entries).map_err(failed)?;
        runs.push(watch(
            &binary,
            home.path(),
            "a mirror",
            &mirror.display().to_string(),
            &vkey,
            entries,
            500_000,
        )?);
    }
    let home = tempfile::tempdir_in(&begun.data).map_err(io("make a directory"))?;
    let running = Contender::Deedbook(binary.clone()).start(home.path())?;
    fill(running.address, 0, args.served, CONNECTIONS, &mut Acks::new())
        .map_err(|why| failed(why.to_string()))?;
    wait_published(running.address, args.served, PUBLISH_PATIENCE).map_err(|why| failed(why.to_string()))?;
    let vkey = fs::read_to_string(&running.vkey).map_err(io("read the vkey"))?;
    runs.push(watch(
        &binary,
        home.path(),
        "HTTP on loopback",
        &running.base(),
        vkey.trim(),
        args.served,
        50_000,
    )?);
    let report = Report { machine: begun.machine.clone(), runs };
    begun.tell(&report, &report.table())
}

/// A log in a directory, as anybody could serve it; its vkey.
fn make(mirror: &Path, entries: u64) -> Result<String, String> {
    let words = |why: &dyn std::fmt::Display| why.to_string();
    let write = |resource: Resource, bytes: &[u8]| {
        let path = mirror.join(resource.to_string());
        fs::create_dir_all(path.parent().unwrap_or(mirror)).and_then(|()| fs::write(path, bytes))
    };
    let mut edge = Edge::default();
    for from in (0..entries).step_by(STEP as usize) {
        let new = (from..entries.min(from + STEP))
            .map(|index| Entry::new(Bytes::from(format!("small entry {index}"))));
        let new = new.collect::<Result<Vec<_>, _>>().map_err(|why| words(&why))?;
        let growth = edge.integrate(&new).map_err(|why| words(&why))?;
        for (tile, bytes) in &growth.tiles {
            write(Resource::Tile(*tile), bytes).map_err(|why| words(&why))?;
        }
        for (bundle, bytes) in &growth.bundles {
            write(Resource::Bundle(*bundle), bytes).map_err(|why| words(&why))?;
        }
        edge = growth.edge;
    }
    for tile in tiles_of(entries).filter(|tile| !tile.is_full()) {
        write(Resource::Tile(tile), &edge.tile(tile).unwrap_or_default()).map_err(|why| words(&why))?;
    }
    for bundle in bundles_of(entries).filter(|bundle| !bundle.is_full()) {
        write(Resource::Bundle(bundle), &edge.bundle(bundle).unwrap_or_default())
            .map_err(|why| words(&why))?;
    }
    let name = RAW_LOG.name.parse().map_err(|why| words(&why))?;
    let signer = Signer::from_seed(name, &RAW_LOG.seed);
    let checkpoint = Checkpoint::new(signer.name().clone(), edge.head()).map_err(|why| words(&why))?;
    let signed = checkpoint.sign(&signer).map_err(|why| words(&why))?;
    write(Resource::Checkpoint, signed.bytes()).map_err(|why| words(&why))?;
    Ok(signer.verifier_key().to_string())
}

/// One look of a monitor without memory at a log.
fn watch(
    binary: &Path,
    home: &Path,
    log: &str,
    place: &str,
    vkey: &str,
    entries: u64,
    target: u64,
) -> Result<Watched, BenchError> {
    let mut command = Command::new(binary);
    command.args(["monitor", "--once", "--log", place, "--vkey", vkey, "--data"]).arg(home.join("watched"));
    let start = Instant::now();
    let mut process = Background::start(&command, home.join("said")).map_err(io("start a monitor"))?;
    let mut cost = Cost::default();
    let ended = loop {
        cost = process.cost().filter(|now| now.peak_rss > 0).unwrap_or(cost);
        let ended = process.wait(LOOK).map_err(io("wait for a monitor"))?;
        if ended.is_some() || start.elapsed() > PATIENCE {
            break ended;
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let verified = format!("\"event\":\"verified\",\"size\":{entries},");
    if !ended.is_some_and(|status| status.success()) || !process.said().contains(&verified) {
        return Err(failed(format!("the monitor has not verified {log}:\n{}", process.last_words())));
    }
    let entries_per_second = entries as f64 / seconds;
    let Cost { cpu_seconds, peak_rss } = cost;
    Ok(Watched { log: log.to_owned(), entries, seconds, entries_per_second, cpu_seconds, peak_rss, target })
}

impl Report {
    fn table(&self) -> String {
        let head = "| log | entries | seconds | entries/s | target | CPU seconds | peak memory |\n\
                    |---|---:|---:|---:|---|---:|---:|";
        let line = |run: &Watched| {
            let met = if run.entries_per_second >= run.target as f64 { "met" } else { "**missed**" };
            format!(
                "| {} | {} | {:.2} | {:.0} | {} ({met}) | {:.2} | {:.0} MB |",
                run.log,
                run.entries,
                run.seconds,
                run.entries_per_second,
                run.target,
                run.cpu_seconds,
                run.peak_rss as f64 / 1e6
            )
        };
        let title = format!("{}\n## What a monitor verifies\n", self.machine);
        [title, head.to_owned()].into_iter().chain(self.runs.iter().map(line)).collect::<Vec<_>>().join("\n")
    }
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> BenchError {
    move |why| BenchError::Io(what.into(), why)
}

fn failed(why: String) -> BenchError {
    BenchError::Load { load: "monitoring".into(), who: "deedbook".into(), why }
}
