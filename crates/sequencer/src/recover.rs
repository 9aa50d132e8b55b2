//! The one road on which a log is opened.
//!
//! What is stored has to agree with itself: the edge that is rebuilt from entries and tiles leads to the root of the
//! signed head, or the log is not opened at all. Then it has to agree with every other head that is at hand; where
//! it does not, it is opened for reading and signs nothing, because signing could fork the log.

use std::{fmt, io};

use bytes::Bytes;
use store::{Batch, CommitError, Key, Store, StoreError, Table};
use tlog::{
    Head,
    checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint},
    integrate::{Edge, IntegrateError},
    key::VerifierKey,
    plan::{ConsistencyPlan, PlanError},
    tile::{Tile, WIDTH},
};

use crate::{
    keys::LogKeys,
    log::{Committed, Kind, LogIdentity},
    publisher::Evidence,
};

/// The format of the store that this program writes.
pub const FORMAT: u32 = 1;

/// How the stored log stands to the heads that are known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It contains all of them.
    Good,
    /// A later head was signed than the store holds: this is an old copy.
    Behind {
        /// What the store holds.
        stored: u64,
        /// Size of the later head.
        known: u64,
    },
    /// A head was signed that the stored log does not contain.
    Fork {
        /// Size of that head.
        size: u64,
    },
    /// Witnesses have cosigned a larger tree than the store holds: so many of them that there is no quorum without them.
    WitnessesAhead {
        /// What the store holds.
        stored: u64,
        /// The largest size that one of them names.
        known: u64,
    },
    /// The evidence that belongs beside a log that has published anything is gone.
    EvidenceMissing {
        /// What the store holds.
        stored: u64,
    },
    /// The evidence is there and is no checkpoint of this log.
    EvidenceUnreadable {
        /// In which way.
        what: String,
    },
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => write!(f, "the log contains every head that is known of it"),
            Self::Behind { stored, known } => write!(
                f,
                "the store holds {stored} entries, but a head of {known} was signed: it is an old copy. Complete it \
                 from a backup or mirror that reaches {known} (deedbook restore), or start a log under another origin"
            ),
            Self::Fork { size } => write!(
                f,
                "a head of size {size} was signed that this store does not contain: the store was altered or belongs \
                 to another history. Keep both as evidence, and restore from a backup or mirror that contains the head"
            ),
            Self::WitnessesAhead { stored, known } => write!(
                f,
                "the store holds {stored} entries, but witnesses say that they have cosigned {known}, and without them \
                 there is no quorum: this is an old copy, or somebody else signs as this log. Complete it from a backup \
                 or mirror that reaches {known} (deedbook restore), or start a log under another origin"
            ),
            Self::EvidenceMissing { stored } => write!(
                f,
                "the file `head` that belongs beside a log of {stored} entries is missing, so nobody can tell whether \
                 this is an old copy. Put it back, or hand in the newest checkpoint that anybody holds (deedbook \
                 restore --newest)"
            ),
            Self::EvidenceUnreadable { what } => write!(
                f,
                "the file `head` beside the log is not a checkpoint of this log ({what}). Put the right one back, or \
                 hand in the newest checkpoint that anybody holds (deedbook restore --newest)"
            ),
        }
    }
}

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
    /// What was published last is not a checkpoint of this log.
    #[error(
        "the file `published` beside the log is not a checkpoint that this log contains ({what}). Put the right one back; or \
         remove it, and the newest head is shown in its place, though no witness may have cosigned it"
    )]
    Published {
        /// In which way.
        what: String,
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
    let known = evidence.newest().map_err(RecoverError::Evidence)?;
    let Some(head) = store.head()? else {
        return create(store, kind, keys, evidence, known);
    };
    let identity = read_identity(store)?;
    if identity.origin != keys.origin().as_str() || identity.kind != kind || identity.format != FORMAT {
        let LogIdentity { format, origin, kind: found } = identity;
        return Err(RecoverError::WrongLog { found, origin, format });
    }
    let mut committed = read_committed(store, head, keys.verifiers())?;
    let standing = stand(store, &committed, keys.verifiers(), known)?;
    if standing == Standing::Good {
        committed = keys.take_over(store, committed)?;
    }
    Ok(Opened { identity, committed, standing })
}

