//! `deedbook hammer`: load for any log that takes submissions, and the test whether it kept what it promised.

use std::path::PathBuf;
use std::time::Duration;

use client::Source;
use client::http::Http;
use client::load::{Checked, ENTRY_BYTES_MIN, Load, Loaded, Payload, Promises};
use client::submit::LogInfo;
use serde::Serialize;
use tlog::policy::Policy;

use crate::audit::cores;
use crate::cli::{Failure, Verdict};
use crate::place::raise_descriptor_limit;
use crate::print::{Printer, Table, count, things};
use crate::progress::Bar;
use crate::trust::{HttpArgs, TrustArgs};

/// Put a log under load, and hold it to everything it acknowledged
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook hammer --url http://127.0.0.1:2026 --vkey-file log.vkey --workers 256 --seconds 30\n  \
    deedbook hammer --url http://127.0.0.1:2026 --vkey-file log.vkey --what records --per-request 1000 --workers 8\n  \
    deedbook hammer --url http://127.0.0.1:2026 --vkey-file log.vkey --rate 2000 --acks run1.acks\n  \
    deedbook hammer --url http://127.0.0.1:2026 --vkey-file log.vkey --verify-only run1.acks\n\n\
    Without --rate each worker sends as fast as it is answered; with it, so many requests a second are due, and a\n\
    request that had to wait for its turn is counted as slow. Exits with 1 if a promise was broken.")]
pub(crate) struct Args {
    /// URL prefix under which the log is read
    #[arg(long, value_name = "URL", env = "DEEDBOOK_URL")]
    url: String,
    /// URL prefix that takes submissions, if it is another one
    #[arg(long, value_name = "URL")]
    write_url: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
    /// What is sent: raw entries to /add, or audit records to /v1/records [default: what the log takes]
    #[arg(long, value_enum)]
    what: Option<What>,
    /// Records in one request
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    per_request: u64,
    /// Bytes of a raw entry
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    entry_bytes: usize,
    /// Workers, each with a connection
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    workers: u32,
    /// Requests a second that are due, all workers together
    #[arg(long, value_name = "N", value_parser = positive)]
    rate: Option<f64>,
    /// For how long requests are begun
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = positive)]
    seconds: f64,
    /// No more requests than this
    #[arg(long, value_name = "N")]
    requests: Option<u64>,
    /// Where the list of what was acknowledged goes; kept for later [default: a temporary file]
    #[arg(long, value_name = "FILE")]
    acks: Option<PathBuf>,
    /// Do not check afterwards what was acknowledged
    #[arg(long, conflicts_with = "verify_only")]
    no_verify: bool,
    /// Send nothing: check a list from an earlier run, say after a crash
    #[arg(long, value_name = "FILE")]
    verify_only: Option<PathBuf>,
    /// Seconds for the public checkpoint to reach what was acknowledged
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    publish_wait: u64,
    #[command(flatten)]
    http: HttpArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Raw entries, one a request
    Raw,
    /// Audit records
    Records,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number < 1e9 => Ok(number),
        _ => Err("a number above 0 is needed here".to_owned()),
    }
}

#[derive(Debug, Serialize)]
struct Hammered {
    load: Option<Loaded>,
    promises: Option<Checked>,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let policy = if args.no_verify { None } else { Some(args.trust.required()?) };
    if let Some(list) = &args.verify_only {
        let promises = args.verify(policy, list, printer).await?;
        return Ok(Hammered { load: None, promises }.print(printer));
    }
    // A connection needs a descriptor, and there are some beside.
    if raise_descriptor_limit().is_some_and(|limit| limit < u64::from(args.workers) + 64) {
        tracing::warn!("fewer descriptors than workers: some connections will fail (ulimit -n)");
    }
    let keep = args.acks.is_some();
    let acks = args.acks.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("deedbook-{}-{:016x}.acks", std::process::id(), run_number()))
    });
    let load = args.load(acks.clone()).await?;
    let bar = Bar::new(printer, "milliseconds");
    let loaded = load.run(&bar).await.map_err(Failure::could_not_tell)?;
    bar.finish();
    let promises = args.verify(policy, &acks, printer).await;
    // A list that could not be checked, or shows a broken promise, is evidence.
    if !keep && promises.as_ref().is_ok_and(|promises| promises.as_ref().is_none_or(Checked::holds)) {
        let _ = std::fs::remove_file(&acks);
    }
    Ok(Hammered { load: Some(loaded), promises: promises? }.print(printer))
}

impl Args {
    async fn load(&self, acks: PathBuf) -> Result<Load, Failure> {
        let url = self.write_url.as_ref().unwrap_or(&self.url);
        let http = Http::new(url, &self.http.options()?).map_err(Failure::could_not_tell)?;
        let what = match self.what {
            Some(what) => what,
            None => what_it_takes(&http).await?,
        };
        let run = run_number();
        let payload = match what {
            What::Raw => Payload::Raw { run, bytes: self.entry_bytes.max(ENTRY_BYTES_MIN) },
            What::Records => Payload::Records {
                run,
                time: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            },
        };
        Ok(Load {
            url: http.prefix().clone(),
            token: self.http.options()?.token,
            payload,
            per_request: self.per_request,
            workers: self.workers,
            rate: self.rate,
            duration: Duration::from_secs_f64(self.seconds),
            requests_max: self.requests,
            acks,
            timeout: Duration::from_secs(self.http.timeout.max(1)),
        })
    }

