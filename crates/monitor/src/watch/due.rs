//! What time brings, and what is to be done next.

use std::collections::{BTreeMap, VecDeque};

use tlog::Head;

use super::handed::Pending;
use super::heads::subject;
use super::incident::Sight;
use super::memory::{Under, Waiting, Whom};
use super::{Effect, PROOFS_AT_ONCE, Watch};
use crate::event::{Kind, Millis};
use crate::heard::Heard;

/// What is under way, and what is not to be tried before a time. Gone with the process: all of it is begun again.
#[derive(Debug, Default)]
pub(super) struct Flying {
    /// Proofs under way, by smaller and larger head.
    pub(super) proofs: Vec<(Head, Head)>,
    /// Heads for which no proof is asked for before a time.
    pub(super) later: BTreeMap<String, Millis>,
    /// Heads that were shown to exclude each other.
    convicted: VecDeque<(Head, Head)>,
    /// Fork proofs of others that are not decided.
    pub(super) pending: Vec<Pending>,
    /// Whether the log could be read at the last look, if there was one.
    pub(super) answers: Option<bool>,
    /// Whether the log has shown a checkpoint that satisfies the policy, since the start.
    pub(super) shown: bool,
    pub(super) reading: bool,
    pub(super) read_again: Millis,
    /// How often in a row what was read was not what was signed.
    pub(super) wrong: u32,
    /// Heads that were connected, the latest ones.
    pub(super) settled: VecDeque<Head>,
}

/// Heads that were connected and are remembered as such.
const SETTLED_MAX: usize = 1_024;

impl Flying {
    pub(super) fn wait(&mut self, heads: [&Heard; 2], until: Millis) {
        self.later.extend(heads.map(|heard| (subject(heard.head()), until)));
    }

    pub(super) fn convicted(&mut self, one: Head, other: Head) {
        if self.convicted.len() == SETTLED_MAX {
            self.convicted.pop_front();
        }
        self.convicted.push_back((one, other));
    }

    /// There are more lines under this head: whoever made them may be guilty too.
    pub(super) fn acquit(&mut self, head: Head) {
        self.convicted.retain(|(one, other)| *one != head && *other != head);
    }

    fn is_convicted(&self, one: Head, other: Head) -> bool {
        self.convicted.contains(&(one, other)) || self.convicted.contains(&(other, one))
    }

    pub(super) fn settle(&mut self, head: Head) {
        if self.settled.len() == SETTLED_MAX {
            self.settled.pop_front();
        }
        self.settled.push_back(head);
    }
}

impl Watch {
    /// What is wrong because it has been so for too long.
    pub(super) fn pass_time(&mut self, now: Millis) {
        let delay = self.limits.delay;
        let over = |since: Millis| since.saturating_add(delay) <= now;
        // What was so before the start is told when a look has shown that it still is.
        match self.flying.answers {
            None => {}
            Some(false) => {
                if let Some((_, why)) = self.memory.silent.clone().filter(|(since, _)| over(*since)) {
                    self.see_once(now, Sight::new(Kind::Unreachable, "", why));
                }
            }
            Some(true) => {
                if self.flying.shown && self.memory.behind.is_some_and(over) {
                    let words =
                        format!("the log has shown {} entries, and shows fewer now", self.memory.largest);
                    self.see_once(now, Sight::new(Kind::WentBack, "", words));
                }
                self.miss(now, over);
                self.stand_still(now);
            }
        }
        self.note_awake(now);
        self.tell_again(now);
    }

    /// Heads that should be connected by now. Who has seen nothing of the log cannot try.
    fn miss(&mut self, now: Millis, over: impl Fn(Millis) -> bool) {
        let blind = self.memory.proven.is_none();
        let late =
            self.memory.waiting.iter().filter(|waiting| over(waiting.since) && (waiting.tried || blind));
        let late: Vec<_> = late.map(|waiting| unconnected(&waiting.heard, &waiting.from)).collect();
        late.into_iter().for_each(|sight| self.see_once(now, sight));
    }

    /// A log that shows the size that it had then has not grown in between, whether somebody looked or not.
    fn stand_still(&mut self, now: Millis) {
        let stall = self.limits.stall;
        let grown = self.memory.grown.filter(|grown| stall > 0 && grown.saturating_add(stall) <= now);
        if let Some(grown) = grown.filter(|_| self.flying.shown && self.memory.behind.is_none()) {
            let words = format!("the log has not grown for {} s", (now - grown) / 1_000);
            self.see_once(now, Sight::new(Kind::StandsStill, "", words));
        }
    }

    /// Notes a state that lasts: not once more for each look at it.
    fn see_once(&mut self, now: Millis, sight: Sight) {
        let known = |each: &&super::Incident| each.kind == sight.kind && each.subject == sight.subject;
        if !self.memory.incidents.iter().find(known).is_some_and(super::Incident::is_open) {
            self.see(now, sight);
        }
    }

