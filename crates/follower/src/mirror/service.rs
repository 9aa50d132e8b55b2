//! All logs of a mirror, and the heads that it may cosign.
//!
//! The decision and the memory are those of a witness: what [`decide`] allows is kept by the [`Keeper`], in the place of the head
//! that was judged by, before the log's copy may be built up to it. So a mirror's checkpoints, however they come and whatever is
//! lost on the way, are of one history.

use std::{collections::BTreeMap, sync::Arc};

use tlog::{
    Head,
    checkpoint::SignedCheckpoint,
    cosignature::Timestamp,
    key::{KeyName, VerifierKey},
    note::{Note, SignatureLine},
    plan::ConsistencyProof,
    witness::{AddCheckpoint, Refusal, ToCosign, WitnessKeys, decide},
};

use super::{
    files::Files,
    log::{Complete, FinishError, MirroredLog, OpenError, Shown},
};
use crate::witness::{
    keeper::{AdvanceError, Held, Keeper, OriginId},
    ration::TooMany,
    service::{Other, keep_fork},
};

/// How often a request is judged where another one comes in between.
const TURNS: usize = 8;

/// Why a head did not become pending.
#[derive(Debug, thiserror::Error)]
pub enum PendError {
    /// A log that is not mirrored.
    #[error("the log {origin} is not mirrored here")]
    Unknown {
        /// Name of the log.
        origin: KeyName,
    },
    /// The decision. `proven` says whether a proof is kept that the log has forked.
    #[error("{refusal}")]
    Refused {
        /// Why.
        refusal: Box<Refusal>,
        /// A fork proof is kept.
        proven: bool,
    },
    /// The log has had its share.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Nothing is wrong with the request; the mirror could not keep it.
    #[error("{0}")]
    Later(String),
}

/// A mirror (C2SP tlog-mirror), below HTTP.
pub struct Mirror {
    keeper: Keeper,
    keys: WitnessKeys,
    logs: BTreeMap<OriginId, One>,
}

struct One {
    log: Arc<MirroredLog>,
    /// Requests of one log are judged one after the other.
    turn: tokio::sync::Mutex<()>,
}

impl Mirror {
    /// A mirror with these keys of these logs, each in files of its own. Blocks on the disk.
    ///
    /// # Errors
    /// The first log that must not go on; none does then, for they have one memory.
    pub fn open(
        keeper: Keeper,
        keys: WitnessKeys,
        logs: impl IntoIterator<Item = (KeyName, Box<dyn Files>)>,
    ) -> Result<Self, OpenError> {
        let mut opened = BTreeMap::new();
        for (origin, files) in logs {
            let held = keeper.get(&origin);
            let log = MirroredLog::open(origin.clone(), files, held.as_ref(), keys.verifier_keys())?;
            let turn = tokio::sync::Mutex::new(());
            opened.insert(OriginId::of(&origin), One { log: Arc::new(log), turn });
        }
        Ok(Self { keeper, keys, logs: opened })
    }

