//! What was typed, and what stands in the configuration file, made into what a monitor needs.

mod config;
mod logs;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::monitor::event::Millis;
use ::monitor::run::{Options, Partner, Watched};
use ::monitor::watch::Limits;
use client::follow::Changes;
use client::webhook::Webhook;
use client::{Http, HttpOptions};

use super::{Args, stdout};
use crate::cli::{Failure, read_input};
use crate::trust::HttpArgs;
use config::Config;
use logs::logs;

/// How long a webhook may take to answer.
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(10);
/// How long webhooks may take after one look, with all attempts.
const HOOKS_PATIENCE: Duration = Duration::from_secs(30);
/// How long another monitor or a witness may take to answer.
const PARTNER_PATIENCE: Duration = Duration::from_secs(10);
/// Attempts at one request: what fails is tried again at the next look.
const ATTEMPTS: u32 = 2;

/// Everything decided.
pub(super) struct Plan {
    pub(super) data: PathBuf,
    pub(super) logs: Vec<Watched>,
    pub(super) options: Options,
    pub(super) gossip_listen: Option<SocketAddr>,
    pub(super) metrics: Option<SocketAddr>,
}

impl Plan {
    /// Options over the file over defaults.
    pub(super) fn of(args: &Args) -> Result<Self, Failure> {
        let config = args.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        let changes = if args.pin_key || config.pin_key.unwrap_or(false) {
            Changes::Refused
        } else {
            Changes::Followed
        };
        let logs = logs(args, &config, changes)?;
        let none = "which log? give --policy with a policy whose log line has a URL, or --log too";
        if logs.is_empty() {
            return Err(Failure::could_not_tell(none));
        }
        let data = args.data.clone().or(config.data.clone());
        let data = data.ok_or_else(|| {
            Failure::could_not_tell(
                "where to remember what was seen? give --data DIR (it is made if it is not there)",
            )
        })?;
        let defaults = Limits::default();
        let seconds = |typed: Option<f64>, file: Option<f64>, default: Millis| {
            typed.or(file).map_or(Ok(default), millis)
        };
        let limits = Limits {
            delay: seconds(args.delay, config.delay, defaults.delay)?,
            stall: seconds(args.stall, config.stall, defaults.stall)?,
            again: seconds(args.again, config.again, defaults.again)?.max(1_000),
            retry: defaults.retry.min(seconds(args.poll, config.poll, defaults.retry)?),
        };
        let poll = Duration::from_millis(seconds(args.poll, config.poll, 5_000)?.max(10));
        let options = Options {
            limits,
            poll,
            threads: args.threads.or(config.threads).unwrap_or_else(cores),
            webhooks: webhooks(args, &config)?,
            partners: partners(args, &config)?,
            gossip_every: Duration::from_millis(
                seconds(args.gossip_every, config.gossip_every, 30_000)?.max(10),
            ),
            print: stdout(),
            findings: !(args.no_findings || config.no_findings.unwrap_or(false)),
            once: args.once,
            hooks_patience: HOOKS_PATIENCE,
            clock: Arc::new(|| u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)),
        };
        let gossip_listen = args.gossip_listen.or(config.gossip_listen);
        Ok(Self { data, logs, options, gossip_listen, metrics: args.metrics.or(config.metrics) })
    }
}

fn http(args: &HttpArgs) -> Result<HttpOptions, Failure> {
    Ok(HttpOptions { attempts: ATTEMPTS, ..args.options()? })
}

fn webhooks(args: &Args, config: &Config) -> Result<Vec<Webhook>, Failure> {
    let urls: Vec<_> = args.webhooks.iter().chain(&config.webhook).collect();
    if urls.is_empty() {
        return Ok(vec![]);
    }
    let path = args.webhook_secret_file.as_ref().or(config.webhook_secret_file.as_ref());
    let path = path.ok_or_else(|| {
        Failure::could_not_tell("a webhook needs a secret to be believed: give --webhook-secret-file")
    })?;
    let secret = zeroize::Zeroizing::new(read_input(path)?);
    let secret = std::str::from_utf8(&secret)
        .map_err(|_| Failure::could_not_tell(format!("{}: this is not text", path.display())))?;
    let options = http(&args.http)?;
    let hook = |url: &&String| {
        Webhook::new(url, secret.trim(), WEBHOOK_PATIENCE, &options).map_err(Failure::could_not_tell)
    };
    urls.iter().map(hook).collect()
}

/// With whom heads are exchanged. A log's token is shown to none of them.
fn partners(args: &Args, config: &Config) -> Result<Vec<Partner>, Failure> {
    let options = HttpOptions { token: None, timeout: PARTNER_PATIENCE, ..http(&args.http)? };
    let open = |url: &String| Http::new(url, &options).map_err(Failure::could_not_tell);
    let peers = args.peers.iter().chain(&config.peer).map(|url| open(url).map(Partner::Peer));
    let witnesses = args.witnesses.iter().chain(&config.witness).map(|url| open(url).map(Partner::Witness));
    peers.chain(witnesses).collect()
}

/// Seconds as they are typed, as milliseconds.
fn millis(seconds: f64) -> Result<Millis, Failure> {
    let most = 366.0 * 24.0 * 3_600.0;
    if (0.0..=most).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds).as_millis() as Millis);
    }
    Err(Failure::could_not_tell(format!("{seconds} is not a number of seconds between 0 and a year")))
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
