//! Policies: the checkpoints that satisfy them or do not.

use tlog::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use tlog::cosignature::{Cosigner, Timestamp};
use tlog::key::{KeyType, Signer, VerifierKey};
use tlog::note::{NoteError, OpenError};
use tlog::policy::{Policy, PolicyError, PolicyFault};
use tlog::{Hash, Head};

use crate::vectors::{LOG, W1, W2, bytes, cosigner, json, name, signer, str, text, vkey, without_line};

fn policy(text: &str) -> Policy {
    Policy::parse(text.as_bytes()).unwrap()
}

#[test]
fn the_checkpoint_of_the_vectors_satisfies_its_policy() {
    let policy = Policy::parse(&bytes("generated/policy.txt")).unwrap();
    let note = bytes("generated/checkpoint-513.note");
    let verified = policy.verify(note.clone()).unwrap();
    assert_eq!(verified.signed(), &SignedCheckpoint::open(note, &vkey(LOG)).unwrap());
    assert_eq!(verified.log_key(), &vkey(LOG));
    let seen: Vec<_> =
        verified.witnesses().iter().map(|w| (w.key().to_string(), w.time().seconds())).collect();
    assert_eq!(seen, [(W1.to_owned(), 1_767_225_600), (W2.to_owned(), 1_767_225_601)]);
}

#[test]
fn an_ml_dsa_witness_counts() {
    let pq = json("generated/checkpoint-513.json")["keys"]["pq"]["vkey"].clone();
    let policy = policy(&format!("log {LOG}\nwitness pq {}\nquorum pq\n", str(&pq)));
    let verified = policy.verify(bytes("generated/checkpoint-513.note")).unwrap();
    assert_eq!(verified.witnesses()[0].key().key_type(), KeyType::MlDsa44);
    assert_eq!(verified.witnesses()[0].time().seconds(), 1_767_225_602);
    let alone = text("generated/checkpoint-513.note").split_inclusive('\n').take(7).collect::<String>();
    let (have, want) = (0, 1);
    assert_eq!(policy.verify(alone).err(), Some(not_enough("pq", have, want)));
}

fn not_enough(quorum: &str, have: usize, want: usize) -> PolicyError {
    PolicyError::NotEnoughCosignatures { quorum: quorum.to_owned(), have, want }
}

/// A log, five witnesses, and checkpoints that some of them cosigned.
struct World {
    log: Signer,
    witnesses: Vec<Cosigner>,
}

impl World {
    fn new() -> Self {
        let witnesses = (0..5).map(|i| cosigner(&format!("w{i}.example"), 100 + i)).collect();
        Self { log: signer("log.example", 1), witnesses }
    }

    fn policy(&self, rest: &str) -> Policy {
        let mut lines = vec![format!("log {}", self.log.verifier_key())];
        let witness = |(i, witness): (usize, &Cosigner)| format!("witness w{i} {}", witness.verifier_key());
        lines.extend(self.witnesses.iter().enumerate().map(witness));
        policy(&format!("{}\n{rest}", lines.join("\n")))
    }

    fn checkpoint(&self, cosigned_by: &[usize]) -> SignedCheckpoint {
        let head = Head { size: 7, root: Hash::leaf(b"any") };
        let signed = Checkpoint::new(name("log.example"), head).unwrap().sign(&self.log).unwrap();
        let cosign =
            |i: &usize| self.witnesses[*i].cosign(signed.checkpoint(), Timestamp::from_seconds(9).unwrap());
        signed.with_signatures(cosigned_by.iter().map(cosign)).unwrap()
    }
}

