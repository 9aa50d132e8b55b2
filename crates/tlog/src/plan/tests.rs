//! Every proof that tiles can yield is the reference's proof, and wrong tiles yield none.

use std::fmt::Write as _;

use super::*;
use crate::{
    integrate::{Edge, Entry},
    proof::verify_inclusion,
    reference,
    tile::tiles_of,
};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// All tiles of a tree over these leaves, computed level by level from the definition.
pub(crate) struct Tree {
    pub(crate) head: Head,
    tiles: HashMap<Tile, Vec<u8>>,
}

impl Tree {
    pub(crate) fn new(leaves: &[Hash]) -> Self {
        let size = leaves.len() as u64;
        let mut level_items = vec![leaves.to_vec()];
        while level_items.last().is_some_and(|items| items.len() >= 256) {
            let below = &level_items[level_items.len() - 1];
            level_items.push(below.chunks_exact(256).map(reference::mth).collect());
        }
        let tiles = tiles_of(size).map(|tile| {
            let items = &level_items[usize::from(tile.level())][tile.index() as usize * 256..];
            (tile, items.iter().take(usize::from(tile.width())).flat_map(|hash| *hash.as_bytes()).collect())
        });
        Self { head: Head { size, root: reference::mth(leaves) }, tiles: tiles.collect() }
    }

    pub(crate) fn fetch(&self, tiles: &[Tile]) -> Vec<Vec<u8>> {
        tiles.iter().map(|tile| self.tiles[tile].clone()).collect()
    }
}

fn leaves(n: u32) -> Vec<Hash> {
    (0..n).map(|i| Hash::leaf(&i.to_be_bytes())).collect()
}

/// The path of an inclusion proof out of the tiles, checked against the reference.
fn check_inclusion(tree: &Tree, leaves: &[Hash], index: usize) -> Vec<Hash> {
    let plan = InclusionPlan::new(index as u64, tree.head).unwrap();
    let proof = plan.finish(&tree.fetch(plan.tiles())).unwrap();
    assert_eq!(proof.leaf, leaves[index]);
    assert_eq!(proof.path, reference::path(index, leaves), "index {index} of {}", leaves.len());
    verify_inclusion(index as u64, proof.leaf, &proof.path, tree.head).unwrap();
    proof.path
}

/// The hashes of a consistency proof out of the tiles, checked against the reference.
fn check_consistency(tree: &Tree, leaves: &[Hash], old: usize) -> Vec<Hash> {
    let plan = ConsistencyPlan::new(old as u64, tree.head).unwrap();
    let proof = plan.finish(&tree.fetch(plan.tiles())).unwrap();
    assert_eq!(proof.old.root, reference::mth(&leaves[..old]));
    let expected = if old == 0 { vec![] } else { reference::consistency(old, leaves) };
    assert_eq!(proof.hashes, expected, "{old} in {}", leaves.len());
    proof.hashes
}

/// One digest over many proofs: size, index or older size, and number of hashes (each 64 bits, big-endian), the hashes.
#[derive(Default)]
struct Rolling(Sha256);

impl Rolling {
    fn add(&mut self, size: usize, of: usize, proof: &[Hash]) {
        [size, of, proof.len()].into_iter().for_each(|number| self.0.update((number as u64).to_be_bytes()));
        proof.iter().for_each(|hash| self.0.update(hash.as_bytes()));
    }

