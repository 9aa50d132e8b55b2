//! A text, opened piece by piece.

use aead_stream::StreamPrimitive as _;
use sequencer::beside::{Digest, Info};
use sha2::{Digest as _, Sha256};

use crate::{
    error::OpenError,
    key::OwnerKey,
    seal::{Stream, pieces_of, stream},
};

/// Opens the pieces of a content in order. Every piece that it hands on is one that was sealed, in its place; the last one
/// is handed on only if the whole text has its digest.
pub struct Opener {
    stream: Stream,
    digest: Digest,
    length: usize,
    pieces: u32,
    next: u32,
    opened: usize,
    hash: Sha256,
}

impl Opener {
    pub(crate) fn new(key: &OwnerKey, digest: Digest, info: &Info) -> Result<Self, OpenError> {
        let (length, pieces) = (info.length as usize, info.pieces);
        if pieces != pieces_of(length) {
            let what = format!("{length} bytes do not lie in {pieces} pieces");
            return Err(OpenError::Damaged { digest, what });
        }
        let (stream, hash) = (stream(key, digest), Sha256::new());
        Ok(Self { stream, digest, length, pieces, next: 0, opened: 0, hash })
    }

    /// The text of the next piece.
    ///
    /// # Errors
    /// [`OpenError::Damaged`], naming the piece.
    pub fn next(&mut self, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let number = self.next;
        if number >= self.pieces {
            return Err(self.damaged(format!("it has {} pieces, and one more came", self.pieces)));
        }
        let last = number + 1 == self.pieces;
        let Ok(text) = self.stream.decrypt(number, last, sealed) else {
            return Err(self.damaged(format!("piece {number} is not the one that was sealed")));
        };
        self.next += 1;
        self.opened += text.len();
        self.hash.update(&text);
        if last && (self.opened != self.length || Digest(self.hash.clone().finalize().into()) != self.digest)
        {
            return Err(self.damaged("its text has another digest".into()));
        }
        Ok(text)
    }

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    /// [`OpenError::Damaged`].
    pub fn finish(self) -> Result<(), OpenError> {
        if self.next == self.pieces {
            return Ok(());
        }
        Err(self.damaged(format!("it ends after {} of {} pieces", self.next, self.pieces)))
    }

    fn damaged(&self, what: String) -> OpenError {
        OpenError::Damaged { digest: self.digest, what }
    }
}

#[cfg(test)]
mod tests {
    use sequencer::beside::Tag;

    use super::*;
    use crate::Fresh;

    /// Sealed under the right key, in the right pieces, and of another text: only a fault of this program makes that, and it
    /// is not handed on.
    #[test]
    fn a_text_of_another_digest_is_not_handed_on() {
        let key = OwnerKey::new(Fresh::new([1; 32]));
        let info =
            Info { owner: Tag([0; 32]), session: None, key: key.id(), length: 4, pieces: 1, secret: false };
        for (named, opens) in [("text", true), ("tex!", false)] {
            let digest = Digest::of(named);
            let sealed = stream(&key, digest).encrypt(0, true, &b"text"[..]).unwrap();
            let opened = Opener::new(&key, digest, &info).unwrap().next(&sealed);
            assert_eq!(opened.is_ok(), opens, "{opened:?}");
        }
    }
}
