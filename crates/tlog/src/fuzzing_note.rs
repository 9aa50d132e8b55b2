//! One input, then assertions: what fuzzers and property tests drive the text parsers with.
//!
//! Each function takes any bytes. What its parser accepts must print back to the same bytes (for policies: must
//! print to a text that means the same and is stable), and reading must never panic. Not part of the public
//! interface.

use crate::checkpoint::Checkpoint;
use crate::cosignature::Cosigner;
use crate::key::{Signer, VerifierKey};
use crate::note::Note;
use crate::policy::Policy;
use crate::tlog_proof::TlogProof;

/// Signed notes.
pub fn note(data: &[u8]) {
    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.to_string().as_bytes(), data, "a note prints back to the same bytes");
        let again = Note::new(note.text().to_owned(), note.signatures().to_vec());
        assert_eq!(again.as_ref(), Ok(&note), "the parts of a note make the note");
    }
}

/// Texts of checkpoints.
pub fn checkpoint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text, "a checkpoint prints back to the same text");
        let again = Checkpoint::new(checkpoint.origin().clone(), checkpoint.head());
        assert_eq!(again.as_ref(), Ok(&checkpoint), "the parts of a checkpoint make the checkpoint");
    }
}

/// Vkeys, and skeys with them.
pub fn vkey(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text, "a vkey prints back to the same text");
    }
    if let Ok(signer) = Signer::from_skey(text) {
        assert_eq!(signer.to_skey().as_str(), text, "an skey prints back to the same text");
    }
    if let Ok(witness) = Cosigner::from_skey(text) {
        assert_eq!(witness.to_skey().as_str(), text, "an skey prints back to the same text");
    }
}

/// Policies.
pub fn policy(data: &[u8]) {
    if let Ok(policy) = Policy::parse(data) {
        let text = policy.to_bytes();
        let again = Policy::parse(&text);
        assert!(again.is_ok(), "what a policy prints can be read");
        assert_eq!(again.map(|policy| policy.to_bytes()).as_ref(), Ok(&text), "a printed policy is stable");
    }
}

/// Proofs in a file.
pub fn tlog_proof(data: &[u8]) {
    if let Ok(proof) = TlogProof::parse(data.to_vec()) {
        assert_eq!(proof.to_bytes(), data, "a tlog-proof prints back to the same bytes");
        assert_eq!(proof.to_string().as_bytes(), data, "so does its text");
    }
}
