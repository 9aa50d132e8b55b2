//! What is altered or missing in a store is named: on opening where the head depends on it, else when it is read.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use sequencer::{log::Status, pool::Refusal, reader::ReadError, recover::RecoverError};
use store::{Batch, FaultyStore, Key, MemoryStore, Store as _, StoreError, Table};
use testkit::keys;
use tlog::{
    Hash, Head,
    checkpoint::Checkpoint,
    integrate::IntegrateError,
    plan::PlanError,
    tile::{Bundle, Resource, Tile},
};

use crate::testlog::{Made, Place, Setup, TestEvidence, TestLog, signer};

/// Everything in a store, in the hands of whoever wants to do harm.
#[derive(Clone, PartialEq)]
struct Dump {
    values: BTreeMap<Key, Bytes>,
    head: Bytes,
}

impl Dump {
    fn take(log: &TestLog) -> Self {
        let store = log.faults();
        let values = Table::ALL.iter().flat_map(|table| store.scan(*table, None, usize::MAX).unwrap());
        Self { values: values.collect(), head: store.head().unwrap().unwrap() }
    }

    fn flip(&mut self, key: Key, at: usize) {
        let mut bytes = self.values[&key].to_vec();
        bytes[at] ^= 1;
        self.values.insert(key, bytes.into());
    }

    fn remove(&mut self, key: Key) {
        assert!(self.values.remove(&key).is_some(), "{key:?} was there");
    }

    fn cut(&mut self, key: Key) {
        let value = self.values.get_mut(&key).unwrap();
        value.truncate(value.len() - 1);
    }

    fn place(self) -> Place {
        let store = MemoryStore::new();
        let puts = self.values.into_iter().collect();
        store.commit(None, Batch::puts(puts), self.head).unwrap();
        Place::Memory(Arc::new(FaultyStore::new(store)))
    }
}

fn bent(good: &TestLog, dump: &Dump, bend: impl FnOnce(&mut Dump)) -> TestLog {
    let mut dump = dump.clone();
    bend(&mut dump);
    TestLog::closed(Setup { place: dump.place(), evidence: good.setup.evidence.clone(), ..Setup::default() })
}

/// A closed log of 70,000 entries, its last ones in three runs: 69,888 to 69,989, to 69,997, to 69,999.
fn good() -> (TestLog, Dump) {
    let mut log = TestLog::new();
    for (from, to) in [(0, 69_990), (69_990, 69_998), (69_998, 70_000)] {
        log.submit(&Made::records(from..to));
    }
    log.close();
    let dump = Dump::take(&log);
    (log, dump)
}

const fn tile(level: u8, index: u64) -> Key {
    Key::Tile { level, index }
}

const fn run(first: u64) -> Key {
    Key::Run { first }
}

