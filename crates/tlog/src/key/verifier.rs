//! Public keys with their names: vkeys.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{KeyError, KeyId, KeyName, KeyText, KeyType, SKEY_PREFIX, ed25519, mldsa44};
use crate::checkpoint::Checkpoint;
use crate::cosignature::{self, Subtree, Timestamp};
use crate::encoding;
use crate::note::SignatureError;

/// A named public key that signatures are checked against, read from the text of a vkey (C2SP signed-note).
///
/// Holding one means: the id follows from name and key, and the key is neither malformed nor weak. Cheap to clone.
#[derive(Clone)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    public: Arc<PublicKey>,
}

enum PublicKey {
    Ed25519(ed25519_dalek::VerifyingKey),
    Cosignature(ed25519_dalek::VerifyingKey),
    MlDsa44(Box<mldsa44::PublicKey>),
}

impl VerifierKey {
    /// Reads a vkey; also available as [`str::parse`]. A line break at the end is not part of a vkey.
    pub fn parse(vkey: &str) -> Result<Self, KeyError> {
        if vkey.starts_with(SKEY_PREFIX) {
            return Err(KeyError::Secret);
        }
        let text = KeyText::parse(vkey)?;
        let public = match text.key_type {
            KeyType::Ed25519 => PublicKey::Ed25519(ed25519::public_key(text.key()?)?),
            KeyType::Cosignature => PublicKey::Cosignature(ed25519::public_key(text.key()?)?),
            KeyType::MlDsa44 => PublicKey::MlDsa44(Box::new(mldsa44::PublicKey::parse(text.key()?)?)),
        };
        let key = Self::named(text.name.clone(), public);
        text.check_id(key.id)?;
        Ok(key)
    }

    /// The key of a log (type 0x01) from its 32 public bytes.
    pub fn ed25519(name: KeyName, public_key: &[u8; 32]) -> Result<Self, KeyError> {
        Ok(Self::named(name, PublicKey::Ed25519(ed25519::public_key(public_key)?)))
    }

    /// The key of a witness (type 0x04) from its 32 public bytes.
    pub fn cosignature(name: KeyName, public_key: &[u8; 32]) -> Result<Self, KeyError> {
        Ok(Self::named(name, PublicKey::Cosignature(ed25519::public_key(public_key)?)))
    }

    /// The public half of a log's secret key; one made from a seed is never weak.
    pub(super) fn of_log(name: KeyName, secret: &ed25519_dalek::SigningKey) -> Self {
        Self::named(name, PublicKey::Ed25519(secret.verifying_key()))
    }

    /// The public half of a witness's secret key.
    pub(super) fn of_witness(name: KeyName, secret: &ed25519_dalek::SigningKey) -> Self {
        Self::named(name, PublicKey::Cosignature(secret.verifying_key()))
    }

    /// The public half of a witness's secret key for trees.
    pub(super) fn of_tree_witness(name: KeyName, secret: &mldsa44::SecretKey) -> Self {
        Self::named(name, PublicKey::MlDsa44(Box::new(secret.public_key())))
    }

    fn named(name: KeyName, public: PublicKey) -> Self {
        let id = KeyId::of(&name, public.key_type(), public.as_bytes());
        Self { name, id, public: Arc::new(public) }
    }

    /// Name of the key: the log's origin or the witness's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Key id, as signature lines carry it.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What the key may sign, and how.
    pub fn key_type(&self) -> KeyType {
        self.public.key_type()
    }

    /// The raw public key: 32 bytes for the Ed25519 types, 1,312 for ML-DSA-44.
    pub fn public_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    /// Checks the bytes after the key id of a signature line on a note with this text.
    ///
    /// The time is there for cosignatures only.
    pub(crate) fn verify(&self, text: &str, signature: &[u8]) -> Result<Option<Timestamp>, SignatureError> {
        match &*self.public {
            PublicKey::Ed25519(key) => {
                SignatureError::unless(ed25519::holds(key, text.as_bytes(), signature))?;
                Ok(None)
            }
            PublicKey::Cosignature(key) => {
                let (time, signature) = cosignature::split_time(signature)?;
                let message = cosignature::message(time, text);
                SignatureError::unless(ed25519::holds(key, message.as_bytes(), signature))?;
                Ok(Some(time))
            }
            PublicKey::MlDsa44(_) => {
                let checkpoint = Checkpoint::parse(text).map_err(|_| SignatureError::NotACheckpoint)?;
                self.verify_subtree(&Subtree::whole(&checkpoint), signature).map(Some)
            }
        }
    }

    /// Checks the bytes after the key id of a signature line over a subtree, which ML-DSA-44 keys sign only.
    pub(crate) fn verify_subtree(
        &self,
        subtree: &Subtree<'_>,
        signature: &[u8],
    ) -> Result<Timestamp, SignatureError> {
        let PublicKey::MlDsa44(key) = &*self.public else { return Err(SignatureError::NotATreeKey) };
        let (time, signature) = cosignature::split_time(signature)?;
        SignatureError::unless(key.holds(&subtree.message(&self.name, time), signature))?;
        Ok(time)
    }
}

impl PublicKey {
    fn key_type(&self) -> KeyType {
        match self {
            Self::Ed25519(_) => KeyType::Ed25519,
            Self::Cosignature(_) => KeyType::Cosignature,
            Self::MlDsa44(_) => KeyType::MlDsa44,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) | Self::Cosignature(key) => key.as_bytes(),
            Self::MlDsa44(key) => key.as_bytes(),
        }
    }
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.key_type() == other.key_type()
            && self.public_key() == other.public_key()
    }
}

impl Eq for VerifierKey {}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(vkey: &str) -> Result<Self, KeyError> {
        Self::parse(vkey)
    }
}

/// The vkey.
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed_key = [&[self.key_type().byte()], self.public_key()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, encoding::base64(&typed_key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({}+{}, {})", self.name, self.id, self.key_type())
    }
}
