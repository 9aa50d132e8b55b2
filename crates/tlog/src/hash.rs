//! Merkle tree hashing with SHA-256: RFC 6962 section 2.1, unchanged in RFC 9162 section 2.1.

use std::fmt;

use rs_merkle::{Hasher, MerkleTree};
use sha2::{Digest, Sha256};

use crate::encoding;

/// A SHA-256 hash: of a leaf, of an inner node, or of the whole tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; Hash::LEN]);

impl Hash {
    /// Bytes in a hash.
    pub const LEN: usize = 32;

    /// The root of the tree with no entries: SHA-256 of nothing.
    pub const EMPTY: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// A hash that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// A hash from exactly 32 bytes; any other length is `None`.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Hash of an entry: SHA-256(0x00 ‖ entry).
    pub fn leaf(entry: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into())
    }

    /// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
    pub fn node(left: &Self, right: &Self) -> Self {
        let mut bytes = [0x01; 1 + 2 * Self::LEN];
        bytes[1..=Self::LEN].copy_from_slice(&left.0);
        bytes[1 + Self::LEN..].copy_from_slice(&right.0);
        Self(Sha256::digest(bytes).into())
    }
}

/// Canonical padded base64, as in checkpoints and proofs.
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encoding::base64(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Hash> for Vec<u8> {
    fn from(hash: Hash) -> Self {
        hash.0.to_vec()
    }
}

impl TryFrom<Vec<u8>> for Hash {
    type Error = Vec<u8>;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Vec<u8>> {
        Self::from_slice(&bytes).ok_or(bytes)
    }
}

/// RFC 6962 for [`rs_merkle`]. Its own `concat_and_hash` has no domain separation, hence another tree.
#[derive(Clone)]
struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = Hash;

    fn hash(data: &[u8]) -> Hash {
        Hash::leaf(data)
    }

    fn concat_and_hash(left: &Hash, right: Option<&Hash>) -> Hash {
        right.map_or(*left, |right| Hash::node(left, right))
    }
}

/// Root over a run of sibling hashes, by [`rs_merkle`].
///
/// Used for what lies inside one tile: 1 to 256 hashes of complete subtrees of equal height. A lone node at the
/// end of a row is promoted, which is RFC 6962's tree for any number of leaves. No hashes: [`Hash::EMPTY`].
pub fn root_of(siblings: &[Hash]) -> Hash {
    match siblings {
        [] => Hash::EMPTY,
        [one] => *one,
        [left, right] => Hash::node(left, right),
        many => MerkleTree::<Rfc6962>::from_leaves(many).root().unwrap_or(Hash::EMPTY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaf_and_node_are_told_apart() {
        let (a, b) = (Hash::leaf(b"a"), Hash::leaf(b"b"));
        let mut both = [1; 65];
        both[1..33].copy_from_slice(a.as_bytes());
        both[33..].copy_from_slice(b.as_bytes());
        assert_ne!(Hash::node(&a, &b), Hash::leaf(&both[1..]), "a leaf of 64 bytes is not a node");
        assert_eq!(Hash::node(&a, &b).as_bytes()[..], Sha256::digest(both)[..]);
    }

    #[test]
    fn the_empty_tree_is_the_hash_of_nothing() {
        assert_eq!(Hash::EMPTY.as_bytes()[..], Sha256::digest([])[..]);
        assert_eq!(root_of(&[]), Hash::EMPTY);
        assert_eq!(Hash::EMPTY.to_string(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn rs_merkle_computes_our_tree_for_every_width_of_a_tile() {
        let leaves: Vec<_> = (0..256_u32).map(|i| Hash::leaf(&i.to_be_bytes())).collect();
        for width in 0..=leaves.len() {
            assert_eq!(root_of(&leaves[..width]), crate::reference::mth(&leaves[..width]), "width {width}");
        }
    }
}
