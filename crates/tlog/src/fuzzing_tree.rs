//! One input, then assertions, for the tree: paths, bundles, cosignatures, and proofs from made to bent.
//!
//! As in [`crate::fuzzing_note`], each function takes any bytes and panics where a promise breaks. Not part of the public
//! interface.

use std::sync::LazyLock;

use bytes::Bytes;

use crate::checkpoint::Checkpoint;
use crate::cosignature::{Cosigner, Subtree};
use crate::hash::root_of;
use crate::note::{Note, SignatureLine};
use crate::plan::{ConsistencyPlan, InclusionPlan, PlanError, RangePlan, SubtreePlan};
use crate::proof::{ProofError, verify_consistency, verify_inclusion};
use crate::range::CompactRange;
use crate::subtree::verify_subtree;
use crate::tile::{Resource, TILE_BYTES, Tile, WIDTH};
use crate::{Hash, Head, bundle, encoding};

/// Paths of tiles and entry bundles.
pub fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(resource) = Resource::parse(text) else { return };
    assert_eq!(resource.to_string(), text, "a path prints back to the same text");
    match resource {
        Resource::Checkpoint => {}
        Resource::Tile(tile) => assert!((1..=256).contains(&tile.width()) && tile.bytes() <= TILE_BYTES),
        Resource::Bundle(bundle) => assert_eq!(bundle.tile().width(), bundle.width()),
    }
}

/// Entry bundles.
pub fn entry_bundle(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    let Ok(entries) = bundle::decode_all(&data) else { return };
    let width = entries.len();
    assert_eq!(bundle::encode(&entries).as_ref(), Ok(&data), "a bundle's entries make the bundle");
    assert_eq!(bundle::decode(&data, width).as_ref(), Ok(&entries));
    assert!(bundle::decode(&data, width + 1).is_err(), "a bundle has no entry more");
    assert!(
        width == 0 || bundle::decode(&data, width - 1).is_err(),
        "bytes after the last entry are refused"
    );
    assert_eq!(bundle::prefix(&data, width + 1), None);
    for width in [0, 1, width / 2, width] {
        let Some(first) = entries.get(..width) else { continue };
        assert_eq!(bundle::prefix(&data, width), bundle::encode(first).ok(), "a partial bundle is a prefix");
    }
}

/// Lines of signatures, taken for a cosignature by a witness whose key is known here.
pub fn cosignature(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(line) = SignatureLine::parse(text) else { return };
    assert_eq!(line.to_string().strip_suffix('\n'), Some(text), "a signature line prints back");
    let Ok((witness, checkpoint)) = witnessed() else { return };
    let key = witness.verifier_key();
    // Under the witness's own name and id the bytes are looked at, whoever the line says it is from.
    let blob = [key.id().as_bytes().as_slice(), line.signature()].concat();
    let claimed = format!("\u{2014} {} {}", key.name(), encoding::base64(&blob));
    let Ok(claimed) = SignatureLine::parse(&claimed) else { return };
    let Ok(note) = Note::new(checkpoint.to_string(), vec![claimed.clone()]) else { return };
    if let Ok(opened) = note.open([key]) {
        let time = opened.signature_by(key).and_then(|by| by.time());
        let made = time.map(|time| witness.cosign(&checkpoint, time));
        assert_eq!(made, Some(claimed), "only what the witness signs is believed");
    }
    assert!(Subtree::whole(&checkpoint).verify(&line, key).is_err(), "an Ed25519 key signs no subtree");
}

/// A witness with a seed that is no secret, and a checkpoint that it may have seen.
fn witnessed() -> Result<(Cosigner, Checkpoint), Box<dyn std::error::Error>> {
    let witness = Cosigner::from_seed("w.example".parse()?, &[7; 32]);
    let head = Head { size: 513, root: Hash::leaf(b"root") };
    Ok((witness, Checkpoint::new("log.example".parse()?, head)?))
}

/// The largest tree that [`prove_then_verify`] asks about: more than a full tile of level 1.
pub const TREE_MAX: u64 = 70_000;

