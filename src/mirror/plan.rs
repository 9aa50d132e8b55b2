//! What was typed, and what stands in the configuration file, made into what a mirror needs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::monitor::run::Watched;
use client::follow::Changes;
use follower::witness::enrolled::Enrolled;
use serde::Deserialize;
use server::Tls;
use server::mirror::Entries;
use tlog::key::KeyName;

use super::follow::How;
use crate::cli::{Failure, read_input};
use crate::serve::DoorArgs;
use crate::trust::{HttpArgs, text};
use crate::watched::{LogConfig, Typed};
use crate::witness::list;

/// Where it listens if nobody says.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2029);
/// How often it looks at each log if nobody says, in seconds.
const EVERY: f64 = 5.0;

/// Run a mirror; makes it at the first start
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook mirror run --data /var/lib/mirror --name mirror.example.org/m1 --log https://log.example.org/agents --vkey-file log.vkey\n  \
    deedbook mirror run --data /var/lib/mirror --policy policy.txt --token-file mirror.token\n  \
    deedbook mirror run --data /var/lib/mirror --policy policy.txt --once\n  \
    deedbook mirror run --data /var/lib/mirror --pushed logs.txt --listen 192.0.2.7:2029 --serve-entries\n  \
    deedbook mirror run --config mirror.toml\n\n\
    Keys are made at the first start, for their owner's eyes alone. A policy's log lines may say where the log is read; --log says\n\
    it otherwise: with one policy, all of them are under it; with several, one for each. What is copied is proven entry by entry;\n\
    a checkpoint is cosigned and served when all of it is on the disk. A log that forks or goes back is not followed: the copy is\n\
    served on as it was, and a fork proof kept. It serves DIR/logs at 127.0.0.1:2029 without tokens: whoever reaches that port on\n\
    this machine may read all entries. On another address it hands out no entries unless --serve-entries says that they are for\n\
    everybody. Exit codes with --once: 0 all copies are as large as their logs, 1 a log is to blame, 2 could not tell.\n\
    Ctrl-C or SIGTERM ends it; it goes on where it was at the next start, as it does after a kill.")]
pub(super) struct Args {
    /// The mirror's directory [default: deedbook-mirror]
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_MIRROR_DATA")]
    data: Option<PathBuf>,
    /// A log: a URL prefix, or a directory in the same layout; may be given several times
    #[arg(long = "log", value_name = "PLACE")]
    logs: Vec<String>,
    /// A policy (C2SP tlog-policy) that says which keys to believe; may be given several times
    #[arg(long = "policy", value_name = "FILE")]
    policies: Vec<PathBuf>,
    /// Or a log's public key alone
    #[arg(long, value_name = "VKEY", conflicts_with_all = ["policies", "vkey_file"])]
    vkey: Option<String>,
    /// Or a file with it
    #[arg(long, value_name = "FILE", conflicts_with = "policies")]
    vkey_file: Option<PathBuf>,
    /// Believe the keys named here and no others, though a log announced another in their place
    #[arg(long)]
    pin_key: bool,
    /// Seconds between two looks at a log [default: 5]
    #[arg(long, value_name = "SECONDS")]
    poll: Option<f64>,
    /// Bring the copies to what the logs show now, serve nothing, and stop
    #[arg(long)]
    once: bool,
    /// Do not read again at the start what was copied before, to find what has rotted on the disk
    #[arg(long)]
    no_check: bool,
    /// A TOML file with data, name, listen, poll, serve_entries, pushed; each log in a table of its own, named log, with place,
    /// policy, token_file
    #[arg(long, value_name = "FILE", env = "DEEDBOOK_MIRROR_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    serving: ServingArgs,
    #[command(flatten)]
    http: HttpArgs,
}

/// Who the mirror is.
#[derive(Debug, clap::Args)]
struct WhoArgs {
    /// A new mirror's name, for good: a URL prefix without scheme, such as mirror.example.org/m1
    #[arg(long, value_name = "NAME", env = "DEEDBOOK_MIRROR_NAME")]
    name: Option<KeyName>,
    /// Have a second key, ML-DSA-44 (FIPS 204), from now on
    #[arg(long, env = "DEEDBOOK_MIRROR_ML_DSA")]
    ml_dsa: bool,
}

/// How the copies are served.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Serving")]
struct ServingArgs {
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:2029]
    #[arg(long, value_name = "ADDRESS", env = "DEEDBOOK_MIRROR_LISTEN")]
    listen: Option<SocketAddr>,
    /// A list (C2SP tlog-list) of logs that may push their checkpoints and entries to this mirror; it need not read them
    #[arg(long, value_name = "FILE", conflicts_with = "once")]
    pushed: Option<PathBuf>,
    /// Hand out entries to everybody: they are public, or whoever can reach this mirror may read them
    #[arg(long)]
    serve_entries: bool,
    /// The URL under which others reach it, such as that of a proxy in front; it is shown, and nothing else
    #[arg(long, value_name = "URL", env = "DEEDBOOK_MIRROR_URL")]
    url: Option<String>,
    #[command(flatten)]
    door: DoorArgs,
}

