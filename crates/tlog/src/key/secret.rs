//! Secret keys: wiped when dropped, never shown by `Debug`.

use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{KeyError, KeyName, KeyText, KeyType, SKEY_PREFIX, VerifierKey, mldsa44};
use crate::encoding;
use crate::note::SignatureLine;

/// Bytes of the seed that every secret key here is made from.
pub(crate) const SEED_LEN: usize = 32;

/// What a secret key signs with: it wipes itself, and can be made again from its seed.
pub(crate) trait Secret: ZeroizeOnDrop {
    /// The bytes that an skey holds.
    fn seed(&self) -> &[u8; SEED_LEN];
}

impl Secret for SigningKey {
    fn seed(&self) -> &[u8; SEED_LEN] {
        self.as_bytes()
    }
}

impl Secret for mldsa44::SecretKey {
    fn seed(&self) -> &[u8; SEED_LEN] {
        self.seed()
    }
}

/// A secret key with its name: the secret, and what others verify with.
pub(crate) struct SecretKey<S> {
    verifier: VerifierKey,
    secret: S,
}

impl SecretKey<SigningKey> {
    /// For signing notes: type 0x01.
    pub(crate) fn of_log(name: KeyName, seed: &[u8; SEED_LEN]) -> Self {
        let secret = SigningKey::from_bytes(seed);
        Self { verifier: VerifierKey::of_log(name, &secret), secret }
    }

    /// For cosigning checkpoints: type 0x04.
    pub(crate) fn of_witness(name: KeyName, seed: &[u8; SEED_LEN]) -> Self {
        let secret = SigningKey::from_bytes(seed);
        Self { verifier: VerifierKey::of_witness(name, &secret), secret }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }
}

impl SecretKey<mldsa44::SecretKey> {
    /// For cosigning trees and subtrees: type 0x06.
    pub(crate) fn of_tree_witness(name: KeyName, seed: &[u8; SEED_LEN]) -> Self {
        let secret = mldsa44::SecretKey::from_seed(seed);
        Self { verifier: VerifierKey::of_tree_witness(name, &secret), secret }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; mldsa44::SIGNATURE_LEN] {
        self.secret.sign(message)
    }
}

impl<S: Secret> SecretKey<S> {
    /// Reads an skey whose type must be that of the keys that `make` makes.
    pub(crate) fn from_skey(
        skey: &str,
        make: fn(KeyName, &[u8; SEED_LEN]) -> Self,
    ) -> Result<Self, KeyError> {
        let text = KeyText::parse_secret(skey)?;
        let secret = make(text.name.clone(), text.key()?);
        let want = secret.verifier.key_type();
        if text.key_type != want {
            return Err(KeyError::WrongType { want, have: text.key_type });
        }
        text.check_id(secret.verifier.id())?;
        Ok(secret)
    }

    pub(crate) fn to_skey(&self) -> Zeroizing<String> {
        let mut typed_seed = Zeroizing::new([0; 1 + SEED_LEN]);
        typed_seed[0] = self.verifier.key_type().byte();
        typed_seed[1..].copy_from_slice(self.secret.seed());
        let key = Zeroizing::new(encoding::base64(&*typed_seed));
        let public_part = format!("{SKEY_PREFIX}{}+{}+", self.verifier.name(), self.verifier.id());
        // Room for all of it at once: a text that grows leaves copies behind.
        let mut skey = Zeroizing::new(String::with_capacity(public_part.len() + key.len()));
        skey.push_str(&public_part);
        skey.push_str(&key);
        skey
    }

    pub(crate) fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// A signature line with this key's name and id around `signature`, which is never empty.
    pub(crate) fn line(&self, signature: Vec<u8>) -> SignatureLine {
        SignatureLine::by(&self.verifier, signature)
    }
}

/// The type that an skey says it is of; nothing else of it is checked.
pub(crate) fn type_of_skey(skey: &str) -> Result<KeyType, KeyError> {
    KeyText::parse_secret(skey).map(|text| text.key_type)
}
