//! `deedbook audit`: a whole log, verified by somebody who trusts neither its operator nor the network.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use client::Source;
use client::audit::{Audit, Report, Scope};

use crate::cli::{Failure, Verdict};
use crate::print::{Printer, Table, count, things};
use crate::progress::Bar;
use crate::trust::{HttpArgs, TrustArgs, change};

/// Verify a whole log: signature, history, every entry, every tile, the root
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook audit https://log.example.org/agents --vkey-file log.vkey --state agents.audit\n  \
    deedbook audit /backup/public --policy policy.txt\n\n\
    With --state, the next audit also proves that the log continues what this one saw. Without it, an audit says\n\
    only that the log is in accord with itself and its signature.")]
pub(crate) struct Args {
    /// A URL prefix, or a directory in the same layout
    log: String,
    #[command(flatten)]
    trust: TrustArgs,
    /// Where this auditor remembers what it verified; made if it is not there
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Read only what is new since the state
    #[arg(long, requires = "state")]
    incremental: bool,
    /// Threads that hash [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    http: HttpArgs,
}

impl Args {
    fn resolve(self) -> Result<Audit, Failure> {
        Ok(Audit {
            policy: self.trust.required()?,
            changes: self.trust.changes(),
            source: Source::open(&self.log, &self.http.options()?).map_err(Failure::could_not_tell)?,
            state: self.state,
            scope: if self.incremental { Scope::Incremental } else { Scope::Full },
            threads: self.threads.unwrap_or_else(cores),
        })
    }
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let audit = args.resolve()?;
    let bar = Bar::new(printer, "entries");
    let start = Instant::now();
    let report = audit.run(&bar).await;
    bar.finish();
    let report = report.map_err(Failure::could_not_tell)?;
    let verdict = if report.holds() { Verdict::Holds } else { Verdict::DoesNotHold };
    printer.result(verdict, &headline(&report), &table(&report, start.elapsed()), &report);
    Ok(verdict)
}

fn headline(report: &Report) -> String {
    let log = report.origin.as_deref().unwrap_or(&report.place);
    match report.findings.total {
        0 => format!("{log} at size {}", count(report.size.unwrap_or(0))),
        n => format!("{log}: {}", things(n, "thing is wrong", "things are wrong")),
    }
}

fn table(report: &Report, took: Duration) -> Table {
    let counted = report.counted;
    let seconds = took.as_secs_f64();
    let rate = u128::from(counted.entries) * 1_000_000 / took.as_micros().max(1);
    let mut table = Table::default().row("read at", &report.place).maybe("root", report.root.as_deref());
    table = match (&report.continues, &report.continues_since) {
        (Some(size), Some(since)) if report.holds() => table
            .row("continues", format!("size {}, which this auditor verified at {since}", count(*size)))
            .maybe(
                "followed",
                report.followed_since.as_ref().map(|since| format!("without a gap since {since}")),
            ),
        (None, _) => table.row("continues", "nothing: this auditor has no earlier checkpoint of this log"),
        _ => table,
    };
    if report.size.is_some() {
        let witnesses = if report.witnesses.is_empty() {
            "none asked for".to_owned()
        } else {
            report.witnesses.join(", ")
        };
        table = table.row("witnesses", witnesses);
    }
    if counted.entries > 0 || counted.tiles > 0 {
        let from =
            if report.first > 0 { format!(" from index {}", count(report.first)) } else { String::new() };
        table = table.row(
            "checked",
            format!(
                "{}{from}, {}, {} in {seconds:.1} s ({}/s)",
                things(counted.entries, "entry", "entries"),
                things(counted.tiles, "tile", "tiles"),
                bytes(counted.bytes),
                count(u64::try_from(rate).unwrap_or(u64::MAX)),
            ),
        );
    }
    if report.first > 0 {
        let when = report.full_at.as_deref().unwrap_or("never, with this state");
        table = table.row("before that", format!("every byte was read last: {when}"));
    }
    if report.resumed > 0 {
        table = table.row(
            "before",
            format!(
                "{} were hashed before this audit was interrupted",
                things(report.resumed, "entry", "entries")
            ),
        );
    }
    for step in &report.keys {
        table = table.row("key", change(step));
    }
    for note in &report.notes {
        table = table.row("note", note);
    }
    for finding in &report.findings.first {
        table = table.row("wrong", finding);
    }
    let more = report.findings.total - report.findings.first.len() as u64;
    table.maybe("", (more > 0).then(|| format!("and {} more", count(more))))
}

pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{} bytes", count(bytes)),
        10_000..10_000_000 => format!("{} kB", count(bytes / 1_000)),
        _ => format!("{} MB", count(bytes / 1_000_000)),
    }
}

pub(crate) fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
