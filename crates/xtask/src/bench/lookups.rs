//! `cargo xtask bench-lookup`: what the lookups of a large log cost, and how fast they answer.
//!
//! A log is filled with records of people, agents, tools and sessions of whom some are spoken of much and most little. Its
//! lookups are made anew (`deedbook lookup rebuild`, which proves every entry on the way); then it is served, and asked
//! over HTTP, one question after the other on one connection.

mod asking;
mod filling;
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use serde::Serialize;
use serde_json::Value;

use super::telling::Telling;
use super::{BenchError, ours};
use crate::background::{Background, Cost};
use crate::contender::{Contender, Running};
use crate::fill::wait_published;
use crate::loopback::Connection;
use asking::{Answered, Question};
pub(super) use world::World;

/// How long the lookups may take until they answer for everything, findings too.
const PATIENCE: Duration = Duration::from_mins(30);
/// How long the published checkpoint may take to reach what was acknowledged, and a server to stop.
const PUBLISH_PATIENCE: Duration = Duration::from_mins(2);
/// The long session is told so often: each answer is a megabyte.
const LONG_TIMES: usize = 100;

/// Measure the lookups of a large log: made anew, on disk, in memory, and how fast they answer
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Our server [default: target/release/deedbook]
    #[arg(long, value_name = "PATH")]
    log_binary: Option<PathBuf>,
    /// Records of the log
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100_000..=100_000_000))]
    records: u64,
    /// Questions of each kind
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    questions: u64,
    /// Leave the log where it is; a later run on the same disk uses it again
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    telling: Telling,
}

/// What making lookups anew takes.
#[derive(Debug, Serialize)]
struct Rebuilt {
    entries: u64,
    entries_per_second: f64,
    bytes_per_record: f64,
    peak_rss: u64,
    cpu_seconds: f64,
}

/// What a start of the server takes until findings are known again.
#[derive(Debug, Serialize)]
struct Started {
    ready_seconds: f64,
    findings_seconds: f64,
    peak_rss: u64,
}

/// All that is printed.
#[derive(Debug, Serialize)]
struct Report {
    machine: String,
    records: u64,
    rebuilt: Rebuilt,
    started: Started,
    answered: Vec<Answered>,
}

/// Fills, makes anew, asks, prints.
pub(crate) fn run(args: &Args) -> Result<(), BenchError> {
    let begun = args.telling.begin()?;
    let home = begun.data.join("lookups");
    let report = args.measure(begun.machine.clone(), &home)?;
    if !args.keep {
        std::fs::remove_dir_all(&home).map_err(|why| BenchError::Io("remove the log".into(), why))?;
    }
    begun.tell(&report, &report.tables())
}

impl Args {
    fn measure(&self, machine: String, home: &Path) -> Result<Report, BenchError> {
        let binary = ours(self.log_binary.as_deref());
        let contender = Contender::Records(binary.clone());
        std::fs::create_dir_all(home).map_err(|why| BenchError::Io("make a directory".into(), why))?;
        let world = World::new(self.records);
        self.fill(&contender, &world, home)?;
        let rebuilt = rebuild(&binary, home)?;
        let began = Instant::now();
        let running = contender.start(home)?;
        let ready_seconds = began.elapsed().as_secs_f64();
        wait_for_findings(&running, rebuilt.entries)?;
        let findings_seconds = began.elapsed().as_secs_f64();
        let peak_rss = running.process.cost().unwrap_or_default().peak_rss;
        let mut answered = vec![];
        for question in Question::ALL {
            let count = self.questions as usize;
            let count = if question == Question::LongSession { count.min(LONG_TIMES) } else { count };
            let one = asking::ask(running.address, &world, self.records, question, count).map_err(failed)?;
            eprintln!("{}", one.line());
            answered.push(one);
        }
        let started = Started { ready_seconds, findings_seconds, peak_rss };
        Ok(Report { machine, records: rebuilt.entries, rebuilt, started, answered })
    }

