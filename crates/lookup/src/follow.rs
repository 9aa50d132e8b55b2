//! Following the log: read, prove, note.

use bytes::Bytes;
use record::Logged;
use tlog::{Hash, Head, tile::WIDTH};

use crate::{
    index::LookupError,
    keys::{self, Key},
    lookups::Lookups,
};

/// Entries that are read before others get a turn.
const STEP: u64 = 16 * WIDTH;

/// Entries that are understood together.
const BLOCK: usize = 256;
/// Blocks that may be understood and not noted yet.
const BLOCKS_AHEAD: usize = 4;

/// Where the log is read. It may block.
pub trait Entries {
    /// What went wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Size and root of the newest checkpoint, whose signature was verified.
    ///
    /// # Errors
    /// It cannot be read, or it is not one to be believed.
    fn head(&self) -> Result<Head, Self::Error>;

    /// Entries from this index on, up to `max`, not beyond `size`; at least one where there is one.
    ///
    /// # Errors
    /// They cannot be read.
    fn entries(&self, from: u64, max: u64, size: u64) -> Result<Vec<Bytes>, Self::Error>;
}

/// Why the log is not followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError<E> {
    /// The log cannot be read.
    #[error("{0}")]
    Source(E),
    /// The entries do not lead to the checkpoint: what was read last is not answered for.
    #[error(
        "the {size} entries lead to the root {found}, and {signed} was signed: the log is not what its checkpoint says"
    )]
    OtherRoot {
        /// Size of the checkpoint.
        size: u64,
        /// Root that the entries lead to.
        found: Hash,
        /// Root that was signed.
        signed: Hash,
    },
    /// The log shows fewer entries than it did.
    #[error("the log went back from {seen} entries to {shown}")]
    WentBack {
        /// Entries that were proven before.
        seen: u64,
        /// Entries of the checkpoint now.
        shown: u64,
    },
    /// The lookups cannot be written.
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Entries that are read.
    pub read: u64,
    /// Entries that were folded.
    pub folded: u64,
    /// Entries of the checkpoint that is read up to.
    pub size: u64,
}

impl Progress {
    /// Whether all entries of that checkpoint were read and folded.
    pub fn is_done(&self) -> bool {
        self.read == self.size && self.folded == self.size
    }
}

/// Follows a log and fills its lookups. One for each [`Lookups`].
pub struct Follower {
    lookups: Lookups,
    /// The checkpoint that is read up to. It is proven before a newer one is looked at: where a log grows faster than this, the
    /// newest would never be reached, and nothing more would be answered for.
    target: Option<Head>,
}

impl Follower {
    /// The follower of these lookups.
    pub const fn new(lookups: Lookups) -> Self {
        Self { lookups, target: None }
    }

    /// Reads on, as far as one turn goes. What is new is read first, and folded on the way where the fold is there; a fold
    /// that has to begin again catches up in turns of its own.
    ///
    /// # Errors
    /// Why not. After [`FollowError::OtherRoot`] only making the lookups anew helps.
    pub fn step<S: Entries>(&mut self, source: &S) -> Result<Progress, FollowError<S::Error>> {
        let proven = self.lookups.size();
        // Gone with every error: what comes after it begins with the log's newest word.
        let head = match self.target.take() {
            Some(head) => head,
            None => source.head().map_err(FollowError::Source)?,
        };
        if head.size < proven {
            return Err(FollowError::WentBack { seen: proven, shown: head.size });
        }
        let (read, folded) = self.at();
        if read < head.size {
            let entries = source.entries(read, STEP.min(head.size - read), head.size);
            self.take(read, &entries.map_err(FollowError::Source)?)?;
        } else if folded < read {
            let entries = source.entries(folded, STEP.min(read - folded), head.size);
            self.fold(folded, &entries.map_err(FollowError::Source)?)?;
        }
        let (read, folded) = self.at();
        if read == head.size && proven < head.size {
            self.prove(head)?;
        }
        self.target = (read < head.size).then_some(head);
        Ok(Progress { read, folded, size: head.size })
    }

