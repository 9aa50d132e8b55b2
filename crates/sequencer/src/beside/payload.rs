//! Sealed content and its row.

use bytes::Bytes;
use std::fmt;
use store::{Batch, Key, limits::VALUE_IN_ONE_ROW_MAX};

use super::Tag;

/// Bytes of one sealed piece, at most. Far less than what the store keeps in one row: the pages of sled's cache hold some
/// 17 pieces, and its 256 parts of 256 KiB each forget only whole pages.
pub const PIECE_BYTES_MAX: usize = 6 * 1024;
const _: () = assert!(PIECE_BYTES_MAX <= VALUE_IN_ONE_ROW_MAX, "a piece is one row");

/// SHA-256 of a disclosure's text: what names a content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// What names a content key, and does not tell it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 32]);

impl Digest {
    /// The digest of a disclosure's text.
    pub fn of(text: &str) -> Self {
        Self(record::disclosure::Sd::of(text).to_bytes())
    }
}

/// As a record spells it: base64url.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        record::disclosure::Sd::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", Digest(self.0))
    }
}

/// What is known of a content beside the log. Nobody's name is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Whose it is: under whose key it is sealed.
    pub owner: Tag,
    /// The session it belongs to, if it belongs to one and the session is not its owner.
    pub session: Option<Tag>,
    /// The key it is sealed under.
    pub key: KeyId,
    /// Bytes of the disclosure's text.
    pub length: u32,
    /// Number of its pieces, at least 1.
    pub pieces: u32,
    /// Whether it holds a secret: shown only to who may see secrets.
    pub secret: bool,
}

/// The row of a content is not one that this program wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the row of a content beside the log is damaged")]
pub struct InfoError;

const VERSION: u8 = 1;
const SECRET: u8 = 1;
const HAS_SESSION: u8 = 2;

impl Info {
    /// Version (1), flags (1: bit 0 a secret, bit 1 a session), owner (32), key (32), length (4), pieces (4), session (32
    /// or none).
    pub fn to_bytes(&self) -> Bytes {
        let flags =
            if self.secret { SECRET } else { 0 } | if self.session.is_some() { HAS_SESSION } else { 0 };
        let mut bytes = vec![VERSION, flags];
        bytes.extend(self.owner.0);
        bytes.extend(self.key.0);
        bytes.extend(self.length.to_be_bytes());
        bytes.extend(self.pieces.to_be_bytes());
        bytes.extend(self.session.iter().flat_map(|session| session.0));
        bytes.into()
    }

    /// Undoes [`to_bytes`](Self::to_bytes).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InfoError> {
        Self::parse(bytes).ok_or(InfoError)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let ([VERSION, flags], rest) = bytes.split_first_chunk::<2>()? else { return None };
        let (owner, rest) = rest.split_first_chunk::<32>()?;
        let (key, rest) = rest.split_first_chunk::<32>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (pieces, rest) = rest.split_first_chunk::<4>()?;
        let session = match flags & HAS_SESSION {
            0 => rest.is_empty().then_some(None)?,
            _ => Some(Tag(rest.try_into().ok()?)),
        };
        let pieces = Some(u32::from_be_bytes(*pieces)).filter(|pieces| *pieces > 0)?;
        (flags & !(SECRET | HAS_SESSION) == 0).then_some(Self {
            owner: Tag(*owner),
            session,
            key: KeyId(*key),
            length: u32::from_be_bytes(*length),
            pieces,
            secret: flags & SECRET != 0,
        })
    }

    /// Whom it concerns.
    pub fn subjects(&self) -> impl Iterator<Item = Tag> {
        std::iter::once(self.owner).chain(self.session)
    }
}

/// Content, sealed, that waits for its entry.
#[derive(Clone)]
pub struct Payload {
    digest: Digest,
    info: Info,
    pieces: Vec<Bytes>,
}

/// What should be a payload is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The number of pieces is not the one in the row.
    #[error("a content of {expected} pieces comes in {found}")]
    Pieces {
        /// In the row.
        expected: u32,
        /// Handed in.
        found: usize,
    },
    /// A piece is too long for a row of the store.
    #[error("piece {number} of a content has {bytes} bytes, and {PIECE_BYTES_MAX} are allowed")]
    TooLong {
        /// Which one.
        number: usize,
        /// Its bytes.
        bytes: usize,
    },
}

impl Payload {
    /// A content of these sealed pieces.
    pub fn new(digest: Digest, info: Info, pieces: Vec<Bytes>) -> Result<Self, PayloadError> {
        if info.pieces as usize != pieces.len() || pieces.is_empty() {
            return Err(PayloadError::Pieces { expected: info.pieces, found: pieces.len() });
        }
        match pieces.iter().position(|piece| piece.len() > PIECE_BYTES_MAX) {
            Some(number) => Err(PayloadError::TooLong { number, bytes: pieces[number].len() }),
            None => Ok(Self { digest, info, pieces }),
        }
    }

    /// Which content.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What is known of it.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Its sealed pieces.
    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    pub(super) fn bytes(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// All rows of a content that is not there yet.
    pub(super) fn rows(&self) -> Batch {
        let digest = self.digest.0;
        let mut batch = self.subject_rows();
        batch.puts.push((Key::Payload { digest }, self.info.to_bytes()));
        let pieces = (0..).zip(self.pieces.iter().cloned());
        batch.puts.extend(pieces.map(|(number, piece)| (Key::Piece { digest, number }, piece)));
        batch
    }

    /// Whom it concerns.
    pub(super) fn subject_rows(&self) -> Batch {
        let digest = self.digest.0;
        let row = |subject: Tag| (Key::Subject { subject: subject.0, digest }, Bytes::new());
        Batch::puts(self.info.subjects().map(row).collect())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({}, {} pieces, {} bytes)", self.digest, self.pieces.len(), self.bytes())
    }
}
