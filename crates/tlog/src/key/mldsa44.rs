//! ML-DSA-44 (FIPS 204), pure, with the empty context string that C2SP tlog-cosignature demands.
//!
//! Signing is the deterministic variant: it needs no randomness, and one message has one signature.

use ml_dsa::{
    KeyExport as _, MlDsa44, Signature, SignatureEncoding as _, Signer as _, SigningKey, VerifyingKey,
};
use zeroize::ZeroizeOnDrop;

use super::KeyError;
use super::secret::SEED_LEN;

/// Bytes in a public key.
pub(super) const KEY_LEN: usize = 1312;
/// Bytes in a signature.
pub(crate) const SIGNATURE_LEN: usize = 2420;
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

/// A secret key, expanded (about 100 KB). Wiped when dropped.
pub(crate) struct SecretKey(SigningKey<MlDsa44>);

/// By its only field.
impl ZeroizeOnDrop for SecretKey {}

/// Compiles only while the secret key wipes itself, which the dependency does by a feature.
const fn wipes_itself<T: ZeroizeOnDrop>() {}
const _: () = wipes_itself::<SigningKey<MlDsa44>>();

impl SecretKey {
    /// The key that FIPS 204 key generation makes of 32 bytes.
    pub(super) fn from_seed(seed: &[u8; SEED_LEN]) -> Self {
        // A reference to the caller's bytes, so that no copy of them is left behind.
        Self(SigningKey::from_seed(seed.into()))
    }

    pub(super) fn seed(&self) -> &[u8; SEED_LEN] {
        self.0.as_seed().as_ref()
    }

    pub(super) fn public_key(&self) -> PublicKey {
        let key: &VerifyingKey<MlDsa44> = self.0.as_ref();
        PublicKey { bytes: key.to_bytes().into(), key: key.clone() }
    }

    /// The signature over `message`.
    ///
    /// The dependency would panic if 16,000 tries in a row were to fail; each succeeds with a chance of about one in four.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        let signature: Signature<MlDsa44> = self.0.sign(message);
        signature.to_bytes().into()
    }
}
