//! The id table: from (producer, record id) to the index and the digest of what was submitted.
//!
//! A sorted table of rows of fixed width, cut into pages of at most [`PAGE_ROWS_MAX`] rows; a page is one value in
//! the store, at the key of the least row it may hold. Rows start with the record id, so that UUIDv7 ids, which
//! sort by time, are inserted at one edge of the table: a batch of a thousand new ids rewrites one page and writes
//! a few new ones, however many are there already. Ids in no order cost one page each.
//!
//! The producer is told apart by 128 bits of its SHA-256. A second producer with the same tag would take 2^128
//! attempts to find, and would only be told that its record is a duplicate of one it did not write.
//!
//! The table is committed in one step with the entries that it speaks of, and is never published.

#[doc(hidden)]
pub mod fuzzing;
mod page;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use record::RecordKey;
use store::{Key, Store, StoreError};

use page::Page;
pub use page::{PAGE_ROWS_MAX, PageError, Row};

/// What idempotency is decided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Whose record, and which.
    pub key: RecordKey,
    /// SHA-256 of what was submitted.
    pub digest: [u8; 32],
}

/// What became of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is a new entry.
    Logged {
        /// Its index.
        index: u64,
    },
    /// The same bytes were logged before under the same id.
    Duplicate {
        /// Index of the first one.
        index: u64,
    },
    /// Other bytes were logged before under the same id; these were not logged.
    Conflict {
        /// Index of the first one.
        index: u64,
    },
}

impl Outcome {
    /// Index of the entry that now stands for the id.
    pub fn index(&self) -> u64 {
        match self {
            Self::Logged { index } | Self::Duplicate { index } | Self::Conflict { index } => *index,
        }
    }
}

/// The outcomes of a batch, in order, and the pages to write for them.
pub type Admitted = (Vec<Outcome>, Vec<(Key, Bytes)>);

/// The table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IdsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A page is not one that this program wrote.
    #[error("a page of the id table is damaged: {0}")]
    Page(#[from] PageError),
    /// The table speaks of an entry that the log does not have: the store kept a part of a commit that did not take
    /// place, against its contract.
    #[error(
        "the id table speaks of entry {index}, but the log ends before {size}: the store has torn a commit; run \
         deedbook rebuild"
    )]
    Ahead {
        /// Index in the table.
        index: u64,
        /// Size of the log.
        size: u64,
    },
    /// A page of the table is not there.
    #[error("a page of the id table is missing; run deedbook rebuild")]
    PageMissing,
}

/// Decides each submission of a batch, in order, and gives indexes from `next` to the new ones.
///
/// `None` stands for a submission without an id (raw entries): always new. Answers the outcomes, in order, and the
/// pages to write.
pub fn admit(store: &dyn Store, batch: &[Option<Identity>], next: u64) -> Result<Admitted, IdsError> {
    let mut in_key_order: Vec<usize> = (0..batch.len()).filter(|at| batch[*at].is_some()).collect();
    in_key_order.sort_by_key(|at| (batch[*at].map(|identity| identity.key), *at));
    let mut pages = Pages::new(store);
    let mut known: Vec<Option<Row>> = vec![None; batch.len()];
    let mut first_of = vec![None; batch.len()];
    let mut previous: Option<(usize, RecordKey)> = None;
    for at in in_key_order.iter().copied() {
        let Some(identity) = batch[at] else { continue };
        match previous {
            Some((first, key)) if key == identity.key => first_of[at] = Some(first),
            _ => {
                known[at] = pages.find(&identity.key)?;
                if let Some(Row { index, .. }) = known[at].filter(|row| row.index >= next) {
                    return Err(IdsError::Ahead { index, size: next });
                }
                previous = Some((at, identity.key));
            }
        }
    }
    let outcomes = decide(batch, &known, &first_of, next);
    for at in in_key_order {
        if let (Some(identity), Outcome::Logged { index }) = (batch[at], outcomes[at]) {
            pages.insert(Row { key: identity.key, digest: identity.digest, index })?;
        }
    }
    Ok((outcomes, pages.into_puts()))
}

