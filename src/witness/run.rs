//! `deedbook witness run`: a witness, made if need be, and served until it is told to stop.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use follower::witness::service::Witness;
use sequencer::DataDirectory;
use serde::Serialize;
use server::limits::Timeouts;
use server::{Capacity, SystemClock, Tls, witness};
use tlog::key::{KeyName, VerifierKey};
use tokio::net::TcpListener;

use super::PlaceArgs;
use super::answered;
use super::chores::{Chores, EVERY};
use super::directory::{self, Home, RunningAt};
use super::forks::Copies;
use super::list::Watched;
use crate::cli::{Failure, Verdict};
use crate::fsck::off_thread;
use crate::place::raise_descriptor_limit;
use crate::print::{Printer, Table, remark, things};
use crate::serve::{self, DoorArgs, Stop};

/// Where it listens if nobody says.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2027);

/// Run a witness; makes it at the first start
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    deedbook witness run --data /var/lib/witness --name witness.example.org/w1\n  \
    deedbook witness run --data /var/lib/witness --url https://witness.example.org/w1\n\n\
    Keys are made at the first start, for their owner's eyes alone: Ed25519, and with --ml-dsa a second one that outlives\n\
    quantum computers and signs subtrees too. It cosigns for the logs on its list (deedbook witness enrol). Without --listen\n\
    it listens on 127.0.0.1:2027. What goes over the wire is signed and no secret, so a witness may be reached without TLS.\n\
    Ctrl-C or SIGTERM: requests under way are answered.")]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
    /// A new witness's name, for good: a URL prefix without scheme, such as witness.example.org/w1
    #[arg(long, value_name = "NAME", env = "DEEDBOOK_WITNESS_NAME")]
    name: Option<KeyName>,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", env = "DEEDBOOK_WITNESS_LISTEN", default_value_t = LISTEN)]
    listen: SocketAddr,
    /// Have a second key, ML-DSA-44 (FIPS 204), from now on
    #[arg(long, env = "DEEDBOOK_WITNESS_ML_DSA")]
    ml_dsa: bool,
    /// The URL under which others reach it, such as that of a proxy in front: for what is printed, the line for policies
    /// among it, and for deedbook witness logs, which asks there if the witness serves TLS
    #[arg(long, value_name = "URL", env = "DEEDBOOK_WITNESS_URL")]
    url: Option<String>,
    #[command(flatten)]
    door: DoorArgs,
}

/// What a program is told at the start.
#[derive(Debug, Serialize)]
struct Running<'a> {
    name: &'a str,
    vkeys: Vec<String>,
    /// Where it listens.
    url: &'a str,
    /// Where others reach it: the submission prefix and the monitoring prefix.
    prefix: &'a str,
    logs: usize,
    /// Logs that it ever cosigned for.
    answered_for: usize,
    forks: usize,
    data: &'a Path,
    new: bool,
}

/// A witness that is opened and not served yet.
struct Opened {
    app: Arc<witness::App>,
    list: Watched,
    copies: Copies,
    /// Held as long as it runs.
    directory: DataDirectory,
    name: KeyName,
    new: bool,
}

pub(super) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    // Before anything else can listen for them: a signal during the opening is not lost.
    let mut stop = Stop::new()?;
    let connections_max = args.door.connections_max;
    let tls = args.door.tls()?;
    let listener = serve::listen(args.listen)
        .map_err(|error| Failure::could_not_tell(format!("cannot listen on {}: {error}", args.listen)))?;
    raise_descriptor_limit();
    let (data, name, ml_dsa) = (args.place.data, args.name, args.ml_dsa);
    let opened = off_thread(move || open(&data, name.as_ref(), ml_dsa)).await??;
    let address = listener.local_addr().map_err(Failure::could_not_tell)?;
    let url = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
    directory::note_running(&opened.directory, &RunningAt { url: url.clone(), public: args.url.clone() })?;
    opened.say(&url, args.url.as_deref(), printer);
    opened.serve(listener, connections_max, tls, stop.wait()).await
}

fn open(data: &Path, name: Option<&KeyName>, ml_dsa: bool) -> Result<Opened, Failure> {
    let home = Home::open(&directory::WITNESS, data, name, ml_dsa)?;
    let (name, new) = (home.name.clone(), home.new);
    let (list, enrolled) = Watched::open(data)?;
    let (keeper, keys, directory) = home.into_parts()?;
    let witness = Witness::new(keeper, keys, enrolled).rationed();
    let app = witness::App::new(witness, Arc::new(SystemClock), witness::Metrics::new(), Timeouts::default());
    let mut copies = Copies::new(data);
    copies.make(app.witness().keeper())?;
    Ok(Opened { app, list, copies, directory, name, new })
}

impl Opened {
    /// Serves it until it is told to stop.
    async fn serve(
        self,
        listener: TcpListener,
        connections_max: Option<u32>,
        tls: Option<Tls>,
        stop: impl Future<Output = ()>,
    ) -> Result<Verdict, Failure> {
        let capacity = Capacity::of_this_process().at_most(connections_max);
        let app = self.app;
        let chores = Chores::new(self.directory.path(), self.list, self.copies);
        let (stop_looking, stopped) = tokio::sync::oneshot::channel::<()>();
        let looking = tokio::spawn(chores.look_after(app.clone(), EVERY, async {
            // Gone is as good as told.
            let _ = stopped.await;
        }));
        let router = witness::routes::router(app.clone());
        server::serve(listener, router, app.metrics().clone(), capacity, tls, stop).await;
        drop(stop_looking);
        looking.await.map_err(Failure::could_not_tell)?;
        let directory = self.directory;
        let logs = off_thread(move || {
            let keeper = app.witness().keeper();
            answered::close(directory.path(), keeper).map(|()| keeper.counts().logs)
        })
        .await??;
        remark(&format!("stopped; {} cosigned for, all of it durable", things(logs as u64, "log", "logs")));
        Ok(Verdict::Holds)
    }

    fn say(&self, url: &str, public: Option<&str>, printer: Printer) {
        let witness = self.app.witness();
        let vkeys: Vec<String> = witness.verifier_keys().map(VerifierKey::to_string).collect();
        let (counts, prefix) = (witness.keeper().counts(), public.unwrap_or(url));
        let told = Running {
            name: self.name.as_str(),
            url,
            prefix,
            logs: witness.enrolled().logs().len(),
            answered_for: counts.logs,
            forks: counts.contradictions,
            data: self.directory.path(),
            new: self.new,
            vkeys,
        };
        let data = told.data.display();
        let table = Table::default()
            .maybe(
                "FORKS",
                (counts.contradictions > 0)
                    .then(|| format!("{} kept (deedbook witness forks)", counts.contradictions)),
            )
            .row("data", format!("{data}{}", if self.new { " (a new witness)" } else { "" }))
            .row("logs", format!("{} on the list {data}/logs", told.logs))
            .row("keys", told.vkeys.join("\n"))
            .row("submission", format!("{prefix}/add-checkpoint"))
            .row("monitoring", format!("{prefix}/HASH/checkpoint (HASH: SHA-256 of a log's origin)"))
            .maybe(
                "in a policy",
                told.vkeys.first().map(|vkey| format!("witness {} {vkey} {prefix}", self.name)),
            );
        printer.told("witnessing", &format!("{}, listening on {url}", self.name), &table, &told);
    }
}
