//! A log under test, beside the model of what it has to be.
//!
//! [`TestLog::check`] reads the whole log back through its public reader and compares it with the model: every
//! signature, tile, bundle, entry, proof and row. Call it after each step.

mod check;
mod model;
mod outside;
mod reference;
mod watched;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use sequencer::{
    Kind, Log, Options,
    ids::Outcome,
    log::Status,
    pool::{Answer, Limits, Refusal, Reply, Submission},
    reader::Reader,
    recover::RecoverError,
    witnesses::Witnessing,
};
use store::{FaultyStore, MemoryStore, SledOptions, SledStore, Store};
use tempfile::TempDir;
use testkit::keys::{self, TestKey};
use tlog::{checkpoint::SignedCheckpoint, key::Signer};
use tokio::sync::oneshot::{self, error::TryRecvError};

pub use model::{Made, Model};
pub use outside::{Observed, TestEvidence};
pub use watched::{At, Rules, Watched};

/// A publication that no test lives to see: only opening and closing publish.
pub const NEVER: Duration = Duration::from_hours(1);

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Where the log's bytes are.
pub enum Place {
    /// In memory, with faults on demand.
    Memory(Arc<FaultyStore<MemoryStore>>),
    /// In sled, in a directory that goes away with the test.
    Sled(TempDir),
}

/// How the log is set up.
pub struct Setup {
    pub kind: Kind,
    pub place: Place,
    pub evidence: TestEvidence,
    pub limits: Limits,
    pub publish_every: Duration,
    pub witnessing: Option<Witnessing>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            kind: Kind::Records,
            place: Place::Memory(Arc::new(FaultyStore::new(MemoryStore::new()))),
            evidence: TestEvidence::in_memory(),
            limits: Limits::default(),
            publish_every: NEVER,
            witnessing: None,
        }
    }
}

impl Setup {
    /// Everything on disk: sled, and the head in a file.
    pub fn on_disk() -> Self {
        let dir = TempDir::new().unwrap();
        Self { evidence: TestEvidence::in_file(dir.path()), place: Place::Sled(dir), ..Self::default() }
    }
}

/// A log, its surroundings, and its model.
pub struct TestLog {
    pub setup: Setup,
    pub key: TestKey,
    pub model: Model,
    pub observed: Arc<Observed>,
    rules: Arc<Rules>,
    /// Every checkpoint that anybody was ever shown, by size.
    seen: Mutex<BTreeMap<u64, String>>,
    open: Option<(Log, Arc<Watched>)>,
}

impl TestLog {
    /// A log in memory, open and empty.
    pub fn new() -> Self {
        Self::with(Setup::default())
    }

    /// A log that is open and empty.
    pub fn with(setup: Setup) -> Self {
        let mut log = Self::closed(setup);
        log.open().unwrap();
        log
    }

    /// A log that was not created yet.
    pub fn closed(setup: Setup) -> Self {
        let rules = Arc::new(Rules::default());
        let observed = Arc::new(Observed::new(setup.evidence.clone(), rules.violations.clone()));
        let (model, seen) = (Model::new(), Mutex::default());
        Self { setup, key: keys::LOG, model, observed, rules, seen, open: None }
    }

    /// Opens the log as it is found.
    pub fn open(&mut self) -> Result<(), RecoverError> {
        assert!(self.open.is_none());
        let inner: Arc<dyn Store> = match &self.setup.place {
            Place::Memory(store) => store.clone(),
            Place::Sled(dir) => {
                Arc::new(SledStore::open(&dir.path().join("store"), &SledOptions::default()).unwrap())
            }
        };
        let store = Arc::new(Watched::new(inner, self.rules.clone()));
        let options = Options {
            limits: self.setup.limits,
            publish_every: self.setup.publish_every,
            observer: self.observed.clone(),
            witnessing: self.setup.witnessing.clone(),
        };
        let evidence = Box::new(self.setup.evidence.clone());
        let log = Log::open(store.clone(), self.setup.kind, self.signer(), evidence, options)?;
        self.open = Some((log, store));
        Ok(())
    }

    /// Closes the log in good order, and lets go of its store.
    pub fn close(&mut self) {
        if let Some((log, _)) = self.open.take() {
            log.close();
        }
    }

    /// Closes and opens it, as after a crash that the store survived.
    pub fn restart(&mut self) {
        self.close();
        if let Place::Memory(store) = &self.setup.place {
            store.reopen();
        }
        self.open().unwrap();
    }

    pub fn log(&self) -> &Log {
        &self.open.as_ref().expect("the log is open").0
    }

