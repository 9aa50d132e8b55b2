//! `cargo xtask bench-witness`: how many checkpoints a second our witness cosigns, and how long each takes.
//!
//! A thousand logs grow by one entry at a time, each asked for by its own order over a kept connection. The requests are made
//! and signed before the witness starts, so that what is measured is the witness: reading, verifying, keeping durably,
//! cosigning. Afterwards it is started again, and must show for each log what it cosigned last.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tlog::checkpoint::Checkpoint;
use tlog::key::Signer;
use tlog::plan::ConsistencyPlan;
use tlog::range::CompactRange;
use tlog::witness::AddCheckpoint;
use tlog::{Hash, Head};

use super::single::percentile;
use super::telling::Telling;
use super::{BenchError, machine, ours};
use crate::loopback::Connection;
use crate::witness::{Plan, Witness};

/// The most that a log grows: all its hashes fit in one tile.
const GROWTH_MAX: u64 = 255;
/// What the project promises.
const TARGET_RATE: f64 = 5_000.0;
const TARGET_P99: Duration = Duration::from_millis(20);

/// Measure how many checkpoints a second our witness cosigns durably
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Our program [default: target/release/deedbook]
    #[arg(long, value_name = "PATH")]
    log_binary: Option<PathBuf>,
    /// Logs
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=50_000))]
    logs: u64,
    /// How often each of them grows
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=GROWTH_MAX))]
    growths: u64,
    /// Connections: so many requests can be under way
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    connections: u64,
    /// Let the witness sign with ML-DSA-44 too
    #[arg(long)]
    ml_dsa: bool,
    #[command(flatten)]
    telling: Telling,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    machine: String,
    logs: u64,
    connections: u64,
    ml_dsa: bool,
    fsync_p50_ms: f64,
    cosigned: usize,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    cpu_per_thousand: f64,
    peak_rss: u64,
    met: bool,
}

/// A log and what it asks for, in order.
struct Asking {
    vkey: String,
    /// The path at which monitors find it.
    monitored: String,
    bodies: Vec<String>,
}

/// Runs it once.
pub(crate) fn run(args: &Args) -> Result<(), BenchError> {
    let begun = args.telling.begin()?;
    let fsync = machine::fsync_p50(&begun.data).map_err(|why| BenchError::Io("measure fsync".into(), why))?;
    let dir =
        tempfile::tempdir_in(&begun.data).map_err(|why| BenchError::Io("make a directory".into(), why))?;
    let plan = Plan {
        binary: ours(args.log_binary.as_deref()),
        data: dir.path().join("witness"),
        name: "witness.example.com/bench".into(),
        ml_dsa: args.ml_dsa,
    };
    let logs = args.logs()?;
    std::fs::create_dir(&plan.data).map_err(|why| BenchError::Io("make a directory".into(), why))?;
    let list = logs.iter().map(|log| format!("\nvkey {}\nqpd 100000000\ncontact nobody\n", log.vkey));
    let list = format!("logs/v0\n{}", list.collect::<String>());
    std::fs::write(plan.data.join("logs"), list)
        .map_err(|why| BenchError::Io("write the list".into(), why))?;

    let witness = plan.start(0)?;
    let before = witness.process.cost();
    let started = Instant::now();
    let mut times = load(witness.address, args.connections, &logs)?;
    let took = started.elapsed();
    let after = witness.process.cost();
    times.sort_unstable();
    stays(&plan, witness, &logs)?;
    let (per_second, p99) = (times.len() as f64 / took.as_secs_f64(), percentile(&times, 99));
    let cpu = after.zip(before).map_or(0.0, |(after, before)| after.cpu_seconds - before.cpu_seconds);
    let report = Report {
        machine: begun.machine.clone(),
        logs: args.logs,
        connections: args.connections,
        ml_dsa: args.ml_dsa,
        fsync_p50_ms: ms(fsync),
        cosigned: times.len(),
        per_second,
        p50_ms: ms(percentile(&times, 50)),
        p99_ms: ms(p99),
        max_ms: ms(times.last().copied().unwrap_or_default()),
        cpu_per_thousand: cpu * 1_000.0 / times.len().max(1) as f64,
        peak_rss: after.map_or(0, |after| after.peak_rss),
        met: per_second >= TARGET_RATE && p99 <= TARGET_P99,
    };
    begun.tell(&report, &report.table())
}

impl Args {
    /// All logs with all that they ask for: the same entries in each, under names and keys of their own.
    fn logs(&self) -> Result<Vec<Asking>, BenchError> {
        let steps = steps(self.growths).map_err(failed)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let numbers: Vec<u64> = (0..self.logs).collect();
        let parts = numbers.chunks(numbers.len().div_ceil(threads).max(1));
        std::thread::scope(|scope| {
            let making: Vec<_> = parts
                .map(|part| {
                    scope.spawn(|| part.iter().map(|log| asking(*log, &steps)).collect::<Result<Vec<_>, _>>())
                })
                .collect();
            let mut all = vec![];
            for made in making {
                all.extend(made.join().map_err(|_| failed("making requests".into()))?.map_err(failed)?);
            }
            Ok(all)
        })
    }
}

/// Growth by one entry: from which size, to which head, and the proof.
type Step = (u64, Head, Vec<Hash>);

