//! Cosignatures: the exact messages, the place of the time, and what does not count.

use tlog::checkpoint::Checkpoint;
use tlog::cosignature::{Cosigner, Subtree, Timestamp};
use tlog::key::{KeyType, VerifierKey};
use tlog::note::{Note, OpenError, SignatureError, SignatureLine};
use tlog::policy::{Policy, PolicyError};
use tlog::{Hash, Head};

use crate::vectors::{cosigner, hex, json, name, signer, str, text, tree_cosigner, vkey};

fn time(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

#[test]
fn witnesses_of_the_vectors() {
    let vectors = json("generated/checkpoint-513.json");
    let note = Note::parse(text("generated/checkpoint-513.note").as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    for (witness, line) in [("w1", 1), ("w2", 2)] {
        let seconds = vectors[format!("{witness}_time")].as_u64().unwrap();
        let cosigner = Cosigner::from_skey(str(&vectors["keys"][witness]["skey_04"])).unwrap();
        assert_eq!(cosigner.cosign(&checkpoint, time(seconds)), note.signatures()[line], "{witness}");
        let opened = note.open([cosigner.verifier_key()]).unwrap();
        assert_eq!(opened.signatures()[0].time(), Some(time(seconds)), "{witness}");
        assert_eq!(note.signatures()[line].signature()[..8], seconds.to_be_bytes(), "{witness}: big endian");
    }
}

#[test]
fn ml_dsa_over_the_whole_tree() {
    let vectors = json("generated/checkpoint-513.json");
    let note = Note::parse(text("generated/checkpoint-513.note").as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    let key = vkey(str(&vectors["keys"]["pq"]["vkey"]));
    let when = time(vectors["pq_time"].as_u64().unwrap());
    let whole = Subtree::whole(&checkpoint);
    assert_eq!(whole.message(key.name(), when), hex(&vectors["pq_cosigned_message_hex"]));
    assert_eq!(whole.verify(&note.signatures()[3], &key), Ok(when));
    assert_eq!(note.open([&key]).unwrap().signatures()[0].time(), Some(when));
}

#[test]
fn ml_dsa_over_a_subtree() {
    let vectors = json("generated/checkpoint-513.json");
    let message = hex(&vectors["pq_subtree_256_512_cosigned_message_hex"]);
    let key = vkey(str(&vectors["keys"]["pq"]["vkey"]));
    let origin = name(str(&vectors["origin"]));
    let hash = Hash::from_slice(&message[message.len() - 32..]).unwrap();
    let subtree = Subtree { origin: &origin, start: 256, end: 512, hash };
    assert_eq!(subtree.message(key.name(), time(0)), message);
    let line = SignatureLine::parse(str(&vectors["pq_subtree_line"]).trim_end()).unwrap();
    assert_eq!(subtree.verify(&line, &key), Ok(time(0)));
    for (other, bend) in [
        (Subtree { start: 0, ..subtree }, "start"),
        (Subtree { end: 511, ..subtree }, "end"),
        (Subtree { hash: Hash::EMPTY, ..subtree }, "hash"),
        (Subtree { origin: &name("log.example.org/agents-2"), ..subtree }, "origin"),
    ] {
        assert_eq!(other.verify(&line, &key), Err(SignatureError::Mismatch), "another {bend}");
    }
    let w1 = vkey(str(&vectors["keys"]["w1"]["vkey"]));
    assert_eq!(subtree.verify(&line, &w1), Err(SignatureError::OtherKey));
}

/// The generated signatures are of the hedged variant, so it is the verdict that is compared, and the messages above.
#[test]
fn ml_dsa_signs_the_same_messages() {
    let vectors = json("generated/checkpoint-513.json");
    let seed: [u8; 32] = hex(&vectors["keys"]["pq"]["mldsa44_seed"]).try_into().unwrap();
    let witness = Cosigner::ml_dsa_44(name("witness.example.com/pq"), &seed);
    let key = vkey(str(&vectors["keys"]["pq"]["vkey"]));
    let note = Note::parse(text("generated/checkpoint-513.note").as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    let when = time(vectors["pq_time"].as_u64().unwrap());
    let line = witness.cosign(&checkpoint, when);
    assert_eq!(line, witness.cosign(&checkpoint, when), "signing is deterministic");
    assert_eq!(Subtree::whole(&checkpoint).verify(&line, &key), Ok(when));
    let cosigned = Note::new(note.text().to_owned(), vec![line]).unwrap();
    assert_eq!(cosigned.open([&key]).unwrap().signatures()[0].time(), Some(when));
    let origin = name(str(&vectors["origin"]));
    let subtree = Subtree { origin: &origin, start: 256, end: 512, hash: Hash::EMPTY };
    let line = witness.cosign_subtree(&subtree).unwrap();
    assert_eq!(subtree.verify(&line, &key), Ok(Timestamp::NONE));
    assert_eq!(cosigner("w.example", 1).cosign_subtree(&subtree), None, "an Ed25519 key signs none");
}

/// A whole tree that is signed as a subtree says no time, and is a cosignature of that checkpoint without one.
#[test]
fn the_subtree_of_all_entries_is_the_tree_without_a_time() {
    let witness = tree_cosigner("w.example", 1);
    let checkpoint = Checkpoint::parse(&format!("log.example\n5\n{}\n", Hash::leaf(b"root"))).unwrap();
    let line = witness.cosign_subtree(&Subtree::whole(&checkpoint)).unwrap();
    assert_eq!(line, witness.cosign(&checkpoint, Timestamp::NONE));
}

#[test]
fn a_policy_is_satisfied_by_either_kind_of_cosignature() {
    let log = signer("log.example", 1);
    let (w1, w2) = (cosigner("w1.example", 2), tree_cosigner("w2.example", 3));
    let text = format!(
        "log {}\nwitness w1 {}\nwitness w2 {}\ngroup both all w1 w2\nquorum both\n",
        log.verifier_key(),
        w1.verifier_key(),
        w2.verifier_key(),
    );
    let policy = Policy::parse(text.as_bytes()).unwrap();
    let head = Head { size: 5, root: Hash::leaf(b"root") };
    let signed = Checkpoint::new(name("log.example"), head).unwrap().sign(&log).unwrap();
    let lines = [(&w1, 7), (&w2, 8)].map(|(by, when)| by.cosign(signed.checkpoint(), time(when)));
    let verified = policy.verify(signed.with_signatures(lines.clone()).unwrap().bytes().clone()).unwrap();
    let times: Vec<_> = verified.witnesses().iter().map(|witness| witness.time().seconds()).collect();
    assert_eq!(times, [7, 8]);
    for line in lines {
        let one = signed.with_signatures([line]).unwrap();
        let missing = policy.verify(one.bytes().clone());
        assert!(matches!(missing, Err(PolicyError::NotEnoughCosignatures { have: 1, want: 2, .. })));
    }
}

/// A witness with an ML-DSA-44 key signs a subtree, saying any time it likes, which [`Cosigner`] would not.
fn cosign_subtree(subtree: &Subtree<'_>, time: Timestamp) -> (SignatureLine, VerifierKey) {
    let keys = &json("generated/checkpoint-513.json")["keys"]["pq"];
    let key = vkey(str(&keys["vkey"]));
    let seed: [u8; 32] = hex(&keys["mldsa44_seed"]).try_into().unwrap();
    let secret = ml_dsa::ExpandedSigningKey::<ml_dsa::MlDsa44>::from_seed(&seed.into());
    let signature = secret.sign_deterministic(&subtree.message(key.name(), time), &[]).unwrap().encode();
    let blob = [key.id().as_bytes().as_slice(), &time.seconds().to_be_bytes(), &signature].concat();
    let line = format!("\u{2014} {} {}", key.name(), tlog::encoding::base64(&blob));
    (SignatureLine::parse(&line).unwrap(), key)
}

#[test]
fn a_subtree_that_starts_later_has_no_time() {
    let origin = name("log.example");
    let later = Subtree { origin: &origin, start: 4, end: 8, hash: Hash::EMPTY };
    let first = Subtree { start: 0, ..later };
    for (subtree, seconds, outcome) in [
        (later, 0, Ok(time(0))),
        (later, 1, Err(SignatureError::TimeOfSubtree)),
        (first, 0, Ok(time(0))),
        (first, 1, Ok(time(1))),
    ] {
        let (line, key) = cosign_subtree(&subtree, time(seconds));
        assert_eq!(subtree.verify(&line, &key), outcome, "start {}, time {seconds}", subtree.start);
    }
}

/// The one line of a note by a known key, spoiled as told; what the note is then refused for.
fn spoiled(key: &VerifierKey, text: &str, signature: &[u8]) -> SignatureError {
    let blob = [key.id().as_bytes(), signature].concat();
    let line =
        SignatureLine::parse(&format!("\u{2014} {} {}", key.name(), tlog::encoding::base64(&blob))).unwrap();
    match Note::new(text.to_owned(), vec![line]).unwrap().open([key]) {
        Err(OpenError::BadSignature { cause, .. }) => cause,
        other => panic!("expected a bad signature, got {other:?}"),
    }
}

#[test]
fn cosignatures_that_do_not_count() {
    let vectors = json("generated/checkpoint-513.json");
    let note = Note::parse(text("generated/checkpoint-513.note").as_bytes()).unwrap();
    for (witness, line) in [("w1", 1), ("pq", 3)] {
        let key = vkey(str(&vectors["keys"][witness]["vkey"]));
        let good = note.signatures()[line].signature();
        let edit = |at: usize, mask: u8| {
            let mut bytes = good.to_vec();
            bytes[at] ^= mask;
            bytes
        };
        let little_endian =
            [good[..8].iter().rev().copied().collect::<Vec<_>>(), good[8..].to_vec()].concat();
        for (signature, error, bend) in [
            (edit(7, 1), SignatureError::Mismatch, "another second"),
            (edit(0, 0x80), SignatureError::TimeTooLarge, "a time of 2^63"),
            (little_endian, SignatureError::Mismatch, "little-endian time"),
            (edit(good.len() - 1, 1), SignatureError::Mismatch, "a flipped bit at the end"),
            (good[..7].to_vec(), SignatureError::NoTime, "seven bytes"),
            (good[..8].to_vec(), SignatureError::Mismatch, "time alone"),
            (good[8..].to_vec(), SignatureError::Mismatch, "no time"),
            (good[..good.len() - 1].to_vec(), SignatureError::Mismatch, "a byte short"),
            ([good, &[0]].concat(), SignatureError::Mismatch, "a byte long"),
        ] {
            assert_eq!(spoiled(&key, note.text(), &signature), error, "{witness}: {bend}");
        }
        assert_eq!(
            spoiled(&key, &note.text().replace("513", "514"), good),
            SignatureError::Mismatch,
            "{witness}"
        );
    }
}

#[test]
fn ml_dsa_signs_checkpoints_only() {
    let vectors = json("generated/checkpoint-513.json");
    let key = vkey(str(&vectors["keys"]["pq"]["vkey"]));
    let note = Note::parse(text("generated/checkpoint-513.note").as_bytes()).unwrap();
    let extended = format!("{}extension\n", note.text());
    let good = note.signatures()[3].signature();
    assert_eq!(
        spoiled(&key, &extended, good),
        SignatureError::NotACheckpoint,
        "it would not cover the extension"
    );
    let log = signer("log.example", 1);
    let line = log.sign("text\n");
    assert_eq!(
        Subtree::whole(&Checkpoint::parse(note.text()).unwrap()).verify(&line, log.verifier_key()),
        Err(SignatureError::NotATreeKey)
    );
}

#[test]
fn a_plain_signature_is_no_cosignature() {
    // One seed under one name, both types: the ids differ, so neither line is looked at under the other's key.
    let (log, witness) = (signer("both.example", 1), cosigner("both.example", 1));
    assert_eq!(log.verifier_key().public_key(), witness.verifier_key().public_key());
    let note = Note::sign("text\n".into(), &log).unwrap();
    assert_eq!(note.open([witness.verifier_key()]).err(), Some(OpenError::NoKnownSignature));
    // And if the id is changed to fit, the bytes mean something else.
    let line = log.sign("text\n");
    assert!(line.signature().len() == 64 && witness.verifier_key().key_type() == KeyType::Cosignature);
    let with_time = [&[0; 8], line.signature()].concat();
    assert_eq!(spoiled(witness.verifier_key(), "text\n", &with_time), SignatureError::Mismatch);
}

#[test]
fn times_stay_below_two_to_the_63() {
    assert_eq!(Timestamp::from_seconds(tlog::SIZE_MAX).map(Timestamp::seconds), Some(tlog::SIZE_MAX));
    assert_eq!(Timestamp::from_seconds(tlog::SIZE_MAX + 1), None);
    assert_eq!(time(1_767_225_600).to_string(), "1767225600");
}
