//! A log with as many histories as it likes, and monitors that are shown one each; in memory, without clock or chance.

use bytes::Bytes;
use monitor::event::{Event, Kind, Millis};
use monitor::heard::{Heard, Trust};
use monitor::watch::{Bad, Effect, Input, Limits, Memory, Proof, Reading, Watch, Whom};
use testkit::keys::{RAW_LOG, TestKey, WITNESSES};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::cosignature::{Cosigner, Timestamp};
use tlog::key::Signer;
use tlog::plan::ConsistencyPlan;
use tlog::policy::Policy;
use tlog::range::CompactRange;
use tlog::tile::Tile;
use tlog::{Hash, Head};

pub(crate) const LIMITS: Limits = Limits { delay: 10_000, stall: 0, again: 3_600_000, retry: 1_000 };

/// What a log shows to somebody.
#[derive(Clone, Default)]
pub(crate) struct History {
    pub(crate) leaves: Vec<Hash>,
    /// What it serves in the place of an entry.
    pub(crate) bent: Option<usize>,
}

fn signer(key: TestKey) -> Signer {
    Signer::from_seed(key.name.parse().unwrap(), &key.seed)
}

pub(crate) fn witness(number: usize) -> Cosigner {
    let key = WITNESSES[number];
    Cosigner::from_seed(key.name.parse().unwrap(), &key.seed)
}

/// Trust in the log, with all witnesses known and none of them needed.
pub(crate) fn trust() -> Trust {
    let witness = |number| format!("witness w{number} {}", witness(number).verifier_key());
    let mut lines = vec![format!("log {}", signer(RAW_LOG).verifier_key())];
    lines.extend((0..WITNESSES.len()).map(witness));
    lines.push("quorum none\n".to_owned());
    let text = lines.join("\n");
    Trust::new(RAW_LOG.name.parse().unwrap(), Policy::parse(text.as_bytes()).unwrap())
}

pub(crate) fn sign(head: Head, witnesses: &[usize]) -> SignedCheckpoint {
    let signed =
        Checkpoint::new(RAW_LOG.name.parse().unwrap(), head).unwrap().sign(&signer(RAW_LOG)).unwrap();
    let time = Timestamp::from_seconds(1_700_000_000).unwrap();
    let lines = witnesses.iter().map(|number| witness(*number).cosign(signed.checkpoint(), time));
    signed.with_signatures(lines).unwrap()
}

impl History {
    pub(crate) fn grow(&mut self, entries: impl IntoIterator<Item = String>) {
        self.leaves.extend(entries.into_iter().map(|entry| Hash::leaf(entry.as_bytes())));
    }

    pub(crate) fn of(size: usize) -> Self {
        let mut history = Self::default();
        history.grow((0..size).map(|index| format!("entry {index}")));
        history
    }

    /// The same up to `at`, and then other entries up to `size`.
    pub(crate) fn fork(&self, at: usize, size: usize) -> Self {
        let mut fork = Self { leaves: self.leaves[..at].to_vec(), bent: None };
        fork.grow((at..size).map(|index| format!("another {index}")));
        fork
    }

    pub(crate) fn head(&self, size: usize) -> Head {
        let mut range = CompactRange::new();
        self.leaves[..size].iter().for_each(|leaf| range.append(*leaf));
        range.head()
    }

    pub(crate) fn size(&self) -> usize {
        self.leaves.len()
    }

    pub(crate) fn note(&self, size: usize, witnesses: &[usize]) -> Bytes {
        sign(self.head(size), witnesses).bytes().clone()
    }

    pub(crate) fn heard(&self, size: usize, witnesses: &[usize]) -> Heard {
        trust().hear(&self.note(size, witnesses)).unwrap()
    }

    fn tile(&self, tile: Tile) -> Option<Bytes> {
        let each = 256_usize.pow(u32::from(tile.level()));
        let first = tile.index() as usize * 256;
        let mut bytes = vec![];
        for item in first..first + usize::from(tile.width()) {
            let mut range = CompactRange::new();
            self.leaves.get(item * each..(item + 1) * each)?.iter().for_each(|leaf| range.append(*leaf));
            bytes.extend_from_slice(range.root().as_bytes());
        }
        Some(bytes.into())
    }