fn steps(growths: u64) -> Result<Vec<Step>, String> {
    let leaves: Vec<Hash> =
        (0..growths).map(|index| Hash::leaf(format!("entry {index}").as_bytes())).collect();
    let mut range = CompactRange::new();
    let mut steps = vec![];
    for (old, leaf) in (0..).zip(&leaves) {
        range.append(*leaf);
        let head = range.head();
        let hashes = if old == 0 {
            vec![]
        } else {
            let plan = ConsistencyPlan::new(old, head).map_err(|why| why.to_string())?;
            let tile =
                |width: u16| leaves[..usize::from(width)].iter().flat_map(|hash| *hash.as_bytes()).collect();
            let tiles: Vec<Vec<u8>> = plan.tiles().iter().map(|wanted| tile(wanted.width())).collect();
            plan.finish(&tiles).map_err(|why| why.to_string())?.hashes
        };
        steps.push((old, head, hashes));
    }
    Ok(steps)
}

fn asking(number: u64, steps: &[Step]) -> Result<Asking, String> {
    let name = format!("log.example.com/{number}");
    let seed: [u8; 32] = Sha256::digest(&name).into();
    let signer = Signer::from_seed(name.parse().map_err(|why| format!("{why}"))?, &seed);
    let body = |(old, head, proof): &Step| {
        let signed =
            Checkpoint::new(signer.name().clone(), *head).and_then(|checkpoint| checkpoint.sign(&signer));
        let signed = signed.map_err(|why| why.to_string())?;
        AddCheckpoint::new(*old, proof.clone(), &signed)
            .map(|body| body.to_string())
            .map_err(|why| why.to_string())
    };
    let digest: [u8; 32] = Sha256::digest(&name).into();
    let hex = digest.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    Ok(Asking {
        vkey: signer.verifier_key().to_string(),
        monitored: format!("/{hex}/checkpoint"),
        bodies: steps.iter().map(body).collect::<Result<_, _>>()?,
    })
}

/// Each connection has logs of its own, and asks for one after the other. How long each answer took.
fn load(address: SocketAddr, connections: u64, logs: &[Asking]) -> Result<Vec<Duration>, BenchError> {
    let share = logs.len().div_ceil(connections as usize).max(1);
    std::thread::scope(|scope| {
        let asking: Vec<_> = logs.chunks(share).map(|logs| scope.spawn(move || ask(address, logs))).collect();
        let mut all = vec![];
        for asked in asking {
            all.extend(asked.join().map_err(|_| failed("a connection".into()))??);
        }
        Ok(all)
    })
}

fn ask(address: SocketAddr, logs: &[Asking]) -> Result<Vec<Duration>, BenchError> {
    let broken = |why| BenchError::Io("ask the witness".into(), why);
    let mut connection = Connection::open(address).map_err(broken)?;
    let rounds = logs.first().map_or(0, |log| log.bodies.len());
    let mut times = Vec::with_capacity(rounds * logs.len());
    for round in 0..rounds {
        for log in logs {
            let before = Instant::now();
            let answer = connection.post("/add-checkpoint", log.bodies[round].as_bytes()).map_err(broken)?;
            times.push(before.elapsed());
            if answer.status != 200 {
                return Err(failed(format!("status {}: {}", answer.status, answer.body)));
            }
        }
    }
    Ok(times)
}

/// Started again, it shows the last checkpoint of every log.
fn stays(plan: &Plan, witness: Witness, logs: &[Asking]) -> Result<(), BenchError> {
    drop(witness);
    let again = plan.start(0)?;
    let broken = |why| BenchError::Io("ask the witness".into(), why);
    let mut connection = Connection::open(again.address).map_err(broken)?;
    for log in logs {
        let shown = connection.get(&log.monitored).map_err(broken)?;
        let size = shown.body.lines().nth(1).and_then(|size| size.parse::<usize>().ok());
        if size != Some(log.bodies.len()) {
            return Err(failed(format!(
                "{} was cosigned up to {} and is shown at {size:?}",
                log.monitored,
                log.bodies.len()
            )));
        }
    }
    Ok(())
}

fn failed(why: String) -> BenchError {
    BenchError::Load { load: "witness".into(), who: "deedbook".into(), why }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

impl Report {
    fn table(&self) -> String {
        let keys = if self.ml_dsa { "Ed25519 and ML-DSA-44" } else { "Ed25519" };
        format!(
            "{}\n\n{} logs, {} connections, cosigned with {keys}; after a kill all of it was there.\n\n\
             | cosigned | a second | p50 | p99 | longest | CPU a thousand | memory | fsync p50 | target met |\n\
             |---:|---:|---:|---:|---:|---:|---:|---:|---|\n\
             | {} | {:.0} | {:.2} ms | {:.2} ms | {:.1} ms | {:.3} s | {:.0} MB | {:.2} ms | {} |\n",
            self.machine,
            self.logs,
            self.connections,
            self.cosigned,
            self.per_second,
            self.p50_ms,
            self.p99_ms,
            self.max_ms,
            self.cpu_per_thousand,
            self.peak_rss as f64 / 1e6,
            self.fsync_p50_ms,
            if self.met { "yes" } else { "no" }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_continues_the_one_before() {
        let steps = steps(GROWTH_MAX).unwrap();
        let mut known = Head::EMPTY;
        for (old, head, proof) in &steps {
            assert_eq!(*old, known.size);
            if *old > 0 {
                tlog::proof::verify_consistency(known, *head, proof).unwrap();
            }
            known = *head;
        }
        let log = asking(7, &steps[..3]).unwrap();
        let second = AddCheckpoint::parse(log.bodies[1].as_bytes()).unwrap();
        assert_eq!((second.old(), second.head().size, second.origin().as_str()), (1, 2, "log.example.com/7"));
    }
}
