//! Proofs of subtrees out of tiles are those that the draft publishes, and nothing else is a proof.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::plan::tests::Tree;
use crate::plan::{ConsistencyPlan, InclusionPlan, PlanError, SubtreePlan, SubtreeProof};
use crate::proof::{verify_consistency, verify_inclusion};
use crate::reference::{self, assert_accumulates, line};

/// The leaves of the draft's vectors.
fn leaves(size: usize) -> Vec<Hash> {
    (0..size).map(|byte| Hash::leaf(&[byte as u8])).collect()
}

/// The proof out of tiles, which must be the reference's, and must hold.
fn proven(tree: &Tree, leaves: &[Hash], start: u64, end: u64) -> SubtreeProof {
    let plan = SubtreePlan::new(start, end, tree.head).unwrap();
    let proof = plan.finish(&tree.fetch(plan.tiles())).unwrap();
    let range = start as usize..end as usize;
    assert_eq!(proof.hash, reference::mth(&leaves[range.clone()]));
    if !range.is_empty() {
        assert_eq!(proof.hashes, reference::subtree_consistency(range, leaves), "[{start}, {end})");
    }
    assert_eq!(verify_subtree(start, end, proof.hash, &proof.hashes, tree.head), Ok(()));
    proof
}

fn starts(end: u64) -> impl Iterator<Item = u64> {
    (0..=end).filter(move |start| is_subtree(*start, end))
}

#[test]
fn hashes_and_proofs_of_all_subtrees_of_all_trees_are_the_published_ones() {
    let all = leaves(130);
    let (mut hashes, mut proofs) = (String::new(), String::new());
    for size in 0..=130 {
        let tree = Tree::new(&all[..size]);
        for end in 0..=size as u64 {
            for start in starts(end) {
                let proof = proven(&tree, &all[..size], start, end);
                line(&mut proofs, &format!("[{start}, {end}) {size}"), &proof.hashes);
                if end == size as u64 {
                    line(&mut hashes, &format!("[{start}, {end})"), &[proof.hash]);
                }
            }
        }
    }
    assert_accumulates("subtree_hashes", &hashes);
    assert_accumulates("subtree_consistency_proofs", &proofs);
}

#[test]
fn inclusion_proofs_inside_of_all_subtrees_are_the_published_ones() {
    let (all, mut lines) = (leaves(130), String::new());
    for end in 0..=130 {
        for start in starts(end) {
            let inside = &all[start as usize..end as usize];
            let tree = Tree::new(inside);
            for index in start..end {
                let plan = InclusionPlan::new(index - start, tree.head).unwrap();
                let proof = plan.finish(&tree.fetch(plan.tiles())).unwrap();
                line(&mut lines, &format!("{index} [{start}, {end})"), &proof.path);
            }
        }
    }
    assert_accumulates("subtree_inclusion_proofs", &lines);
}

#[test]
fn two_subtrees_cover_every_interval_as_published() {
    let mut lines = String::new();
    for end in 0..=130 {
        for start in 0..=end {
            let [left, right] = covering(start, end).unwrap();
            let ranges = format!("[{}, {}) [{}, {})", left.start, left.end, right.start, right.end);
            line(&mut lines, &ranges, &[]);
        }
    }
    assert_accumulates("covering_subtrees", &lines);
}

#[test]
fn an_older_tree_and_an_entry_are_subtrees() {
    let all = leaves(130);
    for size in [1, 2, 3, 64, 65, 127, 128, 129, 130] {
        let tree = Tree::new(&all[..size]);
        for at in 0..size as u64 {
            let consistency = ConsistencyPlan::new(at + 1, tree.head).unwrap();
            let consistency = consistency.finish(&tree.fetch(consistency.tiles())).unwrap();
            let older = proven(&tree, &all[..size], 0, at + 1);
            assert_eq!((consistency.old.root, consistency.hashes), (older.hash, older.hashes));
            let inclusion = InclusionPlan::new(at, tree.head).unwrap();
            let inclusion = inclusion.finish(&tree.fetch(inclusion.tiles())).unwrap();
            let entry = proven(&tree, &all[..size], at, at + 1);
            assert_eq!((inclusion.leaf, inclusion.path), (entry.hash, entry.hashes));
        }
    }
}

