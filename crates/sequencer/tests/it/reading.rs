//! Reading while the log grows: nothing is shown before it is durable.

use bytes::Bytes;
use tlog::tile::{Resource, Tile};

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
