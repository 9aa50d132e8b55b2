//! The cosignatures of the newest heads, and the note that they make.
//!
//! Only lines that were verified come in ([`Cosignature`]). Of each key the newest one counts. A note has them in the order
//! of the policy, and is called witnessed only after [`Policy::verify`] has accepted it. Late cosignatures of a head that
//! was overtaken still count for that head: it may be the newest one that the quorum has seen. So a head is kept as long as
//! somebody is being asked to cosign it, and there are never more of them than witnesses, and the newest.

use std::{
    collections::BTreeMap,
    slice,
    time::{Duration, Instant},
};

use tlog::{
    Head,
    checkpoint::SignedCheckpoint,
    cosignature::Timestamp,
    key::VerifierKey,
    note::{Note, SignatureLine},
    policy::Policy,
    witness::{Answer, Cosignature},
};

/// What is gathered for the heads that were offered.
#[derive(Debug)]
pub(crate) struct Gathered {
    policy: Policy,
    heads: BTreeMap<u64, OfHead>,
    epoch: u64,
    witnessed: Option<SignedCheckpoint>,
    /// Since when the cosignatures on it are enough, without those that are older.
    enough_since: Option<Instant>,
}

/// One head and its cosignatures by the place of their keys in the policy.
#[derive(Debug)]
struct OfHead {
    signed: SignedCheckpoint,
    lines: BTreeMap<usize, Line>,
}

#[derive(Debug)]
struct Line {
    cosignature: Cosignature,
    /// When it was asked for last, and its key answered.
    epoch: u64,
    /// When it came.
    since: Instant,
}

