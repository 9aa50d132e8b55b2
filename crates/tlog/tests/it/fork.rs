//! Fork proofs: who is shown guilty of what, and that nobody honest is.

use proptest::prelude::*;
use proptest::sample::Index;
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::{Cosigner, Timestamp};
use tlog::fork::{Contradiction, ForkError, ForkProof, VerifiedFork};
use tlog::key::{Signer, VerifierKey};
use tlog::note::Note;
use tlog::plan::ConsistencyProof;
use tlog::proof::ProofError;
use tlog::witness::{AddCheckpoint, Evidence, decide};
use tlog::{Hash, Head};

use crate::history::{History, SIZE_MAX};
use crate::vectors::{cosigner, name, signer, tree_cosigner};

fn log() -> Signer {
    signer("log.example", 1)
}

/// The log's key, and those of two witnesses.
pub(crate) fn keys() -> Vec<VerifierKey> {
    let witnesses = [cosigner("w1.example", 2), tree_cosigner("w2.example", 3)];
    let witnesses = witnesses.iter().map(|witness| witness.verifier_key().clone());
    std::iter::once(log().verifier_key().clone()).chain(witnesses).collect()
}

fn cosigned(signed: &SignedCheckpoint, by: &[&Cosigner], seconds: u64) -> SignedCheckpoint {
    let time = Timestamp::from_seconds(seconds).unwrap();
    signed.with_signatures(by.iter().map(|key| key.cosign(signed.checkpoint(), time))).unwrap()
}

fn make(
    [first, second]: [&SignedCheckpoint; 2],
    keys: &[VerifierKey],
    grown: Option<ConsistencyProof>,
) -> Result<ForkProof, ForkError> {
    ForkProof::make([first.bytes(), second.bytes()], keys, grown)
}

/// Two heads of size 5, one cosigned by both witnesses, the other by the first one only.
pub(crate) fn of_one_size() -> ForkProof {
    let (w1, w2) = (cosigner("w1.example", 2), tree_cosigner("w2.example", 3));
    let (honest, forked) = (History::honest(), History::honest().forked_at(3));
    let first = cosigned(&honest.signed(5, &log()), &[&w1, &w2], 100);
    let second = cosigned(&forked.signed(5, &log()), &[&w1], 200);
    make([&first, &second], &keys(), None).unwrap()
}

/// A head of size 5, and one of size 9 whose tree has another root at size 5.
pub(crate) fn of_two_sizes() -> ForkProof {
    let (honest, forked) = (History::honest(), History::honest().forked_at(3));
    let heads = [&honest.signed(5, &log()), &forked.signed(9, &log())];
    make(heads, &keys(), Some(forked.consistency(5, 9))).unwrap()
}

/// Names of the guilty.
fn guilty(fork: &VerifiedFork) -> Vec<&str> {
    fork.guilty().map(|by| by.key().name().as_str()).collect()
}

#[test]
fn one_size_and_two_roots() {
    let fork = of_one_size().verify().unwrap();
    assert_eq!((fork.origin(), fork.contradiction()), (&name("log.example"), Contradiction::TwoRoots));
    assert_eq!(guilty(&fork), ["log.example", "w1.example"]);
    assert!(fork.log_is_guilty() && fork.is_signed_by_the_log());
    let [smaller, larger] = fork.heads();
    assert!(smaller.size == 5 && larger.size == 5 && smaller.root < larger.root);
    let honest_is_first = smaller == History::honest().head(5);
    let said: Vec<_> = fork
        .statements()
        .iter()
        .map(|by| {
            let pair = if honest_is_first { [by.first(), by.second()] } else { [by.second(), by.first()] };
            (by.key().name().as_str(), pair.map(|said| said.map(|said| said.time.map(Timestamp::seconds))))
        })
        .collect();
    let expected = [
        ("log.example", [Some(None), Some(None)]),
        ("w1.example", [Some(Some(100)), Some(Some(200))]),
        ("w2.example", [Some(Some(100)), None]),
    ];
    assert_eq!(said, expected);
    assert!(fork.to_string().starts_with("two histories of the log log.example: at size 5 the root hashes "));
}

