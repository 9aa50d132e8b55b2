//! Checkpoints: three lines, and the log's name on the log's signature.

use bytes::Bytes;
use tlog::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use tlog::encoding::EncodingError;
use tlog::key::{KeyNameError, KeyType, Signer};
use tlog::note::{Note, NoteError, OpenError, SignatureError};
use tlog::{Hash, Head, SIZE_MAX};

use crate::vectors::{LOG, bytes, cosigner, hex, json, list, name, signer, str, text, vkey};

const TESTLOG: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";

#[test]
fn cases_of_the_vectors() {
    let vectors = json("generated/checkpoint-parse.json");
    let mut extended = 0;
    for case in list(&vectors["cases"]) {
        let (desc, text) = (str(&case["desc"]), str(&case["text"]));
        let parsed = Checkpoint::parse(text);
        match case["accept"].as_bool() {
            // The specification allows extension lines and advises against them; our profile has none.
            Some(true) if text.lines().count() > 3 => {
                assert_eq!(parsed, Err(CheckpointError::ExtensionLines), "{desc}");
                extended += 1;
            }
            Some(true) => assert_eq!(parsed.unwrap().to_string(), text, "{desc}"),
            Some(false) => assert!(parsed.is_err(), "{desc}"),
            // Implementations differ here. We refuse: a Go program with int64 could not read what we sign.
            None => assert_eq!(parsed, Err(CheckpointError::Size(EncodingError::NumberTooLarge)), "{desc}"),
        }
    }
    assert_eq!((list(&vectors["cases"]).len(), extended), (18, 1));
}

#[test]
fn texts_that_are_no_checkpoint() {
    const ROOT: &str = "eNZ0zD3mmFwl1kdju5aKzwItgn68EVhYSmYpuuvEwxw=";
    let length = |have| CheckpointError::Root(EncodingError::Length { want: 32, have });
    for (text, error, bend) in [
        (String::new(), CheckpointError::Lines, "nothing"),
        ("\n".into(), CheckpointError::Lines, "a line feed"),
        ("log\n513\n".into(), CheckpointError::Lines, "no root"),
        (format!("log\n513\n{ROOT}"), CheckpointError::Lines, "no line feed at the end"),
        (format!("log\n513\n{ROOT}\next\n"), CheckpointError::ExtensionLines, "an extension line"),
        (format!("log\n513\n{ROOT}\n\n"), CheckpointError::ExtensionLines, "an empty extension line"),
        (format!("\n513\n{ROOT}\n"), CheckpointError::Origin(KeyNameError::Empty), "no origin"),
        (
            format!("a log\n513\n{ROOT}\n"),
            CheckpointError::Origin(KeyNameError::Character { found: ' ' }),
            "an origin that cannot be the name of a key",
        ),
        (format!("log\n0513\n{ROOT}\n"), CheckpointError::Size(EncodingError::Decimal), "leading zero"),
        (format!("log\n\n{ROOT}\n"), CheckpointError::Size(EncodingError::Decimal), "no size"),
        ("log\n513\nAAAA\n".into(), length(3), "a short root"),
        (format!("log\n513\n{}\n", "A".repeat(44)), length(33), "a long root"),
        ("log\n513\n\n".into(), length(0), "an empty root"),
        (
            format!("log\n513\n{ROOT} \n"),
            CheckpointError::Root(EncodingError::Base64),
            "space after the root",
        ),
        (format!("log\n0\n{ROOT}\n"), CheckpointError::EmptyTreeRoot, "no entries, yet another root"),
    ] {
        assert_eq!(Checkpoint::parse(&text), Err(error), "{bend}");
    }
    let head = Head { size: SIZE_MAX + 1, root: Hash::EMPTY };
    let too_large = Checkpoint::new(name("log"), head);
    assert_eq!(too_large, Err(CheckpointError::Size(EncodingError::NumberTooLarge)));
}

#[test]
fn signing_gives_the_bytes_of_the_vectors() {
    let vectors = json("generated/checkpoint-513.json");
    let signed_note = text("generated/checkpoint-513.note");
    assert_eq!(signed_note, str(&vectors["signed_note"]));
    let signer = Signer::from_skey(str(&vectors["keys"]["log"]["skey"])).unwrap();
    let checkpoint = Checkpoint::parse(str(&vectors["note_text"])).unwrap();
    assert_eq!(checkpoint.to_string().into_bytes(), hex(&vectors["log_signed_message_hex"]));
    let signed = checkpoint.sign(&signer).unwrap();
    let first_line = signed_note.split_inclusive('\n').take(5).collect::<String>();
    assert_eq!(signed.bytes(), first_line.as_bytes());
    assert_eq!(SignedCheckpoint::open(first_line, signer.verifier_key()), Ok(signed));
}