impl Gathered {
    /// Nothing, for a log with this policy.
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, heads: BTreeMap::new(), epoch: 0, witnessed: None, enough_since: None }
    }

    /// The policy.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The newest head that was offered, with the log's own lines alone.
    pub(crate) fn newest(&self) -> Option<&SignedCheckpoint> {
        self.heads.last_key_value().map(|(_, head)| &head.signed)
    }

    /// Which time of asking this is; 0 before the first.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Takes in a head that is to be cosigned, or asks anew for one that is known. Sizes never shrink. An older one is kept
    /// if a witness is `asked` for it: nobody else will cosign it any more.
    pub(crate) fn offer(&mut self, signed: &SignedCheckpoint, asked: impl Fn(u64) -> bool) {
        self.epoch += 1;
        self.keep(signed);
        let witnessed = self.witnessed.as_ref().map_or(0, SignedCheckpoint::size);
        self.heads.retain(|size, _| *size >= signed.size() || (*size >= witnessed && asked(*size)));
        self.look_again(signed.head());
    }

    /// Takes in what was published before this log was opened: cosignatures on it that hold count as they did, and are as
    /// old as the witnesses' clocks and ours (`clock`, at `now`) say. Nothing is taken from a note that the log's keys in
    /// the policy did not sign.
    pub(crate) fn restore(&mut self, note: &SignedCheckpoint, now: Instant, clock: Timestamp) {
        let by_witness = |line: &&SignatureLine| self.policy.witnesses().any(|(key, _)| line.claims(key));
        let own = note.signatures().iter().filter(|line| line.name() == note.origin() && !by_witness(line));
        let keys: Vec<VerifierKey> = self.policy.logs().iter().map(|log| log.key.clone()).collect();
        let keys: Vec<VerifierKey> = keys.into_iter().filter(|key| key.name() == note.origin()).collect();
        let own = Note::new(note.checkpoint().to_string(), own.cloned().collect());
        let Ok(Ok(signed)) = own.map(|own| SignedCheckpoint::open_any(own.to_string(), &keys)) else {
            return;
        };
        let held = |key| {
            Answer::parse(line_by(note, key)?.to_string().as_bytes())
                .ok()?
                .take(note, slice::from_ref(key), None)
                .ok()
        };
        let held: Vec<Cosignature> =
            self.policy.witnesses().filter_map(|(key, _)| held(key)).flatten().collect();
        self.keep(&signed);
        for cosignature in held {
            let age = clock.seconds().saturating_sub(cosignature.time().seconds());
            let since = now.checked_sub(Duration::from_secs(age)).unwrap_or(now);
            self.add(note.head(), 0, slice::from_ref(&cosignature), since);
        }
    }

    fn keep(&mut self, signed: &SignedCheckpoint) {
        let fresh = || OfHead { signed: signed.clone(), lines: BTreeMap::new() };
        let head = self.heads.entry(signed.size()).or_insert_with(fresh);
        if head.signed.head() == signed.head() {
            // Perhaps signed by other keys of the log; a witness's line holds under it as before.
            head.signed = signed.clone();
        } else {
            *head = fresh();
        }
    }

    /// Takes in verified cosignatures of a head, which were asked for in this epoch and came now. Those of heads that are
    /// forgotten, and by keys that the policy does not name, are dropped. One that says an earlier time than is known already
    /// (the witness's clock was set back) makes nothing younger; but its key has answered.
    pub(crate) fn add(&mut self, of: Head, epoch: u64, cosignatures: &[Cosignature], now: Instant) {
        let Some(head) = self.heads.get_mut(&of.size).filter(|head| head.signed.head() == of) else { return };
        for cosignature in cosignatures {
            let Some(place) = place_of(&self.policy, cosignature.key()) else { continue };
            let came = || Line { cosignature: cosignature.clone(), epoch, since: now };
            let line = head.lines.entry(place).or_insert_with(came);
            let epoch = line.epoch.max(epoch);
            if line.cosignature.time() <= cosignature.time() {
                *line = came();
            }
            line.epoch = epoch;
        }
        self.look_again(of);
    }

    /// The head's note with every cosignature that is there.
    pub(crate) fn note(&self, size: u64) -> Option<SignedCheckpoint> {
        let head = self.heads.get(&size)?;
        let lines = head.lines.values().map(|line| line.cosignature.line().clone());
        // A line that was verified is never one that a note cannot have; were it so, the log's own word is what is left.
        Some(head.signed.with_signatures(lines).unwrap_or_else(|_| head.signed.clone()))
    }

    /// The newest note that satisfies the policy, with every cosignature that is there.
    pub(crate) fn witnessed(&self) -> Option<&SignedCheckpoint> {
        self.witnessed.as_ref()
    }

    /// Since when enough cosignatures of what is witnessed are there; `None` where none are needed, or nothing is witnessed.
    pub(crate) fn enough_since(&self) -> Option<Instant> {
        self.enough_since
    }

    /// Whether the newest head satisfies the policy.
    pub(crate) fn met(&self) -> bool {
        let newest = self.newest().map(SignedCheckpoint::head);
        newest.is_some() && self.witnessed.as_ref().map(SignedCheckpoint::head) == newest
    }

    /// Whether it would with the cosignatures of `others` too.
    pub(crate) fn may_be_met(&self, others: impl Fn(&VerifierKey) -> bool) -> bool {
        let Some(head) = self.heads.last_key_value().map(|(_, head)| head) else { return false };
        let there = |key: &VerifierKey| {
            place_of(&self.policy, key).is_some_and(|place| head.lines.contains_key(&place)) || others(key)
        };
        self.policy.satisfied_by(there)
    }

    /// The size of the newest head that this key has cosigned here.
    pub(crate) fn cosigned_by(&self, key: &VerifierKey) -> Option<u64> {
        let place = place_of(&self.policy, key)?;
        let by = |(size, head): (&u64, &OfHead)| head.lines.contains_key(&place).then_some(*size);
        self.heads.iter().rev().find_map(by)
    }

    /// Whether it satisfies the policy by cosignatures of this time of asking alone, or by these and those of `others`.
    pub(crate) fn met_anew(&self, others: impl Fn(&VerifierKey) -> bool) -> bool {
        let Some(head) = self.heads.last_key_value().map(|(_, head)| head) else { return false };
        let anew = |key: &VerifierKey| {
            let line = place_of(&self.policy, key).and_then(|place| head.lines.get(&place));
            line.is_some_and(|line| line.epoch >= self.epoch) || others(key)
        };
        self.policy.satisfied_by(anew)
    }

    /// Whether a head is witnessed by now, and more so than what is known.
    fn look_again(&mut self, head: Head) {
        if self.witnessed.as_ref().is_some_and(|witnessed| witnessed.size() > head.size) {
            return;
        }
        let Some(note) = self.note(head.size) else { return };
        if self.policy.verify(note.bytes().clone()).is_ok() {
            self.witnessed = Some(note);
            self.enough_since = self.newest_enough(head.size);
        }
    }

    /// The latest moment from which on enough cosignatures of a head came.
    fn newest_enough(&self, size: u64) -> Option<Instant> {
        let lines = &self.heads.get(&size)?.lines;
        let enough = |since: &Instant| {
            self.policy.satisfied_by(|key| {
                let line = place_of(&self.policy, key).and_then(|place| lines.get(&place));
                line.is_some_and(|line| line.since >= *since)
            })
        };
        lines.values().map(|line| line.since).filter(enough).max()
    }
}

fn line_by<'n>(note: &'n SignedCheckpoint, key: &VerifierKey) -> Option<&'n SignatureLine> {
    note.signatures().iter().find(|line| line.claims(key))
}

/// Where the policy names this key.
fn place_of(policy: &Policy, key: &VerifierKey) -> Option<usize> {
    policy.witnesses().position(|(witness, _)| witness == key)
}

#[cfg(test)]
mod tests;
