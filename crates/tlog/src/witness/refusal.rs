//! Why a witness does not cosign, as it answers over HTTP, and what it keeps of what it was shown.

use super::{RequestError, SIZE_CONTENT_TYPE, print_size};
use crate::checkpoint::SignedCheckpoint;
use crate::key::KeyName;
use crate::note::OpenError;
use crate::plan::ConsistencyProof;
use crate::proof::ProofError;

/// That a witness does not cosign: why, and what the log has signed against what it signed before. Made by
/// [`decide`](super::decide) and [`decide_subtree`](super::decide_subtree), and from a body that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    #[source]
    reason: Reason,
    evidence: Option<Box<Evidence>>,
}

impl Refusal {
    pub(super) fn new(reason: Reason, evidence: Option<Evidence>) -> Self {
        Self { reason, evidence: evidence.map(Box::new) }
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The status of the answer (C2SP tlog-witness).
    pub fn status(&self) -> u16 {
        match self.reason {
            Reason::Malformed(_) | Reason::OldTooLarge { .. } => 400,
            Reason::NotSigned { .. } | Reason::NotCosigned { .. } => 403,
            Reason::UnknownOrigin { .. } => 404,
            Reason::Stale { .. } => 409,
            Reason::EmptyRoot | Reason::ProofNotEmpty | Reason::Fork { .. } | Reason::BadProof(_) => 422,
        }
    }

    /// The body of the answer: the stored size with status 409, otherwise a sentence.
    pub fn body(&self) -> String {
        match self.reason {
            Reason::Stale { stored } => print_size(stored),
            _ => format!("{self}\n"),
        }
    }

    /// The content type of [`Self::body`].
    pub fn content_type(&self) -> &'static str {
        match self.reason {
            Reason::Stale { .. } => SIZE_CONTENT_TYPE,
            _ => "text/plain; charset=utf-8",
        }
    }

    /// What the log has signed that does not go with what is stored, or may not: to be kept.
    pub fn evidence(&self) -> Option<&Evidence> {
        self.evidence.as_deref()
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Self::new(Reason::Malformed(error), None)
    }
}

/// Why a witness does not cosign, in the order in which it asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The body cannot be read.
    #[error(transparent)]
    Malformed(#[from] RequestError),
    /// A log that the witness does not follow.
    #[error("this witness does not follow the log {origin}; ask its operator to enrol it")]
    UnknownOrigin {
        /// Name of the log.
        origin: KeyName,
    },
    /// No signature by a key of the log that the witness trusts, or a bad one.
    #[error("the checkpoint is not signed by the log {origin}: {cause}")]
    NotSigned {
        /// Name of the log.
        origin: KeyName,
        /// What is wrong with the signatures.
        #[source]
        cause: OpenError,
    },
    /// The reference of a subtree does not carry this witness's own cosignature.
    #[error(
        "the checkpoint of {origin} carries no cosignature by this witness that is good for subtrees: {cause}"
    )]
    NotCosigned {
        /// Name of the log.
        origin: KeyName,
        /// What is wrong with the signatures.
        #[source]
        cause: OpenError,
    },
    /// The old size is larger than the checkpoint's.
    #[error("the old size {old} is larger than the checkpoint's, {size}")]
    OldTooLarge {
        /// The old size.
        old: u64,
        /// The checkpoint's.
        size: u64,
    },
    /// The old size is not the one that the witness has stored.
    #[error("the newest checkpoint of this log that is known here has the size {stored}; prove from there")]
    Stale {
        /// The size stored, 0 if the log was never seen.
        stored: u64,
    },
    /// No entries, and a root that such a tree cannot have.
    #[error("a log without entries has only one root hash, and the checkpoint names another")]
    EmptyRoot,
    /// A proof from no entries.
    #[error("from an old size of 0 there is nothing to prove; leave out the proof")]
    ProofNotEmpty,
    /// Another root at the stored size.
    #[error(
        "another checkpoint of this log of size {size}, with another root hash, is known here: the log has forked"
    )]
    Fork {
        /// The size of both.
        size: u64,
    },
    /// The proof does not hold.
    #[error("the proof does not hold: {0}")]
    BadProof(#[source] ProofError),
}

/// Something that a log signed and that does not go with what is stored of it, or may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The size of what is stored, and another root. With the stored checkpoint it proves a fork
    /// ([`ForkProof`](crate::fork::ForkProof)).
    Fork(SignedCheckpoint),
    /// A larger tree with a proof that leads to it, and to another root than the stored one at the stored size. With the
    /// stored checkpoint they prove a fork.
    Rewritten(SignedCheckpoint, ConsistencyProof),
    /// A larger tree that was not shown to continue what is stored. It proves nothing by itself: the proof may have been
    /// spoiled on its way.
    Unproven(SignedCheckpoint),
}

impl Evidence {
    /// What the log signed, with its own signature lines alone.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        match self {
            Self::Fork(checkpoint) | Self::Rewritten(checkpoint, _) | Self::Unproven(checkpoint) => {
                checkpoint
            }
        }
    }

    /// Whether it proves, with the stored checkpoint, that the log has forked.
    pub fn is_proof(&self) -> bool {
        !matches!(self, Self::Unproven(_))
    }
}
