//! `cargo xtask bench`: Deedbook beside Tessera and a server that does nothing, in alternating rounds on one machine.
//!
//! Each figure is read against the others of the same run: load by load, round by round, every contender takes its turn
//! on a fresh directory. All rounds are shown. A rate is the growth of the published `checkpoint` divided by the time
//! between two moments at which it moved; memory is the highest resident set of the server since it started; CPU is the
//! server's own (user and system) between the same two moments. Latencies are the load tool's, over its whole run.

pub(crate) mod bulk;
pub(crate) mod following;
pub(crate) mod grown;
mod growth;
mod load;
pub(crate) mod lookups;
mod machine;
pub(crate) mod monitoring;
pub(crate) mod publish;
mod report;
mod single;
mod telling;
pub(crate) mod witness;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args as ClapArgs;
use thiserror::Error;

use crate::contender::{Contender, ContenderError};
use crate::peers::{self, Outcome, Peers, PeersError};
use load::Load;
use report::Round;

/// Descriptors that every process here may open: more than connections, and what the targets are stated for.
const DESCRIPTORS: u64 = 20_000;

/// How long the idle server with a wait sleeps, in milliseconds.
const IDLE_SLEEP: u32 = 5;

/// Measure Deedbook beside Tessera and a server that does nothing
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Our server [default: target/release/deedbook]
    #[arg(long, value_name = "PATH")]
    log_binary: Option<PathBuf>,
    /// Who takes part
    #[arg(long, value_delimiter = ',', default_value = "deedbook,tessera,idle,idle-5ms")]
    contenders: Vec<Name>,
    /// Which loads
    #[arg(long, value_delimiter = ',', default_value = "hammer,wrk-256,wrk-4096,wrk-12000,single")]
    loads: Vec<Load>,
    /// How often each contender takes its turn under each load
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// How long is measured, after the load has come up
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(3..=600))]
    seconds: u64,
    /// On which disk the logs are [default: target/bench]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write the tables to this file too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A contender by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    /// Our server on a log for raw entries
    Deedbook,
    /// Tessera's conformance server on POSIX files
    Tessera,
    /// crates/idle
    Idle,
    /// crates/idle, which waits 5 ms before each answer
    #[value(name = "idle-5ms")]
    Idle5ms,
}

/// Why there are no figures.
#[derive(Debug, Error)]
pub(crate) enum BenchError {
    /// The programs could not be built.
    #[error(transparent)]
    Peers(#[from] PeersError),
    /// Tessera's programs are needed, for the load tool and as the peer.
    #[error("cannot measure: {0}")]
    NoPeers(peers::Skip),
    /// A server could not be brought up.
    #[error(transparent)]
    Contender(#[from] ContenderError),
    /// A file, a process or a connection of this program.
    #[error("cannot {0}: {1}")]
    Io(String, io::Error),
    /// crates/idle does not build.
    #[error("`{0}` failed")]
    Build(String),
    /// Publications could not be measured.
    #[error(transparent)]
    Publish(#[from] publish::PublishError),
    /// A load tool broke off or could not be understood.
    #[error("{load} against {who}: {why}")]
    Load {
        /// The load.
        load: String,
        /// The contender.
        who: String,
        /// What happened.
        why: String,
    },
}

/// Runs the campaign and prints a table for each load as it is done.
pub(crate) fn run(args: &Args) -> Result<(), BenchError> {
    let peers = match peers::install()? {
        Outcome::Ready(peers) => peers,
        Outcome::Skipped(why) => return Err(BenchError::NoPeers(why)),
    };
    let descriptors = allow_descriptors()?;
    let contenders = args.contenders(&peers)?;
    let data = data_directory(args.data.as_deref())?;
    let mut out = report::Out::new(args.out.as_deref())?;
    out.say(&machine::describe(&data, descriptors))?;
    for load in &args.loads {
        let mut rounds = Vec::new();
        for number in 1..=args.rounds {
            let fsync =
                machine::fsync_p50(&data).map_err(|why| BenchError::Io("measure fsync".into(), why))?;
            for contender in &contenders {
                let figures = measure(&peers, contender, *load, args.seconds, &data)?;
                eprintln!("{load} round {number} {contender}: {:.0} adds/s", figures.rate());
                rounds.push(Round { number, contender: contender.to_string(), fsync, figures });
            }
        }
        out.say(&report::table(&report::title(*load), args.seconds, &rounds))?;
    }
    Ok(())
}

/// One turn: a fresh directory, the server, the load.
fn measure(
    peers: &Peers,
    contender: &Contender,
    load: Load,
    seconds: u64,
    data: &Path,
) -> Result<growth::Figures, BenchError> {
    let dir = tempfile::tempdir_in(data).map_err(|why| BenchError::Io("make a directory".into(), why))?;
    let mut running = contender.start(dir.path())?;
    load.run(peers, contender, &mut running, Duration::from_secs(seconds), dir.path())
}

impl Args {
    fn contenders(&self, peers: &Peers) -> Result<Vec<Contender>, BenchError> {
        let idle = if self.contenders.iter().any(|name| matches!(name, Name::Idle | Name::Idle5ms)) {
            build_idle()?
        } else {
            PathBuf::new()
        };
        let ours = || ours(self.log_binary.as_deref());
        let contender = |name: &Name| match name {
            Name::Deedbook => Contender::Deedbook(ours()),
            Name::Tessera => Contender::Tessera(peers.clone()),
            Name::Idle => Contender::Idle(idle.clone(), 0),
            Name::Idle5ms => Contender::Idle(idle.clone(), IDLE_SLEEP),
        };
        Ok(self.contenders.iter().map(contender).collect())
    }
}

/// Our server: the one that was named, or the release build.
fn ours(named: Option<&Path>) -> PathBuf {
    named.map_or_else(|| peers::target_dir().join("release/deedbook"), PathBuf::from)
}

/// Builds crates/idle with the profile that we are shipped with.
fn build_idle() -> Result<PathBuf, BenchError> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--quiet", "--package", "idle"]).current_dir(peers::repository());
    let status = cargo.status().map_err(|why| BenchError::Io("run cargo".into(), why))?;
    if !status.success() {
        return Err(BenchError::Build(peers::shown(&cargo)));
    }
    Ok(peers::target_dir().join("release/idle"))
}

/// The directory below which the logs are made.
fn data_directory(named: Option<&Path>) -> Result<PathBuf, BenchError> {
    let data = named.map_or_else(|| peers::target_dir().join("bench"), PathBuf::from);
    std::fs::create_dir_all(&data).map_err(|why| BenchError::Io(format!("make {}", data.display()), why))?;
    Ok(data)
}

/// Raises the soft limit of open files to [`DESCRIPTORS`] if the hard limit allows; children inherit it. The limit now.
fn allow_descriptors() -> Result<u64, BenchError> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let allowed = maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum });
    raised.map_err(|why| BenchError::Io("raise the descriptor limit".into(), why.into()))?;
    Ok(allowed)
}