/// How a store stands to the newest published head, without opening the log. `keys` are those that the log has and had.
pub fn standing(
    store: &dyn Store,
    keys: &[VerifierKey],
    known: Option<Bytes>,
) -> Result<Standing, RecoverError> {
    match store.head()? {
        Some(head) => stand(store, &read_committed(store, head, keys)?, keys, known),
        None => never_had_entries(keys, known).map(|()| Standing::Good),
    }
}

/// What everybody was shown last, for a log that asks witnesses: what was noted, or else the newest head that was shown to
/// anybody. A log that does not stand well shows what it has.
pub(crate) fn published(
    store: &dyn Store,
    opened: &Opened,
    keys: &LogKeys,
    evidence: &dyn Evidence,
) -> Result<SignedCheckpoint, RecoverError> {
    let noted = evidence.published().map_err(RecoverError::Evidence)?;
    if let Some(noted) = noted {
        let wrong = |what: String| RecoverError::Published { what };
        let noted =
            SignedCheckpoint::open_any(noted, keys.verifiers()).map_err(|error| wrong(error.to_string()))?;
        return match compare(store, &opened.committed, noted.head())? {
            Standing::Good => Ok(noted),
            _ if opened.standing != Standing::Good => Ok(opened.committed.checkpoint.clone()),
            other => Err(wrong(other.to_string())),
        };
    }
    let newest = evidence.newest().map_err(RecoverError::Evidence)?;
    let newest = newest.and_then(|newest| SignedCheckpoint::open_any(newest, keys.verifiers()).ok());
    Ok(match newest {
        Some(newest) if opened.standing == Standing::Good => newest,
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
    known: Option<Bytes>,
) -> Result<Opened, RecoverError> {
    never_had_entries(keys.verifiers(), known)?;
    let identity = LogIdentity::new(keys.origin(), kind);
    let checkpoint = keys.sign(&Checkpoint::new(keys.origin().clone(), Head::EMPTY)?)?;
    evidence.note(&checkpoint).map_err(RecoverError::Evidence)?;
    let batch = Batch::puts(vec![(Key::Identity, identity.to_bytes())]);
    store.commit(None, batch, checkpoint.bytes().clone())?;
    let committed = Committed { checkpoint, edge: Edge::default() };
    Ok(Opened { identity, committed, standing: Standing::Good })
}

/// A store without a head is a log that begins, unless anything is known of it.
fn never_had_entries(keys: &[VerifierKey], known: Option<Bytes>) -> Result<(), RecoverError> {
    let Some(known) = known else { return Ok(()) };
    let known = SignedCheckpoint::open_any(known, keys)
        .map_err(|error| RecoverError::Evidence(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    match known.size() {
        0 => Ok(()),
        known => Err(RecoverError::StoreGone { known }),
    }
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

/// Compares the log with the newest head that is known of it.
fn stand(
    store: &dyn Store,
    committed: &Committed,
    keys: &[VerifierKey],
    known: Option<Bytes>,
) -> Result<Standing, RecoverError> {
    let stored = committed.head();
    let Some(known) = known else {
        return Ok(Standing::EvidenceMissing { stored: stored.size });
    };
    let known = match SignedCheckpoint::open_any(known, keys) {
        Ok(known) => known.head(),
        Err(error) => return Ok(Standing::EvidenceUnreadable { what: error.to_string() }),
    };
    compare(store, committed, known)
}

/// How the stored log stands to a head that a key of its own has signed.
pub fn compare(store: &dyn Store, committed: &Committed, known: Head) -> Result<Standing, RecoverError> {
    let stored = committed.head();
    if known.size > stored.size {
        return Ok(Standing::Behind { stored: stored.size, known: known.size });
    }
    let fork = Standing::Fork { size: known.size };
    let Ok(plan) = ConsistencyPlan::new(known.size, stored) else { return Ok(fork) };
    let mut tiles = vec![];
    for tile in plan.tiles() {
        tiles.push(
            crate::reader::tile_bytes(store, committed, *tile)?.ok_or(RecoverError::TileMissing(*tile))?,
        );
    }
    match plan.finish(&tiles) {
        Ok(proof) if proof.old == known => Ok(Standing::Good),
        Ok(_) => Ok(fork),
        Err(PlanError::Inconsistent { size }) => Err(RecoverError::RootMismatch { size }),
        Err(_) => Err(RecoverError::RootMismatch { size: stored.size }),
    }
}
