//! The store as it will be after the submissions of a commit that came before.

use std::collections::BTreeMap;

use bytes::Bytes;
use store::{Batch, Key, Store, StoreError, Table};

/// What is stored, and over it what this commit changes so far.
pub struct View<'a> {
    store: &'a dyn Store,
    changed: BTreeMap<Key, Change>,
    /// What `changed` held before the changes since the mark, newest last.
    undo: Vec<(Key, Option<Change>)>,
}

/// What becomes of one key.
#[derive(Clone)]
enum Change {
    Put(Bytes),
    Delete,
}

impl Change {
    fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Put(value) => Some(value),
            Self::Delete => None,
        }
    }
}

impl<'a> View<'a> {
    /// What is stored, with no changes.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store, changed: BTreeMap::new(), undo: vec![] }
    }

    /// The value at a key.
    pub fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        match self.changed.get(key) {
            Some(change) => Ok(change.value().cloned()),
            None => self.store.get(key),
        }
    }

    /// Up to `max` keys of a table after `after`, in order, with their values; fewer only at the end of the table.
    pub fn scan(
        &self,
        table: Table,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let (mut found, mut from) = (BTreeMap::new(), after.copied());
        loop {
            let stored = self.store.scan(table, from.as_ref(), max)?;
            let last = stored.last().map(|(key, _)| *key).filter(|_| stored.len() == max && max > 0);
            let unchanged = stored.into_iter().filter(|(key, _)| !self.changed.contains_key(key));
            found.extend(unchanged);
            // Changes up to where the store was read; all of them once it was read to its end.
            let of_table = self.changed.iter().filter(|(key, _)| key.table() == table);
            let within = of_table.filter(|(key, _)| {
                after.is_none_or(|after| *key > after) && last.is_none_or(|last| **key <= last)
            });
            found.extend(within.filter_map(|(key, value)| value.value().map(|value| (*key, value.clone()))));
            if found.len() >= max || last.is_none() {
                return Ok(found.into_iter().take(max).collect());
            }
            from = last;
        }
    }

    /// Changes it: deletes, then puts.
    pub(super) fn apply(&mut self, batch: Batch) {
        let deletes = batch.deletes.into_iter().map(|key| (key, Change::Delete));
        let puts = batch.puts.into_iter().map(|(key, value)| (key, Change::Put(value)));
        for (key, change) in deletes.chain(puts) {
            let before = self.changed.insert(key, change);
            self.undo.push((key, before));
        }
    }

    /// Remembers this state for [`roll_back`](Self::roll_back).
    pub(super) fn mark(&mut self) {
        self.undo.clear();
    }

    /// Undoes all changes since the mark.
    pub(super) fn roll_back(&mut self) {
        while let Some((key, before)) = self.undo.pop() {
            match before {
                Some(before) => self.changed.insert(key, before),
                None => self.changed.remove(&key),
            };
        }
    }

    /// All changes; each key occurs once.
    pub(super) fn into_batch(self) -> Batch {
        let mut batch = Batch::default();
        for (key, change) in self.changed {
            match change {
                Change::Put(value) => batch.puts.push((key, value)),
                Change::Delete => batch.deletes.push(key),
            }
        }
        batch
    }
}