    /// What may be cosigned, and fork proofs.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// Its public keys.
    pub fn verifier_keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.keys.verifier_keys()
    }

    /// The logs, in the order of their ids.
    pub fn logs(&self) -> impl Iterator<Item = (OriginId, &Arc<MirroredLog>)> {
        self.logs.iter().map(|(id, one)| (*id, &one.log))
    }

    /// One of them.
    pub fn log(&self, id: &OriginId) -> Option<&Arc<MirroredLog>> {
        self.logs.get(id).map(|one| &one.log)
    }

    /// Judges a head that a log with these keys has signed, and makes it pending, durably. `witnesses` are lines by others on it
    /// that were verified.
    ///
    /// # Errors
    /// [`PendError`]; what proves that the log has forked is kept.
    pub async fn pend(
        &self,
        request: &AddCheckpoint,
        keys: &[VerifierKey],
        witnesses: Vec<SignatureLine>,
    ) -> Result<Head, PendError> {
        self.pend_if(request, keys, witnesses, |_| Ok(())).await
    }

    /// The same of a request that comes from anybody. `admit` is asked, in the turn of the request, before something is done that
    /// costs: a commit for a head that is not the one that is kept, or another cosignature of what is shown. Where the latter is
    /// not admitted, what was cosigned before is the answer, so whoever repeats a head keeps nobody from pushing it.
    ///
    /// Not to be given up: a head that is kept and not pending has to be pushed once more.
    ///
    /// # Errors
    /// Those of [`Mirror::pend`], and what `admit` answers.
    pub async fn pend_if(
        &self,
        request: &AddCheckpoint,
        keys: &[VerifierKey],
        witnesses: Vec<SignatureLine>,
        admit: impl Fn(&ToCosign) -> Result<(), TooMany>,
    ) -> Result<Head, PendError> {
        let one = self.logs.get(&OriginId::of(request.origin()));
        let one = one.ok_or_else(|| PendError::Unknown { origin: request.origin().clone() })?;
        let _turn = one.turn.lock().await;
        for _ in 0..TURNS {
            let held = self.keeper.get(request.origin());
            let allowed = match decide(request, held.as_ref().map(Held::head), Some(keys)) {
                Ok(allowed) => allowed,
                Err(refusal) => return Err(self.refused(refusal, held.as_ref(), keys).await),
            };
            let head = allowed.head();
            if held.as_ref().is_some_and(|held| is_kept(held, &allowed)) {
                let shown = one.log.shown().is_some_and(|shown| shown.head() == head);
                let again = shown && one.log.pending_head(head.size).is_none();
                if !again || admit(&allowed).is_ok() {
                    one.log.expect(allowed, witnesses);
                }
                return Ok(head);
            }
            admit(&allowed)?;
            // As it was for a witness: the log's own lines are what is stood by.
            match self.keeper.advance(allowed.stored(), Held::from(allowed.checkpoint())).await {
                Ok(()) => {
                    one.log.expect(allowed, witnesses);
                    return Ok(head);
                }
                Err(AdvanceError::Raced { .. }) => {}
                Err(error) => return Err(PendError::Later(error.to_string())),
            }
        }
        Err(PendError::Later("other checkpoints of this log were faster each time; try again".into()))
    }

    async fn refused(&self, refusal: Refusal, held: Option<&Held>, keys: &[VerifierKey]) -> PendError {
        let other = refusal.evidence().and_then(Other::of);
        let proven = match held.zip(other) {
            Some((held, other)) => keep_fork(&self.keeper, held, &other, &self.and_ours(keys)).await,
            None => false,
        };
        PendError::Refused { refusal: Box::new(refusal), proven }
    }

    /// Keeps the proof that a log has forked, from what is shown of it here and a head that it signed, which is not larger and of
    /// another history. `grown` says which root the tree held here has at that size, if it is smaller. Whether it is a proof.
    pub async fn accuse(
        &self,
        shown: &Shown,
        checkpoint: &SignedCheckpoint,
        grown: Option<ConsistencyProof>,
        keys: &[VerifierKey],
    ) -> bool {
        let Ok(held) = Held::parse(shown.note().clone()) else { return false };
        let other = Other { checkpoint: checkpoint.clone(), grown };
        keep_fork(&self.keeper, &held, &other, &self.and_ours(keys)).await
    }

    fn and_ours(&self, keys: &[VerifierKey]) -> Vec<VerifierKey> {
        keys.iter().chain(self.verifier_keys()).cloned().collect()
    }

    /// [`MirroredLog::finish`] with the mirror's keys. Blocks on the disk.
    ///
    /// # Errors
    /// Those of [`MirroredLog::finish`].
    pub fn finish(&self, log: &MirroredLog, size: u64, now: Timestamp) -> Result<Complete, FinishError> {
        log.finish(size, &self.keys, now)
    }
}

/// Whether a head is the one that is kept, with all lines of the log.
fn is_kept(held: &Held, allowed: &ToCosign) -> bool {
    let kept = Note::parse(held.note()).ok();
    let kept = kept.as_ref().map_or(&[][..], Note::signatures);
    held.head() == allowed.head() && allowed.checkpoint().signatures().iter().all(|line| kept.contains(line))
}
