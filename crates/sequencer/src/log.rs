//! A log that is open: its parts, and what holds them together.

use std::{
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::Store;
use tlog::{
    Head,
    checkpoint::SignedCheckpoint,
    integrate::Edge,
    key::{KeyName, VerifierKey},
};
use tokio::sync::{oneshot, watch};

use crate::{
    keys::LogKeys,
    pool::{Limits, Pool, Refusal, Reply, Submission},
    publisher::{Bell, Evidence, Publisher},
    reader::Reader,
    recover::{self, RecoverError, Standing},
    witnesses::{WhenUnwitnessed, Witnessing},
    writer,
};

/// What a log takes. Decided when it is created, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Audit records, each in an envelope that the server makes.
    Records,
    /// Whatever bytes are posted. Nobody can tell such an entry from an envelope, hence never both in one log.
    Raw,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Records => "records",
            Self::Raw => "raw",
        })
    }
}

/// What the log is; kept in its store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogIdentity {
    /// Version of what is in the store: 1.
    pub format: u32,
    /// Name of the log, and of its key.
    pub origin: String,
    /// What it takes.
    pub kind: Kind,
}

/// A state of the log that is durable: the head, signed, and the growing edge that belongs to it.
#[derive(Debug)]
pub struct Committed {
    /// The signed head.
    pub checkpoint: SignedCheckpoint,
    /// What is in no full tile or bundle yet.
    pub edge: Edge,
}

impl Committed {
    /// Size and root.
    pub fn head(&self) -> Head {
        self.checkpoint.head()
    }
}

/// How a log is run.
#[derive(Clone)]
pub struct Options {
    /// Bounds of the pool and of a commit.
    pub limits: Limits,
    /// How often the public checkpoint moves.
    pub publish_every: Duration,
    /// Who is told what happened.
    pub observer: Arc<dyn Observer>,
    /// Who is asked to cosign what is published; without, the log's word alone is.
    pub witnessing: Option<Witnessing>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            publish_every: Duration::from_secs(1),
            observer: Arc::new(Silent),
            witnessing: None,
        }
    }
}

/// Is told what the log did; for metrics. Called on the log's own threads: it must not block.
pub trait Observer: Send + Sync {
    /// A commit took place.
    fn committed(&self, commit: &Commit);
    /// The public checkpoint moved, or was confirmed.
    fn published(&self, checkpoint: &SignedCheckpoint);
    /// The log stopped writing, for this reason.
    fn failed(&self, why: &str);
}

/// What one commit did.
#[derive(Clone, Copy, Debug)]
pub struct Commit {
    /// New entries.
    pub entries: u64,
    /// Bytes of the new entries.
    pub bytes: u64,
    /// Submissions that were there already.
    pub duplicates: u64,
    /// Submissions refused because other bytes stand under their id.
    pub conflicts: u64,
    /// Size of the log after it.
    pub size: u64,
    /// From taking the batch out of the pool until it was durable.
    pub took: Duration,
    /// Of that, the store's part: writing and syncing.
    pub store_took: Duration,
}

struct Silent;

impl Observer for Silent {
    fn committed(&self, _: &Commit) {}
    fn published(&self, _: &SignedCheckpoint) {}
    fn failed(&self, _: &str) {}
}

/// Whether the log takes entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Writing,
    /// It does not, and signs nothing: since it was opened, or since its witnesses said that they have seen more.
    ReadOnly(Standing),
    /// It has stopped after a failure.
    Failed(String),
    /// It was closed.
    Closed,
}

/// What all threads of a log share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) identity: LogIdentity,
    pub(crate) vkey: VerifierKey,
    pub(crate) key_history: Option<Bytes>,
    pub(crate) keys_since: Vec<(u64, VerifierKey)>,
    pub(crate) pool: Pool,
    pub(crate) committed: ArcSwap<Committed>,
    pub(crate) published: watch::Sender<SignedCheckpoint>,
    /// The newest checkpoint that enough witnesses have cosigned.
    pub(crate) witnessed: watch::Sender<Option<SignedCheckpoint>>,
    pub(crate) when_unwitnessed: Option<WhenUnwitnessed>,
    pub(crate) status: ArcSwap<Status>,
    pub(crate) observer: Arc<dyn Observer>,
    /// The async threads that the log was opened from, if it was.
    pub(crate) runtime: Option<tokio::runtime::Handle>,
}

impl Shared {
    /// Stops writing for good.
    pub(crate) fn fail(&self, why: &str) {
        tracing::error!(why, "the log stops writing");
        self.status.store(Arc::new(Status::Failed(why.into())));
        self.pool.close("it failed, and has to be started again; its operator's log says why");
        self.observer.failed(why);
    }

