//! Fork proofs that others hand on. Each stands by itself, if it is by keys that are trusted. Which of its heads is not of our
//! history it does not say: where that is not known, both are connected first, as any head is.

use tlog::Head;
use tlog::fork::ForkProof;

use super::forks::{Case, name_of};
use super::heads::subject;
use super::memory::Whom;
use super::{Effect, Incident, SPLITS_MAX, Watch};
use crate::event::Millis;

/// Proofs of which it is being found out which head is not ours, at most; further ones are noted at once, as if it could
/// not be found out.
const PENDING_MAX: usize = 8;

/// A proof of which it is being found out which head is not ours.
#[derive(Debug)]
pub(super) struct Pending {
    case: Case,
    since: Millis,
}

impl Watch {
    pub(super) fn forked(&mut self, now: Millis, text: &str, from: &Whom, effects: &mut Vec<Effect>) {
        let Ok(proof) = ForkProof::parse(text.as_bytes()) else { return };
        let Some(case) = self.believed(&proof, text) else { return };
        let heads = case.fork.heads();
        let room = self.flying.pending.len() < PENDING_MAX;
        if room && !self.is_decided(heads) && self.memory.proven.is_some() {
            for note in proof.notes() {
                if let Ok(heard) = self.trust.hear(note.as_bytes()) {
                    self.take(now, heard, from.clone(), effects);
                }
            }
        }
        let same = |pending: &Pending| pending.case.text == case.text;
        if !self.is_open(now, heads, now) {
            self.note_handed(now, case, effects);
        } else if !self.flying.pending.iter().any(same) {
            if room {
                self.flying.pending.push(Pending { case, since: now });
            } else {
                self.note_handed(now, case, effects);
            }
        }
    }

    /// Notes the proofs of which it is known by now which head is not ours, or cannot be found out.
    pub(super) fn decide_pending(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let pending = std::mem::take(&mut self.flying.pending);
        let open = |each: &Pending| self.is_open(now, each.case.fork.heads(), each.since);
        let (open, decided): (Vec<_>, Vec<_>) = pending.into_iter().partition(open);
        self.flying.pending = open;
        decided.into_iter().for_each(|each| self.note_handed(now, each.case, effects));
    }

    /// What a proof shows, if it is one, of this log, and by keys that are trusted.
    fn believed(&self, proof: &ForkProof, text: &str) -> Option<Case> {
        let fork = proof.verify().ok()?;
        let keys = self.trust.keys();
        let trusted: Vec<_> = fork.statements().iter().filter(|by| keys.contains(by.key())).collect();
        let logs = || trusted.iter().filter(|by| !by.key().key_type().cosigns());
        let by_the_log = logs().any(|by| by.first().is_some()) && logs().any(|by| by.second().is_some());
        let guilty: Vec<_> =
            trusted.iter().filter(|by| by.is_guilty()).map(|by| by.key().to_string()).collect();
        let counts = by_the_log || !guilty.is_empty();
        let case = (counts && fork.origin() == self.trust.origin()).then_some((fork, guilty));
        case.map(|(fork, guilty)| Case { text: text.to_owned(), fork, guilty })
    }

    /// Keeps a proof that shows a split view which was not known, more of the guilty, or a witness who was not accused before.
    fn note_handed(&mut self, now: Millis, case: Case, effects: &mut Vec<Effect>) {
        let other = self.stranger(case.fork.heads());
        let guilty = case.guilty.len();
        let known = |each: &Incident| each.subject == subject(other) && each.guilty.len() >= guilty;
        let room = self.memory.splits().count() < SPLITS_MAX;
        let dull = !room || self.memory.splits().any(|each| each.proof.is_some() && known(each));
        let kept = self.memory.proofs().contains(&&*name_of(&case.text));
        if !kept && (!dull || self.accuses_more(&case.fork)) {
            self.note_fork(now, other, case, room, effects);
        }
    }

    /// Whether one of two heads may still turn out to be of our history.
    fn is_open(&self, now: Millis, heads: [Head; 2], since: Millis) -> bool {
        let untried = |head: &Head| {
            self.memory.waiting.iter().any(|waiting| waiting.heard.head() == *head && !waiting.tried)
        };
        let in_time = since.saturating_add(self.limits.delay) > now;
        in_time && !self.is_decided(heads) && heads.iter().any(untried)
    }

    fn is_decided(&self, heads: [Head; 2]) -> bool {
        heads.into_iter().any(|head| self.is_ours(head) || self.is_strange(head))
    }

    /// Whether a head is known not to belong to the history.
    fn is_strange(&self, head: Head) -> bool {
        self.memory.is_other(head) || self.ours_of_size(head).is_some()
    }

    /// Which of two heads is not of the history. Where nothing of it could be found out, the larger one: it is not shown here.
    fn stranger(&self, [one, two]: [Head; 2]) -> Head {
        let one_is_strange = self.is_ours(two) || (self.is_strange(one) && !self.is_ours(one));
        if one_is_strange { one } else { two }
    }
}
