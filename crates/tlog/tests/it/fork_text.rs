//! Fork proofs as files: what is read, what is refused, and that nothing bent accuses anybody.

use proptest::prelude::*;
use tlog::Hash;
use tlog::checkpoint::CheckpointError;
use tlog::encoding::EncodingError;
use tlog::fork::{FORK_PROOF_LEN_MAX, ForkError, ForkProof};
use tlog::key::{KeyError, KeyType};
use tlog::note::{NoteError, SignatureError};
use tlog::proof::ProofError;

use crate::codecs::{bend, bent};
use crate::fork::{keys, of_one_size, of_two_sizes};
use crate::history::History;
use crate::vectors::{cosigner, name, signer, without_line};

#[test]
fn a_proof_is_printed_and_read() {
    for proof in [of_one_size(), of_two_sizes()] {
        let file = proof.to_string();
        assert_eq!(ForkProof::parse(file.as_bytes()).as_ref(), Ok(&proof));
        assert_eq!(ForkProof::parse(file.as_bytes()).unwrap().verify(), proof.verify());
    }
    let file = of_two_sizes().to_string();
    let forked = History::honest().forked_at(3);
    let [log, ..] = &keys()[..] else { panic!("a log's key comes first") };
    let start = format!("deedbook-fork-proof/1\nlog {log}\nroot {}\n", forked.head(5).root);
    assert!(file.starts_with(&start), "{file}");
    assert!(file.contains("\n\nlog.example\n5\n") && file.contains("\n\nlog.example\n9\n"), "{file}");
}

/// The file with one piece exchanged.
fn swap(file: &str, from: &str, to: &str) -> String {
    assert!(file.contains(from), "{from:?} is in the file");
    file.replacen(from, to, 1)
}

/// The file with the two checkpoints exchanged.
fn turned(file: &str) -> String {
    let parts: Vec<_> = file.trim_end().split("\n\n").collect();
    format!("{}\n", [parts[0], parts[3], parts[4], parts[1], parts[2]].join("\n\n"))
}

#[test]
fn files_that_are_no_fork_proof() {
    let (one, two) = (of_one_size().to_string(), of_two_sizes().to_string());
    let keys = keys();
    let [log, w1, w2] = [0, 1, 2].map(|at| keys[at].to_string());
    let stranger = cosigner("a.example", 9).verifier_key().to_string();
    let root = History::honest().forked_at(3).head(5).root;
    let key_type = |line, key_type| ForkError::KeyType { line, key_type };
    let lines = |text: &str| text.lines().count();
    for (file, error, bend) in [
        (String::new(), ForkError::Magic, "nothing"),
        (swap(&two, "proof/1", "proof/2"), ForkError::Magic, "another version"),
        (without_line(&two, 0), ForkError::Magic, "no first line"),
        (format!("{two}\n"), ForkError::Layout, "a line feed at the end"),
        (format!("{two}\nmore"), ForkError::Layout, "more"),
        (two.trim_end().to_owned(), head(2, NoteError::NoSignatures), "no line feed at the end"),
        (two.split("\n\nlog.example\n9").next().unwrap().to_owned(), ForkError::Layout, "one checkpoint"),
        (swap(&two, "\nlog ", "\nlogs "), ForkError::Layout, "another word"),
        (swap(&two, "\nlog ", "\n log "), ForkError::Layout, "a space"),
        (swap(&two, "\nlog ", "\nwitness "), key_type(2, KeyType::Ed25519), "a log as a witness"),
        (swap(&one, "\nwitness ", "\nlog "), key_type(3, KeyType::Cosignature), "a witness as a log"),
        (swap(&one, &w1, &w2), ForkError::KeyOrder { line: 4 }, "a key twice"),
        (
            swap(&one, &format!("witness {w1}\nwitness {w2}"), &format!("witness {w2}\nwitness {w1}")),
            ForkError::KeyOrder { line: 4 },
            "keys in another order",
        ),
        (
            swap(&one, &format!("log {log}\nwitness {w1}"), &format!("witness {w1}\nlog {log}")),
            ForkError::Layout,
            "a witness first",
        ),
        (
            swap(&two, &log, &log.replace("+A", "+B")),
            ForkError::Key { line: 2, cause: KeyError::UnknownType(5) },
            "an unknown type of key",
        ),
        (
            swap(&two, "root ", "root  "),
            ForkError::Hash { line: 3, cause: EncodingError::Base64 },
            "two spaces",
        ),
        (
            swap(&two, &root.to_string(), "AAAA"),
            ForkError::Hash { line: 3, cause: EncodingError::Length { want: 32, have: 3 } },
            "a short root",
        ),
        (
            swap(&two, &format!("root {root}\n"), &format!("root {root}\n!\n")),
            ForkError::Hash { line: 4, cause: EncodingError::Base64 },
            "no hash",
        ),
        (
            swap(
                &two,
                &format!("root {root}\n"),
                &format!("root {root}\n{}", format!("{}\n", Hash::EMPTY).repeat(64)),
            ),
            ForkError::TooManyHashes,
            "64 hashes",
        ),
        (swap(&two, &format!("root {root}\n"), ""), ForkError::Layout, "a proof without a root"),
        (swap(&one, "\n\n", &format!("\nroot {root}\n\n")), ForkError::NeedlessProof, "a proof of one size"),
        (turned(&two), ForkError::HeadOrder, "the larger head first"),
        (turned(&one), ForkError::HeadOrder, "the larger root first"),
        (
            swap(&two, "log.example\n9", "log.example\n09"),
            head(2, CheckpointError::Size(EncodingError::Decimal)),
            "a number in another spelling",
        ),
        (
            swap(&two, "log.example\n9", "logs.example\n9"),
            ForkError::TwoOrigins { first: name("log.example"), second: name("logs.example") },
            "another log",
        ),
        (
            format!("{two}{}", "x".repeat(FORK_PROOF_LEN_MAX)),
            ForkError::TooLong { have: two.len() + FORK_PROOF_LEN_MAX },
            "long",
        ),
    ] {
        assert_eq!(ForkProof::parse(file.as_bytes()).err(), Some(error), "{bend}");
    }
    assert_eq!(ForkProof::parse(b"deedbook-fork-proof/1\n\n\xff"), Err(ForkError::NotUtf8));
    let other_log = signer("other.example", 5).verifier_key().to_string();
    let unrelated = swap(&two, &format!("log {log}\n"), &format!("log {log}\nlog {other_log}\n"));
    let error = ForkError::OtherLog { name: name("other.example"), origin: name("log.example") };
    assert_eq!(ForkProof::parse(unrelated.as_bytes()), Err(error));
    let proof = |file: &str| ForkProof::parse(file.as_bytes()).and_then(|proof| proof.verify());
    let idle = swap(&one, "witness ", &format!("witness {stranger}\nwitness "));
    let id = cosigner("a.example", 9).verifier_key().id();
    assert_eq!(proof(&idle), Err(ForkError::IdleKey { name: name("a.example"), id }));
    let strange = swap(&one, &format!("witness {w2}\n"), "");
    assert_eq!(proof(&strange), Err(ForkError::StrangeLine { name: name("w2.example"), id: keys[2].id() }));
    let no_heads_line = without_line(&two, lines(&two) - 1);
    assert!(proof(&no_heads_line).is_err());
}

