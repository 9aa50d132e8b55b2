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

/// An index as it is read: its full stretches, by their filters, and the tail.
#[derive(Clone, Copy)]
pub(crate) struct Index<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) which: Which,
    /// Stretches with a filter are in the store; the tail may be one of them that is made once more.
    pub(crate) filters: &'a [Filter],
    pub(crate) tail: &'a Tail,
}

impl Index<'_> {
    /// The entries of a stretch that have a key, ascending, counted from the start of the stretch.
    pub(crate) fn postings(self, stretch: u64, key: Key) -> Result<Vec<u32>, LookupError> {
        if let Some(known) = self.without_a_look(stretch, key) {
            return Ok(known);
        }
        // From the last page that may have it to the first: a list that fits in one page costs one look.
        let (mut pages, mut at) = (vec![], u32::MAX);
        while let Some((from, part)) = self.page(stretch, key, at)? {
            pages.push(part);
            let Some(before) = from.checked_sub(1) else { break };
            at = before;
        }
        pages.reverse();
        Ok(pages.concat())
    }

    /// Those of `wanted`, which ascend, that have a key: no page is read but those that one of them would be in.
    pub(crate) fn among(self, wanted: &[u32], stretch: u64, key: Key) -> Result<Vec<u32>, LookupError> {
        if let Some(known) = self.without_a_look(stretch, key) {
            return Ok(intersection(wanted, &known));
        }
        let (mut parts, mut rest) = (vec![], wanted);
        while let Some(last) = rest.last() {
            let Some((from, part)) = self.page(stretch, key, *last)? else { break };
            let (before, here) = rest.split_at(rest.partition_point(|entry| *entry < from));
            parts.push(intersection(here, &part));
            rest = before;
        }
        parts.reverse();
        Ok(parts.concat())
    }

    /// What has the key where no page has to be read for that.
    fn without_a_look(self, stretch: u64, key: Key) -> Option<Vec<u32>> {
        match self.filters.get(stretch as usize) {
            None if stretch == self.tail.stretch => Some(self.tail.get(key)),
            None => Some(vec![]),
            Some(filter) => (!filter.may_have(key)).then(Vec::new),
        }
    }

    /// What the page says of a key that the entry `at` would be in, and from which entry on it is the one to ask.
    fn page(self, stretch: u64, key: Key, at: u32) -> Result<Option<(u32, Vec<u32>)>, LookupError> {
        let wanted = Row::Posting { index: self.which as u8, stretch, key: key.0, first: at };
        let Some((Row::Posting { index, stretch: of, key: first_key, first }, page)) =
            self.store.floor(&wanted)?
        else {
            return Ok(None);
        };
        if (index, of) != (self.which as u8, stretch) {
            return Ok(None);
        }
        // A page that begins with another key has the beginning of this one's list.
        let from = if first_key == key.0 { first } else { 0 };
        Ok(Some((from, codec::find_in_page(&page, key)?)))
    }
}

/// What two ascending lists have in common. The shorter one leads.
fn intersection(a: &[u32], b: &[u32]) -> Vec<u32> {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let mut rest = long;
    let mut common = vec![];
    for &wanted in short {
        rest = &rest[rest.partition_point(|&each| each < wanted)..];
        if rest.first() == Some(&wanted) {
            common.push(wanted);
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use store::{Batch, MemoryStore};
    use testkit::Chance;

    use super::*;
    use crate::keys::Kind;

    /// Lists of many pages: whatever is wanted of them, the answer is what they have in common.
    #[test]
    fn of_lists_that_fill_many_pages_what_is_wanted_is_found_and_nothing_else() {
        let key = |name: &str| Key::new(Kind::Tool, name);
        let (common, often, once) = (key("common"), key("often"), key("once"));
        let (mut tail, mut chance) = (Tail::after(0, STRETCH), Chance::seeded(11));
        let mut lists: HashMap<Key, Vec<u32>> = HashMap::new();
        for n in 0..STRETCH as u32 {
            let mut here = vec![Key::new(Kind::Record, &n.to_string())];
            here.extend((chance.below(10) < 9).then_some(common));
            here.extend((chance.below(3) == 0).then_some(often));
            here.extend((n == 40_000).then_some(once));
            here.iter().for_each(|key| lists.entry(*key).or_default().push(n));
            tail.push(here);
        }
        let store = MemoryStore::new();
        let (rows, filter) = tail.rows(Which::Entries);
        store.commit(None, Batch::puts(rows), "head".into()).unwrap();
        let next = Tail::after(1, STRETCH);
        let index = Index { store: &store, which: Which::Entries, filters: &[filter], tail: &next };
        for key in [common, often, once] {
            let list = &lists[&key];
            assert_eq!(index.postings(0, key).unwrap(), *list);
            for _ in 0..60 {
                let (one_in, from) = (1 + chance.below(3_000), chance.below(STRETCH));
                let wanted: Vec<u32> =
                    (from as u32..STRETCH as u32).filter(|_| chance.below(one_in) == 0).collect();
                let expected: Vec<u32> =
                    wanted.iter().copied().filter(|n| list.binary_search(n).is_ok()).collect();
                assert_eq!(index.among(&wanted, 0, key).unwrap(), expected);
            }
            assert_eq!(index.among(&[], 0, key).unwrap(), [0; 0]);
        }
        assert_eq!(index.among(&[39_999, 40_000, 40_001], 0, once).unwrap(), [40_000]);
        assert_eq!(index.among(&[1, 2], 0, key("nobody")).unwrap(), [0; 0]);
    }
}
