//! A monitor that runs: each log is watched by a task of its own, which is the only one that changes what is known of it.
//!
//! The task is handed what happened ([`Input`]), lets the watch judge it, keeps fork proofs and then the memory on the disk,
//! and only then lets anybody know: a monitor that is killed has told nothing that it does not remember. Reading, proving,
//! printing and telling are jobs beside it, so that none of them holds it up.

mod exchange;
mod jobs;
mod judging;
mod log;
mod readers;
mod telling;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use client::Source;
use client::follow::Changes;
use client::webhook::Webhook;
use follower::witness::keeper::OriginId;
use parking_lot::RwLock;
use tlog::key::KeyName;
use tlog::policy::Policy;
use tokio::sync::{Semaphore, mpsc, oneshot, watch as signal};
use tokio::task::JoinSet;

use crate::event::{Event, Millis};
use crate::heard::{Heard, Trust};
use crate::keep::{Keep, KeepError, LogKeep};
use crate::watch::{Input, Limits, Memory, MemoryError, Taken, Watch, Whom};

use readers::Readers;

pub use exchange::Partner;
pub use telling::Print;

/// Mails that may wait for the task of a log.
const MAILS_MAX: usize = 1_024;

/// How logs are watched.
#[derive(Clone)]
pub struct Options {
    /// Times by which a watch judges.
    pub limits: Limits,
    /// Between two looks at a log.
    pub poll: Duration,
    /// Threads that hash the entries of one log; as many carry what waits for all logs.
    pub threads: NonZeroUsize,
    /// Who is told of what is wrong.
    pub webhooks: Vec<Webhook>,
    /// With whom heads are exchanged.
    pub partners: Vec<Partner>,
    /// Between two exchanges.
    pub gossip_every: Duration,
    /// Where events are printed.
    pub print: Arc<dyn Print>,
    /// Apply the rules to logs of records. What they remember grows with the calls and sessions of the log.
    pub findings: bool,
    /// Stop as soon as all that the logs show now is verified.
    pub once: bool,
    /// How long webhooks may take then, when all else is done.
    pub hooks_patience: Duration,
    /// Milliseconds since 1970.
    pub clock: Arc<dyn Fn() -> Millis + Send + Sync>,
}

/// A log to be watched.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Its name.
    pub origin: KeyName,
    /// Where it is read.
    pub source: Source,
    /// What its checkpoint must satisfy.
    pub policy: Policy,
    /// Whether changes of its key are followed.
    pub changes: Changes,
}

