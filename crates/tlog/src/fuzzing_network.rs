//! One input, then assertions, for what logs, witnesses and monitors send each other: requests, answers, fork proofs.
//!
//! As in [`crate::fuzzing_note`], each function takes any bytes and panics where a promise breaks. Not part of the public
//! interface.

use std::sync::LazyLock;

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::cosignature::{Cosigner, Timestamp};
use crate::fork::ForkProof;
use crate::key::{Signer, VerifierKey};
use crate::plan::SubtreeProof;
use crate::proof::verify_consistency;
use crate::subtree::verify_subtree;
use crate::witness::{
    AddCheckpoint, Answer, Evidence, Refusal, SignSubtree, WitnessKeys, decide, decide_subtree, parse_size,
    print_size,
};
use crate::{Hash, Head};

/// Requests to cosign a checkpoint, and the decisions on them, had the log signed them.
pub fn add_checkpoint(data: &[u8]) {
    let Ok(request) = AddCheckpoint::parse(data) else { return };
    assert_eq!(request.to_string().as_bytes(), data, "a request prints back to the same bytes");
    let (origin, head) = (request.origin(), request.head());
    let unknown = decide(&request, None, None).map_err(|refusal| refusal.status());
    assert_eq!(unknown.err(), Some(404), "nothing is cosigned of a log that is not followed");
    let log = Signer::from_seed(origin.clone(), &[7; 32]);
    let keys = std::slice::from_ref(log.verifier_key());
    let unsigned = decide(&request, None, Some(keys)).map_err(|refusal| refusal.status());
    assert_eq!(unsigned.err(), Some(403), "nobody has the key");
    let signed = Checkpoint::new(origin.clone(), head).and_then(|checkpoint| checkpoint.sign(&log));
    let Ok(signed) = signed else { return };
    let again = AddCheckpoint::new(request.old(), request.proof().to_vec(), &signed);
    assert!(again.is_ok(), "the parts of a request make a request: {again:?}");
    let Ok(again) = again else { return };
    assert_eq!(AddCheckpoint::parse(again.to_string().as_bytes()).as_ref(), Ok(&again));
    let other = Hash::leaf(data);
    let heads = [head, Head { root: other, ..head }, Head { size: again.old(), root: other }];
    for stored in heads.into_iter().map(Some).chain([None]) {
        decided(&again, stored, keys, &log);
    }
}

/// What is allowed continues what is stored, and what is kept as a proof is one.
fn decided(request: &AddCheckpoint, stored: Option<Head>, keys: &[VerifierKey], log: &Signer) {
    let known = stored.unwrap_or(Head::EMPTY);
    match decide(request, stored, Some(keys)) {
        Ok(allowed) => {
            assert_eq!((allowed.stored(), allowed.head()), (stored, request.head()));
            assert_eq!(verify_consistency(known, allowed.head(), request.proof()), Ok(()));
            assert!(request.old() == known.size && allowed.head().size >= known.size);
        }
        Err(refusal) => refused(&refusal, known, keys, log),
    }
}

fn refused(refusal: &Refusal, known: Head, keys: &[VerifierKey], log: &Signer) {
    assert!(matches!(refusal.status(), 400 | 409 | 422), "it is signed, and by a log that is followed");
    let size = parse_size(refusal.body().as_bytes());
    assert_eq!(
        size.ok(),
        (refusal.status() == 409).then_some(known.size),
        "a stale request is told the size"
    );
    let (checkpoint, grown) = match refusal.evidence() {
        Some(Evidence::Fork(checkpoint)) => (checkpoint, None),
        Some(Evidence::Rewritten(checkpoint, grown)) => (checkpoint, Some(grown.clone())),
        Some(Evidence::Unproven(_)) | None => return,
    };
    let stored = Checkpoint::new(checkpoint.origin().clone(), known);
    let Ok(stored) = stored.and_then(|stored| stored.sign(log)) else { return };
    let proof = ForkProof::make([stored.bytes(), checkpoint.bytes()], keys, grown);
    assert!(proof.is_ok(), "what is kept as a proof is one: {proof:?}");
}

