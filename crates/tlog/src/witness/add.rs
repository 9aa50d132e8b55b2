//! The body of `add-checkpoint`: a checkpoint to be cosigned, and the proof that it continues an older one.

use std::fmt;

use super::{RequestError, check_length, parse_proof, split};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::encoding;
use crate::key::KeyName;
use crate::note::Note;
use crate::{Hash, Head};

const OLD: &str = "old ";

/// A request to cosign a checkpoint; neither its signatures nor its proof are verified yet.
///
/// ```text
/// "old " decimal LF
/// *63( base64(hash) LF )     consistency proof from the old size to that of the checkpoint
/// LF
/// signed checkpoint
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    old: u64,
    proof: Vec<Hash>,
    note: Note,
    origin: KeyName,
    head: Head,
}

impl AddCheckpoint {
    /// A request for a cosignature over `checkpoint`, by a witness whose newest head of this log has the size `old`.
    ///
    /// All signature lines are sent along. Witnesses in use take bodies of 10 KiB and look at the log's own line only, so a
    /// checkpoint without cosignatures is what to send.
    ///
    /// # Errors
    /// [`RequestError::TooManyHashes`].
    pub fn new(old: u64, proof: Vec<Hash>, checkpoint: &SignedCheckpoint) -> Result<Self, RequestError> {
        check_length(&proof)?;
        let note = Note::parse(checkpoint.bytes()).map_err(|error| RequestError::Checkpoint(error.into()))?;
        Ok(Self { old, proof, note, origin: checkpoint.origin().clone(), head: checkpoint.head() })
    }

    /// Reads the body of a request. What is accepted prints back to the same bytes.
    ///
    /// A checkpoint of no entries with a root that such a tree cannot have is read: the specification has another status for
    /// it than for a body that cannot be read.
    ///
    /// # Errors
    /// Says what is wrong with the body; [`decide`](super::decide) is for what can be read.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let (head, note) = split(body)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix(OLD));
        let old = old.ok_or(RequestError::FirstLine("old <size>"))?;
        let old = encoding::parse_decimal(old).map_err(RequestError::Number)?;
        let proof = parse_proof(lines, 2)?;
        let note = Note::parse(note).map_err(|error| RequestError::Checkpoint(error.into()))?;
        let (origin, head) = Checkpoint::parse_claim(note.text())?;
        Ok(Self { old, proof, note, origin, head })
    }

    /// Size of the older tree, as the sender believes the witness to have it.
    pub fn old(&self) -> u64 {
        self.old
    }

    /// The consistency proof.
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The checkpoint as it was sent, with all its signature lines.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Name of the log, as claimed.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// Size and root of the newer tree, as claimed.
    pub fn head(&self) -> Head {
        self.head
    }
}

/// The body of the request.
impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{OLD}{}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}
