//! What goes wrong when a log is followed, and whose fault it is.

use std::{fmt, io};

use client::SourceError;
use client::follow::FollowError;
use follower::mirror::log::{FinishError, KeepError};

/// Why the copy is not as large as the log. What is served is as it was.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The log cannot be read. It may be back soon.
    Silent(SourceError),
    /// The log is to blame: it forked, went back, or shows what it did not sign.
    Broken {
        /// In which way.
        what: String,
        /// Whether a fork proof is kept.
        proven: bool,
        /// Size of what it showed, where that is known.
        shown: Option<u64>,
    },
    /// The mirror's own disk, store or clock.
    Ours(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(error) => error.fmt(f),
            Self::Broken { what, proven, .. } => {
                f.write_str(what)?;
                if *proven { f.write_str("; the proof is kept in forks/") } else { Ok(()) }
            }
            Self::Ours(why) => f.write_str(why),
        }
    }
}

impl Trouble {
    pub(super) fn shown(&self) -> Option<u64> {
        match self {
            Self::Broken { shown, .. } => *shown,
            _ => None,
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }

    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::Ours(_))
    }

    pub(super) fn broken(what: impl fmt::Display, shown: u64) -> Self {
        Self::Broken { what: what.to_string(), proven: false, shown: Some(shown) }
    }

    /// The same, about a head that was seen.
    pub(super) fn about(self, shown: u64) -> Self {
        match self {
            Self::Broken { what, proven, .. } => Self::Broken { what, proven, shown: Some(shown) },
            other => other,
        }
    }
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Self::Silent(error)
    }
}

impl From<FollowError> for Trouble {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::CouldNotTell(error) => error.into(),
            FollowError::DoesNotHold(broken) => {
                Self::Broken { what: broken.to_string(), proven: false, shown: None }
            }
        }
    }
}

impl From<KeepError> for Trouble {
    fn from(error: KeepError) -> Self {
        Self::Ours(error.to_string())
    }
}

impl From<FinishError> for Trouble {
    fn from(error: FinishError) -> Self {
        Self::Ours(error.to_string())
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Ours(error.to_string())
    }
}
