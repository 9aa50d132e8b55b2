//! A proof in a file (C2SP tlog-proof, extension `.tlog-proof`): all that somebody offline needs to see that an
//! entry is in a log.
//!
//! ```text
//! "c2sp.org/tlog-proof@v1" LF
//! [ "extra " base64 LF ]           data of the application, not authenticated
//! "index " decimal LF
//! *63( base64(hash) LF )           inclusion path, the entry's sibling first
//! LF
//! signed checkpoint                with the cosignatures on it
//! ```
//!
//! No line is longer than 64 KiB with its LF, because Go readers stop there. The entry itself is not in the file.

use std::fmt;

use bytes::Bytes;

use crate::Hash;
use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::encoding::{self, EncodingError};
use crate::note::Note;
use crate::policy::{Policy, PolicyError, VerifiedCheckpoint};
use crate::proof::{self, PROOF_LEN_MAX, ProofError};

/// Longest line in bytes, its LF included.
pub const LINE_LEN_MAX: usize = 64 * 1024;

const MAGIC: &str = "c2sp.org/tlog-proof@v1";
const EXTRA: &str = "extra ";
const INDEX: &str = "index ";

/// An index, a path and a signed checkpoint; nothing is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    extra: Option<Vec<u8>>,
    index: u64,
    path: Vec<Hash>,
    checkpoint: Bytes,
}

impl TlogProof {
    /// Most bytes that fit in the line of `extra`.
    pub const EXTRA_LEN_MAX: usize = (LINE_LEN_MAX - EXTRA.len() - 1) / 4 * 3;

    /// A proof that the entry at `index` is in the tree of `checkpoint`, by the hashes of `path`.
    pub fn new(index: u64, path: Vec<Hash>, checkpoint: &SignedCheckpoint) -> Result<Self, TlogProofError> {
        let lines = Self { extra: None, index, path, checkpoint: checkpoint.bytes().clone() };
        lines.check(checkpoint.checkpoint())
    }

    /// The same proof with data of the application, at most [`TlogProof::EXTRA_LEN_MAX`] bytes. Nothing
    /// authenticates them. No bytes mean no line.
    pub fn with_extra(mut self, extra: Vec<u8>) -> Result<Self, TlogProofError> {
        if extra.len() > Self::EXTRA_LEN_MAX {
            return Err(TlogProofError::LineTooLong);
        }
        self.extra = Some(extra).filter(|extra| !extra.is_empty());
        Ok(self)
    }

    /// Reads a proof. What is accepted prints back to the same bytes, and its index lies in its checkpoint's tree.
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, TlogProofError> {
        let bytes = bytes.into();
        if bytes.split(|b| *b == b'\n').any(|line| line.len() >= LINE_LEN_MAX) {
            return Err(TlogProofError::LineTooLong);
        }
        let (head, checkpoint) =
            encoding::split_at_first_blank_line(&bytes).ok_or(TlogProofError::NoBlankLine)?;
        let head = std::str::from_utf8(head).map_err(|_| TlogProofError::NotUtf8)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(MAGIC) {
            return Err(TlogProofError::Magic);
        }
        let extra = lines.next_if(|line| line.starts_with(EXTRA)).map(parse_extra).transpose()?;
        let index = parse_index(lines.next())?;
        let path = lines.map(parse_hash).take(PROOF_LEN_MAX + 1).collect::<Result<_, _>>()?;
        let checkpoint = bytes.slice_ref(checkpoint);
        let note = Note::parse(&checkpoint).map_err(|error| TlogProofError::Checkpoint(error.into()))?;
        Self { extra, index, path, checkpoint }.check(&Checkpoint::parse(note.text())?)
    }

    fn check(self, checkpoint: &Checkpoint) -> Result<Self, TlogProofError> {
        if self.path.len() > PROOF_LEN_MAX {
            return Err(TlogProofError::PathTooLong);
        }
        if self.index >= checkpoint.size() {
            let (index, size) = (self.index, checkpoint.size());
            return Err(ProofError::IndexBeyondSize { index, size }.into());
        }
        Ok(self)
    }

