//! Queries: what all of these keys have in common, in order.

use std::{collections::VecDeque, ops::Range};

use smallvec::SmallVec;

use crate::{
    entry::Entry,
    index::{Index, LookupError, Which},
    keys::{self, Key, Kind},
    lookups::{BLOCK, Inner, Lookups},
};

/// Entries that one answer holds, at most.
pub const LIMIT_MAX: usize = 1_000;

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest entries first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// All of these: kind and value. None is every entry.
    pub all: Vec<(Kind, String)>,
    /// Received in this range, in milliseconds since 1970: from the first on, before the second.
    pub received: Option<(i64, i64)>,
    /// Of these entries.
    pub indexes: Range<u64>,
    /// In which order.
    pub order: Order,
    /// So many at most; [`LIMIT_MAX`] at most.
    pub limit: usize,
    /// Behind this entry, in the order asked for: where the answer before ended.
    pub cursor: Option<u64>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            all: vec![],
            received: None,
            indexes: 0..u64::MAX,
            order: Order::default(),
            limit: 50,
            cursor: None,
        }
    }
}

/// What is found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Entries, in the order asked for.
    pub entries: Vec<Entry>,
    /// Where to go on; `None` where there is no more.
    pub cursor: Option<u64>,
    /// Entries of the log that the answer speaks for.
    pub size: u64,
}

/// Takes the entry at an index apart, and answers it if it is one that the query asks for, by all that stands in it; hashes
/// alone led to it.
pub type Take<'q> = dyn Fn(u64, &[u8]) -> Option<Entry> + Sync + 'q;

/// Why a query is not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError<E> {
    /// The lookups cannot be read.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The entries cannot be read.
    #[error("{0}")]
    Entries(E),
}

impl Lookups {
    /// Answers a query. `entries` reads those at some indexes, in the order of the query, and answers what is taken of each;
    /// `None` also where there is none. May block.
    ///
    /// # Errors
    /// Lookups or entries cannot be read.
    pub fn search<E>(
        &self,
        query: &Query,
        entries: impl Fn(&[u64], &Take<'_>) -> Result<Vec<Option<Entry>>, E>,
    ) -> Result<Found, QueryError<E>> {
        let by_finding = query.all.iter().any(|(kind, _)| *kind == Kind::Finding);
        let size = if by_finding { self.findings_size() } else { self.size() };
        let limit = query.limit.clamp(1, LIMIT_MAX);
        let mut found = Found { size, ..Found::default() };
        let mut range = query.range(size);
        let mut candidates = VecDeque::new();
        let take = |index, bytes: &[u8]| Some(Entry::read(index, bytes)).filter(|entry| query.fits(entry));
        loop {
            // As many as are missing, and one more, which tells that the answer goes on. They are read together, whatever
            // stretches they are of.
            let missing = limit + 1 - found.entries.len();
            self.gather(query, &mut range, missing, &mut candidates)?;
            let now: Vec<u64> = candidates.drain(..missing.min(candidates.len())).collect();
            if now.is_empty() {
                return Ok(found);
            }
            let read = entries(&now, &take).map_err(QueryError::Entries)?;
            found.entries.extend(read.into_iter().flatten());
            if found.entries.len() > limit {
                found.entries.truncate(limit);
                found.cursor = found.entries.last().map(Entry::index);
                return Ok(found);
            }
        }
    }

    /// Gathers candidates, stretch by stretch, until there are `wanted` or no more. What is left of `range` was not looked
    /// through.
    fn gather(
        &self,
        query: &Query,
        range: &mut Range<u64>,
        wanted: usize,
        candidates: &mut VecDeque<u64>,
    ) -> Result<(), LookupError> {
        let width = self.0.width;
        while candidates.len() < wanted
            && let Some(stretch) = query.next_stretch(range, width)
        {
            candidates.extend(self.candidates(query, stretch, range)?);
            match query.order {
                Order::Newest => range.end = stretch * width,
                Order::Oldest => range.start = (stretch + 1) * width,
            }
        }
        Ok(())
    }

    /// Entries of a stretch that have all keys, by their hashes, in the order asked for.
    fn candidates(&self, query: &Query, stretch: u64, range: &Range<u64>) -> Result<Vec<u64>, LookupError> {
        let base = stretch * self.0.width;
        let inner = self.0.inner.read();
        let mut keys: Vec<&(Kind, String)> = query.all.iter().collect();
        keys.sort_by_key(|(kind, _)| commonness(*kind));
        let mut common: Option<Vec<u32>> = None;
        for (kind, value) in keys {
            let (which, tail) = match kind {
                Kind::Finding => (Which::Findings, &inner.findings),
                _ => (Which::Entries, &inner.entries),
            };
            let filters = inner.filters[which as usize].as_slice();
            let index = Index { store: &*self.0.store, which, filters, tail };
            let key = Key::new(*kind, value);
            let now = match &common {
                None => index.postings(stretch, key)?,
                Some(before) => index.among(before, stretch, key)?,
            };
            if now.is_empty() {
                return Ok(vec![]);
            }
            common = Some(now);
        }
        let within = range.start.max(base)..range.end.min(base + self.0.width);
        let mut all: Vec<u64> = match common {
            Some(common) => common.into_iter().map(|entry| base + u64::from(entry)).collect(),
            None => within.clone().collect(),
        };
        all.retain(|index| within.contains(index) && inner.may_be_received(*index, query.received));
        if query.order == Order::Newest {
            all.reverse();
        }
        Ok(all)
    }
}

impl Inner {
    fn may_be_received(&self, index: u64, within: Option<(i64, i64)>) -> bool {
        let block = self.times.get((index / BLOCK) as usize);
        within
            .zip(block)
            .is_none_or(|((from, until), (earliest, latest))| *latest >= from && *earliest < until)
    }
}

impl Query {
    /// The entries that are left to look at.
    fn range(&self, size: u64) -> Range<u64> {
        let mut range = self.indexes.start..self.indexes.end.min(size);
        match (self.order, self.cursor) {
            (_, None) => {}
            (Order::Newest, Some(cursor)) => range.end = range.end.min(cursor),
            (Order::Oldest, Some(cursor)) => range.start = range.start.max(cursor.saturating_add(1)),
        }
        range
    }

