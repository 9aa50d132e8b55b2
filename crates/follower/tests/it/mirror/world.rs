//! A log, a disk that loses power, and a mirror of the one on the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

use bytes::Bytes;
use follower::{
    mirror::{
        files::Files,
        log::{Complete, FinishError, MirroredLog, OpenError},
        service::{Mirror, PendError},
    },
    witness::keeper::OriginId,
};
use parking_lot::Mutex;
use store::MemoryStore;
use testkit::{Chance, keys::LOG};
use tlog::{
    Head, bundle,
    checkpoint::{Checkpoint, SignedCheckpoint},
    cosignature::{Cosigner, Timestamp},
    integrate::{Edge, Entry},
    key::{KeyName, Signer, VerifierKey},
    plan::ConsistencyPlan,
    tile::{Bundle, Resource, Tile, WIDTH, bundles_of, items_at, levels_of, tiles_of},
    witness::{AddCheckpoint, WitnessKeys},
};

use crate::setup::{open, wait};

pub const MIRROR: &str = "mirror.test/m1";

/// An honest log: everything that it has ever served.
#[derive(Default)]
pub struct Log {
    edge: Edge,
    entries: Vec<Bytes>,
    heads: BTreeMap<u64, Head>,
    served: BTreeMap<String, Bytes>,
}

impl Log {
    /// A log that published at these sizes, with these entries.
    pub fn of(sizes: &[u64], entry: impl Fn(u64) -> String) -> Self {
        let mut log = Self::default();
        log.heads.insert(0, Head::EMPTY);
        sizes.iter().for_each(|size| log.grow(*size, &entry));
        log
    }

    fn grow(&mut self, size: u64, entry: &impl Fn(u64) -> String) {
        let new: Vec<Bytes> = (self.edge.size()..size).map(|index| Bytes::from(entry(index))).collect();
        let growth = self
            .edge
            .integrate(&new.iter().cloned().map(|entry| Entry::new(entry).unwrap()).collect::<Vec<_>>());
        let growth = growth.unwrap();
        self.entries.extend(new);
        self.served.extend(growth.tiles.into_iter().map(|(tile, bytes)| (tile.to_string(), bytes)));
        self.served.extend(growth.bundles.into_iter().map(|(bundle, bytes)| (bundle.to_string(), bytes)));
        self.edge = growth.edge;
        let edge =
            (0..levels_of(size)).filter_map(|level| Tile::at(level, items_at(level, size) / WIDTH, size));
        let partials: Vec<_> =
            edge.filter_map(|tile| Some((tile.to_string(), self.edge.tile(tile)?))).collect();
        self.served.extend(partials);
        let last =
            Bundle::at(size / WIDTH, size).and_then(|last| Some((last.to_string(), self.edge.bundle(last)?)));
        self.served.extend(last);
        self.heads.insert(size, self.edge.head());
    }

    pub fn entries(&self, from: u64, to: u64) -> &[Bytes] {
        &self.entries[from as usize..to as usize]
    }

    /// The same, hashed.
    pub fn hashed(&self, from: u64, to: u64) -> Vec<Entry> {
        self.entries(from, to).iter().cloned().map(|entry| Entry::new(entry).unwrap()).collect()
    }

    pub fn head(&self, size: u64) -> Head {
        self.heads[&size]
    }

    pub fn signed(&self, size: u64) -> SignedCheckpoint {
        Checkpoint::new(origin(), self.head(size)).unwrap().sign(&signer()).unwrap()
    }

    /// A tile or bundle that it has served.
    pub fn bytes(&self, name: &str) -> &Bytes {
        &self.served[name]
    }

    /// The names of everything that a log of this size serves.
    pub fn names(size: u64) -> Vec<String> {
        tiles_of(size)
            .map(|tile| tile.to_string())
            .chain(bundles_of(size).map(|bundle| bundle.to_string()))
            .collect()
    }

    pub fn request(&self, old: u64, new: u64) -> AddCheckpoint {
        let hashes = if old == 0 || old == new {
            vec![]
        } else {
            let plan = ConsistencyPlan::new(old, self.head(new)).unwrap();
            let tiles: Vec<_> = plan.tiles().iter().map(|tile| self.bytes(&tile.to_string())).collect();
            plan.finish(&tiles).unwrap().hashes
        };
        AddCheckpoint::new(old, hashes, &self.signed(new)).unwrap()
    }
}

pub fn origin() -> KeyName {
    LOG.name.parse().unwrap()
}

pub fn signer() -> Signer {
    Signer::from_seed(origin(), &LOG.seed)
}

