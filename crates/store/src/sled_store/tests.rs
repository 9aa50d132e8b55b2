//! The sled store conforms, survives being closed, keeps its values inline, and does not go on after a failure.

use std::fs;

use tempfile::TempDir;

use super::*;

fn open(dir: &TempDir) -> SledStore {
    SledStore::open(&dir.path().join("sled"), &SledOptions::default()).unwrap()
}

/// A store that removes its directory when it is gone.
struct Temporary(SledStore, #[allow(dead_code, reason = "dropped after the store")] TempDir);

impl Store for Temporary {
    fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.0.get(key)
    }
    fn part(&self, key: &Key, number: usize) -> Result<Option<Bytes>, StoreError> {
        self.0.part(key, number)
    }
    fn floor(&self, key: &Key) -> Result<Option<(Key, Bytes)>, StoreError> {
        self.0.floor(key)
    }
    fn scan(&self, table: Table, after: Option<&Key>, max: usize) -> Result<Vec<(Key, Bytes)>, StoreError> {
        self.0.scan(table, after, max)
    }
    fn head(&self) -> Result<Option<Bytes>, StoreError> {
        self.0.head()
    }
    fn commit(&self, expected: Option<&Bytes>, batch: Batch, head: Bytes) -> Result<(), CommitError> {
        let done = self.0.commit(expected, batch, head);
        assert_eq!(self.0.spilled_values().unwrap(), 0, "no value spills");
        done
    }
}

#[test]
fn conforms() {
    crate::conformance::run(&|| {
        let dir = TempDir::new().unwrap();
        Box::new(Temporary(open(&dir), dir))
    });
}

fn bundle(index: u64, bytes: usize) -> (Key, Bytes) {
    (Key::Bundle { index }, noise(index + 1, bytes))
}

/// Bytes that do not compress.
fn noise(seed: u64, bytes: usize) -> Bytes {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect::<Vec<_>>().into()
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let puts = vec![bundle(0, 100_000), bundle(1, 10)];
    store.commit(None, Batch::puts(puts.clone()), "head".into()).unwrap();
    drop(store);
    let store = open(&dir);
    assert_eq!(store.head().unwrap().unwrap(), "head");
    assert_eq!(store.scan(Table::Bundle, None, 10).unwrap(), puts);
}

/// Large values, rewritten and deleted so that nodes are merged, split and consolidated: the pattern of the edge.
#[test]
fn no_value_spills_in_any_shape_of_node() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut head: Option<Bytes> = None;
    for round in 0..60_u64 {
        let puts = (0..4)
            .map(|n| bundle(round * 4 + n, 200_000))
            .chain([(Key::Run { first: round }, noise(round, 70_000))]);
        let deletes = (0..round.saturating_sub(round % 7)).map(|first| Key::Run { first }).collect();
        let next = Bytes::from(round.to_string());
        store
            .commit(head.as_ref(), Batch { puts: puts.collect(), deletes, ..Batch::default() }, next.clone())
            .unwrap();
        head = Some(next);
        assert_eq!(store.spilled_values().unwrap(), 0, "round {round}");
    }
}

/// The same writes do spill when segments are as small as sled's own: the guard above can fail.
#[test]
fn values_spill_when_segments_are_too_small() {
    let dir = TempDir::new().unwrap();
    let options = SledOptions { danger: Danger::SpillIntoBlobs, ..SledOptions::default() };
    let store = SledStore::open(&dir.path().join("sled"), &options).unwrap();
    let puts = (0..40).map(|n| bundle(n, 200_000)).collect();
    store.commit(None, Batch::puts(puts), "head".into()).unwrap();
    assert_ne!(store.spilled_values().unwrap(), 0);
}

/// sled's own threads hold the file for a moment after it was closed.
#[test]
fn what_is_being_closed_is_waited_for() {
    let dir = TempDir::new().unwrap();
    let first = open(&dir);
    let closing = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(first);
    });
    SledStore::open(&dir.path().join("sled"), &SledOptions::default()).unwrap();
    closing.join().unwrap();
}

#[test]
fn a_second_opening_is_refused() {
    let dir = TempDir::new().unwrap();
    let _first = open(&dir);
    let second = SledStore::open(&dir.path().join("sled"), &SledOptions::default());
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{:?}", second.err());
}