    /// Brings the log to its size.
    fn fill(&self, contender: &Contender, world: &World, home: &Path) -> Result<(), BenchError> {
        let mut running = contender.start(home)?;
        let mut watch = Connection::open(running.address).map_err(|why| failed(why.to_string()))?;
        let there = crate::loopback::published_size(&mut watch).map_err(|why| failed(why.to_string()))?;
        let began = Instant::now();
        let due = self.records.div_ceil(1_000) * 1_000;
        if there < due {
            filling::fill(running.address, world, there, due).map_err(failed)?;
            wait_published(running.address, due, PUBLISH_PATIENCE).map_err(|why| failed(why.to_string()))?;
            let behind = due.saturating_sub(gauge(&running, "deedbook_lookup_size")?);
            let rate = (due - there) as f64 / began.elapsed().as_secs_f64();
            eprintln!("{} records in, {rate:.0} a second; the lookups are {behind} behind", due - there);
        }
        let stopped = running.process.terminate().and_then(|()| running.process.wait(PUBLISH_PATIENCE));
        stopped.map_err(|why| BenchError::Io("stop the server".into(), why)).map(drop)
    }
}

/// `deedbook lookup rebuild`, and what it says and costs.
fn rebuild(binary: &Path, home: &Path) -> Result<Rebuilt, BenchError> {
    let mut command = Command::new(binary);
    command.args(["lookup", "rebuild", "--json", "--data"]).arg(home.join("log"));
    let mut process = Background::start(&command, home.join("rebuild.json"))
        .map_err(|why| BenchError::Io("run deedbook lookup rebuild".into(), why))?;
    let mut cost = Cost::default();
    let began = Instant::now();
    while process.runs() && began.elapsed() < PATIENCE {
        cost = process.cost().unwrap_or(cost);
        std::thread::sleep(Duration::from_millis(20));
    }
    let said: Value = serde_json::from_str(&process.said())
        .map_err(|_| failed(format!("deedbook lookup rebuild said:\n{}", process.last_words())))?;
    let of = |name: &str| if said[name].is_null() { &said["result"][name] } else { &said[name] };
    let number = |name: &str| of(name).as_f64().unwrap_or_default();
    let entries = of("size").as_u64().unwrap_or_default();
    Ok(Rebuilt {
        entries,
        entries_per_second: entries as f64 / number("seconds").max(0.001),
        bytes_per_record: number("bytes_per_record"),
        peak_rss: cost.peak_rss,
        cpu_seconds: cost.cpu_seconds,
    })
}

fn wait_for_findings(running: &Running, size: u64) -> Result<(), BenchError> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if gauge(running, "deedbook_lookup_findings_size")? >= size {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(failed(format!(
        "the findings are not known; the server said last:\n{}",
        running.process.last_words()
    )))
}

/// A number out of /metrics.
pub(super) fn gauge(running: &Running, name: &str) -> Result<u64, BenchError> {
    let text = Connection::open(running.address).and_then(|mut connection| connection.get("/metrics"));
    let text = text.map_err(|why| failed(format!("GET /metrics: {why}")))?.body;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok());
    value.ok_or_else(|| failed(format!("/metrics does not say {name}")))
}

fn failed(why: String) -> BenchError {
    BenchError::Load { load: "lookups".into(), who: "deedbook".into(), why }
}

impl Report {
    fn tables(&self) -> String {
        let Report { machine, records, rebuilt, started, answered } = self;
        let mut lines = vec![
            format!("{machine}\n## Lookups of {records} records\n"),
            "| | |\n|---|---:|".to_owned(),
            format!("| made anew | {:.0} records/s |", rebuilt.entries_per_second),
            format!("| CPU for 1,000 records | {:.4} s |", rebuilt.cpu_seconds * 1e3 / *records as f64),
            format!("| highest memory | {:.0} MB |", rebuilt.peak_rss as f64 / 1e6),
            format!("| on disk | {:.1} bytes a record |", rebuilt.bytes_per_record),
            format!("| the server answers after | {:.2} s |", started.ready_seconds),
            format!("| knows all findings after | {:.1} s |", started.findings_seconds),
            format!("| highest memory of the server then | {:.0} MB |\n", started.peak_rss as f64 / 1e6),
            Answered::HEAD.to_owned(),
        ];
        lines.extend(answered.iter().map(Answered::line));
        lines.join("\n")
    }
}