pub fn mirror_keys() -> WitnessKeys {
    WitnessKeys::new(vec![Cosigner::from_seed(MIRROR.parse().unwrap(), &[77; 32])]).unwrap()
}

pub fn mirror_vkey() -> VerifierKey {
    mirror_keys().verifier_keys().next().unwrap().clone()
}

pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

/// What a disk does at one of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The step fails, as on a full disk; those after it do not.
    Once,
    /// The power goes: nothing works any more.
    Cut,
}

/// A disk: what is read, and what would be left without power. A name lasts once its folder was synced; before that it may last
/// or not.
#[derive(Default)]
pub struct Disk(Mutex<State>);

#[derive(Default)]
struct State {
    seen: BTreeMap<String, Bytes>,
    lasting: BTreeMap<String, Bytes>,
    /// Changed since they last were made to last.
    open: BTreeSet<String>,
    /// How often each was written.
    written: BTreeMap<String, u32>,
    steps: u64,
    fault: Option<(u64, Fault)>,
    /// What a sync promises is not kept.
    lies: bool,
    without_power: bool,
}

impl Disk {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.0.lock().steps
    }

    /// Makes a step go wrong.
    pub fn fail(&self, step: u64, fault: Fault) {
        self.0.lock().fault = Some((step, fault));
    }

    /// From now on syncing does nothing.
    pub fn lie(&self) {
        self.0.lock().lies = true;
    }

    /// The same disk with power again.
    pub fn power(&self, chance: &mut Chance) {
        let mut state = self.0.lock();
        for name in std::mem::take(&mut state.open) {
            if chance.below(2) == 0 {
                match state.seen.get(&name).cloned() {
                    Some(bytes) => drop(state.lasting.insert(name, bytes)),
                    None => drop(state.lasting.remove(&name)),
                }
            }
        }
        state.seen = state.lasting.clone();
        (state.fault, state.without_power) = (None, false);
    }

    pub fn names(&self) -> Vec<String> {
        self.0.lock().seen.keys().cloned().collect()
    }

    pub fn get(&self, name: &str) -> Option<Bytes> {
        self.0.lock().seen.get(name).cloned()
    }

    /// How often a file was written.
    pub fn written(&self, name: &str) -> u32 {
        self.0.lock().written.get(name).copied().unwrap_or(0)
    }

    /// Somebody else writes.
    pub fn put(&self, name: &str, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        let mut state = self.0.lock();
        state.seen.insert(name.into(), bytes.clone());
        state.lasting.insert(name.into(), bytes);
    }

    /// Somebody else removes.
    pub fn take(&self, name: &str) {
        let mut state = self.0.lock();
        state.seen.remove(name);
        state.lasting.remove(name);
    }
}

impl State {
    fn step(&mut self) -> io::Result<()> {
        let number = self.steps;
        self.steps += 1;
        match self.fault {
            Some((at, fault)) if at == number => {
                self.without_power = fault == Fault::Cut;
                Err(io::ErrorKind::StorageFull.into())
            }
            _ if self.without_power => Err(io::Error::other("there is no power")),
            _ => Ok(()),
        }
    }
}

fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The files of the mirrored log on a disk.
pub struct OnDisk(pub Arc<Disk>);

impl Files for OnDisk {
    fn read(&self, name: &str) -> io::Result<Option<Bytes>> {
        Ok(self.0.get(name))
    }

    fn list(&self, wanted: &str) -> io::Result<Vec<String>> {
        let below =
            |name: &String| Some(name.strip_prefix(wanted)?.strip_prefix('/')?.split('/').next()?.to_owned());
        let names: BTreeSet<String> = self.0.names().iter().filter_map(below).collect();
        Ok(names.into_iter().collect())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.0.lock();
        state.step()?;
        state.seen.insert(name.into(), Bytes::copy_from_slice(bytes));
        state.open.insert(name.into());
        *state.written.entry(name.into()).or_default() += 1;
        Ok(())
    }

    fn sync(&self, names: &[String]) -> io::Result<()> {
        let mut state = self.0.0.lock();
        state.step()?;
        if state.lies {
            return Ok(());
        }
        let folders: BTreeSet<&str> = names.iter().map(|name| folder(name)).collect();
        let (now, later) =
            std::mem::take(&mut state.open).into_iter().partition(|name| folders.contains(folder(name)));
        state.open = later;
        for name in BTreeSet::<String>::into_iter(now) {
            match state.seen.get(&name).cloned() {
                Some(bytes) => drop(state.lasting.insert(name, bytes)),
                None => drop(state.lasting.remove(&name)),
            }
        }
        Ok(())
    }