#[test]
fn two_sizes_and_a_proof() {
    let fork = of_two_sizes().verify().unwrap();
    let (honest, forked) = (History::honest(), History::honest().forked_at(3));
    assert_eq!(fork.heads(), [honest.head(5), forked.head(9)]);
    assert_eq!(fork.contradiction(), Contradiction::Rewritten { root: forked.head(5).root });
    assert_eq!((guilty(&fork), fork.log_is_guilty()), (vec!["log.example"], true));
    assert!(fork.to_string().ends_with(&format!("has {} there", forked.head(5).root)));
    // Where the older tree is one node of the newer one, the proof leaves its root out, and the file says it.
    let heads = [&honest.signed(4, &log()), &forked.signed(9, &log())];
    let fork = make(heads, &keys(), Some(forked.consistency(4, 9))).unwrap().verify().unwrap();
    assert_eq!(fork.contradiction(), Contradiction::Rewritten { root: forked.head(4).root });
}

/// It does not matter which head is given first, which keys besides, and what else stands on the notes.
#[test]
fn one_contradiction_has_one_file() {
    let (honest, forked) = (History::honest(), History::honest().forked_at(3));
    let (first, second) = (honest.signed(5, &log()), forked.signed(9, &log()));
    let grown = || Some(forked.consistency(5, 9));
    let file = of_two_sizes().to_string();
    let stranger = cosigned(&first, &[&cosigner("stranger.example", 7)], 5);
    let many = [keys(), keys(), vec![signer("other.example", 1).verifier_key().clone()]].concat();
    for (heads, keys) in
        [([&second, &first], keys()), ([&first, &second], many), ([&stranger, &second], keys())]
    {
        assert_eq!(make(heads, &keys, grown()).unwrap().to_string(), file);
    }
    assert_eq!(make([&first, &second], &keys()[..1], grown()).unwrap().to_string(), file);
    let of_another_size =
        grown().map(|grown| ConsistencyProof { old: Head { size: 7, ..grown.old }, ..grown });
    assert_eq!(make([&first, &second], &keys(), of_another_size), ForkProof::parse(file.as_bytes()));
    // A key of another log may sign what it likes: it says nothing of this one.
    let other = signer("other.example", 1);
    let lines = [&first, &second].map(|head| other.sign(&head.checkpoint().to_string()));
    let [by_both, too] =
        [(&first, 0), (&second, 1)].map(|(head, at)| head.with_signatures([lines[at].clone()]).unwrap());
    let and_other = [keys(), vec![other.verifier_key().clone()]].concat();
    assert_eq!(make([&by_both, &too], &and_other, grown()).unwrap().to_string(), file);
    // A line that does not hold spoils nothing: otherwise anybody could make evidence useless by adding one.
    let line = cosigner("w1.example", 2).cosign(second.checkpoint(), Timestamp::from_seconds(1).unwrap());
    let spoiled = first.with_signatures([line]).unwrap();
    assert_eq!(make([&spoiled, &second], &keys(), grown()).unwrap().to_string(), file);
}

/// A note with the text of the head and these lines alone.
fn only(signed: &SignedCheckpoint, by: &[&Cosigner]) -> Vec<u8> {
    let time = Timestamp::from_seconds(9).unwrap();
    let lines = by.iter().map(|key| key.cosign(signed.checkpoint(), time)).collect();
    Note::new(signed.checkpoint().to_string(), lines).unwrap().to_string().into_bytes()
}

