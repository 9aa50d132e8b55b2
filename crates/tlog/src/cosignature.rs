//! Cosignatures (C2SP tlog-cosignature): what witnesses add to a checkpoint, with the time at which they did.
//!
//! The bytes after the key id on the signature line are `u64 time ‖ signature`, the time big endian, POSIX
//! seconds, below 2^63. What is signed:
//!
//! ```text
//! type 0x04, Ed25519:   "cosignature/v1\ntime " decimal(time) LF text of the note
//! type 0x06, ML-DSA-44: "subtree/v1\n\0" ‖ u8 len ‖ cosigner ‖ u64 time ‖ u8 len ‖ origin ‖ u64 start ‖ u64 end ‖ hash
//! ```
//!
//! A witness says: of all trees of this origin that I have seen, each a continuation of the one before, this was
//! the largest at that time. A time of 0, in practice seen with type 0x06 only, drops "the largest".

use std::fmt;

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::checkpoint::Checkpoint;
use crate::key::{KeyError, KeyName, KeyType, SecretKey, VerifierKey, mldsa44, type_of_skey};
use crate::note::{SignatureError, SignatureLine};
use crate::{Hash, SIZE_MAX};

/// Seconds since 1970-01-01T00:00:00Z without leap seconds, below 2^63; by the clock of whoever states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 0, in which cosignatures say that they speak of no time.
    pub const NONE: Self = Self(0);

    /// A time below 2^63 seconds; otherwise `None`.
    pub const fn from_seconds(seconds: u64) -> Option<Self> {
        if seconds <= SIZE_MAX { Some(Self(seconds)) } else { None }
    }

    /// POSIX seconds.
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

/// Decimal POSIX seconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A key of a witness: Ed25519 (type 0x04), or ML-DSA-44 (type 0x06), which signs subtrees too.
///
/// Judging what may be cosigned (consistent with all that was cosigned before) is the witness's task, not this
/// type's; what serves as a witness keeps its keys in [`WitnessKeys`](crate::witness::WitnessKeys), which sign nothing that
/// was not judged. An Ed25519 cosignature does not name the witness, so one seed must never serve under two names.
///
/// Signing is deterministic: the same words at the same time are the same line. Wiped when dropped.
pub struct Cosigner(Secret);

enum Secret {
    Ed25519(SecretKey<SigningKey>),
    MlDsa44(SecretKey<mldsa44::SecretKey>),
}

impl Cosigner {
    /// An Ed25519 key from 32 bytes of good randomness, which is the caller's to fetch (and to wipe).
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        Self(Secret::Ed25519(SecretKey::of_witness(name, seed)))
    }

    /// An ML-DSA-44 key from 32 bytes of good randomness: the seed of FIPS 204 key generation.
    pub fn ml_dsa_44(name: KeyName, seed: &[u8; 32]) -> Self {
        Self(Secret::MlDsa44(SecretKey::of_tree_witness(name, seed)))
    }

    /// Reads an skey of type 0x04 or 0x06. A line break at the end is not part of an skey.
    ///
    /// # Errors
    /// Says what is wrong with the text; a log's key (type 0x01) is none.
    pub fn from_skey(skey: &str) -> Result<Self, KeyError> {
        Ok(Self(match type_of_skey(skey)? {
            KeyType::MlDsa44 => Secret::MlDsa44(SecretKey::from_skey(skey, SecretKey::of_tree_witness)?),
            _ => Secret::Ed25519(SecretKey::from_skey(skey, SecretKey::of_witness)?),
        }))
    }

    /// The skey, to be kept where only the witness can read it.
    pub fn to_skey(&self) -> Zeroizing<String> {
        match &self.0 {
            Secret::Ed25519(key) => key.to_skey(),
            Secret::MlDsa44(key) => key.to_skey(),
        }
    }

    /// The public half, whose text is the witness's vkey.
    pub fn verifier_key(&self) -> &VerifierKey {
        match &self.0 {
            Secret::Ed25519(key) => key.verifier_key(),
            Secret::MlDsa44(key) => key.verifier_key(),
        }
    }

    /// The signature line that says: seen, and the largest so far, at this time. With a time of 0 it says seen, no more.
    ///
    /// Signs what the checkpoint prints to, so that nothing can be signed that was read otherwise.
    pub fn cosign(&self, checkpoint: &Checkpoint, time: Timestamp) -> SignatureLine {
        match &self.0 {
            Secret::Ed25519(key) => {
                let signature = key.sign(message(time, &checkpoint.to_string()).as_bytes());
                key.line(with_time(time, &signature))
            }
            Secret::MlDsa44(key) => sign_subtree(key, &Subtree::whole(checkpoint), time),
        }
    }

    /// The signature line that says: these entries, of a tree of this origin that I have seen, have this hash. Its time is 0
    /// (C2SP tlog-witness, sign-subtree). `None` for an Ed25519 key, which signs no subtrees.
    pub fn cosign_subtree(&self, subtree: &Subtree<'_>) -> Option<SignatureLine> {
        match &self.0 {
            Secret::Ed25519(_) => None,
            Secret::MlDsa44(key) => Some(sign_subtree(key, subtree, Timestamp::NONE)),
        }
    }
}

