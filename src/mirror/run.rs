//! `deedbook mirror run`: a mirror, made if need be, that follows its logs and serves their copies until it is told to stop.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::monitor::run::Watched;
use client::follow::Changes;
use follower::mirror::files::{Directory, Files};
use follower::mirror::log::OpenError;
use follower::mirror::service::Mirror;
use follower::witness::enrolled::{Enrolled, EnrolledLog};
use follower::witness::keeper::OriginId;
use sequencer::DataDirectory;
use serde::{Deserialize, Serialize};
use server::limits::Timeouts;
use server::mirror::{Entries, Metrics, Push};
use server::{Capacity, SystemClock, Tls, mirror};
use tlog::key::{KeyName, VerifierKey};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::follow::{self, Follower, How};
use super::pull::Pull;
use super::pushed;
use super::standing::Board;
use crate::audit::cores;
use crate::cli::{Failure, Verdict, read_input};
use crate::fsck::off_thread;
use crate::place::raise_descriptor_limit;
use crate::print::{Printer, Table, remark, things};
use crate::progress::Bar;
use crate::serve::{self, Stop};
use crate::trust::HttpArgs;
use crate::watched::{LogConfig, Typed};
use crate::witness::directory::{self, Home, MIRROR, RunningAt};
use crate::witness::forks::Copies;

/// Where it listens if nobody says.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2029);
/// How often it looks at each log if nobody says, in seconds.
const EVERY: f64 = 5.0;
/// How often fork proofs are copied to files.
const LOOK_AFTER: Duration = Duration::from_secs(1);

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
    /// Connections at one time [default: what the descriptor limit leaves]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    connections_max: Option<u32>,
    /// A file with the server's certificate and those between it and the authority (PEM): serve over TLS
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The file with the certificate's private key (PEM)
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
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
struct Plan {
    data: PathBuf,
    name: Option<KeyName>,
    ml_dsa: bool,
    logs: Vec<Watched>,
    /// Those that may be pushed.
    pushed: Option<Enrolled>,
    how: How,
    listen: SocketAddr,
    entries: Entries,
}

/// What a program is told at the start.
#[derive(Debug, Serialize)]
struct Running<'a> {
    name: &'a str,
    vkeys: Vec<String>,
    /// Where it listens.
    url: &'a str,
    /// Where others reach it: the monitoring prefix.
    prefix: &'a str,
    /// Each log's name and the path of its copy below the prefix.
    logs: Vec<[String; 2]>,
    entries: &'static str,
    data: &'a Path,
    new: bool,
}

/// A mirror that is opened and does nothing yet.
struct Opened {
    mirror: Arc<Mirror>,
    board: Arc<Board>,
    /// Held as long as it runs.
    directory: DataDirectory,
    name: KeyName,
    new: bool,
}

pub(super) async fn run(mut args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let plan = args.plan()?;
    // Before anything else can listen for them: a signal during the opening is not lost.
    let mut stop = Stop::new()?;
    let tls = serve::tls(args.serving.tls_cert.take(), args.serving.tls_key.take())?;
    let listener =
        if plan.how.once {
            None
        } else {
            let listen = serve::listen(plan.listen);
            Some(listen.map_err(|error| {
                Failure::could_not_tell(format!("cannot listen on {}: {error}", plan.listen))
            })?)
        };
    raise_descriptor_limit();
    let (data, name, ml_dsa, places) = (plan.data.clone(), plan.name.clone(), plan.ml_dsa, plan.places());
    let opened = off_thread(move || open(&data, name.as_ref(), ml_dsa, &places)).await??;
    let (stopping, stopped) = watch::channel(false);
    let Some(listener) = listener else {
        let following = opened.follow(&plan, printer, &stopped);
        return opened.once(following, stopping, stop.wait()).await;
    };
    let address = listener.local_addr().map_err(Failure::could_not_tell)?;
    let url = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
    directory::note_running(
        &opened.directory,
        &RunningAt { url: url.clone(), public: args.serving.url.clone() },
    )?;
    opened.say(&plan, &url, args.serving.url.as_deref(), printer);
    let following = opened.follow(&plan, printer, &stopped);
    let capacity = Capacity::of_this_process().at_most(args.serving.connections_max);
    opened.serve(&plan, listener, capacity, tls, stop.wait()).await;
    let _ = stopping.send(true);
    follow::all(following).await?;
    opened.end().await
}