    /// Checks that the entry with this leaf hash is in a log that the policy trusts, at the proof's index.
    pub fn verify(&self, leaf_hash: Hash, policy: &Policy) -> Result<VerifiedReceipt, TlogProofError> {
        let checkpoint = policy.verify(self.checkpoint.clone())?;
        proof::verify_inclusion(self.index, leaf_hash, &self.path, checkpoint.signed().head())?;
        Ok(VerifiedReceipt { index: self.index, leaf_hash, checkpoint })
    }

    /// Data of the application, never empty; not authenticated by anything.
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// Position of the entry, as claimed.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The inclusion path, the entry's sibling first.
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// The signed checkpoint, byte for byte.
    pub fn checkpoint(&self) -> &Bytes {
        &self.checkpoint
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

/// The text of the file. The checkpoint was read as a note before, so it is UTF-8.
impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{MAGIC}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "{EXTRA}{}", encoding::base64(extra))?;
        }
        writeln!(f, "{INDEX}{}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", String::from_utf8_lossy(&self.checkpoint))
    }
}

/// An entry of which somebody offline can say: it is in this log, at this index. Made by [`TlogProof::verify`] only.
#[derive(Clone, Debug)]
pub struct VerifiedReceipt {
    index: u64,
    leaf_hash: Hash,
    checkpoint: VerifiedCheckpoint,
}

impl VerifiedReceipt {
    /// Position of the entry in the log.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Hash of the entry.
    pub fn leaf_hash(&self) -> Hash {
        self.leaf_hash
    }

    /// The checkpoint that the entry lies under, with those who vouch for it.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }
}

fn parse_extra(line: &str) -> Result<Vec<u8>, TlogProofError> {
    let extra = encoding::parse_base64(&line[EXTRA.len()..]).map_err(TlogProofError::Extra)?;
    if extra.is_empty() { Err(TlogProofError::ExtraEmpty) } else { Ok(extra) }
}

fn parse_index(line: Option<&str>) -> Result<u64, TlogProofError> {
    let index = line.and_then(|line| line.strip_prefix(INDEX)).ok_or(TlogProofError::NoIndex)?;
    encoding::parse_decimal(index).map_err(TlogProofError::Index)
}

fn parse_hash(line: &str) -> Result<Hash, TlogProofError> {
    encoding::parse_base64_array(line).map(Hash::from_bytes).map_err(TlogProofError::Path)
}

/// Why a proof cannot be read, or does not show what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// The file does not start as a proof does.
    #[error("not a tlog-proof: the first line is not {MAGIC}")]
    Magic,
    /// A line of more than [`LINE_LEN_MAX`] bytes.
    #[error("a line of a tlog-proof has at most {LINE_LEN_MAX} bytes")]
    LineTooLong,
    /// The lines before the checkpoint are not UTF-8.
    #[error("the tlog-proof is not UTF-8 text")]
    NotUtf8,
    /// No blank line before the checkpoint.
    #[error("the tlog-proof has no blank line before its checkpoint")]
    NoBlankLine,
    /// The line `extra`.
    #[error("the extra data of the tlog-proof: {0}")]
    Extra(#[source] EncodingError),
    /// A line `extra` without data, which is to be left out.
    #[error("the extra line of the tlog-proof holds nothing; without data there is no such line")]
    ExtraEmpty,
    /// No line `index` where it belongs.
    #[error("the tlog-proof has no index line after its first line (and extra data)")]
    NoIndex,
    /// The line `index`.
    #[error("the index of the tlog-proof: {0}")]
    Index(#[source] EncodingError),
    /// A hash of the path.
    #[error("a hash of the tlog-proof: {0}")]
    Path(#[source] EncodingError),
    /// More hashes than a tree has levels.
    #[error("a tlog-proof has at most {PROOF_LEN_MAX} hashes")]
    PathTooLong,
    /// The checkpoint cannot be read.
    #[error("the checkpoint of the tlog-proof: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint does not satisfy the policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The entry is not in the tree of the checkpoint at that index.
    #[error(transparent)]
    Proof(#[from] ProofError),
}
