//! What is sent, and what the network does to it: it loses, holds, repeats and swaps, and keeps people apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use client::http::AsItCame;
use monitor::event::Millis;
use monitor::heard::Heard;
use monitor::watch::{Proof, Reading};
use testkit::Chance;
use tlog::Hash;

use super::cast::Node;

/// After so long nobody waits for an answer any more.
pub(super) const TIMEOUT: Millis = 10_000;

/// What somebody asks of somebody.
#[derive(Clone, Debug)]
pub(super) enum Request {
    /// A witness: to cosign.
    AddCheckpoint(Bytes),
    /// A witness: what it cosigned last.
    Cosigned,
    /// A log: what it publishes.
    Checkpoint,
    /// A log: the tiles of a proof.
    Prove { smaller: Heard, larger: Heard },
    /// A log: the entries up to a head.
    Read { to: Heard },
    /// A log: to take an entry.
    Submit(String),
    /// A monitor: a head that is handed in.
    HandIn(Bytes),
    /// A monitor: the heads that it hands on.
    Heads,
    /// A monitor: the names of its fork proofs.
    Forks,
    /// A monitor: one of them.
    Fork(String),
}

/// What is answered.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Http(AsItCame),
    Note(Option<Bytes>),
    Proof(Proof),
    Reading(Reading),
    Receipt(Receipt),
    Heads(Vec<u8>),
    Forks(Vec<String>),
    Fork(Option<String>),
    /// In a word.
    Word(&'static str),
    /// Nobody is there.
    Unreachable,
}

/// That an entry is in the log.
#[derive(Clone, Debug)]
pub(super) struct Receipt {
    pub(super) index: u64,
    pub(super) note: Bytes,
    pub(super) path: Vec<Hash>,
}

/// Something that happens at a time.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Arrives { call: u64, from: Node, to: Node, request: Request },
    Answered { call: u64, answer: Answer },
    Timeout { call: u64 },
    Publish { log: usize, life: u64 },
    Deadline { log: usize, round: u64 },
    Wake { log: usize, place: usize },
    Poll(usize),
    Gossip(usize),
    Tick(usize),
    Submit(usize),
    Weather,
}

/// What the network does to each message by itself: 1 in so many; 0 is never.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faults {
    /// Is lost.
    pub(super) lost: u64,
    /// Arrives twice.
    pub(super) twice: u64,
    /// Is held for up to twenty seconds.
    pub(super) held: u64,
    /// Otherwise takes so long at most.
    pub(super) delay: Millis,
}

impl Faults {
    pub(super) const NONE: Self = Self { lost: 0, twice: 0, held: 0, delay: 100 };
    pub(super) const MANY: Self = Self { lost: 8, twice: 8, held: 20, delay: 2_000 };

    /// After how long a message arrives: never, once or twice.
    fn fate(self, chance: &mut Chance) -> Vec<Millis> {
        let mut one_in = |times: u64| times > 0 && chance.one_in(times);
        let (lost, twice, held) = (one_in(self.lost), one_in(self.twice), one_in(self.held));
        let most = if held { 20_000 } else { self.delay };
        let times = if lost { 0 } else { 1 + usize::from(twice) };
        (0..times).map(|_| 1 + chance.below(most)).collect()
    }
}

/// What is on its way, and who cannot reach whom.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) faults: Faults,
    /// Pairs between which nothing gets through, the smaller one first.
    apart: BTreeSet<(Node, Node)>,
    /// By time and number, so that the order is one.
    queue: BTreeMap<(Millis, u64), Event>,
    number: u64,
}

impl Wire {
    pub(super) fn new(faults: Faults) -> Self {
        Self { faults, apart: BTreeSet::new(), queue: BTreeMap::new(), number: 0 }
    }

    pub(super) fn at(&mut self, time: Millis, event: Event) {
        self.number += 1;
        self.queue.insert((time, self.number), event);
    }

    /// Sends something, as far as the network lets it through.
    pub(super) fn send(&mut self, now: Millis, chance: &mut Chance, event: &Event) {
        for delay in self.faults.fate(chance) {
            self.at(now + delay, event.clone());
        }
    }

    /// What happens next, not after this time.
    pub(super) fn next(&mut self, until: Millis) -> Option<(Millis, Event)> {
        let first = self.queue.first_entry().filter(|first| first.key().0 <= until)?;
        let ((time, _), event) = first.remove_entry();
        Some((time, event))
    }

    pub(super) fn part(&mut self, one: Node, other: Node) {
        self.apart.insert((one.min(other), one.max(other)));
    }

    /// Everybody reaches everybody.
    pub(super) fn heal(&mut self) {
        self.apart.clear();
    }

    pub(super) fn is_apart(&self, one: Node, other: Node) -> bool {
        self.apart.contains(&(one.min(other), one.max(other)))
    }
}

/// A few digits that tell bytes apart.
pub(super) fn mark(bytes: &[u8]) -> String {
    Hash::leaf(bytes).to_string().chars().take(8).collect()
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddCheckpoint(body) => write!(f, "add-checkpoint {}", mark(body)),
            Self::Prove { smaller, larger } => write!(f, "prove {smaller:?} in {larger:?}"),
            Self::Read { to } => write!(f, "read to {to:?}"),
            Self::HandIn(note) => write!(f, "hand-in {}", mark(note)),
            other => write!(f, "{other:?}"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(answered) => write!(f, "{} {}", answered.status, mark(&answered.body)),
            Self::Note(Some(note)) => write!(f, "note {}", mark(note)),
            Self::Proof(Proof::Root(proof)) => write!(f, "root {} at {}", proof.old.root, proof.old.size),
            Self::Receipt(receipt) => write!(f, "receipt {} {}", receipt.index, mark(&receipt.note)),
            Self::Heads(list) => write!(f, "heads {}", mark(list)),
            Self::Fork(Some(text)) => write!(f, "fork {}", mark(text.as_bytes())),
            other => write!(f, "{other:?}"),
        }
    }
}
