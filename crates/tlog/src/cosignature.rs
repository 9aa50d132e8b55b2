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
//! the largest at that time. A time of 0, in practice seen with type 0x06 only, drops "the largest". Type 0x06
//! is verified here and not made.

use std::fmt;

use zeroize::Zeroizing;

use crate::checkpoint::Checkpoint;
use crate::key::{KeyError, KeyName, SecretKey, VerifierKey};
use crate::note::{SignatureError, SignatureLine};
use crate::{Hash, SIZE_MAX};

/// Seconds since 1970-01-01T00:00:00Z without leap seconds, below 2^63; by the clock of whoever states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
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

/// The key of a witness: Ed25519, type 0x04.
///
/// Judging what may be cosigned (consistent with all that was cosigned before) is the witness's task, not this
/// type's. The message does not name the witness, so one seed must never serve under two names.
pub struct Cosigner(SecretKey);

impl Cosigner {
    /// A key from 32 bytes of good randomness, which is the caller's to fetch (and to wipe).
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        Self(SecretKey::of_witness(name, seed))
    }

    /// Reads an skey of type 0x04.
    pub fn from_skey(skey: &str) -> Result<Self, KeyError> {
        SecretKey::from_skey(skey, SecretKey::of_witness).map(Self)
    }

    /// The skey, to be kept where only the witness can read it.
    pub fn to_skey(&self) -> Zeroizing<String> {
        self.0.to_skey()
    }

    /// The public half, whose text is the witness's vkey.
    pub fn verifier_key(&self) -> &VerifierKey {
        self.0.verifier_key()
    }

    /// The signature line that says: seen, and the largest so far, at this time.
    ///
    /// Signs what the checkpoint prints to, so that nothing can be signed that was read otherwise.
    pub fn cosign(&self, checkpoint: &Checkpoint, time: Timestamp) -> SignatureLine {
        let signature = self.0.sign(message(time, &checkpoint.to_string()).as_bytes());
        self.0.line([time.seconds().to_be_bytes().as_slice(), &signature].concat())
    }
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
