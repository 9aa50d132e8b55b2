//! What was typed, and what stands in the configuration file, made into what a monitor needs.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::monitor::event::Millis;
use ::monitor::run::{Options, Partner, Watched};
use ::monitor::watch::Limits;
use client::follow::Changes;
use client::webhook::Webhook;
use client::{Http, HttpOptions};
use serde::Deserialize;

use super::{Args, stdout};
use crate::cli::{Failure, read_input};
use crate::watched::{LogConfig, Typed, http};

/// How long a webhook may take to answer.
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(10);
/// How long another monitor or a witness may take to answer.
const PARTNER_PATIENCE: Duration = Duration::from_secs(10);

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    data: Option<PathBuf>,
    #[serde(default)]
    log: Vec<LogConfig>,
    pin_key: Option<bool>,
    poll: Option<f64>,
    delay: Option<f64>,
    stall: Option<f64>,
    again: Option<f64>,
    threads: Option<NonZeroUsize>,
    #[serde(default)]
    webhook: Vec<String>,
    webhook_secret_file: Option<PathBuf>,
    no_findings: Option<bool>,
    gossip_listen: Option<SocketAddr>,
    #[serde(default)]
    peer: Vec<String>,
    #[serde(default)]
    witness: Vec<String>,
    gossip_every: Option<f64>,
    metrics: Option<SocketAddr>,
}

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
        let typed = Typed {
            places: &args.logs,
            policies: &args.policies,
            vkey: args.vkey.as_deref(),
            http: &args.http,
            changes,
        };
        let logs = typed.and(&config.log)?;
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
            clock: Arc::new(|| u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)),
        };
        let gossip_listen = args.gossip_listen.or(config.gossip_listen);
        Ok(Self { data, logs, options, gossip_listen, metrics: args.metrics.or(config.metrics) })
    }
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

impl Config {
    /// Reads the file; paths in it are from its own folder.
    fn read(path: &Path) -> Result<Self, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::could_not_tell(format!("{}: {error}", path.display()));
        let text = String::from_utf8(read_input(path)?).map_err(|error| failed(&error))?;
        let mut config: Self = toml::from_str(&text).map_err(|error| failed(&error))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let paths = config.data.iter_mut().chain(&mut config.webhook_secret_file);
        let of_logs = config.log.iter_mut().flat_map(LogConfig::paths);
        paths.chain(of_logs).for_each(|path| *path = folder.join(&*path));
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Typed;

    const ONE: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
    const TWO: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn plan(words: &[&str]) -> Result<Plan, Failure> {
        Plan::of(&Typed::<Args>::parse_from([&["monitor", "--data", "/d"], words].concat()).args)
    }

    #[test]
    fn logs_are_where_the_policy_or_the_option_says() {
        let home = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = home.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let placed = file(
            "placed",
            &format!("log {ONE} https://a.example/log/\nlog {TWO} https://b.example/\nquorum none\n"),
        );
        let one = file("one", &format!("log {ONE}\nquorum none\n"));
        let token = file("token", "deedbook_0000000000000000000000000000000000000000000");
        let two = file("two", &format!("log {TWO}\nquorum none\n"));
        let names = |words: &[&str]| {
            let logs = plan(words).map(|plan| plan.logs).map_err(|failure| failure.words)?;
            Ok::<_, String>(
                logs.iter().map(|log| format!("{} {}", log.origin, log.source)).collect::<Vec<_>>(),
            )
        };
        let both = ["example.com/log/testdata https://a.example/log/", "example.com/foo https://b.example/"];
        assert_eq!(names(&["--policy", &placed]).unwrap(), both);
        let other = [
            "--policy",
            &one,
            "--policy",
            &two,
            "--log",
            "https://a.example/log",
            "--log",
            "https://b.example",
        ];
        assert_eq!(names(&other).unwrap(), both);
        assert_eq!(names(&["--vkey", ONE, "--log", "https://a.example/log"]).unwrap(), both[..1]);
        for (bend, words, why) in [
            ("nothing", &[][..], "which log?"),
            ("no place", &["--policy", &one], "which log?"),
            ("no policy", &["--log", "https://a.example/"], "whom to believe?"),
            ("two names", &["--policy", &placed, "--log", "https://c.example/"], "which of its logs"),
            (
                "counts",
                &["--policy", &one, "--policy", &two, "--log", "https://a.example/"],
                "one policy for all",
            ),
            (
                "a webhook that nobody can believe",
                &["--policy", &placed, "--webhook", "https://c.example/"],
                "secret",
            ),
            ("time", &["--policy", &placed, "--delay=-1"], "seconds"),
            (
                "one token for two servers",
                &["--policy", &placed, "--token-file", &token],
                "shown to 2 servers",
            ),
        ] {
            let refused = plan(words).map(|_| ()).unwrap_err();
            assert!(refused.words.contains(why), "{bend}: {}", refused.words);
        }
    }

    #[test]
    fn the_file_says_the_same_and_its_paths_are_from_its_folder() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("p"), format!("log {ONE}\nquorum none\n")).unwrap();
        let file = home.path().join("monitor.toml");
        let text = "data = \"kept\"\npoll = 0.5\n[[log]]\nplace = \"https://a.example/\"\npolicy = \"p\"\n";
        std::fs::write(&file, text).unwrap();
        let of = |words: &[&str]| {
            Plan::of(
                &Typed::<Args>::parse_from(
                    [&["monitor", "--config", file.to_str().unwrap()], words].concat(),
                )
                .args,
            )
        };
        let plan = of(&[]).unwrap();
        assert_eq!((plan.data, plan.options.poll), (home.path().join("kept"), Duration::from_millis(500)));
        assert_eq!(plan.logs[0].origin.as_str(), "example.com/log/testdata");
        assert_eq!(of(&["--poll", "2"]).unwrap().options.poll, Duration::from_secs(2));
        std::fs::write(&file, "dta = \"x\"").unwrap();
        assert!(of(&[]).map(|_| ()).unwrap_err().words.contains("unknown field"));
    }
}
