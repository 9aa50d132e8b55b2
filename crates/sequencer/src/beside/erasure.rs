//! What is left of content and keys that are gone.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Key, Store, StoreError, Table};

use super::{KeyId, Tag};

/// Who asked, on which ground, when by the record's word, and which entry says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// By whom.
    pub by: String,
    /// On which ground.
    pub ground: String,
    /// When, by the record's word (RFC 3339).
    pub at: String,
    /// Index of the entry that says so; where it is not logged yet, whatever stands here is replaced.
    #[serde(default)]
    pub index: u64,
}

/// A content was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Who, why, when.
    #[serde(flatten)]
    pub who: Who,
}

/// A content key was destroyed, or is to be as soon as the log is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destruction {
    /// Whose key it was.
    pub owner: Tag,
    /// Which one: an owner whose key was destroyed may have another one since.
    pub key: KeyId,
}

impl Erasure {
    pub(super) fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// From its row.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

impl Destruction {
    pub(super) fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(&self.owner.0)
    }

    fn from_row(key: &Key, value: &[u8]) -> Option<Self> {
        let Key::Destroyed { key } = *key else { return None };
        Some(Self { owner: Tag(value.try_into().ok()?), key: KeyId(key) })
    }
}

/// Rows that are read at a time.
const STEP: usize = 1024;

/// Every key that was destroyed, or is to be.
pub(crate) fn destructions(store: &dyn Store) -> Result<Vec<Destruction>, StoreError> {
    let (mut found, mut after) = (vec![], None);
    loop {
        let some = store.scan(Table::Destroyed, after.as_ref(), STEP)?;
        for (key, value) in &some {
            let damaged = || StoreError::Damaged { key: *key, what: "it names no owner".into() };
            found.push(Destruction::from_row(key, value).ok_or_else(damaged)?);
        }
        match some.last() {
            Some((last, _)) => after = Some(*last),
            None => return Ok(found),
        }
    }
}