    /// What is to be done: proofs for heads that wait, for witnesses that may have cosigned two histories; entries.
    pub(super) fn plan(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.plan_proofs(now, effects);
        self.plan_reading(now, effects);
    }

    fn plan_proofs(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let Some(proven) = self.memory.proven.clone() else { return };
        // Everybody gets a turn: first those of whom the fewest are under way.
        let mut turns: BTreeMap<Whom, usize> = BTreeMap::new();
        let in_turn = |waiting: &Waiting| {
            let turn = turns.entry(waiting.from.clone()).or_default();
            *turn += 1;
            (*turn, waiting.from.clone(), waiting.heard.clone())
        };
        let mut ordered: Vec<_> = self.memory.waiting.iter().map(in_turn).collect();
        ordered.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        for (_, from, heard) in ordered {
            self.ask(now, &heard, &proven, from == Whom::Log, effects);
        }
        let stale = self.memory.others.iter().filter(|other| other.stale);
        let stale: Vec<_> = stale.map(|other| other.heard.clone()).collect();
        let stale = stale.into_iter().map(|heard| (heard, proven.clone()));
        for (other, ours) in stale.chain(self.doubtful_witnesses()).collect::<Vec<_>>() {
            if other.size() != ours.size() {
                self.ask(now, &other, &ours, false, effects);
            } else if !self.flying.is_convicted(other.head(), ours.head()) {
                // Two roots of one size exclude each other as they stand.
                self.flying.convicted(other.head(), ours.head());
                self.contradict(now, other, &ours, None, effects);
            }
        }
    }

    /// Heads of other histories, each with a head of ours that the same witness has cosigned and is not accused of yet.
    fn doubtful_witnesses(&self) -> Vec<(Heard, Heard)> {
        let mut pairs = vec![];
        for other in &self.memory.others {
            for witness in self.trust.witnesses().filter(|key| other.heard.is_by(key)) {
                let name = witness.to_string();
                let ours = self.memory.cosigned.get(&name).filter(|_| !other.guilty.contains(&name));
                let ours = ours.filter(|ours| !self.flying.is_convicted(other.heard.head(), ours.head()));
                pairs.extend(ours.map(|ours| (other.heard.clone(), ours.clone())));
            }
        }
        pairs
    }

    /// Asks for the proof between two heads of different sizes, unless that is under way, or was in vain a moment ago.
    /// There is always room for what the log itself shows.
    fn ask(&mut self, now: Millis, one: &Heard, other: &Heard, urgent: bool, effects: &mut Vec<Effect>) {
        let (smaller, larger) = if one.size() < other.size() { (one, other) } else { (other, one) };
        let flying = &mut self.flying;
        let under_way = flying.proofs.contains(&(smaller.head(), larger.head()));
        let too_soon = flying.later.get(&subject(one.head())).is_some_and(|at| *at > now);
        let full = !urgent && flying.proofs.len() >= PROOFS_AT_ONCE;
        if full || under_way || too_soon || smaller.size() == larger.size() {
            return;
        }
        flying.proofs.push((smaller.head(), larger.head()));
        effects.push(Effect::Prove { smaller: smaller.clone(), larger: larger.clone() });
    }

    fn plan_reading(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let Some(target) = self.memory.target.clone() else { return };
        let verified = self.memory.verified.as_ref().map(Heard::head);
        if self.flying.reading || verified.is_some_and(|head| head.size >= target.size()) {
            return;
        }
        if target.size() == 0 {
            self.verify(now, target);
            return;
        }
        if self.flying.read_again > now {
            return;
        }
        // What was begun is finished first: a log that grows faster than it is read would never be verified.
        let under = self.memory.under.get_or_insert(Under { to: target, place: None }).clone();
        self.flying.reading = true;
        effects.push(Effect::Read { before: verified, to: under.to, place: under.place });
    }
}

fn unconnected(heard: &Heard, from: &Whom) -> Sight {
    let who = match from {
        Whom::Log => "the log showed it".to_owned(),
        Whom::LogRefused => "the log showed it without the cosignatures that the policy wants".to_owned(),
        Whom::Witness(place) => format!("the witness at {place} has it"),
        Whom::Peer(place) => format!("the monitor at {place} was shown it"),
        Whom::Client(address) => format!("it was handed in from {address}"),
    };
    let note = heard.bytes();
    let words = format!(
        "the log signed a head of size {} that nobody can connect with what it shows ({who}):\n{}",
        heard.size(),
        String::from_utf8_lossy(&note).trim_end()
    );
    Sight::new(Kind::Unconnected, subject(heard.head()), words)
}