/// Proofs of a tree of any size to [`TREE_MAX`], from plan to tiles to proof to verification; then the same bent.
///
/// The bytes are ten numbers of 32 bits, big-endian: the size and another one, how to bend and where, an index and
/// another one, an older size and another one, where a subtree ends, and which of those that end there. Each is taken modulo
/// what makes sense there, and is 0 where the bytes end.
pub fn prove_then_verify(data: &[u8]) {
    let mut numbers = Numbers(data);
    let [size, other_size] = [(); 2].map(|()| numbers.below(TREE_MAX + 1));
    let tree = TREE.head(size);
    let bend = Bend { kind: numbers.below(256), at: numbers.below(1 << 32), other: TREE.head(other_size) };
    the_right_edge_is_there(tree);
    if size == 0 {
        let error = PlanError::Question(ProofError::IndexBeyondSize { index: 0, size: 0 });
        assert_eq!(InclusionPlan::new(0, tree).err(), Some(error), "nothing is in the empty tree");
    } else {
        let [index, other] = [(); 2].map(|()| numbers.below(size));
        inclusion(index, other, tree, &bend);
    }
    let [old, other] = [(); 2].map(|()| numbers.below(size + 1));
    consistency(old, other, tree, &bend);
    let end = numbers.below(size + 1);
    let starts = starts_of_subtrees(end);
    let start = starts[numbers.below(starts.len() as u64) as usize];
    subtree(start, end, tree, &bend);
}

/// Where the subtrees start that end at `end`: for each power of two at its last multiple before the end, and, without
/// entries, at the end.
fn starts_of_subtrees(end: u64) -> Vec<u64> {
    let before = (0..u64::BITS).filter_map(|bits| Some(end.checked_sub(1)? >> bits << bits));
    let mut starts: Vec<_> = before.chain([end]).collect();
    starts.dedup();
    starts
}

fn the_right_edge_is_there(tree: Head) {
    let range = RangePlan::new(tree).and_then(|plan| plan.finish(&TREE.fetch(plan.tiles())));
    assert_eq!(range.map(|range| range.head()), Ok(tree), "the tiles hold the right edge");
}

fn inclusion(index: u64, other: u64, tree: Head, bend: &Bend) {
    let plan = InclusionPlan::new(index, tree);
    assert!(plan.is_ok(), "an entry of the tree can be proven: {plan:?}");
    let Ok(plan) = plan else { return };
    let tiles = TREE.fetch(plan.tiles());
    let proof = plan.finish(&tiles);
    assert!(proof.is_ok(), "the right tiles yield a proof: {proof:?}");
    let Ok(proof) = proof else { return };
    assert_eq!(proof.leaf, leaf(index));
    assert_eq!(verify_inclusion(index, proof.leaf, &proof.path, tree), Ok(()));
    if other != index {
        assert!(verify_inclusion(other, proof.leaf, &proof.path, tree).is_err(), "not at another index");
        assert!(verify_inclusion(index, leaf(other), &proof.path, tree).is_err(), "not another entry");
    }
    if bend.other.size != tree.size {
        assert!(verify_inclusion(index, proof.leaf, &proof.path, bend.other).is_err(), "not in another tree");
    }
    if let Some(bent) = bend.proof(&proof.path) {
        assert!(verify_inclusion(index, proof.leaf, &bent, tree).is_err(), "a bent proof holds: {bend:?}");
    }
    match plan.finish(&bend.tiles(tiles)) {
        Ok(same) => assert_eq!(same, proof, "a bent tile yields the proof only where it is not used"),
        Err(error) => assert_eq!(error, PlanError::Inconsistent { size: tree.size }),
    }
}

fn consistency(old: u64, other: u64, tree: Head, bend: &Bend) {
    let plan = ConsistencyPlan::new(old, tree);
    assert!(plan.is_ok(), "an older tree can be proven: {plan:?}");
    let Ok(plan) = plan else { return };
    let tiles = TREE.fetch(plan.tiles());
    let proof = plan.finish(&tiles);
    assert!(proof.is_ok(), "the right tiles yield a proof: {proof:?}");
    let Ok(proof) = proof else { return };
    let older = TREE.head(old);
    assert_eq!(proof.old, older, "the tiles hold the older tree");
    assert_eq!(verify_consistency(older, tree, &proof.hashes), Ok(()));
    // No entries and all entries need no proof, so there the empty one shows both.
    let proven = |size| size != 0 && size != tree.size;
    if other != old && (proven(old) || proven(other)) {
        assert!(
            verify_consistency(TREE.head(other), tree, &proof.hashes).is_err(),
            "not of another old size"
        );
    }
    if proven(old) {
        let forged = Head { root: bend.hash(older.root), ..older };
        assert!(verify_consistency(forged, tree, &proof.hashes).is_err(), "another history is consistent");
    }
    if let Some(bent) = bend.proof(&proof.hashes) {
        assert!(verify_consistency(older, tree, &bent).is_err(), "a bent proof holds: {bend:?}");
    }
    match plan.finish(&bend.tiles(tiles)) {
        Ok(same) => assert_eq!(same, proof, "a bent tile yields the proof only where it is not used"),
        Err(error) => assert_eq!(error, PlanError::Inconsistent { size: tree.size }),
    }
}

