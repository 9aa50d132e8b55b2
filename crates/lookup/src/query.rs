//! Questions: what is asked, and the walk through the candidates for the answer.
//!
//! The postings of all keys are leapfrogged: whichever lags behind jumps to where the others are, so the rarest key sets
//! the pace. Part after part of the log is walked, the tail and each segment, from the newest or from the oldest.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use record::Logged;
use record::model::Instant;

use crate::LookupError;
use crate::head::SegmentId;
use crate::keys::{KeyHash, Kind, LookupKey, keys_of};
use crate::limits::{BLOCK, QUERY_HITS_MAX, QUERY_KEYS_MAX};
use crate::segment::Postings;
use crate::state::{Layout, Shared};
use crate::times::{Times, may_hold};

/// From which end an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest record first.
    #[default]
    Newest,
    /// The oldest record first.
    Oldest,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Keys that a record has all of; every record where there are none.
    pub all: Vec<LookupKey>,
    /// When the log received it; both ends count.
    pub received: Option<(Instant, Instant)>,
    /// Between which indexes.
    pub indexes: Option<Range<u64>>,
    /// Which end first.
    pub order: Order,
    /// Hits on one page, from 1 to [`QUERY_HITS_MAX`].
    pub limit: usize,
    /// The last index of the page before.
    pub cursor: Option<u64>,
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Indexes of the hits, in the order asked for.
    pub hits: Vec<u64>,
    /// The cursor of the next page, where there is more.
    pub next: Option<u64>,
    /// The size of the log that the answer speaks for.
    pub size: u64,
}

impl Query {
    /// Refuses what one answer must not cost.
    pub(crate) fn check(&self) -> Result<(), LookupError> {
        let too_much = |what, given, max| Err(LookupError::TooMuch { what, given, max });
        match (self.all.len(), self.limit) {
            (given, _) if given > QUERY_KEYS_MAX => too_much("keys", given, QUERY_KEYS_MAX),
            (_, given) if given > QUERY_HITS_MAX => too_much("hits on a page", given, QUERY_HITS_MAX),
            _ => Ok(()),
        }
    }

    /// The indexes that can be hits in a log of this size.
    fn range(&self, size: u64) -> Range<u64> {
        let Range { mut start, mut end } = self.indexes.clone().unwrap_or(0..size);
        end = end.min(size);
        match (self.order, self.cursor) {
            (Order::Newest, Some(last)) => end = end.min(last),
            (Order::Oldest, Some(last)) => start = start.max(last.saturating_add(1)),
            (_, None) => {}
        }
        start..end.max(start)
    }

    fn received_ms(&self) -> Option<(i64, i64)> {
        self.received.map(|(from, to)| (from.unix_ms(), to.unix_ms()))
    }
}

/// Whether a record is a hit, as far as the record itself tells: all but findings, which rest on other records too.
///
/// A key of [`Kind::Finding`] needs no check: the hashes of the rules, which are few and known, differ from each other and
/// a rule's postings are written under its own. A test holds them apart.
pub fn matches(query: &Query, logged: &Logged<'_>) -> bool {
    let keys = keys_of(logged.record(), &[]);
    let has = |key: &LookupKey| key.0 == Kind::Finding || keys.binary_search(key).is_ok();
    let at = logged.received();
    query.all.iter().all(has) && query.received.is_none_or(|(from, to)| from <= at && at <= to)
}

/// A part of the log that is walked at once.
struct Part {
    range: Range<u64>,
    /// None: the tail.
    segment: Option<SegmentId>,
}

/// The candidates for an answer, one after the other.
pub(crate) struct Candidates<'s> {
    shared: &'s Shared,
    layout: Arc<Layout>,
    pub(crate) size: u64,
    order: Order,
    received: Option<(i64, i64)>,
    hashes: Vec<KeyHash>,
    tail: Vec<Arc<[u64]>>,
    tail_base: u64,
    tail_times: Times,
    parts: VecDeque<Part>,
    /// What is left of the part under way, and the postings of the keys in it.
    current: Option<(Range<u64>, Vec<Postings>)>,
    /// The stretch whose times were read last.
    times: Option<(u64, Times)>,
}

