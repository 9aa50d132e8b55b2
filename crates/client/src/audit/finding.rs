//! What an audit finds wrong, with the place.

use std::fmt;

use serde::Serialize;
use tlog::bundle::BundleError;
use tlog::tile::{Bundle, Tile, WIDTH};
use tlog::{Hash, Head};

use crate::follow::{Broken, Evidence};
use crate::keys::KEYS_PATH;

/// Findings that are kept in full; further ones are counted.
pub const FINDINGS_MAX: usize = 100;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The resource below the log's prefix.
    pub path: String,
    /// The entry that it concerns, or the first of them.
    pub index: Option<u64>,
    /// What is wrong.
    pub wrong: Wrong,
    /// The hash that should be there, base64.
    pub expected: Option<String>,
    /// The hash that is there, base64.
    pub found: Option<String>,
    /// Further entries or hashes of the same resource that are wrong.
    pub further: u64,
    /// One sentence, or the evidence.
    pub detail: String,
}

/// What is wrong with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrong {
    /// The checkpoint does not satisfy the policy.
    Checkpoint,
    /// The key history does not show what it should, or contradicts itself.
    Keys,
    /// Two signed checkpoints contradict each other.
    Fork,
    /// The log shows fewer entries than it did.
    WentBack,
    /// An entry is not what was signed.
    Entry,
    /// A hash in a tile is not what was signed, or not what lies below it.
    Tile,
    /// A resource is not there.
    Missing,
    /// A tile or bundle has the wrong length, or a bundle the wrong number of entries.
    Length,
    /// All is in accord with itself, and not with the root that was signed.
    Root,
    /// The tiles do not prove that this checkpoint continues the one seen before.
    Consistency,
}

/// What is wrong: the first ones in full, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// The first ones, at most [`FINDINGS_MAX`], in the order of the log.
    pub first: Vec<Finding>,
    /// All that were found.
    pub total: u64,
}

impl Findings {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Adds one; answers its place in `first`, if there was room.
    pub(crate) fn add(&mut self, finding: Finding) -> Option<usize> {
        self.total += 1;
        (self.first.len() < FINDINGS_MAX).then(|| {
            self.first.push(finding);
            self.first.len() - 1
        })
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.total += other.total;
        let room = FINDINGS_MAX - self.first.len();
        self.first.extend(other.first.into_iter().take(room));
    }
}

impl Finding {
    /// An entry whose hash is not that of the tile above it.
    pub(crate) fn entry(bundle: Bundle, at: usize, tile: Hash, entry: Hash, further: u64) -> Self {
        Self {
            path: bundle.to_string(),
            index: Some(bundle.first() + at as u64),
            wrong: Wrong::Entry,
            expected: Some(tile.to_string()),
            found: Some(entry.to_string()),
            further,
            detail: "the entry is not the one that was signed".to_owned(),
        }
    }

    /// A hash in a tile that is not what is below it.
    pub(crate) fn tile(tile: Tile, at: usize, below: Hash, served: Hash, further: u64) -> Self {
        Self {
            path: tile.to_string(),
            index: Some(first_entry(tile, at)),
            wrong: Wrong::Tile,
            expected: Some(below.to_string()),
            found: Some(served.to_string()),
            further,
            detail: format!("hash {at} of the tile is not the hash of what lies below it"),
        }
    }

    /// The same disagreement, seen the other way: the tile is wrong, and the entry is what was signed.
    pub(crate) fn blame_tile(&mut self, tile: Tile) {
        self.path = tile.to_string();
        self.wrong = Wrong::Tile;
        std::mem::swap(&mut self.expected, &mut self.found);
        "the tile is not the one that was signed; the entry is".clone_into(&mut self.detail);
    }

    pub(crate) fn missing_tile(tile: Tile) -> Self {
        Self::missing(tile.to_string(), first_entry(tile, 0))
    }

    pub(crate) fn missing_bundle(bundle: Bundle) -> Self {
        Self::missing(bundle.to_string(), bundle.first())
    }