/// Why a monitor does not start, or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// Its directory.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// What is remembered is of another log.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// Two of the logs have one name.
    #[error("{0} is to be watched twice; one place for each log is enough")]
    Twice(KeyName),
    /// Events cannot be printed.
    #[error("events cannot be printed: {0}")]
    Print(#[source] std::io::Error),
    /// There are no threads for reading logs.
    #[error("no threads to read logs on: {0}")]
    Threads(#[source] std::io::Error),
    /// A task ended by itself.
    #[error("the watch of a log ended: {0}")]
    Ended(String),
}

/// Something for the task of a log.
pub(crate) enum Mail {
    /// It happened.
    Input(Input),
    /// The log was looked at; whom to believe since, if that has changed.
    Looked { input: Input, followed: Option<Box<jobs::Followed>> },
    /// Somebody handed on a head, and may wait for an answer.
    Heard { heard: Heard, from: Whom, reply: Option<oneshot::Sender<Taken>> },
    /// Heads were exchanged with somebody.
    Exchanged(exchange::Exchanged),
    /// Entries were judged by the rules.
    Judged(judging::Judged),
    /// Events up to this number were printed, or could not be.
    Printed(Result<u64, std::io::Error>),
    /// A webhook has taken the event of this number, or has not.
    Hook { at: usize, taken: Option<u64> },
}

/// What others may see of a log that is watched. Cheap to clone.
#[derive(Clone)]
pub struct LogHandle {
    id: OriginId,
    keep: LogKeep,
    mails: mpsc::Sender<Mail>,
    shared: Arc<RwLock<Shared>>,
}

/// What the task shows, after each change that is durable.
pub(crate) struct Shared {
    pub(crate) memory: Arc<Memory>,
    pub(crate) trust: Arc<Trust>,
    /// Entries hashed since the start.
    pub(crate) hashed: u64,
}

/// All logs that are watched.
pub struct Monitor {
    handles: BTreeMap<OriginId, LogHandle>,
    tasks: JoinSet<Result<(), MonitorError>>,
    stop: signal::Sender<bool>,
    readers: Arc<Readers>,
    /// Held as long as logs are watched.
    keep: Keep,
}

impl LogHandle {
    /// SHA-256 of its origin.
    pub fn id(&self) -> OriginId {
        self.id
    }

    /// What is known of it, durably.
    pub fn memory(&self) -> Arc<Memory> {
        self.shared.read().memory.clone()
    }

    /// Whom the monitor believes about it.
    pub fn trust(&self) -> Arc<Trust> {
        self.shared.read().trust.clone()
    }

    /// Entries hashed since the start.
    pub fn hashed(&self) -> u64 {
        self.shared.read().hashed
    }

    /// A fork proof that is kept under this name. Blocks on the disk.
    pub fn proof(&self, name: &str) -> Option<String> {
        self.memory().proofs().contains(&name).then(|| self.keep.proof(name))?
    }

    /// Hands on a head; what it is taken for. `None`: the monitor is too busy, or stopping.
    pub async fn hand_in(&self, heard: Heard, from: Whom) -> Option<Taken> {
        let (reply, taken) = oneshot::channel();
        self.mails.try_send(Mail::Heard { heard, from, reply: Some(reply) }).ok()?;
        taken.await.ok()
    }
}

impl Monitor {
    /// Starts to watch. Belongs into an async runtime.
    ///
    /// # Errors
    /// The directory cannot be used, or what it remembers is of another log; no threads.
    pub fn start(keep: Keep, logs: Vec<Watched>, options: &Options) -> Result<Self, MonitorError> {
        let (stop, stopping) = signal::channel(false);
        let readers = Arc::new(Readers::start(options.threads).map_err(MonitorError::Threads)?);
        let shares = log::Shares { readers: readers.clone(), printing: Arc::new(Semaphore::new(1)) };
        let mut monitor = Self { handles: BTreeMap::new(), tasks: JoinSet::new(), stop, readers, keep };
        let mut ready = vec![];
        for watched in logs {
            let id = OriginId::of(&watched.origin);
            if monitor.handles.contains_key(&id) {
                return Err(MonitorError::Twice(watched.origin));
            }
            let folder = monitor.keep.log(&watched.origin)?;
            let known = if watched.changes == Changes::Followed { folder.keys()? } else { None };
            let trust = jobs::trust(&watched, known.as_ref());
            let watch = Watch::new(trust.clone(), options.limits, folder.memory()?)?;
            let shared =
                Shared { memory: Arc::new(watch.memory().clone()), trust: Arc::new(trust), hashed: 0 };
            let shared = Arc::new(RwLock::new(shared));
            let (mails, inbox) = mpsc::channel(MAILS_MAX);
            let handle = LogHandle { id, keep: folder.clone(), mails: mails.clone(), shared };
            monitor.handles.insert(id, handle.clone());
            let (watched, options, shares) = ((watched, known), options.clone(), shares.clone());
            ready.push(log::Log::new(watch, watched, folder, handle, inbox, options, shares));
        }
        for log in ready {
            monitor.tasks.spawn(log.run(stopping.clone()));
        }
        Ok(monitor)
    }

    /// The logs that are watched.
    pub fn logs(&self) -> impl Iterator<Item = &LogHandle> {
        self.handles.values()
    }

    /// Watches until `stop` is done, or until nothing is left to do where that was wanted. All that was found is on the disk.
    ///
    /// # Errors
    /// The watch of a log cannot go on.
    pub async fn run(&mut self, stop: impl Future<Output = ()>) -> Result<(), MonitorError> {
        let mut stop = std::pin::pin!(stop);
        let mut stopped = false;
        loop {
            tokio::select! {
                () = &mut stop, if !stopped => {
                    stopped = true;
                    let _ = self.stop.send(true);
                }
                ended = self.tasks.join_next() => match ended {
                    None => return Ok(()),
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(error))) => {
                        let _ = self.stop.send(true);
                        return Err(error);
                    }
                    Some(Err(error)) => return Err(MonitorError::Ended(error.to_string())),
                },
            }
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.readers.stop();
    }
}

/// An event as it is printed and sent: one line of JSON, without its end.
pub(crate) fn line(event: &Event) -> String {
    // Strings and numbers: printing cannot fail.
    serde_json::to_string(event).unwrap_or_default()
}
