//! Signatures over records: made, read, printed, and checked one by one or many at a time.
//!
//! `sig` is a JSON array of one to four objects, each by another key:
//!
//! ```text
//! [{"alg":"EdDSA","kid":<base64url of SHA-256 of the raw public key>,"value":<base64url of 64 bytes>}]
//! ```
//!
//! What is signed is [`message`]: `deedbook-record-v1`, a zero byte, and the canonical bytes of the record. `alg` is the
//! name of JWA (RFC 8037, section 3.1), and the only one there is; it names Ed25519 (RFC 8032), pure, without a context.
//!
//! A signature holds when [`PublicKey::verify`] says so, which is strict single verification: cofactorless, `s` reduced,
//! key and R canonical and not of small order. [`verify_batch`] gives the same answers faster.

mod batch;
mod key;
mod list;
#[cfg(test)]
mod tests;

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};

use crate::base64url;

pub use batch::verify_batch;
pub use key::{KeyId, PublicKey, PublicKeyError};
pub use list::Signatures;

/// What stands before the record in the bytes that are signed, the zero byte included: no signature over a record is one
/// over anything else.
pub const CONTEXT: &[u8] = b"deedbook-record-v1\0";

/// Bytes of a signature's value: R, then s (RFC 8032, section 5.1.6).
pub const SIGNATURE_BYTES: usize = 64;

/// One signature over a record, and whose it says it is. It holds nothing yet: see [`PublicKey::verify`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature {
    kid: KeyId,
    value: [u8; SIGNATURE_BYTES],
}

impl Signature {
    /// The signature with this value by the key of this name.
    pub const fn new(kid: KeyId, value: [u8; SIGNATURE_BYTES]) -> Self {
        Self { kid, value }
    }

    /// The name of the key.
    pub const fn kid(&self) -> KeyId {
        self.kid
    }

    /// R and s, 32 bytes each.
    pub const fn value(&self) -> &[u8; SIGNATURE_BYTES] {
        &self.value
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} by {})", base64url::encode(&self.value), self.kid)
    }
}

/// The bytes that are signed for a record in canonical form.
pub fn message(canonical: &[u8]) -> Vec<u8> {
    [CONTEXT, canonical].concat()
}

/// Signs a record in canonical form. Ed25519 needs no chance: the same key and record give the same signature.
pub fn sign(key: &SigningKey, canonical: &[u8]) -> Signature {
    let value = key.sign(&message(canonical)).to_bytes();
    Signature { kid: KeyId::of(key.verifying_key().as_bytes()), value }
}
