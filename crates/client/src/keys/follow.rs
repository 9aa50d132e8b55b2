//! From the keys that a policy trusts to the key that a log signs with now. A pure function.

use serde::{Serialize, Serializer};
use tlog::Hash;
use tlog::checkpoint::SignedCheckpoint;
use tlog::key::VerifierKey;
use tlog::policy::Policy;
use tlog::proof;

use super::announcement::raw;
use super::error::{Fault, Forked};
use super::{Announcement, History, KeysError, Rotation};

/// Where a history led.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The policy given, and the keys that took the place of those it names.
    pub policy: Policy,
    /// The changes that were followed, in order; none if the history does not start from a key of the policy.
    pub steps: Vec<Step>,
}

/// One change of a log's key that was followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Index of the entry that announces it.
    pub index: u64,
    /// The largest size for which the old key's word alone counts.
    pub until: u64,
    /// The key that made way.
    #[serde(serialize_with = "vkey")]
    pub old: VerifierKey,
    /// The key that took its place.
    #[serde(serialize_with = "vkey")]
    pub new: VerifierKey,
}

fn vkey<S: Serializer>(key: &VerifierKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(key)
}

/// Follows a history from the keys that the policy trusts for its log.
///
/// Each rotation must be signed by the key that makes way, name the log, and lie in the log under a checkpoint that this
/// key signed; together they are one chain, in the order of the log. Rotations of keys before the first that is trusted say
/// nothing. The policy's quorum is not asked of these checkpoints: it is asked of the one that is believed in the end. From
/// the size of a rotation's checkpoint on the old key's word alone counts for nothing.
///
/// # Errors
/// Whatever is not so; [`KeysError::Fork`] with both sides for two successors of one key.
pub fn follow_keys(policy: &Policy, history: &History) -> Result<Followed, KeysError> {
    let origin = history.origin();
    let trusted = policy.logs().iter().map(|log| log.key.clone()).filter(|key| key.name() == origin);
    let mut chain = Chain { trusted: trusted.collect(), steps: vec![], taken: vec![] };
    if chain.trusted.is_empty() {
        return Err(KeysError::OtherLog { origin: origin.clone() });
    }
    let mut policy = policy.clone();
    for (number, rotation) in (1..).zip(history.rotations()) {
        let bad = |fault: Fault| KeysError::Rotation { number, fault };
        let Some(step) = chain.step(rotation, history).map_err(|error| error.at(number))? else { continue };
        policy = policy.succeed(&step.old, &step.new, step.until).map_err(|fault| bad(fault.into()))?;
        chain.take(step, rotation);
    }
    Ok(Followed { policy, steps: chain.steps })
}

/// Why a rotation is not taken.
enum Refused {
    Fault(Fault),
    Fork(Box<Forked>),
}

impl Refused {
    fn at(self, number: usize) -> KeysError {
        match self {
            Self::Fault(fault) => KeysError::Rotation { number, fault },
            Self::Fork(forked) => KeysError::Fork(forked),
        }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// How far one has come.
struct Chain<'h> {
    trusted: Vec<VerifierKey>,
    steps: Vec<Step>,
    /// The rotation of each step.
    taken: Vec<&'h Rotation>,
}

impl<'h> Chain<'h> {
    /// The step that a rotation is; `None` if it is of a key before those that are trusted.
    fn step(&self, rotation: &'h Rotation, history: &History) -> Result<Option<Step>, Refused> {
        let told = Announcement::read(rotation.entry(), history.origin())
            .map_err(|error| Fault::Announcement(error.to_string()))?;
        let names = |key: &&VerifierKey| raw(key).is_ok_and(|key| key.id() == told.replaces);
        let Some(old) = self.trusted.iter().find(names) else {
            return if self.steps.is_empty() { Ok(None) } else { Err(Fault::Order.into()) };
        };
        let step = verify(rotation, told, old)?;
        if let Some(at) = self.steps.iter().position(|earlier| earlier.old == *old) {
            let forked = Forked { first: self.taken[at].clone(), second: rotation.clone() };
            let same = self.steps[at].new == step.new;
            return if same { Err(Fault::Order.into()) } else { Err(Refused::Fork(Box::new(forked))) };
        }
        if step.new == *old || self.steps.iter().any(|earlier| earlier.old == step.new) {
            return Err(Fault::Cycle.into());
        }
        match self.steps.last() {
            Some(last) if last.new != *old || step.index < last.until => Err(Fault::Order.into()),
            _ => Ok(Some(step)),
        }
    }

    fn take(&mut self, step: Step, rotation: &'h Rotation) {
        if !self.trusted.contains(&step.new) {
            self.trusted.push(step.new.clone());
        }
        self.steps.push(step);
        self.taken.push(rotation);
    }
}

/// That the key that makes way says so, in the log that it signs.
fn verify(rotation: &Rotation, told: Announcement, old: &VerifierKey) -> Result<Step, Fault> {
    if !told.is_signed_by(old) {
        return Err(Fault::NotSigned);
    }
    let proof = rotation.proof();
    let checkpoint = SignedCheckpoint::open(proof.checkpoint().clone(), old)?;
    let leaf = Hash::leaf(rotation.entry());
    proof::verify_inclusion(proof.index(), leaf, proof.path(), checkpoint.head())?;
    Ok(Step { index: proof.index(), until: checkpoint.size(), old: old.clone(), new: told.new })
}
