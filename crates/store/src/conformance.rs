//! What every [`Store`] has to do, as a suite of checks. Each panics, naming the clause of the contract that does
//! not hold; implementations call [`run`] from a test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a suite of checks: a panic is its way to fail")]

use bytes::Bytes;

use crate::{Batch, CommitError, Key, Store, Table};

/// Runs every check, each on a fresh, empty store.
pub fn run(fresh: &dyn Fn() -> Box<dyn Store>) {
    starts_empty(&*fresh());
    a_commit_is_readable(&*fresh());
    only_the_expected_head_commits(&*fresh());
    values_of_every_size(&*fresh());
    parts_of_a_value(&*fresh());
    no_cut_outside_of_a_value(&*fresh());
    replaced_and_deleted(&*fresh());
    floor_and_scan_are_ordered(&*fresh());
    tables_do_not_mix(&*fresh());
    one_of_many_writers_wins(&*fresh());
}

fn bundle(index: u64) -> Key {
    Key::Bundle { index }
}

fn batch<const N: usize>(puts: [(Key, &[u8]); N]) -> Batch {
    Batch::puts(puts.map(|(key, value)| (key, Bytes::copy_from_slice(value))).into())
}

fn starts_empty(store: &dyn Store) {
    assert_eq!(store.head().unwrap(), None);
    assert_eq!(store.get(&bundle(0)).unwrap(), None);
    assert_eq!(store.floor(&bundle(u64::MAX)).unwrap(), None);
    for table in Table::ALL {
        assert_eq!(store.scan(table, None, 10).unwrap(), []);
    }
}

fn a_commit_is_readable(store: &dyn Store) {
    store.commit(None, batch([(bundle(7), b"seven"), (Key::Identity, b"me")]), "one".into()).unwrap();
    assert_eq!(store.head().unwrap().unwrap(), "one");
    assert_eq!(store.get(&bundle(7)).unwrap().unwrap(), "seven");
    assert_eq!(store.get(&Key::Identity).unwrap().unwrap(), "me");
    assert_eq!(store.get(&bundle(8)).unwrap(), None);
}

fn only_the_expected_head_commits(store: &dyn Store) {
    let (one, two) = (Bytes::from("one"), Bytes::from("two"));
    store.commit(None, Batch::default(), one.clone()).unwrap();
    for wrong in [None, Some(&two)] {
        let result = store.commit(wrong, batch([(bundle(1), b"x")]), two.clone());
        assert!(matches!(result, Err(CommitError::Conflict)), "expected {wrong:?}, got {result:?}");
    }
    assert_eq!(store.head().unwrap().unwrap(), one, "a refused commit does not move the head");
    assert_eq!(store.get(&bundle(1)).unwrap(), None, "a refused commit writes nothing");
    store.commit(Some(&one), Batch::default(), two).unwrap();
}

/// From nothing to more than the largest bundle, both compressible and not.
fn values_of_every_size(store: &dyn Store) {
    let mut noise = 1_u32;
    let mut head = None;
    for (index, size) in [0, 1, 1_000, 24_000, 24_576, 24_577, 49_152, 49_153, 65_535, 1 << 20, 256 * 65_537]
        .into_iter()
        .enumerate()
    {
        let flat = vec![b'a'; size];
        let noisy: Vec<u8> = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        })
        .take(size)
        .collect();
        let keys = [
            bundle(index as u64),
            Key::Run { first: index as u64 },
            Key::Tile { level: 0, index: index as u64 },
        ];
        let puts =
            [(keys[0], flat.into()), (keys[1], Bytes::from(noisy.clone())), (keys[2], Bytes::from(noisy))];
        let next = Bytes::from(format!("{index}"));
        store.commit(head.as_ref(), Batch::puts(puts.to_vec()), next.clone()).unwrap();
        head = Some(next);
        for (key, value) in puts {
            let read = store.get(&key).unwrap().unwrap();
            assert!(read == value, "{key:?} of {size} bytes comes back as it was ({} bytes)", read.len());
        }
    }
}

