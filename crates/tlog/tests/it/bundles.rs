//! A log of a few bundles, with the packages that it pushes to mirrors.

use std::ops::Range;

use bytes::Bytes;
use tlog::hash::root_of;
use tlog::mirror::{Package, Span};
use tlog::plan::SubtreeProof;
use tlog::range::CompactRange;
use tlog::tile::{Tile, WIDTH};
use tlog::{Hash, Head};

/// The entries "entry 0", "entry 1", and on, as in the vectors; level by level, as in tiles.
pub(crate) struct Bundles {
    entries: Vec<Bytes>,
    levels: [Vec<Hash>; 2],
}

impl Bundles {
    pub(crate) fn of(size: u64) -> Self {
        let entries: Vec<_> = (0..size).map(|index| Bytes::from(format!("entry {index}"))).collect();
        let leaves: Vec<_> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
        let above = leaves.chunks_exact(WIDTH as usize).map(root_of).collect();
        Self { entries, levels: [leaves, above] }
    }

    /// The head when there were `size` entries.
    pub(crate) fn head(&self, size: u64) -> Head {
        let mut range = CompactRange::new();
        self.leaves(0..size).iter().for_each(|hash| range.append(*hash));
        range.head()
    }

    pub(crate) fn entries(&self, range: Range<u64>) -> &[Bytes] {
        &self.entries[range.start as usize..range.end as usize]
    }

    pub(crate) fn leaves(&self, range: Range<u64>) -> &[Hash] {
        &self.levels[0][range.start as usize..range.end as usize]
    }

    /// The proof that goes with a package, in the tree of `size` entries.
    pub(crate) fn proof(&self, span: Span, size: u64) -> SubtreeProof {
        let plan = span.plan(self.head(size)).expect("a package of that tree");
        let tiles: Vec<_> = plan.tiles().iter().map(|tile| self.tile(*tile)).collect();
        plan.finish(&tiles).expect("the right tiles")
    }

    pub(crate) fn package(&self, span: Span, size: u64) -> Package {
        let bundle = self.entries(span.bundle_start()..span.end());
        Package::new(span, bundle, self.proof(span, size)).expect("an honest package")
    }

    pub(crate) fn tile(&self, tile: Tile) -> Vec<u8> {
        let first = (tile.index() * WIDTH) as usize;
        let hashes = &self.levels[usize::from(tile.level())][first..first + usize::from(tile.width())];
        hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }
}
