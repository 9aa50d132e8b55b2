//! A small log with any proof of it, and its forks: what tests of witnesses and of fork proofs are about.

use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::key::Signer;
use tlog::plan::{ConsistencyPlan, ConsistencyProof, SubtreePlan, SubtreeProof};
use tlog::range::CompactRange;
use tlog::tile::Tile;
use tlog::{Hash, Head};

/// The most entries: all hashes fit in one partial tile.
pub(crate) const SIZE_MAX: u64 = 255;

/// What a log of [`SIZE_MAX`] entries holds.
#[derive(Clone)]
pub(crate) struct History(Vec<Hash>);

impl History {
    /// The entries "entry 0", "entry 1", and on, as in the vectors.
    pub(crate) fn honest() -> Self {
        Self((0..SIZE_MAX).map(|index| Hash::leaf(format!("entry {index}").as_bytes())).collect())
    }

    /// The same entries up to `size`, others from there on.
    pub(crate) fn forked_at(&self, size: u64) -> Self {
        let other = |(index, hash): (usize, &Hash)| {
            if (index as u64) < size { *hash } else { Hash::leaf(format!("other {index}").as_bytes()) }
        };
        Self(self.0.iter().enumerate().map(other).collect())
    }

    /// The head when there were `size` entries.
    pub(crate) fn head(&self, size: u64) -> Head {
        let mut range = CompactRange::new();
        self.0[..size as usize].iter().for_each(|hash| range.append(*hash));
        range.head()
    }

    /// The checkpoint of then, under the log's own signature alone.
    pub(crate) fn signed(&self, size: u64, log: &Signer) -> SignedCheckpoint {
        let checkpoint = Checkpoint::new(log.name().clone(), self.head(size)).expect("a good head");
        checkpoint.sign(log).expect("its own name")
    }

    /// That the first `old` of `new` entries are the same.
    pub(crate) fn consistency(&self, old: u64, new: u64) -> ConsistencyProof {
        let plan = ConsistencyPlan::new(old, self.head(new)).expect("an older tree");
        plan.finish(&self.tiles(plan.tiles())).expect("the right tiles")
    }

    /// That the entries from `start` up to `end` are a subtree of the tree of `size` entries.
    pub(crate) fn subtree(&self, start: u64, end: u64, size: u64) -> SubtreeProof {
        let plan = SubtreePlan::new(start, end, self.head(size)).expect("a subtree");
        plan.finish(&self.tiles(plan.tiles())).expect("the right tiles")
    }

    fn tiles(&self, tiles: &[Tile]) -> Vec<Vec<u8>> {
        let bytes = |tile: &Tile| {
            assert_eq!((tile.level(), tile.index()), (0, 0), "one tile holds all");
            self.0[..usize::from(tile.width())].iter().flat_map(|hash| *hash.as_bytes()).collect()
        };
        tiles.iter().map(bytes).collect()
    }
}
