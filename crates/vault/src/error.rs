//! What goes wrong with keys and with sealed content. No key and no content is ever in an error.

use std::{
    io,
    path::{Path, PathBuf},
};

use sequencer::beside::{Digest, PayloadError};

/// Something is wrong in the directory of content keys.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct VaultError {
    /// Where.
    pub path: PathBuf,
    /// What.
    #[source]
    pub fault: KeyFault,
}

/// What is wrong with a directory or a file of content keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// The system's error.
    #[error("the content keys cannot be read or written: {0}")]
    Io(#[source] io::Error),
    /// Others than its owner may read it.
    #[error(
        "it can be read by others (mode {mode:o}); run chmod go-rwx on it, and think about who has read it"
    )]
    OpenToOthers {
        /// Its permissions.
        mode: u32,
    },
    /// The file holds no key, or not all of it.
    #[error("this is no content key, or it is damaged; put the file back from the backup of the keys")]
    NotAKey,
}

impl VaultError {
    pub(crate) fn new(path: &Path, fault: KeyFault) -> Self {
        Self { path: path.into(), fault }
    }

    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::new(path, KeyFault::Io(error))
    }
}

/// A content was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The text is over the limit of every disclosure.
    #[error("a disclosure of {bytes} bytes is over the limit of {max}")]
    TooLong {
        /// Its bytes.
        bytes: usize,
        /// How many are allowed.
        max: usize,
    },
    /// The owner's key is not to be had.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The pieces do not make a payload: a fault of this program.
    #[error(transparent)]
    Pieces(#[from] PayloadError),
    /// The cipher refused: a fault of this program.
    #[error("the cipher refused a piece of a content")]
    Cipher,
}

/// A content was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key it was sealed under is not here.
    #[error(
        "the key of the content {digest} is gone: it was destroyed, or the content keys were not restored with the log"
    )]
    Gone {
        /// Which content.
        digest: Digest,
    },
    /// What is stored is not what was sealed.
    #[error("the content {digest} is damaged: {what}")]
    Damaged {
        /// Which content.
        digest: Digest,
        /// In which way.
        what: String,
    },
    /// The key cannot be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
}
