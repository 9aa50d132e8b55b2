//! How many moves of heads a witness's keeper makes durable in a second, over 1,000 logs, and how long each takes.
//! `cargo run --release -p follower --example advances -- DIRECTORY SECONDS`
//!
//! First as fast as so many clients can who each wait for their answer; then at 5,000 a second, counted from when each
//! was due.
#![allow(clippy::print_stdout, reason = "its figures are what it is for")]

use std::{
    error::Error,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use follower::witness::keeper::{Held, Keeper, Limits};
use hdrhistogram::Histogram;
use store::{SledOptions, SledStore};
use tlog::{
    Hash, Head,
    checkpoint::Checkpoint,
    key::{KeyName, Signer},
};

const LOGS: u64 = 1_000;
const PACE: u64 = 5_000;

type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let directory = std::env::args().nth(1).map(PathBuf::from).ok_or("name an empty directory")?;
    let seconds = std::env::args().nth(2).map_or(Ok(5), |seconds| seconds.parse())?;
    let time = Duration::from_secs(seconds);
    let store = SledStore::open(&directory.join("store"), &SledOptions::default())?;
    let keeper = Arc::new(Keeper::open(Arc::new(store), Limits::default())?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    for clients in [1, 16, 64, 256, LOGS] {
        let took = runtime.block_on(clients_at_once(&keeper, clients, None, time))?;
        tell(&format!("{clients} clients"), &took, time);
    }
    let took = runtime.block_on(clients_at_once(&keeper, LOGS, Some(PACE), time))?;
    tell(&format!("{PACE} a second"), &took, time);
    Ok(())
}

fn tell(what: &str, took: &Histogram<u64>, time: Duration) {
    let millis = |micros: u64| micros as f64 / 1_000.0;
    let quantile = |q| millis(took.value_at_quantile(q));
    println!(
        "{what:>15}: {:>8.0} moves/s, p50 {:>7.2} ms, p99 {:>7.2} ms, max {:>7.2} ms",
        took.len() as f64 / time.as_secs_f64(),
        quantile(0.5),
        quantile(0.99),
        millis(took.max()),
    );
}

/// Each client has its share of the logs. With a pace, all of them together move so often a second.
async fn clients_at_once(
    keeper: &Arc<Keeper>,
    clients: u64,
    pace: Option<u64>,
    time: Duration,
) -> Result<Histogram<u64>, Failed> {
    let start = Instant::now();
    let between = pace.map(|pace| Duration::from_secs(clients) / pace as u32);
    let run = |client| {
        let keeper = keeper.clone();
        tokio::spawn(async move {
            let logs =
                (client..LOGS).step_by(clients as usize).map(Log::new).collect::<Result<Vec<_>, _>>()?;
            let mut took = Vec::new();
            let mut due = start + between.unwrap_or_default() * client as u32 / clients as u32;
            for log in logs.iter().cycle() {
                if between.is_some() {
                    tokio::time::sleep_until(due.into()).await;
                } else {
                    due = Instant::now();
                }
                if start.elapsed() >= time {
                    break;
                }
                log.grow(&keeper).await?;
                took.push(due.elapsed());
                due += between.unwrap_or_default();
            }
            Ok::<_, Failed>(took)
        })
    };
    let running: Vec<_> = (0..clients).map(run).collect();
    let mut all = Histogram::new(3)?;
    for client in running {
        for took in client.await?? {
            all.record(took.as_micros() as u64)?;
        }
    }
    Ok(all)
}

struct Log {
    signer: Signer,
    origin: KeyName,
}

impl Log {
    fn new(number: u64) -> Result<Self, Failed> {
        let origin: KeyName = format!("log-{number}.example.org/agents").parse()?;
        Ok(Self { signer: Signer::from_seed(origin.clone(), &[9; 32]), origin })
    }

    /// Adds an entry and has the new head kept.
    async fn grow(&self, keeper: &Keeper) -> Result<(), Failed> {
        let from = keeper.get(&self.origin).map(|held| held.head());
        let size = from.map_or(0, |from| from.size) + 1;
        let head = Head { size, root: Hash::leaf(&size.to_be_bytes()) };
        let signed = Checkpoint::new(self.origin.clone(), head)?.sign(&self.signer)?;
        Ok(keeper.advance(from, Held::from(&signed)).await?)
    }
}
