//! What the tests of this crate share: a log's heads, and witnesses' keys.

use std::time::{Duration, Instant};

use testkit::keys::{LOG, WITNESSES};
use tlog::{
    Hash, Head,
    checkpoint::{Checkpoint, SignedCheckpoint},
    cosignature::{Cosigner, Timestamp},
    key::{Signer, VerifierKey},
    policy::Policy,
    witness::{Answer, Cosignature},
};

pub(crate) fn signer() -> Signer {
    Signer::from_seed(LOG.name.parse().unwrap(), &LOG.seed)
}

/// A head of the log, signed by it. Two of one size are the same.
pub(crate) fn head(size: u64) -> SignedCheckpoint {
    let root = if size == 0 { Hash::EMPTY } else { Hash::leaf(&size.to_be_bytes()) };
    let signer = signer();
    Checkpoint::new(signer.name().clone(), Head { size, root }).unwrap().sign(&signer).unwrap()
}

/// One of three witnesses.
pub(crate) fn witness(place: usize) -> Cosigner {
    Cosigner::from_seed(WITNESSES[place].name.parse().unwrap(), &WITNESSES[place].seed)
}

pub(crate) fn vkey(place: usize) -> VerifierKey {
    witness(place).verifier_key().clone()
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

/// A policy over three witnesses with this end.
pub(crate) fn policy(rest: &str) -> Policy {
    let line = |place| format!("witness w{place} {} http://w{place}.test/", vkey(place));
    let witnesses = (0..3).map(line).collect::<Vec<_>>().join("\n");
    let log = signer();
    Policy::parse(format!("log {}\n{witnesses}\n{rest}\n", log.verifier_key()).as_bytes()).unwrap()
}

pub(crate) fn two_of_three() -> Policy {
    policy("group g 2 w0 w1 w2\nquorum g")
}

/// A cosignature, verified.
pub(crate) fn cosignature(place: usize, of: &SignedCheckpoint, seconds: u64) -> Cosignature {
    let line = witness(place).cosign(of.checkpoint(), at(seconds));
    let answer = Answer::parse(line.to_string().as_bytes()).unwrap();
    answer.take(of, &[vkey(place)], None).unwrap().remove(0)
}

/// Now, and so many milliseconds later.
pub(crate) fn at_moment(ms: u64) -> (Instant, Instant) {
    let now = Instant::now();
    (now, now + Duration::from_millis(ms))
}
