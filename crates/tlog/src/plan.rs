//! Proofs from tiles: plan, fetch, check.
//!
//! A plan says which tiles a proof needs. Fetch them from wherever (a store, HTTP, a directory), hand the bytes
//! back, and get the proof, *already checked* against the head it was planned for: tiles that are wrong, or that
//! belong to another tree, cannot yield one. The same few lines serve the server, the client and the tests, and
//! no code runs twice to find out what it will want.

mod subtree;

use crate::{
    Hash, Head, SIZE_MAX,
    hash::root_of,
    proof::{ProofError, root_from_inclusion, verify_consistency},
    range::CompactRange,
    tile::Tile,
};

pub use subtree::{SubtreePlan, SubtreeProof};

/// Why a plan could not be made or finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The question makes no sense for a tree of that size; whoever asked is at fault.
    #[error(transparent)]
    Question(#[from] ProofError),
    /// A tile has another length than its width says.
    #[error("{tile} has {bytes} bytes instead of {}", .tile.bytes())]
    TileLength {
        /// The tile.
        tile: Tile,
        /// Bytes handed in.
        bytes: usize,
    },
    /// Another number of tiles was handed in than the plan asked for.
    #[error("{got} tiles were handed in where the plan asked for {wanted}")]
    TileCount {
        /// Tiles handed in.
        got: usize,
        /// Tiles asked for.
        wanted: usize,
    },
    /// The tiles do not lead to the root of the head.
    #[error("the tiles do not belong to the tree that was signed: they lead to another root at size {size}")]
    Inconsistent {
        /// Size of the head.
        size: u64,
    },
}

/// A complete subtree of 2^`height` entries: entries `index << height` and on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    height: u32,
    index: u64,
}

/// The perfect subtrees that cover `start..end`, largest first. One hash of a proof is the fold of them.
///
/// `start` must be aligned to the smallest power of two not below `end - start`, as all ranges of the RFC's
/// recursions are.
fn cover(start: u64, end: u64) -> Vec<Node> {
    let (mut at, mut nodes) = (start, vec![]);
    while at < end {
        let height = (end - at).ilog2();
        nodes.push(Node { height, index: at >> height });
        at += 1 << height;
    }
    nodes
}

/// Largest power of two strictly below `n`, for `n > 1`.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// The hashes that a proof lists, each as the nodes it is folded from, and the tiles that hold the nodes.
#[derive(Clone, Debug)]
struct Nodes {
    head: Head,
    hashes: Vec<Vec<Node>>,
    tiles: Vec<Tile>,
}

impl Nodes {
    fn new(head: Head, hashes: Vec<Vec<Node>>) -> Result<Self, PlanError> {
        let mut tiles = hashes
            .iter()
            .flatten()
            .map(|node| node.tile(head.size))
            .collect::<Option<Vec<_>>>()
            .ok_or(PlanError::Inconsistent { size: head.size })?;
        tiles.sort_unstable();
        tiles.dedup();
        Ok(Self { head, hashes, tiles })
    }

    /// Computes the hashes from the tiles' bytes.
    fn finish<B: AsRef<[u8]>>(&self, data: &[B]) -> Result<Vec<Hash>, PlanError> {
        if data.len() != self.tiles.len() {
            return Err(PlanError::TileCount { got: data.len(), wanted: self.tiles.len() });
        }
        for (tile, bytes) in self.tiles.iter().zip(data) {
            if bytes.as_ref().len() != tile.bytes() {
                return Err(PlanError::TileLength { tile: *tile, bytes: bytes.as_ref().len() });
            }
        }
        self.hashes.iter().map(|nodes| self.fold(nodes, data)).collect()
    }

    /// The hash of a range from its cover: right to left, as RFC 9162 nests them.
    fn fold<B: AsRef<[u8]>>(&self, nodes: &[Node], data: &[B]) -> Result<Hash, PlanError> {
        let mut acc = None;
        for node in nodes.iter().rev() {
            let hash = self.lookup(*node, data).ok_or(PlanError::Inconsistent { size: self.head.size })?;
            acc = Some(acc.map_or(hash, |right| Hash::node(&hash, &right)));
        }
        Ok(acc.unwrap_or(Hash::EMPTY))
    }

    fn lookup<B: AsRef<[u8]>>(&self, node: Node, data: &[B]) -> Option<Hash> {
        let tile = node.tile(self.head.size)?;
        let bytes = data.get(self.tiles.binary_search(&tile).ok()?)?.as_ref();
        let offset = (node.first_item() % crate::tile::WIDTH) as usize;
        let items = bytes.get(offset * Hash::LEN..(offset + node.items()) * Hash::LEN)?;
        Some(root_of(&items.chunks_exact(Hash::LEN).filter_map(Hash::from_slice).collect::<Vec<_>>()))
    }
}

impl Node {
    fn level(self) -> u8 {
        (self.height / 8) as u8
    }

    /// Number of stored hashes that this node is the root of: 1 to 128.
    fn items(self) -> usize {
        1 << (self.height % 8)
    }

    /// First of them, counted along the level.
    fn first_item(self) -> u64 {
        self.index << (self.height % 8)
    }

    fn tile(self, size: u64) -> Option<Tile> {
        Tile::holding(self.level(), self.first_item() + self.items() as u64 - 1, size)
    }
}

/// An inclusion proof to be made. RFC 9162 section 2.1.3.1.
#[derive(Clone, Debug)]
pub struct InclusionPlan {
    index: u64,
    nodes: Nodes,
}

/// An inclusion proof that was checked against the head it was planned for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// Index of the entry.
    pub index: u64,
    /// Hash of the entry.
    pub leaf: Hash,
    /// The siblings, the leaf's own first.
    pub path: Vec<Hash>,
}

