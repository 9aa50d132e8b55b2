//! Reading while the log grows: nothing is shown before it is durable.

use bytes::Bytes;
use store::{Batch, Key, Store as _, Table};
use tlog::{
    Hash, bundle,
    tile::{Resource, Tile},
};

use crate::testlog::{At, Made, TestLog, answer};

/// Between the moment in which a commit is in the store and the one in which it is known to be durable, readers see
/// the log as it was.
#[test]
fn a_commit_that_is_not_known_to_be_durable_is_not_shown() {
    let mut log = TestLog::new();
    log.submit(&Made::records(0..250));
    log.store().hold(At::End);
    let group = Made::records(250..600);
    let reply = log.send(&group).unwrap();
    log.store().wait_until_held();

    let (reader, new) = (log.reader(), Made::record(255, 0).key().unwrap());
    assert_eq!(reader.committed().head().size, 250);
    assert_eq!(reader.find(&new).unwrap(), None, "its row is in the store, and it is not logged yet");
    assert_eq!(reader.find_id(new.id, 2).unwrap(), []);
    assert_eq!(reader.entry(255).unwrap(), None);
    let closed = Resource::Tile(Tile::at(0, 0, 256).unwrap());
    assert_eq!(reader.get(closed).unwrap(), None::<Bytes>);
    let old = Made::record(249, 0).key().unwrap();
    assert_eq!(reader.find(&old).unwrap().unwrap().index, 249);

    log.store().release();
    log.settle(&group, answer(reply));
    assert_eq!(reader.find(&new).unwrap().unwrap().index, 255);
    log.check(600);
}

/// An entry and its hash cost the read of 32, not of 256; and what was written whole, as earlier versions did, is read as well.
#[test]
fn bundles_are_kept_in_parts_and_read_whether_they_are_or_not() {
    let mut log = TestLog::new();
    log.submit(&Made::records(0..600));
    let (store, reader) = (log.faults(), log.reader());
    let parts = |key: Key| -> Vec<Bytes> {
        let parts: Vec<Bytes> = (0..8).map(|number| store.part(&key, number).unwrap().unwrap()).collect();
        assert_eq!(store.part(&key, 8).unwrap(), None);
        assert_eq!(parts.concat(), store.get(&key).unwrap().unwrap());
        parts
    };
    for index in 0..2 {
        let entries = parts(Key::Bundle { index });
        assert!(entries.iter().all(|part| bundle::decode_all(part).unwrap().len() == 32));
        assert!(parts(Key::Tile { level: 0, index }).iter().all(|part| part.len() == 32 * Hash::LEN));
    }
    log.check(600);
    // The same bytes, whole.
    let whole = [Table::Bundle, Table::Tile].map(|table| store.scan(table, None, 10).unwrap()).concat();
    let head = store.head().unwrap();
    store.inner().commit(head.as_ref(), Batch::puts(whole), head.clone().unwrap()).unwrap();
    assert_eq!(store.part(&Key::Bundle { index: 0 }, 1).unwrap(), None);
    for index in 0..512 {
        assert_eq!(reader.entry(index).unwrap().as_ref(), Some(Made::record(index, 0).bytes()), "{index}");
    }
    log.check(600);
}
