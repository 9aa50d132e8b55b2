//! Which entries announce, replace or revoke a key, so that whoever takes records in need not read the log to know the keys.

use bytes::Bytes;
use record::model::{Group, Record};
use store::{Batch, Key, Store, StoreError, Table};

use super::{Decision, Declined, View};

/// Rows that are read at a time.
const STEP: usize = 1024;

/// Notes that an entry changes the keys of the log.
#[derive(Clone, Copy, Debug)]
pub struct Announce;

impl Announce {
    /// For a record that announces, replaces or revokes a key.
    pub fn by(record: &Record<'_>) -> Option<Self> {
        (record.kind.group() == Group::Key).then_some(Self)
    }
}

impl Decision for Announce {
    fn decide(&self, _view: &View<'_>, index: u64) -> Result<Batch, Declined> {
        Ok(Batch::puts(vec![row(index)]))
    }
}

/// The row of the entry at `index`.
pub(crate) fn row(index: u64) -> (Key, Bytes) {
    (Key::Announced { index }, Bytes::new())
}

/// Every such entry, in log order.
pub(crate) fn announced(store: &dyn Store) -> Result<Vec<u64>, StoreError> {
    let (mut found, mut after) = (vec![], None);
    loop {
        let some = store.scan(Table::Announced, after.as_ref(), STEP)?;
        found.extend(some.iter().filter_map(|(key, _)| match *key {
            Key::Announced { index } => Some(index),
            _ => None,
        }));
        match some.last() {
            Some((last, _)) => after = Some(*last),
            None => return Ok(found),
        }
    }
}
