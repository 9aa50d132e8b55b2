//! A log: its entries, what it publishes, and the program's own decisions about its witnesses.

use std::time::{Duration, Instant};

use bytes::Bytes;
use monitor::event::Millis;
use sequencer::recover::Standing;
use sequencer::witnesses::{Round, WhenUnwitnessed};
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::Timestamp;
use tlog::policy::Policy;
use tlog::witness::AddCheckpoint;
use witnessing::simulating::Council;

use super::cast::{sign, vkey};
use super::tree::Tree;
use super::wire::Receipt;

/// How long a publication waits for its witnesses.
const PATIENCE: Millis = 1_000;

/// How a log goes about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// Between two publications.
    pub(super) every: Millis,
    /// How often an unchanged head is cosigned anew.
    pub(super) refresh: Duration,
    pub(super) when_unwitnessed: WhenUnwitnessed,
}

/// What is on its disk.
#[derive(Clone)]
pub(super) struct Copy {
    size: u64,
    published: SignedCheckpoint,
}

impl Copy {
    pub(super) fn size(&self) -> u64 {
        self.size
    }
}

/// A round of asking.
#[derive(Clone)]
struct Asking {
    number: u64,
    newest: SignedCheckpoint,
    started: Instant,
    deadline: Instant,
    first: bool,
}

pub(super) struct Operator {
    /// Which of all histories it has.
    pub(super) tree: usize,
    /// Counts its starts.
    pub(super) life: u64,
    pub(super) published: SignedCheckpoint,
    /// The witnesses that it asks, by number; as the parties of its council.
    pub(super) asks: Vec<usize>,
    pub(super) council: Option<Council>,
    /// Why it signs nothing any more.
    pub(super) standing: Option<Standing>,
    /// Whether the first publication since its start is done: before that it takes no entries.
    pub(super) is_open: bool,
    pub(super) habits: Habits,
    policy: Policy,
    committed: SignedCheckpoint,
    asking: Option<Asking>,
    rounds: u64,
}

impl Operator {
    pub(super) fn new(tree: usize, trees: &[Tree], policy: Policy, asks: Vec<usize>, habits: Habits) -> Self {
        let committed = sign(trees[tree].head());
        Self {
            tree,
            life: 0,
            published: committed.clone(),
            asks,
            council: None,
            standing: None,
            is_open: false,
            habits,
            policy,
            committed,
            asking: None,
            rounds: 0,
        }
    }

    /// What an operator copies away.
    pub(super) fn copy(&self) -> Copy {
        Copy { size: self.committed.size(), published: self.published.clone() }
    }

    /// Puts a copy back in the place of everything, which is then a history of its own.
    pub(super) fn put_back(&mut self, copy: &Copy, trees: &mut Vec<Tree>) {
        trees.push(trees[self.tree].branch(copy.size));
        self.tree = trees.len() - 1;
        self.published = copy.published.clone();
        self.committed = sign(trees[self.tree].head());
    }

    /// Opens it again: what it knew of its witnesses is gone, but what was published.
    pub(super) fn start(&mut self, now: Instant, clock: Timestamp) {
        self.life += 1;
        (self.is_open, self.asking, self.standing) = (false, None, None);
        let keys = self.asks.iter().map(|number| vec![vkey(*number)]).collect::<Vec<_>>();
        self.council = (!keys.is_empty()).then(|| {
            let mut council = Council::new(self.policy.clone(), keys);
            council.restore(&self.published, now, clock);
            council
        });
    }

    /// Takes an entry; `None` if it takes none.
    pub(super) fn submit(&mut self, entry: &str, tree: &mut Tree) -> Option<Receipt> {
        if !self.is_open || self.standing.is_some() {
            return None;
        }
        tree.append(entry);
        self.committed = sign(tree.head());
        let index = tree.size() - 1;
        let path = tree.inclusion(index, tree.size())?;
        Some(Receipt { index, note: self.committed.bytes().clone(), path })
    }

    /// Begins a publication; the number of the round and when it ends, if witnesses are asked. `None`: it is done, or one is
    /// under way.
    pub(super) fn publish(&mut self, now: Instant) -> Option<(u64, Millis)> {
        if self.asking.is_some() || self.standing.is_some() {
            return None;
        }
        let newest = self.committed.clone();
        let Some(council) = &mut self.council else {
            (self.published, self.is_open) = (newest, true);
            return None;
        };
        let first = council.is_new();
        council.begin(&newest, self.habits.refresh, now);
        self.rounds += 1;
        let deadline = now + Duration::from_millis(PATIENCE);
        self.asking = Some(Asking { number: self.rounds, newest, started: now, deadline, first });
        Some((self.rounds, PATIENCE))
    }

    /// Ends the round that is under way, if it is over: what came of it, and when it had begun.
    pub(super) fn settle(&mut self, now: Instant, deadline: Option<u64>) -> Option<(Round, Instant)> {
        let (council, asking) = (self.council.as_mut()?, self.asking.clone()?);
        let late = deadline == Some(asking.number);
        if !late && !council.settled(asking.first, now, asking.deadline) {
            return None;
        }
        let round = council.end(&asking.newest, asking.started);
        self.published = self.habits.when_unwitnessed.to_show(&round, &self.published);
        self.standing.clone_from(&round.stop);
        (self.asking, self.is_open) = (None, true);
        Some((round, asking.started))
    }

    pub(super) fn size(&self) -> u64 {
        self.committed.size()
    }
}

/// What a witness is sent; `None` if the proof cannot be made.
pub(super) fn request(tree: &Tree, old: u64, newest: &SignedCheckpoint) -> Option<Bytes> {
    let hashes = if old == 0 || old == newest.size() {
        vec![]
    } else {
        tree.consistency(old, newest.head()).ok()?.hashes
    };
    Some(AddCheckpoint::new(old, hashes, newest).ok()?.to_string().into())
}