#[test]
fn which_ranges_are_subtrees() {
    for (start, end, is) in [
        (0, 0, true),
        (7, 7, true),
        (7, 8, true),
        (7, 9, false),
        (8, 13, true),
        (8, 16, true),
        (8, 17, false),
        (4, 9, false),
        (5, 4, false),
        (0, u64::MAX, true),
        (1 << 63, u64::MAX, true),
        (1, u64::MAX, false),
        (u64::MAX, u64::MAX, true),
    ] {
        assert_eq!(is_subtree(start, end), is, "[{start}, {end})");
    }
}

#[test]
fn questions_without_sense_and_proofs_without_end() {
    let head = Tree::new(&leaves(13)).head;
    let huge = Head { size: SIZE_MAX + 1, root: Hash::EMPTY };
    for (start, end, head, error) in [
        (8, 14, head, ProofError::EndBeyondSize { end: 14, size: 13 }),
        (13, 14, head, ProofError::EndBeyondSize { end: 14, size: 13 }),
        (4, 9, head, ProofError::NotASubtree { start: 4, end: 9 }),
        (9, 8, head, ProofError::NotASubtree { start: 9, end: 8 }),
        (0, 1, huge, ProofError::SizeTooLarge),
    ] {
        assert_eq!(verify_subtree(start, end, Hash::EMPTY, &[], head), Err(error));
        assert_eq!(SubtreePlan::new(start, end, head).err(), Some(PlanError::Question(error)));
    }
    let endless = vec![Hash::EMPTY; PROOF_LEN_MAX + 1];
    assert_eq!(verify_subtree(0, 1, Hash::EMPTY, &endless, head), Err(ProofError::TooLong));
    let largest = Head { size: SIZE_MAX, root: Hash::EMPTY };
    let too_long = SubtreePlan::new(0, (1 << 62) + 1, largest);
    assert_eq!(too_long.err(), Some(PlanError::Question(ProofError::TooLong)));
    assert!(SubtreePlan::new(1 << 62, (1 << 62) + 1, largest).is_ok());
    assert_eq!(covering(3, 2), Err(ProofError::NotASubtree { start: 3, end: 2 }));
    assert_eq!(covering(0, SIZE_MAX + 1), Err(ProofError::SizeTooLarge));
    let half = 1 << 62;
    assert_eq!(covering(0, SIZE_MAX), Ok([0..half, half..SIZE_MAX]));
    assert_eq!(covering(SIZE_MAX - 1, SIZE_MAX), Ok([SIZE_MAX - 1..SIZE_MAX, SIZE_MAX..SIZE_MAX]));
}

#[test]
fn no_entries_are_a_subtree_without_a_proof() {
    let (all, other) = (leaves(5), Hash::leaf(b"other"));
    let tree = Tree::new(&all);
    for at in 0..=5 {
        assert_eq!(proven(&tree, &all, at, at).hashes, []);
        assert_eq!(verify_subtree(at, at, other, &[], tree.head), Err(ProofError::SubtreeMismatch));
        assert_eq!(verify_subtree(at, at, Hash::EMPTY, &[other], tree.head), Err(ProofError::WrongLength));
    }
}

/// A tree of up to 700 entries and one of its subtrees with at least one entry.
fn subtree() -> impl Strategy<Value = (usize, u64, u64)> {
    (1..700_usize, any::<Index>(), any::<Index>()).prop_map(|(size, end, start)| {
        let end = end.index(size) as u64 + 1;
        let starts: Vec<_> = starts(end).filter(|start| *start != end).collect();
        (size, starts[start.index(starts.len())], end)
    })
}

