//! What others push to a mirror (C2SP tlog-mirror): checkpoints, as to a witness, and the entries behind them.
//!
//! A list says which logs may be pushed, in the form of a witness's ([`Enrolled`]). A checkpoint that is pushed becomes pending
//! as one that the mirror has fetched itself does ([`Mirror::pend`]); it is not cosigned. Entries are taken package by package
//! ([`Intake`]), each proven and durable before the next: who pushes needs no key, because nothing but the entries of a
//! checkpoint that the log has signed gets in, and nothing of a request is lost that was taken before it broke off.
//!
//! Of the pending checkpoints the newest outlives a restart, so that an upload goes on where it was.

use std::{collections::BTreeMap, slice, sync::Arc};

use parking_lot::Mutex;
use tlog::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    cosignature::Timestamp,
    key::{KeyName, VerifierKey},
    mirror::{End, INFO_CONTENT_TYPE, Package, ReadError, Refusal, Taking, Upload, decide},
    note::{Note, OpenError, SignatureLine, VerifiedSignature},
    policy::Policy,
    witness::{AddCheckpoint, Reason, Refusal as NotCosigned, ToCosign},
};

use super::{
    log::{FinishError, KeepError, MirroredLog, Shown},
    service::{Mirror, PendError},
};
use crate::witness::{
    enrolled::Enrolled,
    keeper::{Held, OriginId},
    ration::{Rations, TooMany, Wish},
    service::Reply,
};

/// The logs that may be pushed to a mirror.
pub struct Pushes {
    mirror: Arc<Mirror>,
    enrolled: Enrolled,
    /// What a checkpoint must satisfy, of logs that are under a policy.
    policies: BTreeMap<OriginId, Policy>,
    /// How often each log may make a checkpoint pending.
    rations: Mutex<Rations>,
}

/// Entries that are being pushed. All of it blocks on the disk.
pub struct Intake {
    mirror: Arc<Mirror>,
    log: Arc<MirroredLog>,
    taking: Taking,
}

impl Pushes {
    /// The logs of this list that the mirror has files for may be pushed to it.
    pub fn new(mirror: Arc<Mirror>, enrolled: Enrolled) -> Self {
        Self { mirror, enrolled, policies: BTreeMap::new(), rations: Mutex::default() }
    }

    /// The same, where checkpoints of these logs are taken only if they satisfy a policy, whoever brings them.
    #[must_use]
    pub fn under(self, policies: impl IntoIterator<Item = (KeyName, Policy)>) -> Self {
        let policies = policies.into_iter().map(|(origin, policy)| (OriginId::of(&origin), policy)).collect();
        Self { policies, ..self }
    }