#[test]
fn other_lines_are_kept_and_not_looked_at() {
    let note = bytes("generated/checkpoint-513.note");
    let signed = SignedCheckpoint::open(note.clone(), &vkey(LOG)).unwrap();
    assert_eq!((signed.size(), signed.origin().as_str()), (513, "log.example.org/agents-1"));
    assert_eq!(signed.bytes(), &note);
    let names: Vec<_> = signed.signatures().iter().map(|line| line.name().as_str()).collect();
    let [log, w1, w2, pq] = names[..] else { panic!("four lines, not {names:?}") };
    assert_eq!(
        [log, w1, w2, pq].map(|name| name.rsplit('/').next()),
        ["agents-1", "w1", "w2", "pq"].map(Some)
    );
}

#[test]
fn every_checkpoint_of_the_tessera_log_opens() {
    let key = vkey(TESTLOG);
    for size in 0..=15 {
        let note = bytes(&format!("tessera-testlog/testdata/log/checkpoint.{size}"));
        let signed = SignedCheckpoint::open(note.clone(), &key).unwrap();
        assert_eq!((signed.size(), signed.bytes()), (size, &Bytes::from(note)));
        assert_eq!(signed.root() == Hash::EMPTY, size == 0);
    }
    let newest = SignedCheckpoint::open(bytes("tessera-testlog/testdata/log/checkpoint"), &key).unwrap();
    assert_eq!(newest.size(), 15);
}

#[test]
fn a_log_signs_under_its_own_name_only() {
    let (log, other) = (signer("log.example", 1), signer("other.example", 2));
    let checkpoint = Checkpoint::new(name("log.example"), Head::EMPTY).unwrap();
    let wrong = CheckpointError::WrongOrigin { origin: name("log.example"), expected: name("other.example") };
    assert_eq!(checkpoint.sign(&other), Err(wrong.clone()));
    // Even a note that the other log did sign is not the other log's checkpoint.
    let note = Note::sign(checkpoint.to_string(), &other).unwrap().to_string();
    assert_eq!(SignedCheckpoint::open(note, other.verifier_key()), Err(wrong));
    let signed = checkpoint.sign(&log).unwrap();
    let impostor = signer("log.example", 2);
    let unknown = SignedCheckpoint::open(signed.bytes().clone(), impostor.verifier_key());
    assert_eq!(
        unknown,
        Err(CheckpointError::Signature(OpenError::NoKnownSignature)),
        "same name, another key"
    );
    let witness = cosigner("log.example", 3);
    let not_a_log = SignedCheckpoint::open(signed.bytes().clone(), witness.verifier_key());
    assert_eq!(not_a_log, Err(CheckpointError::NotALogKey { key_type: KeyType::Cosignature }));
}

#[test]
fn no_flipped_bit_goes_unnoticed() {
    let key = vkey(TESTLOG);
    let note = bytes("tessera-testlog/testdata/log/checkpoint");
    for bit in 0..note.len() * 8 {
        let mut flipped = note.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(SignedCheckpoint::open(flipped, &key).is_err(), "bit {} of byte {}", bit % 8, bit / 8);
    }
}

#[test]
fn an_altered_checkpoint_is_told_from_a_strangers() {
    let grown = text("generated/checkpoint-513.note").replace("\n513\n", "\n514\n");
    let key = vkey(LOG);
    let (name, id, cause) = (key.name().clone(), key.id(), SignatureError::Mismatch);
    let bad = OpenError::BadSignature { name, id, cause };
    assert_eq!(SignedCheckpoint::open(grown, &key), Err(CheckpointError::Signature(bad)));
}

#[test]
fn cosignatures_are_added_after_the_lines_there_are() {
    let log = signer("log.example", 1);
    let signed = Checkpoint::new(name("log.example"), Head::EMPTY).unwrap().sign(&log).unwrap();
    let time = tlog::cosignature::Timestamp::from_seconds(1).unwrap();
    let line = cosigner("w.example", 2).cosign(signed.checkpoint(), time);
    let cosigned = signed.with_signatures([line.clone()]).unwrap();
    assert_eq!(cosigned.bytes(), format!("{}{line}", String::from_utf8_lossy(signed.bytes())).as_bytes());
    assert_eq!(SignedCheckpoint::open(cosigned.bytes().clone(), log.verifier_key()).as_ref(), Ok(&cosigned));
    assert!(matches!(cosigned.with_signatures([line]), Err(NoteError::DuplicateSignature { .. })));
}