#[test]
fn guilty_is_who_signed_both() {
    let (w1, w2) = (cosigner("w1.example", 2), tree_cosigner("w2.example", 3));
    let (honest, forked) = (History::honest(), History::honest().forked_at(3));
    let (first, second) = (honest.signed(5, &log()), forked.signed(5, &log()));
    // A witness that made a head up: the log signed one of them only.
    let made_up = [cosigned(&first, &[&w1], 9).bytes().to_vec(), only(&second, &[&w1])];
    let fork = ForkProof::make([&made_up[0], &made_up[1]], &keys(), None).unwrap().verify().unwrap();
    assert_eq!((guilty(&fork), fork.log_is_guilty()), (vec!["w1.example"], false));
    assert!(!fork.is_signed_by_the_log());
    // One head by the log, the other by a witness: one of them lies, and nobody can say which.
    let apart = ForkProof::make([first.bytes(), &only(&second, &[&w1])], &keys(), None);
    assert_eq!(apart, Err(ForkError::Nobody));
    let two_witnesses = ForkProof::make([&only(&first, &[&w1]), &only(&second, &[&w2])], &keys(), None);
    assert_eq!(two_witnesses, Err(ForkError::Nobody));
    // Two keys of one log, one head each: the log's histories contradict each other, and no key both.
    let other_key = signer("log.example", 4);
    let rotated = [log().verifier_key().clone(), other_key.verifier_key().clone()];
    let fork = make([&first, &forked.signed(5, &other_key)], &rotated, None).unwrap().verify().unwrap();
    assert_eq!((guilty(&fork), fork.log_is_guilty()), (vec![], false));
    assert!(fork.is_signed_by_the_log());
}

/// So many cosignatures do not fit, and do not hide what the log did.
#[test]
fn a_proof_against_the_log_needs_no_witness() {
    let witnesses: Vec<_> = (0..70).map(|number| tree_cosigner("w.example", number)).collect();
    let by: Vec<_> = witnesses.iter().collect();
    let heads = [History::honest(), History::honest().forked_at(3)]
        .map(|history| cosigned(&history.signed(5, &log()), &by, 9));
    let log = log().verifier_key().clone();
    let all: Vec<_> =
        witnesses.iter().map(|witness| witness.verifier_key().clone()).chain([log.clone()]).collect();
    let too_long = make([&heads[0], &heads[1]], &all, None);
    assert!(matches!(too_long, Err(ForkError::TooLong { .. })), "{:?}", too_long.err());
    let fork = make([&heads[0], &heads[1]], &[log], None).unwrap().verify().unwrap();
    assert_eq!((guilty(&fork), fork.log_is_guilty()), (vec!["log.example"], true));
}

#[test]
fn what_contradicts_nothing_is_no_proof() {
    let (honest, forked) = (History::honest(), History::honest().forked_at(3));
    let [h5, h9, f5, f9] = [(&honest, 5), (&honest, 9), (&forked, 5), (&forked, 9)]
        .map(|(history, size)| history.signed(size, &log()));
    let grown = Some(honest.consistency(5, 9));
    let proof = |error| Err(ForkError::Proof(error));
    assert_eq!(make([&h5, &h9], &keys(), grown.clone()), Err(ForkError::Consistent));
    assert_eq!(make([&h9, &h5], &keys(), grown), Err(ForkError::Consistent));
    assert_eq!(make([&h5, &h5], &keys(), None), Err(ForkError::OneHead));
    assert_eq!(make([&h5, &f9], &keys(), None), Err(ForkError::NoProof));
    assert_eq!(make([&h5, &f9], &keys(), Some(honest.consistency(5, 9))), proof(ProofError::RootMismatch));
    assert_eq!(make([&h5, &f9], &keys(), Some(forked.consistency(4, 9))), proof(ProofError::WrongLength));
    let mut endless = forked.consistency(5, 9);
    endless.hashes.resize(64, Hash::EMPTY);
    assert_eq!(make([&h5, &f9], &keys(), Some(endless)), Err(ForkError::TooManyHashes));
    let nothing = honest.signed(0, &log());
    assert_eq!(make([&nothing, &f9], &keys(), Some(forked.consistency(0, 9))), Err(ForkError::Consistent));
    let made_up = ConsistencyProof { old: Head { size: 0, root: Hash::leaf(b"x") }, hashes: vec![] };
    assert_eq!(make([&nothing, &f9], &keys(), Some(made_up)), proof(ProofError::OldRootMismatch));
    // The same heads before they forked.
    let early = make([&honest.signed(2, &log()), &f9], &keys(), Some(forked.consistency(2, 9)));
    assert_eq!(early, Err(ForkError::Consistent));
    let other = forked.signed(5, &signer("other.example", 1));
    let both = [keys(), vec![signer("other.example", 1).verifier_key().clone()]].concat();
    let made = make([&h5, &other], &both, None);
    assert!(matches!(made, Err(ForkError::TwoOrigins { .. })), "{made:?}");
    assert_eq!(make([&h5, &f5], &[], None), Err(ForkError::Nobody), "no keys");
    let strangers = [signer("log.example", 8).verifier_key().clone()];
    assert_eq!(make([&h5, &f5], &strangers, None), Err(ForkError::Nobody), "other keys");
}

