//! What a monitor knows of one log, and what follows from what happens. Pure: time, heads, proofs and what was read come in,
//! what is to be done comes out, and what is to be told waits in the memory until somebody took it.
//!
//! A head goes through three states:
//!
//! 1. It *waits*: its log signed it, and whether it belongs to the history is not known. Bounded, for everybody by himself.
//! 2. It is *proven*: a consistency proof from the log's tiles ties it to the largest head that was proven before. The first
//!    head that the log shows is taken as it is.
//! 3. It is *verified*: every entry up to it was hashed, and every tile compared. Only heads that the log publishes get
//!    there; others are parts of them.
//!
//! A head that cannot be in one history with a proven one is one of the *others*, and a fork proof is kept. Nothing that was
//! found is forgotten: an incident that is over stays known, one that is not is told again and again. Whatever was found, the
//! watch goes on, on the history that it saw first.

mod clocks;
mod due;
mod forks;
mod handed;
mod heads;
mod incident;
mod memory;
mod outbox;
mod reading;

use client::audit::Place;
use tlog::Head;
use tlog::plan::ConsistencyProof;

use crate::event::{Found, Millis};
use crate::heard::{Heard, Trust};

pub(crate) use forks::name_of;
pub use incident::{INCIDENTS_MAX, Incident};
pub use memory::{Memory, MemoryError, Waiting, Whom};
pub use outbox::EVENTS_MAX;

/// Heads that wait, of all sources together.
pub const WAITING_MAX: usize = 128;
/// Heads that wait, of one source.
pub const WAITING_OF_ONE_MAX: usize = 8;
/// Heads of other histories whose fork proofs are kept: the first ones.
pub const OTHERS_MAX: usize = 16;
/// Split views that are told apart by the word of others, or between heads that wait: up to so many in all.
pub const SPLITS_MAX: usize = 2 * OTHERS_MAX;
/// Consistency proofs that are under way at one time.
pub const PROOFS_AT_ONCE: usize = 4;

/// What can be set, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The publication delay: so long a head may be ahead of what the log shows, or the log may show less than it did.
    pub delay: Millis,
    /// So long a log may stand still; 0: as long as it likes.
    pub stall: Millis,
    /// How often an incident is told again as long as it is one.
    pub again: Millis,
    /// How long to wait before something is tried again that could not be told.
    pub retry: Millis,
}

impl Default for Limits {
    fn default() -> Self {
        Self { delay: 60_000, stall: 24 * 3_600_000, again: 3_600_000, retry: 5_000 }
    }
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Input {
    /// The monitor was started.
    Started {
        /// It looks now and then by intention, and is not there in between: that time counts.
        now_and_then: bool,
    },
    /// Time goes by.
    Tick,
    /// The log shows this head, and it satisfies the policy.
    Shown(Heard),
    /// The log shows something that does not satisfy the policy; a head nevertheless, if a key of the log signed it.
    Refused {
        /// Why not.
        why: String,
        /// What was signed.
        heard: Option<Heard>,
    },
    /// The log cannot be read.
    Silent {
        /// Why not.
        why: String,
    },
    /// Somebody handed on a head.
    Heard {
        /// The head.
        heard: Heard,
        /// Who.
        from: Whom,
    },
    /// Somebody handed on a fork proof; nothing of it was verified.
    Fork {
        /// The proof.
        text: String,
        /// Who.
        from: Whom,
    },
    /// The end of an [`Effect::Prove`].
    Proved {
        /// The smaller head.
        smaller: Heard,
        /// The larger one.
        larger: Heard,
        /// What came of it.
        outcome: Proof,
    },
    /// How far an [`Effect::Read`] has come.
    Reached(Place),
    /// The end of an [`Effect::Read`].
    Read {
        /// Up to here.
        to: Heard,
        /// What came of it.
        outcome: Reading,
    },
    /// What the rules found in entries before `through`, all of which are verified.
    Found {
        /// What was found, in the order of the log.
        findings: Vec<Found>,
        /// Entries before it were judged.
        through: u64,
    },
}

/// What came of asking for a consistency proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The tree of the larger head has this root at the smaller size.
    Root(ConsistencyProof),
    /// The tiles that the log serves are not those of the larger head.
    Wrong {
        /// The tile, where one is to blame.
        path: String,
        /// In which way.
        why: String,
    },
    /// Ask again later.
    CouldNotTell,
}

