//! Why a note cannot be read, or not be believed.

use super::{SIGNATURES_MAX, TEXT_LEN_MAX};
use crate::encoding::EncodingError;
use crate::key::{KeyId, KeyName, KeyNameError};

/// Why bytes are not a signed note. Whoever wrote or carried them is at fault; no signature was looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not UTF-8.
    #[error("the note is not UTF-8 text")]
    NotUtf8,
    /// A byte below 0x20 other than LF; CR and TAB among them.
    #[error("the note holds the control character 0x{byte:02x} at byte {at}; only line feeds are allowed")]
    ControlCharacter {
        /// Offset of the first such byte.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// No blank line between text and signatures.
    #[error("the note has no blank line that ends its text")]
    NoBlankLine,
    /// The text is empty or does not end with LF.
    #[error("the text of a note must not be empty and must end with a line feed")]
    TextUnfinished,
    /// More than [`TEXT_LEN_MAX`] bytes of text.
    #[error("the text of a note has at most {TEXT_LEN_MAX} bytes, this one has {have}")]
    TextTooLong {
        /// Bytes found.
        have: usize,
    },
    /// Nothing after the blank line, or the last line does not end with LF.
    #[error("the note has no finished signature line after its last blank line")]
    NoSignatures,
    /// More than [`SIGNATURES_MAX`] lines.
    #[error("a note has at most {SIGNATURES_MAX} signature lines")]
    TooManySignatures,
    /// A line that is no signature line.
    #[error("signature line {line}: {cause}")]
    SignatureLine {
        /// Number of the line after the blank line, from 1.
        line: usize,
        /// What is wrong with it.
        cause: SignatureLineError,
    },
    /// Two lines with the same name and key id.
    #[error("two signature lines by {name} (key {id})")]
    DuplicateSignature {
        /// Name on both lines.
        name: KeyName,
        /// Key id on both lines.
        id: KeyId,
    },
}

/// Why a line is no signature line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureLineError {
    /// Another dash, no space after it, or text of another kind.
    #[error("does not start with an em dash (U+2014) and a space")]
    Prefix,
    /// No space between name and signature.
    #[error("has no signature after the name")]
    Parts,
    /// The name part.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// The signature part.
    #[error(transparent)]
    Base64(#[from] EncodingError),
    /// Key id and signature together are shorter than 5 bytes.
    #[error("key id and signature have at least 5 bytes, here are {have}")]
    TooShort {
        /// Bytes found.
        have: usize,
    },
}

/// Why a note cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A key that is trusted is said to have signed, and did not sign this: the note or the line was altered.
    #[error("the signature by {name} (key {id}) is bad: {cause}")]
    BadSignature {
        /// Name on the line.
        name: KeyName,
        /// Key id on the line.
        id: KeyId,
        /// What is wrong with the signature.
        cause: SignatureError,
    },
    /// No line is by a key that is trusted: wrong keys, or somebody else's note.
    #[error("no signature is by a key known here")]
    NoKnownSignature,
    /// Two different keys with the same name and id are trusted. Whoever configured them is at fault.
    #[error("two known keys have the name {name} and the id {id}; remove one of them")]
    AmbiguousKey {
        /// Name of both keys.
        name: KeyName,
        /// Id of both keys.
        id: KeyId,
    },
}

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It was not made by this key over this text.
    #[error("it was not made by this key over this text")]
    Mismatch,
    /// A cosignature too short to hold its time.
    #[error("a cosignature starts with eight bytes of time, this one is shorter")]
    NoTime,
    /// A cosignature whose time is 2^63 or more.
    #[error("the time of the cosignature is not below 2^63")]
    TimeTooLarge,
    /// An ML-DSA-44 key signs trees only, and the text is no checkpoint.
    #[error("this kind of key signs checkpoints only, and the text is none")]
    NotACheckpoint,
    /// Subtrees are signed by ML-DSA-44 keys only.
    #[error("this kind of key does not sign subtrees")]
    NotATreeKey,
    /// The line is by another key than the one it was to be checked with.
    #[error("the line is by another key")]
    OtherKey,
    /// A subtree that does not start at the first entry, with a time other than 0.
    #[error("a cosignature of a subtree that does not start at 0 has no time, this one has")]
    TimeOfSubtree,
}

impl SignatureError {
    pub(crate) fn unless(holds: bool) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::Mismatch) }
    }
}
