//! The keys of a witness, which sign what was decided and nothing else.

use super::{Answer, ToCosign, ToCosignSubtree};
use crate::checkpoint::SignedCheckpoint;
use crate::cosignature::{Cosigner, Timestamp};
use crate::key::{KeyName, VerifierKey};
use crate::note::NoteError;

/// Most keys that a witness signs with.
pub const KEYS_MAX: usize = 8;

/// All keys of one witness. Once in here, a key signs only what [`decide`](super::decide) and
/// [`decide_subtree`](super::decide_subtree) have allowed: there is no way to take it out again.
#[derive(Debug)]
pub struct WitnessKeys(Vec<Cosigner>);

impl WitnessKeys {
    /// The keys of one witness, of either type, under one name or several.
    ///
    /// # Errors
    /// [`WitnessKeysError::None`], [`WitnessKeysError::TooMany`], and [`WitnessKeysError::Twice`] for two keys that are, or
    /// can be taken for, one.
    pub fn new(keys: Vec<Cosigner>) -> Result<Self, WitnessKeysError> {
        if keys.is_empty() {
            return Err(WitnessKeysError::None);
        }
        if keys.len() > KEYS_MAX {
            return Err(WitnessKeysError::TooMany { have: keys.len() });
        }
        for (at, key) in keys.iter().map(Cosigner::verifier_key).enumerate() {
            let same = |other: &&Cosigner| taken_for_one(other.verifier_key(), key);
            if keys[..at].iter().any(|other| same(&other)) {
                return Err(WitnessKeysError::Twice { name: key.name().clone() });
            }
        }
        Ok(Self(keys))
    }

    /// The public halves, whose texts are the witness's vkeys.
    pub fn verifier_keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.0.iter().map(Cosigner::verifier_key)
    }

    /// Cosigns with every key. `time` is the witness's clock, which must have a time: a witness says when it saw a checkpoint.
    ///
    /// What comes of it may leave the witness only after it was stored, in the place of the head that the decision was made for.
    ///
    /// # Errors
    /// [`CosignError`]: the clock, or a log that has taken the witness's name.
    pub fn cosign(&self, allowed: ToCosign, time: Timestamp) -> Result<Cosigned, CosignError> {
        if time == Timestamp::NONE {
            return Err(CosignError::NoTime);
        }
        let signed = allowed.into_checkpoint();
        let lines: Vec<_> = self.0.iter().map(|key| key.cosign(signed.checkpoint(), time)).collect();
        let checkpoint = signed.with_signatures(lines.iter().cloned())?;
        Ok(Cosigned { answer: Answer::of(lines), checkpoint })
    }

    /// Cosigns a subtree, without a time, with those keys that vouch for its tree.
    pub fn cosign_subtree(&self, allowed: &ToCosignSubtree<'_>) -> Answer {
        let vouches = |key: &&Cosigner| allowed.keys().contains(&key.verifier_key());
        let sign = |key: &Cosigner| key.cosign_subtree(allowed.subtree());
        Answer::of(self.0.iter().filter(vouches).filter_map(sign).collect())
    }
}

/// One public key under two names or types, or two keys under one name and id.
fn taken_for_one(one: &VerifierKey, other: &VerifierKey) -> bool {
    one.public_key() == other.public_key() || (one.name() == other.name() && one.id() == other.id())
}

/// What a witness has cosigned.
#[derive(Clone, Debug)]
pub struct Cosigned {
    answer: Answer,
    checkpoint: SignedCheckpoint,
}

impl Cosigned {
    /// The body of the 200.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// What the witness shows to monitors: the log's verified lines, then its own. To be written before the answer is given.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
}

/// Why keys are not those of one witness. Whoever configured them is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessKeysError {
    /// No key.
    #[error("a witness needs a key")]
    None,
    /// More than [`KEYS_MAX`].
    #[error("a witness has at most {KEYS_MAX} keys, here are {have}")]
    TooMany {
        /// Keys given.
        have: usize,
    },
    /// One key twice.
    #[error("two keys of the witness {name} are one, or can be taken for one; make another key")]
    Twice {
        /// Name of the second of them.
        name: KeyName,
    },
}

/// Why an allowed checkpoint was not cosigned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CosignError {
    /// The clock of this machine says 1970.
    #[error("the clock says 0, and a witness has to say when it saw a checkpoint; set the clock")]
    NoTime,
    /// The log's lines and ours do not go onto one note: the log signs under our name and a key id that is ours.
    #[error("the checkpoint cannot carry our cosignature beside the log's signature: {0}")]
    Lines(#[from] NoteError),
}
