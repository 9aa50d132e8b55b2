//! Fork proofs: two signed heads of one log that cannot both be true, in a file that anybody can check alone.
//!
//! ```text
//! "deedbook-fork-proof/1" LF
//! *( "log " vkey LF )              keys of the log, type 0x01, under its origin
//! *( "witness " vkey LF )          keys of those who cosigned, type 0x04 or 0x06
//! [ "root " base64(hash) LF        of the larger tree at the smaller size
//!   *63( base64(hash) LF ) ]       consistency proof from there to the larger tree
//! LF
//! signed checkpoint                the smaller one
//! LF
//! signed checkpoint
//! ```
//!
//! There are two kinds. Of one size with two roots, the heads contradict each other as they stand. Of two sizes, the proof
//! shows which root the larger tree has at the smaller size, and the smaller head names another.
//!
//! Guilty is who signed both: the log if one of its keys did, a witness if its key did. The file says by which keys; whether
//! these are the log's and the witnesses' keys is for the reader to know, who compares them with those he trusts.
//!
//! One contradiction, by the same signatures, has one spelling: the smaller head comes first (of one size, the smaller root);
//! keys stand in the order of their texts, logs before witnesses, and each has signed a head; the lines under each head are
//! by these keys, in that order, and no others.

mod error;
mod text;
mod verified;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::key::{KeyType, VerifierKey};
use crate::note::{Note, SignatureLine};
use crate::plan::ConsistencyProof;
use crate::proof::{PROOF_LEN_MAX, verify_consistency};
use crate::{Hash, Head};

pub use error::ForkError;
pub use text::FORK_PROOF_LEN_MAX;
pub use verified::{Contradiction, Said, Statement, VerifiedFork};

/// Two heads of one log, who is said to have signed them, and why they exclude each other; nothing is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkProof {
    /// The log's, then the witnesses', each in the order of their texts.
    keys: Vec<VerifierKey>,
    /// The root that the larger tree has at the smaller size, with the proof; `None` where the sizes are equal.
    /// Its `old.size` is the smaller size.
    grown: Option<ConsistencyProof>,
    heads: [SignedHead; 2],
}

/// A head and the lines under it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SignedHead {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedHead {
    fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        Ok(Self { checkpoint: Checkpoint::parse(note.text())?, note })
    }

    fn head(&self) -> Head {
        self.checkpoint.head()
    }

    /// The line that this key made.
    fn line_by(&self, key: &VerifierKey) -> Option<&SignatureLine> {
        let lines = self.note.signatures().iter();
        let mut lines = lines.filter(|line| line.claims(key));
        lines.find(|line| key.verify(self.note.text(), line.signature()).is_ok())
    }
}

impl ForkProof {
    /// A proof from two signed heads, given as notes in either order, and keys of the log and of witnesses. For heads of two
    /// sizes, `grown` says which root the larger tree has at the smaller size
    /// ([`ConsistencyPlan`](crate::plan::ConsistencyPlan) makes it from the tiles of the larger tree).
    ///
    /// Takes along what it can verify: lines by other keys, lines that do not hold, and keys that signed neither head are
    /// left out. With too many keys the file would be too long; the log's alone are enough for a proof against the log.
    ///
    /// # Errors
    /// Why the heads do not contradict each other, or why nobody is shown to have said both. What is returned was verified.
    pub fn make(
        heads: [&[u8]; 2],
        keys: &[VerifierKey],
        grown: Option<ConsistencyProof>,
    ) -> Result<Self, ForkError> {
        let [one, other] = heads;
        let read = |number, note| SignedHead::parse(note).map_err(|cause| ForkError::Head { number, cause });
        let mut heads = [read(1, one)?, read(2, other)?];
        heads.sort_by_key(order);
        let [small, large] = [heads[0].head().size, heads[1].head().size];
        let of_the_smaller =
            |grown: ConsistencyProof| ConsistencyProof { old: Head { size: small, ..grown.old }, ..grown };
        let grown = grown.filter(|_| small != large).map(of_the_smaller);
        let mut proof = Self { keys: signers(&heads, keys), grown, heads }.check()?;
        for head in &mut proof.heads {
            let lines: Vec<_> = proof.keys.iter().filter_map(|key| head.line_by(key)).cloned().collect();
            head.note = Note::new(head.note.text().to_owned(), lines).map_err(|_| ForkError::Nobody)?;
        }
        proof.verify()?;
        let have = proof.to_string().len();
        if have > FORK_PROOF_LEN_MAX { Err(ForkError::TooLong { have }) } else { Ok(proof) }
    }

