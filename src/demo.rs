//! `deedbook demo`: the whole way, on real records, with a real server, in half a minute.
//!
//! What is shown is what was done: every line follows from a step that succeeded just before, over HTTP, with the
//! same code that auditors use. Nothing here is a special case of the server or the client.

mod server;
mod story;
mod tamper;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use client::audit::{Audit, Report, Scope, Silent};
use client::follow::{self, Changes};
use client::{Receipt, Source};
use serde::Serialize;
use tlog::policy::Policy;

use crate::audit::cores;
use crate::cli::{Failure, Verdict};
use crate::print::{Printer, count, things};
use crate::record::read_records;
use crate::serve::Stop;
use server::{Running, Server};

/// Real conversations of an airline's agent as records; where they come from is told in tests/data/airline.
const SAMPLE: &[u8] = include_bytes!("../tests/data/airline/records.ndjson");

/// Show the whole way on real records: log, receipts, proofs, audit, and a forgery that is caught
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook demo\n  \
    deedbook demo --data ./demo --serve\n\n\
    The records are 200 real conversations in which an airline's agent made 1,164 tool calls for its customers\n\
    (tau-bench, MIT licence). Everything is left in the directory if you name one.")]
pub(crate) struct Args {
    /// Where the log and its copies go; must not be there yet [default: a temporary directory, removed at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Leave the server running at the end, until Ctrl-C
    #[arg(long)]
    serve: bool,
    /// Address and port of the server
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Shown {
    log: String,
    url: String,
    vkey: String,
    records: u64,
    sessions: usize,
    receipt: Receipt,
    earlier: u64,
    later: u64,
    consistency_hashes: usize,
    audited: u64,
    altered_index: u64,
    caught: String,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::could_not_tell(
            "the demo has no secrets to keep from the network, and no business on it: \
            listen on a loopback address",
        ));
    }
    let home = Home::new(args.data)?;
    let stop = Stop::new()?;
    let teller = Teller { printer };
    let (server, log) = Server::start(&home.path().join("log"), args.listen, stop).await?;
    let shown = tell(&teller, &log, home.path()).await?;
    if printer.json {
        crate::print::json_line(&shown);
    }
    teller.end(&home, &log, args.serve);
    server.end(args.serve).await?;
    Ok(Verdict::Holds)
}

