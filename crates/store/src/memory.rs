//! A store in memory. It forgets with the process, and keeps every other clause of the contract.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

use bytes::Bytes;
use parking_lot::RwLock;

use crate::{Batch, CommitError, Key, Store, StoreError, Table, contract::parts};

/// A [`Store`] in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    values: BTreeMap<Key, Value>,
    head: Option<Bytes>,
}

#[derive(Debug)]
struct Value {
    bytes: Bytes,
    parts: Vec<Bytes>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state.read().values.get(key).map(|value| value.bytes.clone()))
    }

    fn part(&self, key: &Key, number: usize) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state.read().values.get(key).and_then(|value| value.parts.get(number)).cloned())
    }

    fn floor(&self, key: &Key) -> Result<Option<(Key, Bytes)>, StoreError> {
        let state = self.state.read();
        let found = state.values.range(..=key).next_back().filter(|(found, _)| found.table() == key.table());
        Ok(found.map(|(key, value)| (*key, value.bytes.clone())))
    }

    fn scan(&self, table: Table, after: Option<&Key>, max: usize) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let state = self.state.read();
        let from = after.map_or(Unbounded, |key| Excluded(*key));
        let keys = state.values.range((from, Unbounded)).filter(|(key, _)| key.table() == table);
        Ok(keys.take(max).map(|(key, value)| (*key, value.bytes.clone())).collect())
    }

    fn head(&self) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state.read().head.clone())
    }

    fn commit(&self, expected: Option<&Bytes>, batch: Batch, head: Bytes) -> Result<(), CommitError> {
        let mut state = self.state.write();
        if state.head.as_ref() != expected {
            return Err(CommitError::Conflict);
        }
        let mut values = vec![];
        for (key, bytes) in batch.puts {
            let parts = parts(&bytes, batch.cuts.get(&key).map_or(&[][..], Vec::as_slice));
            let parts =
                parts.ok_or_else(|| CommitError::Refused(format!("{key:?} cannot be cut like this")))?;
            values.push((key, Value { bytes, parts }));
        }
        state.values.extend(values);
        for key in &batch.deletes {
            state.values.remove(key);
        }
        state.head = Some(head);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn conforms() {
        crate::conformance::run(&|| Box::new(super::MemoryStore::new()));
    }
}
