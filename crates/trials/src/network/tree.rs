//! The entries of a log, as hashes, and what it proves of them. Only grows; a log with two histories has two trees.

use monitor::heard::Heard;
use monitor::watch::{Bad, Proof, Reading};
use tlog::plan::{ConsistencyPlan, ConsistencyProof, InclusionPlan, PlanError};
use tlog::range::CompactRange;
use tlog::tile::{Tile, WIDTH};
use tlog::{Hash, Head};

/// One history.
#[derive(Clone)]
pub(super) struct Tree {
    leaves: Vec<Hash>,
    /// The head at each size.
    heads: Vec<Head>,
    range: CompactRange,
    /// The entry that is served as something else than was signed.
    pub(super) bent: Option<u64>,
}

/// Why something is not proven.
pub(super) enum Unproven {
    /// The tile is not there.
    Missing(Tile),
    /// What is there leads elsewhere.
    Wrong(PlanError),
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { leaves: vec![], heads: vec![Head::EMPTY], range: CompactRange::new(), bent: None }
    }

    pub(super) fn append(&mut self, entry: &str) {
        let leaf = Hash::leaf(entry.as_bytes());
        self.leaves.push(leaf);
        self.range.append(leaf);
        self.heads.push(self.range.head());
    }

    /// The first `size` entries of it, as a history that goes on by itself.
    pub(super) fn branch(&self, size: u64) -> Self {
        let mut branch = Self::new();
        for leaf in &self.leaves[..size as usize] {
            branch.leaves.push(*leaf);
            branch.range.append(*leaf);
            branch.heads.push(branch.range.head());
        }
        branch
    }

    pub(super) fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    pub(super) fn head(&self) -> Head {
        self.range.head()
    }

    pub(super) fn head_at(&self, size: u64) -> Head {
        self.heads[size as usize]
    }

    /// Whether a head is of this history.
    pub(super) fn contains(&self, head: Head) -> bool {
        self.heads.get(head.size as usize) == Some(&head)
    }

    fn tile(&self, tile: Tile) -> Option<Vec<u8>> {
        let each = WIDTH.pow(u32::from(tile.level()));
        let first = tile.index() * WIDTH;
        let mut bytes = vec![];
        for item in first..first + u64::from(tile.width()) {
            let leaves = self.leaves.get((item * each) as usize..((item + 1) * each) as usize)?;
            let mut range = CompactRange::new();
            leaves.iter().for_each(|leaf| range.append(*leaf));
            bytes.extend_from_slice(range.root().as_bytes());
        }
        Some(bytes)
    }

    fn tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Unproven> {
        tiles.iter().map(|tile| self.tile(*tile).ok_or(Unproven::Missing(*tile))).collect()
    }

    /// The root that the tree with this head has at a smaller size, from the tiles that are served.
    pub(super) fn consistency(&self, old: u64, head: Head) -> Result<ConsistencyProof, Unproven> {
        let plan = ConsistencyPlan::new(old, head).map_err(Unproven::Wrong)?;
        plan.finish(&self.tiles(plan.tiles())?).map_err(Unproven::Wrong)
    }

    /// That an entry is in the tree of this size.
    pub(super) fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        let plan = InclusionPlan::new(index, self.head_at(size)).ok()?;
        Some(plan.finish(&self.tiles(plan.tiles()).ok()?).ok()?.path)
    }

    /// What a monitor makes of the tiles.
    pub(super) fn prove(&self, smaller: &Heard, larger: &Heard) -> Proof {
        match self.consistency(smaller.size(), larger.head()) {
            Ok(proof) => Proof::Root(proof),
            Err(Unproven::Missing(tile)) => {
                Proof::Wrong { path: tile.to_string(), why: "it is not there".to_owned() }
            }
            Err(Unproven::Wrong(why)) => Proof::Wrong { path: String::new(), why: why.to_string() },
        }
    }

    /// What a monitor makes of the entries up to a head.
    pub(super) fn read(&self, to: &Heard) -> Reading {
        if to.size() > self.size() {
            return Reading::CouldNotTell;
        }
        let bent = self.bent.filter(|bent| *bent < to.size());
        if bent.is_none() && self.contains(to.head()) {
            return Reading::Holds;
        }
        let why = "another hash than was signed".to_owned();
        Reading::Wrong(vec![Bad { path: "tile/entries/000".to_owned(), index: bent, why }])
    }
}
