//! What the log has to hold: entries in a row, a map of ids, the reference tree.

use std::collections::BTreeMap;

use bytes::Bytes;
use record::RecordKey;
use sequencer::{
    ids::{Identity, Outcome},
    pool::Submission,
};
use tlog::integrate::Entry;

use super::reference::{Digest, Reference, sha256};

/// Something to submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    key: Option<RecordKey>,
    bytes: Bytes,
}

impl Made {
    /// A record: its id, and which of the things that may stand under it.
    pub fn record(id: u64, version: u8) -> Self {
        Self::by(0, id, version)
    }

    /// A record of one of several producers.
    pub fn by(producer: u8, id: u64, version: u8) -> Self {
        let mut id_bytes = [0; 16];
        id_bytes[..8].copy_from_slice(&id.to_be_bytes());
        let padding = ".".repeat((id % 61) as usize);
        let text =
            format!(r#"{{"id":{id},"producer":{producer},"version":{version},"padding":"{padding}"}}"#);
        Self { key: Some(RecordKey { id: id_bytes, producer: [producer; 16] }), bytes: text.into() }
    }

    /// An entry without an id.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self { key: None, bytes: bytes.into() }
    }

    /// New records with ids in a row.
    pub fn records(ids: std::ops::Range<u64>) -> Vec<Self> {
        ids.map(|id| Self::record(id, 0)).collect()
    }

    pub fn key(&self) -> Option<RecordKey> {
        self.key
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What the digest is taken over is not the entry: the server puts an envelope around it.
    fn digest(&self) -> Digest {
        sha256(&[b"submitted", &self.bytes])
    }

    pub fn submission(&self) -> Submission {
        let identity = self.key.map(|key| Identity { key, digest: self.digest() });
        Submission::new(Entry::new(self.bytes.clone()).unwrap(), identity)
    }
}

/// The log as it should be.
pub struct Model {
    pub entries: Vec<Bytes>,
    pub ids: BTreeMap<RecordKey, (Digest, u64)>,
    pub tree: Reference,
}

impl Model {
    pub fn new() -> Self {
        Self { entries: vec![], ids: BTreeMap::new(), tree: Reference::new() }
    }

    pub fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Bytes of all entries.
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(Bytes::len).sum()
    }

    /// Logs one submission after the other; answers what has to become of each.
    pub fn log(&mut self, group: &[Made]) -> Vec<Outcome> {
        group.iter().map(|made| self.log_one(made)).collect()
    }

    fn log_one(&mut self, made: &Made) -> Outcome {
        match made.key.and_then(|key| self.ids.get(&key)) {
            Some((digest, index)) if *digest == made.digest() => Outcome::Duplicate { index: *index },
            Some((_, index)) => Outcome::Conflict { index: *index },
            None => {
                let index = self.size();
                self.entries.push(made.bytes.clone());
                self.tree.push(&made.bytes);
                if let Some(key) = made.key {
                    self.ids.insert(key, (made.digest(), index));
                }
                Outcome::Logged { index }
            }
        }
    }

    /// How many entries the log would have after these groups.
    pub fn size_after(&self, groups: &[Vec<Made>]) -> u64 {
        let mut new = std::collections::BTreeSet::new();
        let raw = groups.iter().flatten().filter(|made| made.key.is_none()).count();
        let keys = groups.iter().flatten().filter_map(|made| made.key);
        new.extend(keys.filter(|key| !self.ids.contains_key(key)));
        self.size() + (new.len() + raw) as u64
    }
}
