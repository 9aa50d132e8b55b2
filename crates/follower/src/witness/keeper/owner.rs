//! Whose store it is: the witness's name and its keys, in the head that every commit writes.
//!
//! A key that is used beside another store than its own cosigns second histories. So a store is told of a key before the
//! key is written, and once more when it is there: a key that the store was never told of is not of this witness, and one
//! that it was told of twice and that is gone may have cosigned.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tlog::key::{KeyName, VerifierKey};

/// The witness that a store belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    name: String,
    /// By the type of the key, as in its vkey.
    keys: BTreeMap<u8, OwnedKey>,
}

/// What a store was told of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnedKey {
    /// SHA-256 of the vkey, in lowercase hexadecimal digits.
    sha256: String,
    /// Whether it was written; until then it has signed nothing.
    written: bool,
}

impl Owner {
    /// A witness of this name, without keys.
    pub fn new(name: &KeyName) -> Self {
        Self { name: name.to_string(), keys: BTreeMap::new() }
    }

    /// The witness's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same with a key that is about to be written.
    #[must_use]
    pub fn announcing(self, key: &VerifierKey) -> Self {
        self.with(key, false)
    }

    /// The same with a key that was written.
    #[must_use]
    pub fn having(self, key: &VerifierKey) -> Self {
        self.with(key, true)
    }

    /// What the store was told of the key of this type ([`tlog::key::KeyType::byte`]).
    pub fn key(&self, key_type: u8) -> Option<&OwnedKey> {
        self.keys.get(&key_type)
    }

    fn with(mut self, key: &VerifierKey, written: bool) -> Self {
        self.keys.insert(key.key_type().byte(), OwnedKey { sha256: hash(key), written });
        self
    }
}

impl OwnedKey {
    /// Whether this key is meant.
    pub fn is(&self, key: &VerifierKey) -> bool {
        self.sha256 == hash(key)
    }

    /// Whether it was written, and so may have signed.
    pub fn is_written(&self) -> bool {
        self.written
    }
}

fn hash(key: &VerifierKey) -> String {
    let hash = Sha256::digest(key.to_string());
    hash.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
