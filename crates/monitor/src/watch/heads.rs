//! Heads, as they come in and are connected.

use tlog::Head;

use super::clocks::resumed;
use super::incident::Sight;
use super::memory::{Waiting, Whom};
use super::{Effect, Proof, Taken, WAITING_MAX, WAITING_OF_ONE_MAX, Watch};
use crate::event::{Kind, Millis};
use crate::heard::Heard;

/// What a head is named by.
pub(super) fn subject(head: Head) -> String {
    format!("{} {}", head.size, head.root)
}

impl Watch {
    /// The log's own checkpoint, which satisfies the policy.
    pub(super) fn shown(&mut self, now: Millis, heard: Heard, effects: &mut Vec<Effect>) {
        self.answered(now);
        self.flying.shown = true;
        self.end(now, Kind::Checkpoint, |_| true);
        let size = heard.size();
        if size > self.memory.largest || self.memory.grown.is_none() {
            (self.memory.largest, self.memory.grown) = (size, Some(now));
            self.end(now, Kind::StandsStill, |_| true);
        }
        if size < self.memory.largest {
            self.memory.behind.get_or_insert(now);
        } else {
            self.memory.behind = None;
            self.end(now, Kind::WentBack, |_| true);
        }
        if self.memory.proven.is_none() {
            // Nobody has seen anything of it before: what it shows first is what all else is held against.
            self.prove(&heard);
            self.aim(&heard);
        }
        self.take(now, heard, Whom::Log, effects);
    }

    pub(super) fn refused(
        &mut self,
        now: Millis,
        why: &str,
        heard: Option<Heard>,
        effects: &mut Vec<Effect>,
    ) {
        self.answered(now);
        self.see(now, Sight::new(Kind::Checkpoint, "", why));
        if let Some(heard) = heard {
            self.take(now, heard, Whom::LogRefused, effects);
        }
    }

    /// The log could be read. While it could not, nobody could connect what waits, or see how much it shows.
    fn answered(&mut self, now: Millis) {
        self.flying.answers = Some(true);
        let memory = &mut self.memory;
        if let Some((silent, _)) = memory.silent.take() {
            let waiting = memory.waiting.iter_mut().map(|waiting| &mut waiting.since);
            waiting.chain(&mut memory.behind).for_each(|since| *since = resumed(*since, silent, now));
        }
        self.end(now, Kind::Unreachable, |_| true);
    }

    pub(super) fn silent(&mut self, now: Millis, why: &str) {
        self.flying.answers = Some(false);
        let since = self.memory.silent.as_ref().map_or(now, |(since, _)| *since);
        self.memory.silent = Some((since, why.to_owned()));
    }

    /// A head that its log signed, by whomever it was handed on.
    pub(super) fn take(&mut self, now: Millis, heard: Heard, from: Whom, effects: &mut Vec<Effect>) -> Taken {
        let head = heard.head();
        if head.size == 0 {
            return Taken::Known;
        }
        if let Some(other) = self.memory.others.iter_mut().find(|other| other.heard.head() == head) {
            if other.heard.merge(&heard) {
                other.stale = true;
                self.flying.later.remove(&subject(head));
                self.flying.acquit(head);
            }
            self.see(now, Sight::new(Kind::SplitView, subject(head), ""));
            return Taken::Contradicts;
        }
        if self.is_ours(head) {
            self.connect(now, &heard, from == Whom::Log, effects);
            return Taken::Known;
        }
        if let Some(ours) = self.ours_of_size(head) {
            self.contradict(now, heard, &ours, None, effects);
            return Taken::Contradicts;
        }
        if let Some(waiting) = self.memory.waiting.iter_mut().find(|each| each.heard.head() == head) {
            let more = waiting.heard.merge(&heard);
            if from == Whom::Log && waiting.from != Whom::Log {
                // Its tiles have to be there now.
                waiting.from = Whom::Log;
                self.flying.later.remove(&subject(head));
            }
            if more {
                self.face_rivals(now, &heard, from == Whom::Log, effects);
            }
            return Taken::Waits;
        }
        if !self.make_room(&from) {
            return Taken::Full;
        }
        self.face_rivals(now, &heard, from == Whom::Log, effects);
        self.memory.waiting.push(Waiting { heard, from, since: now, tried: false });
        Taken::Waits
    }

    /// Whether a head is known to belong to the history.
    pub(super) fn is_ours(&self, head: Head) -> bool {
        let memory = &self.memory;
        let ours = [&memory.proven, &memory.target, &memory.verified];
        ours.into_iter().flatten().any(|heard| heard.head() == head)
            || memory.cosigned.values().any(|heard| heard.head() == head)
            || self.flying.settled.contains(&head)
    }

    /// A head of the history of the same size and with another root.
    pub(super) fn ours_of_size(&self, head: Head) -> Option<Heard> {
        let memory = &self.memory;
        let ours = [&memory.proven, &memory.target, &memory.verified].into_iter().flatten();
        let mut ours = ours.chain(memory.cosigned.values());
        ours.find(|heard| heard.size() == head.size && heard.head() != head).cloned()
    }

