//! A store that watches the rules of the log, and that can hold a commit at its two ends.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use store::{Batch, CommitError, Key, Store, StoreError, Table};

/// Which end of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Nothing of it is in the store.
    Start,
    /// All of it is there, and nobody has been told.
    End,
}

/// Passes everything on, and writes down whatever a log must never do.
pub struct Watched {
    inner: Arc<dyn Store>,
    rules: Arc<Rules>,
    gate: Mutex<Gate>,
    moved: Condvar,
    commits: AtomicU64,
}

/// What is remembered from one opening of the store to the next.
#[derive(Default)]
pub struct Rules {
    pub violations: Arc<Mutex<Vec<String>>>,
    deleted: Mutex<BTreeSet<Key>>,
}

#[derive(Default)]
struct Gate {
    closed: Option<At>,
    held: bool,
}

impl Watched {
    pub fn new(inner: Arc<dyn Store>, rules: Arc<Rules>) -> Self {
        Self { inner, rules, gate: Mutex::default(), moved: Condvar::new(), commits: AtomicU64::new(0) }
    }

    /// Commits that were asked for since the store was opened.
    pub fn commits(&self) -> u64 {
        self.commits.load(SeqCst)
    }

    /// Makes commits wait at this end until [`Self::release`].
    pub fn hold(&self, at: At) {
        self.gate.lock().closed = Some(at);
    }

    /// Waits until a commit waits.
    pub fn wait_until_held(&self) {
        let mut gate = self.gate.lock();
        while !gate.held {
            let late = self.moved.wait_for(&mut gate, super::PATIENCE).timed_out();
            assert!(!late, "no commit came to the gate");
        }
    }

    pub fn release(&self) {
        self.gate.lock().closed = None;
        self.moved.notify_all();
    }

    fn pass(&self, at: At) {
        let mut gate = self.gate.lock();
        while gate.closed == Some(at) {
            gate.held = true;
            self.moved.notify_all();
            self.moved.wait(&mut gate);
        }
        gate.held = false;
    }

    fn watch(&self, batch: &Batch) {
        let mut deleted = self.rules.deleted.lock();
        let violation = |what: String| self.rules.violations.lock().push(what);
        for (key, value) in &batch.puts {
            let there = self.inner.get(key).ok().flatten();
            if !matches!(key.table(), Table::Id | Table::Hold) && there.is_some_and(|there| there != value) {
                violation(format!("{key:?} never changes, and was written anew with other bytes"));
            }
            if deleted.contains(key) {
                violation(format!("{key:?} was deleted and came back"));
            }
        }
        let keys: BTreeSet<_> = batch.puts.iter().map(|(key, _)| key).chain(&batch.deletes).collect();
        if keys.len() != batch.puts.len() + batch.deletes.len() {
            violation("a batch names a key twice".into());
        }
        for key in &batch.deletes {
            if !matches!(key.table(), Table::Run | Table::Payload | Table::Piece | Table::Subject) {
                violation(format!("{key:?} was deleted"));
            }
            // What came and went within one commit was never there.
            let may_be_new = Table::BESIDE.contains(&key.table());
            if !may_be_new && !matches!(self.inner.get(key), Ok(Some(_))) {
                violation(format!("{key:?} was deleted and is not there"));
            }
            deleted.insert(*key);
        }
    }
}

impl Store for Watched {
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
        self.commits.fetch_add(1, SeqCst);
        self.pass(At::Start);
        self.watch(&batch);
        let deletes = batch.deletes.clone();
        let done = self.inner.commit(expected, batch, head);
        if done.is_err() {
            // What was not deleted may be deleted again.
            self.rules.deleted.lock().retain(|key| !deletes.contains(key));
        }
        self.pass(At::End);
        done
    }
}
