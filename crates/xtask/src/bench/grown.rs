//! `cargo xtask bench-growth`: one log of audit records grown to ten million, and what it is like then.
//!
//! The log grows in bulk; at each mark stand the rate since the last one, the server's memory and what is on the disk.
//! At the end: a backup and a full audit of it, the time to open after an orderly stop and after a kill. Beside it a log
//! of entries that cannot be compressed, for the disk alone.

mod disk;
mod end;
mod random;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;

use super::bulk::senders::{Bulk, Senders};
use super::report::Out;
use super::{BenchError, machine, ours};
use crate::contender::{Contender, Running};
use crate::fill;
use disk::Footprint;

/// Sizes at which a line is printed.
const MARKS: [u64; 6] = [100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000];

/// How long the published checkpoint may take to reach what was acknowledged.
const PUBLISH_PATIENCE: Duration = Duration::from_mins(1);

/// Measure a log while it grows to ten million entries, and what it takes to open, copy and audit it then
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Our server [default: target/release/deedbook]
    #[arg(long, value_name = "PATH")]
    log_binary: Option<PathBuf>,
    /// Size at the end
    #[arg(long, value_name = "ENTRIES", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    to: u64,
    /// Records in one request
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    per_request: u64,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    connections: u64,
    /// Size of the log of random bytes; 0 leaves it out
    #[arg(long, value_name = "ENTRIES", default_value_t = 1_000_000)]
    random: u64,
    /// On which disk the logs are [default: target/bench]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write the tables to this file too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Grows the logs and prints a table of each.
pub(crate) fn run(args: &Args) -> Result<(), BenchError> {
    let data = super::data_directory(args.data.as_deref())?;
    let mut out = Out::new(args.out.as_deref())?;
    out.say(&machine::describe(&data, super::allow_descriptors()?))?;
    let binary = ours(args.log_binary.as_deref());
    let dir = || tempfile::tempdir_in(&data).map_err(|why| BenchError::Io("make a directory".into(), why));
    {
        let dir = dir()?;
        args.typical(&Contender::Records(binary.clone()), &binary, dir.path(), &mut out)?;
    }
    if args.random > 0 {
        let dir = dir()?;
        random::run(&Contender::Deedbook(binary), args.random, dir.path(), &mut out)?;
    }
    Ok(())
}

impl Args {
    fn typical(
        &self,
        contender: &Contender,
        binary: &Path,
        dir: &Path,
        out: &mut Out,
    ) -> Result<(), BenchError> {
        let running = contender.start(dir)?;
        out.say(&format!("## Typical audit records, in bulk to {}\n\n{}", self.to, disk::HEAD))?;
        let mut size = 0;
        for mark in MARKS.into_iter().filter(|mark| *mark < self.to).chain([self.to]) {
            let started = Instant::now();
            let before = running.process.cost().unwrap_or_default();
            let grown = self.grow(&running, mark - size)?;
            let footprint = Footprint::of(&running, &dir.join("log"))?;
            let cpu = running.process.cost().unwrap_or_default().cpu_seconds - before.cpu_seconds;
            out.say(&footprint.line(size + grown, grown, started.elapsed(), cpu))?;
            size += grown;
        }
        out.say(&end::run(contender, binary, running, dir, size)?)
    }

    /// Adds at least so many records; how many it were. Whole requests only.
    fn grow(&self, running: &Running, more: u64) -> Result<u64, BenchError> {
        let failed = |why: String| BenchError::Load {
            load: "growth".into(),
            who: "deedbook".into(),
            why: format!("{why}; the server said last:\n{}", running.process.last_words()),
        };
        let bulk = Bulk { connections: self.connections, per_request: self.per_request, most: more };
        let senders = Senders::start(running.address, bulk);
        while !senders.done() {
            std::thread::sleep(Duration::from_millis(20));
        }
        senders.finish().map(|sent| sent.records).map_err(failed)
    }
}

/// Waits until all is published.
fn published(running: &Running, size: u64) -> Result<(), BenchError> {
    fill::wait_published(running.address, size, PUBLISH_PATIENCE).map_err(|why| BenchError::Load {
        load: "growth".into(),
        who: "deedbook".into(),
        why: why.to_string(),
    })
}
