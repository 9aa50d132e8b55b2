//! Keys as C2SP signed-note writes them: names, key ids, vkeys for verifying and skeys for signing.
//!
//! ```text
//! vkey = name "+" hex8(key id) "+" base64(type byte ‖ public key)
//! skey = "PRIVATE+KEY+" name "+" hex8(key id) "+" base64(type byte ‖ 32-byte seed)
//! key id = first 4 bytes of SHA-256(name ‖ 0x0A ‖ type byte ‖ public key)
//! ```
//!
//! The skey text is a convention of Go's `sumdb/note`; the C2SP document does not define it. The key id in an
//! skey is that of the public key. For type 0x06 the seed is that of FIPS 204 key generation (`xi`); no convention is
//! published for it, and this one follows the others. The same Ed25519 key under two types has two key ids; using one key for two
//! purposes is discouraged.

mod ed25519;
pub(crate) mod mldsa44;
mod name;
mod secret;
mod signer;
mod verifier;

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::encoding::{self, EncodingError};

pub use name::{KeyName, KeyNameError};
pub(crate) use secret::{SecretKey, type_of_skey};
pub use signer::Signer;
pub use verifier::VerifierKey;

/// Four bytes that, together with a name, say which key a signature line claims to be by.
///
/// Not an identity on its own: anybody can make a key with a wanted id in an afternoon.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// The id that was read from a signature line.
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The id of a public key under a name and type (C2SP signed-note).
    fn of(name: &KeyName, key_type: KeyType, public_key: &[u8]) -> Self {
        let hash = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', key_type.byte()])
            .chain_update(public_key)
            .finalize();
        Self([hash[0], hash[1], hash[2], hash[3]])
    }

    /// The four bytes, as they start the base64 of a signature line.
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }

    /// Exactly eight lowercase hexadecimal digits.
    fn parse(text: &str) -> Result<Self, KeyError> {
        let id = u32::from_str_radix(text, 16).map(|id| Self(id.to_be_bytes())).map_err(|_| KeyError::Id)?;
        if id.to_string() == text { Ok(id) } else { Err(KeyError::Id) }
    }
}

/// Eight lowercase hexadecimal digits.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a key may sign, and how (C2SP signed-note, signature types).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// 0x01: Ed25519 over the text of the note. The key of a log.
    Ed25519,
    /// 0x04: timestamped Ed25519 cosignature over a checkpoint (C2SP tlog-cosignature). The key of a witness.
    Cosignature,
    /// 0x06: timestamped ML-DSA-44 cosignature over a tree or subtree (C2SP tlog-cosignature).
    MlDsa44,
}

impl KeyType {
    /// The byte before the public key in a vkey.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
            Self::MlDsa44 => 0x06,
        }
    }

    /// Whether it is the key of a witness: one that signs with a time.
    pub const fn cosigns(self) -> bool {
        matches!(self, Self::Cosignature | Self::MlDsa44)
    }

    fn from_byte(byte: u8) -> Result<Self, KeyError> {
        match byte {
            0x01 => Ok(Self::Ed25519),
            0x04 => Ok(Self::Cosignature),
            0x06 => Ok(Self::MlDsa44),
            other => Err(KeyError::UnknownType(other)),
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Ed25519 => "Ed25519",
            Self::Cosignature => "Ed25519 cosignature",
            Self::MlDsa44 => "ML-DSA-44 cosignature",
        };
        write!(f, "0x{:02x} ({words})", self.byte())
    }
}

/// Why a vkey or skey cannot be used. Whoever wrote it, or copied it, is at fault; nothing was verified yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Fewer than two `+`, so there are not three parts.
    #[error("a key has the form name+id+base64; copy the whole line")]
    Form,
    /// The name part.
    #[error("the key's name cannot be used: {0}")]
    Name(#[from] KeyNameError),
    /// The id part is not eight lowercase hexadecimal digits.
    #[error("the key's id is not eight lowercase hexadecimal digits")]
    Id,
    /// The last part is not canonical base64.
    #[error("the key's last part is {0}")]
    Base64(#[from] EncodingError),
    /// A type that this program cannot check (or no type byte at all, told as type 0).
    #[error("this program cannot check keys of type 0x{0:02x}; it knows 0x01, 0x04 and 0x06")]
    UnknownType(u8),
    /// The key is too long or too short for its type.
    #[error("a key of type {key_type} has {want} bytes, this one has {have}")]
    Length {
        /// Type named in the text.
        key_type: KeyType,
        /// Bytes that such a key has.
        want: usize,
        /// Bytes found.
        have: usize,
    },
    /// The id stated is not that of the key: a copying error, or a forged line.
    #[error("the key says its id is {stated}, but name and key give {computed}")]
    IdMismatch {
        /// Id in the text.
        stated: KeyId,
        /// Id that follows from the name, type and public key.
        computed: KeyId,
    },
    /// The bytes are no point of the curve, or not its canonical encoding.
    #[error("the public key is not a canonical Ed25519 point")]
    NotAPoint,
    /// A key under which anybody can make signatures.
    #[error("the public key is weak: anybody could sign for it")]
    Weak,
    /// A secret key was expected, the text does not start as one.
    #[error("a secret key starts with PRIVATE+KEY+; this may be a vkey")]
    NotSecret,
    /// A public key was expected, the text is a secret key.
    #[error(
        "this is a secret key, which is never needed for checking; give the vkey, and keep this to yourself"
    )]
    Secret,
    /// The key is good, but of another type than is needed here.
    #[error("a key of type {want} is needed here, this one is {have}")]
    WrongType {
        /// Type needed.
        want: KeyType,
        /// Type found.
        have: KeyType,
    },
}

/// What every skey starts with.
const SKEY_PREFIX: &str = "PRIVATE+KEY+";

/// The three parts of a key text, the last decoded and split into type and key bytes.
struct KeyText {
    name: KeyName,
    id: KeyId,
    key_type: KeyType,
    typed_key: Zeroizing<Vec<u8>>,
}

impl KeyText {
    /// Names hold no `+` and base64 may, so the first two `+` are the ones that divide.
    fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Form)?;
        let (name, id) = (name.parse()?, KeyId::parse(id)?);
        let typed_key = Zeroizing::new(encoding::parse_base64(key)?);
        let key_type = KeyType::from_byte(typed_key.first().copied().unwrap_or(0))?;
        Ok(Self { name, id, key_type, typed_key })
    }

    /// The parts of an skey.
    fn parse_secret(skey: &str) -> Result<Self, KeyError> {
        Self::parse(skey.strip_prefix(SKEY_PREFIX).ok_or(KeyError::NotSecret)?)
    }

    /// The key bytes after the type byte, if they are as many as the type has.
    fn key<const N: usize>(&self) -> Result<&[u8; N], KeyError> {
        let key = &self.typed_key[1..];
        key.try_into().map_err(|_| KeyError::Length { key_type: self.key_type, want: N, have: key.len() })
    }

    fn check_id(&self, computed: KeyId) -> Result<(), KeyError> {
        if self.id == computed { Ok(()) } else { Err(KeyError::IdMismatch { stated: self.id, computed }) }
    }
}

#[cfg(test)]
mod tests;