fn head(number: u8, cause: impl Into<CheckpointError>) -> ForkError {
    ForkError::Head { number, cause: cause.into() }
}

#[test]
fn proofs_of_which_something_does_not_hold() {
    let (one, two) = (of_one_size().to_string(), of_two_sizes().to_string());
    let proof = |file: &str| ForkProof::parse(file.as_bytes()).and_then(|proof| proof.verify()).unwrap_err();
    let root = History::honest().forked_at(3).head(5).root.to_string();
    let honest = History::honest().head(5).root.to_string();
    assert_eq!(proof(&swap(&two, &root, &honest)), ForkError::Proof(ProofError::OldRootMismatch));
    let shorter = without_line(&two, 3);
    assert_eq!(proof(&shorter), ForkError::Proof(ProofError::WrongLength));
    let (name, id) = (name("log.example"), keys()[0].id());
    let bad = ForkError::BadLine { name, id, cause: SignatureError::Mismatch };
    let another_head = swap(&one, "log.example\n5\n", "log.example\n4\n");
    assert_eq!(proof(&another_head), ForkError::NoProof);
    let another_root = swap(&two, &format!("5\n{honest}"), &format!("5\n{}", Hash::EMPTY));
    assert_eq!(proof(&another_root), bad);
    // The lines of the first head, in another order than the keys.
    let parts: Vec<_> = one.split("\n\n").collect();
    let mut lines: Vec<_> = parts[2].lines().collect();
    lines.reverse();
    let reordered = one.replacen(parts[2], &lines.join("\n"), 1);
    assert_eq!(proof(&reordered), ForkError::LineOrder);
}

#[test]
fn no_flipped_bit_accuses_anybody_else() {
    let file = of_two_sizes().to_string().into_bytes();
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verified = ForkProof::parse(&flipped).and_then(|proof| proof.verify());
        assert!(verified.is_err(), "bit {} of byte {}", bit % 8, bit / 8);
    }
}

proptest! {
    #[test]
    fn bent_proofs_are_refused_or_mean_the_same(
        bends in proptest::collection::vec(bend(), 1..4),
        two_sizes: bool,
    ) {
        let proof = if two_sizes { of_two_sizes() } else { of_one_size() };
        let file = bent(proof.to_string().into_bytes(), &bends);
        if let Ok(read) = ForkProof::parse(&file) {
            prop_assert_eq!(read.to_string().into_bytes(), file, "what is read prints back");
            prop_assert!(read.verify().is_err() || read == proof);
        }
    }
}