    fn remove(&self, wanted: &str) -> io::Result<()> {
        let mut state = self.0.0.lock();
        state.step()?;
        let below = |name: &&String| name.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'));
        let gone: Vec<String> = state.seen.keys().filter(below).cloned().collect();
        for name in gone {
            state.seen.remove(&name);
            state.open.insert(name);
        }
        Ok(())
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.0.lock();
        state.step()?;
        if let Some(bytes) = state.seen.remove(name) {
            state.seen.insert(format!("{name}.damaged"), bytes);
            state.open.extend([name.to_owned(), format!("{name}.damaged")]);
        }
        Ok(())
    }
}

/// A mirror of one log.
pub struct Copying {
    pub mirror: Arc<Mirror>,
    pub disk: Arc<Disk>,
    pub store: Arc<MemoryStore>,
}

impl Copying {
    pub fn new() -> Self {
        Self::open(Disk::new(), Arc::new(MemoryStore::new())).unwrap()
    }

    pub fn open(disk: Arc<Disk>, store: Arc<MemoryStore>) -> Result<Self, OpenError> {
        let files: Box<dyn Files> = Box::new(OnDisk(disk.clone()));
        let mirror = Mirror::open(open(&store), mirror_keys(), [(origin(), files)])?;
        Ok(Self { mirror: Arc::new(mirror), disk, store })
    }

    /// As after the process has ended, however it did.
    pub fn again(self) -> Self {
        let (disk, store) = self.end();
        Self::open(disk, store).unwrap()
    }

    pub fn end(self) -> (Arc<Disk>, Arc<MemoryStore>) {
        self.mirror.keeper().close();
        (self.disk, self.store)
    }

    pub fn log(&self) -> &MirroredLog {
        self.mirror.log(&OriginId::of(&origin())).unwrap()
    }

    /// Size of what is shown.
    pub fn shown(&self) -> u64 {
        self.log().shown().map_or(0, |shown| shown.head().size)
    }

    pub fn pend(&self, request: &AddCheckpoint) -> Result<Head, PendError> {
        wait(self.mirror.pend(request, &[signer().verifier_key().clone()], vec![]))
    }

    pub fn finish(&self, size: u64) -> Result<Complete, FinishError> {
        self.mirror.finish(self.log(), size, at(1_000))
    }

    /// Brings it to a size of the log, entries in portions; as far as it comes.
    pub fn follow(&self, log: &Log, size: u64) -> Result<(), String> {
        let held = self.mirror.keeper().get(&origin()).map_or(0, |held| held.head().size);
        self.pend(&log.request(held, size)).map_err(|error| error.to_string())?;
        loop {
            let next = self.log().next().map_err(|error| error.to_string())?;
            if next >= size {
                break;
            }
            let until = (next + 300).min(size);
            self.log().keep(next, &log.hashed(next, until)).map_err(|error| error.to_string())?;
        }
        self.finish(size).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Asserts that the checkpoint in the files is one of the log, cosigned, with every byte that it promises beside it; and that
    /// what is served is no further.
    #[track_caller]
    pub fn is_whole(&self, log: &Log) {
        let Some(note) = self.disk.get("checkpoint") else {
            assert!(self.log().shown().is_none(), "what is shown is in the files");
            return;
        };
        let signed = SignedCheckpoint::open(note.clone(), signer().verifier_key()).unwrap();
        tlog::note::Note::parse(&note).unwrap().open([&mirror_vkey()]).unwrap();
        assert_eq!(signed.head(), log.head(signed.size()));
        assert!(self.shown() <= signed.size());
        for name in Log::names(signed.size()) {
            assert_eq!(self.disk.get(&name).as_ref(), Some(log.bytes(&name)), "{name}");
        }
        for name in Log::names(self.shown()) {
            let resource = Resource::parse(&name).unwrap();
            assert_eq!(
                self.log().read(resource).unwrap().as_ref(),
                Some(log.bytes(&name)),
                "{name} as it is served"
            );
        }
    }

    /// Whether the files promise something that they do not hold.
    pub fn is_broken(&self, log: &Log) -> bool {
        let names = Log::names(self.shown());
        names.iter().any(|name| self.disk.get(name).as_ref() != Some(log.bytes(name)))
    }
}

/// The entries of a bundle, as bytes.
pub fn bundle_of(entries: &[Bytes]) -> Bytes {
    bundle::encode(entries).unwrap()
}
