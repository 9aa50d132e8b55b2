//! Checkpoints (C2SP tlog-checkpoint): a signed note that says how large a log is and what its root hash is.
//!
//! ```text
//! text = origin LF size LF base64(root hash) LF
//! ```
//!
//! The specification lets extension lines follow and advises against them: ML-DSA cosignatures do not cover
//! them, and some witnesses refuse them. Here a checkpoint has exactly three lines, written and read. The
//! origin is also the name of the key that signs: the specification says SHOULD, the readers in use demand it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::encoding::{self, EncodingError};
use crate::key::{KeyName, KeyNameError, KeyType, Signer, VerifierKey};
use crate::note::{Note, NoteError, OpenError, SignatureLine};
use crate::{Hash, Head, SIZE_MAX};

/// What a log says of itself: under which origin, how many entries, which root. Not signed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: KeyName,
    head: Head,
}

impl Checkpoint {
    /// A checkpoint with a size below 2^63, and with the root of nothing if the size is 0.
    pub fn new(origin: KeyName, head: Head) -> Result<Self, CheckpointError> {
        if head.size > SIZE_MAX {
            return Err(CheckpointError::Size(EncodingError::NumberTooLarge));
        }
        if head.size == 0 && head.root != Hash::EMPTY {
            return Err(CheckpointError::EmptyTreeRoot);
        }
        Ok(Self { origin, head })
    }

    /// Reads the text of a note. What is accepted prints back to the same text.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let (origin, head) = Self::parse_claim(text)?;
        Self::new(origin, head)
    }

    /// Reads what the text of a note claims, though it may be what no tree can have: no entries, and another root.
    pub(crate) fn parse_claim(text: &str) -> Result<(KeyName, Head), CheckpointError> {
        let lines: Vec<_> = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.splitn(4, '\n').collect();
        match lines[..] {
            [origin, size, root] => {
                let origin = origin.parse().map_err(CheckpointError::Origin)?;
                let size = encoding::parse_decimal(size).map_err(CheckpointError::Size)?;
                let root = encoding::parse_base64_array(root).map_err(CheckpointError::Root)?;
                Ok((origin, Head { size, root: Hash::from_bytes(root) }))
            }
            [_, _, _, _] => Err(CheckpointError::ExtensionLines),
            _ => Err(CheckpointError::Lines),
        }
    }

    /// Name of the log.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// Size and root hash.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Number of entries, below 2^63.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// Hash over all entries.
    pub fn root(&self) -> Hash {
        self.head.root
    }

    /// Signs the checkpoint. The signer's name must be the origin.
    pub fn sign(&self, signer: &Signer) -> Result<SignedCheckpoint, CheckpointError> {
        self.sign_by([signer])
    }

    /// Signs the checkpoint with several keys of the log, a line each, in this order. Each one's name must be the origin.
    pub fn sign_by<'a>(
        &self,
        signers: impl IntoIterator<Item = &'a Signer>,
    ) -> Result<SignedCheckpoint, CheckpointError> {
        let text = self.to_string();
        let sign = |signer: &Signer| self.check_origin(signer.name()).map(|()| signer.sign(&text));
        let signatures = signers.into_iter().map(sign).collect::<Result<_, _>>()?;
        Ok(SignedCheckpoint::of(self.clone(), &Note::new(text, signatures)?))
    }

    fn check_origin(&self, name: &KeyName) -> Result<(), CheckpointError> {
        if self.origin == *name {
            Ok(())
        } else {
            Err(CheckpointError::WrongOrigin { origin: self.origin.clone(), expected: name.clone() })
        }
    }
}

/// The three lines that are signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print_claim(&self.origin, self.head))
    }
}

/// What [`Checkpoint::parse_claim`] reads.
pub(crate) fn print_claim(origin: &KeyName, head: Head) -> String {
    format!("{origin}\n{}\n{}\n", head.size, head.root)
}

/// A checkpoint that its log signed, with the exact bytes of the note and all cosignatures on it.
///
/// Made by signing or by opening only, so holding one means: the log with this origin said this. Whether the
/// other lines hold is a matter of keys, see [`Policy`](crate::policy::Policy). Cheap to clone.
#[derive(Clone, Debug)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    bytes: Bytes,
    signatures: Arc<[SignatureLine]>,
}

