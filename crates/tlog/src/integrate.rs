//! Growing the tree: the edge, some entries, and what has to be written down for them.
//!
//! A pure step. [`Edge::integrate`] takes the growing edge of the log and new entries and answers with the full
//! tiles and bundles that came to be, the entries that are not in a full bundle yet, and the new edge. Only what
//! never changes again is written as tile or bundle; partial ones are prefixes of the edge, of any width.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    Hash, Head, SIZE_MAX, bundle,
    bundle::{BundleError, ENTRY_BYTES_MAX},
    hash::root_of,
    range::CompactRange,
    tile::{Bundle, Tile, WIDTH, items_at, levels_of},
};

const FULL: usize = WIDTH as usize;

/// An entry that fits, with its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    bytes: Bytes,
    leaf: Hash,
}

impl Entry {
    /// Hashes an entry. Over 65,535 bytes it is refused.
    pub fn new(bytes: Bytes) -> Result<Self, BundleError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(BundleError::EntryTooLarge { bytes: bytes.len() });
        }
        let leaf = Hash::leaf(&bytes);
        Ok(Self { bytes, leaf })
    }

    /// The entry's bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The entry's hash.
    pub fn leaf(&self) -> Hash {
        self.leaf
    }
}

/// The growing end of a log: all hashes and entries that are in no full tile or bundle yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// Entries of the partial bundle.
    entries: Vec<Bytes>,
    /// Index of the first entry of each run in which those entries were added.
    runs: Vec<u64>,
    /// Items of the partial tile of each level; no level holds 256.
    levels: Vec<Vec<Hash>>,
    /// Compact range over the full tiles of level 0.
    full_tiles: CompactRange,
}

/// What one integration brought: everything to commit at once.
#[derive(Clone, Debug)]
pub struct Growth {
    /// The edge after it.
    pub edge: Edge,
    /// Tiles that became full.
    pub tiles: Vec<(Tile, Bytes)>,
    /// Bundles that became full.
    pub bundles: Vec<(Bundle, Bytes)>,
    /// The new entries of the partial bundle, as a bundle: index of the first, and the bytes.
    pub run: Option<(u64, Bytes)>,
    /// First indexes of runs that are now part of a full bundle.
    pub retired_runs: Vec<u64>,
}

/// Why entries cannot be integrated, or an edge cannot be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntegrateError {
    /// The log would reach 2^63 entries.
    #[error("the log is full: its size must stay below 2^63")]
    LogFull,
    /// An entry does not fit.
    #[error(transparent)]
    Entry(#[from] BundleError),
    /// The parts do not make an edge of the size that was named.
    #[error("what is stored is not the edge of a log of size {size}")]
    NotAnEdge {
        /// Size named.
        size: u64,
    },
}

impl Edge {
    /// Number of entries in the log.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Entries of the partial bundle.
    pub fn entries(&self) -> &[Bytes] {
        &self.entries
    }

    /// Size and root.
    pub fn head(&self) -> Head {
        Head { size: self.size, root: self.root() }
    }

    fn root(&self) -> Hash {
        let partial = self.levels.first().filter(|items| !items.is_empty()).map(|items| root_of(items));
        let mut hashes = self.full_tiles.hashes().iter().copied().chain(partial).rev();
        let Some(last) = hashes.next() else { return Hash::EMPTY };
        hashes.fold(last, |right, left| Hash::node(&left, &right))
    }

    /// A partial tile, or a prefix of one; `None` if it is not on the edge or not that wide yet.
    pub fn tile(&self, tile: Tile) -> Option<Bytes> {
        if items_at(tile.level(), self.size) / WIDTH != tile.index() {
            return None;
        }
        let items = self.levels.get(usize::from(tile.level()))?.get(..usize::from(tile.width()))?;
        Some(tile_bytes(items))
    }

    /// A partial bundle, or a prefix of one; `None` if it is not on the edge or not that wide yet.
    pub fn bundle(&self, wanted: Bundle) -> Option<Bytes> {
        if self.size / WIDTH != wanted.index() {
            return None;
        }
        bundle::encode(self.entries.get(..usize::from(wanted.width()))?).ok()
    }

