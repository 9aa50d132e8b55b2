//! `cargo xtask bench-publish`: how long a publication takes, without witnesses and with three on this machine.
//!
//! One process holds the log (sled on disk, as a server has it, publishing without a pause) and the witnesses (crate
//! `follower`, each with a sled store of its own, over HTTP on loopback). Measured is the time from an acknowledgement to
//! the public checkpoint that covers it: what `wait=published` costs more than `wait=durable`, with a quorum of two of three
//! and with all three. Turns take turns.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::routing::post;
use clap::Args as ClapArgs;
use follower::witness::enrolled::Enrolled;
use follower::witness::keeper::{Keeper, Limits};
use follower::witness::service::Witness;
use sequencer::pool::Submission;
use sequencer::witnesses::{WhenUnwitnessed, Witnessing};
use sequencer::{DataDirectory, Kind, Log};
use store::{SledOptions, SledStore};
use thiserror::Error;
use tlog::cosignature::{Cosigner, Timestamp};
use tlog::integrate::Entry;
use tlog::key::{Signer, VerifierKey};
use tlog::policy::Policy;
use tlog::witness::WitnessKeys;
use tokio::runtime::Runtime;
use witnessing::{Cause, Observer, Options, Witnesses};

use super::single::percentile;
use super::{BenchError, machine, report};

const ORIGIN: &str = "example.com/bench";
const WITNESSES: u8 = 3;
/// Publications that come first and are not measured.
const WARM_UP: usize = 20;
/// How long a publication may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Measure publications without witnesses and with three
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Publications that are measured in each turn
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    publications: u32,
    /// How often each takes its turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// On which disk the logs and the witnesses' stores are [default: target/bench]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write the table to this file too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// It could not be measured.
#[derive(Debug, Error)]
#[error("the publication cannot be measured: {0}")]
pub(crate) struct PublishError(String);

impl PublishError {
    fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Whose cosignatures a publication waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quorum {
    Nobody,
    TwoOfThree,
    AllThree,
}

impl Quorum {
    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "no witnesses",
            Self::TwoOfThree => "3 witnesses, 2 awaited",
            Self::AllThree => "3 witnesses, all awaited",
        }
    }
}

/// Runs all turns and prints the table.
pub(crate) fn run(args: &Args) -> Result<(), BenchError> {
    let data = super::data_directory(args.data.as_deref())?;
    let mut out = report::Out::new(args.out.as_deref())?;
    out.say(&machine::describe(&data, super::allow_descriptors()?))?;
    out.say("| publication with | round | p50 ms | p99 ms | max ms |\n|---|---:|---:|---:|---:|")?;
    for round in 1..=args.rounds {
        for quorum in [Quorum::Nobody, Quorum::TwoOfThree, Quorum::AllThree] {
            let times = turn(&data, quorum, args.publications as usize)?;
            let ms = |time: Duration| time.as_secs_f64() * 1e3;
            let (p50, p99) = (percentile(&times, 50), percentile(&times, 99));
            let most = times.last().copied().unwrap_or_default();
            let (name, p50, p99, most) = (quorum.name(), ms(p50), ms(p99), ms(most));
            out.say(&format!("| {name} | {round} | {p50:.2} | {p99:.2} | {most:.2} |"))?;
        }
    }
    Ok(())
}

/// One log, made, fed and thrown away; sorted times.
fn turn(data: &Path, quorum: Quorum, publications: usize) -> Result<Vec<Duration>, PublishError> {
    let home = tempfile::tempdir_in(data).map_err(PublishError::of)?;
    let runtime = Runtime::new().map_err(PublishError::of)?;
    let signer = Signer::from_seed(ORIGIN.parse().map_err(PublishError::of)?, &[1; 32]);
    let mut witnesses = vec![];
    if quorum != Quorum::Nobody {
        for number in 0..WITNESSES {
            witnesses.push(Local::start(number, home.path(), signer.verifier_key())?);
        }
    }
    let witnessing = match quorum {
        Quorum::Nobody => None,
        _ => Some(witnessing(&witnesses, quorum, signer.verifier_key(), &runtime)?),
    };
    let options = sequencer::Options {
        publish_every: Duration::from_millis(1),
        witnessing,
        ..sequencer::Options::default()
    };
    let directory = DataDirectory::open(&home.path().join("log")).map_err(PublishError::of)?;
    let store =
        SledStore::open(&directory.store_path(), &SledOptions::default()).map_err(PublishError::of)?;
    let evidence = Box::new(directory.head_file());
    let log = Log::open(Arc::new(store), Kind::Raw, signer, evidence, options).map_err(PublishError::of)?;
    let mut times = Vec::with_capacity(publications);
    for number in 0..publications + WARM_UP {
        let time = runtime.block_on(publication(&log, number))?;
        if number >= WARM_UP {
            times.push(time);
        }
    }
    log.close();
    times.sort_unstable();
    Ok(times)
}