impl<'s> Candidates<'s> {
    pub(crate) fn new(shared: &'s Shared, query: &Query) -> Self {
        let mut hashes: Vec<_> = query.all.iter().map(|(kind, value)| KeyHash::of(*kind, value)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let state = shared.state.read();
        let layout = state.layout.clone();
        let tail = hashes.iter().map(|hash| state.tail.indexes(*hash)).collect();
        let (tail_base, size) = (state.tail.base(), state.tail.end());
        let tail_times = state.tail.times().clone();
        drop(state);
        let wanted = query.range(size);
        let clip =
            |range: Range<u64>| range.start.max(wanted.start)..range.end.min(wanted.end).max(wanted.start);
        let segments = layout.segments.iter().map(|id| {
            let base = id.base(&shared.shape);
            Part { range: clip(base..base + id.width(&shared.shape)), segment: Some(*id) }
        });
        let tail_part = Part { range: clip(tail_base..size), segment: None };
        let mut parts: VecDeque<_> =
            segments.chain([tail_part]).filter(|part| part.range.start < part.range.end).collect();
        if query.order == Order::Newest {
            parts = parts.into_iter().rev().collect();
        }
        let received = query.received_ms();
        let order = query.order;
        let (current, times) = (None, None);
        Self {
            shared,
            layout,
            size,
            order,
            received,
            hashes,
            tail,
            tail_base,
            tail_times,
            parts,
            current,
            times,
        }
    }

    /// The next candidate.
    pub(crate) fn next(&mut self) -> Result<Option<u64>, LookupError> {
        loop {
            let Some((mut range, mut postings)) = self.current.take() else {
                let Some(part) = self.parts.pop_front() else { return Ok(None) };
                let postings = self.open(&part);
                self.current = Some((part.range, postings));
                continue;
            };
            let Some(found) = leapfrog(&mut postings, &range, self.order)? else { continue };
            let skipped = self.outside(found)?;
            let passed = skipped.clone().unwrap_or(found..found + 1);
            match self.order {
                Order::Newest => range.end = passed.start.max(range.start),
                Order::Oldest => range.start = passed.end.min(range.end),
            }
            if range.start < range.end {
                self.current = Some((range, postings));
            }
            if skipped.is_none() {
                return Ok(Some(found));
            }
        }
    }

    fn open(&self, part: &Part) -> Vec<Postings> {
        let shared = self.shared;
        match part.segment {
            None => self.tail.iter().cloned().map(Postings::in_memory).collect(),
            Some(id) => {
                let open = |hash: &KeyHash| {
                    Postings::in_segment(shared.store.clone(), id, &shared.shape, *hash)
                };
                self.hashes.iter().map(open).collect()
            }
        }
    }

    /// The indexes around this one that were all received outside of the time asked for: its stretch, or its block.
    fn outside(&mut self, index: u64) -> Result<Option<Range<u64>>, LookupError> {
        let Some(wanted) = self.received else { return Ok(None) };
        let stretch = index / self.shared.shape.stretch;
        let start = stretch * self.shared.shape.stretch;
        let in_tail = index >= self.tail_base;
        let all = match self.layout.spans.get(stretch as usize) {
            Some(span) if !in_tail => *span,
            _ => self.tail_times.all(),
        };
        if !may_hold(all, wanted) {
            return Ok(Some(start..start + self.shared.shape.stretch));
        }
        let block = index / BLOCK;
        let at = (block - start / BLOCK) as usize;
        let span = if in_tail { self.tail_times.block(at) } else { self.times_of(stretch)?.block(at) };
        Ok((!may_hold(span, wanted)).then_some(block * BLOCK..(block + 1) * BLOCK))
    }

    fn times_of(&mut self, stretch: u64) -> Result<&Times, LookupError> {
        let known = self.times.take().filter(|(of, _)| *of == stretch);
        let known = match known {
            Some(known) => known,
            None => (stretch, self.shared.times(stretch)?),
        };
        Ok(&self.times.insert(known).1)
    }
}

/// The first index of a range, from the end asked for, that all postings hold.
fn leapfrog(
    postings: &mut [Postings],
    range: &Range<u64>,
    order: Order,
) -> Result<Option<u64>, LookupError> {
    let mut target = match order {
        Order::Newest => range.end - 1,
        Order::Oldest => range.start,
    };
    let count = postings.len();
    let (mut agreed, mut at) = (0, 0);
    while agreed < count {
        let found = match order {
            Order::Newest => postings[at].at_or_before(target)?,
            Order::Oldest => postings[at].at_or_after(target)?,
        };
        let Some(found) = found.filter(|found| range.contains(found)) else { return Ok(None) };
        agreed = if found == target { agreed + 1 } else { 1 };
        target = found;
        at = (at + 1) % count;
    }
    Ok(Some(target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::findings::Rule;
    use std::collections::BTreeSet;

    /// What makes a check of findings against the record needless.
    #[test]
    fn the_hashes_of_the_rules_differ() {
        let hashes: BTreeSet<_> =
            Rule::ALL.iter().map(|rule| KeyHash::of(Kind::Finding, rule.as_str())).collect();
        assert_eq!(hashes.len(), Rule::ALL.len());
    }

    #[test]
    fn what_costs_too_much_is_refused() {
        let keys = vec![(Kind::Session, "s".to_owned()); QUERY_KEYS_MAX + 1];
        let text = Query { all: keys, limit: 1, ..Query::default() }.check().unwrap_err().to_string();
        assert_eq!(text, "the query has 17 keys, and 16 are allowed");
        assert!(Query { limit: QUERY_HITS_MAX + 1, ..Query::default() }.check().is_err());
        assert!(Query { limit: QUERY_HITS_MAX, ..Query::default() }.check().is_ok());
    }
}
