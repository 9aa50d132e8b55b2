//! Public keys and their names.

use std::fmt;
use std::str::FromStr;

use curve25519_dalek::edwards::EdwardsPoint;
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

use super::{Signature, message};
use crate::base64url;

/// Bytes of a raw public key.
const KEY_BYTES: usize = 32;

/// The name of a key: SHA-256 of its raw public key. Its text is 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 32]);

impl KeyId {
    /// The name of the key with these bytes, whether or not they are a key.
    pub fn of(public_key: &[u8; KEY_BYTES]) -> Self {
        Self(Sha256::digest(public_key).into())
    }

    /// The name that is these 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the digest.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        base64url::decode_array(text).map(Self).ok_or(PublicKeyError::Spelling)
    }
}

/// Why bytes or a text are no public key, or no name of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// Not 32 bytes of base64url in their one spelling.
    #[error("the key must be 32 bytes as 43 characters of base64url without padding (RFC 4648, section 5)")]
    Spelling,
    /// Not a point of the curve in its canonical encoding (RFC 8032, section 5.1.3).
    #[error("these bytes are no Ed25519 public key; was another kind of key sent?")]
    NotAPoint,
    /// A point of small order: signatures under it can be made by anybody.
    #[error("anybody can make signatures for this public key, so it proves nothing; make a new key")]
    Weak,
}

/// An Ed25519 public key that only its owner can sign for. Its text is 43 characters of base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
    /// Whether the point lies in the subgroup of prime order, as every key does that was made by the book.
    is_torsion_free: bool,
}

impl PublicKey {
    /// The public half of a signing key.
    pub fn of(key: &ed25519_dalek::SigningKey) -> Self {
        let key = key.verifying_key();
        // A multiple of the base point is torsion-free, and no small multiple of it is the clamped key's.
        Self { id: KeyId::of(key.as_bytes()), key, is_torsion_free: true }
    }

    /// The key with these raw bytes (RFC 8032, section 5.1.5).
    ///
    /// A key with a component of small order beside the large one is taken, as other strict verifiers take it; such a key
    /// is never part of a batch.
    ///
    /// # Errors
    /// [`PublicKeyError::NotAPoint`], also for an encoding that is not canonical; [`PublicKeyError::Weak`].
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, PublicKeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| PublicKeyError::NotAPoint)?;
        let point = key.to_edwards();
        if point.compress().as_bytes() != bytes {
            return Err(PublicKeyError::NotAPoint);
        }
        if key.is_weak() {
            return Err(PublicKeyError::Weak);
        }
        Ok(Self { key, id: KeyId::of(bytes), is_torsion_free: point.is_torsion_free() })
    }

    /// The raw 32 bytes.
    pub fn to_bytes(&self) -> [u8; KEY_BYTES] {
        self.key.to_bytes()
    }

    /// The name of this key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Whether `signature` is by this key over the record with these canonical bytes: strict single verification.
    pub fn verify(&self, canonical: &[u8], signature: &Signature) -> bool {
        self.holds(&message(canonical), signature)
    }

    pub(super) fn holds(&self, message: &[u8], signature: &Signature) -> bool {
        let value = ed25519_dalek::Signature::from_bytes(&signature.value);
        signature.kid == self.id && self.key.verify_strict(message, &value).is_ok()
    }

    pub(super) fn is_torsion_free(&self) -> bool {
        self.is_torsion_free
    }

    pub(super) fn point(&self) -> EdwardsPoint {
        self.key.to_edwards()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.key.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        Self::from_bytes(&base64url::decode_array(text).ok_or(PublicKeyError::Spelling)?)
    }
}