    pub fn store(&self) -> &Watched {
        &self.open.as_ref().expect("the log is open").1
    }

    /// The store's faults.
    pub fn faults(&self) -> &FaultyStore<MemoryStore> {
        match &self.setup.place {
            Place::Memory(store) => store,
            Place::Sled(_) => panic!("sled has its own"),
        }
    }

    pub fn reader(&self) -> Reader {
        self.log().reader()
    }

    pub fn size(&self) -> u64 {
        self.reader().committed().head().size
    }

    pub fn status(&self) -> Status {
        self.log().status()
    }

    pub fn signer(&self) -> Signer {
        signer(self.key)
    }

    /// Hands a group in, without waiting.
    pub fn send(&self, group: &[Made]) -> Result<oneshot::Receiver<Reply>, Refusal> {
        self.log().submit(submissions(group))
    }

    /// Hands a group in and waits. The model is left alone.
    pub fn try_submit(&self, group: &[Made]) -> Reply {
        answer(self.send(group)?)
    }

    /// Hands submissions in and waits. The model is left alone.
    pub fn try_submissions(&self, submissions: Vec<Submission>) -> Reply {
        answer(self.log().submit(submissions)?)
    }

    /// Logs a group, and demands that its outcomes are the model's.
    pub fn submit(&mut self, group: &[Made]) -> Vec<Outcome> {
        let reply = self.try_submit(group);
        self.settle(group, reply)
    }

    /// Logs several groups in one commit. One entry more is logged before them, to keep the writer busy.
    pub fn submit_as_one_commit(&mut self, plug: &Made, groups: &[Vec<Made>]) -> Vec<Reply> {
        let replies = self.try_as_one_commit(plug, groups);
        let plug = std::slice::from_ref(plug);
        for (group, reply) in std::iter::once(plug).chain(groups.iter().map(Vec::as_slice)).zip(&replies) {
            self.settle(group, reply.clone());
        }
        replies
    }

    /// The replies to the plug and to the groups; the model is left alone.
    pub fn try_as_one_commit(&self, plug: &Made, groups: &[Vec<Made>]) -> Vec<Reply> {
        self.store().hold(At::Start);
        let first = self.send(std::slice::from_ref(plug)).unwrap();
        self.store().wait_until_held();
        let others: Vec<_> = groups.iter().map(|group| self.send(group).unwrap()).collect();
        self.store().release();
        std::iter::once(first).chain(others).map(answer).collect()
    }

    /// Takes a good reply into the model.
    pub fn settle(&mut self, group: &[Made], reply: Reply) -> Vec<Outcome> {
        let Answer { outcomes, committed } = reply.expect("the group is logged");
        assert_eq!(outcomes, self.model.log(group), "the outcomes of the group");
        self.see(&committed.checkpoint);
        let beyond = outcomes.iter().find(|outcome| outcome.index() >= committed.head().size);
        assert_eq!(beyond, None, "the checkpoint of an answer covers each of its indexes");
        outcomes
    }

    /// Remembers a checkpoint. Two of one size are the same but for what others signed, or the log has forked.
    fn see(&self, checkpoint: &SignedCheckpoint) {
        let own = checkpoint.signatures().iter().filter(|line| line.name() == checkpoint.origin());
        let own =
            format!("{}\n{}", checkpoint.checkpoint(), own.map(ToString::to_string).collect::<String>());
        let before = self.seen.lock().insert(checkpoint.size(), own.clone());
        let same = before.is_none_or(|before| before == own);
        assert!(same, "two checkpoints of size {}: the log has forked", checkpoint.size());
    }
}

impl Drop for TestLog {
    /// A test that fails while a commit is held must not wait for it.
    fn drop(&mut self) {
        if let Some((_, store)) = &self.open {
            store.release();
        }
    }
}

/// Waits for a reply. Every group is answered, and soon: a test that waits for ever is of no use.
pub fn answer(mut receiver: oneshot::Receiver<Reply>) -> Reply {
    let (start, mut pause) = (Instant::now(), Duration::from_micros(10));
    loop {
        match receiver.try_recv() {
            Ok(reply) => return reply,
            Err(TryRecvError::Closed) => panic!("a group was dropped without an answer"),
            Err(TryRecvError::Empty) => assert!(start.elapsed() < PATIENCE, "a group was not answered"),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(2));
    }
}

/// What goes into the pool.
pub fn submissions(group: &[Made]) -> Vec<Submission> {
    group.iter().map(Made::submission).collect()
}

pub fn signer(key: TestKey) -> Signer {
    Signer::from_seed(key.name.parse().unwrap(), &key.seed)
}
