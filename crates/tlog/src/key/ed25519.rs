//! Ed25519 as this project reads RFC 8032: cofactorless, canonical, and nothing of low order.
//!
//! Implementations differ in which malformed keys and signatures they take; honest ones pass everywhere. Here a
//! public key is refused when it is read unless it is a canonical encoding of a point that is not of low order,
//! and signatures are checked with `verify_strict`, which refuses an R of low order as well.

use ed25519_dalek::{Signature, VerifyingKey};

use super::KeyError;

/// Bytes in a public key, and in the seed of a secret key.
pub(super) const KEY_LEN: usize = 32;

/// A public key that only its owner can sign for.
pub(super) fn public_key(bytes: &[u8; KEY_LEN]) -> Result<VerifyingKey, KeyError> {
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
    if key.to_edwards().compress().as_bytes() != bytes {
        return Err(KeyError::NotAPoint);
    }
    if key.is_weak() { Err(KeyError::Weak) } else { Ok(key) }
}

/// Whether `signature` (64 bytes) is by `key` over `message`.
pub(super) fn holds(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
}
