//! A monitor: the program's own watch, with a disk in memory, killed between any two of its steps.

use std::collections::{BTreeMap, BTreeSet};

use monitor::event::{Event, Kind, Millis};
use monitor::gossip::Rates;
use monitor::heard::{Heard, Trust};
use monitor::watch::{Effect, Incident, Input, Limits, Memory, Taken, Watch, Whom};
use tlog::Head;

use super::cast::Node;

/// Between which steps a monitor is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kill {
    /// It has judged, and kept nothing.
    Judged,
    /// Fork proofs are kept, the memory that names them is not.
    ProofsKept,
    /// All is kept, and nobody was told.
    Remembered,
    /// All were told, and it has not noted that.
    Told,
}

impl Kill {
    pub(super) const ALL: [Self; 4] = [Self::Judged, Self::ProofsKept, Self::Remembered, Self::Told];
}

/// How a monitor is towards other monitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Honest,
    /// Keeps to itself what it sees.
    Silent,
    /// Hands on what it never saw, bent, old and again and again, and proofs that are none.
    Liar,
    /// Hands on as many heads as it may that nobody can connect.
    Flood,
}

/// What happened to it.
pub(super) enum Happened {
    Input(Input),
    /// A head was handed in, by somebody who waits for an answer.
    HandedIn(Heard, Whom),
}

/// What is left to be done after a step.
pub(super) struct Done {
    pub(super) effects: Vec<Effect>,
    pub(super) taken: Option<Taken>,
}

/// What outlives it.
#[derive(Default)]
struct Disk {
    memory: Option<Vec<u8>>,
    proofs: BTreeMap<String, String>,
}

pub(super) struct Watcher {
    pub(super) manner: Manner,
    pub(super) watch: Watch,
    pub(super) rates: Rates,
    /// With whom it exchanges heads.
    pub(super) partners: Vec<Node>,
    pub(super) pushed: BTreeMap<Node, Head>,
    /// Fork proofs of others that it has read.
    pub(super) read: BTreeSet<String>,
    /// Whether it has looked at the log since it was started.
    pub(super) looked: bool,
    pub(super) kill: Option<Kill>,
    /// The same, in the next step that keeps a fork proof.
    pub(super) kill_at_proof: Option<Kill>,
    pub(super) kills: u64,
    /// Everything that it ever told.
    pub(super) told: Vec<Event>,
    trust: Trust,
    limits: Limits,
    disk: Disk,
}

impl Watcher {
    pub(super) fn new(trust: Trust, limits: Limits, partners: Vec<Node>) -> Self {
        Self {
            manner: Manner::Honest,
            watch: Watch::new(trust.clone(), limits, None).expect("nothing is remembered"),
            rates: Rates::default(),
            partners,
            pushed: BTreeMap::new(),
            read: BTreeSet::new(),
            looked: false,
            kill: None,
            kill_at_proof: None,
            kills: 0,
            told: vec![],
            trust,
            limits,
            disk: Disk::default(),
        }
    }

    /// Starts it again from its disk.
    fn restart(&mut self) {
        self.kills += 1;
        let memory = self.disk.memory.as_ref().map(|bytes| Memory::parse(bytes).expect("what it wrote"));
        self.watch = Watch::new(self.trust.clone(), self.limits, memory).expect("what it wrote");
        self.rates = Rates::default();
        self.pushed.clear();
        self.read.clear();
        self.looked = false;
    }

    /// Takes what happened, in the order of `run/log/follow.rs`: judge, keep proofs, keep the memory, then tell. `None`: it was
    /// killed on the way, and is there again, not started yet.
    pub(super) fn take(&mut self, now: Millis, happened: Happened) -> Option<Done> {
        let kill = self.kill.take();
        let done = self.steps(now, happened, kill);
        if done.is_none() {
            self.restart();
        }
        done
    }

    fn steps(&mut self, now: Millis, happened: Happened, kill: Option<Kill>) -> Option<Done> {
        let (taken, effects) = match happened {
            Happened::Input(input) => (None, self.watch.step(now, input)),
            Happened::HandedIn(heard, whom) => {
                let (taken, effects) = self.watch.hear(now, heard, whom);
                (Some(taken), effects)
            }
        };
        let keeps = effects.iter().any(|effect| matches!(effect, Effect::Keep { .. }));
        let at_proof = if keeps { self.kill_at_proof.take() } else { None };
        let alive = |point| (kill.or(at_proof) != Some(point)).then_some(());
        alive(Kill::Judged)?;
        let mut left = vec![];
        for effect in effects {
            match effect {
                Effect::Keep { name, text } => drop(self.disk.proofs.entry(name).or_insert(text)),
                other => left.push(other),
            }
        }
        alive(Kill::ProofsKept)?;
        self.disk.memory = Some(self.watch.memory().to_bytes());
        alive(Kill::Remembered)?;
        self.told.extend(self.watch.events().cloned());
        alive(Kill::Told)?;
        self.watch.printed(self.told.last().map_or(0, |event| event.number));
        self.watch.forget(now, std::iter::empty());
        self.disk.memory = Some(self.watch.memory().to_bytes());
        Some(Done { effects: left, taken })
    }

    /// The fork proofs that it has kept, by name.
    pub(super) fn proofs(&self) -> &BTreeMap<String, String> {
        &self.disk.proofs
    }

    pub(super) fn memory(&self) -> &Memory {
        self.watch.memory()
    }

    /// What is wrong with the log now.
    pub(super) fn open(&self) -> impl Iterator<Item = &Incident> {
        self.memory().incidents().iter().filter(|incident| incident.is_open())
    }

    /// Whether something of this kind was seen, be it over or not.
    pub(super) fn has_seen(&self, kind: Kind) -> bool {
        self.memory().incidents().iter().any(|incident| incident.kind == kind)
    }

    /// Whether something of this kind is wrong now.
    pub(super) fn sees(&self, kind: Kind) -> bool {
        self.open().any(|incident| incident.kind == kind)
    }

    /// Entries that it has hashed.
    pub(super) fn verified(&self) -> u64 {
        self.memory().verified().map_or(0, Heard::size)
    }
}
