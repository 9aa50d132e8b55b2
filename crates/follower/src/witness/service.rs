//! A witness as it answers: it reads, decides, keeps, and only then lets its cosignature out.
//!
//! The decision and the keys are those of [`tlog::witness`]: what [`decide`] allows is all that the keys sign. What they signed
//! leaves [`Witness::add_checkpoint`] only after the [`Keeper`] has made it durable in the place of the head that was judged by.
//! Requests of one log take turns, those of different logs do not wait for each other. The keeper compares all the same: whoever
//! goes away while he waits for the commit gives up his turn, and not the commit; the next one may then be judged twice.
//!
//! The time of a cosignature never goes back for a log, whatever the clock does: a witness that said at noon which head
//! was the largest cannot have seen a larger one at eleven.

use std::{collections::HashMap, slice, sync::Arc};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tlog::{
    checkpoint::SignedCheckpoint,
    cosignature::Timestamp,
    fork::ForkProof,
    key::VerifierKey,
    note::{Note, VerifiedSignature},
    plan::ConsistencyProof,
    witness::{
        AddCheckpoint, CosignError, Evidence, Reason, Refusal, SignSubtree, ToCosign, WitnessKeys, decide,
        decide_subtree,
    },
};

use super::{
    enrolled::Enrolled,
    keeper::{AdvanceError, ContradictionId, Held, Keeper, OriginId},
    ration::{Rations, TooMany, Wish},
};

/// How often a request is judged where the commit of somebody who went away comes in between.
const TURNS: usize = 8;

const TEXT: &str = "text/plain; charset=utf-8";

/// An answer over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status code (C2SP tlog-witness).
    pub status: u16,
    /// `Content-Type` of the body; clients compare that of a 409 byte for byte.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// Seconds after which the same request may succeed, where the witness knows.
    pub retry_after: Option<u64>,
}

impl Reply {
    pub(crate) fn ok(body: String) -> Self {
        Self { status: 200, content_type: TEXT, body, retry_after: None }
    }

    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self {
            status: refusal.status(),
            content_type: refusal.content_type(),
            body: refusal.body(),
            retry_after: None,
        }
    }

    /// Nothing is wrong with the request; it may be sent again later.
    pub(crate) fn later(why: &str) -> Self {
        Self { status: 503, content_type: TEXT, body: format!("{why}\n"), retry_after: Some(1) }
    }

    pub(crate) fn forbidden(why: &str) -> Self {
        Self { status: 403, content_type: TEXT, body: format!("{why}\n"), retry_after: None }
    }

    pub(crate) fn too_many(why: TooMany) -> Self {
        let body = format!("{why}\n");
        Self { status: 429, content_type: TEXT, body, retry_after: Some(why.seconds) }
    }
}

/// A witness (C2SP tlog-witness).
pub struct Witness {
    keeper: Keeper,
    keys: WitnessKeys,
    enrolled: RwLock<Arc<Enrolled>>,
    /// Whose turn it is, for each log that was ever asked for.
    turns: Mutex<HashMap<OriginId, Arc<tokio::sync::Mutex<()>>>>,
    /// What each log may still do, if that is counted.
    rations: Option<Mutex<Rations>>,
}

impl Witness {
    /// A witness with these keys, of these logs, that remembers what the keeper has kept.
    pub fn new(keeper: Keeper, keys: WitnessKeys, enrolled: Enrolled) -> Self {
        Self {
            keeper,
            keys,
            enrolled: RwLock::new(Arc::new(enrolled)),
            turns: Mutex::default(),
            rations: None,
        }
    }

    /// The same, which cosigns for each log as often as its list grants ([`super::ration`]); more is answered with 429.
    #[must_use]
    pub fn rationed(self) -> Self {
        Self { rations: Some(Mutex::default()), ..self }
    }

    /// From now on it follows these logs and no others. What it has kept of a log that is no longer among them stays, so that
    /// nothing is forgotten should it come back.
    pub fn enrol(&self, enrolled: Enrolled) {
        if let Some(rations) = &self.rations {
            rations.lock().keep_only(&enrolled);
        }
        *self.enrolled.write() = Arc::new(enrolled);
    }