    fn next_stretch(&self, range: &Range<u64>, width: u64) -> Option<u64> {
        if range.is_empty() {
            return None;
        }
        Some(match self.order {
            Order::Newest => (range.end - 1) / width,
            Order::Oldest => range.start / width,
        })
    }

    /// Whether an entry is what was asked for, by itself. What was found in it cannot be seen in it alone: there are few
    /// rules, and no two of them have one key.
    fn fits(&self, entry: &Entry) -> bool {
        let Some(logged) = entry.logged() else {
            return self.all.is_empty() && self.received.is_none();
        };
        let received = logged.received().unix_ms();
        if self.received.is_some_and(|(from, until)| received < from || received >= until) {
            return false;
        }
        // That an entry has this finding is known of the fold, and stands in no entry.
        let mut missing: SmallVec<[&(Kind, String); 4]> =
            self.all.iter().filter(|(kind, _)| *kind != Kind::Finding).collect();
        keys::each(logged, |kind, value| {
            missing.retain(|wanted| (wanted.0, wanted.1.as_str()) != (kind, value));
        });
        missing.is_empty()
    }
}

/// How many entries are likely to have a key of this kind, few first: what few have is read first, and of the others only
/// the pages that those are in. It changes no answer.
const fn commonness(kind: Kind) -> u8 {
    match kind {
        Kind::Record | Kind::Bound | Kind::Key | Kind::Action | Kind::Trace => 0,
        Kind::Session => 1,
        Kind::Target | Kind::Party => 2,
        Kind::Principal | Kind::User | Kind::Name => 3,
        Kind::Approver | Kind::Finding => 4,
        Kind::Producer => 5,
        Kind::Agent | Kind::Actor => 6,
        Kind::Tool | Kind::Server => 7,
        Kind::Approval | Kind::Outcome | Kind::Type => 8,
    }
}