fn subtree(start: u64, end: u64, tree: Head, bend: &Bend) {
    let plan = SubtreePlan::new(start, end, tree);
    assert!(plan.is_ok(), "a subtree of the tree can be proven: {plan:?}");
    let Ok(plan) = plan else { return };
    let tiles = TREE.fetch(plan.tiles());
    let proof = plan.finish(&tiles);
    assert!(proof.is_ok(), "the right tiles yield a proof: {proof:?}");
    let Ok(proof) = proof else { return };
    assert_eq!(verify_subtree(start, end, proof.hash, &proof.hashes, tree), Ok(()));
    let other = bend.hash(proof.hash);
    assert!(verify_subtree(start, end, other, &proof.hashes, tree).is_err(), "not with another hash");
    if let Some(bent) = bend.proof(&proof.hashes) {
        assert!(verify_subtree(start, end, proof.hash, &bent, tree).is_err(), "a bent proof holds: {bend:?}");
    }
    match plan.finish(&bend.tiles(tiles)) {
        Ok(same) => assert_eq!(same, proof, "a bent tile yields the proof only where it is not used"),
        Err(error) => assert_eq!(error, PlanError::Inconsistent { size: tree.size }),
    }
}

/// Something to spoil a proof with.
#[derive(Debug)]
struct Bend {
    kind: u64,
    at: u64,
    other: Head,
}

impl Bend {
    /// The proof, spoiled; `None` where that would change nothing.
    fn proof(&self, proof: &[Hash]) -> Option<Vec<Hash>> {
        let mut bent = proof.to_vec();
        let at = self.at as usize % (proof.len() + 1);
        match self.kind % 5 {
            0 => bent.insert(at, self.other.root),
            1 => bent.insert(at, *proof.get(at)?),
            2 => drop(bent.get(at).is_some().then(|| bent.remove(at))),
            3 => bent.swap(at.checked_sub(1)?, (at + self.other.size as usize) % proof.len()),
            _ => *bent.get_mut(at)? = self.hash(*proof.get(at)?),
        }
        (bent != proof).then_some(bent)
    }

    /// The hash with one bit flipped.
    fn hash(&self, hash: Hash) -> Hash {
        let mut bytes = *hash.as_bytes();
        bytes[self.at as usize % Hash::LEN] ^= 1 << (self.kind % 8);
        Hash::from_bytes(bytes)
    }

    /// The tiles with one bit flipped in one of them.
    fn tiles(&self, mut tiles: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let (count, at) = (tiles.len().max(1), self.at as usize);
        if let Some(tile) = tiles.get_mut(at % count) {
            let at = at / count % tile.len();
            tile[at] ^= 1 << (self.kind % 8);
        }
        tiles
    }
}

/// Numbers out of the input; 0 when it has ended.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn below(&mut self, bound: u64) -> u64 {
        let (four, rest) = self.0.split_at(self.0.len().min(4));
        self.0 = rest;
        four.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)) % bound.max(1)
    }
}

/// Hash of the entry of this index: its eight bytes, big-endian.
pub(crate) fn leaf(index: u64) -> Hash {
    Hash::leaf(&index.to_be_bytes())
}

/// What all of them ask.
pub(crate) static TREE: LazyLock<Tree> = LazyLock::new(Tree::new);

/// All hashes of the largest tree, level by level; each smaller tree's tiles are prefixes of these.
pub(crate) struct Tree(Vec<Vec<Hash>>);

impl Tree {
    fn new() -> Self {
        let mut levels = vec![(0..TREE_MAX).map(leaf).collect::<Vec<_>>()];
        while let Some(above) = levels.last().filter(|level| level.len() >= WIDTH as usize) {
            let above = above.chunks_exact(WIDTH as usize).map(root_of).collect();
            levels.push(above);
        }
        Self(levels)
    }

    /// The head when there were `size` entries.
    pub(crate) fn head(&self, size: u64) -> Head {
        let mut range = CompactRange::new();
        for (level, hashes) in self.0.iter().enumerate().rev() {
            let height = 8 * level as u32;
            let (from, to) = (range.size() >> height, size >> height);
            for hash in &hashes[from as usize..to as usize] {
                assert!(range.append_subtree(height, *hash), "levels are appended largest first");
            }
        }
        range.head()
    }

    /// The bytes of these tiles.
    pub(crate) fn fetch(&self, tiles: &[Tile]) -> Vec<Vec<u8>> {
        tiles.iter().map(|tile| self.bytes(*tile)).collect()
    }

    fn bytes(&self, tile: Tile) -> Vec<u8> {
        let first = (tile.index() * WIDTH) as usize;
        let hashes = &self.0[usize::from(tile.level())][first..first + usize::from(tile.width())];
        hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }
}
