//! `deedbook serve`: a log, made if need be, and served until it is told to stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::record::Place;
use sequencer::Kind;
use serde::{Deserialize, Serialize};
use server::access::Access;
use server::{Capacity, Tls};
use tlog::key::KeyName;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use crate::admission::Admission;
use crate::ask_witnesses::{AskWitnesses, WhenArg, WitnessArgs, WitnessConfig};
use crate::cli::{Failure, Verdict, read_input};
use crate::place::{KindArg, OpenLog, Settings, Wanted, raise_descriptor_limit};
use crate::print::{Printer, Table, count, remark, things};

/// Where a log is if nobody says.
pub(crate) const DATA: &str = "deedbook-data";
/// Where it listens if nobody says.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2026);

/// Connections that the system has made and that were not accepted yet; it may allow fewer (net.core.somaxconn).
const BACKLOG: u32 = 4096;

/// Serve a log; makes it at the first start
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook serve --open\n  \
    deedbook serve --data /var/lib/deedbook --origin log.example.org/agents\n  \
    deedbook serve --sensitive purpose,target,name\n  \
    deedbook serve --policy policy.txt --when-unwitnessed hold\n  \
    deedbook serve --config /etc/deedbook.toml\n\n\
    Without --data it makes a log in ./deedbook-data; without --listen it listens on 127.0.0.1:2026. To submit, and to\n\
    look at records, takes a token (deedbook token); the first one, an admin's, is put into DIR/admin.token. With --open\n\
    nobody is asked: for trying out, on this machine alone. A configuration file has the same names (with _ for -); an\n\
    option wins over the environment, the environment over the file.\n\
    Content (input, output, ...) stands beside the log and can be erased (deedbook erase); all else in a record stays for\n\
    good. Fields that --sensitive names go beside the log too: their digests are in the record, nobody finds a record by\n\
    them, and receipts hold as before. It is for records that come from now on, and not for signed ones.\n\
    Ctrl-C or SIGTERM: requests under way are answered, what was accepted is committed and published.")]
pub(crate) struct Args {
    /// The log's directory [default: deedbook-data]
    #[arg(long, value_name = "DIR", env = "DEEDBOOK_DATA")]
    data: Option<PathBuf>,
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:2026]
    #[arg(long, value_name = "ADDRESS", env = "DEEDBOOK_LISTEN")]
    listen: Option<SocketAddr>,
    /// A new log's name, for good: a URL prefix without scheme, such as log.example.org/agents [default: localhost/log-…]
    #[arg(long, value_name = "NAME", env = "DEEDBOOK_ORIGIN")]
    origin: Option<KeyName>,
    /// What a new log takes, for good [default: records]
    #[arg(long, value_enum, env = "DEEDBOOK_KIND")]
    kind: Option<KindArg>,
    /// Seconds between publications of the checkpoint [default: 1]
    #[arg(long, value_name = "SECONDS", env = "DEEDBOOK_PUBLISH_EVERY", value_parser = seconds)]
    publish_every: Option<f64>,
    /// Megabytes that the store's page cache may take [default: 64]
    #[arg(long, value_name = "MB", env = "DEEDBOOK_CACHE_MB", value_parser = clap::value_parser!(u64).range(8..=1_048_576))]
    cache_mb: Option<u64>,
    /// Connections at one time [default: what the descriptor limit leaves]
    #[arg(long, value_name = "N", env = "DEEDBOOK_CONNECTIONS_MAX", value_parser = clap::value_parser!(u32).range(1..))]
    connections_max: Option<u32>,
    /// Ask nobody for a token: for trying out, on loopback addresses only
    #[arg(long, env = "DEEDBOOK_OPEN")]
    open: bool,
    /// Fields to keep beside the log too, so that they can be erased: purpose, target, name (of a principal)
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',', env = "DEEDBOOK_SENSITIVE")]
    sensitive: Vec<SensitiveArg>,
    /// A file with the server's certificate and those between it and the authority (PEM): serve over TLS
    #[arg(long, value_name = "FILE", env = "DEEDBOOK_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// The file with the certificate's private key (PEM)
    #[arg(long, value_name = "FILE", env = "DEEDBOOK_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Listen without TLS on an address that other machines reach, because a proxy in front ends it
    #[arg(long, env = "DEEDBOOK_BEHIND_TLS_PROXY", conflicts_with = "open")]
    behind_tls_proxy: bool,
    #[command(flatten)]
    witnesses: WitnessArgs,
    /// A TOML file with these options
    #[arg(long, value_name = "FILE", env = "DEEDBOOK_CONFIG")]
    config: Option<PathBuf>,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    origin: Option<String>,
    kind: Option<KindArg>,
    publish_every: Option<f64>,
    cache_mb: Option<u64>,
    connections_max: Option<u32>,
    open: Option<bool>,
    sensitive: Option<Vec<SensitiveArg>>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    behind_tls_proxy: Option<bool>,
    policy: Option<PathBuf>,
    when_unwitnessed: Option<WhenArg>,
    witness_timeout: Option<f64>,
    witness_refresh: Option<f64>,
    witness_ca_file: Option<PathBuf>,
}

