//! What a fork proof shows: who signed what, and why it cannot all be true.

use std::fmt;

use super::is_log;
use crate::cosignature::Timestamp;
use crate::key::{KeyName, VerifierKey};
use crate::{Hash, Head};

/// A fork that was verified. Made by [`ForkProof::verify`](super::ForkProof::verify) only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFork {
    pub(super) origin: KeyName,
    pub(super) heads: [Head; 2],
    pub(super) contradiction: Contradiction,
    pub(super) statements: Vec<Statement>,
}

/// Why two heads cannot both be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// They are of one size and have two roots.
    TwoRoots,
    /// The larger tree has another root at the smaller size than the smaller head names.
    Rewritten {
        /// The root that it has.
        root: Hash,
    },
}

/// What a key has signed of the two heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub(super) key: VerifierKey,
    pub(super) first: Option<Said>,
    pub(super) second: Option<Said>,
}

/// That a head was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// When, by the signer's own clock; cosignatures only.
    pub time: Option<Timestamp>,
}

impl Statement {
    /// Who signed.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// What was said of the first head.
    pub fn first(&self) -> Option<Said> {
        self.first
    }

    /// What was said of the second head.
    pub fn second(&self) -> Option<Said> {
        self.second
    }

    /// Whether the key signed both.
    pub fn is_guilty(&self) -> bool {
        self.first.is_some() && self.second.is_some()
    }
}

impl VerifiedFork {
    /// Name of the log.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// The two heads, the smaller one first.
    pub fn heads(&self) -> [Head; 2] {
        self.heads
    }

    /// Why they cannot both be true.
    pub fn contradiction(&self) -> Contradiction {
        self.contradiction
    }

    /// What each key has signed: the log's keys, then the witnesses'.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The keys that signed both heads, the log's before the witnesses'.
    pub fn guilty(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|by| by.is_guilty())
    }

    /// Whether one key of the log signed both heads. Where two of its keys signed one each, the log has forked or one of
    /// them was lost to somebody else: that this does not decide.
    pub fn log_is_guilty(&self) -> bool {
        self.guilty().any(|by| is_log(&by.key))
    }

    /// Whether each of the heads is signed by some key of the log.
    pub fn is_signed_by_the_log(&self) -> bool {
        let logs = || self.statements.iter().filter(|by| is_log(&by.key));
        logs().any(|by| by.first.is_some()) && logs().any(|by| by.second.is_some())
    }
}

/// The contradiction in one sentence.
impl fmt::Display for VerifiedFork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.heads;
        write!(f, "two histories of the log {}: ", self.origin)?;
        match self.contradiction {
            Contradiction::TwoRoots => {
                write!(
                    f,
                    "at size {} the root hashes {} and {} were signed",
                    first.size, first.root, second.root
                )
            }
            Contradiction::Rewritten { root } => write!(
                f,
                "at size {} the root hash {} was signed, and the tree of size {} that was signed has {root} there",
                first.size, first.root, second.size
            ),
        }
    }
}