    /// The logs that it follows.
    pub fn enrolled(&self) -> Arc<Enrolled> {
        self.enrolled.read().clone()
    }

    /// Its public keys.
    pub fn verifier_keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.keys.verifier_keys()
    }

    /// What it has kept.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// Answers a request to `add-checkpoint`; `now` is the witness's clock.
    pub async fn add_checkpoint(&self, body: &[u8], now: Timestamp) -> Reply {
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(error) => return Reply::refused(&Refusal::from(error)),
        };
        // Of a log that is not enrolled nothing is remembered, not even that it was asked for.
        let known = self.enrolled().get(request.origin()).is_some();
        let turn =
            known.then(|| self.turns.lock().entry(OriginId::of(request.origin())).or_default().clone());
        let _turn = match &turn {
            Some(turn) => match turn.try_lock() {
                Ok(turn) => Some(turn),
                // Whoever has no signature of the log does not stand in its line.
                Err(_) => match self.not_signed(&request) {
                    Some(refusal) => return Reply::refused(&refusal),
                    None => Some(turn.lock().await),
                },
            },
            None => None,
        };
        for _ in 0..TURNS {
            if let Some(reply) = self.turn(&request, now).await {
                return reply;
            }
        }
        Reply::later("other checkpoints of this log were faster each time; ask again")
    }

    /// Judges a request by what is kept now; `None` where that has moved before the answer was kept.
    async fn turn(&self, request: &AddCheckpoint, now: Timestamp) -> Option<Reply> {
        let (held, enrolled) = (self.keeper.get(request.origin()), self.enrolled());
        let keys = enrolled.get(request.origin()).map(|log| slice::from_ref(log.key()));
        match decide(request, held.as_ref().map(Held::head), keys) {
            Ok(allowed) => self.cosign(allowed, held.as_ref(), now).await,
            Err(refusal) => {
                if let (Some(evidence), Some(held), Some(keys)) = (refusal.evidence(), &held, keys) {
                    self.keep(evidence, held, keys).await;
                }
                Some(Reply::refused(&refusal))
            }
        }
    }

    /// That a request carries no good signature of its log, where that is so whatever is kept.
    fn not_signed(&self, request: &AddCheckpoint) -> Option<Refusal> {
        let (held, enrolled) = (self.keeper.get(request.origin()), self.enrolled());
        let keys = enrolled.get(request.origin()).map(|log| slice::from_ref(log.key()));
        let refusal = decide(request, held.as_ref().map(Held::head), keys).err()?;
        matches!(refusal.reason(), Reason::NotSigned { .. }).then_some(refusal)
    }

    /// Counts what is about to be cosigned, if that is counted.
    fn ration(&self, allowed: &ToCosign, now: Timestamp) -> Result<(), TooMany> {
        let (Some(rations), enrolled) = (&self.rations, self.enrolled()) else { return Ok(()) };
        let Some(log) = enrolled.get(allowed.origin()) else { return Ok(()) };
        let wish = if allowed.refresh() { Wish::Again } else { Wish::Growth };
        rations.lock().take(OriginId::of(log.origin()), wish, log.qpd(), now)
    }

    async fn cosign(&self, allowed: ToCosign, held: Option<&Held>, now: Timestamp) -> Option<Reply> {
        if let Err(too_many) = self.ration(&allowed, now) {
            return Some(Reply::too_many(too_many));
        }
        let stored = allowed.stored();
        let time = held.map_or(now, |held| now.max(time_by(held.note(), self.verifier_keys())));
        let cosigned = match self.keys.cosign(allowed, time) {
            Ok(cosigned) => cosigned,
            Err(error @ CosignError::NoTime) => {
                tracing::error!(%error, "nothing is cosigned");
                return Some(Reply::later("the witness does not know what time it is; ask again later"));
            }
            Err(error) => {
                tracing::warn!(%error, "a checkpoint cannot be cosigned");
                let body = format!("{error}\n");
                return Some(Reply { status: 403, content_type: TEXT, body, retry_after: None });
            }
        };
        match self.keeper.advance(stored, Held::from(cosigned.checkpoint())).await {
            Ok(()) => Some(Reply::ok(cosigned.answer().to_string())),
            Err(AdvanceError::Raced { .. }) => None,
            Err(error) => {
                tracing::error!(%error, origin = %cosigned.checkpoint().origin(), "nothing was cosigned");
                Some(Reply::later("the witness cannot keep what it would cosign; ask again later"))
            }
        }
    }

    /// Keeps the proof that a log has forked. What proves nothing is not kept: anybody can send a log's newest checkpoint
    /// with a proof that does not hold, and there is room for so many.
    async fn keep(&self, evidence: &Evidence, held: &Held, log: &[VerifierKey]) {
        let keys: Vec<VerifierKey> = log.iter().chain(self.verifier_keys()).cloned().collect();
        if let Some(other) = Other::of(evidence) {
            keep_fork(&self.keeper, held, &other, &keys).await;
        }
    }

    /// Answers a request to `sign-subtree`. Nothing is kept: the cosignature in the request shows what was seen.
    pub fn sign_subtree(&self, body: &[u8]) -> Reply {
        let request = match SignSubtree::parse(body) {
            Ok(request) => request,
            Err(error) => return Reply::refused(&Refusal::from(error)),
        };
        let known = self.enrolled().get(request.checkpoint().origin()).is_some();
        match decide_subtree(&request, known, &self.keys) {
            Ok(allowed) => Reply::ok(self.keys.cosign_subtree(&allowed).to_string()),
            Err(refusal) => Reply::refused(&refusal),
        }
    }

    /// What it last cosigned of the log with this hash of its origin, with the log's line and its own, for monitors; `None` if
    /// it never did.
    pub fn checkpoint(&self, log: &OriginId) -> Option<Bytes> {
        self.keeper.find(log).map(|held| held.note().clone())
    }
}

