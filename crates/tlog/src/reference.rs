//! A slow second opinion: the definitions of RFC 9162 section 2.1, word for word, over a slice of leaf hashes.
//! Only tests use it.

use std::fmt::Write as _;
use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::Hash;

const VECTORS: &str = include_str!("../../../tests/data/vectors/ietf-mtc/subtree-accumulated.json");

/// Largest power of two strictly below `n`, for `n > 1`.
fn split(n: usize) -> usize {
    1 << (n - 1).ilog2()
}

/// MTH(D[n]), section 2.1.1.
pub(crate) fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY,
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            Hash::node(&mth(left), &mth(right))
        }
    }
}

/// PATH(m, D[n]), section 2.1.3.1.
pub(crate) fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return vec![];
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) =
        if index < k { (path(index, left), right) } else { (path(index - k, right), left) };
    path.push(mth(sibling));
    path
}

/// PROOF(m, D[n]), section 2.1.4.1.
pub(crate) fn consistency(old: usize, leaves: &[Hash]) -> Vec<Hash> {
    subtree_consistency(0..old, leaves)
}

/// SUBTREE_PROOF of draft-ietf-plants-merkle-tree-certs: that a subtree is part of the tree. One that starts at 0 is an
/// older tree, and its proof is PROOF(m, D[n]).
pub(crate) fn subtree_consistency(subtree: Range<usize>, leaves: &[Hash]) -> Vec<Hash> {
    subproof(subtree, leaves, true)
}

fn subproof(subtree: Range<usize>, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    let Range { start, end } = subtree;
    if start == 0 && end == leaves.len() {
        return if whole { vec![] } else { vec![mth(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, other) = if end <= k {
        (subproof(start..end, left, whole), right)
    } else if start >= k {
        (subproof(start - k..end - k, right, whole), left)
    } else {
        (subproof(0..end - k, right, false), left)
    };
    proof.push(mth(other));
    proof
}

/// A line of what the published digests are over.
pub(crate) fn line(lines: &mut String, what: &str, hashes: &[Hash]) {
    lines.push_str(what);
    for hash in hashes {
        lines.push(' ');
        hash.as_bytes().iter().for_each(|byte| write!(lines, "{byte:02x}").unwrap());
    }
    lines.push('\n');
}

/// That the lines have the published digest of this name.
pub(crate) fn assert_accumulates(name: &str, lines: &str) {
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
    let mut digest = String::new();
    Sha256::digest(lines).iter().for_each(|byte| write!(digest, "{byte:02x}").unwrap());
    assert_eq!(vectors[name]["sha256"], digest, "{name}");
}

/// The reference itself, against digests that the draft publishes over all hashes and proofs of all subtrees of trees of up
/// to 130 leaves.
#[cfg(test)]
mod tests {
    use super::*;

    fn leaves() -> Vec<Hash> {
        (0..130_u8).map(|byte| Hash::leaf(&[byte])).collect()
    }

    /// All `[start, end)` that are subtrees: the start is a multiple of the next power of two of the length. One without
    /// leaves is a subtree anywhere.
    fn subtrees(end: usize) -> impl Iterator<Item = Range<usize>> {
        let is_subtree = move |start: &usize| start.is_multiple_of((end - start).next_power_of_two());
        (0..=end).filter(is_subtree).map(move |start| start..end)
    }

    #[test]
    fn hashes_of_all_subtrees_are_the_published_ones() {
        let (leaves, mut lines) = (leaves(), String::new());
        for Range { start, end } in (0..=leaves.len()).flat_map(subtrees) {
            line(&mut lines, &format!("[{start}, {end})"), &[mth(&leaves[start..end])]);
        }
        assert_accumulates("subtree_hashes", &lines);
    }

    #[test]
    fn inclusion_proofs_of_all_subtrees_are_the_published_ones() {
        let (leaves, mut lines) = (leaves(), String::new());
        for Range { start, end } in (0..=leaves.len()).flat_map(subtrees) {
            for index in start..end {
                let path = path(index - start, &leaves[start..end]);
                line(&mut lines, &format!("{index} [{start}, {end})"), &path);
            }
        }
        assert_accumulates("subtree_inclusion_proofs", &lines);
    }

    #[test]
    fn consistency_proofs_of_all_subtrees_are_the_published_ones() {
        let (leaves, mut lines) = (leaves(), String::new());
        for size in 0..=leaves.len() {
            for Range { start, end } in (0..=size).flat_map(subtrees) {
                let nothing = start == end;
                let proof = if nothing { vec![] } else { subtree_consistency(start..end, &leaves[..size]) };
                line(&mut lines, &format!("[{start}, {end}) {size}"), &proof);
            }
        }
        assert_accumulates("subtree_consistency_proofs", &lines);
    }
}