/// What a witness keeps of a request that it refuses is, with what it has stored, a proof.
#[test]
fn the_evidence_of_a_witness_is_a_proof() {
    let (honest, forked) = (History::honest(), History::honest().forked_at(3));
    let stored = honest.signed(5, &log());
    for new in [5, 9] {
        let proof = forked.consistency(5, new).hashes;
        let request = AddCheckpoint::new(5, proof, &forked.signed(new, &log())).unwrap();
        let refusal = decide(&request, Some(stored.head()), Some(&keys()[..1])).unwrap_err();
        let (checkpoint, grown) = match refusal.evidence().unwrap().clone() {
            Evidence::Fork(checkpoint) => (checkpoint, None),
            Evidence::Rewritten(checkpoint, grown) => (checkpoint, Some(grown)),
            Evidence::Unproven(_) => panic!("the log's own proof shows it"),
        };
        let fork = make([&stored, &checkpoint], &keys(), grown).unwrap().verify().unwrap();
        assert!(fork.log_is_guilty(), "size {new}");
    }
}

proptest! {
    /// Heads of one history, any of them, with any proof of it or of another: nobody is accused.
    #[test]
    fn an_honest_log_is_never_shown_guilty(
        sizes in [0..=SIZE_MAX, 0..=SIZE_MAX],
        fork in 0..SIZE_MAX,
        from_fork: bool,
        old in 0..=SIZE_MAX,
        bend in proptest::option::of((any::<Index>(), any::<u8>())),
    ) {
        let honest = History::honest();
        let heads = sizes.map(|size| honest.signed(size, &log()));
        let history = if from_fork { honest.forked_at(fork) } else { honest };
        let larger = sizes[0].max(sizes[1]);
        let grown = [old.min(larger), sizes[0].min(sizes[1])].map(|old| history.consistency(old, larger));
        for mut grown in grown {
            if let (Some((at, byte)), false) = (bend, grown.hashes.is_empty()) {
                let at = at.index(grown.hashes.len());
                grown.hashes[at] = Hash::leaf(&[byte]);
            }
            prop_assert!(make([&heads[0], &heads[1]], &keys(), Some(grown)).is_err());
        }
        prop_assert!(make([&heads[0], &heads[1]], &keys(), None).is_err());
    }

    /// A log that forked is shown guilty by any two heads on both sides of the fork.
    #[test]
    fn a_log_that_forked_is_shown_guilty(
        fork in 0..SIZE_MAX,
        sizes in [1..=SIZE_MAX, 1..=SIZE_MAX],
        smaller_is_honest: bool,
    ) {
        let honest = History::honest();
        let forked = honest.forked_at(fork);
        let [small, large] = [sizes[0].min(sizes[1]), sizes[0].max(sizes[1])];
        let [of_small, of_large] = if smaller_is_honest { [&honest, &forked] } else { [&forked, &honest] };
        let heads = [of_small.signed(small, &log()), of_large.signed(large, &log())];
        let proof = make([&heads[0], &heads[1]], &keys(), Some(of_large.consistency(small, large)));
        if small <= fork {
            prop_assert!(proof.is_err(), "they are of one history up to there");
        } else {
            let fork = proof.and_then(|proof| ForkProof::parse(proof.to_string().as_bytes())?.verify());
            prop_assert!(fork.is_ok_and(|fork| fork.log_is_guilty()));
        }
    }
}
