//! Why a file is no fork proof, or proves nothing.

use super::FORK_PROOF_LEN_MAX;
use crate::checkpoint::CheckpointError;
use crate::encoding::EncodingError;
use crate::key::{KeyError, KeyId, KeyName, KeyType};
use crate::note::SignatureError;
use crate::proof::{PROOF_LEN_MAX, ProofError};

/// Why a file is no fork proof, or proves nothing. Whoever made it is at fault; nobody else is accused by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForkError {
    /// More than [`FORK_PROOF_LEN_MAX`] bytes.
    #[error("a fork proof has at most {FORK_PROOF_LEN_MAX} bytes, this one has {have}")]
    TooLong {
        /// Bytes found.
        have: usize,
    },
    /// Not UTF-8.
    #[error("the fork proof is not UTF-8 text")]
    NotUtf8,
    /// The file does not start as one does.
    #[error("not a fork proof: the first line is not {}", super::text::MAGIC)]
    Magic,
    /// Not three parts that blank lines divide: keys and proof, a checkpoint, a checkpoint.
    #[error(
        "a fork proof is its keys, a blank line, a signed checkpoint, a blank line, a signed checkpoint, and nothing else"
    )]
    Layout,
    /// A key.
    #[error("line {line} of the fork proof: {cause}")]
    Key {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        cause: KeyError,
    },
    /// A log's key on the line of a witness, or the other way round.
    #[error("line {line} of the fork proof: a key of type {key_type} is not of that kind")]
    KeyType {
        /// Number of the line, from 1.
        line: usize,
        /// Type of the key.
        key_type: KeyType,
    },
    /// Keys out of order, or one twice.
    #[error(
        "line {line} of the fork proof: keys stand once each, in the order of their texts, the log's before the witnesses'"
    )]
    KeyOrder {
        /// Number of the line, from 1.
        line: usize,
    },
    /// A hash.
    #[error("line {line} of the fork proof: {cause}")]
    Hash {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        cause: EncodingError,
    },
    /// More than [`PROOF_LEN_MAX`] hashes.
    #[error("a consistency proof has at most {PROOF_LEN_MAX} hashes")]
    TooManyHashes,
    /// One of the checkpoints.
    #[error("checkpoint {number} of the fork proof: {cause}")]
    Head {
        /// 1 or 2.
        number: u8,
        /// What is wrong with it.
        #[source]
        cause: CheckpointError,
    },
    /// Heads of two logs.
    #[error("the checkpoints are of two logs, {first} and {second}; they cannot contradict each other")]
    TwoOrigins {
        /// Origin of the first.
        first: KeyName,
        /// Origin of the second.
        second: KeyName,
    },
    /// A log's key under another name.
    #[error("the checkpoints are of the log {origin}, and a key is of {name}")]
    OtherLog {
        /// Name of the key.
        name: KeyName,
        /// Origin of both checkpoints.
        origin: KeyName,
    },
    /// One head twice.
    #[error("both checkpoints name the same head; nothing contradicts anything")]
    OneHead,
    /// The larger head comes first.
    #[error(
        "the checkpoints are in the wrong order: the smaller comes first, of one size the smaller root hash"
    )]
    HeadOrder,
    /// Two sizes, and nothing that shows how they exclude each other.
    #[error(
        "the checkpoints are of two sizes, and no proof shows which root hash the larger tree has at the smaller size"
    )]
    NoProof,
    /// One size, and a proof.
    #[error("the checkpoints are of one size; a consistency proof has no place here")]
    NeedlessProof,
    /// The consistency proof does not hold.
    #[error("which root hash the larger tree has at the smaller size is not shown: {0}")]
    Proof(#[source] ProofError),
    /// The larger tree continues the smaller one.
    #[error("the larger tree continues the smaller one: the checkpoints are consistent")]
    Consistent,
    /// A line by a key that the file does not name.
    #[error("a signature line is by {name} (key {id}), and the file names no such key")]
    StrangeLine {
        /// Name on the line.
        name: KeyName,
        /// Key id on the line.
        id: KeyId,
    },
    /// Lines in another order than the keys.
    #[error("the signature lines are not in the order of the keys")]
    LineOrder,
    /// A signature that does not hold.
    #[error("the signature by {name} (key {id}) is bad: {cause}")]
    BadLine {
        /// Name on the line.
        name: KeyName,
        /// Key id on the line.
        id: KeyId,
        /// What is wrong with it.
        #[source]
        cause: SignatureError,
    },
    /// A key that signed neither head.
    #[error("the key {id} of {name} signed neither checkpoint")]
    IdleKey {
        /// Name of the key.
        name: KeyName,
        /// Its id.
        id: KeyId,
    },
    /// No key signed both heads, and not each of them is signed by the log.
    #[error(
        "nobody is shown to have said both: no key signed both checkpoints, and the log did not sign each of them"
    )]
    Nobody,
}