impl InclusionPlan {
    /// Plans the proof that entry `index` is in the tree with this head.
    pub fn new(index: u64, head: Head) -> Result<Self, PlanError> {
        if head.size > SIZE_MAX {
            return Err(ProofError::SizeTooLarge.into());
        }
        if index >= head.size {
            return Err(ProofError::IndexBeyondSize { index, size: head.size }.into());
        }
        let mut hashes = vec![vec![Node { height: 0, index }]];
        hashes.extend(subproof(index, index + 1, head.size));
        Ok(Self { index, nodes: Nodes::new(head, hashes)? })
    }

    /// The tiles to fetch.
    pub fn tiles(&self) -> &[Tile] {
        &self.nodes.tiles
    }

    /// Makes the proof from the bytes of [`Self::tiles`], in their order.
    pub fn finish<B: AsRef<[u8]>>(&self, data: &[B]) -> Result<InclusionProof, PlanError> {
        let head = self.nodes.head;
        let mut path = self.nodes.finish(data)?;
        let leaf = path.remove(0);
        if root_from_inclusion(self.index, head.size, leaf, &path)? != head.root {
            return Err(PlanError::Inconsistent { size: head.size });
        }
        Ok(InclusionProof { index: self.index, leaf, path })
    }
}

/// A consistency proof to be made. RFC 9162 section 2.1.4.1.
#[derive(Clone, Debug)]
pub struct ConsistencyPlan {
    old: u64,
    nodes: Nodes,
}

/// A consistency proof that was checked against the newer head, and the older head that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The older tree, as the newer one contains it.
    pub old: Head,
    /// The hashes of the proof.
    pub hashes: Vec<Hash>,
}

impl ConsistencyPlan {
    /// Plans the proof that the first `old` entries of the tree with head `new` are a prefix of it. For `old` of 0
    /// the proof is empty.
    pub fn new(old: u64, new: Head) -> Result<Self, PlanError> {
        if new.size > SIZE_MAX {
            return Err(ProofError::SizeTooLarge.into());
        }
        if old > new.size {
            return Err(ProofError::OldBeyondNew { old, new: new.size }.into());
        }
        // The first hash is the older root itself: it makes the result checkable, and is no part of the proof.
        let mut hashes = vec![cover(0, old)];
        if old > 0 {
            hashes.extend(subproof(0, old, new.size));
        }
        Ok(Self { old, nodes: Nodes::new(new, hashes)? })
    }

    /// The tiles to fetch.
    pub fn tiles(&self) -> &[Tile] {
        &self.nodes.tiles
    }

    /// Makes the proof from the bytes of [`Self::tiles`], in their order.
    pub fn finish<B: AsRef<[u8]>>(&self, data: &[B]) -> Result<ConsistencyProof, PlanError> {
        let new = self.nodes.head;
        let mut hashes = self.nodes.finish(data)?;
        let old = Head { size: self.old, root: hashes.remove(0) };
        match verify_consistency(old, new, &hashes) {
            Ok(()) => Ok(ConsistencyProof { old, hashes }),
            Err(_) => Err(PlanError::Inconsistent { size: new.size }),
        }
    }
}

/// The proof that the subtree `start..end`, which is not empty, is part of the tree of `size` entries: SUBTREE_PROOF of
/// draft-ietf-plants-merkle-tree-certs as a loop. It runs from the root down, the proof from the leaves up.
///
/// A subtree of one entry makes it the inclusion path of RFC 9162 section 2.1.3.1, one that starts at 0 the consistency
/// proof of section 2.1.4.1.
fn subproof(start: u64, end: u64, size: u64) -> Vec<Vec<Node>> {
    // The range that the loop has come to, and where in it the rest of the subtree starts.
    let (mut from, mut to, mut rest) = (0, size, start);
    let mut hashes = vec![];
    while (rest, end) != (from, to) {
        let middle = from + split(to - from);
        if end <= middle {
            hashes.push(cover(middle, to));
            to = middle;
        } else {
            hashes.push(cover(from, middle));
            from = middle;
            rest = rest.max(middle);
        }
    }
    // The verifier knows the hash of the subtree; it has to be told of its last part only where that is not all of it.
    if rest != start {
        hashes.push(cover(from, to));
    }
    hashes.reverse();
    hashes
}

/// The right edge of a tree, to be read and checked: what one needs to go on appending.
#[derive(Clone, Debug)]
pub struct RangePlan {
    nodes: Nodes,
}

impl RangePlan {
    /// Plans the compact range over all entries of the tree with this head.
    pub fn new(head: Head) -> Result<Self, PlanError> {
        if head.size > SIZE_MAX {
            return Err(ProofError::SizeTooLarge.into());
        }
        let hashes = cover(0, head.size).into_iter().map(|node| vec![node]).collect();
        Ok(Self { nodes: Nodes::new(head, hashes)? })
    }

    /// The tiles to fetch.
    pub fn tiles(&self) -> &[Tile] {
        &self.nodes.tiles
    }

    /// Makes the range from the bytes of [`Self::tiles`], in their order.
    pub fn finish<B: AsRef<[u8]>>(&self, data: &[B]) -> Result<CompactRange, PlanError> {
        let head = self.nodes.head;
        let wrong = PlanError::Inconsistent { size: head.size };
        let range = CompactRange::from_parts(head.size, self.nodes.finish(data)?).ok_or(wrong)?;
        if range.root() == head.root { Ok(range) } else { Err(wrong) }
    }
}

#[cfg(test)]
pub(crate) mod tests;