    /// Room for one more head of this source; whether there is some. Nobody takes another's place who has fewer.
    fn make_room(&mut self, from: &Whom) -> bool {
        let of = |whom: &Whom| self.memory.waiting.iter().filter(|waiting| waiting.from == *whom).count();
        let (own, all) = (of(from), self.memory.waiting.len());
        let takes_turns = matches!(from, Whom::Log | Whom::LogRefused);
        let from = if own >= WAITING_OF_ONE_MAX {
            if !takes_turns {
                return false;
            }
            from.clone()
        } else if all >= WAITING_MAX && !takes_turns {
            let most = self.memory.waiting.iter().map(|each| &each.from).max_by_key(|whom| of(whom)).cloned();
            let Some(most) = most.filter(|most| of(most) > own + 1) else { return false };
            most
        } else {
            return true;
        };
        // The first ones stay: they have waited longest.
        if let Some(at) = self.memory.waiting.iter().rposition(|waiting| waiting.from == from) {
            self.memory.waiting.remove(at);
        }
        true
    }

    /// A head that belongs to the history.
    fn connect(&mut self, now: Millis, heard: &Heard, published: bool, effects: &mut Vec<Effect>) {
        let head = heard.head();
        self.memory.waiting.retain(|waiting| waiting.heard.head() != head);
        self.end(now, Kind::Unconnected, |which| which == subject(head));
        if self.memory.proven.as_ref().is_none_or(|proven| proven.size() < head.size) {
            self.prove(heard);
        }
        for ours in [&mut self.memory.proven, &mut self.memory.target, &mut self.memory.verified] {
            for ours in ours.iter_mut() {
                ours.merge(heard);
            }
        }
        self.note_cosigners(heard);
        if !self.flying.settled.contains(&head) {
            self.flying.settle(head);
        }
        if published {
            self.aim(heard);
        }
        let rival = |waiting: &&Waiting| waiting.heard.size() == head.size;
        while let Some(Waiting { heard: other, .. }) = self.memory.waiting.iter().find(rival).cloned() {
            self.contradict(now, other, heard, None, effects);
        }
    }

    fn prove(&mut self, heard: &Heard) {
        self.memory.proven = Some(heard.clone());
        self.note_cosigners(heard);
    }

    /// A head that the log publishes is read up to, if it is the largest.
    fn aim(&mut self, heard: &Heard) {
        if self.memory.target.as_ref().is_none_or(|target| target.size() < heard.size()) {
            self.memory.target = Some(heard.clone());
        }
    }

    fn note_cosigners(&mut self, heard: &Heard) {
        let cosigners: Vec<_> =
            self.trust.witnesses().filter(|key| heard.is_by(key)).map(ToString::to_string).collect();
        for name in cosigners {
            if self.memory.cosigned.get(&name).is_none_or(|held| held.size() < heard.size()) {
                self.memory.cosigned.insert(name, heard.clone());
                self.flying.acquit(heard.head());
            }
        }
    }

    /// Which root the larger tree has at the smaller size, or why that is not known.
    pub(super) fn proved(
        &mut self,
        now: Millis,
        smaller: Heard,
        larger: Heard,
        outcome: Proof,
        effects: &mut Vec<Effect>,
    ) {
        self.flying.proofs.retain(|proof| *proof != (smaller.head(), larger.head()));
        self.flying.later.retain(|_, at| *at > now);
        let heads = [smaller.head(), larger.head()];
        let waiting = self.memory.waiting.iter_mut().filter(|waiting| heads.contains(&waiting.heard.head()));
        // Where nothing of the log can be read, nothing was tried.
        let tried = outcome != Proof::CouldNotTell || self.flying.answers == Some(true);
        waiting.for_each(|waiting| waiting.tried |= tried);
        match outcome {
            Proof::Root(proof) if proof.old == smaller.head() => {
                self.end(now, Kind::Tampered, |path| path == key_of_tiles(&larger));
                self.consistent(now, &smaller, &larger, effects);
            }
            Proof::Root(proof) => {
                self.flying.convicted(smaller.head(), larger.head());
                let (other, ours) =
                    if self.is_ours(smaller.head()) { (larger, smaller) } else { (smaller, larger) };
                self.contradict(now, other, &ours, Some(&proof), effects);
            }
            Proof::Wrong { path, why } => {
                self.flying.wait([&smaller, &larger], now + self.limits.retry);
                // Tiles of a head that the log publishes, or of one that was proven before, must be there.
                let published = self
                    .memory
                    .waiting
                    .iter()
                    .any(|waiting| waiting.from == Whom::Log && waiting.heard.head() == larger.head());
                if published || self.is_ours(larger.head()) {
                    let words = if path.is_empty() { why } else { format!("{path}: {why}") };
                    self.see(now, Sight::new(Kind::Tampered, key_of_tiles(&larger), words));
                }
            }
            Proof::CouldNotTell => self.flying.wait([&smaller, &larger], now + self.limits.retry),
        }
    }

    /// Of two heads in one history, if one belongs to ours, both do.
    fn consistent(&mut self, now: Millis, smaller: &Heard, larger: &Heard, effects: &mut Vec<Effect>) {
        if !self.is_ours(smaller.head()) && !self.is_ours(larger.head()) {
            return;
        }
        for head in [smaller, larger] {
            let waiting = self.memory.waiting.iter().find(|waiting| waiting.heard.head() == head.head());
            let Some(Waiting { heard, from, .. }) = waiting.cloned() else { continue };
            self.connect(now, &heard, from == Whom::Log, effects);
        }
    }
}

/// The tiles of a head, where the head itself is not to blame.
fn key_of_tiles(larger: &Heard) -> String {
    format!("tiles at size {}", larger.size())
}