    /// Reads a proof of at most [`FORK_PROOF_LEN_MAX`] bytes. What is accepted prints back to the same bytes.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn parse(file: &[u8]) -> Result<Self, ForkError> {
        text::parse(file)?.check()
    }

    /// What can be seen without a signature: two heads of one log, in order, with what their sizes call for.
    fn check(self) -> Result<Self, ForkError> {
        let [first, second] = &self.heads;
        let origin = first.checkpoint.origin();
        if origin != second.checkpoint.origin() {
            let [first, second] = [origin.clone(), second.checkpoint.origin().clone()];
            return Err(ForkError::TwoOrigins { first, second });
        }
        if let Some(key) = self.keys.iter().find(|key| is_log(key) && key.name() != origin) {
            return Err(ForkError::OtherLog { name: key.name().clone(), origin: origin.clone() });
        }
        if first.head() == second.head() {
            return Err(ForkError::OneHead);
        }
        if order(first) > order(second) {
            return Err(ForkError::HeadOrder);
        }
        match &self.grown {
            None if first.head().size != second.head().size => Err(ForkError::NoProof),
            Some(_) if first.head().size == second.head().size => Err(ForkError::NeedlessProof),
            Some(grown) if grown.hashes.len() > PROOF_LEN_MAX => Err(ForkError::TooManyHashes),
            _ => Ok(self),
        }
    }

    /// The two signed heads as notes, the smaller one first, each with the lines by the keys that are named; not verified.
    pub fn notes(&self) -> [String; 2] {
        self.heads.each_ref().map(|head| head.note.to_string())
    }

    /// Checks that the heads exclude each other and that all signatures hold.
    ///
    /// # Errors
    /// Why the file proves nothing.
    pub fn verify(&self) -> Result<VerifiedFork, ForkError> {
        let contradiction = self.contradiction()?;
        let [first, second] = &self.heads;
        let times = [self.signed(first)?, self.signed(second)?];
        let statements: Vec<_> = self
            .keys
            .iter()
            .zip(times[0].iter().zip(&times[1]))
            .map(|(key, (first, second))| Statement { key: key.clone(), first: *first, second: *second })
            .collect();
        if let Some(idle) = statements.iter().find(|by| by.first.is_none() && by.second.is_none()) {
            return Err(ForkError::IdleKey { name: idle.key.name().clone(), id: idle.key.id() });
        }
        let fork = VerifiedFork {
            origin: first.checkpoint.origin().clone(),
            heads: [first.head(), second.head()],
            contradiction,
            statements,
        };
        if fork.guilty().next().is_none() && !fork.is_signed_by_the_log() {
            return Err(ForkError::Nobody);
        }
        Ok(fork)
    }

    fn contradiction(&self) -> Result<Contradiction, ForkError> {
        let [first, second] = [self.heads[0].head(), self.heads[1].head()];
        let Some(grown) = &self.grown else { return Ok(Contradiction::TwoRoots) };
        verify_consistency(grown.old, second, &grown.hashes).map_err(ForkError::Proof)?;
        if grown.old == first {
            Err(ForkError::Consistent)
        } else {
            Ok(Contradiction::Rewritten { root: grown.old.root })
        }
    }

    /// For each key, what it said of this head. Every line is by one of the keys, in their order, and holds.
    fn signed(&self, head: &SignedHead) -> Result<Vec<Option<Said>>, ForkError> {
        let mut said = vec![None; self.keys.len()];
        let mut next = 0;
        for line in head.note.signatures() {
            let at = self.keys.iter().position(|key| line.claims(key));
            let at = at.ok_or_else(|| ForkError::StrangeLine { name: line.name().clone(), id: line.id() })?;
            if at < next {
                return Err(ForkError::LineOrder);
            }
            let time = self.keys[at].verify(head.note.text(), line.signature());
            let bad = |cause| ForkError::BadLine { name: line.name().clone(), id: line.id(), cause };
            said[at] = Some(Said { time: time.map_err(bad)? });
            next = at + 1;
        }
        Ok(said)
    }
}

/// The smaller head comes first; of one size, the smaller root.
fn order(head: &SignedHead) -> (u64, Hash) {
    (head.head().size, head.head().root)
}

fn is_log(key: &VerifierKey) -> bool {
    key.key_type() == KeyType::Ed25519
}

/// What keys of one kind are sorted by, logs first.
fn key_order(key: &VerifierKey) -> (bool, String) {
    (!is_log(key), key.to_string())
}

/// The keys that signed one of the heads, in their order: the log's under its origin, and any witness's.
fn signers(heads: &[SignedHead; 2], keys: &[VerifierKey]) -> Vec<VerifierKey> {
    let may = |key: &&VerifierKey| !is_log(key) || key.name() == heads[0].checkpoint.origin();
    let signed = |key: &&VerifierKey| heads.iter().any(|head| head.line_by(key).is_some());
    let mut keys: Vec<_> = keys.iter().filter(may).filter(signed).cloned().collect();
    keys.sort_by_cached_key(key_order);
    keys.dedup();
    keys
}