/// What came of reading entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Every entry and every tile is what was signed.
    Holds,
    /// These are not.
    Wrong(Vec<Bad>),
    /// Try again later.
    CouldNotTell,
}

/// A resource that is not what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Below the log's prefix.
    pub path: String,
    /// The entry that it concerns.
    pub index: Option<u64>,
    /// In which way.
    pub why: String,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Find out from the log's tiles which root the larger tree has at the smaller size.
    Prove {
        /// The smaller head.
        smaller: Heard,
        /// The larger one.
        larger: Heard,
    },
    /// Hash all entries from a head on up to another.
    Read {
        /// Everything before is verified.
        before: Option<Head>,
        /// Up to here.
        to: Heard,
        /// Where an interrupted reading of the same had come to.
        place: Option<Place>,
    },
    /// Keep a fork proof, before the memory that names it.
    Keep {
        /// SHA-256 of the text, hexadecimal.
        name: String,
        /// The proof.
        text: String,
    },
}

/// How a head was taken that somebody handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It belongs to the history that is known.
    Known,
    /// It waits to be connected.
    Waits,
    /// It belongs to another history, and the proof is kept.
    Contradicts,
    /// Too many heads of this source wait already.
    Full,
}

/// A log that is watched.
#[derive(Debug)]
pub struct Watch {
    trust: Trust,
    limits: Limits,
    memory: Memory,
    flying: due::Flying,
}

impl Watch {
    /// A watch that goes on from what it remembers.
    ///
    /// # Errors
    /// The memory is of another log.
    pub fn new(trust: Trust, limits: Limits, memory: Option<Memory>) -> Result<Self, MemoryError> {
        let memory = memory.unwrap_or_else(|| Memory::new(trust.origin()));
        memory.check(trust.origin())?;
        Ok(Self { trust, limits, memory, flying: due::Flying::default() })
    }

    /// What is to be kept.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Whom it believes.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Believes by another policy from now on: the log's key has changed.
    pub fn believe(&mut self, trust: Trust) {
        self.trust = trust;
    }

    /// Takes what happened; what is to be done now.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        let mut effects = vec![];
        match input {
            Input::Started { now_and_then } => self.started(now, now_and_then),
            Input::Tick => {}
            Input::Shown(heard) => self.shown(now, heard, &mut effects),
            Input::Refused { why, heard } => self.refused(now, &why, heard, &mut effects),
            Input::Silent { why } => self.silent(now, &why),
            Input::Heard { heard, from } => drop(self.take(now, heard, from, &mut effects)),
            Input::Fork { text, from } => self.forked(now, &text, &from, &mut effects),
            Input::Proved { smaller, larger, outcome } => {
                self.proved(now, smaller, larger, outcome, &mut effects);
            }
            Input::Reached(place) => self.reached(place),
            Input::Read { to, outcome } => self.read(now, to, outcome),
            Input::Found { findings, through } => self.found(now, findings, through),
        }
        self.decide_pending(now, &mut effects);
        self.pass_time(now);
        self.plan(now, &mut effects);
        effects
    }

    /// Takes a head that somebody handed on, and says what it is.
    pub fn hear(&mut self, now: Millis, heard: Heard, from: Whom) -> (Taken, Vec<Effect>) {
        let mut effects = vec![];
        let taken = self.take(now, heard, from, &mut effects);
        self.plan(now, &mut effects);
        (taken, effects)
    }
}