    /// Signs nothing any more: it would be a fork, as far as one can tell. What waits in the pool is refused by the writer.
    pub(crate) fn stand_down(&self, standing: Standing) {
        let why = standing.to_string();
        tracing::error!(why, "the log stops writing");
        self.status.store(Arc::new(Status::ReadOnly(standing)));
        self.pool.close(&why);
        self.observer.failed(&why);
    }
}

/// An open log. Closing it ([`Log::close`]) drains what was accepted; dropping it does the same.
pub struct Log {
    shared: Arc<Shared>,
    bell: Arc<Bell>,
    threads: Mutex<Option<(JoinHandle<()>, JoinHandle<()>)>>,
}

impl Log {
    /// Opens the log in a store, or creates it there.
    ///
    /// `evidence` remembers the newest published checkpoint outside the store. A log that does not stand where all
    /// evidence says is opened for reading only: see [`Status::ReadOnly`]. Witnesses are asked before this returns.
    pub fn open(
        store: Arc<dyn Store>,
        kind: Kind,
        keys: impl Into<LogKeys>,
        evidence: Box<dyn Evidence>,
        options: Options,
    ) -> Result<Self, RecoverError> {
        let keys = keys.into();
        let opened = recover::open(&*store, kind, &keys, &*evidence)?;
        let published = match &options.witnessing {
            Some(_) => recover::published(&*store, &opened, &keys, &*evidence)?,
            None => opened.committed.checkpoint.clone(),
        };
        let writing = opened.standing == Standing::Good;
        let status = if writing { Status::Writing } else { Status::ReadOnly(opened.standing.clone()) };
        let shared = Arc::new(Shared {
            store,
            identity: opened.identity,
            vkey: keys.vkey().clone(),
            key_history: keys.history().cloned(),
            keys_since: keys.since().to_owned(),
            pool: Pool::new(options.limits),
            published: watch::Sender::new(published.clone()),
            witnessed: watch::Sender::new(None),
            when_unwitnessed: options.witnessing.as_ref().map(|witnessing| witnessing.when_unwitnessed),
            committed: ArcSwap::from_pointee(opened.committed),
            status: ArcSwap::from_pointee(status),
            observer: options.observer,
            runtime: tokio::runtime::Handle::try_current().ok(),
        });
        let bell = Arc::new(Bell::default());
        let mut threads = None;
        if writing {
            let publisher = Publisher::new(shared.clone(), evidence, options.witnessing);
            publisher.begin(&published).map_err(RecoverError::Evidence)?;
            threads = Some((
                spawn("writer", {
                    let shared = shared.clone();
                    move || writer::run(&shared, &keys)
                })?,
                spawn("publisher", {
                    let bell = bell.clone();
                    move || publisher.run(options.publish_every, &bell)
                })?,
            ));
        } else {
            shared.pool.close(&opened.standing.to_string());
        }
        Ok(Self { shared, bell, threads: Mutex::new(threads) })
    }

    /// Hands in entries to be logged together. The answer comes when they are durable; nothing is promised before.
    pub fn submit(&self, submissions: Vec<Submission>) -> Result<oneshot::Receiver<Reply>, Refusal> {
        self.shared.pool.put(submissions)
    }

    /// A way to read the log.
    pub fn reader(&self) -> Reader {
        Reader::new(self.shared.clone())
    }

    /// Whether it takes entries.
    pub fn status(&self) -> Status {
        (**self.shared.status.load()).clone()
    }

    /// Entries waiting for a commit.
    pub fn waiting(&self) -> usize {
        self.shared.pool.waiting()
    }

    /// Takes no more entries, commits and publishes what was accepted, and answers how long that took.
    pub fn close(&self) -> Duration {
        let start = Instant::now();
        self.shared.pool.close("it is shutting down");
        if let Some((writer, publisher)) = self.threads.lock().take() {
            // A thread that panicked has nothing left to drain.
            let _ = writer.join();
            self.bell.ring();
            let _ = publisher.join();
        }
        if self.status() == Status::Writing {
            self.shared.status.store(Arc::new(Status::Closed));
        }
        start.elapsed()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, RecoverError> {
    std::thread::Builder::new().name(name.into()).spawn(body).map_err(RecoverError::Thread)
}

impl LogIdentity {
    /// A log of the present format.
    pub fn new(origin: &KeyName, kind: Kind) -> Self {
        Self { format: recover::FORMAT, origin: origin.to_string(), kind }
    }

    /// The bytes in the store.
    pub(crate) fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}