/// The configuration file. Paths are from the file's folder.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    data: Option<PathBuf>,
    name: Option<String>,
    listen: Option<SocketAddr>,
    poll: Option<f64>,
    serve_entries: Option<bool>,
    pushed: Option<PathBuf>,
    #[serde(default)]
    log: Vec<LogConfig>,
}

/// Everything decided.
pub(super) struct Plan {
    pub(super) data: PathBuf,
    pub(super) name: Option<KeyName>,
    pub(super) ml_dsa: bool,
    pub(super) logs: Vec<Watched>,
    /// Those that may be pushed.
    pub(super) pushed: Option<Enrolled>,
    pub(super) how: How,
    pub(super) listen: SocketAddr,
    pub(super) entries: Entries,
    /// Where others reach it, if that was said.
    pub(super) url: Option<String>,
    pub(super) connections_max: Option<u32>,
    pub(super) tls: Option<Tls>,
}

impl Args {
    /// Options over the file over defaults.
    pub(super) fn plan(self) -> Result<Plan, Failure> {
        let config = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        let vkey = match &self.vkey_file {
            Some(path) => Some(text(path)?),
            None => self.vkey,
        };
        let typed = Typed {
            places: &self.logs,
            policies: &self.policies,
            vkey: vkey.as_deref(),
            http: &self.http,
            changes: if self.pin_key { Changes::Refused } else { Changes::Followed },
        };
        let logs = typed.and(&config.log)?;
        let path = self.serving.pushed.or(config.pushed).filter(|_| !self.once);
        let pushed = path.map(|path| list::read(&path)).transpose()?;
        if logs.is_empty() && pushed.as_ref().is_none_or(|list| list.logs().is_empty()) {
            return Err(Failure::could_not_tell(
                "which log? give --policy with a policy whose log line has a URL, or --log too; or --pushed with a list of logs \
                 that may push to this mirror",
            ));
        }
        let name = match (self.who.name, config.name) {
            (Some(name), _) => Some(name),
            (None, Some(name)) => Some(
                name.parse()
                    .map_err(|error| Failure::could_not_tell(format!("the configuration's name: {error}")))?,
            ),
            (None, None) => None,
        };
        let listen = self.serving.listen.or(config.listen).unwrap_or(LISTEN);
        let public = self.serving.serve_entries || config.serve_entries.unwrap_or(false);
        Ok(Plan {
            data: self.data.or(config.data).unwrap_or_else(|| super::DATA.into()),
            name,
            ml_dsa: self.who.ml_dsa,
            logs,
            pushed,
            how: How {
                every: every(self.poll.or(config.poll).unwrap_or(EVERY))?,
                check: !self.no_check,
                once: self.once,
            },
            listen,
            entries: Entries::of(listen, public),
            url: self.serving.url,
            connections_max: self.serving.door.connections_max,
            tls: self.serving.door.tls()?,
        })
    }
}

fn every(seconds: f64) -> Result<Duration, Failure> {
    if (0.01..=86_400.0).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(Failure::could_not_tell(format!(
        "--poll {seconds} is not a number of seconds between 0.01 and a day"
    )))
}

impl Config {
    fn read(path: &Path) -> Result<Self, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::could_not_tell(format!("{}: {error}", path.display()));
        let text = String::from_utf8(read_input(path)?).map_err(|error| failed(&error))?;
        let mut config: Self = toml::from_str(&text).map_err(|error| failed(&error))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let of_logs = config.log.iter_mut().flat_map(LogConfig::paths);
        config
            .data
            .iter_mut()
            .chain(&mut config.pushed)
            .chain(of_logs)
            .for_each(|path| *path = folder.join(&*path));
        for log in &mut config.log {
            log.place_below(folder).map_err(|error| failed(&error))?;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_file_are_from_its_folder() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("mirror.toml");
        let text = "data = \"kept\"\npushed = \"list\"\n[[log]]\nplace = \"sub/copy\"\npolicy = \"p\"\ntoken_file = \"t\"\n";
        std::fs::write(&file, text).unwrap();
        let mut config = Config::read(&file).unwrap();
        let below = |name: &str| home.path().join(name);
        assert_eq!((config.data, config.pushed), (Some(below("kept")), Some(below("list"))));
        assert_eq!(
            config.log[0].paths().map(|path| path.clone()).collect::<Vec<_>>(),
            [below("p"), below("t")]
        );
        assert_eq!(config.log[0].place(), below("sub/copy").to_str());
    }
}
