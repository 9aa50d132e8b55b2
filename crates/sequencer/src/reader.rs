//! Reading a log: the resources that it serves, and proofs made from them.
//!
//! Calls marked *may block* read the store: they belong on a thread that may wait. [`Reader::at_hand`] answers
//! without blocking what is on the growing edge.

use std::sync::Arc;

use bytes::Bytes;
use record::RecordKey;
use store::{Key, Store, StoreError, Table};
use tlog::{
    Hash, Head, bundle,
    checkpoint::SignedCheckpoint,
    key::VerifierKey,
    plan::{ConsistencyPlan, ConsistencyProof, InclusionPlan, InclusionProof, PlanError},
    tile::{Bundle, Resource, Tile, WIDTH},
};
use tokio::sync::watch;

use crate::{
    beside::{self, Destruction, Digest, Erasure, Hold, Info, Tag},
    halves::in_halves,
    ids::{self, IdsError, Row},
    log::{Committed, LogIdentity, Shared, Status},
    witnesses::WhenUnwitnessed,
};

/// So many bundles and more are read by two threads, which costs about as much as reading one.
const BUNDLES_FOR_TWO: usize = 4;
/// Entries of a bundle, and hashes of a tile, that are kept together: so that one of them is read without all the others.
pub(crate) const PART_ENTRIES: usize = 32;
/// Of more parts than this, hashes are read with their whole tile.
const PARTS_OF_TILE: usize = 2;

/// Something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The question makes no sense, or what is stored does not lead to the signed root.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The id table failed.
    #[error(transparent)]
    Ids(#[from] IdsError),
    /// Something that a log of this size has is not there.
    #[error("{0} is missing from the store; run deedbook fsck")]
    Missing(Resource),
    /// An entry is not the one whose hash is in the tree.
    #[error("entry {index} was altered in the store; run deedbook fsck")]
    Altered {
        /// Index of the entry.
        index: u64,
    },
}

/// What is taken of the entry at an index; `None` of one that is not wanted.
pub type Take<'t, T> = dyn Fn(u64, &[u8]) -> Option<T> + Sync + 't;

/// A way to read an open log. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

/// An answer that needs no waiting, or the news that one has to wait for it.
pub enum AtHand {
    /// The bytes; `None`: the log has no such resource (yet).
    Known(Option<Bytes>),
    /// It is in the store.
    InStore,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// What the log is.
    pub fn identity(&self) -> &LogIdentity {
        &self.shared.identity
    }

    /// The log's public key.
    pub fn vkey(&self) -> &VerifierKey {
        &self.shared.vkey
    }

    /// The keys that the log has and had, in the order in which they took over, and from which size on each signs.
    pub fn keys_since(&self) -> &[(u64, VerifierKey)] {
        &self.shared.keys_since
    }

    /// The document that tells how the log's keys followed each other, if it has had more than one.
    pub fn key_history(&self) -> Option<&Bytes> {
        self.shared.key_history.as_ref()
    }

    /// Whether the log takes entries.
    pub fn status(&self) -> Status {
        (**self.shared.status.load()).clone()
    }

    /// The last durable state, possibly ahead of the published one.
    pub fn committed(&self) -> Arc<Committed> {
        self.shared.committed.load_full()
    }

    /// The checkpoint that is shown to everybody.
    pub fn published(&self) -> SignedCheckpoint {
        self.shared.published.borrow().clone()
    }

    /// Changes when the published checkpoint moves or is confirmed.
    pub fn watch_published(&self) -> watch::Receiver<SignedCheckpoint> {
        self.shared.published.subscribe()
    }

    /// What is published while too few witnesses have cosigned; `None` if the log asks none.
    pub fn when_unwitnessed(&self) -> Option<WhenUnwitnessed> {
        self.shared.when_unwitnessed
    }

    /// The newest checkpoint that enough witnesses have cosigned, since the log was opened or before. While what is published
    /// waits for them it is older than that.
    pub fn witnessed(&self) -> Option<SignedCheckpoint> {
        self.shared.witnessed.borrow().clone()
    }

