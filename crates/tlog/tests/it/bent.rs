//! Paths, bundles, cosignatures and proofs, good and bent at random, through the same functions that fuzzers drive.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tlog::fuzzing_tree as fuzzing;

use crate::vectors::{json, list, str, text};

/// The bytes that [`fuzzing::prove_then_verify`] reads as these numbers.
fn question(numbers: [u32; 10]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Sizes: any, and those around which tiles and levels begin and end.
fn size() -> impl Strategy<Value = u32> {
    let edges =
        [0, 1, 2, 255, 256, 257, 511, 512, 513, 65_279, 65_280, 65_535, 65_536, 65_537, 65_792, 70_000];
    prop_oneof![select(edges.to_vec()), 0..=70_000_u32, 0..600_u32]
}

/// Lines of signatures in the vectors, by witnesses of every type, without their line feeds.
fn signature_lines() -> Vec<String> {
    let note = text("generated/checkpoint-513.note");
    let lines = note.lines().filter(|line| line.starts_with('\u{2014}')).map(str::to_owned);
    let subtree = str(&json("generated/checkpoint-513.json")["pq_subtree_line"]).trim_end().to_owned();
    lines.chain([subtree]).collect()
}

/// Paths of the vectors, and places of indexes that no log here reaches.
fn paths() -> Vec<String> {
    let vectors = json("generated/tiles-by-size.json");
    let resources = list(&vectors["sizes"]).iter().flat_map(|size| list(&size["resources"]));
    let places = vectors["path_encoding"].as_object().expect("an object").values();
    let far = places.map(|place| format!("tile/63/{}", str(place)));
    resources.map(|resource| str(&resource["path"]).to_owned()).chain(far).collect()
}

#[test]
fn paths_and_signature_lines_of_the_vectors_print_back() {
    paths().iter().for_each(|path| fuzzing::path(path.as_bytes()));
    signature_lines().iter().for_each(|line| fuzzing::cosignature(line.as_bytes()));
}

/// A witness that this module's functions know: its own cosignature is believed, so that part of them is reached.
#[test]
fn the_known_witness_is_known() {
    let witness = tlog::cosignature::Cosigner::from_seed("w.example".parse().unwrap(), &[7; 32]);
    let head = tlog::Head { size: 513, root: tlog::Hash::leaf(b"root") };
    let checkpoint = tlog::checkpoint::Checkpoint::new("log.example".parse().unwrap(), head).unwrap();
    let time = tlog::cosignature::Timestamp::from_seconds(1_767_225_600).unwrap();
    let line = witness.cosign(&checkpoint, time).to_string();
    fuzzing::cosignature(line.trim_end().as_bytes());
}

#[test]
fn questions_at_the_edges_of_the_input() {
    fuzzing::prove_then_verify(&[]);
    fuzzing::prove_then_verify(&question([u32::MAX; 10]));
}

proptest! {
    #[test]
    fn proofs_hold_and_bent_ones_do_not(
        sizes in [size(), size()],
        bend: [u32; 2],
        near in [size(), size(), size(), size(), size()],
        which: u32,
    ) {
        let [size, other_size] = sizes;
        let [index, other, old, older, end] = near;
        let [kind, at] = bend;
        fuzzing::prove_then_verify(&question([size, other_size, kind, at, index, other, old, older, end, which]));
    }

    #[test]
    fn any_bytes_are_survived(data in vec(any::<u8>(), 0..100)) {
        fuzzing::path(&data);
        fuzzing::entry_bundle(&data);
        fuzzing::cosignature(&data);
        fuzzing::prove_then_verify(&data);
    }

    #[test]
    fn nearly_bundles(data in vec(prop_oneof![3 => Just(0_u8), 2 => 0..4_u8, 1 => any::<u8>()], 0..80)) {
        fuzzing::entry_bundle(&data);
    }

    #[test]
    fn nearly_paths(path in select(paths()), at: Index, with in "[0-9x/.p]{0,4}", cut in 0..4_usize) {
        let at = at.index(path.len() + 1);
        let end = (at + cut).min(path.len());
        let bent = format!("{}{with}{}", &path[..at], &path[end..]);
        fuzzing::path(bent.as_bytes());
    }

    #[test]
    fn nearly_cosignatures(line in select(signature_lines()), at: Index, byte in select(b" +/=AQ09az\xe2".to_vec())) {
        let mut line = line.into_bytes();
        let at = at.index(line.len());
        line[at] = byte;
        fuzzing::cosignature(&line);
    }
}