    fn at(&self) -> (u64, u64) {
        let inner = self.lookups.0.inner.read();
        (inner.read(), inner.findings.size())
    }

    /// Answers for what was read, if it leads to what was signed.
    fn prove<E>(&self, head: Head) -> Result<(), FollowError<E>> {
        let found = self.lookups.0.inner.read().range.root();
        if found != head.root {
            return Err(FollowError::OtherRoot { size: head.size, found, signed: head.root });
        }
        Ok(self.lookups.0.proven(head.size)?)
    }

    /// Notes what stands in entries; and what is found there, if the fold has come so far. Many are understood on a thread
    /// of their own, while those before them are folded and noted here.
    fn take(&self, from: u64, entries: &[Bytes]) -> Result<(), LookupError> {
        let mut blocks = (from..).step_by(BLOCK).zip(entries.chunks(BLOCK));
        if entries.len() < 4 * BLOCK {
            return blocks.try_for_each(|(first, block)| self.note(Understood::all(first, block)));
        }
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::sync_channel(BLOCKS_AHEAD);
            let ahead = blocks.clone();
            let understanding = move || {
                for (first, block) in ahead {
                    // Nobody takes it where an earlier one could not be noted.
                    if sender.send(Understood::all(first, block)).is_err() {
                        return;
                    }
                }
            };
            match std::thread::Builder::new().name("lookups-read".into()).spawn_scoped(scope, understanding) {
                Ok(_) => receiver.into_iter().try_for_each(|block| self.note(block)),
                // There is no thread to be had: it goes on here, and slower.
                Err(_) => blocks.try_for_each(|(first, block)| self.note(Understood::all(first, block))),
            }
        })
    }

    /// Notes the next entries, and folds them if the fold has come so far.
    fn note(&self, block: Vec<Understood<'_>>) -> Result<(), LookupError> {
        let shared = &self.lookups.0;
        for Understood { index, logged, leaf, keys } in block {
            let received = logged.as_ref().map(|logged| logged.received().unix_ms());
            let folds = shared.inner.read().findings.size() == index;
            let found = folds.then(|| shared.fold(logged.as_ref()));
            {
                let mut inner = shared.inner.write();
                inner.entries.push(keys);
                inner.note_time(index, received);
                inner.range.append(leaf);
                if let Some(found) = found {
                    inner.note_found(index, found);
                }
            }
            shared.close_entries()?;
            shared.close_findings()?;
        }
        Ok(())
    }

    /// Folds entries that were read before.
    fn fold(&self, from: u64, entries: &[Bytes]) -> Result<(), LookupError> {
        let shared = self.lookups.0.clone();
        for (index, entry) in (from..).zip(entries) {
            let found = shared.fold(Logged::read(index, entry).ok().as_ref());
            shared.inner.write().note_found(index, found);
            shared.close_findings()?;
        }
        Ok(())
    }
}

/// An entry with all that can be said of it by itself.
struct Understood<'a> {
    index: u64,
    /// `None`: it is no record.
    logged: Option<Logged<'a>>,
    leaf: Hash,
    keys: Vec<Key>,
}

impl<'a> Understood<'a> {
    /// Entries in a row.
    fn all(first: u64, entries: &'a [Bytes]) -> Vec<Self> {
        (first..).zip(entries).map(|(index, entry)| Self::of(index, entry)).collect()
    }

    fn of(index: u64, entry: &'a [u8]) -> Self {
        let logged = Logged::read(index, entry).ok();
        let keys = logged.as_ref().map(keys_of).unwrap_or_default();
        Self { index, logged, leaf: Hash::leaf(entry), keys }
    }
}

fn keys_of(logged: &Logged<'_>) -> Vec<Key> {
    let mut all = Vec::with_capacity(16);
    keys::each(logged, |kind, value| all.push(Key::new(kind, value)));
    all
}
