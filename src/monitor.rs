//! `deedbook monitor`: logs followed, every head remembered, and whoever contradicts himself caught.

mod plan;
mod serving;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ::monitor::event::Kind;
use ::monitor::keep::Keep;
use ::monitor::run::{Monitor, MonitorError, Print};
use ::monitor::watch::Incident;

use crate::cli::{Failure, Verdict};
use crate::print::{Printer, remark, things};
use crate::serve::Stop;
use crate::trust::HttpArgs;
use plan::Plan;
use serving::Doors;

/// Follow logs, verify all of them, and tell what is wrong as events
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook monitor --data ./watched --log https://log.example.org/agents --policy policy.txt\n  \
    deedbook monitor --data ./watched --policy policy.txt --webhook https://pager.example.org/in \\\n    \
    --webhook-secret-file pager.secret\n  \
    deedbook monitor --data ./watched --log /mirror/agents --policy policy.txt --once\n  \
    deedbook monitor --config monitor.toml\n\n\
    Every entry of every log is hashed, every tile compared, every head ever seen remembered in DIR. Events go to standard\n\
    output, one line of JSON each; whoever gets one twice drops the id that he knows. A policy's log lines may say where the\n\
    log is read; --log says it otherwise: with one policy, all of them are under it; with several, one for each.\n\
    Exit codes: 0 nothing is wrong; 1 a promise was broken (an incident that says so is not over; one that says that a log\n\
    cannot be read or stands still does not count); 2 could not start, or with --once could not tell, or a webhook has not\n\
    taken what it was to be told. Ctrl-C or SIGTERM ends it; it goes on where it was at the next start, as it does after a kill.")]
pub(crate) struct Args {
    /// Where the monitor remembers what it saw; made if it is not there
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_MONITOR_DATA")]
    data: Option<PathBuf>,
    /// A log: a URL prefix, or a directory in the same layout; may be given several times
    #[arg(long = "log", value_name = "PLACE")]
    logs: Vec<String>,
    /// A policy (C2SP tlog-policy) that says which keys to believe; may be given several times
    #[arg(long = "policy", value_name = "FILE")]
    policies: Vec<PathBuf>,
    /// Or a log's public key alone
    #[arg(long, value_name = "VKEY", conflicts_with = "policies")]
    vkey: Option<String>,
    /// Believe the keys named here and no others, though a log announced another in their place
    #[arg(long)]
    pin_key: bool,
    /// Seconds between two looks at a log [default: 5]
    #[arg(long, value_name = "SECONDS")]
    poll: Option<f64>,
    /// The publication delay: seconds that a head may be ahead of what the log shows [default: 60]
    #[arg(long, value_name = "SECONDS")]
    delay: Option<f64>,
    /// Seconds that a log may stand still; 0: as long as it likes [default: 86400]
    #[arg(long, value_name = "SECONDS")]
    stall: Option<f64>,
    /// Seconds after which an incident that is not over is told again [default: 3600]
    #[arg(long, value_name = "SECONDS")]
    again: Option<f64>,
    /// Threads that hash, for each log [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<std::num::NonZeroUsize>,
    /// Where to POST what is wrong; may be given several times
    #[arg(long = "webhook", value_name = "URL")]
    webhooks: Vec<String>,
    /// The secret that it is authenticated with (HMAC-SHA256, as Standard Webhooks has it)
    #[arg(long, value_name = "FILE")]
    webhook_secret_file: Option<PathBuf>,
    /// Do not apply the rules to logs of records: what they remember grows with the log's calls and sessions
    #[arg(long)]
    no_findings: bool,
    /// Verify what the logs show now, and stop
    #[arg(long)]
    once: bool,
    /// Where heads are taken and given: see docs/gossip.md
    #[arg(long, value_name = "ADDRESS")]
    gossip_listen: Option<SocketAddr>,
    /// Another monitor, by the URL prefix of its gossip; may be given several times
    #[arg(long = "peer", value_name = "URL")]
    peers: Vec<String>,
    /// The monitoring prefix of a witness; may be given several times
    #[arg(long = "witness", value_name = "URL")]
    witnesses: Vec<String>,
    /// Seconds between two exchanges with peers and witnesses [default: 30]
    #[arg(long, value_name = "SECONDS")]
    gossip_every: Option<f64>,
    /// Where Prometheus finds /metrics
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// A TOML file with these options; each log in a table of its own, named log, with place, policy, token_file
    #[arg(long, value_name = "FILE", env = "DEEDBOOK_MONITOR_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    http: HttpArgs,
}

pub(crate) async fn run(args: Args, _printer: Printer) -> Result<Verdict, Failure> {
    let plan = Plan::of(&args)?;
    let mut stop = Stop::new()?;
    let keep = Keep::open(&plan.data).map_err(Failure::could_not_tell)?;
    let (once, logs) = (plan.options.once, plan.logs);
    let doors = Doors::open(plan.gossip_listen, plan.metrics).await?;
    let mut monitor = Monitor::start(keep, logs, &plan.options).map_err(failed)?;
    let [gossip, metrics] = doors.addresses();
    for (what, address) in [("gossip", gossip), ("metrics", metrics)] {
        if let Some(address) = address {
            remark(&format!("{what} on http://{address}"));
        }
    }
    let (stopping, stopped) = tokio::sync::watch::channel(false);
    let handles: Vec<_> = monitor.logs().cloned().collect();
    doors.serve(&handles, plan.options.clock.clone(), &stopped);
    monitor.run(stop.wait()).await.map_err(failed)?;
    let _ = stopping.send(true);
    Ok(judge(&monitor, once))
}

fn failed(error: MonitorError) -> Failure {
    Failure::could_not_tell(error)
}

/// What is to be said in the end: what is wrong and not over; and after one look, what could not be told.
fn judge(monitor: &Monitor, once: bool) -> Verdict {
    let mut verdict = Verdict::Holds;
    for log in monitor.logs() {
        let memory = log.memory();
        let size = memory.verified().map_or(0, ::monitor::heard::Heard::size);
        let origin = log.trust().origin().clone();
        let open: Vec<_> = memory.incidents().iter().filter(|incident| incident.is_open()).collect();
        let grave = open.iter().filter(|incident| incident.kind.is_grave()).count() as u64;
        remark(&format!("{origin}: verified up to {}; {}", things(size, "entry", "entries"), words(&open)));
        let untold = memory.alerts().count() as u64;
        if once && untold > 0 {
            let what = things(untold, "event was", "events were");
            remark(&format!("{origin}: {what} not taken by a webhook yet; the next process sends on"));
        }
        let this = match grave {
            0 if once && (!memory.is_settled() || untold > 0) => Verdict::CouldNotTell,
            0 => Verdict::Holds,
            _ => Verdict::DoesNotHold,
        };
        verdict = verdict.max(this);
    }
    verdict
}

fn words(open: &[&Incident]) -> String {
    let mut kinds: Vec<_> =
        Kind::ALL.into_iter().filter(|kind| open.iter().any(|each| each.kind == *kind)).collect();
    kinds.sort_unstable();
    if kinds.is_empty() {
        return "nothing is wrong".to_owned();
    }
    format!("WRONG: {}", kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "))
}

/// Standard output.
struct Stdout;

impl Print for Stdout {
    fn print(&self, lines: &str) -> std::io::Result<()> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(lines.as_bytes())?;
        stdout.flush()
    }
}

fn stdout() -> Arc<dyn Print> {
    Arc::new(Stdout)
}
