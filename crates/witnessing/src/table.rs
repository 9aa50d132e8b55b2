//! What is known of all witnesses together, and what follows: whether to ask, whether a round is over, whether the log may go
//! on. Pure: time goes in.

use std::time::{Duration, Instant};

use sequencer::recover::Standing;
use tlog::{checkpoint::SignedCheckpoint, key::VerifierKey, policy::Policy};

use crate::{
    gather::Gathered,
    party::{Party, Task},
};

/// What is known.
pub(crate) struct Table {
    pub(crate) gathered: Gathered,
    /// One for each address.
    pub(crate) parties: Vec<Party>,
    /// The keys of each of them.
    keys: Vec<Vec<VerifierKey>>,
    asked_at: Option<Instant>,
    /// When the newest cosignatures became enough, as far as rounds have seen.
    pub(crate) met_at: Option<Instant>,
    /// Since when, and in how many rounds, there were not enough.
    pub(crate) unmet: Option<(Instant, u64)>,
}

impl Table {
    /// Nothing is known of the witnesses of this policy; `keys` are those of each of them.
    pub(crate) fn new(policy: Policy, keys: Vec<Vec<VerifierKey>>) -> Self {
        let parties = vec![Party::default(); keys.len()];
        Self { gathered: Gathered::new(policy), parties, keys, asked_at: None, met_at: None, unmet: None }
    }

    /// Takes in what is to be cosigned from now on.
    pub(crate) fn offer(&mut self, newest: &SignedCheckpoint, now: Instant) {
        self.gathered.offer(newest);
        self.asked_at = Some(now);
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
        let task = Task {
            epoch: self.gathered.epoch(),
            size: self.gathered.newest().map_or(0, SignedCheckpoint::size),
        };
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
        if self.gathered.met_anew(|_| false) {
            self.met_at = Some(Instant::now());
        }
        self.unmet = match (met, self.unmet) {
            (true, _) => None,
            (false, None) => Some((started, 1)),
            (false, Some((since, rounds))) => Some((since, rounds + 1)),
        };
    }

    /// Why the log must sign nothing any more: witnesses have seen more of it than it has, and so many that there is no
    /// quorum without them. Fewer of them are an alarm; one that lies does not stop a log.
    pub(crate) fn stop(&self) -> Option<Standing> {
        let known = self.parties.iter().filter_map(Party::ahead).max()?;
        let ahead = |key: &VerifierKey| {
            let mut parties = self.keys.iter().zip(&self.parties);
            parties.any(|(keys, party)| party.ahead().is_some() && keys.contains(key))
        };
        let stored = self.gathered.newest().map_or(0, SignedCheckpoint::size);
        let without = self.gathered.policy().satisfied_by(|key| !ahead(key));
        (!without).then_some(Standing::WitnessesAhead { stored, known })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::{Cause, Reply};
    use crate::testing::{at_moment, cosignature, head, policy, two_of_three, vkey};

    fn table(policy: Policy) -> Table {
        Table::new(policy, (0..3).map(|place| vec![vkey(place)]).collect())
    }

    fn task(table: &Table) -> Task {
        let newest = table.gathered.newest().unwrap();
        Task { epoch: table.gathered.epoch(), size: newest.size() }
    }

    fn cosigns(table: &mut Table, place: usize, now: Instant) {
        let (task, newest) = (task(table), table.gathered.newest().unwrap().clone());
        let lines = vec![cosignature(place, &newest, 9)];
        table.gathered.add(newest.head(), task.epoch, &lines);
        table.parties[place].heard(task, 0, &Reply::Cosigned(lines), now);
    }

    fn fails(table: &mut Table, place: usize, cause: Cause, now: Instant) {
        let task = task(table);
        let failed = Reply::Failed { cause, wait: None, what: String::new() };
        table.parties[place].heard(task, 0, &failed, now);
    }

    #[test]
    fn a_round_is_over_with_a_quorum_at_the_deadline_or_when_it_cannot_be_met() {
        let (now, deadline) = at_moment(1_000);
        let mut asked = table(two_of_three());
        asked.offer(&head(5), now);
        assert!(!asked.settled(false, now, deadline));
        cosigns(&mut asked, 0, now);
        assert!(!asked.settled(false, now, deadline));
        assert!(asked.settled(false, deadline, deadline));
        fails(&mut asked, 1, Cause::NotEnrolled, now);
        assert!(!asked.settled(false, now, deadline), "the third may");
        fails(&mut asked, 2, Cause::TimedOut, now);
        assert!(!asked.settled(false, now, deadline), "again in 50 ms");
        fails(&mut asked, 2, Cause::KeyRefused, now);
        assert!(asked.settled(false, now, deadline));
        let mut met = table(two_of_three());
        met.offer(&head(5), now);
        cosigns(&mut met, 2, now);
        cosigns(&mut met, 0, now);
        assert!(met.settled(false, now, deadline));
        met.offer(&head(5), now);
        assert!(met.settled(false, now, deadline), "nobody waits for a refresh");
        assert!(!met.settled(true, now, deadline), "but the first round of a log");
    }

    #[test]
    fn the_witnesses_are_asked_of_what_is_new_and_of_what_is_old() {
        let (now, later) = at_moment(600_000);
        let refresh = Duration::from_mins(10);
        let mut asked = table(two_of_three());
        assert!(asked.is_due(&head(5), refresh, now));
        asked.offer(&head(5), now);
        assert!(!asked.is_due(&head(5), refresh, now));
        assert!(asked.is_due(&head(6), refresh, now));
        assert!(asked.is_due(&head(5), refresh, later));
    }

    #[test]
    fn the_log_stops_where_there_is_no_quorum_without_those_that_are_ahead() {
        let (now, _) = at_moment(0);
        for (rest, ahead, stops) in [
            ("group g 2 w0 w1 w2\nquorum g", &[0][..], false),
            ("group g 2 w0 w1 w2\nquorum g", &[0, 2], true),
            ("group g any w0 w1 w2\nquorum g", &[0, 2], false),
            ("group g any w0 w1 w2\nquorum g", &[0, 1, 2], true),
            ("quorum w1", &[0, 2], false),
            ("quorum w1", &[1], true),
            ("quorum none", &[0, 1, 2], false),
        ] {
            let mut asked = table(policy(rest));
            asked.offer(&head(5), now);
            for place in ahead {
                let task = task(&asked);
                asked.parties[*place].heard(task, 0, &Reply::Stored(7 + *place as u64), now);
            }
            let known = 7 + *ahead.iter().max().unwrap() as u64;
            let expected = stops.then_some(Standing::WitnessesAhead { stored: 5, known });
            assert_eq!(asked.stop(), expected, "{rest}, {ahead:?}");
        }
    }

    #[test]
    fn rounds_without_a_quorum_are_counted_until_one_has_it() {
        let (now, later) = at_moment(1_000);
        let mut asked = table(two_of_three());
        asked.count(false, now);
        asked.count(false, later);
        assert_eq!(asked.unmet, Some((now, 2)));
        asked.count(true, later);
        assert_eq!(asked.unmet, None);
    }
}