    fn digest(self) -> String {
        self.0.finalize().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// The digest is that of a program in another language which knows the definitions of the RFC and no tiles.
#[test]
fn all_inclusion_proofs_of_all_sizes_to_300() {
    let (all, mut rolling) = (leaves(300), Rolling::default());
    for size in 0..=all.len() {
        let tree = Tree::new(&all[..size]);
        for index in 0..size {
            rolling.add(size, index, &check_inclusion(&tree, &all[..size], index));
        }
    }
    assert_eq!(rolling.digest(), "41609e341210cccaa2c837e910362523bf309a292a5eca3e1fc52b870796e559");
}

/// As above.
#[test]
fn all_consistency_proofs_of_all_sizes_to_300() {
    let (all, mut rolling) = (leaves(300), Rolling::default());
    for size in 0..=all.len() {
        let tree = Tree::new(&all[..size]);
        for old in 0..=size {
            rolling.add(size, old, &check_consistency(&tree, &all[..size], old));
        }
    }
    assert_eq!(rolling.digest(), "70be25b874f3a39aab1af8cd30640accac9c6401d46f48be2998ebed6e0cf195");
}

#[test]
fn the_right_edge_of_all_sizes_to_300() {
    let all = leaves(300);
    for size in 0..=all.len() {
        let tree = Tree::new(&all[..size]);
        let plan = RangePlan::new(tree.head).unwrap();
        assert_eq!(plan.finish(&tree.fetch(plan.tiles())).unwrap().head(), tree.head);
    }
}

#[test]
fn proofs_around_65_536() {
    let all = leaves(65_540);
    for size in 65_534..=65_540 {
        let tree = Tree::new(&all[..size]);
        for index in [0, 1, 255, 256, 257, 32_767, 32_768, 65_279, 65_280, 65_533, size - 1] {
            check_inclusion(&tree, &all[..size], index);
        }
        for old in [1, 255, 256, 257, 511, 512, 4_096, 32_768, 65_280, 65_533, 65_534, size - 1, size] {
            check_consistency(&tree, &all[..size], old);
        }
    }
}

#[test]
fn one_wrong_bit_in_any_tile_yields_no_proof() {
    let all = leaves(700);
    let tree = Tree::new(&all);
    let plan = InclusionPlan::new(300, tree.head).unwrap();
    let good = tree.fetch(plan.tiles());
    let mut refused = 0;
    for tile in 0..good.len() {
        for byte in (0..good[tile].len()).step_by(32) {
            let mut bad = good.clone();
            bad[tile][byte] ^= 1;
            match plan.finish(&bad) {
                Err(PlanError::Inconsistent { size: 700 }) => refused += 1,
                Ok(proof) => assert_eq!(proof, plan.finish(&good).unwrap(), "a hash the proof does not use"),
                Err(other) => panic!("{other}"),
            }
        }
    }
    // Each item of the leaf's tile, each of the right edge, and the root of tile 0 one level up.
    assert_eq!(refused, 256 + (700 - 512) + 1);
}

#[test]
fn questions_that_make_no_sense() {
    let head = Tree::new(&leaves(5)).head;
    let question = |error| PlanError::Question(error);
    assert_eq!(
        InclusionPlan::new(5, head).err(),
        Some(question(ProofError::IndexBeyondSize { index: 5, size: 5 }))
    );
    assert_eq!(
        InclusionPlan::new(0, Head::EMPTY).err(),
        Some(question(ProofError::IndexBeyondSize { index: 0, size: 0 }))
    );
    assert_eq!(
        ConsistencyPlan::new(6, head).err(),
        Some(question(ProofError::OldBeyondNew { old: 6, new: 5 }))
    );
    let huge = Head { size: 1 << 63, root: Hash::EMPTY };
    assert_eq!(InclusionPlan::new(0, huge).err(), Some(question(ProofError::SizeTooLarge)));
    assert_eq!(ConsistencyPlan::new(0, huge).err(), Some(question(ProofError::SizeTooLarge)));
    assert_eq!(RangePlan::new(huge).err(), Some(question(ProofError::SizeTooLarge)));
}

#[test]
fn tiles_of_the_wrong_shape() {
    let tree = Tree::new(&leaves(300));
    let plan = RangePlan::new(tree.head).unwrap();
    let mut data = tree.fetch(plan.tiles());
    data[0].pop();
    assert!(matches!(plan.finish(&data), Err(PlanError::TileLength { .. })));
    data.pop();
    assert!(matches!(plan.finish(&data), Err(PlanError::TileCount { .. })));
}

#[test]
fn the_largest_tree_can_be_planned() {
    let head = Head { size: SIZE_MAX, root: Hash::EMPTY };
    for index in [0, 1, SIZE_MAX / 2, SIZE_MAX - 1] {
        assert!(InclusionPlan::new(index, head).unwrap().tiles().len() <= 2 * 8);
    }
    for old in [0, 1, SIZE_MAX / 2 + 1, SIZE_MAX - 1, SIZE_MAX] {
        assert!(!ConsistencyPlan::new(old, head).unwrap().tiles().is_empty() || old == 0);
    }
}

/// Integration, entry by entry and in strides, ends in the same tiles as the definition.
#[test]
fn integration_makes_the_tiles_of_the_definition() {
    let entries: Vec<Entry> =
        (0..70_000_u32).map(|i| Entry::new(format!("entry {i}").into()).unwrap()).collect();
    let hashes: Vec<_> = entries.iter().map(Entry::leaf).collect();
    let tree = Tree::new(&hashes);
    for stride in [1_usize, 3, 255, 256, 257, 1_000, 70_000] {
        let (mut edge, mut tiles) = (Edge::default(), HashMap::new());
        for batch in entries.chunks(stride) {
            let growth = edge.integrate(batch).unwrap();
            for (tile, bytes) in growth.tiles {
                assert_eq!(tiles.insert(tile, bytes.to_vec()), None, "a full tile is made once");
            }
            edge = growth.edge;
        }
        assert_eq!(edge.head(), tree.head, "stride {stride}");
        for tile in tiles_of(70_000) {
            let made = if tile.is_full() { tiles[&tile].clone() } else { edge.tile(tile).unwrap().to_vec() };
            assert_eq!(made, tree.tiles[&tile], "stride {stride}, {tile}");
        }
    }
}