    /// Changes when another checkpoint is witnessed, or one is by more.
    pub fn watch_witnessed(&self) -> watch::Receiver<Option<SignedCheckpoint>> {
        self.shared.witnessed.subscribe()
    }

    /// A tile, a bundle or the checkpoint, if it can be answered without blocking.
    pub fn at_hand(&self, resource: Resource) -> AtHand {
        let committed = self.shared.committed.load();
        let size = committed.edge.size();
        let (there, edge) = match resource {
            Resource::Checkpoint => return AtHand::Known(Some(self.published().bytes().clone())),
            Resource::Tile(tile) => (
                Tile::at(tile.level(), tile.index(), size)
                    .map(|there| (there.width(), tile.width(), there.is_full())),
                committed.edge.tile(tile),
            ),
            Resource::Bundle(bundle) => (
                Bundle::at(bundle.index(), size)
                    .map(|there| (there.width(), bundle.width(), there.is_full())),
                committed.edge.bundle(bundle),
            ),
        };
        match there {
            Some((has, wanted, true)) if wanted <= has => AtHand::InStore,
            Some((has, wanted, false)) if wanted <= has => AtHand::Known(edge),
            _ => AtHand::Known(None),
        }
    }

    /// A resource of the log; `None` if it has no such one (yet). One that it has and the store has lost is an
    /// error. May block.
    pub fn get(&self, resource: Resource) -> Result<Option<Bytes>, ReadError> {
        let found = match (self.at_hand(resource), resource) {
            (AtHand::Known(bytes), _) => return Ok(bytes),
            (AtHand::InStore, Resource::Checkpoint) => None,
            (AtHand::InStore, Resource::Tile(tile)) => {
                tile_bytes(&*self.shared.store, &self.committed(), tile)?
            }
            (AtHand::InStore, Resource::Bundle(bundle)) => {
                bundle_bytes(&*self.shared.store, &self.committed(), bundle)?
            }
        };
        found.map(Some).ok_or(ReadError::Missing(resource))
    }

    /// The entry at an index, compared with its hash in the tree; `None` at the end of the log and beyond. May block.
    pub fn entry(&self, index: u64) -> Result<Option<Bytes>, ReadError> {
        let whole = |_, entry: &[u8]| Some(Bytes::copy_from_slice(entry));
        Ok(self.of_one_bundle(&[index], &whole)?.pop().flatten())
    }

    /// What is taken of the entries at these indexes, each compared with its hash in the tree as [`entry`](Self::entry) does;
    /// `None` also at the end of the log and beyond. Neighbours that are kept together cost one read; where there are many
    /// bundles, half of them are read, and taken from, on another thread. May block.
    pub fn entries_at<T: Send>(
        &self,
        indexes: &[u64],
        take: &Take<'_, T>,
    ) -> Result<Vec<Option<T>>, ReadError> {
        let groups: Vec<&[u64]> = indexes.chunk_by(|a, b| a / WIDTH == b / WIDTH).collect();
        let read = |groups: &[&[u64]]| -> Result<Vec<Vec<Option<T>>>, ReadError> {
            groups.iter().map(|group| self.of_one_bundle(group, take)).collect()
        };
        let halves = in_halves(&groups, BUNDLES_FOR_TWO, read).into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(halves.into_iter().flatten().flatten().collect())
    }

