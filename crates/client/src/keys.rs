//! A log's keys, and how whoever trusts one of them comes to trust the next.
//!
//! A log that changes its key announces it in itself: a `key.rotated` record with the role `log`, signed by the key that
//! goes, under a checkpoint that the key that goes has signed. A [`Rotation`] is that entry with its tlog-proof, and stands
//! on its own. A [`History`] is all of a log's rotations in order, one JSON document:
//!
//! ```json
//! {"format": "deedbook-log-keys/1",
//!  "origin": "log.example.org/agents",
//!  "first": "<vkey>",
//!  "rotations": [{"entry": "<the entry, byte for byte>", "proof": "<C2SP tlog-proof>"}]}
//! ```
//!
//! [`follow_keys`] walks it from the keys that a policy trusts. Nobody else is believed on the way: not the document, nor
//! whoever served it. A history may stop early, and then leads to an older key; it cannot lead to a key that no trusted key
//! has signed for.

mod announcement;
mod error;
mod follow;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tlog::key::{KeyName, VerifierKey};
use tlog::tlog_proof::TlogProof;

pub use announcement::{Announcement, announce};
pub use error::KeysError;
pub use follow::{Followed, Step, follow_keys};

/// Path of the document below a log's prefix, and in a copy's directory.
pub const KEYS_PATH: &str = "v1/log/keys";
/// Bytes of the document, at most.
pub const HISTORY_BYTES_MAX: usize = 2 << 20;
/// Rotations of one log, at most.
pub const ROTATIONS_MAX: usize = 256;

const FORMAT: &str = "deedbook-log-keys/1";

/// One change of key, with all that it takes to believe it for who trusts the key before. Nothing is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    entry: Bytes,
    proof: TlogProof,
}

/// How the keys of a log followed each other, by somebody's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    first: VerifierKey,
    rotations: Vec<Rotation>,
}

#[derive(Serialize, Deserialize)]
struct HistoryText {
    format: String,
    origin: String,
    first: String,
    rotations: Vec<RotationText>,
}

#[derive(Serialize, Deserialize)]
struct RotationText {
    entry: String,
    proof: String,
}

impl Rotation {
    /// The entry that announces a key, and the proof that it is in the log.
    pub fn new(entry: Bytes, proof: TlogProof) -> Self {
        Self { entry, proof }
    }

    /// The entry, byte for byte.
    pub fn entry(&self) -> &Bytes {
        &self.entry
    }

    /// The proof that it is in the log.
    pub fn proof(&self) -> &TlogProof {
        &self.proof
    }

    fn text(&self) -> RotationText {
        // An entry is JSON, as whoever took it into a history knows.
        RotationText {
            entry: String::from_utf8_lossy(&self.entry).into_owned(),
            proof: self.proof.to_string(),
        }
    }
}

impl History {
    /// Of a log that has only ever had one key.
    pub fn of_one(first: VerifierKey) -> Self {
        Self { first, rotations: vec![] }
    }

    /// Reads the document. What it says is not verified.
    ///
    /// # Errors
    /// [`KeysError::Document`].
    pub fn parse(bytes: &[u8]) -> Result<Self, KeysError> {
        let bad = |why: &dyn std::fmt::Display| KeysError::Document { why: why.to_string() };
        if bytes.len() > HISTORY_BYTES_MAX {
            return Err(bad(&format!("it has more than {HISTORY_BYTES_MAX} bytes")));
        }
        let text: HistoryText = serde_json::from_slice(bytes).map_err(|error| bad(&error))?;
        if text.format != FORMAT {
            return Err(bad(&format!("its format is {:?}, not {FORMAT:?}", text.format)));
        }
        if text.rotations.len() > ROTATIONS_MAX {
            return Err(bad(&format!("it has more than {ROTATIONS_MAX} rotations")));
        }
        let first = VerifierKey::parse(&text.first).map_err(|error| bad(&error))?;
        if first.name().as_str() != text.origin {
            return Err(bad(&"its first key is of another log than it says"));
        }
        let read = |(number, text): (usize, RotationText)| {
            let proof = TlogProof::parse(text.proof)
                .map_err(|error| bad(&format!("the proof of rotation {number}: {error}")))?;
            Ok(Rotation { entry: text.entry.into(), proof })
        };
        let rotations = (1..).zip(text.rotations).map(read).collect::<Result<_, _>>()?;
        Ok(Self { first, rotations })
    }

    /// The document.
    pub fn to_bytes(&self) -> Bytes {
        let text = HistoryText {
            format: FORMAT.to_owned(),
            origin: self.origin().to_string(),
            first: self.first.to_string(),
            rotations: self.rotations.iter().map(Rotation::text).collect(),
        };
        let mut bytes = serde_json::to_vec(&text).unwrap_or_default();
        bytes.push(b'\n');
        bytes.into()
    }

    /// Name of the log.
    pub fn origin(&self) -> &KeyName {
        self.first.name()
    }

    /// The key that the log began with.
    pub fn first(&self) -> &VerifierKey {
        &self.first
    }

    /// All changes, the first one first.
    pub fn rotations(&self) -> &[Rotation] {
        &self.rotations
    }

    /// With one change more.
    #[must_use]
    pub fn with(mut self, rotation: Rotation) -> Self {
        self.rotations.push(rotation);
        self
    }

    /// The first so many changes.
    #[must_use]
    pub fn up_to(mut self, rotations: usize) -> Self {
        self.rotations.truncate(rotations);
        self
    }

    /// What was known, and after it what another history has beside. A change that only one of them knows is not lost: if
    /// they contradict each other, both sides are in it.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for rotation in &other.rotations {
            if !self.rotations.iter().any(|known| known.entry == rotation.entry) {
                self.rotations.push(rotation.clone());
            }
        }
        self
    }
}