/// A field that may stand beside the log, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SensitiveArg {
    /// What a session is for
    Purpose,
    /// What a call is about
    Target,
    /// What a principal is called
    Name,
}

impl From<SensitiveArg> for Place {
    fn from(field: SensitiveArg) -> Self {
        match field {
            SensitiveArg::Purpose => Self::Purpose,
            SensitiveArg::Target => Self::ActionTarget,
            SensitiveArg::Name => Self::PrincipalName,
        }
    }
}

/// What is to be served, and how: everything decided.
#[derive(Debug)]
struct Plan {
    data: PathBuf,
    listen: SocketAddr,
    wanted: Wanted,
    settings: Settings,
    tls: Option<Tls>,
    connections_max: Option<u32>,
}

/// What a program is told at the start.
#[derive(Debug, Serialize)]
struct Serving<'a> {
    origin: &'a str,
    kind: Kind,
    size: u64,
    url: String,
    data: &'a Path,
    new: bool,
    vkey: String,
    /// Whether the key before still signs too.
    old_key_signs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_only: Option<String>,
    open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_token: Option<&'a Path>,
}

pub(crate) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let plan = args.plan()?;
    // Before anything else can listen for them: a signal during the opening is not lost.
    let mut stop = Stop::new()?;
    let listener = listen(plan.listen)
        .map_err(|error| Failure::could_not_tell(format!("cannot listen on {}: {error}", plan.listen)))?;
    raise_descriptor_limit();
    let log = open(&plan).await?;
    log.record_first_admin().await?;
    serving(&log, &listener, plan.tls.is_some())?.print(printer, &plan.settings);
    serve(log, listener, plan.connections_max, plan.tls, stop.wait()).await
}

/// Serves an open log until it is told to stop; then nothing that was accepted is left undone.
pub(crate) async fn serve(
    log: OpenLog,
    listener: TcpListener,
    connections_max: Option<u32>,
    tls: Option<Tls>,
    stop: impl Future<Output = ()>,
) -> Result<Verdict, Failure> {
    let capacity = Capacity::of_this_process().at_most(connections_max);
    let router = server::routes::router(log.app.clone());
    let telling = tokio::spawn(log.app.clone().tell_looks());
    server::serve(listener, router, log.metrics.clone(), capacity, tls, stop).await;
    telling.abort();
    log.app.tell_last_looks().await;
    let (following, app) = (log.following, log.app.clone());
    tokio::task::spawn_blocking(move || following.end()).await.map_err(Failure::could_not_tell)?;
    let closed = tokio::task::spawn_blocking(move || {
        let took = log.app.log().close();
        let reader = log.app.log().reader();
        (took, reader)
    });
    let (took, reader) = closed.await.map_err(Failure::could_not_tell)?;
    let (durable, published) = (reader.committed().head().size, reader.published().size());
    if published < durable && app.waits_for_witnesses() {
        remark(&format!(
            "stopped at size {}, all of it durable; {} are published, for too few witnesses have cosigned the rest",
            count(durable),
            count(published)
        ));
        return Ok(Verdict::Holds);
    }
    if published < durable {
        return Err(Failure::could_not_tell(format!(
            "stopped at size {}, all of it durable; but only {} are published: the checkpoint could not be written",
            count(durable),
            count(published)
        )));
    }
    let took = took.as_secs_f64();
    remark(&format!(
        "stopped at size {}; what was accepted is durable and published ({took:.1} s)",
        count(durable)
    ));
    Ok(Verdict::Holds)
}

/// Listens, with room for a crowd that comes all at once: a client for whom there is none tries again a second later.
pub(crate) fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that was killed leaves connections behind which the system remembers for a minute.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Opens the log off the async threads; says so if it takes long.
async fn open(plan: &Plan) -> Result<OpenLog, Failure> {
    let (data, wanted, settings) = (plan.data.clone(), plan.wanted.clone(), plan.settings.clone());
    let mut opening = tokio::task::spawn_blocking(move || OpenLog::open(&data, &wanted, &settings));
    let patience = tokio::time::timeout(Duration::from_secs(2), &mut opening).await;
    let opened = if let Ok(opened) = patience {
        opened
    } else {
        remark(&format!("opening {}; after a hard stop this takes a while", plan.data.display()));
        opening.await
    };
    opened.map_err(Failure::could_not_tell)?
}

/// The signals that end a server.
pub(crate) struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    pub(crate) fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::could_not_tell);
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

