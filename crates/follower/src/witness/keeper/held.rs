//! A note that a witness answers for, and the hash that its log goes by.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tlog::{
    Head,
    checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint},
    key::KeyName,
    note::Note,
};

/// SHA-256 of a log's origin: under which its note is kept, and served (C2SP tlog-witness, monitoring).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginId([u8; 32]);

impl OriginId {
    /// The id of an origin.
    pub fn of(origin: &KeyName) -> Self {
        Self(Sha256::digest(origin.as_str()).into())
    }

    /// An id that was read.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 lowercase hexadecimal digits.
impl fmt::Display for OriginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for OriginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no [`OriginId`]: it has exactly 64 lowercase hexadecimal digits. Whoever wrote it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hash of an origin has 64 lowercase hexadecimal digits")]
pub struct OriginIdError;

/// What is accepted prints back to the same text.
impl FromStr for OriginId {
    type Err = OriginIdError;

    fn from_str(text: &str) -> Result<Self, OriginIdError> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(OriginIdError) };
        let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
        let bytes = bytes.collect::<Option<Vec<u8>>>().ok_or(OriginIdError)?;
        bytes.try_into().map(Self).map_err(|_| OriginIdError)
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// A note over a checkpoint, with what the checkpoint says. Its signatures are not verified here. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    origin: KeyName,
    head: Head,
    note: Bytes,
}

impl Held {
    /// Reads a note whose text is a checkpoint.
    pub fn parse(note: impl Into<Bytes>) -> Result<Self, CheckpointError> {
        let note = note.into();
        let checkpoint = Checkpoint::parse(Note::parse(&note)?.text())?;
        Ok(Self { origin: checkpoint.origin().clone(), head: checkpoint.head(), note })
    }

    /// First line of the checkpoint.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// Size and root hash.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The note, byte for byte.
    pub fn note(&self) -> &Bytes {
        &self.note
    }
}

impl From<&SignedCheckpoint> for Held {
    fn from(checkpoint: &SignedCheckpoint) -> Self {
        Self {
            origin: checkpoint.origin().clone(),
            head: checkpoint.head(),
            note: checkpoint.bytes().clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// C2SP tlog-witness: the hash in the monitoring path.
    #[test]
    fn the_hash_of_an_origin_as_others_compute_it() {
        let origin = "log.example.org/agents-1".parse().unwrap();
        let id = "022673309084deb12bd1918fd4b7765ba7d11a9e010ed143546f3f9aa16b84a3";
        assert_eq!(OriginId::of(&origin).to_string(), id);
        assert_eq!(id.parse(), Ok(OriginId::of(&origin)));
    }

    #[test]
    fn one_spelling_of_a_hash() {
        let good = "0a".repeat(32);
        assert!(good.parse::<OriginId>().is_ok());
        for bad in
            [&good[2..], &good[1..], &format!("{good}0a"), &good.to_uppercase(), &good.replace('a', "g"), ""]
        {
            assert_eq!(bad.parse::<OriginId>(), Err(OriginIdError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn hashes_come_back(bytes: [u8; 32]) {
            let id = OriginId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn no_note_panics(bytes: Vec<u8>) {
            let _ = Held::parse(bytes);
        }
    }
}
