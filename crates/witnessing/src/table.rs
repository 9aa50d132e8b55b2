//! What is known of all witnesses together, and what follows: whether to ask, whether a round is over, whether the log may go
//! on. Pure: time goes in.

use std::time::{Duration, Instant};

use sequencer::{recover::Standing, witnesses::Round};
use tlog::{checkpoint::SignedCheckpoint, cosignature::Timestamp, key::VerifierKey, policy::Policy};

use crate::{
    gather::Gathered,
    party::{Ahead, News, Party, Step, Task},
    reply::Reply,
};

/// What is known.
pub(crate) struct Table {
    pub(crate) gathered: Gathered,
    /// One for each address.
    pub(crate) parties: Vec<Party>,
    /// The keys of each of them.
    keys: Vec<Vec<VerifierKey>>,
    /// What each of them is being asked.
    under_way: Vec<Option<Request>>,
    asked_at: Option<Instant>,
    /// Since when, and in how many rounds, there were not enough.
    pub(crate) unmet: Option<(Instant, u64)>,
}

/// What is to be done about a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing, until something else is wanted.
    Rest,
    /// Nothing before this moment.
    Wait(Instant),
    /// Send it this. Another one is not sent before it was heard what came of it.
    Ask(Request),
}

/// A request to a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) task: Task,
    /// The size that the proof begins at; 0 without one.
    pub(crate) old: u64,
    /// What is to be cosigned.
    pub(crate) newest: SignedCheckpoint,
}

impl Table {
    /// Nothing is known of the witnesses of this policy; `keys` are those of each of them.
    pub(crate) fn new(policy: Policy, keys: Vec<Vec<VerifierKey>>) -> Self {
        let (parties, under_way) = (vec![Party::default(); keys.len()], vec![None; keys.len()]);
        Self { gathered: Gathered::new(policy), parties, keys, under_way, asked_at: None, unmet: None }
    }

    /// Takes in what was published before the log was opened. Nobody is being asked anything.
    pub(crate) fn restore(&mut self, published: &SignedCheckpoint, now: Instant, clock: Timestamp) {
        self.gathered.restore(published, now, clock);
        for (party, keys) in self.parties.iter_mut().zip(&self.keys) {
            *party = Party::new(keys.iter().filter_map(|key| self.gathered.cosigned_by(key)).max());
        }
        self.under_way.fill(None);
    }

    /// Whether the log was just opened, and has asked nobody yet.
    pub(crate) fn is_new(&self) -> bool {
        self.gathered.epoch() == 0
    }

    /// Begins a round: takes in what is to be cosigned, if the witnesses are to be asked; whether they are.
    pub(crate) fn begin(&mut self, newest: &SignedCheckpoint, refresh: Duration, now: Instant) -> bool {
        let due = self.is_due(newest, refresh, now);
        if due {
            self.offer(newest, now);
        }
        due
    }

    /// What came of a round that began then, and whether it has a quorum.
    pub(crate) fn end(&mut self, newest: &SignedCheckpoint, started: Instant) -> (Round, bool) {
        let met = self.gathered.met();
        self.count(met, started);
        let round = Round {
            newest: self.gathered.note(newest.size()).unwrap_or_else(|| newest.clone()),
            witnessed: self.gathered.witnessed().cloned(),
            stop: self.stop(),
        };
        (round, met)
    }

    /// Takes in what is to be cosigned from now on.
    pub(crate) fn offer(&mut self, newest: &SignedCheckpoint, now: Instant) {
        let under_way = self.under_way.iter().flatten().map(|request| request.task.size);
        let asked: Vec<u64> = under_way.collect();
        self.gathered.offer(newest, |size| asked.contains(&size));
        self.asked_at = Some(now);
    }

