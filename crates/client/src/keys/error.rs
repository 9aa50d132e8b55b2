//! What is wrong with a key history.

use std::fmt;

use tlog::checkpoint::CheckpointError;
use tlog::key::KeyName;
use tlog::policy::PolicyFault;
use tlog::proof::ProofError;

use super::Rotation;

/// Why a key history is not followed. `number` counts its rotations from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// It cannot be read.
    #[error("the log's key history cannot be read: {why}")]
    Document {
        /// What is wrong with it.
        why: String,
    },
    /// It is of a log that the policy does not trust.
    #[error("the key history is of the log {origin}, which the policy does not name")]
    OtherLog {
        /// The log's name.
        origin: KeyName,
    },
    /// A record that announces no key of this log, or cannot be made.
    #[error("no announcement of a log's key: {why}")]
    Announcement {
        /// What is wrong with it.
        why: String,
    },
    /// One rotation does not show what it should.
    #[error("rotation {number} of the key history: {fault}")]
    Rotation {
        /// Which one.
        number: usize,
        /// What is wrong with it.
        fault: Fault,
    },
    /// One key has two successors, each signed by it: whoever holds the key has lied to somebody, or it was stolen.
    #[error(
        "the key history was forked: two keys were announced in the place of one, both signed by it\n{0}"
    )]
    Fork(Box<Forked>),
}

/// What is wrong with one rotation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The entry announces nothing.
    #[error("{0}")]
    Announcement(String),
    /// The key that makes way has not signed the record.
    #[error("the key that makes way did not sign the announcement")]
    NotSigned,
    /// The checkpoint is not one that the key that makes way has signed.
    #[error("the checkpoint of its proof: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not in the log there.
    #[error("its proof: {0}")]
    Proof(#[from] ProofError),
    /// It does not follow the one before.
    #[error(
        "it is out of order: it does not replace the key that the one before announced, or stands before it in the log"
    )]
    Order,
    /// It announces a key that the log had before.
    #[error("it announces a key that the log had before")]
    Cycle,
    /// The new key cannot be trusted beside those of the policy.
    #[error("the new key: {0}")]
    Policy(#[from] PolicyFault),
}

/// Two rotations that contradict each other; each stands on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forked {
    /// The one that was known, or came first.
    pub first: Rotation,
    /// The other.
    pub second: Rotation,
}

impl fmt::Display for Forked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, rotation) in [("one", &self.first), ("the other", &self.second)] {
            writeln!(f, "--- {name}\n{}", String::from_utf8_lossy(rotation.entry()))?;
            writeln!(f, "{}", rotation.proof().to_string().trim_end())?;
        }
        Ok(())
    }
}
