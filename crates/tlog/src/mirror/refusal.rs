//! Why a mirror does not take entries, as it answers over HTTP.

use super::{INFO_CONTENT_TYPE, Info, OVERLAP_MAX, PackageError, ReadError, UploadError};
use crate::key::KeyName;

/// That a mirror does not take entries, or not to the end. Made by [`decide`](super::decide) and
/// [`Taking`](super::Taking), and from a body that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    #[source]
    reason: Reason,
}

impl Refusal {
    pub(super) fn new(reason: Reason) -> Self {
        Self { reason }
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The status of the answer (C2SP tlog-mirror, add-entries).
    pub fn status(&self) -> u16 {
        match &self.reason {
            Reason::UnknownOrigin { .. } => 404,
            Reason::Malformed(error) => match error {
                // Nobody has a log of that name, so it is unknown like any other.
                ReadError::OriginTooLong { .. } | ReadError::OriginNotUtf8 | ReadError::Origin(_) => 404,
                ReadError::Upload(UploadError::EndBeforeStart { .. } | UploadError::TicketTooLong { .. })
                | ReadError::TooManyHashes { .. } => 400,
            },
            Reason::Nothing => 400,
            Reason::NoCheckpoint { .. } | Reason::BadPackage(_) => 422,
            Reason::UnknownSize { .. }
            | Reason::Behind { .. }
            | Reason::Gap { .. }
            | Reason::Overlap { .. } => 409,
        }
    }

    /// The body of the answer: where to go on with status 409, otherwise a sentence.
    pub fn body(&self) -> String {
        self.info().map_or_else(|| format!("{self}\n"), Info::to_string)
    }

    /// The content type of [`Self::body`].
    pub fn content_type(&self) -> &'static str {
        if self.info().is_some() { INFO_CONTENT_TYPE } else { "text/plain; charset=utf-8" }
    }

    /// Where the upload can go on.
    pub fn info(&self) -> Option<&Info> {
        match &self.reason {
            Reason::UnknownSize { info, .. }
            | Reason::Behind { info, .. }
            | Reason::Gap { info, .. }
            | Reason::Overlap { info, .. } => Some(info),
            Reason::UnknownOrigin { .. }
            | Reason::Malformed(_)
            | Reason::NoCheckpoint { .. }
            | Reason::BadPackage(_)
            | Reason::Nothing => None,
        }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self::new(Reason::Malformed(error))
    }
}

/// Why a mirror does not take entries, in the order in which it asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The head of the request, or its first package, cannot be read.
    #[error(transparent)]
    Malformed(#[from] ReadError),
    /// A log that the mirror does not keep a copy of.
    #[error("this mirror keeps no copy of the log {origin}; ask its operator to enrol it")]
    UnknownOrigin {
        /// Name of the log.
        origin: KeyName,
    },
    /// The mirror has never been shown a checkpoint of the log.
    #[error("this mirror knows no checkpoint of {origin}; send one to add-checkpoint first")]
    NoCheckpoint {
        /// Name of the log.
        origin: KeyName,
    },
    /// No checkpoint of that size is known, or not any more.
    #[error("this mirror knows no checkpoint of size {end}; it knows one of size {}", info.size)]
    UnknownSize {
        /// Size of the upload's tree.
        end: u64,
        /// Where to go on.
        info: Info,
    },
    /// The mirror serves a larger tree already.
    #[error("this mirror has the log up to size {mirror} and goes back to none, so not to {end}")]
    Behind {
        /// Size of the upload's tree.
        end: u64,
        /// Size of the mirror's.
        mirror: u64,
        /// Where to go on.
        info: Info,
    },
    /// Entries before those of the upload are missing.
    #[error("this mirror lacks the entries from {} on, and the upload starts at {start}", info.next)]
    Gap {
        /// Index of the upload's first entry.
        start: u64,
        /// Where to go on.
        info: Info,
    },
    /// Too many entries of the upload are here already.
    #[error(
        "this mirror has {have} entries of the upload already, and at most {OVERLAP_MAX} may be sent again"
    )]
    Overlap {
        /// How many.
        have: u64,
        /// Where to go on.
        info: Info,
    },
    /// A package that is not part of the tree. Those before it are kept.
    #[error(transparent)]
    BadPackage(#[from] PackageError),
    /// The body ended before a package was whole.
    #[error("the request ends before its first package does; nothing was taken")]
    Nothing,
}
