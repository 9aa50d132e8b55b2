//! Proofs in files: what is read, what is refused, and what a verified one says.

use tlog::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use tlog::encoding::EncodingError;
use tlog::note::NoteError;
use tlog::policy::{Policy, PolicyError};
use tlog::proof::ProofError;
use tlog::tlog_proof::{LINE_LEN_MAX, TlogProof, TlogProofError};
use tlog::{Hash, Head};

use crate::vectors::{LOG, bytes, name, signer, text, vkey, without_line};

const OF_513: &str = "generated/entry-300-of-513.tlog-proof";
const OF_1: &str = "generated/entry-0-of-1-extra.tlog-proof";

fn policy() -> Policy {
    Policy::parse(&bytes("generated/policy.txt")).unwrap()
}

#[test]
fn entry_300_of_513() {
    let proof = TlogProof::parse(bytes(OF_513)).unwrap();
    assert_eq!((proof.index(), proof.path().len(), proof.extra()), (300, 10, None));
    assert_eq!(proof.to_bytes(), bytes(OF_513));
    let receipt = proof.verify(Hash::leaf(b"entry 300"), &policy()).unwrap();
    assert_eq!((receipt.index(), receipt.leaf_hash()), (300, Hash::leaf(b"entry 300")));
    assert_eq!(receipt.checkpoint().signed().size(), 513);
    assert_eq!(receipt.checkpoint().witnesses().len(), 2);
}

#[test]
fn entry_0_of_1_with_extra_data() {
    let proof = TlogProof::parse(bytes(OF_1)).unwrap();
    assert_eq!((proof.index(), proof.path(), proof.extra()), (0, &[][..], Some(b"opaque extra".as_slice())));
    assert_eq!(proof.to_bytes(), bytes(OF_1));
    let log_only = Policy::log_only(vkey(LOG)).unwrap();
    let receipt = proof.verify(Hash::leaf(b"entry 0"), &log_only).unwrap();
    assert!(receipt.checkpoint().witnesses().is_empty());
    let quorum = "all-w".to_owned();
    let missing = PolicyError::NotEnoughCosignatures { quorum, have: 0, want: 2 };
    assert_eq!(proof.verify(Hash::leaf(b"entry 0"), &policy()).err(), Some(TlogProofError::Policy(missing)));
}

#[test]
fn nothing_else_is_proven() {
    let proof = TlogProof::parse(bytes(OF_513)).unwrap();
    let mismatch = Some(TlogProofError::Proof(ProofError::RootMismatch));
    assert_eq!(proof.verify(Hash::leaf(b"entry 301"), &policy()).err(), mismatch, "another entry");
    let leaf = Hash::leaf(b"entry 300");
    for (from, to, bend) in [
        ("index 300\n", "index 301\n", "the index next to it"),
        ("index 300\n", "index 0\n", "the first index"),
        ("qbKraFCT72DrwOF", "qbKraFCT72DrwOG", "another hash in the path"),
    ] {
        let moved = TlogProof::parse(text(OF_513).replacen(from, to, 1)).unwrap();
        assert_eq!(moved.verify(leaf, &policy()).err(), mismatch, "{bend}");
    }
    let last = TlogProof::parse(text(OF_513).replacen("index 300\n", "index 512\n", 1)).unwrap();
    assert_eq!(last.verify(leaf, &policy()).err(), Some(TlogProofError::Proof(ProofError::WrongLength)));
    let shorter = TlogProof::parse(without_line(&text(OF_513), 4)).unwrap();
    assert_eq!(shorter.verify(leaf, &policy()).err(), Some(TlogProofError::Proof(ProofError::WrongLength)));
    let grown =
        TlogProof::parse(text(OF_513).replacen("\n513\n", "\n514\n", 1)).unwrap().verify(leaf, &policy());
    assert!(matches!(grown, Err(TlogProofError::Policy(PolicyError::BadLogSignature(_)))), "{grown:?}");
}

#[test]
fn no_flipped_bit_is_believed() {
    let file = bytes(OF_513);
    let (leaf, policy) = (Hash::leaf(b"entry 300"), policy());
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verified = TlogProof::parse(flipped).and_then(|proof| proof.verify(leaf, &policy));
        assert!(verified.is_err(), "bit {} of byte {}", bit % 8, bit / 8);
    }
}

