//! The handle for whoever asks.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use bytes::Bytes;
use record::Logged;

use crate::LookupError;
use crate::query::{Candidates, Page, Query, matches};
use crate::state::Shared;

/// The lookups of a log, to be asked. Cheap to clone; asking never holds up the follower.
#[derive(Clone)]
pub struct Lookups {
    shared: Arc<Shared>,
}

impl Lookups {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// How many records the lookups speak for.
    pub fn size(&self) -> u64 {
        *self.shared.size.borrow()
    }

    /// Size of the newest checkpoint that the follower has verified.
    pub fn published(&self) -> u64 {
        self.shared.published.load(SeqCst)
    }

    /// How many records of that checkpoint the lookups do not speak for yet.
    pub fn behind(&self) -> u64 {
        self.shared.behind()
    }

    /// How many records the fold of the findings has seen since it was opened. As long as this is below [`Lookups::size`],
    /// the lookups do not grow: what a new record shows depends on those before it.
    pub fn folded(&self) -> u64 {
        self.shared.folded.load(SeqCst)
    }

    /// Waits until the lookups speak for that many records; the size then, or after the timeout.
    pub async fn wait_for(&self, size: u64, timeout: Duration) -> u64 {
        let mut sizes = self.shared.size.subscribe();
        let reached = async { sizes.wait_for(|have| *have >= size).await.map(|size| *size).ok() };
        let reached = tokio::time::timeout(timeout, reached).await.ok().flatten();
        reached.unwrap_or_else(|| self.size())
    }

    /// Candidates for an answer, not verified: a record may be among them whose key merely shares the first 8 bytes of
    /// its hash, or that was received in the same block of 256 as one in the time asked for. May block.
    ///
    /// # Errors
    /// The lookups cannot be read, or the query asks too much.
    pub fn candidates(&self, query: &Query) -> Result<Page, LookupError> {
        self.answer(query, |_| Ok(true))
    }

    /// The answer: every hit was verified against its record, which `entry_at` reads, and pages are filled up. May block.
    ///
    /// # Errors
    /// As [`Lookups::candidates`]; and an entry that cannot be read.
    pub fn search(
        &self,
        query: &Query,
        mut entry_at: impl FnMut(u64) -> Option<Bytes>,
    ) -> Result<Page, LookupError> {
        self.answer(query, |index| {
            let entry = entry_at(index).ok_or(LookupError::Entry { index })?;
            Ok(Logged::read(index, &entry).is_ok_and(|logged| matches(query, &logged)))
        })
    }

    fn answer(
        &self,
        query: &Query,
        mut is_hit: impl FnMut(u64) -> Result<bool, LookupError>,
    ) -> Result<Page, LookupError> {
        query.check()?;
        let limit = query.limit.max(1);
        let mut candidates = Candidates::new(&self.shared, query);
        let mut hits = vec![];
        let mut next = None;
        while let Some(index) = candidates.next()? {
            if !is_hit(index)? {
                continue;
            }
            // One more than fits tells that there is a next page.
            if hits.len() == limit {
                next = hits.last().copied();
                break;
            }
            hits.push(index);
        }
        Ok(Page { hits, next, size: candidates.size })
    }
}
