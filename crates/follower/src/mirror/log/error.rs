//! What goes wrong with the copy of a log. None of it is the log's fault.

use std::io;

use tlog::{integrate::IntegrateError, key::KeyName, note::OpenError as NoteError, witness::CosignError};

/// Why the copy of a log is not opened. The mirror's keys must not sign with it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Reading failed.
    #[error(transparent)]
    Files(#[from] io::Error),
    /// The file `checkpoint` is none, or its signature by this mirror does not fit it.
    #[error("the mirror's checkpoint of {origin} is damaged: {cause}")]
    Checkpoint {
        /// The log.
        origin: KeyName,
        /// What is wrong with it.
        cause: String,
    },
    /// It is of another log.
    #[error("the copy of {origin} has a checkpoint of {found}; somebody has exchanged the files")]
    WrongOrigin {
        /// The log.
        origin: KeyName,
        /// The first line of the file.
        found: KeyName,
    },
    /// None of this mirror's keys has cosigned it.
    #[error(
        "the checkpoint in the copy of {origin} is not cosigned by this mirror ({cause}); a mirror goes on only with what it made \
         itself. Move the files away, and the log is copied anew"
    )]
    NotOurs {
        /// The log.
        origin: KeyName,
        /// What is wrong with the lines.
        #[source]
        cause: NoteError,
    },
    /// What may be cosigned was forgotten.
    #[error(
        "the mirror has cosigned {origin} at size {shown} and remembers {}: an older copy of its store was put back. With \
         this key it must not cosign again; make a new mirror with another name", remembered(*.held)
    )]
    Forgot {
        /// The log.
        origin: KeyName,
        /// Size of the checkpoint in the files.
        shown: u64,
        /// What the keeper has.
        held: Option<u64>,
    },
}

fn remembered(held: Option<u64>) -> String {
    held.map_or_else(|| "nothing of it".to_owned(), |size| format!("size {size}, or another root"))
}

/// Why entries were not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The disk. What was held is held.
    #[error("{0}; nothing that is served has changed")]
    Files(#[from] io::Error),
    /// Entries are missing before these.
    #[error("entries from {first} on were handed in, and the next one is {next}")]
    Gap {
        /// Index of the first one handed in.
        first: u64,
        /// Index of the first that is not held.
        next: u64,
    },
    /// An entry that no log can have.
    #[error(transparent)]
    Entries(#[from] IntegrateError),
    /// What is on the disk does not lead to the checkpoint that is shown.
    #[error(
        "files of the copy are damaged: they do not lead to its checkpoint any more, and have to be mended first"
    )]
    Damaged,
}

/// Why a head was not finished.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// Not a pending size: it was never decided, is finished, or was pushed out by others.
    #[error("there is no pending checkpoint of size {size}")]
    NotPending {
        /// The size.
        size: u64,
    },
    /// The mirror's checkpoint is ahead already.
    #[error("the mirror's checkpoint has size {shown} already and never goes back")]
    Behind {
        /// Its size.
        shown: u64,
    },
    /// Entries are missing.
    #[error("only the entries before {next} are held")]
    NotHeld {
        /// Index of the first that is not held.
        next: u64,
    },
    /// What is held is not what was signed.
    #[error(
        "what is held does not lead to the root of the pending checkpoint of size {size}; what is beyond the mirror's checkpoint \
         has to be copied anew"
    )]
    OtherRoot {
        /// Size of the pending checkpoint.
        size: u64,
    },
    /// Files of the copy are known to be wrong.
    #[error("files of the copy are damaged; nothing new is cosigned before they are mended")]
    Lacking,
    /// The disk, or damage on it.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// The clock, or a log that has taken the mirror's name.
    #[error(transparent)]
    Cosign(#[from] CosignError),
}
