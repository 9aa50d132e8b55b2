//! The keys of a log: the one it signs with, one that still signs beside it, and those that made way.
//!
//! A key makes way for another where the log itself announces it (crate `client`, `keys`); here it only counts who signs
//! what is new, and whose signature on what is old is known to be the log's own.

use bytes::Bytes;
use store::{Batch, Store};
use tlog::{
    checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint},
    key::{KeyName, Signer, VerifierKey},
};

use crate::{log::Committed, recover::RecoverError};

/// Who signs for a log, and who did.
#[derive(Debug)]
pub struct LogKeys {
    signer: Signer,
    outgoing: Option<Signer>,
    /// The signer's, the outgoing one's, then all others.
    verifiers: Vec<VerifierKey>,
    history: Option<Bytes>,
    /// From which size on each key signs, in the order in which they took over.
    since: Vec<(u64, VerifierKey)>,
}

/// A log that has only ever had one key.
impl From<Signer> for LogKeys {
    fn from(signer: Signer) -> Self {
        let key = signer.verifier_key().clone();
        Self { signer, outgoing: None, verifiers: vec![key.clone()], history: None, since: vec![(0, key)] }
    }
}

impl LogKeys {
    /// With a key that signs beside the new one until it is retired.
    #[must_use]
    pub fn with_outgoing(mut self, outgoing: Option<Signer>) -> Self {
        let key = outgoing.as_ref().map(|signer| signer.verifier_key().clone());
        self.outgoing = outgoing;
        self.with_past(key.as_slice())
    }

    /// With keys that the log had before: what they signed is its own.
    #[must_use]
    pub fn with_past(mut self, past: &[VerifierKey]) -> Self {
        for key in past {
            if !self.verifiers.contains(key) {
                self.verifiers.push(key.clone());
            }
        }
        self
    }

    /// With the document that tells how the keys followed each other, which is handed out as it is, and what it says: from
    /// which size on each key signs, in the order in which they took over.
    #[must_use]
    pub fn with_history(mut self, history: Bytes, since: Vec<(u64, VerifierKey)>) -> Self {
        (self.history, self.since) = (Some(history), since);
        self
    }

    /// Name of the log.
    pub fn origin(&self) -> &KeyName {
        self.signer.name()
    }

    /// The key that signs.
    pub fn vkey(&self) -> &VerifierKey {
        self.signer.verifier_key()
    }

    /// All keys that the log has and had, the present one first.
    pub fn verifiers(&self) -> &[VerifierKey] {
        &self.verifiers
    }

    pub(crate) fn history(&self) -> Option<&Bytes> {
        self.history.as_ref()
    }

    pub(crate) fn since(&self) -> &[(u64, VerifierKey)] {
        &self.since
    }

    /// Signs as the log signs now.
    pub fn sign(&self, checkpoint: &Checkpoint) -> Result<SignedCheckpoint, CheckpointError> {
        checkpoint.sign_by(std::iter::once(&self.signer).chain(&self.outgoing))
    }

    /// Whether the log's own lines on a checkpoint are those that it would put there now.
    fn sign_this_way(&self, checkpoint: &SignedCheckpoint) -> bool {
        let own = checkpoint.signatures().iter().filter(|line| line.name() == self.origin());
        let keys = std::iter::once(&self.signer).chain(&self.outgoing).map(Signer::verifier_key);
        own.clone().count() == keys.clone().count()
            && keys.into_iter().all(|key| own.clone().any(|line| line.claims(key)))
    }

    /// Signs the head that a log stands at once more, if other keys signed it than sign now: who knows the present key only
    /// need not wait for the next entry. The same size and root: nothing is said twice.
    pub(crate) fn take_over(
        &self,
        store: &dyn Store,
        committed: Committed,
    ) -> Result<Committed, RecoverError> {
        if self.sign_this_way(&committed.checkpoint) {
            return Ok(committed);
        }
        let checkpoint = self.sign(committed.checkpoint.checkpoint())?;
        let before = committed.checkpoint.bytes();
        store
            .commit(Some(before), Batch::default(), checkpoint.bytes().clone())
            .map_err(RecoverError::TakeOver)?;
        Ok(Committed { checkpoint, ..committed })
    }
}
