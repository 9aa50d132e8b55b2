//! The key of a log, which signs notes.

use std::fmt;

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::secret::SecretKey;
use super::{KeyError, KeyName, VerifierKey};
use crate::note::SignatureLine;

/// The key that a log signs its checkpoints with: Ed25519, type 0x01.
pub struct Signer(SecretKey<SigningKey>);

impl Signer {
    /// A key from 32 bytes of good randomness, which is the caller's to fetch (and to wipe).
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        Self(SecretKey::of_log(name, seed))
    }

    /// Reads an skey of type 0x01. A line break at the end is not part of an skey.
    pub fn from_skey(skey: &str) -> Result<Self, KeyError> {
        SecretKey::from_skey(skey, SecretKey::of_log).map(Self)
    }

    /// The skey, to be kept where only the log can read it.
    pub fn to_skey(&self) -> Zeroizing<String> {
        self.0.to_skey()
    }

    /// The public half, whose text is the log's vkey.
    pub fn verifier_key(&self) -> &VerifierKey {
        self.0.verifier_key()
    }

    /// Name of the key, which is the origin of the log.
    pub fn name(&self) -> &KeyName {
        self.verifier_key().name()
    }

    /// The signature (RFC 8032) over bytes that are no note: they must not be such that a note could have them as its text,
    /// which holds no zero byte.
    pub fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message)
    }

    /// The signature line for a note with this text.
    pub fn sign(&self, text: &str) -> SignatureLine {
        self.0.line(self.0.sign(text.as_bytes()).to_vec())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({:?}, secret)", self.verifier_key())
    }
}
