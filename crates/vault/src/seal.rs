//! A text, sealed in pieces.

use aead_stream::{NewStream as _, Nonce, StreamBE32, StreamPrimitive as _};
use bytes::Bytes;
use chacha20poly1305::ChaCha20Poly1305;
use record::{limits::DISCLOSURE_BYTES_MAX, model::Record};
use sequencer::beside::{Digest, Info, PIECE_BYTES_MAX, Payload, Subject};
use zeroize::Zeroizing;

use crate::{error::SealError, key::OwnerKey};

/// Bytes of the tag of a sealed piece (RFC 8439, section 2.8).
const TAG_BYTES: usize = 16;
/// Bytes of text in one piece: what leaves the sealed piece in one row of the store.
pub const TEXT_PIECE_BYTES: usize = PIECE_BYTES_MAX - TAG_BYTES;
const _: () = assert!(DISCLOSURE_BYTES_MAX < u32::MAX as usize, "a length fits its field");

/// Whom a content belongs to, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belongs {
    /// Whose it is: under whose key it is sealed.
    pub owner: Subject,
    /// Its session.
    pub session: Option<Subject>,
    /// Whether it holds a secret.
    pub secret: bool,
}

impl Belongs {
    /// What a record says of its own content, which holds no secret unless somebody says so.
    pub fn to(record: &Record<'_>) -> Self {
        Self { owner: Subject::owner_of(record), session: Subject::session_of(record), secret: false }
    }
}

pub(crate) type Stream = StreamBE32<ChaCha20Poly1305>;

/// The cipher of one content. Its key is for one text alone, so the rest of the nonce may be zero.
pub(crate) fn stream(key: &OwnerKey, digest: Digest) -> Stream {
    let content_key: Zeroizing<[u8; 32]> = key.content_key(digest);
    Stream::new((&*content_key).into(), &Nonce::<ChaCha20Poly1305, Stream>::default())
}

/// Number of pieces of a text: at least one, so that an empty text is sealed too.
pub(crate) fn pieces_of(length: usize) -> u32 {
    // The longest disclosure has a few thousand.
    length.div_ceil(TEXT_PIECE_BYTES).max(1) as u32
}

pub(crate) fn seal(key: &OwnerKey, text: &str, belongs: &Belongs) -> Result<Payload, SealError> {
    let (bytes, max) = (text.len(), DISCLOSURE_BYTES_MAX);
    if bytes > max {
        return Err(SealError::TooLong { bytes, max });
    }
    // The digest is computed here and never taken from elsewhere: it decides the key, and one key seals one text.
    let digest = Digest::of(text);
    let stream = stream(key, digest);
    let count = pieces_of(bytes);
    let piece = |number: u32| {
        let from = number as usize * TEXT_PIECE_BYTES;
        let part = &text.as_bytes()[from..bytes.min(from + TEXT_PIECE_BYTES)];
        let sealed = stream.encrypt(number, number + 1 == count, part);
        sealed.map(Bytes::from).map_err(|_| SealError::Cipher)
    };
    let pieces = (0..count).map(piece).collect::<Result<Vec<_>, _>>()?;
    let owner = belongs.owner.tag();
    let session = belongs.session.as_ref().map(Subject::tag).filter(|session| *session != owner);
    let info =
        Info { owner, session, key: key.id(), length: bytes as u32, pieces: count, secret: belongs.secret };
    Ok(Payload::new(digest, info, pieces)?)
}