fn sign_subtree(
    key: &SecretKey<mldsa44::SecretKey>,
    subtree: &Subtree<'_>,
    time: Timestamp,
) -> SignatureLine {
    let signature = key.sign(&subtree.message(key.verifier_key().name(), time));
    key.line(with_time(time, &signature))
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({:?}, secret)", self.verifier_key())
    }
}

/// A range of a log's tree and its hash, as ML-DSA-44 cosignatures name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subtree<'a> {
    /// Name of the log.
    pub origin: &'a KeyName,
    /// Index of the first entry.
    pub start: u64,
    /// Index after the last entry.
    pub end: u64,
    /// Hash of the tree over these entries alone.
    pub hash: Hash,
}

impl<'a> Subtree<'a> {
    /// The whole tree of a checkpoint.
    pub fn whole(checkpoint: &'a Checkpoint) -> Self {
        Self { origin: checkpoint.origin(), start: 0, end: checkpoint.size(), hash: checkpoint.root() }
    }

    /// The bytes that a cosigner with this name signs with its ML-DSA-44 key.
    pub fn message(&self, cosigner: &KeyName, time: Timestamp) -> Vec<u8> {
        let mut message = b"subtree/v1\n\0".to_vec();
        put_name(&mut message, cosigner);
        message.extend(time.seconds().to_be_bytes());
        put_name(&mut message, self.origin);
        message.extend(self.start.to_be_bytes());
        message.extend(self.end.to_be_bytes());
        message.extend(self.hash.as_bytes());
        message
    }

    /// Checks that `line` is a cosignature of this subtree by `key`, of type 0x06, and says when it was made.
    ///
    /// The time is 0 unless the subtree starts at the first entry (C2SP tlog-cosignature).
    pub fn verify(&self, line: &SignatureLine, key: &VerifierKey) -> Result<Timestamp, SignatureError> {
        if !line.claims(key) {
            return Err(SignatureError::OtherKey);
        }
        let time = key.verify_subtree(self, line.signature())?;
        if self.start != 0 && time.seconds() != 0 { Err(SignatureError::TimeOfSubtree) } else { Ok(time) }
    }
}

/// One byte of length, then the name; names have at most 255 bytes.
fn put_name(message: &mut Vec<u8>, name: &KeyName) {
    message.push(name.as_str().len() as u8);
    message.extend(name.as_str().as_bytes());
}

/// The bytes after the key id of a signature line.
fn with_time(time: Timestamp, signature: &[u8]) -> Vec<u8> {
    [time.seconds().to_be_bytes().as_slice(), signature].concat()
}

/// What a type 0x04 key signs.
pub(crate) fn message(time: Timestamp, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// The time that starts a cosignature, and the signature after it.
pub(crate) fn split_time(cosignature: &[u8]) -> Result<(Timestamp, &[u8]), SignatureError> {
    let (time, signature) = cosignature.split_first_chunk().ok_or(SignatureError::NoTime)?;
    let time = Timestamp::from_seconds(u64::from_be_bytes(*time)).ok_or(SignatureError::TimeTooLarge)?;
    Ok((time, signature))
}