/// The story, step by step.
async fn tell(teller: &Teller, log: &Running, home: &Path) -> Result<Shown, Failure> {
    let records = read_records(&bytes::Bytes::from_static(SAMPLE)).map_err(Failure::could_not_tell)?;
    let story = story::sample_story(&records);
    teller.step(
        "A log is made and served",
        &[
            format!("{} on {}", log.origin, log.url),
            format!("its public key, which auditors get from you and not from the log:\n{}", log.vkey),
        ],
    );

    let half = records.len() / 2;
    let start = Instant::now();
    let first = log.submit(&records[..half], teller.printer).await?;
    let earlier = log.published(first.last().map_or(0, |receipt| receipt.index + 1)).await?;
    let second = log.submit(&records[half..], teller.printer).await?;
    let receipts: Vec<_> = first.into_iter().chain(second).collect();
    let rate = records.len() as f64 / start.elapsed().as_secs_f64();
    teller.step("Real records go in, over HTTP", &[
        format!(
            "{} of {}: an airline's agent, acting for {} customers",
            things(records.len() as u64, "record", "records"),
            things(story.sessions as u64, "session", "sessions"),
            story.principals
        ),
        format!(
            "each was answered once it was durable, and each answer was checked before it was believed ({rate:.0}/s)"
        ),
    ]);

    let receipt = receipts.get(story.shown).cloned().ok_or_else(|| Failure::could_not_tell("no receipt"))?;
    std::fs::write(home.join("record.json"), records[story.shown].canonical())
        .map_err(|e| cannot_write(home, &e))?;
    std::fs::write(home.join("receipt.ndjson"), format!("{}\n", receipt.to_line()))
        .map_err(|e| cannot_write(home, &e))?;
    receipt.verify(&records[story.shown], &log.policy).map_err(Failure::does_not_hold)?;
    let mut lines = story.words;
    lines.push(format!("its receipt, a C2SP tlog-proof:\n{}", receipt.proof.trim_end()));
    lines.push(format!(
        "holds: this record is entry {} of {}, under a root that the log has signed",
        receipt.index, log.origin
    ));
    teller.step("One of them, and its receipt, checked with no log in sight", &lines);

    let later = log.published(receipts.len() as u64).await?;
    let proof = follow::prove_growth(&log.source, earlier.signed(), later.signed()).await;
    let proof = proof.map_err(Failure::does_not_hold)?;
    teller.step(
        "What it was, it still is",
        &[format!(
            "the log of {} is the beginning of the log of {}: {} prove it",
            things(earlier.signed().size(), "entry", "entries"),
            count(later.signed().size()),
            things(proof.len() as u64, "hash", "hashes")
        )],
    );

    let copy = home.join("copy");
    let copied = log.copy_to(&copy).await?;
    let audited = audit(&copy, &log.policy).await?;
    if !audited.holds() {
        return Err(Failure::does_not_hold("the copy does not stand its audit"));
    }
    teller.step(
        "Anybody may copy it, and audit the copy",
        &[format!(
            "{}: every one hashed, {} recomputed, up to the root that was signed",
            things(copied, "entry", "entries"),
            things(audited.counted.tiles, "tile", "tiles")
        )],
    );

    let altered = tamper::alter(&copy, receipt.index)?;
    let caught = audit(&copy, &log.policy).await?;
    let finding = caught.findings.first.first().filter(|finding| finding.index == Some(receipt.index));
    let Some(finding) = finding else {
        return Err(Failure::does_not_hold("the audit did not find what was altered"));
    };
    teller.step(
        "Now somebody edits the log: one byte of one entry, in the copy",
        &[altered, format!("deedbook audit:\n{finding}"), format!("caught, at index {}", receipt.index)],
    );
    Ok(Shown {
        log: log.origin.clone(),
        url: log.url.clone(),
        vkey: log.vkey.clone(),
        records: records.len() as u64,
        sessions: story.sessions,
        earlier: earlier.signed().size(),
        later: later.signed().size(),
        consistency_hashes: proof.len(),
        audited: audited.counted.entries,
        altered_index: receipt.index,
        caught: finding.to_string(),
        receipt,
    })
}

fn cannot_write(place: &Path, error: &std::io::Error) -> Failure {
    Failure::could_not_tell(format!("{}: {error}", place.display()))
}

async fn audit(directory: &Path, policy: &Policy) -> Result<Report, Failure> {
    let source = Source::directory(directory).map_err(Failure::could_not_tell)?;
    let audit = Audit {
        source,
        policy: policy.clone(),
        changes: Changes::Refused,
        state: None,
        scope: Scope::Full,
        threads: cores(),
    };
    audit.run(&Silent).await.map_err(Failure::could_not_tell)
}

/// A directory: a temporary one, or one that somebody named.
enum Home {
    Temporary(tempfile::TempDir),
    Named(PathBuf),
}

impl Home {
    fn new(named: Option<PathBuf>) -> Result<Self, Failure> {
        match named {
            None => tempfile::tempdir().map(Self::Temporary).map_err(Failure::could_not_tell),
            Some(path) if path.join("log").exists() => Err(Failure::could_not_tell(format!(
                "{} has a log already; name a directory that is not there yet",
                path.display()
            ))),
            Some(path) => {
                std::fs::create_dir_all(&path).map_err(|error| cannot_write(&path, &error))?;
                Ok(Self::Named(path))
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Named(path) => path,
        }
    }
}

/// Tells the story to people; programs get the result at the end.
struct Teller {
    printer: Printer,
}

impl Teller {
    fn step(&self, headline: &str, lines: &[String]) {
        if !self.printer.json {
            Printer::paragraph(headline, lines);
        }
    }

    fn end(&self, home: &Home, log: &Running, serving: bool) {
        let mut lines = vec![];
        if let Home::Named(path) = home {
            let path = path.display();
            lines.push(format!(
                "deedbook verify {path}/receipt.ndjson --record {path}/record.json --vkey '{}'",
                log.vkey
            ));
            lines.push(format!("deedbook audit {path}/copy --vkey '{}'", log.vkey));
        }
        if serving {
            lines.push(format!("deedbook audit {} --vkey '{}'", log.url, log.vkey));
            lines.push(format!("curl {}/v1/records/0; Ctrl-C ends the server", log.url));
        }
        if !lines.is_empty() {
            self.step("Try it yourself", &lines);
        }
    }
}