    /// What is taken of entries of one bundle, each compared with its hash in the tree.
    fn of_one_bundle<T>(&self, indexes: &[u64], take: &Take<'_, T>) -> Result<Vec<Option<T>>, ReadError> {
        let committed = self.committed();
        let Some(first) = indexes.first() else { return Ok(vec![]) };
        let Some(place) = Bundle::at(first / WIDTH, committed.edge.size()) else {
            return Ok(indexes.iter().map(|_| None).collect());
        };
        let at = |index: &u64| (index % WIDTH) as usize;
        if !place.is_full() {
            let edge = committed.edge.entries();
            let entry = |index: &u64| edge.get(at(index)).and_then(|entry| take(*index, entry));
            return Ok(indexes.iter().map(entry).collect());
        }
        let (bundle, tile) = (Resource::Bundle(place), Resource::Tile(place.tile()));
        let parts: Vec<&[u64]> =
            indexes.chunk_by(|a, b| at(a) / PART_ENTRIES == at(b) / PART_ENTRIES).collect();
        let many = parts.len() > PARTS_OF_TILE;
        let whole = if many { Some((0, self.tiles(&[place.tile()])?.concat().into())) } else { None };
        let mut found = vec![];
        for together in parts {
            let number = at(&together[0]) / PART_ENTRIES;
            let part = |resource| {
                part_of(&*self.shared.store, resource, number)?.ok_or(ReadError::Missing(resource))
            };
            let (first_leaf, leaves): (usize, Bytes) = whole.clone().map_or_else(|| part(tile), Ok)?;
            let (first, entries) = part(bundle)?;
            for index in together {
                let leaf = leaves.chunks_exact(Hash::LEN).nth(at(index) - first_leaf);
                let leaf = leaf.and_then(Hash::from_slice);
                let entry = bundle::nth(&entries, at(index) - first)
                    .filter(|entry| leaf == Some(Hash::leaf(entry)))
                    .ok_or(ReadError::Altered { index: *index })?;
                found.push(take(*index, entry));
            }
        }
        Ok(found)
    }

    /// The proof that the entry at `index` is in the tree with this head. May block.
    pub fn inclusion(&self, index: u64, head: Head) -> Result<InclusionProof, ReadError> {
        let plan = InclusionPlan::new(index, head)?;
        Ok(plan.finish(&self.tiles(plan.tiles())?)?)
    }

    /// The proof that the tree with head `new` starts with its first `old` entries. May block.
    pub fn consistency(&self, old: u64, new: Head) -> Result<ConsistencyProof, ReadError> {
        let plan = ConsistencyPlan::new(old, new)?;
        Ok(plan.finish(&self.tiles(plan.tiles())?)?)
    }

    /// The head that the log had at an earlier size, recomputed from its tiles. May block.
    pub fn head_at(&self, size: u64) -> Result<Head, ReadError> {
        Ok(self.consistency(size, self.committed().head())?.old)
    }

    /// Where records with this id are, of whatever producer, `max` of them at most. May block.
    pub fn find_id(&self, id: [u8; 16], max: usize) -> Result<Vec<Row>, ReadError> {
        Ok(ids::find_id(&*self.shared.store, id, max, |row| self.is_durable(row))?)
    }

    /// Where one record is. May block.
    pub fn find(&self, key: &RecordKey) -> Result<Option<Row>, ReadError> {
        Ok(ids::find(&*self.shared.store, key)?.filter(|row| self.is_durable(row)))
    }

    /// What is known of a content beside the log; `None` if it is not there, or was erased. May block.
    pub fn payload(&self, digest: Digest) -> Result<Option<Info>, ReadError> {
        let key = Key::Payload { digest: digest.0 };
        Ok(self.shared.store.get(&key)?.map(|row| beside::info_of(&key, &row)).transpose()?)
    }

    /// One sealed piece of a content. May block.
    pub fn payload_piece(&self, digest: Digest, number: u32) -> Result<Option<Bytes>, ReadError> {
        Ok(self.shared.store.get(&Key::Piece { digest: digest.0, number })?)
    }

    /// Up to `max` contents that concern somebody, after `after`, in order of their digests; also those that others own,
    /// and those that were erased since. May block.
    pub fn contents_of(
        &self,
        subject: Tag,
        after: Option<Digest>,
        max: usize,
    ) -> Result<Vec<Digest>, ReadError> {
        let digest = after.map_or([0; 32], |after| after.0);
        let from = Key::Subject { subject: subject.0, digest };
        let rows = self.shared.store.scan(Table::Subject, Some(&from), max)?;
        let of_subject = rows.into_iter().map_while(|(key, _)| match key {
            Key::Subject { subject: found, digest } if found == subject.0 => Some(Digest(digest)),
            _ => None,
        });
        Ok(of_subject.collect())
    }