    /// What is to be done now about one witness: nothing, while it is being asked.
    pub(crate) fn next(&mut self, place: usize, now: Instant) -> Next {
        if self.under_way[place].is_some() {
            return Next::Rest;
        }
        let (Some(task), Some(newest)) = (self.task(), self.gathered.newest()) else { return Next::Rest };
        match self.parties[place].next(task, now) {
            Step::Rest | Step::Stop => Next::Rest,
            Step::Wait(moment) => Next::Wait(moment),
            Step::Ask { old } => {
                let request = Request { task, old, newest: newest.clone() };
                self.under_way[place] = Some(request.clone());
                Next::Ask(request)
            }
        }
    }

    /// What one witness is being asked to cosign, and its keys.
    pub(crate) fn asked(&self, place: usize) -> Option<(&SignedCheckpoint, &[VerifierKey])> {
        self.under_way[place].as_ref().map(|request| (&request.newest, &*self.keys[place]))
    }

    /// Takes in what came of the request that one witness was sent. `log` is the size of the log now.
    pub(crate) fn heard(&mut self, place: usize, reply: &Reply, log: u64, now: Instant) -> News {
        let Some(Request { task, old, newest }) = self.under_way[place].take() else { return News::Nothing };
        if let Reply::Cosigned(cosignatures) = reply {
            self.gathered.add(newest.head(), task.epoch, cosignatures, now);
        }
        self.parties[place].heard(task, old, reply, log, now)
    }

    fn task(&self) -> Option<Task> {
        let size = self.gathered.newest()?.size();
        Some(Task { epoch: self.gathered.epoch(), size })
    }

    /// Whether the witnesses are to be asked: of a head that is new, or whose cosignatures are old.
    pub(crate) fn is_due(&self, newest: &SignedCheckpoint, refresh: Duration, now: Instant) -> bool {
        let known = self.asked_at.is_some() && self.gathered.newest() == Some(newest);
        let old = self.asked_at.is_none_or(|at| now.saturating_duration_since(at) >= refresh);
        !known || old
    }

    /// Whether a round has come to its end: there are enough cosignatures, or there cannot be in time. Those of before count;
    /// but when the log was just opened they must be new, for a witness may have seen more than this store holds.
    pub(crate) fn settled(&self, first: bool, now: Instant, deadline: Instant) -> bool {
        let met = if first { self.gathered.met_anew(|_| false) } else { self.gathered.met() };
        if met || now >= deadline {
            return true;
        }
        let Some(task) = self.task() else { return true };
        let in_time = |key: &VerifierKey| {
            let party = self.keys.iter().position(|keys| keys.contains(key));
            party.is_some_and(|place| self.parties[place].may_answer(task, now, deadline))
        };
        let possible =
            if first { self.gathered.met_anew(in_time) } else { self.gathered.may_be_met(in_time) };
        !possible
    }

    /// Counts a round that began then.
    pub(crate) fn count(&mut self, met: bool, started: Instant) {
        self.unmet = match (met, self.unmet) {
            (true, _) => None,
            (false, None) => Some((started, 1)),
            (false, Some((since, rounds))) => Some((since, rounds + 1)),
        };
    }

    /// Why the log must sign nothing any more: witnesses have seen more of it than it has, and so many that there is no
    /// quorum without them. Fewer of them are an alarm; one that lies does not stop a log.
    pub(crate) fn stop(&self) -> Option<Standing> {
        let furthest = self.parties.iter().filter_map(Party::ahead).max_by_key(|ahead| ahead.known)?;
        let ahead = |key: &VerifierKey| {
            let mut parties = self.keys.iter().zip(&self.parties);
            parties.any(|(keys, party)| party.ahead().is_some() && keys.contains(key))
        };
        let without = self.gathered.policy().satisfied_by(|key| !ahead(key));
        let Ahead { stored, known } = furthest;
        (!without).then_some(Standing::WitnessesAhead { stored, known })
    }

    /// How old the cosignatures of the newest witnessed checkpoint are: of so many as are enough, the youngest. `None` if
    /// nothing is witnessed.
    pub(crate) fn cosigned_age(&self, now: Instant) -> Option<Duration> {
        self.gathered.witnessed()?;
        // Where nobody's is needed none grows old.
        Some(
            self.gathered.enough_since().map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
        )
    }
}

#[cfg(test)]
mod tests;
