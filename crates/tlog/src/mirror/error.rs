//! Why a request to a mirror cannot be read, made or believed.

use super::{Span, TICKET_LEN_MAX};
use crate::bundle::ENTRY_BYTES_MAX;
use crate::key::{KeyName, KeyNameError};
use crate::proof::{PROOF_LEN_MAX, ProofError};

/// Why the parts make no upload. Whoever chose them is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// It ends before it starts.
    #[error("the upload starts at entry {start} and ends before it, at {end}")]
    EndBeforeStart {
        /// Index of the first entry.
        start: u64,
        /// Index after the last entry.
        end: u64,
    },
    /// A ticket that its length field has no room for.
    #[error("a ticket has at most {TICKET_LEN_MAX} bytes, this one has {have}")]
    TicketTooLong {
        /// Bytes found.
        have: usize,
    },
}

/// Why bytes are no request to `add-entries`. Whoever sent them is at fault; nothing was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// An origin that no log can have.
    #[error("the origin has {have} bytes, and no log has one of more than {max}", max = KeyName::LEN_MAX)]
    OriginTooLong {
        /// Bytes that it says to have.
        have: usize,
    },
    /// An origin that no log can have.
    #[error("the origin is not UTF-8 text")]
    OriginNotUtf8,
    /// An origin that no log can have.
    #[error("no log can have this origin: {0}")]
    Origin(#[source] KeyNameError),
    /// The parts make no upload.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// More than [`PROOF_LEN_MAX`] hashes.
    #[error(
        "the package of the entries from {} up to {} has {have} hashes; a proof has at most {PROOF_LEN_MAX}",
        span.start(), span.end()
    )]
    TooManyHashes {
        /// The package.
        span: Span,
        /// Hashes that it says to have.
        have: usize,
    },
}

/// Why a package cannot be made, or is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The bundle is too short. Whoever makes the package is at fault.
    #[error("the package up to entry {} needs {wanted} entries of its bundle, and there are {have}", span.end())]
    Entries {
        /// Entries needed.
        wanted: usize,
        /// Entries there are.
        have: usize,
        /// The package.
        span: Span,
    },
    /// An entry over [`ENTRY_BYTES_MAX`]. Whoever makes the package is at fault.
    #[error("an entry of {bytes} bytes is over the limit of {ENTRY_BYTES_MAX}")]
    EntryTooLarge {
        /// Bytes of the entry.
        bytes: usize,
    },
    /// The proof is of other entries. The log that they were read from is damaged.
    #[error("the entries from {} up to {} are not those that the log has hashed", span.bundle_start(), span.end())]
    OtherProof {
        /// The package.
        span: Span,
    },
    /// Another package comes next. Whoever reads them is at fault.
    #[error("the package of the entries from {} up to {} is not the one that comes next", span.start(), span.end())]
    NotDue {
        /// The package.
        span: Span,
    },
    /// The hashes of the entries before the package are not as many. Whoever verifies is at fault.
    #[error("before entry {} stand {wanted} entries of the same bundle, and {have} hashes were handed in", span.start())]
    Before {
        /// Hashes needed.
        wanted: usize,
        /// Hashes handed in.
        have: usize,
        /// The package.
        span: Span,
    },
    /// The package is not part of the tree. Whoever sent it is at fault.
    #[error("the entries from {} up to {} are not shown to be part of the log: {cause}", span.start(), span.end())]
    Proof {
        /// The package.
        span: Span,
        /// What is wrong with the proof.
        #[source]
        cause: ProofError,
    },
}
