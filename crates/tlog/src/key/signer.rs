//! Secret keys: wiped when dropped, never shown by `Debug`.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{KeyError, KeyName, KeyText, SKEY_PREFIX, VerifierKey, ed25519};
use crate::encoding;
use crate::note::SignatureLine;

/// The key that a log signs its checkpoints with: Ed25519, type 0x01.
pub struct Signer(SecretKey);

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

/// Compiles only while the secret key wipes itself, which the dependency does by a feature.
const fn wipes_itself<T: ZeroizeOnDrop>() {}
const _: () = wipes_itself::<SigningKey>();

/// An Ed25519 secret key of either type, with its name.
pub(crate) struct SecretKey {
    verifier: VerifierKey,
    key: SigningKey,
}

impl SecretKey {
    /// For signing notes: type 0x01.
    pub(crate) fn of_log(name: KeyName, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        Self { verifier: VerifierKey::of_log(name, &key), key }
    }

    /// For cosigning checkpoints: type 0x04.
    pub(crate) fn of_witness(name: KeyName, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        Self { verifier: VerifierKey::of_witness(name, &key), key }
    }

    /// Reads an skey whose type must be that of the keys that `make` makes.
    pub(crate) fn from_skey(skey: &str, make: fn(KeyName, &[u8; 32]) -> Self) -> Result<Self, KeyError> {
        let text = KeyText::parse(skey.strip_prefix(SKEY_PREFIX).ok_or(KeyError::NotSecret)?)?;
        let secret = make(text.name.clone(), text.key()?);
        let want = secret.verifier.key_type();
        if text.key_type != want {
            return Err(KeyError::WrongType { want, have: text.key_type });
        }
        text.check_id(secret.verifier.id())?;
        Ok(secret)
    }

    pub(crate) fn to_skey(&self) -> Zeroizing<String> {
        let mut typed_seed = Zeroizing::new([0; 1 + ed25519::KEY_LEN]);
        typed_seed[0] = self.verifier.key_type().byte();
        typed_seed[1..].copy_from_slice(self.key.as_bytes());
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

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    /// A signature line with this key's name and id around `signature`, which is never empty.
    pub(crate) fn line(&self, signature: Vec<u8>) -> SignatureLine {
        SignatureLine::by(&self.verifier, signature)
    }
}
