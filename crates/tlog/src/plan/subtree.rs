//! Proofs that a subtree is part of a tree, from tiles.

use super::{Nodes, PlanError, cover, subproof};
use crate::proof::{PROOF_LEN_MAX, ProofError};
use crate::subtree::{self, verify_subtree};
use crate::tile::Tile;
use crate::{Hash, Head};

/// The proof that a subtree is part of a tree, to be made (draft-ietf-plants-merkle-tree-certs, "Subtree Consistency
/// Proofs").
#[derive(Clone, Debug)]
pub struct SubtreePlan {
    start: u64,
    end: u64,
    nodes: Nodes,
}

/// A subtree and the proof that it is part of a tree; checked against the head that it was planned for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubtreeProof {
    /// Index of the first entry.
    pub start: u64,
    /// Index after the last entry.
    pub end: u64,
    /// Hash of the tree over these entries alone.
    pub hash: Hash,
    /// The hashes of the proof.
    pub hashes: Vec<Hash>,
}

impl SubtreePlan {
    /// Plans the proof that the entries from `start` up to `end` are a subtree of the tree with this head.
    ///
    /// # Errors
    /// [`PlanError::Question`] where they are none, or not in that tree, and where the proof would have more than
    /// [`PROOF_LEN_MAX`] hashes, which takes a tree of more than 2^62 entries.
    pub fn new(start: u64, end: u64, head: Head) -> Result<Self, PlanError> {
        subtree::check(start, end, head.size)?;
        let proof = if start == end { vec![] } else { subproof(start, end, head.size) };
        if proof.len() > PROOF_LEN_MAX {
            return Err(ProofError::TooLong.into());
        }
        // The first hash is that of the subtree: it makes the result checkable, and is no part of the proof.
        let hashes = [vec![cover(start, end)], proof].concat();
        Ok(Self { start, end, nodes: Nodes::new(head, hashes)? })
    }

    /// The tiles to fetch.
    pub fn tiles(&self) -> &[Tile] {
        &self.nodes.tiles
    }

    /// Makes the proof from the bytes of [`Self::tiles`], in their order.
    ///
    /// # Errors
    /// Those of [`PlanError`] that speak of tiles.
    pub fn finish<B: AsRef<[u8]>>(&self, data: &[B]) -> Result<SubtreeProof, PlanError> {
        let head = self.nodes.head;
        let mut hashes = self.nodes.finish(data)?;
        let hash = hashes.remove(0);
        match verify_subtree(self.start, self.end, hash, &hashes, head) {
            Ok(()) => Ok(SubtreeProof { start: self.start, end: self.end, hash, hashes }),
            Err(_) => Err(PlanError::Inconsistent { size: head.size }),
        }
    }
}
