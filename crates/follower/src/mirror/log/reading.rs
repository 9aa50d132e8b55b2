//! Reading what a log of some size has, from files that may hold more.

use std::io;

use bytes::Bytes;
use tlog::{
    bundle,
    tile::{Bundle, Resource, Tile},
};

use crate::mirror::files::Files;

/// A resource of a log of `size` entries; `None` if such a log does not have it, or the files do not. A partial one is taken from
/// the one that is on the edge at this size, or else from the full one: that one is from later, and may belong to what was kept
/// for a checkpoint which was never shown.
pub(super) fn read(files: &dyn Files, resource: Resource, size: u64) -> io::Result<Option<Bytes>> {
    match resource {
        Resource::Checkpoint => files.read("checkpoint"),
        Resource::Tile(tile) => self::tile(files, tile, size),
        Resource::Bundle(bundle) => self::bundle(files, bundle, size),
    }
}

fn tile(files: &dyn Files, tile: Tile, size: u64) -> io::Result<Option<Bytes>> {
    let Some(edge) = Tile::at(tile.level(), tile.index(), size).filter(|edge| edge.width() >= tile.width())
    else {
        return Ok(None);
    };
    for wider in [tile, edge, tile.full()] {
        if let Some(bytes) = files.read(&wider.to_string())? {
            // One that was cut off is no reason not to look for another.
            let whole = bytes.len() == wider.bytes();
            if whole {
                return Ok(Some(bytes.slice(..tile.bytes())));
            }
        }
    }
    Ok(None)
}

fn bundle(files: &dyn Files, wanted: Bundle, size: u64) -> io::Result<Option<Bytes>> {
    let Some(edge) = Bundle::at(wanted.index(), size).filter(|edge| edge.width() >= wanted.width()) else {
        return Ok(None);
    };
    for wider in [wanted, edge, wanted.full()] {
        let bytes = files.read(&wider.to_string())?;
        if let Some(prefix) = bytes.and_then(|bytes| bundle::prefix(&bytes, usize::from(wanted.width()))) {
            return Ok(Some(prefix));
        }
    }
    Ok(None)
}