#[test]
fn quorums_are_counted() {
    let world = World::new();
    let nested = "group a 2 w0 w1 w2\ngroup b any w3 w4\ngroup both all a b\n";
    for (groups, quorum, cosigned_by, outcome) in [
        ("", "none", &[][..], None),
        ("", "none", &[0, 1], None),
        ("", "w3", &[3], None),
        ("", "w3", &[0, 1, 2, 4], Some((0, 1))),
        ("group all5 all w0 w1 w2 w3 w4\n", "all5", &[0, 1, 2, 3, 4], None),
        ("group all5 all w0 w1 w2 w3 w4\n", "all5", &[0, 1, 2, 4], Some((4, 5))),
        ("group any5 any w0 w1 w2 w3 w4\n", "any5", &[4], None),
        ("group any5 any w0 w1 w2 w3 w4\n", "any5", &[], Some((0, 1))),
        ("group three 3 w0 w1 w2 w3\n", "three", &[3, 1, 0], None),
        ("group three 3 w0 w1 w2 w3\n", "three", &[3, 1, 4], Some((2, 3))),
        (nested, "both", &[0, 2, 3], None),
        (nested, "both", &[0, 1, 2], Some((1, 2))),
        (nested, "both", &[0, 3, 4], Some((1, 2))),
        (nested, "both", &[0], Some((0, 2))),
        (nested, "a", &[1, 2], None),
        (nested, "b", &[1, 2], Some((0, 1))),
    ] {
        let policy = world.policy(&format!("{groups}quorum {quorum}\n"));
        let verified = policy.verify(world.checkpoint(cosigned_by).bytes().clone());
        let told = format!("{groups}quorum {quorum}, cosigned by {cosigned_by:?}");
        let cosigned =
            |key: &VerifierKey| cosigned_by.iter().any(|i| world.witnesses[*i].verifier_key() == key);
        assert_eq!(policy.satisfied_by(cosigned), outcome.is_none(), "{told}");
        match outcome {
            None => assert_eq!(verified.unwrap().witnesses().len(), cosigned_by.len(), "{told}"),
            Some((have, want)) => assert_eq!(verified.err(), Some(not_enough(quorum, have, want)), "{told}"),
        }
    }
}

#[test]
fn what_is_wrong_with_a_checkpoint_is_told_apart() {
    let world = World::new();
    let policy = world.policy("group two 2 w0 w1 w2\nquorum two\n");
    let good = String::from_utf8(world.checkpoint(&[0, 1]).bytes().to_vec()).unwrap();
    assert!(policy.verify(good.clone()).is_ok());

    let not_a_note = policy.verify("text");
    assert_eq!(
        not_a_note.err(),
        Some(PolicyError::NotACheckpoint(CheckpointError::Note(NoteError::NoBlankLine)))
    );

    let elsewhere = signer("elsewhere.example", 1);
    let checkpoint =
        Checkpoint::new(name("elsewhere.example"), Head::EMPTY).unwrap().sign(&elsewhere).unwrap();
    let wrong = PolicyError::WrongOrigin { origin: name("elsewhere.example") };
    assert_eq!(policy.verify(checkpoint.bytes().clone()).err(), Some(wrong));

    let altered = policy.verify(good.replacen("\n7\n", "\n8\n", 1));
    assert!(
        matches!(altered, Err(PolicyError::BadLogSignature(OpenError::BadSignature { .. }))),
        "{altered:?}"
    );

    let impostor = signer("log.example", 2);
    let checkpoint = Checkpoint::new(name("log.example"), Head::EMPTY).unwrap().sign(&impostor).unwrap();
    let unsigned = PolicyError::NoLogSignature { origin: name("log.example") };
    assert_eq!(policy.verify(checkpoint.bytes().clone()).err(), Some(unsigned.clone()));

    // The witnesses' word does not replace the log's.
    let without_log = without_line(&good, 4);
    assert_eq!(policy.verify(without_log).err(), Some(unsigned));

    // A cosignature of another checkpoint, or by nobody: the witness is named, not the log.
    let other = Checkpoint::new(name("log.example"), Head::EMPTY).unwrap();
    let line = world.witnesses[2].cosign(&other, Timestamp::from_seconds(9).unwrap());
    let spoiled = policy.verify(format!("{good}{line}"));
    match spoiled {
        Err(PolicyError::BadCosignature(OpenError::BadSignature { name, .. })) => {
            assert_eq!(name.as_str(), "w2.example");
        }
        other => panic!("expected a bad cosignature, got {other:?}"),
    }
}

