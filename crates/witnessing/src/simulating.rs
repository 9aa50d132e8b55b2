//! A log's decisions about its witnesses without clocks, sockets and threads, for simulations: time and answers come in, and
//! whoever drives this sends what is to be sent, as [`Witnesses`](crate::Witnesses) does.

use std::time::{Duration, Instant};

use client::http::AsItCame;
use sequencer::witnesses::Round;
use tlog::{checkpoint::SignedCheckpoint, cosignature::Timestamp, key::VerifierKey, policy::Policy};

use crate::{
    reply::{Cause, Reply, understand},
    table::{self, Request, Table},
};

/// What is to be done about a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing, until something else is wanted.
    Rest,
    /// Nothing before this moment.
    Wait(Instant),
    /// Ask it. It is asked nothing else before it was heard what came of it.
    Ask {
        /// The size that the proof begins at; 0 without one.
        old: u64,
        /// What is to be cosigned.
        newest: SignedCheckpoint,
    },
}

/// What came of asking a witness.
#[derive(Clone, Debug)]
pub enum Came {
    /// An answer.
    Answered(AsItCame),
    /// None, for this reason.
    Nothing(Cause),
}

/// The witnesses of a log, as it sees them.
pub struct Council {
    table: Table,
}

impl Council {
    /// Nothing is known of the witnesses of this policy; `keys` are those of each of them.
    pub fn new(policy: Policy, keys: Vec<Vec<VerifierKey>>) -> Self {
        Self { table: Table::new(policy, keys) }
    }

    /// Takes in what was published before the log was opened.
    pub fn restore(&mut self, published: &SignedCheckpoint, now: Instant, clock: Timestamp) {
        self.table.restore(published, now, clock);
    }

    /// Whether the log was just opened, and has asked nobody yet.
    pub fn is_new(&self) -> bool {
        self.table.is_new()
    }

    /// Begins a round: takes in what is to be cosigned, if anybody is to be asked for it.
    pub fn begin(&mut self, newest: &SignedCheckpoint, refresh: Duration, now: Instant) {
        self.table.begin(newest, refresh, now);
    }

    /// What is to be done now about one witness.
    pub fn next(&mut self, place: usize, now: Instant) -> Next {
        match self.table.next(place, now) {
            table::Next::Rest => Next::Rest,
            table::Next::Wait(moment) => Next::Wait(moment),
            table::Next::Ask(Request { old, newest, .. }) => Next::Ask { old, newest },
        }
    }

    /// Takes in what came of asking. `log` is the size of the log now, `clock` its clock.
    pub fn heard(&mut self, place: usize, came: &Came, log: u64, clock: Timestamp, now: Instant) {
        let Some((newest, keys)) = self.table.asked(place) else { return };
        let reply = match came {
            Came::Answered(answered) => understand(answered, newest, keys, clock),
            Came::Nothing(cause) => Reply::Failed { cause: *cause, wait: None, what: String::new() },
        };
        self.table.heard(place, &reply, log, now);
    }

    /// Why this witness did not cosign when it was last asked.
    pub fn trouble(&self, place: usize) -> Option<Cause> {
        self.table.parties[place].trouble()
    }

    /// Whether the round is over that is to end then; `first`: it is the first of a log that was just opened.
    pub fn settled(&self, first: bool, now: Instant, deadline: Instant) -> bool {
        self.table.settled(first, now, deadline)
    }

    /// What came of a round that began then.
    pub fn end(&mut self, newest: &SignedCheckpoint, started: Instant) -> Round {
        self.table.end(newest, started).0
    }
}
