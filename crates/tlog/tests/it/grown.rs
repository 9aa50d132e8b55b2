//! A log grown by integration, held against the generated vectors: resources by size, proofs at tile boundaries.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tlog::integrate::{Edge, Entry};
use tlog::plan::{ConsistencyPlan, InclusionPlan};
use tlog::proof::{verify_consistency, verify_inclusion};
use tlog::tile::{Resource, Tile, bundles_of, levels_of, tiles_of};
use tlog::{Hash, Head};

use crate::vectors::{hex, json, list, str};

/// All resources that a log of one size serves.
struct Grown {
    head: Head,
    resources: HashMap<Resource, Bytes>,
}

impl Grown {
    /// `entry 0`, `entry 1` and so on, integrated in one step.
    fn to(size: u64) -> Self {
        let entries: Vec<_> =
            (0..size).map(|i| Entry::new(format!("entry {i}").into()).expect("a small entry")).collect();
        let growth = Edge::default().integrate(&entries).expect("a small log");
        let tiles = growth.tiles.into_iter().map(|(tile, bytes)| (Resource::Tile(tile), bytes));
        let bundles = growth.bundles.into_iter().map(|(bundle, bytes)| (Resource::Bundle(bundle), bytes));
        let mut resources: HashMap<_, _> = tiles.chain(bundles).collect();
        for tile in tiles_of(size).filter(|tile| !tile.is_full()) {
            resources.insert(Resource::Tile(tile), growth.edge.tile(tile).expect("on the edge"));
        }
        for bundle in bundles_of(size).filter(|bundle| !bundle.is_full()) {
            resources.insert(Resource::Bundle(bundle), growth.edge.bundle(bundle).expect("on the edge"));
        }
        Self { head: growth.edge.head(), resources }
    }

    fn fetch(&self, tiles: &[Tile]) -> Vec<Bytes> {
        tiles.iter().map(|tile| self.resources[&Resource::Tile(*tile)].clone()).collect()
    }
}

fn number(case: &Value, field: &str) -> u64 {
    case[field].as_u64().expect("a number")
}

fn hashes(value: &Value) -> Vec<Hash> {
    list(value).iter().map(|hash| Hash::from_slice(&hex(hash)).expect("32 bytes")).collect()
}

#[test]
fn resources_of_the_vectors_at_every_size() {
    let vectors = json("generated/tiles-by-size.json");
    let mut checked = 0;
    for case in list(&vectors["sizes"]) {
        let size = number(case, "size");
        let grown = Grown::to(size);
        assert_eq!(grown.head.root.as_bytes()[..], hex(&case["root"]), "size {size}");
        assert_eq!(grown.head.root.to_string(), str(&case["root_b64"]), "size {size}");
        let levels = list(&case["levels"]);
        assert_eq!(levels.len(), usize::from(levels_of(size)), "levels of size {size}");
        for level in levels {
            let of_level = || tiles_of(size).filter(|tile| u64::from(tile.level()) == number(level, "level"));
            let full = of_level().filter(Tile::is_full).count() as u64;
            let partial = of_level().find(|tile| !tile.is_full()).map_or(0, |tile| u64::from(tile.width()));
            assert_eq!((full, partial), (number(level, "full_tiles"), number(level, "partial_width")));
        }
        for resource in list(&case["resources"]) {
            let path = str(&resource["path"]);
            let bytes = &grown.resources[&Resource::parse(path).expect("a path")];
            assert_eq!(bytes.len() as u64, number(resource, "len"), "{path} of size {size}");
            assert_eq!(Sha256::digest(bytes)[..], hex(&resource["sha256"]), "{path} of size {size}");
            checked += 1;
        }
    }
    assert_eq!((list(&vectors["sizes"]).len(), checked), (14, 71));
}

#[test]
fn paths_of_the_vectors() {
    let vectors = json("generated/tiles-by-size.json");
    let paths = vectors["path_encoding"].as_object().expect("an object");
    for (index, place) in paths {
        let index: u64 = index.parse().expect("a number");
        let tile = Tile::at(0, index, (index + 1) * 256).expect("a full tile");
        assert_eq!(tile.to_string(), format!("tile/0/{}", str(place)));
    }
    assert_eq!(paths.len(), 8);
}

#[test]
fn proofs_of_the_vectors_come_out_of_the_tiles() {
    let vectors = json("generated/proofs-70000.json");
    let mut logs = HashMap::new();
    for case in list(&vectors["inclusion"]) {
        let (index, size) = (number(case, "index"), number(case, "size"));
        let grown = logs.entry(size).or_insert_with(|| Grown::to(size));
        let plan = InclusionPlan::new(index, grown.head).unwrap();
        let proof = plan.finish(&grown.fetch(plan.tiles())).unwrap();
        assert_eq!(proof.path, hashes(&case["proof"]), "{index} of {size}");
        let leaf = Hash::leaf(format!("entry {index}").as_bytes());
        assert_eq!(verify_inclusion(index, leaf, &proof.path, grown.head), Ok(()));
    }
    for case in list(&vectors["consistency"]) {
        let (old, new) = (number(case, "old"), number(case, "new"));
        let older = logs.entry(old).or_insert_with(|| Grown::to(old)).head;
        let grown = logs.entry(new).or_insert_with(|| Grown::to(new));
        let plan = ConsistencyPlan::new(old, grown.head).unwrap();
        let proof = plan.finish(&grown.fetch(plan.tiles())).unwrap();
        assert_eq!(proof.hashes, hashes(&case["proof"]), "{old} to {new}");
        assert_eq!(proof.old, older);
        assert_eq!(verify_consistency(older, grown.head, &proof.hashes), Ok(()));
    }
    assert_eq!((list(&vectors["inclusion"]).len(), list(&vectors["consistency"]).len()), (9, 12));
}

#[test]
fn the_root_of_no_entries_is_that_of_the_vectors() {
    let ids = json("generated/ids.json");
    assert_eq!(Head::EMPTY.root.to_string(), str(&ids["empty_tree_root_b64"]));
    assert_eq!(Head::EMPTY.root.as_bytes()[..], hex(&ids["empty_tree_root_hex"]));
}