impl Args {
    /// Options over environment (which clap has merged in) over the file over defaults.
    fn plan(self) -> Result<Plan, Failure> {
        let config = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        let listen = self.listen.or(config.listen).unwrap_or(LISTEN);
        let open = self.open || config.open.unwrap_or(false);
        let admission = if open { Admission::Open } else { Admission::Tokens };
        let proxied = self.behind_tls_proxy || config.behind_tls_proxy.unwrap_or(false);
        let tls = tls(self.tls_cert.or(config.tls_cert), self.tls_key.or(config.tls_key))?;
        may_listen(listen, admission, proxied || tls.is_some()).map_err(Failure::could_not_tell)?;
        let from_config = |name: String| {
            name.parse()
                .map_err(|error| Failure::could_not_tell(format!("the configuration's origin: {error}")))
        };
        let origin = match self.origin {
            Some(origin) => Some(origin),
            None => config.origin.map(from_config).transpose()?,
        };
        let sensitive =
            if self.sensitive.is_empty() { config.sensitive.unwrap_or_default() } else { self.sensitive };
        let witnesses = self.witnesses.plan(WitnessConfig {
            policy: config.policy,
            when_unwitnessed: config.when_unwitnessed,
            witness_timeout: config.witness_timeout,
            witness_refresh: config.witness_refresh,
            witness_ca_file: config.witness_ca_file,
        })?;
        let every = self.publish_every.or(config.publish_every).unwrap_or(1.0);
        let every = checked_seconds(every).map_err(Failure::could_not_tell)?;
        Ok(Plan {
            data: self.data.or(config.data).unwrap_or_else(|| DATA.into()),
            listen,
            wanted: Wanted { origin, kind: self.kind.or(config.kind).map(Into::into) },
            settings: Settings {
                publish_every: Duration::from_secs_f64(every),
                cache_bytes: self.cache_mb.or(config.cache_mb).unwrap_or(64).clamp(8, 1 << 20) << 20,
                admission,
                sensitive: sensitive.into_iter().map(Place::from).collect(),
                witnesses,
            },
            tls,
            connections_max: self.connections_max.or(config.connections_max),
        })
    }
}

/// How whatever is no log is reached.
#[derive(Debug, clap::Args)]
pub(crate) struct DoorArgs {
    /// Connections at one time [default: what the descriptor limit leaves]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections_max: Option<u32>,
    /// A file with the server's certificate and those between it and the authority (PEM): serve over TLS
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The file with the certificate's private key (PEM)
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
}

impl DoorArgs {
    /// What it says about TLS, read.
    pub(crate) fn tls(self) -> Result<Option<Tls>, Failure> {
        tls(self.tls_cert, self.tls_key)
    }
}

/// Certificate and key go together.
fn tls(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<Tls>, Failure> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => {
            return Err(Failure::could_not_tell(
                "--tls-cert and --tls-key go together: a certificate, and the private key that belongs to it",
            ));
        }
    };
    let secret = zeroize::Zeroizing::new(read_input(&key)?);
    Tls::new(&read_input(&certificate)?, &secret).map(Some).map_err(|error| {
        Failure::could_not_tell(format!("{} and {}: {error}", certificate.display(), key.display()))
    })
}

/// Tokens that cross a network in clear are anybody's, and a log that asks for none is everybody's.
fn may_listen(listen: SocketAddr, admission: Admission, tls: bool) -> Result<(), String> {
    match admission {
        _ if listen.ip().is_loopback() => Ok(()),
        Admission::Open => Err(format!(
            "{listen} can be reached from other machines, and with --open whoever reaches it may read and submit \
             everything: --open is for loopback addresses. Leave it out, and make tokens (deedbook token)"
        )),
        Admission::Tokens if !tls => Err(format!(
            "{listen} can be reached from other machines, and without TLS whoever is on the way reads the tokens. Give \
             --tls-cert and --tls-key; or let a proxy end TLS in front and say --behind-tls-proxy; or listen on 127.0.0.1"
        )),
        Admission::Tokens => Ok(()),
    }
}

impl Config {
    fn read(path: &Path) -> Result<Self, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::could_not_tell(format!("{}: {error}", path.display()));
        let text = String::from_utf8(read_input(path)?).map_err(|error| failed(&error))?;
        toml::from_str(&text).map_err(|error| failed(&error))
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "a number of seconds is needed here".to_owned()).and_then(checked_seconds)
}

fn checked_seconds(seconds: f64) -> Result<f64, String> {
    if (0.01..=3600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!("{seconds} is not between 0.01 and 3600 seconds"))
    }
}

