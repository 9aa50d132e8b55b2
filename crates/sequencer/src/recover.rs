//! The one road on which a log is opened.
//!
//! What is stored has to agree with itself: the edge that is rebuilt from entries and tiles leads to the root of the
//! signed head, or the log is not opened at all. Then it has to agree with every other head that is at hand; where
//! it does not, it is opened for reading and signs nothing, because signing could fork the log.

mod standing;

use std::io;

use bytes::Bytes;
use store::{Batch, CommitError, Key, Store, StoreError, Table};
use tlog::{
    Head,
    checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint},
    integrate::{Edge, IntegrateError},
    key::VerifierKey,
    tile::{Tile, WIDTH},
};

use crate::{
    keys::LogKeys,
    log::{Committed, Kind, LogIdentity},
    publisher::Evidence,
};

pub use standing::Standing;
use standing::{Notes, compare};

/// The format of the store that this program writes.
pub const FORMAT: u32 = 1;

/// The log cannot be opened, not even for reading.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The first commit failed.
    #[error("the log cannot be created: {0}")]
    Create(#[from] CommitError),
    /// The head cannot be signed by the keys that sign now.
    #[error("the head cannot be signed anew: {0}")]
    TakeOver(#[source] CommitError),
    /// The stored head is not a checkpoint that this log signed.
    #[error("the stored head was not signed by a key of this log: {0}")]
    Head(#[from] CheckpointError),
    /// What is stored is not a log, or not all of it is there.
    #[error(transparent)]
    Edge(#[from] IntegrateError),
    /// What is stored leads to another root than the signed head's.
    #[error(
        "the stored entries and tiles lead to another root than the signed head of size {size}; run deedbook fsck"
    )]
    RootMismatch {
        /// Size of the head.
        size: u64,
    },
    /// A full tile is missing.
    #[error("{0} is missing from the store; run deedbook fsck")]
    TileMissing(Tile),
    /// The stored log is another one than was asked for.
    #[error("the store holds a log of {found} entries under the origin {origin}, format {format}")]
    WrongLog {
        /// What it takes.
        found: Kind,
        /// Its name.
        origin: String,
        /// Its format.
        format: u32,
    },
    /// The store is empty although the log has signed a head.
    #[error(
        "the store is empty, but this log has published a head of size {known}: its entries are gone. Restore them \
         from a backup or a mirror (deedbook restore); a log never starts again under the same origin"
    )]
    StoreGone {
        /// Size of the head.
        known: u64,
    },
    /// The evidence cannot be read or written.
    #[error("the file `head` or `published` beside the log: {0}")]
    Evidence(#[source] io::Error),
    /// A thread cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(#[source] io::Error),
}

/// A log as it was found, or made.
pub struct Opened {
    /// What it is.
    pub identity: LogIdentity,
    /// Its last commit.
    pub committed: Committed,
    /// How it stands to other heads.
    pub standing: Standing,
}

/// Opens what is in the store, or creates the log if nothing is there and nothing ever was.
pub fn open(
    store: &dyn Store,
    kind: Kind,
    keys: &LogKeys,
    evidence: &dyn Evidence,
) -> Result<Opened, RecoverError> {
    let notes = Notes::read(evidence).map_err(RecoverError::Evidence)?;
    let Some(head) = store.head()? else {
        notes.never_had_entries(keys.verifiers())?;
        return create(store, kind, keys, evidence);
    };
    let identity = read_identity(store)?;
    if identity.origin != keys.origin().as_str() || identity.kind != kind || identity.format != FORMAT {
        let LogIdentity { format, origin, kind: found } = identity;
        return Err(RecoverError::WrongLog { found, origin, format });
    }
    let mut committed = read_committed(store, head, keys.verifiers())?;
    let standing = notes.stand(store, &committed, keys.verifiers())?;
    if standing == Standing::Good {
        committed = keys.take_over(store, committed)?;
    }
    Ok(Opened { identity, committed, standing })
}

/// How a store stands to what is noted outside, without opening the log. `keys` are those that the log has and had.
pub fn standing(
    store: &dyn Store,
    keys: &[VerifierKey],
    evidence: &dyn Evidence,
) -> Result<Standing, RecoverError> {
    let notes = Notes::read(evidence).map_err(RecoverError::Evidence)?;
    match store.head()? {
        Some(head) => notes.stand(store, &read_committed(store, head, keys)?, keys),
        None => notes.never_had_entries(keys).map(|()| Standing::Good),
    }
}

/// What everybody was shown last, for a log that asks witnesses: what was noted, or else the newest head that was shown to
/// anybody. A log that does not stand well, and does not contain what was noted, shows what it has.
pub(crate) fn published(
    store: &dyn Store,
    opened: &Opened,
    keys: &LogKeys,
    evidence: &dyn Evidence,
) -> Result<SignedCheckpoint, RecoverError> {
    let Notes { newest, published } = Notes::read(evidence).map_err(RecoverError::Evidence)?;
    let noted =
        published.or(newest).and_then(|noted| SignedCheckpoint::open_any(noted, keys.verifiers()).ok());
    Ok(match noted {
        Some(noted) if compare(store, &opened.committed, noted.head())? == Standing::Good => noted,
        _ => opened.committed.checkpoint.clone(),
    })
}

/// What the stored log is. An empty store has no identity.
pub fn read_identity(store: &dyn Store) -> Result<LogIdentity, RecoverError> {
    let damaged = |what: String| StoreError::Damaged { key: Key::Identity, what };
    let bytes = store.get(&Key::Identity)?.ok_or_else(|| damaged("it is missing".into()))?;
    Ok(serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?)
}

/// Makes the log. The empty head is noted outside before the store has anything, so that a log never stands without
/// evidence, whenever the power is cut; a creation that was cut short is repeated.
fn create(
    store: &dyn Store,
    kind: Kind,
    keys: &LogKeys,
    evidence: &dyn Evidence,
) -> Result<Opened, RecoverError> {
    let identity = LogIdentity::new(keys.origin(), kind);
    let checkpoint = keys.sign(&Checkpoint::new(keys.origin().clone(), Head::EMPTY)?)?;
    evidence.note(&checkpoint).map_err(RecoverError::Evidence)?;
    let batch = Batch::puts(vec![(Key::Identity, identity.to_bytes())]);
    store.commit(None, batch, checkpoint.bytes().clone())?;
    let committed = Committed { checkpoint, edge: Edge::default() };
    Ok(Opened { identity, committed, standing: Standing::Good })
}

/// Rebuilds the edge from what is stored, and demands that it lead to the signed root.
fn read_committed(store: &dyn Store, head: Bytes, keys: &[VerifierKey]) -> Result<Committed, RecoverError> {
    let checkpoint = SignedCheckpoint::open_any(head, keys)?;
    let edge = read_edge(store, checkpoint.size())?;
    if edge.head() != checkpoint.head() {
        return Err(RecoverError::RootMismatch { size: checkpoint.size() });
    }
    Ok(Committed { checkpoint, edge })
}

fn read_edge(store: &dyn Store, size: u64) -> Result<Edge, RecoverError> {
    let mut runs = vec![];
    for (key, bytes) in store.scan(Table::Run, None, WIDTH as usize)? {
        if let Key::Run { first } = key {
            runs.push((first, bytes));
        }
    }
    Edge::restore(size, &runs, |tile| {
        let found = store.get(&Key::Tile { level: tile.level(), index: tile.index() })?;
        found.ok_or(RecoverError::TileMissing(tile))
    })
}
