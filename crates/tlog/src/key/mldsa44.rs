//! ML-DSA-44 (FIPS 204) verification, pure, with the empty context string that C2SP tlog-cosignature demands.

use ml_dsa::{MlDsa44, Signature, VerifyingKey};

use super::KeyError;

/// Bytes in a public key.
pub(super) const KEY_LEN: usize = 1312;
/// Bytes at the start of a public key that are only a seed; the rest is the vector t1.
const RHO_LEN: usize = 32;

/// A public key with its matrix expanded (about 35 KB), so that checking a signature does not start with that.
pub(super) struct PublicKey {
    bytes: [u8; KEY_LEN],
    key: VerifyingKey<MlDsa44>,
}

impl PublicKey {
    /// Any bytes are a key, but where t1 is zero anybody can sign: such keys are refused.
    pub(super) fn parse(bytes: &[u8; KEY_LEN]) -> Result<Self, KeyError> {
        if bytes[RHO_LEN..].iter().all(|b| *b == 0) {
            return Err(KeyError::Weak);
        }
        Ok(Self::expand(bytes))
    }

    /// The key of any bytes, weak or not.
    pub(super) fn expand(bytes: &[u8; KEY_LEN]) -> Self {
        Self { bytes: *bytes, key: VerifyingKey::decode(&(*bytes).into()) }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether `signature` (2,420 bytes) is by this key over `message`.
    pub(super) fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::try_from(signature)
            .is_ok_and(|signature| self.key.verify_with_context(message, &[], &signature))
    }
}
