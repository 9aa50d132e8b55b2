//! Verification of inclusion and consistency proofs: RFC 9162 sections 2.1.3.2 and 2.1.4.2.
//!
//! The algorithms are the RFC's own, step by step and with its names (`fn`, `sn`, `fr`, `sr`), because a verifier
//! is read by people who hold the RFC beside it. Two points are settled here that implementations differ in:
//! an old size of 0 is consistent with every tree and its proof is empty (C2SP tlog-witness), and equal sizes
//! need an empty proof *and* equal roots.

use crate::{Hash, Head, SIZE_MAX};

/// No proof is longer: one hash a level, and sizes stay below 2^63.
pub const PROOF_LEN_MAX: usize = 63;

/// Why a proof does not show what it was offered for. Whoever made the proof, or the head, is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index is not in a tree of that size.
    #[error("index {index} is not in a tree of size {size}")]
    IndexBeyondSize {
        /// Index asked for.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The older tree is larger than the newer one.
    #[error("the older tree (size {old}) is larger than the newer one (size {new})")]
    OldBeyondNew {
        /// Size of the older tree.
        old: u64,
        /// Size of the newer tree.
        new: u64,
    },
    /// A size of 2^63 or more.
    #[error("a tree size must be below 2^63")]
    SizeTooLarge,
    /// The number of hashes does not fit the index and sizes.
    #[error("the proof has the wrong number of hashes")]
    WrongLength,
    /// The hashes lead to another root.
    #[error("the proof leads to another root: the entry or the tree is not the one that was signed")]
    RootMismatch,
    /// The hashes lead to another root for the older tree.
    #[error("the proof leads to another root for the older tree: history was changed")]
    OldRootMismatch,
    /// More than [`PROOF_LEN_MAX`] hashes.
    #[error("a proof has at most {PROOF_LEN_MAX} hashes")]
    TooLong,
    /// The entries from `start` to `end` are no subtree ([`is_subtree`](crate::subtree::is_subtree)).
    #[error(
        "the entries from {start} up to {end} are no subtree; it starts at a multiple of its length, rounded up to a power of two"
    )]
    NotASubtree {
        /// Index of the first entry.
        start: u64,
        /// Index after the last entry.
        end: u64,
    },
    /// The subtree ends behind the tree.
    #[error("a subtree that ends at {end} is not in a tree of size {size}")]
    EndBeyondSize {
        /// Index after the last entry of the subtree.
        end: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The hashes lead to another hash for the subtree.
    #[error("the proof leads to another hash for the subtree: it is not the one of the tree that was signed")]
    SubtreeMismatch,
}

/// Root that an inclusion proof leads to (RFC 9162 section 2.1.3.2).
///
/// `leaf` is the hash of the entry at `index`; `proof` lists the siblings, the leaf's own first.
pub fn root_from_inclusion(index: u64, size: u64, leaf: Hash, proof: &[Hash]) -> Result<Hash, ProofError> {
    if size > SIZE_MAX {
        return Err(ProofError::SizeTooLarge);
    }
    if index >= size {
        return Err(ProofError::IndexBeyondSize { index, size });
    }
    let (mut f_n, mut s_n, mut r) = (index, size - 1, leaf);
    for p in proof {
        if s_n == 0 {
            return Err(ProofError::WrongLength);
        }
        if f_n & 1 == 1 || f_n == s_n {
            r = Hash::node(p, &r);
            while f_n & 1 == 0 && f_n != 0 {
                f_n >>= 1;
                s_n >>= 1;
            }
        } else {
            r = Hash::node(&r, p);
        }
        f_n >>= 1;
        s_n >>= 1;
    }
    if s_n == 0 { Ok(r) } else { Err(ProofError::WrongLength) }
}

/// Checks that the entry with hash `leaf` is at `index` in the tree with this head.
pub fn verify_inclusion(index: u64, leaf: Hash, proof: &[Hash], head: Head) -> Result<(), ProofError> {
    if root_from_inclusion(index, head.size, leaf, proof)? == head.root {
        Ok(())
    } else {
        Err(ProofError::RootMismatch)
    }
}

/// Checks that the tree `new` starts with all entries of the tree `old` (RFC 9162 section 2.1.4.2).
pub fn verify_consistency(old: Head, new: Head, proof: &[Hash]) -> Result<(), ProofError> {
    if new.size > SIZE_MAX {
        return Err(ProofError::SizeTooLarge);
    }
    if old.size > new.size {
        return Err(ProofError::OldBeyondNew { old: old.size, new: new.size });
    }
    if old.size == 0 || old.size == new.size {
        return trivially_consistent(old, new, proof);
    }
    let (f_r, s_r) = roots_from_consistency(old.size, new.size, old.root, proof)?;
    if f_r != old.root {
        Err(ProofError::OldRootMismatch)
    } else if s_r != new.root {
        Err(ProofError::RootMismatch)
    } else {
        Ok(())
    }
}

/// The root that the older tree has by a consistency proof which leads to the newer one, whatever older root it was offered
/// for. `None` where the proof does not lead to the newer root, and where it does not hold the older one: for a size that is
/// a power of two, for 0, and for equal sizes.
pub fn old_root_from_consistency(old: u64, new: Head, proof: &[Hash]) -> Option<Hash> {
    if new.size > SIZE_MAX || old >= new.size || old == 0 || old.is_power_of_two() {
        return None;
    }
    let (f_r, s_r) = roots_from_consistency(old, new.size, Hash::EMPTY, proof).ok()?;
    (s_r == new.root).then_some(f_r)
}

/// The roots that a proof leads to, of the older tree and of the newer one, for 0 < `old` < `new`. `old_root` is looked at
/// only if `old` is a power of two.
fn roots_from_consistency(
    old: u64,
    new: u64,
    old_root: Hash,
    proof: &[Hash],
) -> Result<(Hash, Hash), ProofError> {
    // A power of two is a complete subtree of the newer tree, whose hash the proof leaves out.
    let (first, rest) = if old.is_power_of_two() {
        (old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(ProofError::WrongLength)?;
        (*first, rest)
    };
    if proof.is_empty() {
        return Err(ProofError::WrongLength);
    }
    let (mut f_n, mut s_n) = (old - 1, new - 1);
    while f_n & 1 == 1 {
        f_n >>= 1;
        s_n >>= 1;
    }
    let (mut f_r, mut s_r) = (first, first);
    for c in rest {
        if s_n == 0 {
            return Err(ProofError::WrongLength);
        }
        if f_n & 1 == 1 || f_n == s_n {
            f_r = Hash::node(c, &f_r);
            s_r = Hash::node(c, &s_r);
            while f_n & 1 == 0 && f_n != 0 {
                f_n >>= 1;
                s_n >>= 1;
            }
        } else {
            s_r = Hash::node(&s_r, c);
        }
        f_n >>= 1;
        s_n >>= 1;
    }
    if s_n == 0 { Ok((f_r, s_r)) } else { Err(ProofError::WrongLength) }
}

/// The two cases in which nothing needs proving: no old entries, or the same tree.
fn trivially_consistent(old: Head, new: Head, proof: &[Hash]) -> Result<(), ProofError> {
    if !proof.is_empty() {
        return Err(ProofError::WrongLength);
    }
    if old.size == 0 && old.root != Hash::EMPTY {
        return Err(ProofError::OldRootMismatch);
    }
    if new.size == 0 && new.root != Hash::EMPTY {
        return Err(ProofError::RootMismatch);
    }
    if old.size == new.size && old.root != new.root {
        return Err(ProofError::RootMismatch);
    }
    Ok(())
}
