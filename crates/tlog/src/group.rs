//! One inclusion proof for many entries of one tree.
//!
//! The proof is the list of hashes that whoever holds the entries cannot compute: walking the tree of RFC 9162, section
//! 2.1.1, from the root down and from left to right, the hash of each largest subtree that holds none of the entries. For
//! one entry that is its inclusion path in the order of the leaves. Nothing is listed twice, nothing needs a position, and a
//! list with a hash too many or too few is refused, so that a proof has one spelling.

use std::collections::HashMap;

use crate::plan::InclusionProof;
use crate::proof::{PROOF_LEN_MAX, ProofError};
use crate::{Hash, Head, SIZE_MAX};

/// Checks that these entries, by index and leaf hash in ascending order, are in the tree with this head.
///
/// # Errors
/// [`ProofError::IndexBeyondSize`]; [`ProofError::WrongLength`] where hashes are left over or missing, where there is no
/// entry at all, and where the indexes do not ascend; [`ProofError::RootMismatch`].
pub fn verify(leaves: &[(u64, Hash)], hashes: &[Hash], head: Head) -> Result<(), ProofError> {
    check(leaves.iter().map(|(index, _)| *index), head.size)?;
    let mut rest = hashes.iter();
    let root = fold(0, head.size, leaves, &mut |_, _| rest.next().copied()).ok_or(ProofError::WrongLength)?;
    if rest.next().is_some() {
        return Err(ProofError::WrongLength);
    }
    if root == head.root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// Makes the proof for many entries from a proof for each of them, in ascending order of their indexes.
///
/// # Errors
/// As [`verify`]; what is returned was verified.
pub fn make(proofs: &[InclusionProof], head: Head) -> Result<Vec<Hash>, ProofError> {
    check(proofs.iter().map(|proof| proof.index), head.size)?;
    let mut known = HashMap::new();
    for proof in proofs {
        siblings(proof, head.size, &mut known)?;
    }
    let leaves: Vec<_> = proofs.iter().map(|proof| (proof.index, proof.leaf)).collect();
    let mut hashes = Vec::new();
    fold(0, head.size, &leaves, &mut |start, end| {
        let hash = known.get(&(start, end)).copied()?;
        hashes.push(hash);
        Some(hash)
    })
    .ok_or(ProofError::WrongLength)?;
    verify(&leaves, &hashes, head)?;
    Ok(hashes)
}

fn check(indexes: impl Iterator<Item = u64>, size: u64) -> Result<(), ProofError> {
    if size > SIZE_MAX {
        return Err(ProofError::SizeTooLarge);
    }
    let mut before = None;
    for index in indexes {
        if index >= size {
            return Err(ProofError::IndexBeyondSize { index, size });
        }
        if before.is_some_and(|before| index <= before) {
            return Err(ProofError::WrongLength);
        }
        before = Some(index);
    }
    before.map(|_| ()).ok_or(ProofError::WrongLength)
}

/// Hash of the subtree `start..end` from the entries in it; `other` is asked for each largest one without any. Goes no
/// deeper than a tree has levels.
fn fold(
    start: u64,
    end: u64,
    leaves: &[(u64, Hash)],
    other: &mut impl FnMut(u64, u64) -> Option<Hash>,
) -> Option<Hash> {
    match leaves {
        [] => other(start, end),
        [(_, leaf)] if end - start == 1 => Some(*leaf),
        _ => {
            let middle = start + left_size(end - start);
            let (left, right) = leaves.split_at(leaves.partition_point(|(index, _)| *index < middle));
            let left = fold(start, middle, left, other)?;
            let right = fold(middle, end, right, other)?;
            Some(Hash::node(&left, &right))
        }
    }
}

/// The subtrees beside the way from the root to an entry, by their ranges.
fn siblings(
    proof: &InclusionProof,
    size: u64,
    known: &mut HashMap<(u64, u64), Hash>,
) -> Result<(), ProofError> {
    if proof.path.len() > PROOF_LEN_MAX {
        return Err(ProofError::WrongLength);
    }
    let (mut start, mut end) = (0, size);
    for hash in proof.path.iter().rev() {
        if end - start < 2 {
            return Err(ProofError::WrongLength);
        }
        let middle = start + left_size(end - start);
        if proof.index < middle {
            known.insert((middle, end), *hash);
            end = middle;
        } else {
            known.insert((start, middle), *hash);
            start = middle;
        }
    }
    Ok(())
}

/// Largest power of two strictly below `n`, for `n > 1`.
fn left_size(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;

    fn leaves(size: u64) -> Vec<Hash> {
        (0..size).map(|i| Hash::leaf(&i.to_be_bytes())).collect()
    }

    fn proof(index: u64, all: &[Hash]) -> InclusionProof {
        let at = usize::try_from(index).unwrap();
        InclusionProof { index, leaf: all[at], path: reference::path(at, all) }
    }

    fn chosen(mask: u32, all: &[Hash]) -> Vec<InclusionProof> {
        let indexes = (0..all.len() as u64).filter(|index| mask & (1 << index) != 0);
        indexes.map(|index| proof(index, all)).collect()
    }

    #[test]
    fn every_choice_of_entries_of_every_small_tree_is_proven_and_no_other() {
        for size in 1..=9_u64 {
            let all = leaves(size);
            let head = Head { size, root: reference::mth(&all) };
            for mask in 1..(1_u32 << size) {
                let proofs = chosen(mask, &all);
                let hashes = make(&proofs, head).unwrap();
                let group: Vec<_> = proofs.iter().map(|proof| (proof.index, proof.leaf)).collect();
                assert_eq!(verify(&group, &hashes, head), Ok(()), "size {size} mask {mask:b}");
                refuses_bends(&group, &hashes, head);
            }
        }
    }

    fn refuses_bends(group: &[(u64, Hash)], hashes: &[Hash], head: Head) {
        let refused = |group: &[(u64, Hash)], hashes: &[Hash]| verify(group, hashes, head).is_err();
        assert!(refused(group, &[hashes, &[head.root]].concat()), "a hash too many");
        if let [rest @ .., _] = hashes {
            assert!(refused(group, rest), "a hash too few");
        }
        for at in 0..group.len() {
            let mut bent = group.to_vec();
            bent[at].1 = Hash::leaf(b"other");
            assert!(refused(&bent, hashes), "another entry");
            let mut moved = group.to_vec();
            moved[at].0 += 1;
            assert!(refused(&moved, hashes), "another index");
            let without = [&group[..at], &group[at + 1..]].concat();
            assert!(refused(&without, hashes), "an entry less");
        }
        for at in 0..hashes.len() {
            let mut bent = hashes.to_vec();
            bent[at] = Hash::leaf(b"other");
            assert!(refused(group, &bent), "another hash");
        }
    }

    #[test]
    fn a_run_of_entries_costs_no_more_than_one_entry() {
        let all = leaves(300);
        let head = Head { size: 300, root: reference::mth(&all) };
        let proofs: Vec<_> = (100..114).map(|index| proof(index, &all)).collect();
        let alone: usize = proofs.iter().map(|proof| proof.path.len()).sum();
        assert_eq!((make(&proofs, head).unwrap().len(), alone), (8, 14 * 9));
    }

    #[test]
    fn nothing_and_disorder_are_no_group() {
        let all = leaves(4);
        let head = Head { size: 4, root: reference::mth(&all) };
        assert_eq!(verify(&[], &[head.root], head), Err(ProofError::WrongLength));
        let twice = [(1, all[1]), (1, all[1])];
        assert_eq!(verify(&twice, &[], head), Err(ProofError::WrongLength));
        let beyond = [(4, all[1])];
        assert_eq!(verify(&beyond, &[], head), Err(ProofError::IndexBeyondSize { index: 4, size: 4 }));
    }
}
