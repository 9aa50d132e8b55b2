//! How a stored log stands to what is noted of it outside the store.
//!
//! There are two notes: the newest head that anybody was shown, and, where witnesses are asked or were, what everybody was
//! shown. Both were signed by the log and shown to somebody, so the stored log must contain both.

use std::{fmt, io};

use bytes::Bytes;
use store::Store;
use tlog::{
    Head,
    checkpoint::SignedCheckpoint,
    key::VerifierKey,
    plan::{ConsistencyPlan, PlanError},
};

use super::RecoverError;
use crate::{log::Committed, publisher::Evidence};

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
    /// A note is there and is no checkpoint of this log.
    EvidenceUnreadable {
        /// The file that it is in.
        file: &'static str,
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
            Self::EvidenceUnreadable { file, what } => write!(
                f,
                "the file `{file}` beside the log is not a checkpoint of this log ({what}). Put the right one back, or \
                 hand in the newest checkpoint that anybody holds (deedbook restore --newest)"
            ),
        }
    }
}

/// What is noted outside the store.
pub(super) struct Notes {
    /// The newest head that anybody was shown.
    pub(super) newest: Option<Bytes>,
    /// What everybody was shown, if that was noted apart.
    pub(super) published: Option<Bytes>,
}

impl Notes {
    pub(super) fn read(evidence: &dyn Evidence) -> io::Result<Self> {
        Ok(Self { newest: evidence.newest()?, published: evidence.published()? })
    }

    /// A store without a head is a log that begins, unless anything is known of it.
    pub(super) fn never_had_entries(&self, keys: &[VerifierKey]) -> Result<(), RecoverError> {
        for noted in [&self.newest, &self.published].into_iter().flatten() {
            let noted = SignedCheckpoint::open_any(noted.clone(), keys)
                .map_err(|error| RecoverError::Evidence(io::Error::new(io::ErrorKind::InvalidData, error)))?;
            if noted.size() > 0 {
                return Err(RecoverError::StoreGone { known: noted.size() });
            }
        }
        Ok(())
    }

    /// Compares the log with both notes.
    pub(super) fn stand(
        &self,
        store: &dyn Store,
        committed: &Committed,
        keys: &[VerifierKey],
    ) -> Result<Standing, RecoverError> {
        let stand = |file, noted: &Bytes| match SignedCheckpoint::open_any(noted.clone(), keys) {
            Ok(noted) => compare(store, committed, noted.head()),
            Err(error) => Ok(Standing::EvidenceUnreadable { file, what: error.to_string() }),
        };
        let newest = match &self.newest {
            Some(newest) => stand("head", newest)?,
            None => Standing::EvidenceMissing { stored: committed.head().size },
        };
        match &self.published {
            Some(published) => Ok(newest.or(stand("published", published)?)),
            None => Ok(newest),
        }
    }
}

impl Standing {
    /// Of what two notes say that which has to be mended: of two later heads the one that is later still.
    fn or(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Good, _) => other,
            (Self::Behind { known, .. }, Self::Behind { known: later, .. }) if later > known => other,
            _ => self,
        }
    }
}

/// How the stored log stands to a head that a key of its own has signed.
pub(super) fn compare(
    store: &dyn Store,
    committed: &Committed,
    known: Head,
) -> Result<Standing, RecoverError> {
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
