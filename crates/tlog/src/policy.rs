//! Policies (C2SP tlog-policy): which logs one trusts, and how many of which witnesses must have cosigned.
//!
//! ```text
//! log     <vkey> [<url>]                   any one of these must have signed, under its own origin
//! witness <name> <vkey> [<url>]
//! group   <name> all|any|<k> <member>...   satisfied by at least k of its members
//! quorum  <name> | none                    exactly one such line
//! ```
//!
//! Words are divided by spaces and tabs; blank lines and lines that start with `#` say nothing. A log's signature
//! alone is a promise by the log; the quorum makes it evidence.
//!
//! Strict where programs differ: thresholds from 1 to the number of members, one quorum line, one use for each
//! name and each public key (a log cannot be its own witness), log keys of type 0x01, witness keys of type 0x04
//! or 0x06, URLs in UTF-8.

mod error;
mod text;

use std::fmt;

use bytes::Bytes;

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::cosignature::Timestamp;
use crate::key::{KeyName, VerifierKey};
use crate::note::{Note, OpenError, OpenedNote};

pub use error::{PolicyError, PolicyFault, PolicyTextError};
pub use text::POLICY_LEN_MAX;

/// Which checkpoints to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    /// Witnesses and groups in the order of their lines; members come before their groups.
    components: Vec<Component>,
    quorum: Quorum,
}

/// A log that the policy trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLog {
    /// Key of the log; its name is the origin.
    pub key: VerifierKey,
    /// Where the log can be read, if the policy says so.
    pub url: Option<String>,
    /// The largest size for which this key's word alone counts, if another key took its place ([`Policy::succeed`]). The
    /// text of a policy does not say it.
    pub until: Option<u64>,
}

impl PolicyLog {
    fn counts_at(&self, size: u64) -> bool {
        self.until.is_none_or(|until| size <= until)
    }
}

/// A witness or a group, under its name in the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Component {
    name: ComponentName,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Witness { key: VerifierKey, url: Option<String> },
    Group { threshold: usize, members: Vec<usize> },
}

/// Who must have cosigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quorum {
    Nobody,
    /// Position among the components.
    Component(usize),
}

/// How much of the quorum is there.
struct Count<'p> {
    component: &'p Component,
    have: usize,
    want: usize,
}

/// Name of a witness or group within one policy: bytes without meaning (C2SP tlog-policy).
#[derive(Clone, PartialEq, Eq)]
struct ComponentName(Vec<u8>);

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}

impl Policy {
    /// Trust in one log, with nobody asked to cosign.
    pub fn log_only(key: VerifierKey) -> Result<Self, PolicyFault> {
        text::check_log_key(&key)?;
        Ok(Self {
            logs: vec![PolicyLog { key, url: None, until: None }],
            components: Vec::new(),
            quorum: Quorum::Nobody,
        })
    }

    /// The same policy after a log's key `old` made way for `new`: the new key is believed as the old one was, and the old
    /// one's word alone counts for no checkpoint of more than `until` entries. Whether it did make way is for the caller to
    /// know. A policy that does not name `old` stays as it is.
    pub fn succeed(mut self, old: &VerifierKey, new: &VerifierKey, until: u64) -> Result<Self, PolicyFault> {
        text::check_log_key(new)?;
        let Some(at) = self.logs.iter().position(|log| log.key == *old) else { return Ok(self) };
        if !self.logs.iter().any(|log| log.key == *new) {
            text::check_new(new, self.keys())?;
            self.logs.push(PolicyLog { key: new.clone(), url: self.logs[at].url.clone(), until: None });
        }
        self.logs[at].until = Some(until);
        Ok(self)
    }

    /// Reads the text of a policy, at most [`POLICY_LEN_MAX`] bytes.
    pub fn parse(text: &[u8]) -> Result<Self, PolicyTextError> {
        text::parse(text)
    }

    /// The policy in its shortest form: no comments, logs first, thresholds as numbers. Means the same.
    pub fn to_bytes(&self) -> Vec<u8> {
        text::print(self)
    }

    /// The logs it trusts. With none of them, no checkpoint satisfies the policy.
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses it names, with the prefix of the URL to submit to where the policy says one.
    pub fn witnesses(&self) -> impl Iterator<Item = (&VerifierKey, Option<&str>)> {
        self.components.iter().filter_map(|component| match &component.kind {
            Kind::Witness { key, url } => Some((key, url.as_deref())),
            Kind::Group { .. } => None,
        })
    }

    /// Checks a signed checkpoint: the log's signature under its own origin, every signature by a key that the
    /// policy names, and the quorum.
    pub fn verify(&self, note: impl Into<Bytes>) -> Result<VerifiedCheckpoint, PolicyError> {
        let bytes = note.into();
        let note = Note::parse(&bytes).map_err(|error| PolicyError::NotACheckpoint(error.into()))?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(PolicyError::NotACheckpoint)?;
        let logs = self.logs_of(checkpoint.origin())?;
        let opened = note.open(self.keys()).map_err(|error| self.blame(error, checkpoint.origin()))?;
        let log = signer_of(&logs, &opened, &checkpoint)?.clone();
        self.check_quorum(&opened)?;
        let witnesses = self.witnesses_on(&opened);
        Ok(VerifiedCheckpoint {
            signed: SignedCheckpoint::verified(checkpoint, bytes, &note),
            log,
            witnesses,
        })
    }

    fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.logs.iter().map(|log| &log.key).chain(self.witnesses().map(|(key, _)| key))
    }

    /// A log may have several keys, but only under its own name.
    fn logs_of(&self, origin: &KeyName) -> Result<Vec<&PolicyLog>, PolicyError> {
        let logs: Vec<_> = self.logs.iter().filter(|log| log.key.name() == origin).collect();
        if logs.is_empty() { Err(PolicyError::WrongOrigin { origin: origin.clone() }) } else { Ok(logs) }
    }

    /// Says whose signature spoiled the note.
    fn blame(&self, error: OpenError, origin: &KeyName) -> PolicyError {
        match &error {
            OpenError::NoKnownSignature => PolicyError::NoLogSignature { origin: origin.clone() },
            OpenError::BadSignature { name, id, .. } | OpenError::AmbiguousKey { name, id } => {
                if self.witnesses().any(|(key, _)| key.name() == name && key.id() == *id) {
                    PolicyError::BadCosignature(error)
                } else {
                    PolicyError::BadLogSignature(error)
                }
            }
        }
    }

    /// Whether the quorum would be satisfied if these witnesses had cosigned, and no others. Says nothing of signatures:
    /// what is believed is what [`Self::verify`] verified.
    pub fn satisfied_by(&self, cosigned: impl Fn(&VerifierKey) -> bool) -> bool {
        self.count(cosigned).is_none_or(|Count { have, want, .. }| have >= want)
    }

    fn check_quorum(&self, opened: &OpenedNote<'_>) -> Result<(), PolicyError> {
        match self.count(|key| opened.signature_by(key).is_some()) {
            Some(Count { component, have, want }) if have < want => {
                Err(PolicyError::NotEnoughCosignatures { quorum: component.name.to_string(), have, want })
            }
            _ => Ok(()),
        }
    }

    /// How many members the quorum has behind it; `None` if nobody need have cosigned. Members come before their groups, so
    /// one walk settles every component.
    fn count(&self, cosigned: impl Fn(&VerifierKey) -> bool) -> Option<Count<'_>> {
        let Quorum::Component(quorum) = self.quorum else { return None };
        // How many members have each component's back, and how many it needs; a witness is its own only member.
        let mut counts: Vec<(usize, usize)> = Vec::with_capacity(self.components.len());
        for component in &self.components[..=quorum] {
            counts.push(match &component.kind {
                Kind::Witness { key, .. } => (usize::from(cosigned(key)), 1),
                Kind::Group { threshold, members } => {
                    let satisfied =
                        |member: &&usize| counts.get(**member).is_some_and(|(have, want)| have >= want);
                    (members.iter().filter(satisfied).count(), *threshold)
                }
            });
        }
        let (have, want) = counts[quorum];
        Some(Count { component: &self.components[quorum], have, want })
    }

    fn witnesses_on(&self, opened: &OpenedNote<'_>) -> Vec<VerifiedWitness> {
        let by = |key: &VerifierKey| opened.signature_by(key)?.time();
        self.witnesses()
            .filter_map(|(key, _)| Some(VerifiedWitness { key: key.clone(), time: by(key)? }))
            .collect()
    }
}

/// The key of the log that signed, and whose word counts for a tree of this size.
fn signer_of<'p>(
    logs: &[&'p PolicyLog],
    opened: &OpenedNote<'_>,
    checkpoint: &Checkpoint,
) -> Result<&'p VerifierKey, PolicyError> {
    let origin = checkpoint.origin().clone();
    let signed = || logs.iter().filter(|log| opened.signature_by(&log.key).is_some());
    if let Some(log) = signed().find(|log| log.counts_at(checkpoint.size())) {
        return Ok(&log.key);
    }
    match signed().filter_map(|log| log.until).max() {
        Some(until) => Err(PolicyError::Superseded { origin, until, size: checkpoint.size() }),
        None => Err(PolicyError::NoLogSignature { origin }),
    }
}

/// A checkpoint that satisfied a policy. Made by [`Policy::verify`] only.
#[derive(Clone, Debug)]
pub struct VerifiedCheckpoint {
    signed: SignedCheckpoint,
    log: VerifierKey,
    witnesses: Vec<VerifiedWitness>,
}

impl VerifiedCheckpoint {
    /// The checkpoint and its bytes.
    pub fn signed(&self) -> &SignedCheckpoint {
        &self.signed
    }

    /// The key of the policy under which the log's signature holds.
    pub fn log_key(&self) -> &VerifierKey {
        &self.log
    }

    /// The policy's witnesses whose cosignatures hold, in the policy's order: at least the quorum.
    pub fn witnesses(&self) -> &[VerifiedWitness] {
        &self.witnesses
    }
}

/// A witness whose cosignature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedWitness {
    key: VerifierKey,
    time: Timestamp,
}

impl VerifiedWitness {
    /// Key of the witness.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// When it cosigned, by its own clock. Nothing here compares it with any other clock.
    pub fn time(&self) -> Timestamp {
        self.time
    }
}
