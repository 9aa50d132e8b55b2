//! Files that are written together, and partial tiles that are not needed any more.

use std::{collections::BTreeSet, io};

use bytes::Bytes;
use tlog::{
    SIZE_MAX,
    integrate::Edge,
    tile::{Bundle, Resource, Tile, WIDTH, items_at, levels_of},
};

use crate::mirror::files::Files;

/// The tiles of the edge, and the last bundle: all that a log of this size has beside what is full. Where entries and their
/// hashes were written when they were kept, the tiles above them.
pub(super) fn partials(files: &dyn Files, edge: &Edge, entries_written: bool) -> io::Result<()> {
    let mut writing = Writing::new(files);
    if let Some((bundle, bytes)) = last_bundle(edge).filter(|_| !entries_written) {
        writing.put(Resource::Bundle(bundle), bytes);
    }
    for tile in edge_tiles(edge.size()).filter(|tile| tile.level() > 0 || !entries_written) {
        writing.tile(edge, tile);
    }
    writing.finish()
}

/// Removes the partial tiles and bundles of which a log of `size` entries has full ones: whoever knows this checkpoint, or a
/// later one, needs none of them. What stays behind after a failure does no harm.
pub(super) fn remove_partials(files: &dyn Files, size: u64) {
    for folder in (0..levels_of(size)).flat_map(groups_with_full(size)) {
        for name in files.list(&folder).unwrap_or_default() {
            let Some(full) = name.strip_suffix(".p") else { continue };
            let (level, index) = match Resource::parse(&format!("{folder}/{full}")) {
                Ok(Resource::Tile(tile)) => (tile.level(), tile.index()),
                Ok(Resource::Bundle(bundle)) => (0, bundle.index()),
                _ => continue,
            };
            let is_full = index < items_at(level, size) / WIDTH;
            if is_full && let Err(error) = files.remove(&format!("{folder}/{name}")) {
                tracing::debug!(%error, "partial tiles that nobody needs could not be removed");
            }
        }
    }
}

/// The folders of the last full tiles of a level, and of the bundles, in a log of this size.
fn groups_with_full(size: u64) -> impl Fn(u8) -> BTreeSet<String> {
    move |level| {
        let full = items_at(level, size) / WIDTH;
        let around = [full.checked_sub(1), Some(full)].into_iter().flatten();
        let names = around.flat_map(|index| {
            let tile = Tile::at(level, index, SIZE_MAX).map(|tile| tile.full().to_string());
            let bundle = Bundle::at(index, SIZE_MAX).map(|bundle| bundle.full().to_string());
            tile.into_iter().chain(bundle.filter(|_| level == 0))
        });
        names.filter_map(|name| name.rsplit_once('/').map(|(folder, _)| folder.to_owned())).collect()
    }
}

/// The bundle that is not full.
pub(super) fn last_bundle(edge: &Edge) -> Option<(Bundle, Bytes)> {
    let bundle = Bundle::at(edge.size() / WIDTH, edge.size())?;
    edge.bundle(bundle).map(|bytes| (bundle, bytes))
}

/// The tiles of a log of this size that are not full.
fn edge_tiles(size: u64) -> impl Iterator<Item = Tile> {
    (0..levels_of(size)).filter_map(move |level| Tile::at(level, items_at(level, size) / WIDTH, size))
}

/// Files that are written together.
pub(super) struct Writing<'a> {
    files: &'a dyn Files,
    new: Vec<(String, Bytes)>,
    /// Whose names are to last.
    pub(super) names: Vec<String>,
}

impl<'a> Writing<'a> {
    pub(super) fn new(files: &'a dyn Files) -> Self {
        Self { files, new: vec![], names: vec![] }
    }

    pub(super) fn put(&mut self, resource: Resource, bytes: Bytes) {
        self.names.push(resource.to_string());
        self.new.push((resource.to_string(), bytes));
    }

    pub(super) fn tile(&mut self, edge: &Edge, tile: Tile) {
        if let Some(bytes) = edge.tile(tile) {
            self.put(Resource::Tile(tile), bytes);
        }
    }

    /// Writes them; their names last.
    pub(super) fn finish(self) -> io::Result<()> {
        self.files.write_all(&self.new)?;
        if self.names.is_empty() { Ok(()) } else { self.files.sync(&self.names) }
    }
}