/// Indexes in submission order; a later submission of the same batch joins the first with its id.
fn decide(
    batch: &[Option<Identity>],
    known: &[Option<Row>],
    first_of: &[Option<usize>],
    next: u64,
) -> Vec<Outcome> {
    let mut next = next;
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(batch.len());
    for (at, submitted) in batch.iter().enumerate() {
        let first = match (known[at], first_of[at]) {
            (Some(row), _) => Some((row.digest, row.index)),
            // The first with this id in the batch is known or new; either way its outcome names the index. What
            // counts is what stands there: for a known id its row, for a new one what was submitted first.
            (None, Some(first)) => {
                let digest =
                    known[first].map(|row| row.digest).or(batch[first].map(|identity| identity.digest));
                digest.map(|digest| (digest, outcomes[first].index()))
            }
            (None, None) => None,
        };
        outcomes.push(match (first, submitted) {
            (Some((digest, index)), Some(submitted)) if digest == submitted.digest => {
                Outcome::Duplicate { index }
            }
            (Some((_, index)), _) => Outcome::Conflict { index },
            (None, _) => {
                next += 1;
                Outcome::Logged { index: next - 1 }
            }
        });
    }
    outcomes
}

/// The first `max` rows with this record id that `counts` takes, of whatever producer. Anybody may use any id, so there
/// may be any number of them.
pub fn find_id(
    store: &dyn Store,
    id: [u8; 16],
    max: usize,
    counts: impl Fn(&Row) -> bool,
) -> Result<Vec<Row>, IdsError> {
    let mut pages = Pages::new(store);
    let mut rows = vec![];
    let mut from = RecordKey { id, producer: [0; 16] };
    loop {
        let page = pages.holding(&from)?;
        let found = page.rows().iter().filter(|row| row.key.id == id && counts(row));
        rows.extend(found.take(max - rows.len()));
        match page.until() {
            Some(until) if until.id == id && rows.len() < max => from = until,
            _ => return Ok(rows),
        }
    }
}

/// The row of one record.
pub fn find(store: &dyn Store, key: &RecordKey) -> Result<Option<Row>, IdsError> {
    Pages::new(store).find(key)
}

/// Rows of a page as it is stored, for whoever checks the table as a whole.
///
/// Answers the least key the page may hold, its rows, and the least key of the page after it.
pub fn read_page(key: &Key, value: &Bytes) -> Result<(RecordKey, Vec<Row>, Option<RecordKey>), PageError> {
    let page = Page::decode(value)?;
    match key {
        Key::Id { from } => Ok((RecordKey::from_bytes(*from), page.rows().to_vec(), page.until())),
        _ => Err(PageError::NotAPage),
    }
}

/// The pages that one batch touches: read once, changed in memory, written at the end.
struct Pages<'a> {
    store: &'a dyn Store,
    read: BTreeMap<RecordKey, Page>,
    changed: BTreeMap<RecordKey, Vec<Row>>,
}

impl<'a> Pages<'a> {
    fn new(store: &'a dyn Store) -> Self {
        Self { store, read: BTreeMap::new(), changed: BTreeMap::new() }
    }

    fn find(&mut self, key: &RecordKey) -> Result<Option<Row>, IdsError> {
        Ok(self.holding(key)?.find(key))
    }

    fn insert(&mut self, row: Row) -> Result<(), IdsError> {
        let from = self.load(&row.key)?;
        self.changed.entry(from).or_default().push(row);
        Ok(())
    }

    /// The page that holds this key, if any row does.
    fn holding(&mut self, key: &RecordKey) -> Result<&Page, IdsError> {
        let from = self.load(key)?;
        Ok(&self.read[&from])
    }

    /// Makes sure that the page for this key is in memory; answers where it starts.
    fn load(&mut self, key: &RecordKey) -> Result<RecordKey, IdsError> {
        if let Some((from, page)) = self.read.range(..=key).next_back()
            && page.until().is_none_or(|until| *key < until)
        {
            return Ok(*from);
        }
        let (from, page) = match self.store.floor(&Key::Id { from: key.to_bytes() })? {
            Some((Key::Id { from }, value)) => (RecordKey::from_bytes(from), Page::decode(&value)?),
            _ => (RecordKey { id: [0; 16], producer: [0; 16] }, Page::default()),
        };
        if page.until().is_some_and(|until| *key >= until) {
            return Err(IdsError::PageMissing);
        }
        self.read.insert(from, page);
        Ok(from)
    }

    fn into_puts(mut self) -> Vec<(Key, Bytes)> {
        let mut puts = vec![];
        for (from, rows) in self.changed {
            let page = self.read.remove(&from).unwrap_or_default();
            for (from, page) in page.with(from, rows) {
                puts.push((Key::Id { from: from.to_bytes() }, page.encode()));
            }
        }
        puts
    }
}
