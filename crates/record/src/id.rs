//! The names a record is known by: its UUID, and the pair of producer and UUID.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::refusal::{Cause, Refusal};

/// A record's id: a UUID of any version (RFC 9562; version 7 is wanted, so that ids sort by time).
///
/// It has exactly one spelling, lowercase with hyphens, in `Display` and `FromStr`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId([u8; 16]);

/// Where the hyphens stand in a UUID's 36 characters.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl RecordId {
    /// The id made of these 16 bytes, most significant first.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes, most significant first.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let text: &[u8; 36] = text.try_into().ok()?;
        let mut bytes = [0; 16];
        let mut at = 0;
        for byte in &mut bytes {
            if HYPHENS.contains(&at) {
                if text[at] != b'-' {
                    return None;
                }
                at += 1;
            }
            *byte = nibble(text[at])? << 4 | nibble(text[at + 1])?;
            at += 2;
        }
        Some(Self(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({self})")
    }
}

impl FromStr for RecordId {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        Self::read(text.as_bytes()).ok_or_else(|| Refusal::new(Cause::BadId, "", 0))
    }
}

/// What makes a record one record: its id together with its producer, so that nobody occupies another producer's ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The record's id, first, so that keys made of version 7 UUIDs sort by time.
    pub id: [u8; 16],
    /// The first 16 bytes of SHA-256 over `producer.id` (UTF-8, unescaped); over nothing where no producer is named.
    pub producer: [u8; 16],
}

impl RecordKey {
    /// The key of the record `id` of the producer named `producer`, empty for none.
    pub fn new(id: RecordId, producer: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(producer.as_bytes()).into();
        let [tag, _] = halves(digest);
        Self { id: id.0, producer: tag }
    }

    /// The 32 bytes of this key: id, then producer.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.id);
        bytes[16..].copy_from_slice(&self.producer);
        bytes
    }

    /// The key whose 32 bytes these are.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let [id, producer] = halves(bytes);
        Self { id, producer }
    }
}

fn halves(bytes: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    halves[0].copy_from_slice(&bytes[..16]);
    halves[1].copy_from_slice(&bytes[16..]);
    halves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let text = "0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10";
        let id: RecordId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.to_bytes()[..4], [0x01, 0x98, 0xf0, 0xc2]);
        for bent in [
            "",
            "0198F0C2-7D1E-7C3A-9A54-1F2F6F1F9B10",
            "{0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10}",
            "urn:uuid:0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10",
            "0198f0c27d1e7c3a9a541f2f6f1f9b10",
            "0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b1",
            "0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b100",
            "0198f0c27-d1e-7c3a-9a54-1f2f6f1f9b10",
            "0198f0c2-7d1e-7c3a-9a5411f2f6f1f9b10",
            "0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9g10",
            "0198f0c2 7d1e 7c3a 9a54 1f2f6f1f9b10",
        ] {
            assert_eq!(bent.parse::<RecordId>().unwrap_err().code(), "bad-id", "{bent}");
        }
    }

    #[test]
    fn a_key_is_id_then_producer_tag() {
        let key = RecordKey::new(RecordId::from_bytes([7; 16]), "");
        // SHA-256 of nothing starts so (FIPS 180-4).
        assert_eq!(key.producer[..4], [0xe3, 0xb0, 0xc4, 0x42]);
        assert_eq!(RecordKey::from_bytes(key.to_bytes()), key);
        assert_eq!(key.to_bytes()[..16], [7; 16]);
        assert_ne!(RecordKey::new(RecordId::from_bytes([7; 16]), "crm").producer, key.producer);
    }
}