    async fn verify(
        &self,
        policy: Option<Policy>,
        list: &std::path::Path,
        printer: Printer,
    ) -> Result<Option<Checked>, Failure> {
        let Some(policy) = policy else { return Ok(None) };
        let source = Source::open(&self.url, &self.http.options()?).map_err(Failure::could_not_tell)?;
        let policy = match self.trust.follow(policy.clone(), &source).await {
            // Whether it matters that the log shows nothing depends on the list.
            Err(failure)
                if failure.verdict == Verdict::CouldNotTell && source.checkpoint().await.is_err() =>
            {
                policy
            }
            followed => followed?,
        };
        let promises =
            Promises { policy, source, wait: Duration::from_secs(self.publish_wait), threads: cores() };
        let bar = Bar::new(printer, "entries");
        let checked = promises.verify(list, &bar).await;
        checked.map(Some).map_err(|error| {
            Failure::could_not_tell(format!(
                "{error}\nthe list of what was acknowledged is {}",
                list.display()
            ))
        })
    }
}

/// Asks the log; one that does not say is some other log with an `/add`.
async fn what_it_takes(http: &Http) -> Result<What, Failure> {
    match http.get("v1/log", 64 * 1024).await.map_err(Failure::could_not_tell)? {
        None => Ok(What::Raw),
        Some(_) => match LogInfo::ask(http).await.map_err(Failure::could_not_tell)?.kind.as_str() {
            "raw" => Ok(What::Raw),
            _ => Ok(What::Records),
        },
    }
}

/// Tells runs apart; nothing depends on nobody guessing it.
fn run_number() -> u64 {
    use std::hash::BuildHasher as _;
    std::hash::RandomState::new().hash_one(std::process::id())
}

impl Hammered {
    /// Who did not ask for a check is not told that it failed.
    fn verdict(&self) -> Verdict {
        match &self.promises {
            Some(checked) if !checked.holds() => Verdict::DoesNotHold,
            Some(checked) if checked.acknowledged == 0 => Verdict::CouldNotTell,
            _ => Verdict::Holds,
        }
    }

    fn print(&self, printer: Printer) -> Verdict {
        printer.result(self.verdict(), &self.headline(), &self.table(), self);
        self.verdict()
    }

    fn headline(&self) -> String {
        match &self.promises {
            None => "what was acknowledged was not checked".to_owned(),
            Some(checked) if checked.acknowledged == 0 => "nothing was acknowledged".to_owned(),
            Some(checked) if checked.holds() => {
                format!(
                    "all {} acknowledged entries are in the log, each where and as it was promised",
                    count(checked.kept)
                )
            }
            Some(checked) => format!("{} promises were broken", count(checked.broken_total)),
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::default();
        if let Some(load) = &self.load {
            table = load_rows(table, load);
        }
        if let Some(checked) = &self.promises {
            table = table.row(
                "checked",
                format!(
                    "{} of {} kept, under the signed root of size {}; {} inclusion proofs one by one",
                    count(checked.kept),
                    count(checked.acknowledged),
                    count(checked.size),
                    count(checked.proofs)
                ),
            );
            for broken in &checked.broken {
                table = table.row("broken", broken);
            }
        }
        table
    }
}

fn load_rows(table: Table, load: &Loaded) -> Table {
    let latencies = load.latencies;
    let pairs = |pairs: Vec<(String, u64)>| {
        pairs.into_iter().map(|(name, n)| format!("{name}: {}", count(n))).collect::<Vec<_>>().join(", ")
    };
    let statuses = pairs(load.statuses.iter().map(|(status, n)| (status.to_string(), *n)).collect());
    let errors = pairs(load.errors.iter().map(|(kind, n)| (kind.clone(), *n)).collect());
    table
        .row("rate", format!("{:.0} entries/s", load.per_second))
        .row(
            "acknowledged",
            format!(
                "{} in {} requests, {:.1} s",
                count(load.acknowledged),
                count(load.requests),
                load.seconds
            ),
        )
        .row(
            "latency",
            format!(
                "p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
                latencies.p50_ms, latencies.p90_ms, latencies.p99_ms, latencies.p99_9_ms, latencies.max_ms
            ),
        )
        .row("answers", statuses)
        .maybe(
            "sent again",
            (load.resent > 0).then(|| {
                let were = things(load.duplicates, "was", "were");
                format!("{} whose fate was not known; {were} in the log already", count(load.resent))
            }),
        )
        .maybe("errors", (!errors.is_empty()).then_some(errors))
}
