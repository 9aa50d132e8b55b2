//! One index: full stretches in the store, the rest of the entries in memory.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use bytes::Bytes;
use smallvec::SmallVec;
use store::{Key as Row, Store, StoreError};

use crate::{codec, filter::Filter, keys::Key};

/// Entries of a stretch.
pub const STRETCH: u64 = 1 << 16;

/// Why lookups cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The store failed.
    #[error("the lookups: {0}")]
    Store(#[from] StoreError),
    /// The commit failed.
    #[error("the lookups: {0}")]
    Commit(#[from] store::CommitError),
    /// What is there is not what was written. Lookups can be made anew: `deedbook lookup rebuild`.
    #[error("the lookups are damaged: {0}; make them anew (deedbook lookup rebuild)")]
    Damaged(&'static str),
    /// They are of another log, or of another version of the mapping.
    #[error(
        "the lookups are of another log or of an older program; make them anew (deedbook lookup rebuild)"
    )]
    Others,
}

impl LookupError {
    pub(crate) const fn damaged(what: &'static str) -> Self {
        Self::Damaged(what)
    }
}

/// Which index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Which {
    /// What stands in entries.
    Entries = 0,
    /// What was found in them.
    Findings = 1,
}

impl Which {
    /// Where the filter of a stretch is: beside the postings, under a number of its own.
    fn filter_row(self, stretch: u64) -> Row {
        Row::Posting { index: 2 + self as u8, stretch, key: [0; 8], first: 0 }
    }
}

/// Keys are digests: they are their own hashes.
#[derive(Default)]
pub(crate) struct OwnHash(u64);

impl Hasher for OwnHash {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().copied().map_or(0, u64::from_ne_bytes);
    }

    fn write_usize(&mut self, _: usize) {
        // The length of a key, which is that of all.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Most keys are of one entry or two: those need no memory of their own.
type Postings = SmallVec<[u32; 4]>;

/// Postings of the stretch that is not full yet.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Entries of a full stretch.
    width: u64,
    /// Number of full stretches before it.
    pub(crate) stretch: u64,
    /// Entries of it.
    len: u32,
    postings: HashMap<Key, Postings, BuildHasherDefault<OwnHash>>,
}

impl Tail {
    /// The stretch after so many full ones, without entries.
    pub(crate) fn after(stretch: u64, width: u64) -> Self {
        Self { width, stretch, len: 0, postings: HashMap::default() }
    }

    /// Entries in the index, those of full stretches included.
    pub(crate) fn size(&self) -> u64 {
        self.stretch * self.width + u64::from(self.len)
    }

    /// Whether there is no room for another entry.
    pub(crate) fn is_full(&self) -> bool {
        u64::from(self.len) == self.width
    }

    /// Adds the next entry. Its keys may occur more than once.
    pub(crate) fn push(&mut self, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            let postings = self.postings.entry(key).or_default();
            if postings.last() != Some(&self.len) {
                postings.push(self.len);
            }
        }
        self.len += 1;
    }

    /// The rows of a full stretch, and its filter, which is one of them.
    pub(crate) fn rows(&self, which: Which) -> (Vec<(Row, Bytes)>, Filter) {
        let mut lists: Vec<(Key, &[u32])> =
            self.postings.iter().map(|(key, list)| (*key, list.as_slice())).collect();
        lists.sort_unstable_by_key(|(key, _)| *key);
        let row = |(key, first, page): (Key, u32, Vec<u8>)| {
            let at = Row::Posting { index: which as u8, stretch: self.stretch, key: key.0, first };
            (at, Bytes::from(page))
        };
        let mut rows: Vec<_> = codec::pages(&lists).into_iter().map(row).collect();
        let filter = Filter::of(lists.iter().map(|(key, _)| *key));
        rows.push((which.filter_row(self.stretch), filter.to_bytes()));
        (rows, filter)
    }

    fn get(&self, key: Key) -> Vec<u32> {
        self.postings.get(&key).map(|list| list.to_vec()).unwrap_or_default()
    }
}

/// The filters of the full stretches of an index.
///
/// # Errors
/// The store cannot be read; [`LookupError::Others`] where an older program wrote none.
pub(crate) fn filters(store: &dyn Store, which: Which, full: u64) -> Result<Vec<Filter>, LookupError> {
    let filter = |stretch| store.get(&which.filter_row(stretch))?.ok_or(LookupError::Others);
    (0..full).map(|stretch| Ok(Filter::from_bytes(filter(stretch)?))).collect()
}

/// The entries of a stretch that have a key, ascending, counted from the start of the stretch. Stretches with a filter are
/// in the store; the tail may be one of them that is made once more.
pub(crate) fn postings(
    store: &dyn Store,
    (which, filters, tail): (Which, &[Filter], &Tail),
    stretch: u64,
    key: Key,
) -> Result<Vec<u32>, LookupError> {
    match filters.get(stretch as usize) {
        None => return Ok(if stretch == tail.stretch { tail.get(key) } else { vec![] }),
        Some(filter) if !filter.may_have(key) => return Ok(vec![]),
        Some(_) => {}
    }
    let mut found = vec![];
    let mut at = u32::MAX;
    // From the last page that may have it to the first: a list that fits in one page costs one look.
    loop {
        let wanted = Row::Posting { index: which as u8, stretch, key: key.0, first: at };
        let Some((Row::Posting { index, stretch: of, key: first_key, first }, page)) =
            store.floor(&wanted)?
        else {
            break;
        };
        if (index, of) != (which as u8, stretch) {
            break;
        }
        let mut part = codec::find_in_page(&page, key)?;
        part.extend(found);
        found = part;
        if first_key != key.0 || first == 0 {
            break;
        }
        at = first - 1;
    }
    Ok(found)
}
