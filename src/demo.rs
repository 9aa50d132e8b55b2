//! `deedbook demo`: the whole way, on real records, with a real server, in half a minute.
//!
//! What is shown is what was done: every line follows from a step that succeeded just before, over HTTP, with the
//! same code that auditors use. Nothing here is a special case of the server or the client.

mod chapters;
mod kept;
mod network;
mod server;
mod tamper;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::cli::{Failure, Verdict};
use crate::print::Printer;
use crate::serve::Stop;
use chapters::Chapters;
use server::{Running, Server};

/// Real conversations of an airline's agent as records; where they come from is told in tests/data/airline.
const SAMPLE: &[u8] = include_bytes!("../tests/data/airline/records.ndjson");

/// Show the whole way on real records: a session told, receipts, evidence, an erasure, and a forgery that is caught
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook demo\n  \
    deedbook demo --data ./demo --serve\n  \
    deedbook demo --network\n\n\
    The records are 200 real conversations in which an airline's agent made 1,164 tool calls for its customers\n\
    (tau-bench, MIT licence). Everything is left in the directory if you name one.")]
pub(crate) struct Args {
    /// Where the log and its copies go; must not be there yet [default: a temporary directory, removed at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Show the network instead: a log, two witnesses and three monitors, and how it comes out when the log lies
    #[arg(long, conflicts_with_all = ["serve", "listen"])]
    network: bool,
    /// Leave the server running at the end, until Ctrl-C
    #[arg(long)]
    serve: bool,
    /// Address and port of the server
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::could_not_tell(
            "the demo has no secrets to keep from the network, and no business on it: \
            listen on a loopback address",
        ));
    }
    let home = Home::new(args.data)?;
    if args.network {
        return network::run(home, printer).await;
    }
    let stop = Stop::new()?;
    let teller = Teller { printer };
    let (server, log) = Server::start(&home.path().join("log"), args.listen, stop).await?;
    let shown = Chapters { teller: &teller, log: &log, home: home.path() }.tell().await?;
    if printer.json {
        crate::print::json_line(&shown);
    }
    teller.end(&home, &log, args.serve);
    server.end(args.serve).await?;
    Ok(Verdict::Holds)
}

fn cannot_write(place: &Path, error: &std::io::Error) -> Failure {
    Failure::could_not_tell(format!("{}: {error}", place.display()))
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
            lines.push(format!("deedbook verify {path}/evidence.json --vkey '{}'", log.vkey));
            lines.push(format!("deedbook audit {path}/copy --vkey '{}'", log.vkey));
        }
        if serving {
            lines.push(format!("deedbook session {} --vkey '{}'", log.url, log.vkey));
            lines.push(format!("deedbook audit {} --vkey '{}'", log.url, log.vkey));
            lines.push(format!("curl {}/v1/records/0; Ctrl-C ends the server", log.url));
        }
        if !lines.is_empty() {
            self.step("Try it yourself", &lines);
        }
    }
}