#[test]
fn what_the_head_depends_on_is_checked_on_opening() {
    type Bend = fn(&mut Dump);
    type Named = fn(&RecoverError) -> bool;
    let root: Named = |error| matches!(error, RecoverError::RootMismatch { size: 70_000 });
    let edge: Named = |error| matches!(error, RecoverError::Edge(IntegrateError::NotAnEdge { size: 70_000 }));
    let form: Named = |error| matches!(error, RecoverError::Edge(IntegrateError::Entry(_)));
    let head: Named = |error| matches!(error, RecoverError::Head(_));
    let identity: Named =
        |error| matches!(error, RecoverError::Store(StoreError::Damaged { key: Key::Identity, .. }));
    let cases: Vec<(&str, Bend, Named)> = vec![
        ("a byte of an entry in the first run", |d| d.flip(run(69_888), 40), root),
        ("a byte of an entry in the last run", |d| d.flip(run(69_998), 10), root),
        ("the length of an entry in a run", |d| d.flip(run(69_990), 1), form),
        ("a run cut short", |d| d.cut(run(69_990)), form),
        ("the first run missing", |d| d.remove(run(69_888)), edge),
        ("a run in the middle missing", |d| d.remove(run(69_990)), edge),
        ("the last run missing", |d| d.remove(run(69_998)), edge),
        ("a run too many", |d| drop(d.values.insert(run(70_000), d.values[&run(69_998)].clone())), edge),
        (
            "two runs exchanged",
            |d| {
                let (a, b) = (d.values[&run(69_990)].clone(), d.values[&run(69_998)].clone());
                d.values.extend([(run(69_990), b), (run(69_998), a)]);
            },
            edge,
        ),
        ("a byte of the tile of level 1", |d| d.flip(tile(1, 0), 5_000), root),
        ("a byte of a tile of level 0 at the edge", |d| d.flip(tile(0, 256), 0), root),
        ("a byte of the last full tile", |d| d.flip(tile(0, 272), 8_191), root),
        ("a tile cut short", |d| d.cut(tile(0, 260)), edge),
        (
            "the tile of level 1 missing",
            |d| d.remove(tile(1, 0)),
            |error| matches!(error, RecoverError::TileMissing(tile) if *tile == Tile::at(1, 0, 70_000).unwrap()),
        ),
        (
            "a tile of level 0 at the edge missing",
            |d| d.remove(tile(0, 271)),
            |error| matches!(error, RecoverError::TileMissing(tile) if *tile == Tile::at(0, 271, 70_000).unwrap()),
        ),
        (
            "two tiles exchanged",
            |d| {
                let (a, b) = (d.values[&tile(0, 270)].clone(), d.values[&tile(0, 271)].clone());
                d.values.extend([(tile(0, 270), b), (tile(0, 271), a)]);
            },
            root,
        ),
        ("a byte of the head's root", |d| d.head = flipped(&d.head, keys::LOG.name.len() + 12), head),
        ("a byte of the head's signature", |d| d.head = flipped(&d.head, d.head.len() - 9), head),
        ("an empty head", |d| d.head = Bytes::new(), head),
        ("a head of the right size and another root", |d| d.head = signed_head(70_000), root),
        (
            "a head of one entry less",
            |d| d.head = signed_head(69_999),
            |error| matches!(error, RecoverError::Edge(IntegrateError::NotAnEdge { size: 69_999 })),
        ),
        ("the identity missing", |d| d.remove(Key::Identity), identity),
        ("the identity garbage", |d| drop(d.values.insert(Key::Identity, "{".into())), identity),
        (
            "a format of another program",
            |d| drop(d.values.insert(Key::Identity, of_format_2(&d.values[&Key::Identity]))),
            |error| matches!(error, RecoverError::WrongLog { format: 2, .. }),
        ),
    ];
    let (log, dump) = good();
    let mut unharmed = bent(&log, &dump, |_| {});
    unharmed.open().unwrap();
    assert_eq!(unharmed.status(), Status::Writing, "the dump itself does no harm");
    // What is stored has to agree with itself, whatever the evidence is: the newest head, none, or the first one.
    let first = TestLog::new().setup.evidence.clone();
    let evidence = [log.setup.evidence.clone(), TestEvidence::in_memory(), first];
    for (bend, bending, named) in cases {
        let mut bent = bent(&log, &dump, bending);
        for evidence in &evidence {
            bent.setup.evidence = evidence.clone();
            let error = bent.open().expect_err(bend);
            assert!(named(&error), "{bend}: {error} ({error:?})");
        }
        let mut untouched = dump.clone();
        bending(&mut untouched);
        assert!(Dump::take(&bent) == untouched, "{bend}: nothing is repaired by itself");
    }
}

fn flipped(bytes: &Bytes, at: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes.into()
}

fn signed_head(size: u64) -> Bytes {
    let signer = signer(keys::LOG);
    let head = Head { size, root: Hash::leaf(b"another root") };
    Checkpoint::new(signer.name().clone(), head).unwrap().sign(&signer).unwrap().bytes().clone()
}

