//! What a log has grown by, read and hashed by somebody who follows it: an audit without its beginning.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tlog::{Head, encoding};

use super::tree::{Counted, Resume, TreeCheck, Visit, resume_at};
use super::{Findings, Progress};
use crate::follow::FollowError;
use crate::source::{Source, SourceError};

/// How far reading had come when it was interrupted: partial tiles from level 1 up, base64. It is relied on only if it turns
/// out to be the beginning of the tree that is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    base: u64,
    levels: Vec<String>,
}

/// All that a log shows from a head that was verified before up to a head that is known to continue it.
pub struct Growth<'a> {
    /// Where the log is read.
    pub source: &'a Source,
    /// All entries before it were verified; `None`: nothing was.
    pub before: Option<Head>,
    /// Up to here, and known to continue `before`.
    pub head: Head,
    /// Where an interrupted reading of the same had come to.
    pub place: Option<&'a Place>,
    /// Threads that hash.
    pub threads: NonZeroUsize,
    /// Sees every entry.
    pub visit: Option<Arc<dyn Visit>>,
}

impl Place {
    fn of(resume: &Resume) -> Option<Self> {
        let levels = resume.parts()?.iter().map(|level| encoding::base64(level)).collect();
        Some(Self { base: resume.first(), levels })
    }

    fn resume(&self) -> Option<Resume> {
        let levels = self.levels.iter().map(|level| encoding::parse_base64(level).map(Bytes::from));
        Resume::from_parts(self.base, &levels.collect::<Result<Vec<_>, _>>().ok()?)
    }
}

impl Growth<'_> {
    /// Hashes every entry, and compares every tile above them, up to the root. `save` is called now and then with a place to
    /// go on from, while nothing is wrong.
    ///
    /// # Errors
    /// The log could not be read, or `save` failed. What is wrong with the log is in the findings.
    pub async fn check<E: From<SourceError>>(
        self,
        progress: &dyn Progress,
        save: impl Fn(Place) -> Result<(), E>,
    ) -> Result<(Counted, Findings), E> {
        let mut findings = Findings::default();
        let from = match self.start().await {
            Ok(from) => from,
            Err(FollowError::CouldNotTell(error)) => return Err(error.into()),
            Err(FollowError::DoesNotHold(broken)) => {
                findings.add(broken.into());
                return Ok((Counted::default(), findings));
            }
        };
        let check =
            TreeCheck { source: self.source, head: self.head, threads: self.threads, visit: self.visit };
        let save = |resume: &Resume| Place::of(resume).map_or(Ok(()), &save);
        let outcome = check.run(from, progress, save).await?;
        findings.append(outcome.findings);
        Ok((outcome.counted, findings))
    }

    /// The place that was saved, if it belongs to this tree; or else where what was verified ends, at the last full bundle.
    async fn start(&self) -> Result<Resume, FollowError> {
        let saved = self.place.and_then(Place::resume).filter(|saved| saved.size() <= self.head.size);
        if let Some(saved) = saved {
            match saved.belongs_to(self.source, self.head).await {
                Ok(true) => return Ok(saved),
                Err(error @ FollowError::CouldNotTell(_)) => return Err(error),
                Ok(false) | Err(FollowError::DoesNotHold(_)) => {}
            }
        }
        match self.before.filter(|before| before.size > 0) {
            Some(before) => resume_at(self.source, before).await,
            None => Ok(Resume::start()),
        }
    }
}
