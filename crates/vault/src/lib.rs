//! Content beside the log: its keys, which lie apart from it, and how it is sealed and opened.
//!
//! ```text
//! owner key     32 random bytes, one file for each owner            destroying it erases the content in every copy
//! content key   HKDF-SHA256(owner key, "deedbook payload v1" ‖ digest)                            RFC 5869
//! pieces        ChaCha20-Poly1305 (RFC 8439) in the STREAM construction: nonce = 7 zero bytes ‖ number of the piece (4)
//!               ‖ 1 for the last, else 0: a piece that is cut, swapped, moved or dropped shows
//! ```
//!
//! A content key seals one text and no other, because the digest of the text is in it: so no nonce is ever used for two
//! texts, and sealing one text twice makes the same bytes. The [`Vault`] keeps the owners' keys ([`Vault::open`]), seals
//! ([`Vault::seal`]), opens piece by piece ([`Vault::opener`]) and destroys ([`Vault::destroy`]). What is committed, held
//! and erased is decided in `sequencer::beside`; nothing here reads or writes a store.
//!
//! # How it is used
//!
//! ```no_run
//! # use sequencer::{Log, beside::*, ids::Identity, pool::{Answer, Submission}}; use record::model::Record; use vault::*;
//! # use tlog::integrate::Entry; type Any<T> = Result<T, Box<dyn std::error::Error>>;
//! # fn send(log: &Log, submission: Submission) -> Any<Answer> { Ok(log.submit(vec![submission])?.blocking_recv()??) }
//! # fn f(log: &Log, vault: &Vault, record: &Record<'_>, text: &str, entry: Entry, id: Identity, fresh: Fresh) -> Any<()> {
//! vault.finish(&log.reader().destructions()?)?;                     // once, when the log was opened
//! let mut submission = Submission::new(entry, Some(id));            // a record with its disclosure: one commit
//! submission.rows.payloads.push(vault.seal(text, &Belongs::to(record), fresh)?);
//! send(log, submission.clone())?;                                   // Refusal::Overtaken: seal and send again
//! let digest = Digest::of(text);                                    // streamed out
//! let info = log.reader().payload(digest)?.ok_or("not here, or erased")?;
//! let mut opener = vault.opener(digest, &info)?;
//! for number in 0..info.pieces {
//!     let sealed = log.reader().payload_piece(digest, number)?.ok_or("a piece is missing")?;
//!     print_to_client(&opener.next(&sealed)?);
//! }
//! let erase = Erase::by(record).ok_or("no payload.erased record")?; // an erasure; holds: PlaceHold, ReleaseHold
//! submission.rows.decisions.push(std::sync::Arc::new(erase));       // the last one of an owner: DestroyKey too, and
//! send(log, submission)?;                                           // Refusal::NotAllowed: it is held
//! vault.destroy(info.owner, info.key)?;                             // once that is committed
//! # Ok(()) }
//! # fn print_to_client(_: &[u8]) {}
//! ```

mod error;
mod key;
mod keys;
mod open;
mod seal;

use std::path::Path;

use bytes::Bytes;
use sequencer::beside::{Destruction, Digest, Info, KeyId, Payload, Tag};

pub use error::{KeyFault, OpenError, SealError, VaultError};
pub use key::Fresh;
pub use keys::{CACHED_KEYS_MAX, Destroyed};
pub use open::Opener;
pub use seal::{Belongs, TEXT_PIECE_BYTES};

/// The keys that content is sealed under, and what is done with them.
pub struct Vault {
    keys: keys::Keys,
}

impl Vault {
    /// Takes hold of a directory of content keys, making it if it is not there. One process at a time.
    ///
    /// # Errors
    /// [`KeyFault::OpenToOthers`]; [`KeyFault::Io`].
    pub fn open(directory: &Path) -> Result<Self, VaultError> {
        Ok(Self { keys: keys::Keys::open(directory)? })
    }

    /// Seals the text of a disclosure under its owner's key, which is made from `fresh` if there is none. The key survives a
    /// power cut before this returns.
    ///
    /// # Errors
    /// [`SealError::TooLong`]; [`SealError::Vault`].
    pub fn seal(&self, text: &str, belongs: &Belongs, fresh: Fresh) -> Result<Payload, SealError> {
        let key = self.keys.get_or_make(belongs.owner.tag(), fresh)?;
        seal::seal(&key, text, belongs)
    }

    /// Begins to open a content.
    ///
    /// # Errors
    /// [`OpenError::Gone`]; [`OpenError::Damaged`]; [`OpenError::Vault`].
    pub fn opener(&self, digest: Digest, info: &Info) -> Result<Opener, OpenError> {
        match self.keys.get(info.owner)? {
            Some(key) if key.id() == info.key => Opener::new(&key, digest, info),
            _ => Err(OpenError::Gone { digest }),
        }
    }

    /// Opens a content whose pieces are all at hand, and says what is wrong with it. For checks of a whole store: content
    /// whose key is gone is as it should be if the key was destroyed, which only the store knows.
    ///
    /// # Errors
    /// As [`Vault::opener`].
    pub fn check(&self, digest: Digest, info: &Info, pieces: &[Bytes]) -> Result<(), OpenError> {
        let mut opener = self.opener(digest, info)?;
        for piece in pieces {
            opener.next(piece)?;
        }
        opener.finish()
    }

    /// The key that the content of an owner is sealed under now; `None` if there is none.
    ///
    /// # Errors
    /// What is wrong with the key's file.
    pub fn key_of(&self, owner: Tag) -> Result<Option<KeyId>, VaultError> {
        Ok(self.keys.get(owner)?.map(|key| key.id()))
    }

    /// Destroys a key: overwritten, unlinked, and gone after a power cut once this returns. Only after the commit that says
    /// so. Another key that the owner has since is left alone, and one that is gone already is no error.
    ///
    /// # Errors
    /// [`KeyFault::Io`].
    pub fn destroy(&self, owner: Tag, key: KeyId) -> Result<Destroyed, VaultError> {
        self.keys.destroy(owner, key)
    }

    /// Finishes destructions that were committed, of which nobody knows whether they were carried out. Answers how many
    /// were not.
    ///
    /// # Errors
    /// As [`Vault::destroy`]; those before the one that failed are carried out.
    pub fn finish(&self, destructions: &[Destruction]) -> Result<u64, VaultError> {
        let mut done = 0;
        for Destruction { owner, key } in destructions {
            if self.destroy(*owner, *key)? == Destroyed::Now {
                tracing::info!(%owner, "a content key that was to be destroyed is destroyed now");
                done += 1;
            }
        }
        Ok(done)
    }
}
