//! Who is there: names, keys, policies.

use std::fmt;
use std::net::IpAddr;

use follower::witness::enrolled::Enrolled;
use monitor::heard::Trust;
use testkit::keys::{LOG, WITNESSES};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::cosignature::Cosigner;
use tlog::key::{KeyName, Signer, VerifierKey};
use tlog::policy::Policy;
use tlog::{Head, SIZE_MAX};

/// Witnesses that there are.
pub(super) const WITNESSES_MAX: usize = WITNESSES.len();

/// Two of the three witnesses have to cosign.
pub(super) const TWO_OF_THREE: &str = "group g 2 w0 w1 w2\nquorum g\n";
/// Nobody has to.
pub(super) const NOBODY: &str = "quorum none\n";

/// Somebody in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    /// A log: all of them have one key and one name.
    Log(usize),
    Witness(usize),
    Monitor(usize),
    Client(usize),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(number) => write!(f, "log-{number}"),
            Self::Witness(number) => write!(f, "witness-{number}"),
            Self::Monitor(number) => write!(f, "monitor-{number}"),
            Self::Client(number) => write!(f, "client-{number}"),
        }
    }
}

impl Node {
    /// From where its requests come.
    pub(super) fn address(self) -> IpAddr {
        let (net, number) = match self {
            Self::Log(number) => (0, number),
            Self::Witness(number) => (1, number),
            Self::Monitor(number) => (2, number),
            Self::Client(number) => (3, number),
        };
        let [.., high, low] = number.to_be_bytes();
        IpAddr::from([10, net, high, low])
    }
}

/// Name of the log.
pub(super) fn origin() -> KeyName {
    LOG.name.parse().expect("a name")
}

/// The log's key. Whoever simulates a log that lies has it.
pub(super) fn signer() -> Signer {
    Signer::from_seed(origin(), &LOG.seed)
}

/// The key of a witness.
pub(super) fn cosigner(number: usize) -> Cosigner {
    let key = WITNESSES[number];
    Cosigner::from_seed(key.name.parse().expect("a name"), &key.seed)
}

/// Its public half.
pub(super) fn vkey(number: usize) -> VerifierKey {
    cosigner(number).verifier_key().clone()
}

/// The log's word for a head.
pub(super) fn sign(head: Head) -> SignedCheckpoint {
    let checkpoint = Checkpoint::new(origin(), head).expect("a head");
    checkpoint.sign(&signer()).expect("a signature")
}

/// A head that the log might sign and that belongs to nothing.
pub(super) fn invented(size: u64, number: u64) -> Head {
    Head { size: size.clamp(1, SIZE_MAX), root: tlog::Hash::leaf(&number.to_be_bytes()) }
}

/// A policy over the log and all witnesses, with this end.
pub(super) fn policy(quorum: &str) -> Policy {
    let line = |number| format!("witness w{number} {} http://w{number}.test/\n", vkey(number));
    let witnesses: String = (0..WITNESSES_MAX).map(line).collect();
    let text = format!("log {}\n{witnesses}{quorum}", signer().verifier_key());
    Policy::parse(text.as_bytes()).expect("a policy")
}

/// What a monitor believes by such a policy.
pub(super) fn trust(quorum: &str) -> Trust {
    Trust::new(origin(), policy(quorum))
}

/// The list of a witness that follows the log, for as often as it likes.
pub(super) fn enrolled() -> Enrolled {
    let list = format!("logs/v0\n\nvkey {}\nqpd 2000000000\ncontact nobody\n", signer().verifier_key());
    list.parse().expect("a list")
}
