//! What a witness cosigns: the decision, and the only values that its keys sign.

use super::{AddCheckpoint, Evidence, Reason, Refusal, SignSubtree, WitnessKeys};
use crate::checkpoint::{Checkpoint, SignedCheckpoint, print_claim};
use crate::cosignature::Subtree;
use crate::key::{KeyName, KeyType, VerifierKey};
use crate::note::{Note, OpenError, SignatureLine, VerifiedSignature};
use crate::plan::ConsistencyProof;
use crate::proof::{ProofError, old_root_from_consistency, verify_consistency};
use crate::subtree::verify_subtree;
use crate::{Hash, Head};

/// A checkpoint that continues all that the witness has cosigned of its log. Made by [`decide`] only; signed by
/// [`WitnessKeys::cosign`], and to be stored before anybody sees that.
#[derive(Debug)]
pub struct ToCosign {
    stored: Option<Head>,
    signed: SignedCheckpoint,
}

impl ToCosign {
    /// Name of the log.
    pub fn origin(&self) -> &KeyName {
        self.signed.origin()
    }

    /// The head that the decision was made for: only where it is still the stored one may [`Self::head`] be stored in its
    /// place.
    pub fn stored(&self) -> Option<Head> {
        self.stored
    }

    /// The head to be stored.
    pub fn head(&self) -> Head {
        self.signed.head()
    }

    /// Whether the stored head stays, and is cosigned once more for the sake of the time.
    pub fn refresh(&self) -> bool {
        self.stored == Some(self.head())
    }

    /// The checkpoint, printed anew, with the lines of the log that were verified and no others.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.signed
    }

    pub(super) fn into_checkpoint(self) -> SignedCheckpoint {
        self.signed
    }
}

/// Decides whether a witness cosigns (C2SP tlog-witness, add-checkpoint). The checks and their order are those of the
/// specification; [`Reason`] lists them.
///
/// `stored` is the newest head that the witness has cosigned for the origin of the request, `None` if it never did. `keys`
/// are those of that log which it trusts, `None` if it does not follow the log; keys of other types than 0x01, and of other
/// names than the origin, are not looked at.
///
/// # Errors
/// Why it does not, with what the log has signed against what is stored.
pub fn decide(
    request: &AddCheckpoint,
    stored: Option<Head>,
    keys: Option<&[VerifierKey]>,
) -> Result<ToCosign, Refusal> {
    let origin = request.origin();
    let unknown = || Refusal::new(Reason::UnknownOrigin { origin: origin.clone() }, None);
    let note = signed_by_the_log(request, keys.ok_or_else(unknown)?)?;
    let (old, head) = (request.old(), request.head());
    let known = stored.unwrap_or(Head::EMPTY);
    // From here on the log has signed what was sent, so that whatever contradicts the stored head is evidence.
    let checkpoint = Checkpoint::new(origin.clone(), head).ok();
    let signed = checkpoint.map(|checkpoint| SignedCheckpoint::of(checkpoint, &note));
    let refuse =
        |reason| Err(Refusal::new(reason, signed.clone().and_then(|signed| contradiction(signed, known))));
    if old > head.size {
        return refuse(Reason::OldTooLarge { old, size: head.size });
    }
    if old != known.size {
        return refuse(Reason::Stale { stored: known.size });
    }
    let Some(signed) = signed.clone() else { return refuse(Reason::EmptyRoot) };
    if old == 0 && !request.proof().is_empty() {
        return refuse(Reason::ProofNotEmpty);
    }
    if old == head.size && known.root != head.root {
        return refuse(Reason::Fork { size: head.size });
    }
    match verify_consistency(known, head, request.proof()) {
        Ok(()) => Ok(ToCosign { stored, signed }),
        Err(error) => Err(unproven(error, signed, known, request.proof())),
    }
}

