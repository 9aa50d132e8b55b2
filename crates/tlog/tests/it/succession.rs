//! A log's key that makes way for another: checkpoints signed by both, and what the old one's word still counts for.

use tlog::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use tlog::key::{Signer, VerifierKey};
use tlog::note::OpenError;
use tlog::policy::{Policy, PolicyError, PolicyFault};
use tlog::{Hash, Head};

use crate::vectors::{W1, name};

fn signer(seed: u8) -> Signer {
    Signer::from_seed(name("log.example"), &[seed; 32])
}

fn checkpoint(size: u64, by: &[&Signer]) -> SignedCheckpoint {
    let head = Head { size, root: Hash::leaf(b"any") };
    Checkpoint::new(name("log.example"), head).unwrap().sign_by(by.iter().copied()).unwrap()
}

fn keys<const N: usize>(signers: [&Signer; N]) -> [VerifierKey; N] {
    signers.map(|signer| signer.verifier_key().clone())
}

#[test]
fn one_of_a_logs_keys_is_enough_and_a_bad_line_by_any_spoils_it() {
    let (old, new, other) = (signer(1), signer(2), signer(3));
    let both = checkpoint(7, &[&new, &old]);
    assert_eq!(both.signatures().len(), 2);
    for key in keys([&old, &new]) {
        assert_eq!(SignedCheckpoint::open(both.bytes().clone(), &key).unwrap(), both);
    }
    let alone = checkpoint(7, &[&old]);
    SignedCheckpoint::open_any(alone.bytes().clone(), &keys([&new, &old])).unwrap();
    let unknown = CheckpointError::Signature(OpenError::NoKnownSignature);
    assert_eq!(
        SignedCheckpoint::open_any(alone.bytes().clone(), &keys([&new, &other])),
        Err(unknown.clone())
    );
    assert_eq!(SignedCheckpoint::open_any(alone.bytes().clone(), &[]), Err(unknown));
    // A line that is of the old key's tree of another size.
    let bent = checkpoint(8, &[&new]).with_signatures(alone.signatures().to_vec()).unwrap();
    let opened = SignedCheckpoint::open_any(bent.bytes().clone(), &keys([&new, &old]));
    assert!(matches!(opened, Err(CheckpointError::Signature(OpenError::BadSignature { .. }))), "{opened:?}");
    let witness = [keys([&new]).as_slice(), &[W1.parse().unwrap()]].concat();
    let opened = SignedCheckpoint::open_any(both.bytes().clone(), &witness);
    assert!(matches!(opened, Err(CheckpointError::NotALogKey { .. })), "{opened:?}");
    let elsewhere = Signer::from_seed(name("log.elsewhere"), &[4; 32]);
    let refused = both.checkpoint().sign_by([&new, &elsewhere]);
    assert!(matches!(refused, Err(CheckpointError::WrongOrigin { .. })), "{refused:?}");
    assert!(both.checkpoint().sign_by([]).is_err(), "nobody signed");
}

#[test]
fn a_key_that_made_way_counts_alone_up_to_the_size_of_then() {
    let (old, new) = (signer(1), signer(2));
    let [old_key, new_key] = keys([&old, &new]);
    let policy = Policy::log_only(old_key.clone()).unwrap();
    let by_new = policy.verify(checkpoint(9, &[&new]).bytes().clone());
    assert!(matches!(by_new, Err(PolicyError::NoLogSignature { .. })), "{by_new:?}");
    let policy = policy.succeed(&old_key, &new_key, 8).unwrap();
    for (size, by, key) in [
        (8, &[&old][..], Some(&old_key)),
        (8, &[&new], Some(&new_key)),
        (9, &[&new], Some(&new_key)),
        (9, &[&new, &old], Some(&new_key)),
        (9, &[&old], None),
    ] {
        let verified = policy.verify(checkpoint(size, by).bytes().clone());
        match (key, verified) {
            (Some(key), Ok(verified)) => assert_eq!(verified.log_key(), key, "size {size}"),
            (None, Err(error)) => {
                let origin = name("log.example");
                assert_eq!(error, PolicyError::Superseded { origin, until: 8, size });
            }
            (_, verified) => panic!("size {size}: {verified:?}"),
        }
    }
}

#[test]
fn a_successor_is_a_log_key_that_the_policy_does_not_know_otherwise() {
    let (old, new) = (signer(1), signer(2));
    let [old_key, new_key] = keys([&old, &new]);
    let policy = Policy::log_only(old_key.clone()).unwrap();
    let witness: VerifierKey = W1.parse().unwrap();
    assert!(matches!(policy.clone().succeed(&old_key, &witness, 8), Err(PolicyFault::LogKeyType(_))));
    let text = format!("log {old_key}\nwitness w {W1}\nquorum w\n");
    let witnessed = Policy::parse(text.as_bytes()).unwrap();
    let same_public = VerifierKey::ed25519(name("log.example"), witness.public_key().try_into().unwrap());
    let refused = witnessed.succeed(&old_key, &same_public.unwrap(), 8);
    assert_eq!(refused, Err(PolicyFault::DuplicateKey), "a log is not its own witness");
    // One that the policy names already only takes the place; one that it does not name makes way for nobody.
    let both = format!("log {old_key} https://log.example/\nlog {new_key}\nquorum none\n");
    let both = Policy::parse(both.as_bytes()).unwrap().succeed(&old_key, &new_key, 8).unwrap();
    assert_eq!(both.logs().iter().map(|log| log.until).collect::<Vec<_>>(), [Some(8), None]);
    assert_eq!(policy.clone().succeed(&new_key, &old_key, 8).unwrap(), policy);
    let followed = policy.succeed(&old_key, &new_key, 8).unwrap();
    assert_eq!(followed.logs().len(), 2);
}