/// sled may refuse a damaged file, or silently come up with what it held before the damaged place. Both are told
/// apart from a healthy store by what is above this crate; here, nothing panics and no wrong byte is ever read.
#[test]
fn a_damaged_file_yields_an_error_or_less_but_never_wrong_bytes() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let puts: Vec<_> = (0..50).map(|n| bundle(n, 10_000)).collect();
    store.commit(None, Batch::puts(puts.clone()), "head".into()).unwrap();
    drop(store);
    let path = dir.path().join("sled/db");
    let whole = fs::read(&path).unwrap();
    let (mut refused, mut less, mut unharmed) = (0, 0, 0);
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut bent = whole.clone();
        bent[at..(at + 64).min(whole.len())].fill(0xff);
        fs::write(&path, &bent).unwrap();
        remove_snapshots(&dir);
        match SledStore::open(&dir.path().join("sled"), &SledOptions::default()) {
            Err(OpenError::Damaged { .. } | OpenError::Io { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
            Ok(store) => {
                let read: Vec<_> = puts.iter().map(|(key, _)| store.get(key)).collect();
                for (read, (key, written)) in read.iter().zip(&puts) {
                    assert!(
                        !matches!(read, Ok(Some(value)) if value != written),
                        "{key:?} is not what was written"
                    );
                }
                let whole = read.iter().all(|value| matches!(value, Ok(Some(_))));
                if whole && store.head().unwrap().is_some() { unharmed += 1 } else { less += 1 }
            }
        }
    }
    assert!(refused + less > 0, "refused {refused}, less {less}, unharmed {unharmed}");
}

/// A kill, a power cut or a full disk in the middle of an opening leaves these behind, of whatever length.
#[test]
fn a_snapshot_that_was_not_finished_does_no_harm() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let puts = vec![bundle(0, 100_000), bundle(1, 10)];
    store.commit(None, Batch::puts(puts.clone()), "head".into()).unwrap();
    drop(store);
    drop(open(&dir));
    let snapshot = fs::read_dir(dir.path().join("sled"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap."))
        .unwrap();
    let whole = fs::read(&snapshot).unwrap();
    for length in [0, 7, 12, whole.len() / 2, whole.len()] {
        let unfinished = dir.path().join("sled/snap.FFFFFFFFFFFFFFFF.generating");
        fs::write(&unfinished, &whole[..length]).unwrap();
        let store = open(&dir);
        assert_eq!(store.scan(Table::Bundle, None, 10).unwrap(), puts, "{length} bytes");
        assert!(!unfinished.exists());
    }
}

/// Snapshots would hide the damage from sled until a page is read.
fn remove_snapshots(dir: &TempDir) {
    for file in fs::read_dir(dir.path().join("sled")).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("snap") {
            fs::remove_file(file.path()).unwrap();
        }
    }
}

#[test]
fn a_failed_commit_is_final() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.commit(None, Batch::default(), "one".into()).unwrap();
    store.poisoned.store(true, SeqCst);
    let again = store.commit(Some(&"one".into()), Batch::default(), "two".into());
    assert!(matches!(again, Err(CommitError::Unknown(_))));
    assert_eq!(store.head().unwrap().unwrap(), "one", "reading goes on");
}

/// What is on people's disks: a value whole, as it is and compressed, and one in parts of either kind.
#[test]
fn the_rows_on_disk() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let (noisy, flat) = (noise(1, 100), Bytes::from(vec![b'a'; 30_000]));
    let keys = [0, 1, 2].map(|index| Key::Bundle { index });
    let parted: Bytes = [noisy.clone(), flat.clone(), noisy.clone()].concat().into();
    let mut batch =
        Batch::puts(vec![(keys[0], noisy.clone()), (keys[1], flat.clone()), (keys[2], parted.clone())]);
    batch.cuts.insert(keys[2], vec![100, 30_100]);
    store.commit(None, batch, "head".into()).unwrap();
    let row = |index: usize, piece| {
        store.tree(Table::Bundle).get(rows::key(&keys[index], piece)).unwrap().map(|row| row.to_vec())
    };
    let header = |encoding: u8, pieces: u16, length: u32| {
        [&[encoding][..], &pieces.to_be_bytes(), &length.to_be_bytes()].concat()
    };
    // The number of the last part comes after the header of each.
    let of_a_part = |encoding: u8, pieces, length, encoded: &[u8]| {
        [&header(0x80 | encoding, pieces, length)[..], &[2], encoded].concat()
    };
    assert_eq!(row(0, 0).unwrap(), [header(0, 1, 100), noisy.to_vec()].concat());
    let packed = zstd::bulk::compress(&flat, 1).unwrap();
    assert_eq!(row(1, 0).unwrap(), [header(1, 1, 30_000), packed.clone()].concat());
    assert_eq!(row(2, 0).unwrap(), of_a_part(0, 1, 100, &noisy));
    assert_eq!(row(2, 0x8080).unwrap(), of_a_part(1, 1, 30_000, &packed));
    assert_eq!(row(2, 0x8100).unwrap(), of_a_part(0, 1, 100, &noisy));
    assert_eq!(store.tree(Table::Bundle).len(), 5, "and no other rows");

    // A lost row is told where it is missed, and nowhere else.
    store.tree(Table::Bundle).remove(rows::key(&keys[2], 0x8080)).unwrap();
    assert_eq!(store.part(&keys[2], 0).unwrap().unwrap(), noisy);
    assert_eq!(store.part(&keys[2], 2).unwrap().unwrap(), noisy);
    assert_eq!(store.part(&keys[2], 1).unwrap(), None, "as if there were no such part");
    let whole = store.get(&keys[2]);
    assert!(matches!(&whole, Err(StoreError::Damaged { key, .. }) if *key == keys[2]), "{whole:?}");
}
