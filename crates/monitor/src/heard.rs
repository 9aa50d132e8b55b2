//! A head that its log signed, and the trust that it takes to hear one.
//!
//! A monitor listens to anybody, and believes what is signed. A note is heard if a key of the log signed it; which witnesses
//! cosigned it is asked only of the head that the log itself publishes. For a head that a log signed and got no quorum for is
//! just what a monitor wants to hear of.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tlog::Head;
use tlog::checkpoint::{Checkpoint, CheckpointError};
use tlog::key::{KeyName, VerifierKey};
use tlog::note::{Note, NoteError, OpenError, SignatureLine};
use tlog::policy::Policy;

/// Bytes of a note that is handed on, at most: more than a checkpoint has with a hundred cosignatures of the largest kind.
pub const NOTE_BYTES_MAX: usize = 512 << 10;

/// Whom to believe about one log.
#[derive(Clone, Debug)]
pub struct Trust {
    origin: KeyName,
    policy: Policy,
}

/// A head that its log signed, with the signature lines by keys that are trusted and no others. Made by [`Trust::hear`].
#[derive(Clone, PartialEq, Eq)]
pub struct Heard {
    head: Head,
    note: Note,
}

/// Why a note is not heard. Whoever handed it in is at fault, or whoever altered it on the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HearError {
    /// It is no checkpoint.
    #[error(transparent)]
    NotACheckpoint(#[from] CheckpointError),
    /// A checkpoint of another log.
    #[error("the checkpoint is of the log {origin}, which is not watched here")]
    OtherLog {
        /// Origin of the checkpoint.
        origin: KeyName,
    },
    /// A line by a key that is trusted does not hold.
    #[error("the checkpoint was altered: {0}")]
    BadSignature(#[from] OpenError),
    /// No key of the log signed it whose word counts at this size.
    #[error("the checkpoint is not signed by a key that counts for {origin} at size {size}")]
    NotSigned {
        /// The log.
        origin: KeyName,
        /// Size of the checkpoint.
        size: u64,
    },
}

impl From<NoteError> for HearError {
    fn from(error: NoteError) -> Self {
        CheckpointError::from(error).into()
    }
}

impl Trust {
    /// Trust in the log with this origin, by a policy that names a key of it.
    pub fn new(origin: KeyName, policy: Policy) -> Self {
        Self { origin, policy }
    }

    /// Name of the log.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// What the checkpoint that the log publishes must satisfy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// All keys of the log and of the witnesses that the policy names.
    pub fn keys(&self) -> Vec<VerifierKey> {
        let logs = self.policy.logs().iter().map(|log| &log.key).filter(|key| *key.name() == self.origin);
        logs.chain(self.policy.witnesses().map(|(key, _)| key)).cloned().collect()
    }

    /// The witnesses that the policy names.
    pub fn witnesses(&self) -> impl Iterator<Item = &VerifierKey> {
        self.policy.witnesses().map(|(key, _)| key)
    }

    /// Hears a note: one that a key of the log signed whose word counts at that size. Lines by keys that nobody named are
    /// dropped, so that a head takes no more room than its signatures.
    ///
    /// # Errors
    /// Why it is not heard.
    pub fn hear(&self, bytes: &[u8]) -> Result<Heard, HearError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if *checkpoint.origin() != self.origin {
            return Err(HearError::OtherLog { origin: checkpoint.origin().clone() });
        }
        let keys = self.keys();
        let not_signed = || HearError::NotSigned { origin: self.origin.clone(), size: checkpoint.size() };
        let opened = match note.open(&keys) {
            Err(OpenError::NoKnownSignature) => return Err(not_signed()),
            opened => opened?,
        };
        let counts = |until: Option<u64>| until.is_none_or(|until| checkpoint.size() <= until);
        let logs =
            self.policy.logs().iter().filter(|log| *log.key.name() == self.origin && counts(log.until));
        if !logs.into_iter().any(|log| opened.signature_by(&log.key).is_some()) {
            return Err(not_signed());
        }
        let known = |line: &&SignatureLine| keys.iter().any(|key| line.claims(key));
        let lines = note.signatures().iter().filter(known).cloned().collect();
        Ok(Heard { head: checkpoint.head(), note: Note::new(note.text().to_owned(), lines)? })
    }
}

impl Heard {
    /// Size and root.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// The note, with the lines by keys that are trusted.
    pub fn bytes(&self) -> Bytes {
        self.note.to_string().into()
    }

    /// Whether this key has a line on it.
    pub fn is_by(&self, key: &VerifierKey) -> bool {
        self.note.signatures().iter().any(|line| line.claims(key))
    }

    /// Takes over lines that another note of the same head has; whether there were any.
    pub fn merge(&mut self, other: &Self) -> bool {
        let has = |line: &SignatureLine| {
            self.note.signatures().iter().any(|own| own.name() == line.name() && own.id() == line.id())
        };
        let more: Vec<_> = other.note.signatures().iter().filter(|line| !has(line)).cloned().collect();
        if self.head != other.head || more.is_empty() {
            return false;
        }
        let lines = self.note.signatures().iter().cloned().chain(more).collect();
        // More lines than a note may have are left out.
        Note::new(self.note.text().to_owned(), lines).is_ok_and(|note| {
            self.note = note;
            true
        })
    }
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Heard({} {})", self.head.size, self.head.root)
    }
}

/// The note as text.
impl Serialize for Heard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.note)
    }
}

/// For a monitor's own memory, which holds only what was heard.
impl<'de> Deserialize<'de> for Heard {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let note = Note::parse(text.as_bytes()).map_err(serde::de::Error::custom)?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(serde::de::Error::custom)?;
        Ok(Self { head: checkpoint.head(), note })
    }
}
