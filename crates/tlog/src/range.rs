//! Compact ranges: the fewest perfect subtrees that cover the first `size` leaves.
//!
//! The incremental form of RFC 6962's tree: appending a leaf costs two hashes on average, the root one hash for
//! each subtree. See "Compact ranges" in transparency-dev/merkle's documentation for the idea.

use crate::{Hash, Head};

/// Perfect subtrees over leaves `0..size`, the largest first: one for each bit set in `size`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    hashes: Vec<Hash>,
}

impl CompactRange {
    /// The range over no leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// A range from its parts; `None` unless there is exactly one hash for each bit set in `size`.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Option<Self> {
        (size.count_ones() as usize == hashes.len()).then_some(Self { size, hashes })
    }

    /// Number of leaves covered.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Hashes of the subtrees, the largest (leftmost) first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Appends one leaf by its hash.
    pub fn append(&mut self, leaf: Hash) {
        self.append_subtree(0, leaf);
    }

    /// Appends a perfect subtree of 2^`level` leaves. Does nothing and answers `false` unless the present size is
    /// a multiple of 2^`level` (else the subtree would not be aligned).
    pub fn append_subtree(&mut self, level: u32, root: Hash) -> bool {
        let width = 1_u64 << level;
        if !self.size.is_multiple_of(width) {
            return false;
        }
        let mut acc = root;
        // Every bit of the size from `level` upwards that is set merges with what is appended.
        for _ in 0..(self.size >> level).trailing_ones() {
            let Some(left) = self.hashes.pop() else { return false };
            acc = Hash::node(&left, &acc);
        }
        self.hashes.push(acc);
        self.size += width;
        true
    }

    /// Root of the tree over these leaves.
    pub fn root(&self) -> Hash {
        let mut from_the_right = self.hashes.iter().rev();
        let Some(last) = from_the_right.next() else { return Hash::EMPTY };
        from_the_right.fold(*last, |right, left| Hash::node(left, &right))
    }

    /// Size and root.
    pub fn head(&self) -> Head {
        Head { size: self.size, root: self.root() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;

    #[test]
    fn every_size_to_300_has_the_reference_root() {
        let leaves: Vec<_> = (0..300_u32).map(|i| Hash::leaf(&i.to_be_bytes())).collect();
        let mut range = CompactRange::new();
        assert_eq!(range.root(), Hash::EMPTY);
        for (i, leaf) in leaves.iter().enumerate() {
            range.append(*leaf);
            assert_eq!(range.root(), reference::mth(&leaves[..=i]), "size {}", i + 1);
            assert_eq!(CompactRange::from_parts(range.size(), range.hashes().to_vec()), Some(range.clone()));
        }
    }

    #[test]
    fn subtrees_append_as_their_leaves_would() {
        let leaves: Vec<_> = (0..96_u32).map(|i| Hash::leaf(&i.to_be_bytes())).collect();
        let (mut by_leaf, mut by_tree) = (CompactRange::new(), CompactRange::new());
        leaves.iter().for_each(|leaf| by_leaf.append(*leaf));
        for tree in leaves.chunks(32) {
            assert!(by_tree.append_subtree(5, reference::mth(tree)));
        }
        assert_eq!(by_leaf, by_tree);
        assert!(!by_tree.append_subtree(6, Hash::EMPTY), "96 is no multiple of 64");
        assert_eq!(by_leaf, by_tree, "a refused subtree leaves the range as it was");
    }

    #[test]
    fn parts_that_do_not_fit_the_size_are_refused() {
        assert_eq!(CompactRange::from_parts(3, vec![Hash::EMPTY]), None);
    }
}
