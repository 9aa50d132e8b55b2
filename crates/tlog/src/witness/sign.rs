//! The body of `sign-subtree`: a subtree to be cosigned, and the proof that it is part of a tree that the witness has seen.

use std::fmt;

use super::{RequestError, check_length, parse_hash, parse_proof, split};
use crate::Hash;
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::cosignature::Subtree;
use crate::encoding;
use crate::note::Note;
use crate::plan::SubtreeProof;
use crate::subtree;

const SUBTREE: &str = "subtree ";

/// A request to cosign a subtree; neither signatures nor proof are verified yet. The range is a subtree with entries, and
/// lies in the tree of the checkpoint.
///
/// ```text
/// "subtree " decimal(start) " " decimal(end) LF
/// base64(hash of the subtree) LF
/// *63( base64(hash) LF )     subtree consistency proof to the checkpoint
/// LF
/// checkpoint that the witness has cosigned
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignSubtree {
    start: u64,
    end: u64,
    hash: Hash,
    proof: Vec<Hash>,
    note: Note,
    checkpoint: Checkpoint,
}

impl SignSubtree {
    /// A request for a cosignature over a subtree of `checkpoint`, which must carry the witness's own cosignature.
    ///
    /// # Errors
    /// [`RequestError::NoEntries`], [`RequestError::Range`] and [`RequestError::TooManyHashes`].
    pub fn new(subtree: SubtreeProof, checkpoint: &SignedCheckpoint) -> Result<Self, RequestError> {
        let SubtreeProof { start, end, hash, hashes: proof } = subtree;
        let note = Note::parse(checkpoint.bytes()).map_err(|error| RequestError::Checkpoint(error.into()))?;
        Self { start, end, hash, proof, note, checkpoint: checkpoint.checkpoint().clone() }.check()
    }

    /// Reads the body of a request. What is accepted prints back to the same bytes.
    ///
    /// # Errors
    /// Says what is wrong with the body; [`decide_subtree`](super::decide_subtree) is for what can be read.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let (head, note) = split(body)?;
        let mut lines = head.split('\n');
        let (start, end) = parse_range(lines.next())?;
        let hash = parse_hash(2, lines.next().ok_or(RequestError::NoHash)?)?;
        let proof = parse_proof(lines, 3)?;
        let note = Note::parse(note).map_err(|error| RequestError::Checkpoint(error.into()))?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Self { start, end, hash, proof, note, checkpoint }.check()
    }

    fn check(self) -> Result<Self, RequestError> {
        check_length(&self.proof)?;
        if self.start == self.end {
            return Err(RequestError::NoEntries(self.start));
        }
        subtree::check(self.start, self.end, self.checkpoint.size()).map_err(RequestError::Range)?;
        Ok(self)
    }

    /// The subtree, as claimed.
    pub fn subtree(&self) -> Subtree<'_> {
        Subtree { origin: self.checkpoint.origin(), start: self.start, end: self.end, hash: self.hash }
    }

    /// The proof that it is part of the tree of the checkpoint.
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The checkpoint, as claimed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The checkpoint as it was sent, with all its signature lines.
    pub fn note(&self) -> &Note {
        &self.note
    }
}

/// The body of the request.
impl fmt::Display for SignSubtree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{SUBTREE}{} {}\n{}", self.start, self.end, self.hash)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

fn parse_range(line: Option<&str>) -> Result<(u64, u64), RequestError> {
    let range = line.and_then(|line| line.strip_prefix(SUBTREE)).and_then(|range| range.split_once(' '));
    let (start, end) = range.ok_or(RequestError::FirstLine("subtree <start> <end>"))?;
    let number = |text| encoding::parse_decimal(text).map_err(RequestError::Number);
    Ok((number(start)?, number(end)?))
}
