//! Logs that grow as a test says, and a store that is watched.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use follower::witness::keeper::{ContradictionId, Held, Keeper, Limits};
use parking_lot::{Condvar, Mutex};
use store::{Batch, CommitError, Key, MemoryStore, SledOptions, SledStore, Store, StoreError, Table};
use tempfile::TempDir;
use tlog::{
    Hash, Head,
    checkpoint::Checkpoint,
    key::{KeyName, Signer},
};

/// Name of log number `n`.
pub fn origin(n: u64) -> KeyName {
    format!("log-{n}.test/agents").parse().unwrap()
}

/// A head of this size; each `branch` has another root.
pub fn head(size: u64, branch: u64) -> Head {
    let root = if size == 0 { Hash::EMPTY } else { Hash::leaf(format!("{size} of {branch}").as_bytes()) };
    Head { size, root }
}

/// A note of log number `n` over a head.
pub fn held(n: u64, head: Head) -> Held {
    let signer = Signer::from_seed(origin(n), &testkit::keys::seed(9));
    Held::from(&Checkpoint::new(origin(n), head).unwrap().sign(&signer).unwrap())
}

/// Where a contradiction of log number `n` is kept that a note of one byte shows.
pub fn found(n: u64, note: u8) -> ContradictionId {
    ContradictionId::of(&origin(n), &[note])
}

pub fn open(store: &Arc<impl Store + 'static>) -> Keeper {
    Keeper::open(store.clone(), Limits::default()).unwrap()
}

/// Opens the store on disk.
pub fn sled(dir: &TempDir) -> SledStore {
    SledStore::open(&dir.path().join("store"), &SledOptions::default()).unwrap()
}

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

/// Hands all in before any is waited for, and waits for all.
pub fn together<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    wait(futures::future::join_all(futures))
}

/// A store that counts commits, holds their answers back, and panics when it is told to.
pub struct Watched<S> {
    pub inner: S,
    commits: AtomicU64,
    pub panics: AtomicBool,
    gate: Mutex<Gate>,
    moved: Condvar,
}

#[derive(Default)]
struct Gate {
    closed: bool,
    arrived: bool,
}

impl<S> Watched<S> {
    pub fn new(inner: S) -> Arc<Self> {
        Arc::new(Self {
            inner,
            commits: AtomicU64::new(0),
            panics: AtomicBool::new(false),
            gate: Mutex::default(),
            moved: Condvar::new(),
        })
    }

    /// Commits that took place.
    pub fn commits(&self) -> u64 {
        self.commits.load(SeqCst)
    }

    /// The next commit is written, and its answer is held back until the gate is gone.
    pub fn hold(&self) -> HeldBack<'_, S> {
        *self.gate.lock() = Gate { closed: true, arrived: false };
        HeldBack(self)
    }
}

/// What holds commits back. A test that fails lets them go.
pub struct HeldBack<'a, S>(&'a Watched<S>);

impl<S> HeldBack<'_, S> {
    /// Waits until a commit is held back.
    pub fn wait(&self) {
        let mut gate = self.0.gate.lock();
        while !gate.arrived {
            self.0.moved.wait(&mut gate);
        }
    }
}

impl<S> Drop for HeldBack<'_, S> {
    fn drop(&mut self) {
        self.0.gate.lock().closed = false;
        self.0.moved.notify_all();
    }
}

impl<S: Store> Store for Watched<S> {
    fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(key)
    }
    fn part(&self, key: &Key, number: usize) -> Result<Option<Bytes>, StoreError> {
        self.inner.part(key, number)
    }
    fn floor(&self, key: &Key) -> Result<Option<(Key, Bytes)>, StoreError> {
        self.inner.floor(key)
    }
    fn scan(&self, table: Table, after: Option<&Key>, max: usize) -> Result<Vec<(Key, Bytes)>, StoreError> {
        self.inner.scan(table, after, max)
    }
    fn head(&self) -> Result<Option<Bytes>, StoreError> {
        self.inner.head()
    }
    fn commit(&self, expected: Option<&Bytes>, batch: Batch, head: Bytes) -> Result<(), CommitError> {
        assert!(!self.panics.load(SeqCst), "injected panic");
        let done = self.inner.commit(expected, batch, head);
        self.commits.fetch_add(1, SeqCst);
        let mut gate = self.gate.lock();
        gate.arrived = true;
        self.moved.notify_all();
        while gate.closed {
            self.moved.wait(&mut gate);
        }
        done
    }
}

pub fn watched() -> Arc<Watched<MemoryStore>> {
    Watched::new(MemoryStore::new())
}
