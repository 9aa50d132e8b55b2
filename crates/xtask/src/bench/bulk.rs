//! `cargo xtask bench-bulk`: full audit records in bulk, durable, beside a server that reads them and does nothing.
//!
//! Each connection sends one request of NDJSON after the other; a record is about 700 bytes and has an id of its own, a
//! UUIDv7 of the moment it is sent. Rate, CPU and memory are measured as for single adds: from the growth of the
//! checkpoint. Beside them stands what the answers said; each answer is looked through for its `logged` items.

pub(super) mod pool;
pub(super) mod senders;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;

use super::growth::{Figures, POLL, watch_growth};
use super::report::{self, Round};
use super::{BenchError, build_idle, machine, ours};
use crate::background;
use crate::contender::{Contender, Running};
use crate::loopback::{Connection, published_size};
use senders::{Bulk, Senders};

/// How long all connections take to be there and busy.
const RISE: Duration = Duration::from_secs(2);

/// Measure audit records in bulk beside a server that does nothing
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Our server [default: target/release/deedbook]
    #[arg(long, value_name = "PATH")]
    log_binary: Option<PathBuf>,
    /// Records in one request
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    per_request: u64,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    connections: u64,
    /// How often each server takes its turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// How long is measured, after the load has come up
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(3..=600))]
    seconds: u64,
    /// On which disk the logs are [default: target/bench]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write the tables to this file too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs all turns and prints the table.
pub(crate) fn run(args: &Args) -> Result<(), BenchError> {
    let data = super::data_directory(args.data.as_deref())?;
    let contenders =
        [Contender::Records(ours(args.log_binary.as_deref())), Contender::Idle(build_idle()?, 0)];
    let mut out = report::Out::new(args.out.as_deref())?;
    out.say(&machine::describe(&data, super::allow_descriptors()?))?;
    let mut rounds = Vec::new();
    for number in 1..=args.rounds {
        let fsync = machine::fsync_p50(&data).map_err(|why| BenchError::Io("measure fsync".into(), why))?;
        for contender in &contenders {
            let figures = args.measure(contender, &data)?;
            eprintln!("bulk round {number} {contender}: {:.0} records/s", figures.rate());
            rounds.push(Round { number, contender: contender.to_string(), fsync, figures });
        }
    }
    let title = format!(
        "Bulk NDJSON of typical audit records, {} a request, {} connections (an add is a record)",
        args.per_request, args.connections
    );
    out.say(&report::table(&title, args.seconds, &rounds))
}

impl Args {
    /// One turn: a fresh directory, the server, the load.
    fn measure(&self, contender: &Contender, data: &Path) -> Result<Figures, BenchError> {
        let dir = tempfile::tempdir_in(data).map_err(|why| BenchError::Io("make a directory".into(), why))?;
        let mut running = contender.start(dir.path())?;
        let measured = self.put_under_load(&running);
        let failed = |why: String| BenchError::Load { load: "bulk".into(), who: contender.to_string(), why };
        let measured = measured.map_err(failed)?;
        if running.process.runs() {
            return Ok(measured);
        }
        Err(failed(format!("the server ended; its last words:\n{}", running.process.last_words())))
    }

    fn put_under_load(&self, running: &Running) -> Result<Figures, String> {
        let bulk = Bulk { connections: self.connections, per_request: self.per_request, most: u64::MAX };
        let mut watch = Connection::open(running.address).map_err(|why| format!("cannot connect: {why}"))?;
        let started = Instant::now();
        let senders = Senders::start(running.address, bulk);
        while started.elapsed() < RISE {
            std::thread::sleep(POLL);
            published_size(&mut watch)
                .map_err(|why| format!("GET /checkpoint while the load comes up: {why}"))?;
        }
        let time = Duration::from_secs(self.seconds);
        let figures = watch_growth(watch, running, || background::cost_of("self"), time);
        let sent = senders.finish()?;
        let latency = Some(sent.latency());
        let remarks = format!(
            "answers say {:.0} records/s, {} requests, {} told to come again",
            sent.records as f64 / started.elapsed().as_secs_f64(),
            sent.requests(),
            sent.pushed_back
        );
        Ok(Figures { latency, remarks, ..figures? })
    }
}