#[test]
fn files_that_are_no_proof() {
    let good = text(OF_1);
    let swap = |from: &str, to: &str| {
        assert!(good.contains(from), "{from:?} is in the file");
        good.replacen(from, to, 1)
    };
    let hash = format!("{}\n", Hash::EMPTY);
    let index = TlogProofError::Index;
    for (file, error, bend) in [
        (String::new(), TlogProofError::NoBlankLine, "nothing"),
        (swap("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"), TlogProofError::Magic, "another version"),
        (swap("c2sp.org/tlog-proof@v1\n", ""), TlogProofError::Magic, "no first line"),
        (format!("\n{good}"), TlogProofError::Magic, "a line feed before"),
        (
            swap("c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\r\n"),
            TlogProofError::Magic,
            "carriage return",
        ),
        (swap("extra b3Bh", "extra b3B"), TlogProofError::Extra(EncodingError::Base64), "extra cut"),
        (swap("extra b3Bh", "extra  b3Bh"), TlogProofError::Extra(EncodingError::Base64), "two spaces"),
        (swap("extra b3BhcXVlIGV4dHJh", "extra "), TlogProofError::ExtraEmpty, "an extra line with nothing"),
        (swap("extra ", "Extra "), TlogProofError::NoIndex, "another word"),
        (swap("extra ", "extra"), TlogProofError::NoIndex, "no space"),
        (swap("index 0\n", "extra AAAA\nindex 0\n"), TlogProofError::NoIndex, "extra twice"),
        (
            swap("extra b3BhcXVlIGV4dHJh\nindex 0\n", "index 0\nextra b3BhcXVlIGV4dHJh\n"),
            TlogProofError::Path(EncodingError::Base64),
            "extra after the index",
        ),
        (swap("index 0\n", ""), TlogProofError::NoIndex, "no index"),
        (swap("index 0\n", "index \n"), index(EncodingError::Decimal), "an empty index"),
        (swap("index 0\n", "index 00\n"), index(EncodingError::Decimal), "leading zero"),
        (swap("index 0\n", "index -1\n"), index(EncodingError::Decimal), "negative"),
        (swap("index 0\n", "index 9223372036854775808\n"), index(EncodingError::NumberTooLarge), "2^63"),
        (
            swap("index 0\n", "index 1\n"),
            TlogProofError::Proof(ProofError::IndexBeyondSize { index: 1, size: 1 }),
            "an index beyond the tree",
        ),
        (
            swap("index 0\n", "index 0\nAAAA\n"),
            TlogProofError::Path(EncodingError::Length { want: 32, have: 3 }),
            "a short hash",
        ),
        (
            swap("index 0\n", &format!("index 0\n{}", hash.replace("uFU=", "uFV="))),
            TlogProofError::Path(EncodingError::Base64),
            "a hash with bits after its end",
        ),
        (
            swap("index 0\n", &format!("index 0\n{}", hash.repeat(64))),
            TlogProofError::PathTooLong,
            "64 hashes",
        ),
        (swap("index 0\n\n", "index 0\n"), TlogProofError::Path(EncodingError::Base64), "no blank line"),
        (
            swap("index 0\n\n", "index 0\n\n\n"),
            TlogProofError::Checkpoint(CheckpointError::ExtensionLines),
            "two blank lines: the checkpoint starts with one and has four",
        ),
        (
            swap("\n1\n", "\n01\n"),
            TlogProofError::Checkpoint(CheckpointError::Size(EncodingError::Decimal)),
            "a checkpoint that is none",
        ),
        (
            good.trim_end().to_owned(),
            TlogProofError::Checkpoint(NoteError::NoSignatures.into()),
            "cut at the end",
        ),
        (format!("{good}\n"), TlogProofError::Checkpoint(NoteError::NoSignatures.into()), "a line feed more"),
    ] {
        assert_eq!(TlogProof::parse(file), Err(error), "{bend}");
    }
    let not_text = [b"c2sp.org/tlog-proof@v1\nextra \xff\nindex 0\n\n".as_slice(), b"x"].concat();
    assert_eq!(TlogProof::parse(not_text), Err(TlogProofError::NotUtf8));
}

fn checkpoint(size: u64) -> SignedCheckpoint {
    let head = Head { size, root: Hash::leaf(b"root") };
    Checkpoint::new(name("log.example"), head).unwrap().sign(&signer("log.example", 1)).unwrap()
}

#[test]
fn made_as_it_is_read() {
    let proof = TlogProof::new(3, vec![Hash::EMPTY; 63], &checkpoint(10)).unwrap();
    assert_eq!(TlogProof::parse(proof.to_bytes()).as_ref(), Ok(&proof));
    assert_eq!(TlogProof::new(3, vec![Hash::EMPTY; 64], &checkpoint(10)), Err(TlogProofError::PathTooLong));
    let beyond = ProofError::IndexBeyondSize { index: 10, size: 10 };
    assert_eq!(TlogProof::new(10, Vec::new(), &checkpoint(10)), Err(TlogProofError::Proof(beyond)));
}

#[test]
fn lines_stay_readable_for_go() {
    let proof = TlogProof::new(0, Vec::new(), &checkpoint(1)).unwrap();
    let most = proof.clone().with_extra(vec![0; TlogProof::EXTRA_LEN_MAX]).unwrap();
    let longest = most.to_string().split_inclusive('\n').map(str::len).max().unwrap();
    assert!((LINE_LEN_MAX - 4..=LINE_LEN_MAX).contains(&longest), "{longest}");
    assert_eq!(TlogProof::parse(most.to_bytes()), Ok(most));
    let too_much = proof.clone().with_extra(vec![0; TlogProof::EXTRA_LEN_MAX + 1]);
    assert_eq!(too_much, Err(TlogProofError::LineTooLong));
    let long_line = format!("extra {}\nindex 0", "A".repeat(LINE_LEN_MAX));
    let file = proof.to_string().replacen("index 0", &long_line, 1);
    assert_eq!(TlogProof::parse(file), Err(TlogProofError::LineTooLong));
    assert_eq!(proof.clone().with_extra(Vec::new()), Ok(proof), "no data, no line");
}
