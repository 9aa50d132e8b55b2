//! What decisions on pushed entries need to know of a copy ([`tlog::mirror`]).

use bytes::Bytes;
use tlog::{
    Hash, Head, bundle,
    mirror::Standing,
    tile::{Bundle, Resource, Tile, WIDTH},
};

use super::{KeepError, MirroredLog, reading};

/// What a copy is at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    mirror: Option<Head>,
    pending: Vec<Head>,
    next: u64,
}

impl Seen {
    /// The same, as decisions take it.
    pub fn standing(&self) -> Standing<'_> {
        Standing { mirror: self.mirror, pending: &self.pending, next: self.next }
    }
}

impl MirroredLog {
    /// What is shown, pending and held, all at one moment.
    ///
    /// # Errors
    /// [`KeepError::Damaged`].
    pub fn seen(&self) -> Result<Seen, KeepError> {
        let state = self.state.lock();
        let next = state.edge.as_ref().ok_or(KeepError::Damaged)?.size();
        let pending = self.pending.heads();
        // Replaced under the same lock.
        let mirror = self.shown().map(|shown| shown.head());
        Ok(Seen { mirror, pending, next })
    }

    /// Leaf hashes of the entries before this one in its bundle, all of which are held.
    ///
    /// # Errors
    /// [`KeepError::Gap`] if they are not, and those of reading.
    pub fn leaves_before(&self, index: u64) -> Result<Vec<Hash>, KeepError> {
        let state = self.state.lock();
        let edge = state.edge.as_ref().ok_or(KeepError::Damaged)?;
        if index > edge.size() {
            return Err(KeepError::Gap { first: index, next: edge.size() });
        }
        let Some(tile) = Tile::at(0, index / WIDTH, index) else { return Ok(vec![]) };
        if let Some(hashes) = edge.tile(tile).and_then(|bytes| tile.hashes(&bytes)) {
            return Ok(hashes);
        }
        let Some(bundle) = Bundle::at(tile.index(), index) else { return Ok(vec![]) };
        let read = |resource| reading::read(&*self.files, resource, edge.size());
        let (hashes, entries) = (read(Resource::Tile(tile))?, read(Resource::Bundle(bundle))?);
        let hashes = hashes.and_then(|bytes| tile.hashes(&bytes)).ok_or(KeepError::Damaged)?;
        // What the disk has lost is not to be blamed on who pushes.
        let leaves = entries.and_then(|bytes| leaves(&bytes, hashes.len()));
        if leaves.is_some_and(|leaves| leaves == hashes) { Ok(hashes) } else { Err(KeepError::Damaged) }
    }
}

fn leaves(bytes: &Bytes, count: usize) -> Option<Vec<Hash>> {
    Some(bundle::decode(bytes, count).ok()?.iter().map(|entry| Hash::leaf(entry)).collect())
}
