//! The keys of a witness: subtrees that it cosigns, keys that are none of one witness, and what others believe.

use tlog::Hash;
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::Timestamp;
use tlog::note::SignatureLine;
use tlog::witness::{CosignError, KEYS_MAX, SignSubtree, WitnessKeys, WitnessKeysError, decide_subtree};

use crate::history::History;
use crate::vectors::{cosigner, name, signer, tree_cosigner};
use crate::witness::{Witness, bent, request, seen_at_five, status};

#[test]
fn subtrees_of_trees_that_this_witness_has_cosigned() {
    let (history, log) = (History::honest(), signer("log.example", 1));
    let mut witness = Witness::of(&[log.verifier_key().clone()]);
    let cosigned = witness.submit(request(&history, 0, 13).as_bytes()).unwrap();
    let body = |checkpoint: &SignedCheckpoint| {
        SignSubtree::new(history.subtree(8, 13, checkpoint.size()), checkpoint).unwrap().to_string()
    };
    let good = body(cosigned.checkpoint());
    let request = SignSubtree::parse(good.as_bytes()).unwrap();
    let answer = witness.sign_subtree(good.as_bytes()).unwrap();
    let taken = answer.take_subtree(&request.subtree(), &witness.vkeys()).unwrap();
    assert_eq!((answer.lines().len(), taken.len(), taken[0].time()), (1, 1, Timestamp::NONE));
    assert_eq!(taken[0].key(), &witness.vkeys()[1], "the ML-DSA-44 key");
    let only_ed25519 =
        history.signed(13, &log).with_signatures(cosigned.answer().lines()[..1].to_vec()).unwrap();
    let strangers =
        tree_cosigner("v.example", 92).cosign(cosigned.checkpoint().checkpoint(), Timestamp::NONE);
    let strangers = history.signed(13, &log).with_signatures([strangers]).unwrap();
    let bent_line = bent(&cosigned.answer().lines()[1]);
    let bent_line = history.signed(13, &log).with_signatures([bent_line]).unwrap();
    let wrong_hash = good.replacen(&history.subtree(8, 13, 13).hash.to_string(), &Hash::EMPTY.to_string(), 1);
    for (body, expected, case) in [
        (body(&history.signed(13, &log)), 403, "not cosigned at all"),
        (body(&strangers), 403, "cosigned by another witness"),
        (body(&only_ed25519), 403, "cosigned under Ed25519 alone"),
        (body(&bent_line), 403, "a cosignature that does not hold"),
        (good.replacen("subtree 8 13", "subtree 8 14", 1), 400, "an end beyond the checkpoint"),
        (good.replacen("subtree 8 13", "subtree 8 8", 1), 400, "start is end"),
        (good.replacen("subtree 8 13", "subtree 7 13", 1), 400, "no subtree"),
        (good.replacen("subtree 8 13", "subtree 8 12", 1), 422, "another end"),
        (wrong_hash, 422, "another hash"),
    ] {
        assert_eq!(status(&witness.sign_subtree(body.as_bytes())), expected, "{case}");
    }
    let unknown = Witness::of(&[]);
    assert_eq!(status(&unknown.sign_subtree(good.as_bytes())), 404, "an unknown origin");
    // The log may forge what it likes around it: the cosignature holds for the head that was seen.
    let other_text = good.replacen("\n13\n", "\n14\n", 1);
    assert_eq!(status(&witness.sign_subtree(other_text.as_bytes())), 403, "another checkpoint");
}

/// A key that came later does not vouch for what another key has seen.
#[test]
fn a_key_signs_only_subtrees_of_what_it_has_cosigned_itself() {
    let (history, log) = (History::honest(), signer("log.example", 1));
    let (old, new) = (tree_cosigner("w.example", 1), tree_cosigner("w.example", 2));
    let line = old.cosign(history.signed(13, &log).checkpoint(), Timestamp::from_seconds(7).unwrap());
    let reference = history.signed(13, &log).with_signatures([line]).unwrap();
    let request = SignSubtree::new(history.subtree(8, 12, 13), &reference).unwrap();
    let (old_id, keys) = (old.verifier_key().id(), WitnessKeys::new(vec![old, new]).unwrap());
    let answer = keys.cosign_subtree(&decide_subtree(&request, true, &keys).unwrap());
    assert_eq!(answer.lines().iter().map(SignatureLine::id).collect::<Vec<_>>(), [old_id]);
}

#[test]
fn a_witness_has_keys_that_differ_and_a_clock() {
    let make = |keys| WitnessKeys::new(keys).err();
    assert_eq!(make(vec![]), Some(WitnessKeysError::None));
    let many = |count| (0..count).map(|number| cosigner("w.example", number)).collect::<Vec<_>>();
    assert_eq!(make(many(KEYS_MAX as u32)), None);
    assert_eq!(make(many(KEYS_MAX as u32 + 1)), Some(WitnessKeysError::TooMany { have: KEYS_MAX + 1 }));
    let twice = Some(WitnessKeysError::Twice { name: name("v.example") });
    assert_eq!(make(vec![cosigner("w.example", 1), cosigner("v.example", 1)]), twice, "one seed, two names");
    assert_eq!(make(vec![tree_cosigner("v.example", 1), tree_cosigner("v.example", 1)]), twice);
    let (history, witness) = seen_at_five();
    let allowed = || witness.decide(request(&history, 5, 9).as_bytes()).unwrap();
    assert_eq!(witness.keys.cosign(allowed(), Timestamp::NONE).err(), Some(CosignError::NoTime));
    let shown = format!("{:?}", witness.keys);
    assert!(shown.contains("secret") && !shown.contains("PRIVATE"), "{shown}");
}

/// What a witness shows to monitors satisfies a policy that asks for it.
#[test]
fn what_the_witness_shows_satisfies_a_policy() {
    let (history, mut witness) = seen_at_five();
    let cosigned = witness.submit(request(&history, 5, 9).as_bytes()).unwrap();
    let [old, new] = [0, 1].map(|at| witness.vkeys()[at].clone());
    let text = format!(
        "log {}\nwitness a {old}\nwitness b {new}\ngroup g all a b\nquorum g\n",
        signer("log.example", 1).verifier_key()
    );
    let policy = tlog::policy::Policy::parse(text.as_bytes()).unwrap();
    let verified = policy.verify(cosigned.checkpoint().bytes().clone()).unwrap();
    assert_eq!((verified.signed().size(), verified.witnesses().len()), (9, 2));
}
