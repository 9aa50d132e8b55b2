//! Why a request to a witness cannot be read.

use super::BODY_LEN_MAX;
use crate::checkpoint::CheckpointError;
use crate::encoding::EncodingError;
use crate::proof::{PROOF_LEN_MAX, ProofError};

/// Why bytes are no request to a witness, or one that makes no sense. Whoever sent them is at fault; no signature was looked
/// at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// More than [`BODY_LEN_MAX`] bytes.
    #[error(
        "a request has at most {BODY_LEN_MAX} bytes, this one has {have}; send the log's own signature line alone"
    )]
    TooLong {
        /// Bytes found.
        have: usize,
    },
    /// No blank line before the checkpoint.
    #[error("the request has no blank line before its checkpoint")]
    NoBlankLine,
    /// The lines before the checkpoint are not UTF-8.
    #[error("the request is not UTF-8 text")]
    NotUtf8,
    /// The first line is another.
    #[error("the first line of the request should read: {0}")]
    FirstLine(&'static str),
    /// A number of the first line.
    #[error("the first line of the request: {0}")]
    Number(#[source] EncodingError),
    /// No hash of the subtree where it belongs.
    #[error("the second line of the request is the hash of the subtree; here is none")]
    NoHash,
    /// A hash.
    #[error("line {line} of the request: {cause}")]
    Hash {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        cause: EncodingError,
    },
    /// More than [`PROOF_LEN_MAX`] hashes of proof.
    #[error("a proof has at most {PROOF_LEN_MAX} hashes")]
    TooManyHashes,
    /// What follows the blank line is no signed checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A subtree without entries.
    #[error("the subtree from {0} up to {0} holds no entries")]
    NoEntries(u64),
    /// The range is no subtree, or not in the tree of the checkpoint.
    #[error(transparent)]
    Range(ProofError),
}