    fn missing(path: String, index: u64) -> Self {
        let detail = "not there, though the signed size implies it".to_owned();
        Self::plain(path, Some(index), Wrong::Missing, detail)
    }

    pub(crate) fn tile_length(tile: Tile, bytes: usize) -> Self {
        let detail = format!("the tile has {} bytes, not {}", count(bytes, tile.bytes()), tile.bytes());
        Self::plain(tile.to_string(), Some(first_entry(tile, 0)), Wrong::Length, detail)
    }

    pub(crate) fn bundle(bundle: Bundle, error: BundleError) -> Self {
        let at = match error {
            BundleError::Short { at, .. } => at as u64,
            BundleError::Long { .. } => u64::from(bundle.width()) - 1,
            BundleError::EntryTooLarge { .. } => 0,
        };
        Self::plain(bundle.to_string(), Some(bundle.first() + at), Wrong::Length, error.to_string())
    }

    /// Entries and tiles agree, and lead elsewhere.
    pub(crate) fn root(signed: Head, computed: Hash) -> Self {
        Self {
            expected: Some(signed.root.to_string()),
            found: Some(computed.to_string()),
            ..Self::plain(
                "checkpoint".to_owned(),
                None,
                Wrong::Root,
                format!("the {} entries lead to another root than the one that was signed", signed.size),
            )
        }
    }

    fn plain(path: String, index: Option<u64>, wrong: Wrong, detail: String) -> Self {
        Self { path, index, wrong, expected: None, found: None, further: 0, detail }
    }
}

/// Index of the first entry below hash `at` of a tile.
fn first_entry(tile: Tile, at: usize) -> u64 {
    let item = tile.index().saturating_mul(WIDTH).saturating_add(at as u64);
    item.checked_shl(8 * u32::from(tile.level())).unwrap_or(u64::MAX)
}

/// A reader keeps one byte more than it wants, so the true length of a longer resource is not known.
fn count(bytes: usize, wanted: usize) -> String {
    if bytes > wanted { format!("more than {wanted}") } else { bytes.to_string() }
}

impl From<Broken> for Finding {
    fn from(broken: Broken) -> Self {
        let two_roots = |finding: Self, evidence: &Evidence| Self {
            expected: Some(evidence.seen.root().to_string()),
            found: evidence.root_then.map(|root| root.to_string()),
            ..finding
        };
        let detail = broken.to_string();
        let plain = |wrong| Self::plain("checkpoint".to_owned(), None, wrong, detail.clone());
        match &broken {
            Broken::Checkpoint(error) => {
                Self::plain("checkpoint".to_owned(), None, Wrong::Checkpoint, error.to_string())
            }
            Broken::Keys(_) => Self { path: KEYS_PATH.to_owned(), ..plain(Wrong::Keys) },
            Broken::WentBack(_) => plain(Wrong::WentBack),
            Broken::Fork(evidence) => two_roots(plain(Wrong::Fork), evidence),
            Broken::MissingTile(tile) => Self::missing_tile(*tile),
            Broken::Tiles(_) => plain(Wrong::Consistency),
            Broken::MissingBundle(bundle) => Self::missing_bundle(*bundle),
            Broken::Bundle { bundle, cause } => Self::bundle(*bundle, *cause),
            Broken::Entries(bundle) => {
                let (path, first) = (bundle.to_string(), bundle.first());
                Self::plain(
                    path,
                    Some(first),
                    Wrong::Entry,
                    "the entries are not those that were signed".to_owned(),
                )
            }
        }
    }
}

/// One paragraph for people.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(index) = self.index {
            write!(f, ", entry {index}")?;
        }
        write!(f, ": {}", self.detail)?;
        if let Some(expected) = &self.expected {
            write!(f, "\n  expected {expected}")?;
        }
        if let Some(found) = &self.found {
            write!(f, "\n  found    {found}")?;
        }
        match self.further {
            0 => Ok(()),
            1 => write!(f, "\n  and one more in the same resource"),
            n => write!(f, "\n  and {n} more in the same resource"),
        }
    }
}