/// The proof of the same subtree, of others, and with one thing altered.
fn altered(start: u64, end: u64, hash: Hash, proof: &[Hash], head: Head, at: Index, bit: u8) -> Vec<String> {
    let flip = |hash: Hash| {
        let mut bytes = *hash.as_bytes();
        bytes[usize::from(bit / 8)] ^= 1 << (bit % 8);
        Hash::from_bytes(bytes)
    };
    let with = |change: &dyn Fn(&mut Vec<Hash>)| {
        let mut bent = proof.to_vec();
        change(&mut bent);
        bent
    };
    let place = at.index(proof.len().max(1));
    let mut held = vec![];
    let mut must_fail = |what: &str, start, end, hash, proof: &[Hash], head| {
        if verify_subtree(start, end, hash, proof, head).is_ok() {
            held.push(what.to_owned());
        }
    };
    must_fail("another hash", start, end, flip(hash), proof, head);
    must_fail("another root", start, end, hash, proof, Head { root: flip(head.root), ..head });
    must_fail("a hash more", start, end, hash, &with(&|bent| bent.insert(place, flip(hash))), head);
    must_fail("a hash at the end", start, end, hash, &with(&|bent| bent.push(hash)), head);
    if !proof.is_empty() {
        must_fail(
            "a hash less",
            start,
            end,
            hash,
            &with(&|bent| {
                bent.remove(place);
            }),
            head,
        );
        must_fail("a bent hash", start, end, hash, &with(&|bent| bent[place] = flip(bent[place])), head);
    }
    held
}

proptest! {
    #[test]
    fn a_proof_holds_for_what_it_was_made_for_and_for_nothing_bent(
        (size, start, end) in subtree(),
        at: Index,
        bit: u8,
    ) {
        let all = leaves(size);
        let tree = Tree::new(&all);
        let proof = proven(&tree, &all, start, end);
        let held = altered(start, end, proof.hash, &proof.hashes, tree.head, at, bit);
        prop_assert!(held.is_empty(), "[{start}, {end}) of {size}: {held:?}");
    }

    /// Distinct leaves, so that no other subtree has the same hash; a proof that takes its place says something untrue.
    #[test]
    fn a_proof_is_of_no_other_place_and_of_no_other_size(
        (size, start, end) in subtree(),
        (other_size, other_start, other_end) in subtree(),
    ) {
        let all: Vec<_> = (0..700_u64).map(|index| Hash::leaf(&index.to_be_bytes())).collect();
        let tree = Tree::new(&all[..size]);
        let proof = proven(&tree, &all[..size], start, end);
        let says = |start, end, head| verify_subtree(start, end, proof.hash, &proof.hashes, head);
        if (other_start, other_end) != (start, end) {
            prop_assert!(says(other_start, other_end, tree.head).is_err());
        }
        if other_size != size {
            let other = Tree::new(&all[..other_size]).head;
            prop_assert!(says(start, end, other).is_err());
        }
    }

    /// The three verifiers agree where they answer the same question, whatever the proof.
    #[test]
    fn the_verifiers_agree(size in 1..200_usize, at: Index, hashes in 0..9_usize, other in 1..200_usize) {
        let all = leaves(size);
        let tree = Tree::new(&all);
        let at = at.index(size) as u64;
        let mut proof = proven(&tree, &all, 0, at + 1);
        proof.hashes.resize(proof.hashes.len().max(hashes), proof.hash);
        for size in [size, other] {
            let new = Head { size: size as u64, ..tree.head };
            let old = Head { size: at + 1, root: proof.hash };
            let one = verify_subtree(0, at + 1, proof.hash, &proof.hashes, new).is_ok();
            prop_assert_eq!(one, verify_consistency(old, new, &proof.hashes).is_ok());
            let entry = verify_subtree(at, at + 1, all[at as usize], &proof.hashes, new).is_ok();
            prop_assert_eq!(entry, verify_inclusion(at, all[at as usize], &proof.hashes, new).is_ok());
        }
    }

    #[test]
    fn two_subtrees_hold_the_interval_and_little_else(start in 0..=SIZE_MAX, length in 0..=SIZE_MAX) {
        let end = start.saturating_add(length).min(SIZE_MAX);
        let [left, right] = covering(start, end).unwrap();
        prop_assert!(is_subtree(left.start, left.end) && is_subtree(right.start, right.end));
        prop_assert!(left.start <= start && left.end == right.start && right.end == end);
        prop_assert!(start == left.start || (start - left.start) * 2 < left.end - left.start);
    }
}
