//! The public resources of a stored log, read without opening the log: for whoever checks or remakes it.
//!
//! Nothing here is believed: what is on the growing edge is derived from the entries that are stored, full tiles and
//! bundles come as they are, and what is not there is answered with `None`.

use std::sync::Arc;

use bytes::Bytes;
use store::{Key, Store, StoreError};
use tlog::{
    Hash, bundle,
    checkpoint::{CheckpointError, SignedCheckpoint},
    hash::root_of,
    key::VerifierKey,
    tile::{Bundle, Resource, Tile, WIDTH, items_at},
};

/// A stored log with a head that a key of its own has signed.
pub struct Stored {
    store: Arc<dyn Store>,
    head: SignedCheckpoint,
    /// Entries of the partial bundle, as far as they are there.
    edge: Vec<Bytes>,
}

/// The store holds no log that can be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no head.
    #[error("the store is empty")]
    Empty,
    /// The head is not a checkpoint that this log signed.
    #[error("the stored head was not signed by a key of this log: {0}")]
    Head(#[from] CheckpointError),
}

impl Stored {
    /// Reads the head, and the entries that are in no full bundle. `keys` are those that the log has and had.
    pub fn open(store: Arc<dyn Store>, keys: &[VerifierKey]) -> Result<Self, StoredError> {
        let head = SignedCheckpoint::open_any(store.head()?.ok_or(StoredError::Empty)?, keys)?;
        let mut edge: Vec<Bytes> = vec![];
        while (edge.len() as u64) < head.size() % WIDTH {
            let first = head.size() / WIDTH * WIDTH + edge.len() as u64;
            let run = match store.get(&Key::Run { first }) {
                Err(StoreError::Damaged { .. }) => None,
                run => run?.and_then(|run| bundle::decode_all(&run).ok()).filter(|run| !run.is_empty()),
            };
            match run {
                Some(entries) => edge.extend(entries),
                None => break,
            }
        }
        Ok(Self { store, head, edge })
    }

    /// The head of the last commit.
    pub fn head(&self) -> &SignedCheckpoint {
        &self.head
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// A resource as it is stored, or as it follows from what is stored; `None` if it is not there. May block.
    pub fn resource(&self, resource: Resource) -> Result<Option<Bytes>, StoreError> {
        match resource {
            Resource::Checkpoint => Ok(Some(self.head.bytes().clone())),
            Resource::Tile(tile) => self.tile(tile),
            Resource::Bundle(bundle) => self.bundle(bundle),
        }
    }

    /// The entry at an index. May block.
    pub fn entry(&self, index: u64) -> Result<Option<Bytes>, StoreError> {
        let Some(place) = Bundle::at(index / WIDTH, self.head.size()) else { return Ok(None) };
        let entries = self.bundle(place)?.and_then(|bytes| bundle::decode_all(&bytes).ok());
        Ok(entries.and_then(|entries| entries.get((index % WIDTH) as usize).cloned()))
    }

    fn bundle(&self, wanted: Bundle) -> Result<Option<Bytes>, StoreError> {
        match Bundle::at(wanted.index(), self.head.size()) {
            Some(place) if place.is_full() => {
                let full = self.store.get(&Key::Bundle { index: wanted.index() })?;
                let prefix = |full: Bytes| bundle::prefix(&full, wanted.width().into());
                Ok(if wanted.is_full() { full } else { full.and_then(prefix) })
            }
            Some(_) => Ok(self.edge.get(..wanted.width().into()).and_then(|part| bundle::encode(part).ok())),
            None => Ok(None),
        }
    }

    fn tile(&self, wanted: Tile) -> Result<Option<Bytes>, StoreError> {
        let size = self.head.size();
        match Tile::at(wanted.level(), wanted.index(), size) {
            Some(place) if place.is_full() => {
                let full = self.store.get(&Key::Tile { level: wanted.level(), index: wanted.index() })?;
                Ok(if wanted.is_full() { full } else { full.and_then(|full| part(&full, wanted.bytes())) })
            }
            Some(_) if wanted.level() == 0 => Ok(self
                .edge
                .get(..wanted.width().into())
                .map(|part| concat(part.iter().map(|e| Hash::leaf(e))))),
            Some(_) => self.derived_tile(wanted),
            None => Ok(None),
        }
    }

    /// A partial tile above level 0: each hash is the root of a full tile below it.
    fn derived_tile(&self, wanted: Tile) -> Result<Option<Bytes>, StoreError> {
        let (level, size) = (wanted.level() - 1, self.head.size());
        let first = wanted.index() * WIDTH;
        let mut roots = vec![];
        for index in first..first + u64::from(wanted.width()) {
            let below = Tile::at(level, index, size).filter(Tile::is_full);
            let bytes = below.map(|_| self.store.get(&Key::Tile { level, index })).transpose()?.flatten();
            let hashes = below.zip(bytes).and_then(|(below, bytes)| below.hashes(&bytes));
            match hashes {
                Some(hashes) => roots.push(root_of(&hashes)),
                None => return Ok(None),
            }
        }
        Ok(Some(concat(roots)))
    }
}

/// Full tiles of every level that a log of `size` entries has.
pub(crate) fn full_tiles(size: u64) -> u64 {
    (0..64).map_while(|level| Some(items_at(level, size) / WIDTH).filter(|full| *full > 0)).sum()
}

fn part(full: &Bytes, bytes: usize) -> Option<Bytes> {
    (full.len() >= bytes).then(|| full.slice(..bytes))
}

fn concat(hashes: impl IntoIterator<Item = Hash>) -> Bytes {
    hashes.into_iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>().into()
}