/// Requests to cosign a subtree, and the decisions on them, had the witness cosigned the tree.
pub fn sign_subtree(data: &[u8]) {
    let Ok(request) = SignSubtree::parse(data) else { return };
    assert_eq!(request.to_string().as_bytes(), data, "a request prints back to the same bytes");
    let Some((witness, keys)) = WITNESS.as_ref() else { return };
    assert!(decide_subtree(&request, true, keys).is_err(), "nobody has the key");
    let log = Signer::from_seed(request.checkpoint().origin().clone(), &[7; 32]);
    let Ok(signed) = request.checkpoint().sign(&log) else { return };
    let Ok(reference) = signed.with_signatures([witness.cosign(request.checkpoint(), Timestamp::NONE)])
    else {
        return;
    };
    let (subtree, hashes) = (request.subtree(), request.proof().to_vec());
    let claimed = SubtreeProof { start: subtree.start, end: subtree.end, hash: subtree.hash, hashes };
    let again = SignSubtree::new(claimed, &reference);
    assert!(again.is_ok(), "the parts of a request make a request: {again:?}");
    let Ok(again) = again else { return };
    assert!(
        decide_subtree(&again, false, keys).is_err(),
        "nothing is cosigned of a log that is not followed"
    );
    let head = request.checkpoint().head();
    let shown = verify_subtree(subtree.start, subtree.end, subtree.hash, request.proof(), head);
    match decide_subtree(&again, true, keys) {
        Ok(allowed) => {
            let taken = keys.cosign_subtree(&allowed).take_subtree(&subtree, &vkeys(keys));
            assert!(shown.is_ok() && taken.is_ok(), "what is allowed was shown: {shown:?}, {taken:?}");
        }
        Err(refusal) => assert!(shown.is_err() && refusal.status() == 422, "what was shown is allowed"),
    }
}

/// Answers of witnesses, of either kind.
pub fn witness_answer(data: &[u8]) {
    if let Ok(size) = parse_size(data) {
        assert_eq!(print_size(size).as_bytes(), data, "a size prints back to the same bytes");
    }
    let Ok(answer) = Answer::parse(data) else { return };
    assert_eq!(answer.to_string().as_bytes(), data, "an answer prints back to the same bytes");
    let (Some((witness, keys)), Ok(signed)) = (WITNESS.as_ref(), seen()) else { return };
    for cosignature in answer.take(&signed, &vkeys(keys), None).into_iter().flatten() {
        let made = witness.cosign(signed.checkpoint(), cosignature.time());
        assert_eq!(cosignature.line(), &made, "only what the witness signs is believed");
    }
}

/// Fork proofs.
pub fn fork_proof(data: &[u8]) {
    let Ok(proof) = ForkProof::parse(data) else { return };
    assert_eq!(proof.to_string().as_bytes(), data, "a fork proof prints back to the same bytes");
    let Ok(fork) = proof.verify() else { return };
    let [first, second] = fork.heads();
    assert!(first != second && first.size <= second.size);
    let accused = fork.guilty().count() > 0;
    assert!(accused || fork.is_signed_by_the_log(), "somebody has said both");
    assert!(accused || !fork.log_is_guilty());
}

/// A witness whose seed is no secret: its ML-DSA-44 key, and the same among its keys.
static WITNESS: LazyLock<Option<(Cosigner, WitnessKeys)>> = LazyLock::new(|| {
    let key = || Some(Cosigner::ml_dsa_44("w.example".parse().ok()?, &[7; 32]));
    Some((key()?, WitnessKeys::new(vec![key()?]).ok()?))
});

fn vkeys(keys: &WitnessKeys) -> Vec<VerifierKey> {
    keys.verifier_keys().cloned().collect()
}

/// A checkpoint that the witness may have seen.
fn seen() -> Result<SignedCheckpoint, Box<dyn std::error::Error>> {
    let log = Signer::from_seed("log.example".parse()?, &[7; 32]);
    let head = Head { size: 513, root: Hash::leaf(b"root") };
    Ok(Checkpoint::new(log.name().clone(), head)?.sign(&log)?)
}