/// A value that was cut is whole to whoever asks for it whole.
fn parts_of_a_value(store: &dyn Store) {
    let mut head = None;
    // Where a part ends at a row's end, is longer than a row, is one byte; and no cut at all.
    let parts = [vec![3, 24_576, 40_000, 1, 2_097_184], vec![1, 1], vec![24_576, 24_576], vec![100]];
    for (index, lengths) in parts.into_iter().enumerate() {
        let (cut, whole) = (bundle(index as u64), Key::Run { first: index as u64 });
        let parts: Vec<Bytes> =
            lengths.iter().zip(1..).map(|(length, fill)| Bytes::from(vec![fill; *length])).collect();
        let value = Bytes::from(parts.concat());
        let mut change = Batch::puts(vec![(cut, value.clone()), (whole, value.clone())]);
        let ends = lengths.iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        for key in [cut, whole] {
            let cuts = ends.clone().take(lengths.len() - 1).collect();
            change.cuts.insert(key, cuts);
        }
        let next = Bytes::from(format!("{index}"));
        store.commit(head.as_ref(), change, next.clone()).unwrap();
        head = Some(next);
        for key in [cut, whole] {
            assert!(store.get(&key).unwrap().unwrap() == value, "{key:?}: all of it");
            assert!(store.floor(&key).unwrap().unwrap() == (key, value.clone()), "{key:?}: as floor");
            for (number, part) in parts.iter().enumerate() {
                assert!(store.part(&key, number).unwrap().unwrap() == part, "{key:?}: part {number}");
            }
            assert_eq!(store.part(&key, parts.len()).unwrap(), None, "{key:?}: beyond its last part");
        }
    }
    assert_eq!(store.part(&bundle(99), 0).unwrap(), None, "of no value");
    let key = Key::Run { first: 0 };
    store.commit(head.as_ref(), batch([(key, b"short")]), "short".into()).unwrap();
    assert_eq!(store.part(&key, 0).unwrap().unwrap(), "short", "replaced by one without cuts");
    assert_eq!(store.part(&key, 1).unwrap(), None);
    assert_eq!(store.scan(Table::Run, None, 1).unwrap(), [(key, Bytes::from("short"))]);
}

fn no_cut_outside_of_a_value(store: &dyn Store) {
    for cuts in [vec![0], vec![5], vec![6], vec![3, 3], vec![3, 2], (1..=256).collect()] {
        let value: &[u8] = if cuts.len() < 256 { b"value" } else { &[0; 400] };
        let mut change = batch([(bundle(0), value)]);
        change.cuts.insert(bundle(0), cuts.clone());
        let refused = store.commit(None, change, "head".into());
        assert!(matches!(refused, Err(CommitError::Refused(_))), "{cuts:?}: {refused:?}");
        assert_eq!(store.head().unwrap(), None, "a refused commit writes nothing");
    }
}

fn replaced_and_deleted(store: &dyn Store) {
    let (one, two) = (Bytes::from("1"), Bytes::from("2"));
    let run = |first| Key::Run { first };
    let (long, short) = (vec![1; 100_000], vec![2; 10]);
    store.commit(None, batch([(run(0), &long), (run(1), &long)]), one.clone()).unwrap();
    let mut change = batch([(run(0), &short)]);
    change.deletes = vec![run(1), run(2)];
    store.commit(Some(&one), change, two).unwrap();
    assert_eq!(store.get(&run(0)).unwrap().unwrap(), short, "a shorter value replaces a longer one");
    assert_eq!(store.get(&run(1)).unwrap(), None);
    assert_eq!(
        store.scan(Table::Run, None, 10).unwrap(),
        [(run(0), Bytes::from(short))],
        "nothing is left behind"
    );
}

fn floor_and_scan_are_ordered(store: &dyn Store) {
    let key = |n: u8| Key::Id { from: [n; 32] };
    let puts = [(key(20), &b"20"[..]), (key(10), b"10"), (key(200), &vec![7; 60_000])];
    store.commit(None, batch(puts), "head".into()).unwrap();
    for (asked, found) in
        [(0, None), (9, None), (10, Some(10)), (11, Some(10)), (199, Some(20)), (255, Some(200))]
    {
        assert_eq!(store.floor(&key(asked)).unwrap().map(|(key, _)| key), found.map(key), "floor of {asked}");
    }
    assert_eq!(store.floor(&key(201)).unwrap().unwrap().1.len(), 60_000);
    let keys = |after: Option<Key>, max| -> Vec<Key> {
        store.scan(Table::Id, after.as_ref(), max).unwrap().into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(None, 10), [key(10), key(20), key(200)]);
    assert_eq!(keys(None, 2), [key(10), key(20)]);
    assert_eq!(keys(Some(key(20)), 2), [key(200)]);
    assert_eq!(keys(Some(key(15)), 2), [key(20), key(200)]);
    assert_eq!(keys(Some(key(200)), 2), []);
}

fn tables_do_not_mix(store: &dyn Store) {
    let puts = [(Key::Run { first: 5 }, &b"run"[..]), (Key::Tile { level: 0, index: 5 }, b"tile")];
    store.commit(None, batch(puts), "head".into()).unwrap();
    assert_eq!(store.get(&bundle(5)).unwrap(), None);
    assert_eq!(store.floor(&bundle(5)).unwrap(), None);
    assert_eq!(store.scan(Table::Bundle, None, 10).unwrap(), []);
}

fn one_of_many_writers_wins(store: &dyn Store) {
    let winners = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8_u8)
            .map(|n| {
                scope.spawn(move || {
                    store.commit(None, batch([(bundle(u64::from(n)), &[n])]), vec![n].into()).is_ok()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(winners, 1, "exactly one commit on the same head takes place");
    let head = store.head().unwrap().unwrap();
    let there: Vec<_> = store.scan(Table::Bundle, None, 10).unwrap();
    assert_eq!(there, [(bundle(u64::from(head[0])), head)], "and it is the one whose head is there");
}