    pub(crate) fn prove(&self, smaller: &Heard, larger: &Heard) -> Proof {
        let plan = ConsistencyPlan::new(smaller.size(), larger.head()).unwrap();
        let Some(tiles) = plan.tiles().iter().map(|tile| self.tile(*tile)).collect::<Option<Vec<_>>>() else {
            return Proof::CouldNotTell;
        };
        match plan.finish(&tiles) {
            Ok(proof) => Proof::Root(proof),
            Err(error) => Proof::Wrong { path: String::new(), why: error.to_string() },
        }
    }

    pub(crate) fn read(&self, to: &Heard) -> Reading {
        let size = to.size() as usize;
        if size > self.size() {
            return Reading::CouldNotTell;
        }
        match self.bent.filter(|bent| *bent < size) {
            None if self.head(size) == to.head() => Reading::Holds,
            bent => {
                let index = bent.map(|index| index as u64);
                Reading::Wrong(vec![Bad {
                    path: "tile/entries/000".to_owned(),
                    index,
                    why: "bent".to_owned(),
                }])
            }
        }
    }
}

/// A monitor whose jobs are done at once, unless the test does them.
pub(crate) struct Monitored {
    pub(crate) watch: Watch,
    pub(crate) proofs: Vec<(String, String)>,
    pub(crate) events: Vec<Event>,
    limits: Limits,
    disk: Vec<u8>,
}

impl Monitored {
    pub(crate) fn new() -> Self {
        Self::with(LIMITS)
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let watch = Watch::new(trust(), limits, None).unwrap();
        let disk = watch.memory().to_bytes();
        Self { watch, proofs: vec![], events: vec![], limits, disk }
    }

    /// Ends it, and starts it again from what was on its disk.
    pub(crate) fn kill(&mut self, now: Millis) -> Vec<Effect> {
        self.restart(now, &self.disk(), false)
    }

    /// Ends it, and starts it from this disk.
    pub(crate) fn restart(&mut self, now: Millis, disk: &[u8], now_and_then: bool) -> Vec<Effect> {
        let memory = (!disk.is_empty()).then(|| Memory::parse(disk).unwrap());
        self.watch = Watch::new(trust(), self.limits, memory).unwrap();
        self.step(now, Input::Started { now_and_then })
    }

    /// What is on its disk.
    pub(crate) fn disk(&self) -> Vec<u8> {
        self.disk.clone()
    }

    /// One step: what is to be told has been kept before.
    pub(crate) fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        let effects = self.watch.step(now, input);
        self.kept(now, effects)
    }

    pub(crate) fn kept(&mut self, now: Millis, effects: Vec<Effect>) -> Vec<Effect> {
        let mut left = vec![];
        for effect in effects {
            match effect {
                Effect::Keep { name, text } => self.proofs.push((name, text)),
                effect => left.push(effect),
            }
        }
        self.disk = self.watch.memory().to_bytes();
        self.events.extend(self.watch.events().cloned());
        self.watch.printed(self.events.last().map_or(0, |event| event.number));
        self.watch.forget(now, std::iter::empty());
        left
    }

    /// One step, and all that follows from it, done with what the log shows.
    pub(crate) fn settle(&mut self, now: Millis, history: &History, input: Input) {
        let mut effects = self.step(now, input);
        while let Some(effect) = effects.pop() {
            let input = done(history, effect);
            effects.extend(self.step(now, input));
        }
    }

    /// The log shows this much.
    pub(crate) fn shown(&mut self, now: Millis, history: &History, size: usize) {
        self.settle(now, history, Input::Shown(history.heard(size, &[])));
    }

    pub(crate) fn open(&self, kind: Kind) -> usize {
        self.watch.memory().incidents().iter().filter(|each| each.kind == kind && each.is_open()).count()
    }

    pub(crate) fn verified(&self) -> u64 {
        self.watch.memory().verified().map_or(0, Heard::size)
    }
}

/// A fork proof, handed on.
pub(crate) fn handed(text: String) -> Input {
    Input::Fork { text, from: Whom::Peer("a monitor".into()) }
}

/// What comes of a job.
pub(crate) fn done(history: &History, effect: Effect) -> Input {
    match effect {
        Effect::Prove { smaller, larger } => {
            let outcome = history.prove(&smaller, &larger);
            Input::Proved { smaller, larger, outcome }
        }
        Effect::Read { to, .. } => {
            let outcome = history.read(&to);
            Input::Read { to, outcome }
        }
        Effect::Keep { .. } => Input::Tick,
    }
}
