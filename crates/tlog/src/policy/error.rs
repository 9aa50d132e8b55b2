//! Why a policy cannot be read, and why a checkpoint does not satisfy one.

use super::text::POLICY_LEN_MAX;
use crate::checkpoint::CheckpointError;
use crate::encoding::EncodingError;
use crate::key::{KeyError, KeyName, KeyType};
use crate::note::OpenError;

/// Why a text is no policy. Whoever wrote the policy is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyTextError {
    /// More than [`POLICY_LEN_MAX`] bytes.
    #[error("a policy has at most {POLICY_LEN_MAX} bytes, this one has {have}")]
    TooLong {
        /// Bytes found.
        have: usize,
    },
    /// One line is wrong.
    #[error("line {line} of the policy: {fault}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        fault: PolicyFault,
    },
    /// The end was reached without a quorum line.
    #[error("the policy has no quorum line; write \"quorum none\" if nobody need have cosigned")]
    NoQuorum,
}

/// What is wrong with one line of a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// A control character other than tab.
    #[error("the byte 0x{0:02x} is not allowed")]
    Byte(u8),
    /// The first word is none of the four.
    #[error("a line starts with log, witness, group or quorum, not with {0:?}")]
    Keyword(String),
    /// Too few or too many words.
    #[error("the line should read: {0}")]
    Words(&'static str),
    /// A vkey or URL that is not ASCII or UTF-8 text.
    #[error("keys and URLs are text, this one is not UTF-8")]
    NotText,
    /// The vkey.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A log's key of another type than 0x01.
    #[error("a log signs with a key of type 0x01, this one is {0}")]
    LogKeyType(KeyType),
    /// A witness's key of another type than 0x04 and 0x06.
    #[error("a witness signs with a key of type 0x04 or 0x06, this one is {0}")]
    WitnessKeyType(KeyType),
    /// The same public key as on an earlier line, perhaps under another name.
    #[error("this public key is on an earlier line already, and one key must not count twice")]
    DuplicateKey,
    /// Another public key with the same name and key id as one on an earlier line.
    #[error("an earlier line has another key with the same name and key id")]
    AmbiguousKey,
    /// `none` as the name of a witness or group.
    #[error("\"none\" cannot be the name of a witness or group")]
    ReservedName,
    /// A name that is defined already.
    #[error("{0:?} is defined on an earlier line already")]
    DuplicateName(String),
    /// A name that no earlier line defines.
    #[error("{0:?} is not defined on an earlier line")]
    UnknownName(String),
    /// A name that is a member already, of this group or another.
    #[error("{0:?} is a member already, and a name may be one only once")]
    MemberTwice(String),
    /// Not `all`, `any`, or a number.
    #[error("the threshold is all, any or a number; {0}")]
    ThresholdText(#[source] EncodingError),
    /// A threshold of 0, or more than there are members.
    #[error("the threshold {threshold} is not between 1 and the number of members, {members}")]
    Threshold {
        /// Threshold found.
        threshold: u64,
        /// Members of the group.
        members: usize,
    },
    /// A second quorum line.
    #[error("the policy has a second quorum line")]
    SecondQuorum,
}

/// Why a checkpoint does not satisfy a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The bytes are no signed checkpoint.
    #[error(transparent)]
    NotACheckpoint(CheckpointError),
    /// A checkpoint of a log that the policy does not trust.
    #[error("the checkpoint is of the log {origin}, which the policy does not name")]
    WrongOrigin {
        /// Origin of the checkpoint.
        origin: KeyName,
    },
    /// The log's name is in the policy, but none of its keys signed: another key, or an altered line.
    #[error("the checkpoint is not signed by a key that the policy names for {origin}")]
    NoLogSignature {
        /// Origin of the checkpoint.
        origin: KeyName,
    },
    /// The only keys of the log that signed had made way for others, and the checkpoint is larger than the log was then.
    #[error(
        "the checkpoint of size {size} is signed only by a key of {origin} that another took the place of; its word alone \
         counts up to size {until}"
    )]
    Superseded {
        /// Origin of the checkpoint.
        origin: KeyName,
        /// The largest size for which the old key's word counts.
        until: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// A signature line by a log of the policy does not hold: the checkpoint or the line was altered.
    #[error("bad signature by a log: {0}")]
    BadLogSignature(#[source] OpenError),
    /// A signature line by a witness of the policy does not hold: the line was altered, or the witness is broken.
    #[error("bad cosignature: {0}")]
    BadCosignature(#[source] OpenError),
    /// The log's signature holds, but too few witnesses cosigned. A later checkpoint may have more.
    #[error("not enough cosignatures: the quorum {quorum} needs {want} and has {have}")]
    NotEnoughCosignatures {
        /// Name of the quorum in the policy.
        quorum: String,
        /// Members of the quorum that are satisfied.
        have: usize,
        /// Members that must be.
        want: usize,
    },
}