    /// Adds entries.
    pub fn integrate(&self, entries: &[Entry]) -> Result<Growth, IntegrateError> {
        let size = self.size.checked_add(entries.len() as u64).filter(|size| *size <= SIZE_MAX);
        let size = size.ok_or(IntegrateError::LogFull)?;
        let mut growth =
            Growth { edge: self.clone(), tiles: vec![], bundles: vec![], run: None, retired_runs: vec![] };
        let mut rest = entries;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(FULL - growth.edge.entries.len()));
            growth.take(now)?;
            rest = later;
        }
        growth.edge.size = size;
        if !growth.edge.entries.is_empty() && !entries.is_empty() {
            let first = self.size.max(size - growth.edge.entries.len() as u64);
            let new = &growth.edge.entries[growth.edge.entries.len() - (size - first) as usize..];
            growth.run = Some((first, bundle::encode(new)?));
            growth.edge.runs.push(first);
        }
        Ok(growth)
    }

    /// Rebuilds the edge of a log of `size` entries from what is stored.
    ///
    /// `runs` are the bundles of the partial bundle's entries by first index, ascending. `full_tile` reads a full
    /// tile; what it answers is trusted only in so far as the caller compares [`Edge::head`] with a signed head.
    pub fn restore<E: From<IntegrateError>>(
        size: u64,
        runs: &[(u64, Bytes)],
        mut full_tile: impl FnMut(Tile) -> Result<Bytes, E>,
    ) -> Result<Self, E> {
        let broken = IntegrateError::NotAnEdge { size };
        let mut edge = Self { size, ..Self::default() };
        for (first, bytes) in runs {
            if *first != size / WIDTH * WIDTH + edge.entries.len() as u64 {
                return Err(broken.into());
            }
            edge.entries.extend(bundle::decode_all(bytes).map_err(IntegrateError::from)?);
            edge.runs.push(*first);
        }
        if edge.entries.len() as u64 != size % WIDTH {
            return Err(broken.into());
        }
        edge.levels.push(edge.entries.iter().map(|entry| Hash::leaf(entry)).collect());
        for level in 1..levels_of(size) {
            let items = items_at(level, size);
            let roots = (items / WIDTH * WIDTH..items).map(|item| {
                let below = Tile::at(level - 1, item, size).ok_or(broken)?;
                let hashes = below.hashes(&full_tile(below)?).ok_or(broken)?;
                Ok::<_, E>(root_of(&hashes))
            });
            let roots = roots.collect::<Result<Vec<_>, E>>()?;
            edge.levels.push(roots);
        }
        edge.full_tiles = edge.range_of_full_tiles().ok_or(broken)?;
        Ok(edge)
    }

    /// The compact range over the full tiles, from the partial tiles of the levels above: their items are roots of
    /// complete subtrees, and between them they cover everything up to the partial tile of level 0.
    fn range_of_full_tiles(&self) -> Option<CompactRange> {
        let mut range = CompactRange::new();
        for (level, items) in self.levels.iter().enumerate().skip(1).rev() {
            for item in items {
                range.append_subtree(8 * level as u32, *item).then_some(())?;
            }
        }
        Some(range)
    }
}

impl Growth {
    /// Takes entries that fit into the present bundle; closes it when it is full.
    fn take(&mut self, entries: &[Entry]) -> Result<(), IntegrateError> {
        if self.edge.levels.is_empty() {
            self.edge.levels.push(vec![]);
        }
        self.edge.entries.extend(entries.iter().map(|entry| entry.bytes.clone()));
        self.edge.levels[0].extend(entries.iter().map(Entry::leaf));
        self.edge.size += entries.len() as u64;
        if self.edge.entries.len() < FULL {
            return Ok(());
        }
        let index = self.edge.size / WIDTH - 1;
        if let Some(full) = Bundle::at(index, self.edge.size) {
            self.bundles.push((full, bundle::encode(&self.edge.entries)?));
        }
        self.edge.entries.clear();
        self.retired_runs.append(&mut self.edge.runs);
        self.close_tile(0);
        Ok(())
    }

    /// Closes the full tile of a level and hands its root to the level above.
    fn close_tile(&mut self, level: u8) {
        let items = std::mem::take(&mut self.edge.levels[usize::from(level)]);
        let index = items_at(level, self.edge.size) / WIDTH - 1;
        if let Some(tile) = Tile::at(level, index, self.edge.size) {
            self.tiles.push((tile, tile_bytes(&items)));
        }
        let root = root_of(&items);
        if level == 0 {
            self.edge.full_tiles.append_subtree(8, root);
        }
        let above = usize::from(level) + 1;
        if self.edge.levels.len() == above {
            self.edge.levels.push(vec![]);
        }
        self.edge.levels[above].push(root);
        if self.edge.levels[above].len() == FULL {
            self.close_tile(level + 1);
        }
    }
}

fn tile_bytes(items: &[Hash]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(items.len() * Hash::LEN);
    items.iter().for_each(|hash| bytes.put_slice(hash.as_bytes()));
    bytes.freeze()
}
