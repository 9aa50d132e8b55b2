//! A stored log as a place where a log is read: what `fsck` and `rebuild` audit.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use client::{Resources, Source, SourceError};
use sequencer::stored::Stored;
use tlog::tile::{Resource, Tile};

/// The resources of a store, and where it is.
struct InStore {
    stored: Arc<Stored>,
    path: PathBuf,
}

/// A stored log as a source.
pub(crate) fn source(stored: Arc<Stored>, path: &Path) -> Source {
    Source::Local(Arc::new(InStore { stored, path: path.to_owned() }))
}

impl Resources for InStore {
    fn read(&self, resource: Resource, limit: usize) -> Result<Option<Bytes>, SourceError> {
        match self.stored.resource(resource) {
            Ok(bytes) => Ok(bytes.map(|bytes| bytes.slice(..bytes.len().min(limit + 1)))),
            // A value that is damaged is one that is not there: a check goes on, and says that it is missing.
            Err(store::StoreError::Damaged { key, what }) => {
                tracing::warn!(?key, what, "a value in the store is damaged");
                Ok(None)
            }
            Err(error) => Err(SourceError::Store { place: self.to_string(), cause: error.into() }),
        }
    }

    /// What is on the growing edge is made from what is below it.
    fn keeps(&self, tile: Tile) -> bool {
        tile.is_full()
    }
}

impl fmt::Display for InStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl fmt::Debug for InStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InStore({})", self.path.display())
    }
}