/// The note with the lines by trusted keys of the log, all of them verified, and no others.
///
/// They are verified over what was read, printed anew: were a text ever read as something else than the log has signed, no
/// signature would hold.
fn signed_by_the_log(request: &AddCheckpoint, keys: &[VerifierKey]) -> Result<Note, Refusal> {
    let origin = request.origin();
    let keys: Vec<_> =
        keys.iter().filter(|key| key.key_type() == KeyType::Ed25519 && key.name() == origin).collect();
    let text = print_claim(origin, request.head());
    let by_the_log = |line: &&SignatureLine| keys.iter().any(|key| line.claims(key));
    let lines = request.note().signatures().iter().filter(by_the_log).cloned().collect();
    let not_signed = |cause| Refusal::new(Reason::NotSigned { origin: origin.clone(), cause }, None);
    let note = Note::new(text, lines).map_err(|_| not_signed(OpenError::NoKnownSignature))?;
    note.open(keys.iter().copied()).map_err(not_signed)?;
    Ok(note)
}

/// Two roots at one size, whatever else is wrong with the request.
fn contradiction(signed: SignedCheckpoint, known: Head) -> Option<Evidence> {
    let forked = signed.size() == known.size && signed.root() != known.root;
    forked.then_some(Evidence::Fork(signed))
}

/// A proof that does not hold: it may show even so that the log has rewritten what is stored.
fn unproven(error: ProofError, signed: SignedCheckpoint, known: Head, proof: &[Hash]) -> Refusal {
    let head = signed.head();
    let evidence = match old_root_from_consistency(known.size, head, proof) {
        // The same tree, and a proof where none belongs.
        _ if head == known => None,
        Some(root) if root != known.root => {
            let old = Head { size: known.size, root };
            Some(Evidence::Rewritten(signed, ConsistencyProof { old, hashes: proof.to_vec() }))
        }
        _ => Some(Evidence::Unproven(signed)),
    };
    Refusal::new(Reason::BadProof(error), evidence)
}

/// A subtree of a tree that the witness has cosigned. Made by [`decide_subtree`] only; signed by
/// [`WitnessKeys::cosign_subtree`].
#[derive(Debug)]
pub struct ToCosignSubtree<'a> {
    subtree: Subtree<'a>,
    keys: Vec<&'a VerifierKey>,
}

impl<'a> ToCosignSubtree<'a> {
    /// What is to be signed.
    pub fn subtree(&self) -> &Subtree<'a> {
        &self.subtree
    }

    /// The keys that vouch for the tree, each of type 0x06.
    pub(super) fn keys(&self) -> &[&'a VerifierKey] {
        &self.keys
    }
}

/// Decides whether a witness cosigns a subtree (C2SP tlog-witness, sign-subtree). Nothing stored is needed: the cosignature
/// on the checkpoint shows what the witness has seen.
///
/// `known` says whether it follows the log. A key of `keys` signs only what rests on a cosignature by that same key: an
/// ML-DSA-44 signature would otherwise be worth no more than Ed25519.
///
/// # Errors
/// Why it does not; such a refusal carries no evidence.
pub fn decide_subtree<'a>(
    request: &'a SignSubtree,
    known: bool,
    keys: &'a WitnessKeys,
) -> Result<ToCosignSubtree<'a>, Refusal> {
    let (checkpoint, subtree) = (request.checkpoint(), request.subtree());
    let origin = checkpoint.origin();
    if !known {
        return Err(Refusal::new(Reason::UnknownOrigin { origin: origin.clone() }, None));
    }
    let keys = own_keys(request.note(), keys)
        .map_err(|cause| Refusal::new(Reason::NotCosigned { origin: origin.clone(), cause }, None))?;
    let shown = verify_subtree(subtree.start, subtree.end, subtree.hash, request.proof(), checkpoint.head());
    shown.map_err(|error| Refusal::new(Reason::BadProof(error), None))?;
    Ok(ToCosignSubtree { subtree, keys })
}

/// The witness's keys of type 0x06 that have cosigned the note, at least one.
fn own_keys<'a>(note: &'a Note, keys: &'a WitnessKeys) -> Result<Vec<&'a VerifierKey>, OpenError> {
    let own = keys.verifier_keys().filter(|key| key.key_type() == KeyType::MlDsa44);
    Ok(note.open(own)?.signatures().iter().map(VerifiedSignature::key).collect())
}