    /// Makes pending again what was so when the process ended: the newest checkpoint of each log that is not complete.
    pub async fn resume(&self) {
        for log in self.enrolled.logs() {
            let (held, copy) = (self.mirror.keeper().get(log.origin()), self.copy(log.origin()));
            let Some((held, copy)) = held.zip(copy) else { continue };
            // The cosignatures that a policy demands were not kept.
            let demanded = self.policies.get(&OriginId::of(log.origin())).is_some_and(demands);
            if demanded || copy.shown().is_some_and(|shown| shown.head() == held.head()) {
                continue;
            }
            let again = SignedCheckpoint::open(held.note().clone(), log.key())
                .map_err(|error| error.to_string())
                .and_then(|signed| {
                    AddCheckpoint::new(signed.size(), vec![], &signed).map_err(|error| error.to_string())
                });
            let pending = match again {
                Ok(again) => self
                    .mirror
                    .pend(&again, slice::from_ref(log.key()), vec![])
                    .await
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error),
            };
            if let Err(error) = pending {
                tracing::warn!(%error, origin = %log.origin(), "the checkpoint that was pending has to be pushed again");
            }
        }
    }

    /// Answers a request to `add-checkpoint`; `now` is the mirror's clock. Statuses and bodies are those of a witness, but that
    /// of 200, which is empty.
    pub async fn add_checkpoint(&self, body: &[u8], now: Timestamp) -> Reply {
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(error) => return Reply::refused(&NotCosigned::from(error)),
        };
        let keys = self.keys(request.origin());
        // Whoever has no signature of the log does not stand in its line. All else is judged in its turn.
        let held = self.mirror.keeper().get(request.origin());
        let judged = tlog::witness::decide(&request, held.as_ref().map(Held::head), keys);
        if let Err(refusal) = judged
            && matches!(refusal.reason(), Reason::UnknownOrigin { .. } | Reason::NotSigned { .. })
        {
            return Reply::refused(&refusal);
        }
        let witnesses = match self.witnesses(&request) {
            Ok(witnesses) => witnesses,
            Err(reply) => return reply,
        };
        let admit = |allowed: &ToCosign| self.ration(allowed, now);
        match self.mirror.pend_if(&request, keys.unwrap_or_default(), witnesses, admit).await {
            Ok(_) => Reply::ok(String::new()),
            Err(PendError::Refused { refusal, .. }) => Reply::refused(&refusal),
            Err(PendError::TooMany(too_many)) => Reply::too_many(too_many),
            Err(error @ (PendError::Unknown { .. } | PendError::Later(_))) => {
                tracing::error!(%error, origin = %request.origin(), "a checkpoint did not become pending");
                Reply::later("the mirror cannot keep the checkpoint; ask again later")
            }
        }
    }

    /// Whether an upload is taken, from the head of the request alone.
    ///
    /// # Errors
    /// The answer, if it is not.
    pub fn begin(&self, upload: &Upload) -> Result<Intake, Reply> {
        let log = self.keys(upload.origin()).and_then(|_| self.copy(upload.origin()));
        let seen = log
            .as_ref()
            .map(|log| log.seen())
            .transpose()
            .map_err(|error| not_kept(upload.origin(), &error))?;
        let standing = seen.as_ref().map(|seen| seen.standing());
        let taking = decide(upload, standing.as_ref()).map_err(|refusal| Reply::of_upload(&refusal))?;
        let log = log.cloned().ok_or_else(|| Reply::later("the mirror has no files for this log"))?;
        Ok(Intake { mirror: self.mirror.clone(), log, taking })
    }

    /// The keys of a log that may be pushed.
    fn keys(&self, origin: &KeyName) -> Option<&[VerifierKey]> {
        self.copy(origin)?;
        self.enrolled.get(origin).map(|log| slice::from_ref(log.key()))
    }

    fn copy(&self, origin: &KeyName) -> Option<&Arc<MirroredLog>> {
        self.mirror.log(&OriginId::of(origin))
    }

    /// The lines of the policy's witnesses on a checkpoint, verified, if the log is under a policy and they satisfy it.
    fn witnesses(&self, request: &AddCheckpoint) -> Result<Vec<SignatureLine>, Reply> {
        let Some(policy) = self.policies.get(&OriginId::of(request.origin())) else { return Ok(vec![]) };
        let keys: Vec<&VerifierKey> = policy.witnesses().map(|(key, _)| key).collect();
        let refused = |why: &dyn std::fmt::Display| {
            Reply::forbidden(&format!("this mirror takes what satisfies its policy for the log: {why}"))
        };
        // Printed anew, as it is signed and shown.
        let text =
            Checkpoint::new(request.origin().clone(), request.head()).map_err(|error| refused(&error))?;
        let by = |line: &&SignatureLine| keys.iter().any(|key| line.claims(key));
        let lines: Vec<_> = request.note().signatures().iter().filter(by).cloned().collect();
        let note = match Note::new(text.to_string(), lines) {
            Ok(note) => note,
            Err(_) if !demands(policy) => return Ok(vec![]),
            Err(_) => return Err(refused(&"the checkpoint has no cosignature of its witnesses")),
        };
        let cosigned: Vec<&VerifierKey> = match note.open(keys.iter().copied()) {
            Ok(opened) => opened.signatures().iter().map(VerifiedSignature::key).collect(),
            Err(OpenError::NoKnownSignature) => vec![],
            Err(error) => return Err(refused(&error)),
        };
        if !policy.satisfied_by(|key| cosigned.contains(&key)) {
            return Err(refused(&"the checkpoint lacks cosignatures of its witnesses"));
        }
        Ok(note.signatures().to_vec())
    }

    /// Counts what is about to become pending.
    fn ration(&self, allowed: &ToCosign, now: Timestamp) -> Result<(), TooMany> {
        let Some(log) = self.enrolled.get(allowed.origin()) else { return Ok(()) };
        let wish = if allowed.refresh() { Wish::Again } else { Wish::Growth };
        self.rations.lock().take(OriginId::of(log.origin()), wish, log.qpd(), now)
    }
}

