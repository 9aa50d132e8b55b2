//! The contract between a log and the place where its bytes are.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{Key, Table};

/// Values at keys, and one head.
///
/// * **Atomic**: after [`Store::commit`] either all of the batch and the new head are there, or none of it, also
///   after a power cut in the middle.
/// * **Durable**: when `commit` returns `Ok`, all of it survives a power cut, not merely the end of the process.
/// * **Conditional**: a commit names the head it is based on; if another one is there, nothing is written.
/// * **Ordered**: keys of a table are kept in the order of [`Key`].
/// * A reader sees the head before a commit or the one after it, and all values of either.
///
/// Every call may block on a disk: call it from a thread that may wait, never from an async task.
pub trait Store: Send + Sync {
    /// The value at a key.
    fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError>;

    /// One part of a value that was cut ([`Batch::cuts`]); of one that was not, part 0 is all of it. `None` where there is no
    /// such value, or it has fewer parts.
    fn part(&self, key: &Key, number: usize) -> Result<Option<Bytes>, StoreError>;

    /// The greatest key of the same table that is not greater than `key`, with its value.
    fn floor(&self, key: &Key) -> Result<Option<(Key, Bytes)>, StoreError>;

    /// Up to `max` keys of a table that are greater than `after` (from the first one, if `None`), in order, with
    /// their values.
    fn scan(&self, table: Table, after: Option<&Key>, max: usize) -> Result<Vec<(Key, Bytes)>, StoreError>;

    /// The head of the last commit; `None` before the first.
    fn head(&self) -> Result<Option<Bytes>, StoreError>;

    /// Writes a batch and moves the head from `expected` (`None`: there is none yet) to `head`.
    fn commit(&self, expected: Option<&Bytes>, batch: Batch, head: Bytes) -> Result<(), CommitError>;
}

/// What one commit writes and deletes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Values to write. A key occurs once.
    pub puts: Vec<(Key, Bytes)>,
    /// Keys to delete. A key that is not there is not an error.
    pub deletes: Vec<Key>,
    /// Where values of `puts` are cut into parts that can be read one by one: ascending positions inside of the value, which
    /// make at most [`PARTS_MAX`] parts of at most [`PART_BYTES_MAX`] bytes. Nothing else depends on it.
    pub cuts: BTreeMap<Key, Vec<usize>>,
}

impl Batch {
    /// A batch that writes these values.
    pub fn puts(puts: Vec<(Key, Bytes)>) -> Self {
        Self { puts, ..Self::default() }
    }

    /// A batch that deletes these keys.
    pub fn deletes(deletes: Vec<Key>) -> Self {
        Self { deletes, ..Self::default() }
    }
}

/// Parts of a value, at most.
pub const PARTS_MAX: usize = 256;
/// Bytes of a part, at most.
pub const PART_BYTES_MAX: usize = 3_000_000;

/// The parts of a value that is cut at these positions; `None` if they do not ascend inside of it, or are too many or too far
/// apart.
pub(crate) fn parts(value: &Bytes, cuts: &[usize]) -> Option<Vec<Bytes>> {
    let bounds: Vec<usize> = [&[0], cuts, &[value.len()]].concat();
    let few =
        cuts.len() < PARTS_MAX && bounds.windows(2).all(|at| at[1].saturating_sub(at[0]) <= PART_BYTES_MAX);
    let inside = cuts.is_empty() || (few && bounds.is_sorted_by(|a, b| a < b));
    inside.then(|| bounds.windows(2).map(|bound| value.slice(bound[0]..bound[1])).collect())
}

/// Reading failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The place answered with an error.
    #[error("the store cannot be read: {0}")]
    Io(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is there is not what was written.
    #[error("the store is damaged at {key:?}: {what}")]
    Damaged {
        /// The key whose value is wrong.
        key: Key,
        /// In which way.
        what: String,
    },
}

/// A commit did not take place, or nobody can tell.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another head is there; nothing was written. Somebody else writes to this store.
    #[error("another writer has moved the head; nothing was written")]
    Conflict,
    /// The batch cannot be written as it is; nothing was written.
    #[error("the batch was refused, nothing was written: {0}")]
    Refused(String),
    /// The batch may or may not be there. The store takes no further commits until it has been opened anew.
    #[error("whether the batch was written is not known; the store has to be opened anew: {0}")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
}