    /// Whether a content concerns somebody. May block.
    pub fn concerns(&self, digest: Digest, subject: Tag) -> Result<bool, ReadError> {
        Ok(self.shared.store.get(&Key::Subject { subject: subject.0, digest: digest.0 })?.is_some())
    }

    /// How a content was erased; `None` if it was not. May block.
    pub fn erasure(&self, digest: Digest) -> Result<Option<Erasure>, ReadError> {
        let key = Key::Erasure { digest: digest.0 };
        let damaged = |error: serde_json::Error| StoreError::Damaged { key, what: error.to_string() };
        let row = self.shared.store.get(&key)?;
        Ok(row.map(|row| Erasure::from_bytes(&row).map_err(damaged)).transpose()?)
    }

    /// All holds, also those that were released. May block.
    pub fn holds(&self) -> Result<Vec<Hold>, ReadError> {
        Ok(beside::all_holds(|after, max| self.shared.store.scan(Table::Hold, after, max))?)
    }

    /// Every entry that announces, replaces or revokes a key, in log order. May block.
    pub fn announced(&self) -> Result<Vec<u64>, ReadError> {
        Ok(beside::announced(&*self.shared.store)?)
    }

    /// Every content key that was destroyed, or that is to be: whoever has the keys makes sure of it when the log is opened.
    /// May block.
    pub fn destructions(&self) -> Result<Vec<Destruction>, ReadError> {
        Ok(beside::destructions(&*self.shared.store)?)
    }

    /// The store shows the rows of a commit before it has synced them; the log's own size moves after that.
    fn is_durable(&self, row: &Row) -> bool {
        row.index < self.shared.committed.load().edge.size()
    }

    fn tiles(&self, tiles: &[Tile]) -> Result<Vec<Bytes>, ReadError> {
        let fetch =
            |tile: &Tile| self.get(Resource::Tile(*tile))?.ok_or(ReadError::Missing(Resource::Tile(*tile)));
        tiles.iter().map(fetch).collect()
    }
}

/// A tile of any width that exists: from the edge, or a prefix of the full one.
pub(crate) fn tile_bytes(
    store: &dyn Store,
    committed: &Committed,
    tile: Tile,
) -> Result<Option<Bytes>, StoreError> {
    match Tile::at(tile.level(), tile.index(), committed.edge.size()) {
        Some(there) if there.is_full() => {
            let full = store.get(&Key::Tile { level: tile.level(), index: tile.index() })?;
            Ok(full.filter(|full| full.len() == there.bytes()).map(|full| full.slice(..tile.bytes())))
        }
        _ => Ok(committed.edge.tile(tile)),
    }
}

/// A part of a full tile or bundle, and the position of the first item in it: all of it from 0 on, where it was not written in
/// parts.
fn part_of(
    store: &dyn Store,
    resource: Resource,
    number: usize,
) -> Result<Option<(usize, Bytes)>, StoreError> {
    let key = match resource {
        Resource::Tile(tile) => Key::Tile { level: tile.level(), index: tile.index() },
        Resource::Bundle(bundle) => Key::Bundle { index: bundle.index() },
        Resource::Checkpoint => return Ok(None),
    };
    Ok(match store.part(&key, number)? {
        Some(part) => Some((number * PART_ENTRIES, part)),
        None => store.get(&key)?.map(|whole| (0, whole)),
    })
}

/// A bundle of any width that exists: from the edge, or a prefix of the full one.
fn bundle_bytes(
    store: &dyn Store,
    committed: &Committed,
    wanted: Bundle,
) -> Result<Option<Bytes>, StoreError> {
    match Bundle::at(wanted.index(), committed.edge.size()) {
        Some(there) if there.is_full() => {
            let full = store.get(&Key::Bundle { index: wanted.index() })?;
            Ok(full.and_then(|full| bundle::prefix(&full, wanted.width().into())))
        }
        _ => Ok(committed.edge.bundle(wanted)),
    }
}