/// `logs` are their names and where they come from.
fn open(
    data: &Path,
    name: Option<&KeyName>,
    ml_dsa: bool,
    logs: &[(KeyName, String)],
) -> Result<Opened, Failure> {
    let home = Home::open(&MIRROR, data, name, ml_dsa)?;
    let (name, new) = (home.name.clone(), home.new);
    let (keeper, keys, directory) = home.into_parts()?;
    let mut copies = vec![];
    for (log, _) in logs {
        if copies.iter().any(|(origin, _)| origin == log) {
            let words = format!("{log} is to be mirrored twice; one place for each log is enough");
            return Err(Failure::could_not_tell(words));
        }
        let files = Directory::open(&copy_of(data, log)).map_err(Failure::could_not_tell)?;
        copies.push((log.clone(), Box::new(files) as Box<dyn Files>));
    }
    let mirror = Mirror::open(keeper, keys, copies).map_err(|error| match error {
        OpenError::Files(error) => Failure::could_not_tell(error),
        error => Failure::does_not_hold(error),
    })?;
    let board = Board::new(data);
    for (log, place) in logs {
        let held = mirror.log(&OriginId::of(log)).and_then(|log| log.shown());
        board.opened(log, place, held.map(|shown| shown.head()));
    }
    Copies::new(data).make(mirror.keeper())?;
    Ok(Opened { mirror: Arc::new(mirror), board, directory, name, new })
}

/// Where the copy of a log is.
fn copy_of(data: &Path, origin: &KeyName) -> PathBuf {
    data.join("logs").join(OriginId::of(origin).to_string())
}

impl Opened {
    /// Follows each log, and copies what shows that one has forked to where people find it.
    fn follow(&self, plan: &Plan, printer: Printer, stop: &watch::Receiver<bool>) -> Vec<Following> {
        let one = |watched: &Watched| {
            let log = self.mirror.log(&OriginId::of(&watched.origin))?.clone();
            let pull = Pull {
                mirror: self.mirror.clone(),
                log,
                watched: watched.clone(),
                folder: copy_of(&plan.data, &watched.origin),
                threads: cores(),
            };
            // Several bars at once would write over each other.
            let bars = printer.bars && plan.logs.len() == 1;
            let bar = Bar::new(Printer { bars, ..printer }, "entries");
            let follower = Follower { pull, board: self.board.clone(), bar, how: plan.how };
            Some(follower.start(stop.clone()))
        };
        plan.logs.iter().filter_map(one).collect()
    }

    /// Waits until every log was looked at, or until it is told to stop.
    async fn once(
        self,
        following: Vec<Following>,
        stopping: watch::Sender<bool>,
        stop: impl Future<Output = ()>,
    ) -> Result<Verdict, Failure> {
        let mut all = std::pin::pin!(follow::all(following));
        let verdict = tokio::select! {
            verdict = &mut all => verdict?,
            () = stop => {
                let _ = stopping.send(true);
                all.await?.max(Verdict::CouldNotTell)
            }
        };
        self.end().await.map(|_| verdict)
    }

    /// Serves the copies until it is told to stop.
    async fn serve(
        &self,
        plan: &Plan,
        listener: TcpListener,
        capacity: Capacity,
        tls: Option<Tls>,
        stop: impl Future<Output = ()>,
    ) {
        let (mirror, board, metrics) = (self.mirror.clone(), self.board.clone(), Metrics::new());
        let app = match &plan.pushed {
            None => mirror::App::new(mirror, plan.entries, board, metrics),
            Some(list) => {
                let pushes = pushed::open(&mirror, list).await;
                let push = Push::new(pushes, Arc::new(SystemClock), Timeouts::default());
                mirror::App::with_push(mirror, plan.entries, board, metrics, push)
            }
        };
        let looking = tokio::spawn(copy_forks(self.mirror.clone(), self.directory.path().to_owned()));
        let noting =
            tokio::spawn(pushed::look_after(self.mirror.clone(), self.board.clone(), plan.only_pushed()));
        let router = mirror::routes::router(app.clone());
        server::serve(listener, router, app.metrics().clone(), capacity, tls, stop).await;
        looking.abort();
        noting.abort();
    }

    /// What was kept is durable already; the store is closed in order.
    async fn end(self) -> Result<Verdict, Failure> {
        let (mirror, data) = (self.mirror, self.directory.path().to_owned());
        let logs = off_thread(move || {
            let copied = Copies::new(&data).make(mirror.keeper());
            mirror.keeper().close();
            copied.map(|()| mirror.logs().filter(|(_, log)| log.shown().is_some()).count())
        })
        .await??;
        drop(self.directory);
        remark(&format!("stopped; {} held whole, all of it durable", things(logs as u64, "log", "logs")));
        Ok(Verdict::Holds)
    }