impl Intake {
    /// Takes the next package: once this returns it is durable.
    ///
    /// # Errors
    /// The answer; the request is over.
    pub fn take(&mut self, package: Package) -> Result<(), Reply> {
        let start = package.span().start();
        let before = self.log.leaves_before(start).map_err(|error| self.not_kept(&error))?;
        let proven = self.taking.prove(package, &before).map_err(|refusal| Reply::of_upload(&refusal))?;
        self.log.keep(start, proven.entries()).map(drop).map_err(|error| self.not_kept(&error))
    }

    /// The answer to a request of which no more is read: if all packages are here, the copy is finished up to its checkpoint and
    /// that is cosigned. `spoiled` is what could not be read, `now` the mirror's clock.
    pub fn end(&self, spoiled: Option<ReadError>, now: Timestamp) -> Reply {
        let seen = match self.log.seen() {
            Ok(seen) => seen,
            Err(error) => return self.not_kept(&error),
        };
        match self.taking.end(spoiled, &seen.standing()) {
            End::Whole => self.finish(now),
            End::Partly(info) => Reply {
                status: 202,
                content_type: INFO_CONTENT_TYPE,
                body: info.to_string(),
                retry_after: None,
            },
            End::Nothing(refusal) => Reply::of_upload(&refusal),
        }
    }

    fn finish(&self, now: Timestamp) -> Reply {
        let size = self.taking.tree().size;
        let error = match self.mirror.finish(&self.log, size, now) {
            Ok(complete) => return Reply::ok(complete.answer.to_string()),
            Err(FinishError::Keep(error)) => return self.not_kept(&error),
            Err(error) => error,
        };
        // Somebody else was faster: with the same checkpoint, or with a later one.
        if let Some(shown) = self.log.shown().filter(|shown| shown.head() == self.taking.tree()) {
            return Reply::ok(self.lines_of(&shown));
        }
        let refusal = self.log.seen().ok().and_then(|seen| self.taking.finish(&seen.standing()).err());
        if let Some(refusal) = refusal {
            return Reply::of_upload(&refusal);
        }
        tracing::error!(%error, origin = %self.log.origin(), size, "a copy could not be finished");
        Reply::later("the mirror cannot finish its copy; ask again later")
    }

    /// The mirror's own lines of what it shows.
    fn lines_of(&self, shown: &Shown) -> String {
        let note = Note::parse(shown.note()).ok();
        let ours =
            |line: &&tlog::note::SignatureLine| self.mirror.verifier_keys().any(|key| line.claims(key));
        note.iter().flat_map(Note::signatures).filter(ours).map(ToString::to_string).collect()
    }

    fn not_kept(&self, error: &KeepError) -> Reply {
        not_kept(self.log.origin(), error)
    }
}

impl Reply {
    /// The answer to entries that are not taken, or not to the end.
    pub fn of_upload(refusal: &Refusal) -> Self {
        Self {
            status: refusal.status(),
            content_type: refusal.content_type(),
            body: refusal.body(),
            retry_after: None,
        }
    }
}

/// Whether somebody must have cosigned.
fn demands(policy: &Policy) -> bool {
    !policy.satisfied_by(|_| false)
}

fn not_kept(origin: &KeyName, error: &KeepError) -> Reply {
    tracing::error!(%error, %origin, "entries that were pushed are not kept");
    Reply::later("the mirror cannot keep entries of this log at present; ask again later")
}
