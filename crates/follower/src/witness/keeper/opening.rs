//! What a witness finds when it starts: every note it answered for, or a reason not to answer for anything.

use std::io;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Key, Store, StoreError, Table};
use tlog::{checkpoint::CheckpointError, key::KeyName};

use super::{ContradictionId, Held, OriginId, Owner, memory::Memory};

/// Version of what is in the store.
const VERSION: u32 = 1;
/// Rows that are read together: a contradiction may have 64 KiB.
const STEP: usize = 64;

/// What to do about a store that has lost something. To put an old copy back would be worse: the witness would not know what
/// it has cosigned since.
const ANEW: &str = "do not put an old copy of it back, the witness would cosign second histories: make a new witness with \
                    another name in another directory";

/// Why a witness's store cannot be opened. Its cosignatures depend on it: nothing may be signed without.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Reading failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is one of a log, of lookups, or of a later version; it was not touched. Name another directory.
    #[error("this is no store of a witness, or one of another version of this program")]
    NotAWitness,
    /// Notes without the head that every commit writes.
    #[error("the store of the witness has lost its head; {ANEW}")]
    NoHead,
    /// Fewer notes than were there.
    #[error("the witness has answered for {want} logs, and the notes of {have} are there; {ANEW}")]
    Lost {
        /// Logs by the store's head.
        want: u64,
        /// Notes found.
        have: u64,
    },
    /// A value that is no checkpoint.
    #[error("what is kept of the log whose origin has the SHA-256 {origin} is damaged: {cause}; {ANEW}")]
    NoCheckpoint {
        /// Where it lies.
        origin: OriginId,
        /// What is wrong with it.
        #[source]
        cause: CheckpointError,
    },
    /// A checkpoint under the key of another log.
    #[error(
        "a checkpoint of {found} is kept where that of the log whose origin has the SHA-256 {origin} should be; {ANEW}"
    )]
    WrongOrigin {
        /// Where it lies.
        origin: OriginId,
        /// Its first line.
        found: KeyName,
    },
    /// The system gives no thread.
    #[error("the witness's thread cannot be started: {0}")]
    Thread(#[source] io::Error),
}

/// The head of the store: moves with every commit, so that two who write notice it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreHead {
    version: u32,
    /// Commits so far.
    commits: u64,
    /// Logs that were answered for.
    origins: u64,
    /// Whose store it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Owner>,
}

impl StoreHead {
    /// After a commit that leaves this many logs, in the store of this witness.
    pub(super) fn after(before: Option<&Self>, origins: usize, owner: Option<Owner>) -> Self {
        let commits = before.map_or(0, |before| before.commits) + 1;
        Self { version: VERSION, commits, origins: origins as u64, owner }
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        // Numbers and texts: printing cannot fail.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    fn read(bytes: &[u8]) -> Result<Self, OpenError> {
        let head: Self = serde_json::from_slice(bytes).map_err(|_| OpenError::NotAWitness)?;
        if head.version == VERSION { Ok(head) } else { Err(OpenError::NotAWitness) }
    }
}

/// What is in a store.
pub(super) struct Opened {
    pub(super) memory: Memory,
    pub(super) head: Option<StoreHead>,
}

pub(super) fn open(store: &dyn Store) -> Result<Opened, OpenError> {
    let head = store.head()?.map(|bytes| StoreHead::read(&bytes)).transpose()?;
    let mut memory = Memory::default();
    if let Some(head) = &head {
        memory.count(head.commits);
        head.owner.iter().for_each(|owner| memory.belong(owner.clone()));
    }
    each(store, Table::Witnessed, |key, value| {
        if let Key::Witnessed { origin } = key {
            let origin = OriginId::from_bytes(origin);
            memory.hold(origin, held(origin, value)?);
        }
        Ok(())
    })?;
    each(store, Table::Contradiction, |key, _| {
        if let Key::Contradiction { origin, note } = key {
            memory.keep(ContradictionId { origin: OriginId::from_bytes(origin), note });
        }
        Ok(())
    })?;
    let have = memory.origins() as u64;
    match &head {
        None if have > 0 || memory.contradictions().next().is_some() => Err(OpenError::NoHead),
        Some(head) if head.origins > have => Err(OpenError::Lost { want: head.origins, have }),
        _ => Ok(Opened { memory, head }),
    }
}

fn held(origin: OriginId, value: Bytes) -> Result<Held, OpenError> {
    let held = Held::parse(value).map_err(|cause| OpenError::NoCheckpoint { origin, cause })?;
    if OriginId::of(held.origin()) == origin {
        Ok(held)
    } else {
        Err(OpenError::WrongOrigin { origin, found: held.origin().clone() })
    }
}

/// Reads a table in order.
fn each(
    store: &dyn Store,
    table: Table,
    mut take: impl FnMut(Key, Bytes) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let mut after = None;
    loop {
        let rows = store.scan(table, after.as_ref(), STEP)?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(*last);
        rows.into_iter().try_for_each(|(key, value)| take(key, value))?;
    }
}