/// When one of these keys cosigned a note, at the latest; no time, if none of them did.
pub(crate) fn time_by<'a>(note: &[u8], keys: impl IntoIterator<Item = &'a VerifierKey>) -> Timestamp {
    let (note, keys) = (Note::parse(note).ok(), keys.into_iter().collect::<Vec<&VerifierKey>>());
    let times = |note: &Note| {
        let opened = note.open(keys.iter().copied()).ok()?;
        opened.signatures().iter().filter_map(VerifiedSignature::time).max()
    };
    note.as_ref().and_then(times).unwrap_or(Timestamp::NONE)
}

/// A head that a log signed and that cannot be in one history with what is held of it.
pub(crate) struct Other {
    /// What was signed.
    pub(crate) checkpoint: SignedCheckpoint,
    /// Which root the larger of both trees has at the smaller size; not needed at one size.
    pub(crate) grown: Option<ConsistencyProof>,
}

impl Other {
    /// What evidence proves, if anything.
    pub(crate) fn of(evidence: &Evidence) -> Option<Self> {
        let grown = match evidence {
            Evidence::Fork(_) => None,
            Evidence::Rewritten(_, proof) => Some(proof.clone()),
            Evidence::Unproven(_) => return None,
        };
        Some(Self { checkpoint: evidence.checkpoint().clone(), grown })
    }
}

/// Keeps the proof that a log has forked; whether there is one. `keys` are those of the log and of whoever holds the note.
pub(crate) async fn keep_fork(keeper: &Keeper, held: &Held, other: &Other, keys: &[VerifierKey]) -> bool {
    let (checkpoint, origin) = (&other.checkpoint, held.origin());
    let text = match ForkProof::make([held.note(), checkpoint.bytes()], keys, other.grown.clone()) {
        Ok(proof) => proof.to_string(),
        Err(error) => {
            tracing::error!(%error, %origin, "what a log signed contradicts what is kept, and is no proof");
            return false;
        }
    };
    tracing::error!(%origin, size = checkpoint.size(), "the log has forked; the proof is kept");
    let id = ContradictionId::of(origin, checkpoint.bytes());
    let kept = keeper.contradicts(id, text).await;
    if let Err(error) = &kept {
        tracing::error!(%error, %origin, "the proof that a log has forked could not be kept");
    }
    kept.is_ok()
}
