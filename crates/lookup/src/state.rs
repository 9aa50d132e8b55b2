//! What a crash leaves: how far the store is, and the hash of all that was read so far.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tlog::{Hash, encoding, range::CompactRange};

use crate::{index::LookupError, keys::VERSION};

/// The head of the store of the lookups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    version: u32,
    /// Entries of a stretch.
    width: u64,
    /// The log that they are of.
    origin: String,
    /// Full stretches of what stands in entries.
    pub(crate) entries: u64,
    /// Full stretches of what was found in them.
    pub(crate) findings: u64,
    /// Full stretches of entries that led to a signed checkpoint.
    pub(crate) proven: u64,
    /// Hashes over the entries of the first, the largest subtree first, base64.
    range: Vec<String>,
}

impl State {
    /// Before the first entry.
    pub(crate) fn new(origin: &str, width: u64) -> Self {
        Self {
            version: VERSION,
            width,
            origin: origin.to_owned(),
            entries: 0,
            findings: 0,
            proven: 0,
            range: vec![],
        }
    }

    /// After another full stretch of entries.
    pub(crate) fn with_entries(&self, range: &CompactRange) -> Self {
        let range = range.hashes().iter().map(Hash::to_string).collect();
        Self { entries: self.entries + 1, range, ..self.clone() }
    }

    /// After another full stretch of findings.
    pub(crate) fn with_findings(&self) -> Self {
        Self { findings: self.findings + 1, ..self.clone() }
    }

    /// With all full stretches proven.
    pub(crate) fn proven(&self) -> Self {
        Self { proven: self.entries, ..self.clone() }
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        // Strings and numbers alone: printing cannot fail.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// The state that these bytes are, if it is one of this log and this mapping.
    pub(crate) fn read(bytes: &[u8], origin: &str, width: u64) -> Result<Self, LookupError> {
        let state: Self = serde_json::from_slice(bytes).map_err(|_| LookupError::Others)?;
        let same = (state.version, state.width, state.origin.as_str()) == (VERSION, width, origin);
        if same { Ok(state) } else { Err(LookupError::Others) }
    }

    /// The range over all entries of full stretches.
    pub(crate) fn range(&self) -> Result<CompactRange, LookupError> {
        let hashes = self.range.iter().map(|text| encoding::parse_base64_array(text).map(Hash::from_bytes));
        let hashes = hashes.collect::<Result<Vec<_>, _>>().ok();
        hashes
            .and_then(|hashes| CompactRange::from_parts(self.entries * self.width, hashes))
            .ok_or(LookupError::damaged("its hashes are not those of its size"))
    }
}