#[test]
fn any_one_log_is_enough_but_only_for_its_own_origin() {
    let (a, b) = (signer("a.example", 1), signer("b.example", 2));
    let policy = policy(&format!("log {}\nlog {}\nquorum none\n", a.verifier_key(), b.verifier_key()));
    let of_b = Checkpoint::new(name("b.example"), Head::EMPTY).unwrap();
    let signed = of_b.sign(&b).unwrap();
    assert_eq!(policy.verify(signed.bytes().clone()).unwrap().log_key(), b.verifier_key());
    // A note in b's name that only a signed is not b's checkpoint, though the policy trusts a.
    let by_a = tlog::note::Note::sign(of_b.to_string(), &a).unwrap();
    let error = policy.verify(by_a.to_string()).err();
    assert_eq!(error, Some(PolicyError::NoLogSignature { origin: name("b.example") }));
}

#[test]
fn a_log_may_have_an_old_and_a_new_key() {
    let (old, new) = (signer("log.example", 1), signer("log.example", 2));
    let policy = policy(&format!("log {}\nlog {}\nquorum none\n", old.verifier_key(), new.verifier_key()));
    for key in [&old, &new] {
        let signed = Checkpoint::new(name("log.example"), Head::EMPTY).unwrap().sign(key).unwrap();
        assert_eq!(policy.verify(signed.bytes().clone()).unwrap().log_key(), key.verifier_key());
    }
}

#[test]
fn a_policy_from_one_vkey() {
    let log = signer("log.example", 1);
    let policy = Policy::log_only(log.verifier_key().clone()).unwrap();
    assert_eq!(policy.to_bytes(), format!("log {}\nquorum none\n", log.verifier_key()).as_bytes());
    let signed = Checkpoint::new(name("log.example"), Head::EMPTY).unwrap().sign(&log).unwrap();
    assert!(policy.verify(signed.bytes().clone()).unwrap().witnesses().is_empty());
    let witness = cosigner("w.example", 2).verifier_key().clone();
    assert_eq!(Policy::log_only(witness), Err(PolicyFault::LogKeyType(KeyType::Cosignature)));
}

#[test]
fn forty_of_each_are_supported() {
    let mut lines = Vec::new();
    for i in 0..40 {
        lines.push(format!("log {}", signer(&format!("log{i}.example"), i).verifier_key()));
        lines.push(format!("witness w{i} {}", cosigner(&format!("w{i}.example"), 1000 + i).verifier_key()));
        let below = if i == 0 { String::new() } else { format!(" g{}", i - 1) };
        lines.push(format!("group g{i} all w{i}{below}"));
    }
    let policy = policy(&format!("{}\nquorum g39\n", lines.join("\n")));
    let checkpoint = Checkpoint::new(name("log7.example"), Head::EMPTY).unwrap();
    let signed = checkpoint.sign(&signer("log7.example", 7)).unwrap();
    let time = Timestamp::from_seconds(1).unwrap();
    let cosign = |i: u32| cosigner(&format!("w{i}.example"), 1000 + i).cosign(&checkpoint, time);
    let all = signed.with_signatures((0..40).map(cosign)).unwrap();
    assert_eq!(policy.verify(all.bytes().clone()).unwrap().witnesses().len(), 40);
    let all_but_the_deepest = signed.with_signatures((1..40).map(cosign)).unwrap();
    let error = policy.verify(all_but_the_deepest.bytes().clone()).err();
    assert_eq!(error, Some(not_enough("g39", 1, 2)));
}

#[test]
fn a_policy_without_logs_trusts_none() {
    let nobody = policy(&format!("witness w1 {W1}\nquorum none\n"));
    let error = nobody.verify(bytes("generated/checkpoint-513.note")).err();
    assert_eq!(error, Some(PolicyError::WrongOrigin { origin: name("log.example.org/agents-1") }));
}
