//! What stands around the log: evidence that can fail, and an observer that takes notes.

use std::{io, path::Path, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use sequencer::{
    DataDirectory,
    log::{Commit, Observer},
    publisher::Evidence,
};
use tlog::checkpoint::SignedCheckpoint;

/// Evidence in memory or in a file, which fails when told to.
#[derive(Clone)]
pub struct TestEvidence {
    inner: Arc<dyn Evidence>,
    state: Arc<Mutex<EvidenceState>>,
}

#[derive(Default)]
struct EvidenceState {
    broken: bool,
    published_broken: bool,
    notes: u64,
    refused: u64,
}

impl TestEvidence {
    pub fn in_memory() -> Self {
        Self { inner: Arc::new(MemoryEvidence::default()), state: Arc::default() }
    }

    /// The file `head` of a data directory, which the log itself does not care about here.
    pub fn in_file(directory: &Path) -> Self {
        Self { inner: Arc::new(DataDirectory::open(directory).unwrap().head_file()), state: Arc::default() }
    }

    /// Makes every note fail, or work again.
    pub fn break_notes(&self, broken: bool) {
        self.state.lock().broken = broken;
    }

    /// Makes every note of what everybody is to be shown fail, or work again.
    pub fn break_published(&self, broken: bool) {
        self.state.lock().published_broken = broken;
    }

    /// How many notes failed.
    pub fn refused(&self) -> u64 {
        self.state.lock().refused
    }

    /// How many notes succeeded.
    pub fn notes(&self) -> u64 {
        self.state.lock().notes
    }
}

impl Evidence for TestEvidence {
    fn newest(&self) -> io::Result<Option<Bytes>> {
        self.inner.newest()
    }

    fn note(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.broken {
            state.refused += 1;
            return Err(io::Error::other("injected: no space left"));
        }
        self.inner.note(checkpoint)?;
        state.notes += 1;
        Ok(())
    }

    fn published(&self) -> io::Result<Option<Bytes>> {
        self.inner.published()
    }

    fn note_published(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.published_broken {
            state.refused += 1;
            return Err(io::Error::other("injected: no space left"));
        }
        self.inner.note_published(checkpoint)
    }
}

#[derive(Default)]
struct MemoryEvidence {
    newest: Mutex<Option<Bytes>>,
    published: Mutex<Option<Bytes>>,
}

impl Evidence for MemoryEvidence {
    fn newest(&self) -> io::Result<Option<Bytes>> {
        Ok(self.newest.lock().clone())
    }

    fn note(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        *self.newest.lock() = Some(checkpoint.bytes().clone());
        Ok(())
    }

    fn published(&self) -> io::Result<Option<Bytes>> {
        Ok(self.published.lock().clone())
    }

    fn note_published(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        *self.published.lock() = Some(checkpoint.bytes().clone());
        Ok(())
    }
}

/// What the log told its observer, and what it should not have done.
pub struct Observed {
    pub commits: Mutex<Vec<Commit>>,
    pub published: Mutex<Vec<SignedCheckpoint>>,
    pub failures: Mutex<Vec<String>>,
    evidence: TestEvidence,
    /// Makes the next commit's note panic, as any code on the writer's thread might.
    pub panic_at_commit: std::sync::atomic::AtomicBool,
    pub violations: Arc<Mutex<Vec<String>>>,
}

impl Observed {
    pub fn new(evidence: TestEvidence, violations: Arc<Mutex<Vec<String>>>) -> Self {
        Self {
            commits: Mutex::default(),
            published: Mutex::default(),
            failures: Mutex::default(),
            evidence,
            panic_at_commit: false.into(),
            violations,
        }
    }
}

impl Observer for Observed {
    fn committed(&self, commit: &Commit) {
        assert!(!self.panic_at_commit.swap(false, std::sync::atomic::Ordering::SeqCst), "injected panic");
        self.commits.lock().push(*commit);
    }

    fn published(&self, checkpoint: &SignedCheckpoint) {
        let noted = self.evidence.published().unwrap();
        let noted = if noted.is_some() { noted } else { self.evidence.newest().unwrap() };
        if noted.as_ref() != Some(checkpoint.bytes()) {
            let size = checkpoint.size();
            self.violations.lock().push(format!("size {size} was published before it was noted outside"));
        }
        self.published.lock().push(checkpoint.clone());
    }

    fn failed(&self, why: &str) {
        self.failures.lock().push(why.into());
    }
}