fn of_format_2(identity: &Bytes) -> Bytes {
    String::from_utf8(identity.to_vec()).unwrap().replace(r#""format":1"#, r#""format":2"#).into()
}

/// Opening does not read what lies deep in the tree: that would take minutes. Whoever reads it is told.
#[test]
fn what_lies_deeper_is_checked_when_it_is_read() {
    let (log, dump) = good();
    let (bundle, first) = (Bundle::at(100, 70_000).unwrap(), Key::Bundle { index: 100 });
    let index = 25_600 + 7;
    let read = |bend: fn(&mut Dump, Key)| {
        let mut bent = bent(&log, &dump, |dump| bend(dump, first));
        bent.open().unwrap();
        assert_eq!(bent.status(), Status::Writing);
        let reader = bent.reader();
        assert!(reader.entry(index - 256).is_ok() && reader.entry(index + 256).is_ok(), "its neighbours");
        reader
    };

    let missing = read(Dump::remove);
    assert!(matches!(missing.entry(index), Err(ReadError::Missing(Resource::Bundle(b))) if b == bundle));
    let answer = missing.get(Resource::Bundle(bundle));
    assert!(
        matches!(answer, Err(ReadError::Missing(_))),
        "it is not told as one that is not there yet: {answer:?}"
    );

    let cut = read(Dump::cut);
    assert!(cut.entry(index).unwrap().is_some(), "the cut is behind it");
    assert!(matches!(cut.entry(25_855), Err(ReadError::Altered { index: 25_855 })), "the last one");
    let answer = cut.get(Resource::Bundle(bundle));
    assert!(matches!(answer, Err(ReadError::Missing(_))), "{answer:?}");

    let altered = read(|dump, bundle| {
        let at = dump.values[&bundle].windows(4).position(|bytes| bytes == b"5607").unwrap();
        dump.flip(bundle, at + 3);
    });
    let error = altered.entry(index).unwrap_err();
    assert!(matches!(error, ReadError::Altered { index } if index == 25_607), "{error}");
    let many: Vec<u64> = (0..60).map(|bundle| bundle * 256).chain([index]).collect();
    assert!(
        matches!(
            altered.entries_at(&many, &|_, entry| Some(Bytes::copy_from_slice(entry))),
            Err(ReadError::Altered { index: 25_607 })
        ),
        "read together"
    );
    assert_eq!(altered.entry(index + 1).unwrap().as_ref(), Some(Made::record(index + 1, 0).bytes()));

    let tile = read(|dump, _| dump.flip(tile(0, 100), 7 * 32));
    let head = tile.committed().head();
    let inconsistent = tile.inclusion(index, head).unwrap_err();
    assert!(matches!(inconsistent, ReadError::Plan(PlanError::Inconsistent { size: 70_000 })));
    assert!(tile.inclusion(index + 1, head).is_err(), "its neighbours' proofs need it");
    assert!(matches!(tile.entry(index), Err(ReadError::Altered { .. })), "the entry and its hash disagree");
    assert!(tile.inclusion(index + 256, head).is_ok());

    let no_tile = read(|dump, _| dump.remove(Key::Tile { level: 0, index: 100 }));
    assert!(matches!(no_tile.inclusion(index, head), Err(ReadError::Missing(Resource::Tile(_)))));
    assert!(matches!(no_tile.get(Resource::Tile(bundle.tile())), Err(ReadError::Missing(_))));
}

#[test]
fn an_id_table_that_is_damaged_stops_the_log_and_is_named() {
    type Bend = fn(&mut Dump, Key);
    let mut log = TestLog::new();
    log.submit(&Made::records(0..300));
    log.close();
    let dump = Dump::take(&log);
    let page = Key::Id { from: Made::record(128, 0).key().unwrap().to_bytes() };
    let cases: [(&str, Bend, &str); 4] = [
        ("its flag", |dump, page| dump.flip(page, 0), "is damaged"),
        ("cut short", |dump, page| dump.cut(page), "is damaged"),
        ("rows out of order", |dump, page| dump.flip(page, 33 + 72 + 7), "is damaged"),
        ("missing", |dump, page| dump.remove(page), "is missing"),
    ];
    for (bend, bending, named) in cases {
        let mut bent = bent(&log, &dump, |dump| bending(dump, page));
        bent.model.log(&Made::records(0..300));
        bent.open().unwrap();
        let error = bent.reader().find(&Made::record(130, 0).key().unwrap()).unwrap_err();
        assert!(error.to_string().contains(named), "{bend}: {error}");
        let refused = bent.try_submit(&[Made::record(130, 0)]).unwrap_err();
        assert_eq!(refused, Refusal::Unknown);
        let Status::Failed(why) = bent.status() else { panic!("{bend}: {:?}", bent.status()) };
        assert!(why.contains(named), "{bend}: {why}");
        bent.check_tree(300);
    }
}
