//! What logs, witnesses and monitors send each other, good and bent at random, through the same functions that fuzzers drive;
//! and the golden fork proofs.

use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tlog::cosignature::{Cosigner, Timestamp};
use tlog::fork::ForkProof;
use tlog::fuzzing_network as fuzzing;
use tlog::witness::{AddCheckpoint, SignSubtree};
use tlog::{Hash, Head};

use crate::codecs::{bend, bent};
use crate::fork::{of_one_size, of_two_sizes};
use crate::history::{History, SIZE_MAX};
use crate::vectors::{json, list, name, signer, str, text};

fn every_parser(data: &[u8]) {
    fuzzing::add_checkpoint(data);
    fuzzing::sign_subtree(data);
    fuzzing::witness_answer(data);
    fuzzing::fork_proof(data);
}

/// Every text of the vectors and of the tests that some parser here takes.
fn texts() -> Vec<Vec<u8>> {
    let generated = json("generated/add-checkpoint-sequence.json");
    let torchwood = json("torchwood/litewitness-add-checkpoint-transcript.json");
    let bodies = list(&generated["steps"]).iter().map(|step| str(&step["body"]).to_owned());
    let others = list(&torchwood["steps"]).iter().map(|step| str(&step["request_body"]).to_owned());
    let note = text("generated/checkpoint-513.note");
    let (_, answer) = note.split_once("\n\n").unwrap();
    let forks = [of_one_size().to_string(), of_two_sizes().to_string()];
    let more = [answer.to_owned(), sign_subtree(8, 13, 13), "513\n".into()];
    bodies.chain(others).chain(forks).chain(more).map(String::into_bytes).collect()
}

/// An honest request over a subtree of the log "log.example".
fn sign_subtree(start: u64, end: u64, size: u64) -> String {
    let history = History::honest();
    let signed = history.signed(size, &signer("log.example", 1));
    SignSubtree::new(history.subtree(start, end, size), &signed).unwrap().to_string()
}

#[test]
fn texts_of_the_network_print_back() {
    texts().iter().for_each(|text| every_parser(text));
}

/// What the fuzzers' own witness signs is believed there, so that part of the function is reached.
#[test]
fn the_known_witness_of_the_network_is_known() {
    let witness = Cosigner::ml_dsa_44(name("w.example"), &[7; 32]);
    let head = Head { size: 513, root: Hash::leaf(b"root") };
    let checkpoint = tlog::checkpoint::Checkpoint::new(name("log.example"), head).unwrap();
    let line = witness.cosign(&checkpoint, Timestamp::from_seconds(7).unwrap());
    fuzzing::witness_answer(line.to_string().as_bytes());
}

/// The files that other programs are to read for ever. `DEEDBOOK_BLESS=1` writes them anew.
#[test]
fn golden_fork_proofs() {
    for (file, proof) in [("one-size", of_one_size()), ("two-sizes", of_two_sizes())] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join(format!("../../tests/data/forks/{file}.fork-proof"));
        if std::env::var_os("DEEDBOOK_BLESS").is_some() {
            std::fs::write(&path, proof.to_string()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), proof.to_string(), "{file}");
        assert!(ForkProof::parse(&std::fs::read(&path).unwrap()).unwrap().verify().unwrap().log_is_guilty());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(data in vec(any::<u8>(), 0..200)) {
        every_parser(&data);
    }

    /// Honest requests and nearly honest ones: another old size, another history's proof, a bent hash.
    #[test]
    fn nearly_honest_requests(
        sizes in [0..=SIZE_MAX, 0..=SIZE_MAX, 0..=SIZE_MAX],
        fork in proptest::option::of(0..SIZE_MAX),
        bend in proptest::option::of(any::<Index>()),
    ) {
        let [old, new, other] = sizes;
        let (old, new) = (old.min(new), old.max(new));
        let history = fork.map_or_else(History::honest, |fork| History::honest().forked_at(fork));
        let mut proof = history.consistency(old, new).hashes;
        if let (Some(at), false) = (bend, proof.is_empty()) {
            let at = at.index(proof.len());
            proof[at] = Hash::EMPTY;
        }
        let signed = History::honest().signed(new, &signer("log.example", 1));
        for old in [old, other] {
            let request = AddCheckpoint::new(old, proof.clone(), &signed).unwrap();
            fuzzing::add_checkpoint(request.to_string().as_bytes());
        }
    }

    #[test]
    fn nearly_honest_subtrees(at in 0..SIZE_MAX, bits in 0..8_u32, size in 0..SIZE_MAX, bend in 0..3_u64) {
        let (start, end) = (at >> bits << bits, at + 1);
        let body = sign_subtree(start, end, size.max(end));
        fuzzing::sign_subtree(body.as_bytes());
        let bent = body.replacen(&format!("subtree {start} "), &format!("subtree {} ", start + bend), 1);
        fuzzing::sign_subtree(bent.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn bent_texts_print_back_or_are_refused(text in select(texts()), bends in vec(bend(), 1..4)) {
        every_parser(&bent(text, &bends));
    }
}