fn serving<'a>(log: &'a OpenLog, listener: &TcpListener, tls: bool) -> Result<Serving<'a>, Failure> {
    let address = listener.local_addr().map_err(Failure::could_not_tell)?;
    let reader = log.app.log().reader();
    let head = reader.published();
    let own_lines = head.signatures().iter().filter(|line| line.name() == head.origin()).count();
    Ok(Serving {
        origin: log.app.origin(),
        kind: reader.identity().kind,
        size: reader.published().size(),
        url: format!("{}://{address}", if tls { "https" } else { "http" }),
        data: &log.path,
        new: log.new,
        vkey: reader.vkey().to_string(),
        old_key_signs: own_lines > 1,
        read_only: log.read_only(),
        open: matches!(log.app.access(), Access::Open),
        admin_token: log.admin_token.as_deref(),
    })
}

impl Serving<'_> {
    fn print(&self, printer: Printer, settings: &Settings) {
        let headline =
            format!("{} ({}), listening on {}", self.origin, things(self.size, "entry", "entries"), self.url);
        let table = Table::default()
            .maybe("READ-ONLY", self.read_only.as_deref())
            .row("data", format!("{}{}", self.data.display(), if self.new { " (a new log)" } else { "" }))
            .row("takes", if self.kind == Kind::Raw { "raw entries" } else { "records" })
            .row("asks", if self.open { "nobody for a token (--open)" } else { "for a token" })
            .maybe(
                "admin",
                self.admin_token
                    .map(|path| format!("the first token is in {}; take it away", path.display())),
            )
            .row("key", &self.vkey)
            .maybe("old key", self.old_key_signs.then_some("signs too, until: deedbook key retire"))
            .row("publishes", format!("every {} s", settings.publish_every.as_secs_f64()))
            .maybe("witnesses", settings.witnesses.as_ref().map(AskWitnesses::told));
        printer.told("serving", &headline, &table, self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Typed;
    use clap::Parser;

    fn plan(words: &[&str]) -> Result<Plan, Failure> {
        Typed::<Args>::parse_from([&["serve"], words].concat()).args.plan()
    }

    #[test]
    fn with_nothing_said_it_is_a_log_of_records_on_loopback() {
        let plan = plan(&[]).unwrap();
        assert_eq!((plan.data.as_path(), plan.listen), (Path::new(DATA), LISTEN));
        assert!(plan.listen.ip().is_loopback());
        assert_eq!(plan.settings.publish_every, Duration::from_secs(1));
        assert_eq!(plan.settings.cache_bytes, 64 << 20);
        assert_eq!(plan.settings.admission, Admission::Tokens);
    }

    #[test]
    fn other_machines_only_under_tokens_and_only_where_tls_is_said_to_end_in_front() {
        let admission = |words: &[&str]| plan(words).map(|plan| plan.settings.admission);
        for (words, why) in [
            (&["--listen", "0.0.0.0:1"][..], "--behind-tls-proxy"),
            (&["--listen", "[::]:1"], "--behind-tls-proxy"),
            (&["--listen", "0.0.0.0:1", "--open"], "--open is for loopback"),
        ] {
            let refused = admission(words).unwrap_err();
            assert!(refused.words.contains(why), "{}", refused.words);
        }
        assert_eq!(admission(&["--listen", "0.0.0.0:1", "--behind-tls-proxy"]).unwrap(), Admission::Tokens);
        assert_eq!(admission(&["--listen", "[::1]:1"]).unwrap(), Admission::Tokens);
        assert_eq!(admission(&["--listen", "127.0.0.2:1", "--open"]).unwrap(), Admission::Open);
    }

    #[test]
    fn an_option_wins_over_the_file_and_the_file_over_the_default() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("c.toml");
        let written = "data = \"/d\"\nkind = \"raw\"\npublish_every = 0.5\norigin = \"example.org/log\"\ncache_mb = 9\n";
        std::fs::write(&file, written).unwrap();
        let plan_of = |more: &[&str]| plan(&[&["--config", file.to_str().unwrap()], more].concat());
        let plan = plan_of(&["--data", "/e"]).unwrap();
        assert_eq!(plan.data, Path::new("/e"));
        assert_eq!(plan.wanted.kind, Some(Kind::Raw));
        assert_eq!(plan.wanted.origin.unwrap().as_str(), "example.org/log");
        assert_eq!(plan.settings.publish_every, Duration::from_millis(500));
        assert_eq!(plan.settings.cache_bytes, 9 << 20);
        for (bad, why) in [
            ("lisen = \"x\"", "unknown field"),
            ("publish_every = 0", "between"),
            ("origin = \"a b\"", "origin"),
            ("kind = \"both\"", "unknown variant"),
        ] {
            std::fs::write(&file, bad).unwrap();
            let refused = plan_of(&[]).unwrap_err();
            assert!(refused.words.contains(why), "{bad}: {}", refused.words);
        }
    }
}
