//! A log of raw entries that asks witnesses on real sockets, and what a test does to either.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use sequencer::{
    DataDirectory, Kind, Log,
    pool::Submission,
    reader::Reader,
    witnesses::{WhenUnwitnessed, Witnessing},
};
use store::MemoryStore;
use tempfile::TempDir;
use testkit::keys::{LOG, WITNESSES};
use tlog::{checkpoint::SignedCheckpoint, integrate::Entry, key::Signer, policy::Policy};
use tokio::runtime::Runtime;
use witnessing::{Cause, Observer, Options, Witnesses};

use crate::stand_in::StandIn;

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often the log publishes.
pub const EVERY: Duration = Duration::from_millis(20);

/// What the witnesses' observer heard.
#[derive(Default)]
pub struct Heard {
    pub failures: Mutex<Vec<(String, Cause)>>,
    pub rounds: Mutex<Vec<(Duration, bool)>>,
}

impl Observer for Heard {
    fn asked(&self, witness: &str, _: Duration, cause: Option<Cause>) {
        if let Some(cause) = cause {
            self.failures.lock().push((witness.to_owned(), cause));
        }
    }

    fn round(&self, took: Duration, met: bool) {
        self.rounds.lock().push((took, met));
    }
}

pub struct World {
    directory: TempDir,
    store: Arc<MemoryStore>,
    pub witnesses: Vec<StandIn>,
    /// The end of the policy, after the lines of log and witnesses.
    pub quorum: &'static str,
    pub when_unwitnessed: WhenUnwitnessed,
    pub timeout: Duration,
    pub refresh: Duration,
    pub every: Duration,
    pub heard: Arc<Heard>,
    runtime: Runtime,
    open: Option<(Log, Arc<Witnesses>)>,
    next: u64,
    /// Every checkpoint that was seen published.
    last: Option<SignedCheckpoint>,
}

pub fn signer() -> Signer {
    Signer::from_seed(LOG.name.parse().unwrap(), &LOG.seed)
}

impl World {
    /// A log that is not open yet, and three witnesses of which two are enough.
    pub fn new(when_unwitnessed: WhenUnwitnessed) -> Self {
        let log = signer().verifier_key().clone();
        Self {
            directory: tempfile::tempdir().unwrap(),
            store: Arc::new(MemoryStore::new()),
            witnesses: WITNESSES.iter().map(|key| StandIn::start(*key, &log)).collect(),
            quorum: "group g 2 w0 w1 w2\nquorum g\n",
            when_unwitnessed,
            timeout: Duration::from_millis(500),
            refresh: Duration::from_hours(1),
            every: EVERY,
            heard: Arc::default(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
            open: None,
            next: 0,
            last: None,
        }
    }

    /// The same, open.
    pub fn open_with(when_unwitnessed: WhenUnwitnessed) -> Self {
        let mut world = Self::new(when_unwitnessed);
        world.open();
        world
    }

    pub fn policy(&self) -> Policy {
        let lines = self.witnesses.iter().enumerate().map(|(place, it)| it.line(&format!("w{place}")));
        let text = format!("log {}\n{}{}", signer().verifier_key(), lines.collect::<String>(), self.quorum);
        Policy::parse(text.as_bytes()).unwrap()
    }

    pub fn open(&mut self) {
        assert!(self.open.is_none());
        let options = Options {
            timeout: self.timeout,
            refresh: self.refresh,
            authorities: None,
            observer: self.heard.clone(),
        };
        let (key, handle) = (signer().verifier_key().clone(), self.runtime.handle().clone());
        let witnesses = Arc::new(Witnesses::new(self.policy(), &key, options, handle).unwrap());
        let witnessing = Witnessing { cosigners: witnesses.clone(), when_unwitnessed: self.when_unwitnessed };
        let options = sequencer::Options {
            publish_every: self.every,
            witnessing: Some(witnessing),
            ..sequencer::Options::default()
        };
        let directory = DataDirectory::open(self.directory.path()).unwrap();
        let evidence = Box::new(directory.head_file());
        let log = Log::open(self.store.clone(), Kind::Raw, signer(), evidence, options).unwrap();
        self.open = Some((log, witnesses));
        self.look();
    }

    pub fn close(&mut self) {
        if let Some((log, _)) = self.open.take() {
            log.close();
        }
    }

    pub fn restart(&mut self) {
        self.close();
        self.open();
    }

    pub fn log(&self) -> &Log {
        &self.open.as_ref().unwrap().0
    }

    pub fn asking(&self) -> &Witnesses {
        &self.open.as_ref().unwrap().1
    }

    pub fn reader(&self) -> Reader {
        self.log().reader()
    }

    /// Logs so many entries; they are durable when this returns.
    pub fn submit(&mut self, entries: u64) -> u64 {
        let entry = |number: u64| Entry::new(format!("entry {number}").into()).unwrap();
        let group = (self.next..self.next + entries).map(|number| Submission::new(entry(number), None));
        let answer = self.log().submit(group.collect()).unwrap();
        answer.blocking_recv().unwrap().unwrap();
        self.next += entries;
        self.next
    }

    /// What is published; it never goes back, and where the public log is held it satisfies the policy.
    pub fn look(&mut self) -> SignedCheckpoint {
        let now = self.reader().published();
        if let Some(last) = self.last.replace(now.clone()) {
            assert!(
                last.size() <= now.size(),
                "the public log went back from {} to {}",
                last.size(),
                now.size()
            );
            if last.head() == now.head() {
                assert!(last.signatures().len() <= now.signatures().len(), "cosignatures went away");
            }
        }
        now
    }

    /// Waits until something holds, looking at what is published meanwhile.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            self.look();
            assert!(start.elapsed() < PATIENCE, "{what} did not happen; {:?}", self.asking().report());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until this size is witnessed and published; the note.
    pub fn witnessed(&mut self, size: u64) -> SignedCheckpoint {
        self.until(&format!("size {size} witnessed"), |world| {
            let note = world.reader().witnessed();
            note.is_some_and(|note| note.size() >= size && world.reader().published() == note)
        });
        let note = self.reader().published();
        self.policy().verify(note.bytes().clone()).unwrap();
        note
    }

    /// Lets the log publish a few times.
    pub fn pass(&mut self, publications: usize) {
        let before = self.heard.rounds.lock().len();
        self.until("publications", |world| world.heard.rounds.lock().len() >= before + publications);
    }

    pub fn trouble(&self, place: usize) -> Option<Cause> {
        self.asking().report().witnesses[place].trouble
    }
}

/// Names of the witnesses on a note.
pub fn cosigners(note: &SignedCheckpoint) -> Vec<&str> {
    note.signatures().iter().skip(1).map(|line| line.name().as_str()).collect()
}
