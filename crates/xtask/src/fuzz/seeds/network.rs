//! Seeds for what logs, witnesses, monitors and mirrors send each other.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use testkit::vectors;
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::key::Signer;
use tlog::{Hash, Head};

use super::{Seeds, texts};

pub(super) fn add_checkpoints() -> Seeds {
    let generated = vectors::json("generated/add-checkpoint-sequence.json");
    let torchwood = vectors::json("torchwood/litewitness-add-checkpoint-transcript.json");
    let more = texts(&torchwood["steps"], |step| step["request_body"].as_str());
    texts(&generated["steps"], |step| step["body"].as_str()).into_iter().chain(more).collect()
}

/// With a proof, and of the whole tree, which needs none.
pub(super) fn sign_subtrees() -> Seeds {
    let note = vectors::text("generated/checkpoint-513.note");
    let hash = STANDARD.encode(Sha256::digest("subtree"));
    let root = note.lines().nth(2).unwrap_or_default();
    [format!("subtree 256 512\n{hash}\n{hash}\n{hash}\n\n{note}"), format!("subtree 0 513\n{root}\n\n{note}")]
        .map(String::into_bytes)
        .to_vec()
}

/// Lines of cosignatures, and sizes.
pub(super) fn witness_answers() -> Seeds {
    let note = vectors::text("generated/checkpoint-513.note");
    let lines = note.split_once("\n\n").map(|(_, lines)| lines.as_bytes().to_vec());
    lines.into_iter().chain([b"0\n".to_vec(), b"513\n".to_vec()]).collect()
}

/// A cosignature, a size, and words, each with its status and its type in front.
pub(super) fn witness_replies() -> Seeds {
    let answers = witness_answers().into_iter().map(|body| [&[0, 1][..], &body].concat());
    let others = [(4, 0, "513\n"), (4, 1, "another root\n"), (6, 1, "the proof does not hold\n"), (8, 2, "")];
    let others = others.map(|(status, kind, body)| [&[status, kind], body.as_bytes()].concat());
    answers.chain(others).collect()
}

/// One head, and two; by the log that the target knows, and by others.
pub(super) fn lists_of_heads() -> Seeds {
    let note = vectors::bytes("generated/checkpoint-513.note");
    let known = |size| known_head(size).map(|head| head.bytes().to_vec());
    let known: Seeds = [7, 8].into_iter().filter_map(known).collect();
    vec![note.clone(), known.join(&b'\n'), [known.concat(), note].join(&b'\n')]
}

/// A head of the log "log.example", whose seed several targets know.
fn known_head(size: u64) -> Option<SignedCheckpoint> {
    let log = Signer::from_seed("log.example".parse().ok()?, &[7; 32]);
    let head = Head { size, root: Hash::leaf(&size.to_be_bytes()) };
    Checkpoint::new(log.name().clone(), head).and_then(|made| made.sign(&log)).ok()
}

/// Honest ones, within one bundle and over the ends of bundles and of levels, and a part of one.
pub(super) fn uploads() -> Seeds {
    let ranges = [(0, 3, 1), (0, 0, 0), (250, 513, 3), (300, 310, 1), (65_500, 65_537, 2), (0, 70_000, 2)];
    ranges.map(|(start, end, packages)| tlog::fuzzing_mirror::known_upload(start, end, packages)).to_vec()
}

pub(super) fn mirror_infos() -> Seeds {
    ["513\n256\n\n", "513\n513\nYWI=\n"].map(Vec::from).to_vec()
}

/// The golden files.
pub(super) fn fork_proofs() -> Seeds {
    let file = |name: &str| fs::read(vectors::data().join("forks").join(name)).ok();
    ["one-size.fork-proof", "two-sizes.fork-proof"].into_iter().filter_map(file).collect()
}
