//! What decisions on pushed entries need to know of a copy ([`tlog::mirror`]).

use tlog::{
    Hash, Head,
    mirror::Standing,
    tile::{Resource, Tile, WIDTH},
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
        let pending = state.pending.iter().map(|pending| pending.allowed.head()).collect();
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
        let bytes = reading::read(&*self.files, Resource::Tile(tile), edge.size())?;
        bytes.and_then(|bytes| tile.hashes(&bytes)).ok_or(KeepError::Damaged)
    }
}
