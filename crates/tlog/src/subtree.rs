//! Subtrees: ranges of entries whose own tree is part of the log's tree, however large that grows
//! (draft-ietf-plants-merkle-tree-certs, "Subtrees"; C2SP tlog-witness and tlog-mirror use them).
//!
//! The subtree `[start, end)` is the tree over these entries alone. It must start at a multiple of its length, rounded up to
//! a power of two: then each of its complete parts is a node of the large tree. An older tree is the subtree that starts at
//! 0, an entry is one of length 1, so one proof serves for both of RFC 9162 and for what lies between.
//! [`SubtreePlan`](crate::plan::SubtreePlan) makes it.

use std::ops::Range;

use crate::proof::{PROOF_LEN_MAX, ProofError};
use crate::{Hash, Head, SIZE_MAX};

/// Whether the entries from `start` up to `end` are a subtree. No entries are one anywhere.
pub const fn is_subtree(start: u64, end: u64) -> bool {
    let Some(length) = end.checked_sub(start) else { return false };
    // Only 0 is a multiple of a power of two that no longer fits.
    match length.checked_next_power_of_two() {
        Some(width) => start & (width - 1) == 0,
        None => start == 0,
    }
}

/// Checks that the tree with this head holds a subtree from `start` up to `end` with this hash.
///
/// The algorithm is the draft's own, step by step. Of no entries the hash is [`Hash::EMPTY`] and the proof is empty, which
/// says nothing of the tree.
///
/// # Errors
/// [`ProofError::SizeTooLarge`], [`ProofError::NotASubtree`] and [`ProofError::EndBeyondSize`] for a question without sense;
/// [`ProofError::TooLong`] for more than [`PROOF_LEN_MAX`] hashes; [`ProofError::WrongLength`],
/// [`ProofError::SubtreeMismatch`] and [`ProofError::RootMismatch`] for a proof that does not show it.
pub fn verify_subtree(
    start: u64,
    end: u64,
    hash: Hash,
    proof: &[Hash],
    head: Head,
) -> Result<(), ProofError> {
    check(start, end, head.size)?;
    if proof.len() > PROOF_LEN_MAX {
        return Err(ProofError::TooLong);
    }
    if start == end {
        return verify_nothing(hash, proof);
    }
    let mut at = Level { first: start, last: end - 1, tree: head.size - 1 };
    let at_the_edge = at.last == at.tree;
    while at.first != at.last && (at_the_edge || at.last & 1 == 1) {
        at.climb();
    }
    // Where the subtree is one node of the tree, its hash is known; otherwise the proof starts with its last part.
    let (first, rest) = if at.first == at.last {
        (hash, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(ProofError::WrongLength)?;
        (*first, rest)
    };
    let (mut f_r, mut s_r) = (first, first);
    for c in rest {
        if at.tree == 0 {
            return Err(ProofError::WrongLength);
        }
        if at.last & 1 == 1 || at.last == at.tree {
            if at.first < at.last {
                f_r = Hash::node(c, &f_r);
            }
            s_r = Hash::node(c, &s_r);
            // Not 0: it is odd, or as large as what is not 0.
            while at.last & 1 == 0 {
                at.climb();
            }
        } else {
            s_r = Hash::node(&s_r, c);
        }
        at.climb();
    }
    if at.tree != 0 {
        Err(ProofError::WrongLength)
    } else if f_r != hash {
        Err(ProofError::SubtreeMismatch)
    } else if s_r != head.root {
        Err(ProofError::RootMismatch)
    } else {
        Ok(())
    }
}

/// Two subtrees that together hold the entries from `start` up to `end`, and perhaps entries before `start`: fewer than half
/// of the first one's. An interval of one entry or none is one subtree, and the second is empty.
///
/// # Errors
/// [`ProofError::NotASubtree`] where the end comes before the start, [`ProofError::SizeTooLarge`] for an end of 2^63 or more.
pub fn covering(start: u64, end: u64) -> Result<[Range<u64>; 2], ProofError> {
    if start > end {
        return Err(ProofError::NotASubtree { start, end });
    }
    if end > SIZE_MAX {
        return Err(ProofError::SizeTooLarge);
    }
    if end - start <= 1 {
        return Ok([start..end, end..end]);
    }
    let last = end - 1;
    // The highest bit in which first and last entry differ: below it the interval is cut, and `middle` is where.
    let mask = (1 << (start ^ last).ilog2()) - 1;
    let middle = last & !mask;
    let left_bits = u64::BITS - (!start & mask).leading_zeros();
    let left = start & !((1 << left_bits) - 1);
    Ok([left..middle, middle..end])
}

/// That the question makes sense for a tree of this size.
pub(crate) fn check(start: u64, end: u64, size: u64) -> Result<(), ProofError> {
    if size > SIZE_MAX {
        return Err(ProofError::SizeTooLarge);
    }
    if !is_subtree(start, end) {
        return Err(ProofError::NotASubtree { start, end });
    }
    if end > size {
        return Err(ProofError::EndBeyondSize { end, size });
    }
    Ok(())
}

fn verify_nothing(hash: Hash, proof: &[Hash]) -> Result<(), ProofError> {
    if !proof.is_empty() {
        return Err(ProofError::WrongLength);
    }
    if hash == Hash::EMPTY { Ok(()) } else { Err(ProofError::SubtreeMismatch) }
}

/// One level of the tree: the node that holds the subtree's first entry, the one with its last, the one with the tree's last
/// (`fn`, `sn` and `tn` of the draft).
struct Level {
    first: u64,
    last: u64,
    tree: u64,
}

impl Level {
    /// The level above.
    fn climb(&mut self) {
        self.first >>= 1;
        self.last >>= 1;
        self.tree >>= 1;
    }
}

#[cfg(test)]
mod tests;