impl SignedCheckpoint {
    /// Reads a signed checkpoint and checks that `key`, of type 0x01 and named as the origin, signed it.
    ///
    /// Lines by other keys are kept and not looked at.
    pub fn open(bytes: impl Into<Bytes>, key: &VerifierKey) -> Result<Self, CheckpointError> {
        Self::open_any(bytes, std::slice::from_ref(key))
    }

    /// Reads a signed checkpoint and checks that at least one of a log's `keys` signed it: those that it has and had. A line
    /// by any of them that does not hold spoils the checkpoint.
    pub fn open_any(bytes: impl Into<Bytes>, keys: &[VerifierKey]) -> Result<Self, CheckpointError> {
        if let Some(other) = keys.iter().find(|key| key.key_type() != KeyType::Ed25519) {
            return Err(CheckpointError::NotALogKey { key_type: other.key_type() });
        }
        let bytes = bytes.into();
        let note = Note::parse(&bytes)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        keys.iter().try_for_each(|key| checkpoint.check_origin(key.name()))?;
        note.open(keys)?;
        Ok(Self::verified(checkpoint, bytes, &note))
    }

    /// The same checkpoint with further signature lines after those it has; none of them is checked.
    pub fn with_signatures(&self, lines: impl IntoIterator<Item = SignatureLine>) -> Result<Self, NoteError> {
        let signatures = self.signatures.iter().cloned().chain(lines).collect();
        Ok(Self::of(self.checkpoint.clone(), &Note::new(self.checkpoint.to_string(), signatures)?))
    }

    /// From a note that was just made, under which the log's signature holds.
    pub(crate) fn of(checkpoint: Checkpoint, note: &Note) -> Self {
        Self::verified(checkpoint, Bytes::from(note.to_string()), note)
    }

    /// From the parts of a note under which the log's signature holds.
    pub(crate) fn verified(checkpoint: Checkpoint, bytes: Bytes, note: &Note) -> Self {
        Self { checkpoint, bytes, signatures: note.signatures().into() }
    }

    /// What was signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Name of the log.
    pub fn origin(&self) -> &KeyName {
        self.checkpoint.origin()
    }

    /// Size and root hash.
    pub fn head(&self) -> Head {
        self.checkpoint.head()
    }

    /// Number of entries, below 2^63.
    pub fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    /// Hash over all entries.
    pub fn root(&self) -> Hash {
        self.checkpoint.root()
    }

    /// The note, byte for byte as it was signed or received.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// All signature lines in their order: the log's own and those of others, which are not verified.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }
}

/// Two are equal if their bytes are: the same signatures on the same text.
impl PartialEq for SignedCheckpoint {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for SignedCheckpoint {}

/// Why bytes are no checkpoint, or none of the log that was meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note at all.
    #[error("not a signed checkpoint: {0}")]
    Note(#[from] NoteError),
    /// Fewer than three lines, or the last one is not finished.
    #[error("a checkpoint has three lines: origin, size, root hash")]
    Lines,
    /// More than three lines.
    #[error("the checkpoint has extension lines, which not all cosignatures cover; they are refused here")]
    ExtensionLines,
    /// The first line cannot be an origin, because it cannot be the name of a key.
    #[error("the checkpoint's origin: {0}")]
    Origin(#[source] KeyNameError),
    /// The second line.
    #[error("the checkpoint's size: {0}")]
    Size(#[source] EncodingError),
    /// The third line.
    #[error("the checkpoint's root hash: {0}")]
    Root(#[source] EncodingError),
    /// Size 0 with a root that is not the hash of nothing: the log contradicts itself.
    #[error("a log without entries has only one root hash, and the checkpoint names another")]
    EmptyTreeRoot,
    /// The checkpoint is of another log than the key.
    #[error("the checkpoint is of the log {origin}, the key is of {expected}")]
    WrongOrigin {
        /// Origin in the checkpoint.
        origin: KeyName,
        /// Name of the key.
        expected: KeyName,
    },
    /// A witness's key was given where the log's is needed.
    #[error("a log signs with a key of type 0x01 (Ed25519), the key given is {key_type}")]
    NotALogKey {
        /// Type of the key given.
        key_type: KeyType,
    },
    /// The log's signature is missing or bad.
    #[error("the log's signature: {0}")]
    Signature(#[from] OpenError),
}