/// From an acknowledgement to the public checkpoint that covers it.
async fn publication(log: &Log, number: usize) -> Result<Duration, PublishError> {
    let entry = Entry::new(format!("entry {number}").into()).map_err(PublishError::of)?;
    let answer = log.submit(vec![Submission::new(entry, None)]).map_err(PublishError::of)?;
    let answer = answer.await.map_err(PublishError::of)?.map_err(PublishError::of)?;
    let acknowledged = Instant::now();
    let (size, reader) = (answer.committed.head().size, log.reader());
    let mut watching = reader.watch_published();
    let covered = watching.wait_for(|checkpoint| checkpoint.size() >= size);
    tokio::time::timeout(PATIENCE, covered).await.map_err(PublishError::of)?.map_err(PublishError::of)?;
    Ok(acknowledged.elapsed())
}

fn witnessing(
    witnesses: &[Local],
    quorum: Quorum,
    log: &VerifierKey,
    runtime: &Runtime,
) -> Result<Witnessing, PublishError> {
    let line = |(number, witness): (usize, &Local)| {
        format!("witness w{number} {} http://{}/", witness.vkey, witness.address)
    };
    let lines = witnesses.iter().enumerate().map(line).collect::<Vec<_>>().join("\n");
    let count = if quorum == Quorum::AllThree { "all" } else { "2" };
    let text = format!("log {log}\n{lines}\ngroup g {count} w0 w1 w2\nquorum g\n");
    let policy = Policy::parse(text.as_bytes()).map_err(PublishError::of)?;
    let options = Options {
        timeout: Duration::from_secs(1),
        refresh: Duration::from_mins(10),
        authorities: None,
        observer: Arc::new(Nobody),
    };
    let asked = Witnesses::new(policy, log, options, runtime.handle().clone()).map_err(PublishError::of)?;
    Ok(Witnessing { cosigners: Arc::new(asked), when_unwitnessed: WhenUnwitnessed::Hold })
}

/// A witness on loopback; it ends when this is dropped.
struct Local {
    vkey: VerifierKey,
    address: SocketAddr,
    _runtime: Runtime,
}

impl Local {
    fn start(number: u8, home: &Path, log: &VerifierKey) -> Result<Self, PublishError> {
        let name = format!("witness-{number}.example").parse().map_err(PublishError::of)?;
        let key = Cosigner::from_seed(name, &[10 + number; 32]);
        let vkey = key.verifier_key().clone();
        let path = home.join(format!("witness-{number}"));
        let store = SledStore::open(&path, &SledOptions::default()).map_err(PublishError::of)?;
        let keeper = Keeper::open(Arc::new(store), Limits::default()).map_err(PublishError::of)?;
        let list = format!("logs/v0\n\nvkey {log}\nqpd 86400\ncontact nobody\n");
        let enrolled: Enrolled = list.parse().map_err(PublishError::of)?;
        let keys = WitnessKeys::new(vec![key]).map_err(PublishError::of)?;
        let witness = Arc::new(Witness::new(keeper, keys, enrolled));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(PublishError::of)?;
        listener.set_nonblocking(true).map_err(PublishError::of)?;
        let address = listener.local_addr().map_err(PublishError::of)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(PublishError::of)?;
        let router = Router::new().route("/add-checkpoint", post(add_checkpoint)).with_state(witness);
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, router).await
        });
        Ok(Self { vkey, address, _runtime: runtime })
    }
}

async fn add_checkpoint(
    State(witness): State<Arc<Witness>>,
    body: Bytes,
) -> (StatusCode, [(header::HeaderName, &'static str); 1], String) {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp::from_seconds(since.as_secs()).unwrap_or(Timestamp::NONE);
    let reply = witness.add_checkpoint(&body, now).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, reply.content_type)], reply.body)
}

struct Nobody;

impl Observer for Nobody {
    fn asked(&self, _: &str, _: Duration, _: Option<Cause>) {}
    fn round(&self, _: Duration, _: bool) {}
}
