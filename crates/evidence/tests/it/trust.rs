//! Whose word is believed: keys, origins, policies, cosignatures.

use evidence::{Class, Evidence, LogKey, Show};
use serde_json::{Value, json};
use testkit::keys;
use tlog::key::Signer;
use tlog::policy::{Policy, VerifiedCheckpoint};

use crate::desk::{Desk, says, session};

fn file() -> Evidence {
    Desk::story().file(&session("s-71c2"), Show::All)
}

fn bent(bend: impl FnOnce(&mut Value)) -> Evidence {
    let mut document: Value = serde_json::from_slice(&file().to_bytes()).unwrap();
    bend(&mut document);
    Evidence::parse(document.to_string().as_bytes()).unwrap()
}

fn vkey_of(key: keys::TestKey) -> String {
    Signer::from_seed(key.name.parse().unwrap(), &key.seed).verifier_key().to_string()
}

#[test]
fn without_a_key_from_elsewhere_a_file_only_agrees_with_itself() {
    let report = file().verify(None);
    assert_eq!(report.class(), Class::CannotTell);
    says(&report, Class::CannotTell, "nobody said which log is believed: the key in the file proves only");
    says(&report, Class::Holds, "is signed by the key in the file");
    assert!(!report.verified.unwrap().trusted);
    // Anybody can make such a file.
    let mut forged = Desk::story();
    forged.key = keys::IMPOSTOR;
    let forged = forged.file(&session("s-71c2"), Show::All);
    assert_eq!(forged.verify(None).class(), Class::CannotTell);
    let report = forged.verify(Some(&Desk::story().policy()));
    assert_eq!(report.class(), Class::DoesNotHold);
    assert!(report.verified.is_none());
}

#[test]
fn a_checkpoint_of_another_origin_or_unsigned_or_bent_is_refused() {
    let policy = Desk::story().policy();
    let mut other = Desk::story();
    other.key = keys::OTHER_LOG;
    let other = other.file(&session("s-71c2"), Show::All);
    let unsigned = bent(|d| {
        let note = d["checkpoint"].as_str().unwrap().split("\n\n").next().unwrap().to_owned();
        d["checkpoint"] = json!(format!("{note}\n"));
    });
    let larger = bent(|d| {
        d["checkpoint"] = json!(d["checkpoint"].as_str().unwrap().replacen("\n11\n", "\n12\n", 1));
    });
    for file in [other, unsigned, larger] {
        let report = file.verify(Some(&policy));
        assert_eq!(report.class(), Class::DoesNotHold, "{file:?}");
        assert!(report.verified.is_none());
    }
}

#[test]
fn the_keys_in_the_file_have_to_be_those_of_the_log_that_signed() {
    let policy = Desk::story().policy();
    let foreign = bent(|d| d["keys"][0]["vkey"] = json!(vkey_of(keys::OTHER_LOG)));
    says(&foreign.verify(Some(&policy)), Class::DoesNotHold, "names a key of another log");
    let impostor = bent(|d| d["keys"][0]["vkey"] = json!(vkey_of(keys::IMPOSTOR)));
    says(&impostor.verify(Some(&policy)), Class::DoesNotHold, "another key of the log signs at this size");
    // A history: the key of today signs from size 7 on.
    let history = |from: u64| {
        bent(move |d| {
            let today = d["keys"][0]["vkey"].clone();
            d["keys"] = json!([{"from": 0, "vkey": vkey_of(keys::IMPOSTOR)}, {"from": from, "vkey": today}]);
        })
        .verify(Some(&policy))
    };
    assert_eq!(history(7).class(), Class::Holds);
    says(&history(7), Class::CannotTell, "when the log changed its keys");
    assert_eq!(history(12).class(), Class::DoesNotHold);
}

/// The story's file under another checkpoint, with these keys in it.
fn file_of(desk: &Desk, checkpoint: &VerifiedCheckpoint, keys: &[(u64, keys::TestKey)]) -> Evidence {
    let entries = desk.gather(&session("s-71c2")).entries;
    let leaves = desk.leaves();
    Evidence::make(evidence::Material {
        asked: session("s-71c2"),
        checkpoint,
        keys: keys.iter().map(|&(from, key)| LogKey { from, vkey: vkey_of(key) }).collect(),
        policy: None,
        proofs: entries.iter().map(|(index, ..)| crate::desk::proof(*index, &leaves)).collect(),
        entries,
        disclosures: vec![],
        show: Show::Nothing,
        made: file().made().clone(),
    })
    .unwrap()
}

#[test]
fn earlier_keys_go_into_the_file_in_their_order() {
    let desk = Desk::story();
    let file = file_of(&desk, &desk.checkpoint(), &[(0, keys::IMPOSTOR), (7, keys::LOG)]);
    assert_eq!(file.verify(Some(&desk.policy())).class(), Class::Holds);
}

#[test]
fn while_a_log_signs_with_two_keys_each_of_them_is_enough() {
    let desk = Desk::story();
    let new = Signer::from_seed(keys::IMPOSTOR.name.parse().unwrap(), &keys::IMPOSTOR.seed);
    let both = desk.checkpoint().signed().checkpoint().sign_by([&new, &desk.signer()]).unwrap();
    let old_only = desk.policy();
    let new_only = Policy::log_only(new.verifier_key().clone()).unwrap();
    // By whichever key the maker verified it, the file tells of the one that comes.
    for maker in [&old_only, &new_only] {
        let checkpoint = maker.verify(both.bytes().clone()).unwrap();
        let file = file_of(&desk, &checkpoint, &[(0, keys::LOG), (7, keys::IMPOSTOR)]);
        for verifier in [&old_only, &new_only] {
            assert_eq!(file.verify(Some(verifier)).class(), Class::Holds);
        }
    }
    // The one that is said to sign has to be among those that did.
    let alone = old_only.verify(desk.checkpoint().signed().bytes().clone()).unwrap();
    let file = file_of(&desk, &alone, &[(0, keys::LOG), (7, keys::IMPOSTOR)]);
    says(&file.verify(Some(&old_only)), Class::DoesNotHold, "another key of the log signs at this size");
}

#[test]
fn the_policy_in_the_file_is_told_and_never_believed() {
    let mut desk = Desk::story();
    desk.policy_text = Some(format!("log {}\nquorum none\n", desk.vkey()));
    let file = desk.file(&session("s-71c2"), Show::Nothing);
    says(
        &file.verify(Some(&desk.policy())),
        Class::Holds,
        "which is its maker's and proves nothing by itself",
    );
    assert_eq!(file.verify(None).class(), Class::CannotTell);
    // It says that a witness was asked for, and none has signed.
    let witness = keys::WITNESSES[0];
    let key = tlog::key::VerifierKey::cosignature(
        witness.name.parse().unwrap(),
        ed25519_dalek::SigningKey::from_bytes(&witness.seed).verifying_key().as_bytes(),
    );
    let strict = format!("log {}\nwitness w {}\nquorum w\n", desk.vkey(), key.unwrap());
    desk.policy_text = Some(strict.clone());
    let file = desk.file(&session("s-71c2"), Show::Nothing);
    says(
        &file.verify(Some(&desk.policy())),
        Class::DoesNotHold,
        "the policy that the file says was used is not met",
    );
    desk.policy_text = None;
    let file = desk.file(&session("s-71c2"), Show::Nothing);
    let report = file.verify(Some(&Policy::parse(strict.as_bytes()).unwrap()));
    says(&report, Class::DoesNotHold, "not enough cosignatures");
}
