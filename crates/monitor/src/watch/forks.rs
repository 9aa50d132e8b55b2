//! Heads that cannot both be true: the proofs, whom they accuse, and how many of them are kept.
//!
//! A log that forks as often as it signs fills neither memory nor disk. Of the proofs those are kept that come first, and later
//! ones only if they accuse somebody who was not accused before: each witness once. That it goes on is counted.

use sha2::{Digest as _, Sha256};
use tlog::Head;
use tlog::fork::{ForkError, ForkProof, Statement, VerifiedFork};
use tlog::key::VerifierKey;
use tlog::plan::ConsistencyProof;

use super::heads::subject;
use super::incident::Sight;
use super::memory::Other;
use super::{Effect, Incident, OTHERS_MAX, SPLITS_MAX, Watch};
use crate::event::{Kind, Millis};
use crate::heard::Heard;

/// A fork that was verified.
#[derive(Debug)]
pub(super) struct Case {
    /// The proof.
    pub(super) text: String,
    pub(super) fork: VerifiedFork,
    /// Keys that are trusted and signed both.
    pub(super) guilty: Vec<String>,
}

impl Watch {
    /// Two heads that cannot both be true, of which one is of the history.
    pub(super) fn contradict(
        &mut self,
        now: Millis,
        mut other: Heard,
        ours: &Heard,
        grown: Option<&ConsistencyProof>,
        effects: &mut Vec<Effect>,
    ) {
        let head = other.head();
        if let Some(waiting) = self.memory.waiting.iter().find(|waiting| waiting.heard.head() == head) {
            other.merge(&waiting.heard);
        }
        self.memory.waiting.retain(|waiting| waiting.heard.head() != head);
        self.end(now, Kind::Unconnected, |which| which == subject(head));
        let room = self.memory.is_other(head) || self.memory.others.len() < OTHERS_MAX;
        let guilty = self.convict(now, &other, ours, grown, room, effects);
        if room {
            self.remember_other(other, &guilty);
        }
    }

    /// A head beside those of its size that wait: at most one of them is of the history, and which one is not known yet, so
    /// that they go on waiting. One of them is enough to tell the split view; others are looked at for a witness who is not
    /// accused yet.
    pub(super) fn face_rivals(
        &mut self,
        now: Millis,
        heard: &Heard,
        published: bool,
        effects: &mut Vec<Effect>,
    ) {
        let head = heard.head();
        let waiting = self.memory.waiting.iter().map(|waiting| &waiting.heard);
        let rivals = waiting.filter(|rival| rival.size() == head.size && rival.head() != head);
        for (number, rival) in rivals.cloned().collect::<Vec<_>>().iter().enumerate() {
            let (other, ours) = if published { (rival, heard) } else { (heard, rival) };
            let room = self.memory.splits().count() < SPLITS_MAX;
            if number == 0 || self.share_a_witness(other, ours) {
                self.convict(now, other, ours, None, room, effects);
            }
        }
    }

    /// Whether a witness who is not accused yet has a line on both.
    fn share_a_witness(&self, one: &Heard, other: &Heard) -> bool {
        let fresh = |key: &&VerifierKey| !self.memory.is_accused(&key.to_string());
        self.trust.witnesses().filter(|key| one.is_by(key) && other.is_by(key)).any(|key| fresh(&key))
    }

    /// Notes that two heads cannot both be true, with a proof; the keys that it shows guilty.
    fn convict(
        &mut self,
        now: Millis,
        other: &Heard,
        ours: &Heard,
        grown: Option<&ConsistencyProof>,
        room: bool,
        effects: &mut Vec<Effect>,
    ) -> Vec<String> {
        match self.fork(other, ours, grown) {
            Ok((proof, fork)) => {
                let guilty: Vec<_> = fork.guilty().map(|by| by.key().to_string()).collect();
                let (other, text) = (other.head(), proof.to_string());
                self.note_fork(now, other, Case { text, fork, guilty: guilty.clone() }, room, effects);
                guilty
            }
            Err(error) => {
                let words = format!("two histories, and the proof cannot be written: {error}");
                let sight = Sight::new(Kind::SplitView, subject(other.head()), words);
                self.see_split(now, sight, room);
                vec![]
            }
        }
    }

