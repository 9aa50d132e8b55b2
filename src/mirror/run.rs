//! `deedbook mirror run`: a mirror, made if need be, that follows its logs and serves their copies until it is told to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::monitor::run::Watched;
use follower::mirror::files::{Directory, Files};
use follower::mirror::log::OpenError;
use follower::mirror::service::Mirror;
use follower::witness::keeper::{Keeper, OriginId};
use sequencer::DataDirectory;
use serde::Serialize;
use server::mirror::Entries;
use server::{Capacity, Tls, mirror};
use tlog::key::{KeyName, VerifierKey};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::follow::{self, Follower, Following};
use super::plan::{Args, Plan};
use super::pull::{Pull, Seen};
use super::standing::{self, Board};
use super::{logs, pushed};
use crate::audit::cores;
use crate::cli::{Failure, Verdict};
use crate::fsck::off_thread;
use crate::place::raise_descriptor_limit;
use crate::print::{Printer, Table, remark, things};
use crate::progress::Bar;
use crate::serve::{self, Stop};
use crate::witness::answered;
use crate::witness::chores::{Keeps, Kept};
use crate::witness::directory::{self, Home, MIRROR, RunningAt};
use crate::witness::forks::Copies;

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

pub(super) async fn run(args: Args, printer: Printer) -> Result<Verdict, Failure> {
    let mut plan = args.plan()?;
    // Before anything else can listen for them: a signal during the opening is not lost.
    let mut stop = Stop::new()?;
    let cannot = |error| Failure::could_not_tell(format!("cannot listen on {}: {error}", plan.listen));
    let listener = if plan.how.once { None } else { Some(serve::listen(plan.listen).map_err(cannot)?) };
    raise_descriptor_limit();
    let (data, name, ml_dsa, logs) = (plan.data.clone(), plan.name.clone(), plan.ml_dsa, plan.places());
    let opened = off_thread(move || open(&data, name.as_ref(), ml_dsa, &logs)).await??;
    let (stopping, stopped) = watch::channel(false);
    let Some(listener) = listener else {
        let following = opened.follow(&plan, printer, &stopped)?;
        return opened.once(following, stopping, stop.wait(), printer).await;
    };
    let (address, tls) = (listener.local_addr().map_err(Failure::could_not_tell)?, plan.tls.take());
    let url = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
    let at = RunningAt { url: url.clone(), public: plan.url.clone() };
    directory::note_running(&opened.directory, &at)?;
    opened.say(&plan, &url, printer);
    let following = opened.follow(&plan, printer, &stopped)?;
    opened.serve(&plan, listener, tls, stop.wait()).await;
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
    board.forget_others();
    Copies::new(data).make(mirror.keeper())?;
    Ok(Opened { mirror: Arc::new(mirror), board, directory, name, new })
}

/// Where the copy of a log is.
fn copy_of(data: &Path, origin: &KeyName) -> PathBuf {
    data.join("logs").join(OriginId::of(origin).to_string())
}

impl Opened {
    /// Follows each log, and copies what shows that one has forked to where people find it.
    fn follow(
        &self,
        plan: &Plan,
        printer: Printer,
        stop: &watch::Receiver<bool>,
    ) -> Result<Vec<Following>, Failure> {
        let one = |watched: &Watched| {
            let log = self.mirror.log(&OriginId::of(&watched.origin))?.clone();
            let pull = Pull {
                mirror: self.mirror.clone(),
                log,
                watched: watched.clone(),
                folder: copy_of(&plan.data, &watched.origin),
                threads: cores(),
                seen: Seen::new(plan.is_pushed(&watched.origin)),
            };
            // Several bars at once would write over each other.
            let bars = printer.bars && plan.logs.len() == 1;
            let bar = Bar::new(Printer { bars, ..printer }, "entries");
            let follower = Follower { pull, board: self.board.clone(), bar, how: plan.how };
            Some(follower.start(stop.clone()))
        };
        let all: std::io::Result<_> = plan.logs.iter().filter_map(one).collect();
        all.map_err(|error| Failure::could_not_tell(format!("there is no thread for each log: {error}")))
    }

    /// Waits until every log was looked at, or until it is told to stop.
    async fn once(
        self,
        following: Vec<Following>,
        stopping: watch::Sender<bool>,
        stop: impl Future<Output = ()>,
        printer: Printer,
    ) -> Result<Verdict, Failure> {
        let mut all = std::pin::pin!(follow::all(following));
        let verdict = tokio::select! {
            verdict = &mut all => verdict?,
            () = stop => {
                let _ = stopping.send(true);
                all.await?.max(Verdict::CouldNotTell)
            }
        };
        if printer.json {
            logs::tell(&standing::noted(self.directory.path())?);
        }
        self.end().await.map(|_| verdict)
    }

    /// Serves the copies until it is told to stop.
    async fn serve(
        &self,
        plan: &Plan,
        listener: TcpListener,
        tls: Option<Tls>,
        stop: impl Future<Output = ()>,
    ) {
        let app = pushed::app(plan, &self.mirror, &self.board).await;
        let data = self.directory.path();
        let (served, ended) = oneshot::channel::<()>();
        let until = async move {
            // Gone is as good as ended.
            let _ = ended.await;
        };
        let looking = tokio::spawn(Kept::new(data, Copies::new(data)).look_after(self.mirror.clone(), until));
        let noting =
            tokio::spawn(pushed::look_after(self.mirror.clone(), self.board.clone(), plan.only_pushed()));
        let capacity = Capacity::of_this_process().at_most(plan.connections_max);
        let router = mirror::routes::router(app.clone());
        server::serve(listener, router, app.metrics().clone(), capacity, tls, stop).await;
        drop(served);
        // What has panicked in there was told by the panic itself.
        let _ = looking.await;
        noting.abort();
    }

    /// What was kept is durable already; the store is closed in order.
    async fn end(self) -> Result<Verdict, Failure> {
        let (mirror, data) = (self.mirror, self.directory.path().to_owned());
        let (whole, lacking) = off_thread(move || {
            let keeper = mirror.keeper();
            let copied = Copies::new(&data).make(keeper);
            let noted = answered::close(&data, keeper);
            let shown = mirror.logs().filter(|(_, log)| log.shown().is_some());
            let (whole, lacking): (Vec<_>, Vec<_>) = shown.partition(|(_, log)| log.is_whole());
            copied.and(noted).map(|()| (whole.len() as u64, lacking.len() as u64))
        })
        .await??;
        drop(self.directory);
        let whole = format!("stopped; {} held whole, all of it durable", things(whole, "log", "logs"));
        match lacking {
            0 => remark(&whole),
            _ => remark(&format!("{whole}; {} with damaged files", things(lacking, "log", "logs"))),
        }
        Ok(Verdict::Holds)
    }

    fn say(&self, plan: &Plan, url: &str, printer: Printer) {
        let prefix = plan.url.as_deref().unwrap_or(url);
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

impl Keeps for Arc<Mirror> {
    fn keeper(&self) -> &Keeper {
        Mirror::keeper(self)
    }
}
