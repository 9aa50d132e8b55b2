//! What is pushed to mirrors, good and bent at random, through the same functions that fuzzers drive.

use proptest::collection::vec;
use proptest::prelude::*;
use tlog::fuzzing_mirror as fuzzing;
use tlog::fuzzing_tree::TREE_MAX;

use crate::codecs::{bend, bent};

/// Sizes of the known log on both sides of where bundles and levels end.
const SIZES: [u64; 8] = [1, 3, 255, 256, 257, 513, 65_536, TREE_MAX];

#[test]
fn known_uploads_of_all_sizes_are_bodies() {
    for end in SIZES {
        for start in SIZES.into_iter().chain([0]).filter(|start| *start <= end) {
            let body = fuzzing::known_upload(start, end, 3);
            assert!(body.len() > 16);
            fuzzing::add_entries(&body);
        }
    }
}

#[test]
fn answers_of_mirrors_print_back() {
    for text in ["513\n256\n\n", "0\n0\nYWI=\n", "", "1\n2\n"] {
        fuzzing::mirror_info(text.as_bytes());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(data in vec(any::<u8>(), 0..200)) {
        fuzzing::add_entries(&data);
        fuzzing::mirror_info(&data);
    }

    #[test]
    fn nearly_honest_uploads(end in 1..600_u64, start in 0..600_u64, packages in 0..4_u64, bends in vec(bend(), 0..3)) {
        let body = fuzzing::known_upload(start.min(end), end, packages);
        fuzzing::add_entries(&bent(body, &bends));
    }

    #[test]
    fn bent_answers_print_back_or_are_refused(size: u64, next: u64, bends in vec(bend(), 0..3)) {
        fuzzing::mirror_info(&bent(format!("{size}\n{next}\n\n").into_bytes(), &bends));
    }
}