    /// A proof of as many keys as fit: all of them, or those that are guilty, or the log's alone.
    fn fork(
        &self,
        other: &Heard,
        ours: &Heard,
        grown: Option<&ConsistencyProof>,
    ) -> Result<(ForkProof, VerifiedFork), ForkError> {
        let is_log = |key: &VerifierKey| !key.key_type().cosigns();
        let is_guilty = |key: &VerifierKey| is_log(key) || (other.is_by(key) && ours.is_by(key));
        let keys = self.trust.keys();
        let of = |which: &dyn Fn(&VerifierKey) -> bool| -> Vec<_> {
            keys.iter().filter(|key| which(key)).cloned().collect()
        };
        let heads = [&other.bytes()[..], &ours.bytes()[..]];
        let make = |keys: &[VerifierKey]| ForkProof::make(heads, keys, grown.cloned());
        let too_long = |made: &Result<ForkProof, ForkError>| matches!(made, Err(ForkError::TooLong { .. }));
        let mut made = make(&keys);
        for fewer in [of(&is_guilty), of(&is_log)] {
            if too_long(&made) {
                made = make(&fewer);
            }
        }
        let proof = made?;
        let fork = proof.verify()?;
        Ok((proof, fork))
    }

    /// Notes a fork. Its proof is kept only if an incident is to name it: a new one, one that accuses fewer so far, or one of a
    /// witness who was not accused before.
    pub(super) fn note_fork(
        &mut self,
        now: Millis,
        other: Head,
        Case { text, fork, guilty }: Case,
        room: bool,
        effects: &mut Vec<Effect>,
    ) {
        let subject = subject(other);
        let known = self.memory.splits().find(|incident| incident.subject == subject);
        let better = |known: &Incident| known.proof.is_none() || guilty.len() > known.guilty.len();
        let name = name_of(&text);
        if known.map_or(room, better) || self.accuses_more(&fork) {
            effects.push(Effect::Keep { name: name.clone(), text });
        }
        self.accuse_witnesses(now, &fork, &name);
        let mut sight = Sight::new(Kind::SplitView, subject, fork.to_string());
        (sight.guilty, sight.proof) = (guilty, Some(name));
        self.see_split(now, sight, room);
    }

    /// Notes a split view, or counts it on the first one where enough are known.
    fn see_split(&mut self, now: Millis, sight: Sight, room: bool) {
        let known = self.memory.splits().any(|incident| incident.subject == sight.subject);
        let first = self.memory.splits().next().map(|first| first.subject.clone());
        match first.filter(|_| !known && !room) {
            Some(first) => self.see(now, Sight::new(Kind::SplitView, first, "")),
            None => self.see(now, sight),
        }
    }

    /// Witnesses that are trusted and signed both heads.
    fn guilty_witnesses<'f>(&'f self, fork: &'f VerifiedFork) -> impl Iterator<Item = &'f VerifierKey> {
        let known = |key: &&VerifierKey| self.trust.witnesses().any(|witness| witness == *key);
        fork.guilty().map(Statement::key).filter(known)
    }

    /// Whether it accuses a witness who was not accused before.
    pub(super) fn accuses_more(&self, fork: &VerifiedFork) -> bool {
        self.guilty_witnesses(fork).any(|key| !self.memory.is_accused(&key.to_string()))
    }

    fn accuse_witnesses(&mut self, now: Millis, fork: &VerifiedFork, proof: &str) {
        let guilty: Vec<_> = self.guilty_witnesses(fork).cloned().collect();
        for key in guilty {
            let words = format!("the witness {} cosigned {fork}", key.name());
            let mut sight = Sight::new(Kind::TwoHistoriesCosigned, key.to_string(), words);
            (sight.proof, sight.guilty) = (Some(proof.to_owned()), vec![key.to_string()]);
            self.see(now, sight);
        }
    }

    fn remember_other(&mut self, heard: Heard, guilty: &[String]) {
        let known = self.memory.others.iter_mut().find(|each| each.heard.head() == heard.head());
        if let Some(other) = known {
            other.heard.merge(&heard);
            other.stale = false;
            let more: Vec<_> = guilty.iter().filter(|key| !other.guilty.contains(key)).cloned().collect();
            other.guilty.extend(more);
        } else {
            self.memory.others.push(Other { heard, guilty: guilty.to_vec(), stale: false });
        }
    }
}

/// What a fork proof is kept under.
pub(crate) fn name_of(text: &str) -> String {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or_default();
    Sha256::digest(text).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