    fn say(&self, plan: &Plan, url: &str, public: Option<&str>, printer: Printer) {
        let prefix = public.unwrap_or(url);
        let (entries, words) = match plan.entries {
            Entries::Everybody => ("everybody", "to everybody (--serve-entries)"),
            Entries::ThisMachine => ("this-machine", "to whoever asks on this machine, without a token"),
            Entries::Nobody => {
                ("nobody", "to nobody: this address is not loopback (--serve-entries hands them out)")
            }
        };
        let places = plan.places();
        let logs = places.iter().map(|(log, _)| [log.to_string(), OriginId::of(log).to_string()]);
        let told = Running {
            name: self.name.as_str(),
            vkeys: self.mirror.verifier_keys().map(VerifierKey::to_string).collect(),
            url,
            prefix,
            logs: logs.collect(),
            entries,
            data: self.directory.path(),
            new: self.new,
        };
        let list = told.logs.iter().map(|[origin, path]| format!("{origin}\n  {prefix}/{path}/"));
        let forks = self.mirror.keeper().counts().contradictions;
        let table = Table::default()
            .maybe("FORKS", (forks > 0).then(|| format!("{forks} kept in {}/forks", told.data.display())))
            .row("data", format!("{}{}", told.data.display(), if self.new { " (a new mirror)" } else { "" }))
            .row("logs", list.collect::<Vec<_>>().join("\n"))
            .row("entries", words)
            .row("keys", told.vkeys.join("\n"))
            .maybe("in a policy", told.vkeys.first().map(|vkey| format!("witness {} {vkey}", self.name)));
        printer.told("mirroring", &format!("{}, listening on {url}", self.name), &table, &told);
    }
}

type Following = tokio::task::JoinHandle<Verdict>;

async fn copy_forks(mirror: Arc<Mirror>, data: PathBuf) {
    let mut ticks = tokio::time::interval(LOOK_AFTER);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut copies = Copies::new(&data);
    loop {
        ticks.tick().await;
        let mirror = mirror.clone();
        let copying = tokio::task::spawn_blocking(move || {
            if let Err(failure) = copies.make(mirror.keeper()) {
                tracing::error!(
                    why = failure.words,
                    "a fork proof is kept and could not be copied to a file"
                );
            }
            copies
        });
        let Ok(again) = copying.await else { return };
        copies = again;
    }
}

impl Args {
    /// Options over the file over defaults.
    fn plan(&self) -> Result<Plan, Failure> {
        let config = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        let vkey = match &self.vkey_file {
            Some(path) => Some(String::from_utf8(read_input(path)?).map_err(Failure::could_not_tell)?),
            None => self.vkey.clone(),
        };
        let typed = Typed {
            places: &self.logs,
            policies: &self.policies,
            vkey: vkey.as_deref(),
            http: &self.http,
            changes: if self.pin_key { Changes::Refused } else { Changes::Followed },
        };
        let logs = typed.and(&config.log)?;
        let list = self.serving.pushed.clone().or(config.pushed).filter(|_| !self.once);
        let pushed = list.map(|path| pushed::list(&path)).transpose()?;
        if logs.is_empty() && pushed.as_ref().is_none_or(|list| list.logs().is_empty()) {
            return Err(Failure::could_not_tell(
                "which log? give --policy with a policy whose log line has a URL, or --log too; or --pushed with a list of logs \
                 that may push to this mirror",
            ));
        }
        let name = match (&self.who.name, config.name) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(name)) => Some(
                name.parse()
                    .map_err(|error| Failure::could_not_tell(format!("the configuration's name: {error}")))?,
            ),
            (None, None) => None,
        };
        let listen = self.serving.listen.or(config.listen).unwrap_or(LISTEN);
        let public = self.serving.serve_entries || config.serve_entries.unwrap_or(false);
        Ok(Plan {
            data: self.data.clone().or(config.data).unwrap_or_else(|| super::DATA.into()),
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
        })
    }
}

impl Plan {
    /// The logs that may be pushed and are not read.
    fn only_pushed(&self) -> Vec<EnrolledLog> {
        let pushed = self.pushed.iter().flat_map(Enrolled::logs);
        pushed.filter(|log| self.logs.iter().all(|read| read.origin != *log.origin())).cloned().collect()
    }

    /// All logs, and where they come from.
    fn places(&self) -> Vec<(KeyName, String)> {
        let read = self.logs.iter().map(|log| (log.origin.clone(), log.source.to_string()));
        let pushed =
            self.only_pushed().into_iter().map(|log| (log.origin().clone(), pushed::PLACE.to_owned()));
        read.chain(pushed).collect()
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
        Ok(config)
    }
}
