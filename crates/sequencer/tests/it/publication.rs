//! The public checkpoint: it moves at the interval, after the evidence, and is confirmed when nothing happens.

use std::time::{Duration, Instant};

use sequencer::log::Status;
use tlog::{checkpoint::SignedCheckpoint, tile::Resource};

use crate::testlog::{Made, NEVER, PATIENCE, Setup, TestLog};

const SOON: Duration = Duration::from_millis(10);

/// Waits for something that is to happen within seconds.
fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn an_empty_log_has_a_checkpoint() {
    let log = TestLog::new();
    assert_eq!(log.reader().published().size(), 0);
    assert!(log.reader().get(Resource::Checkpoint).unwrap().is_some());
    assert_eq!(log.setup.evidence.notes(), 2, "noted before the log is made, and when it is opened");
    log.check(0);
}

#[test]
fn an_acknowledgement_does_not_wait_for_the_interval() {
    let mut log = TestLog::with(Setup { publish_every: NEVER, ..Setup::default() });
    log.submit(&Made::records(0..10));
    assert_eq!(log.size(), 10);
    assert_eq!(log.reader().published().size(), 0);
    log.check(10);
    log.log().close();
    assert_eq!(log.reader().published().size(), 10);
    log.check(10);
}

#[test]
fn the_public_checkpoint_follows() {
    let mut log = TestLog::with(Setup { publish_every: SOON, ..Setup::default() });
    for size in (10..=300).step_by(29) {
        let from = log.model.size();
        log.submit(&Made::records(from..size));
        eventually("publication", || log.reader().published().size() == size);
    }
    let sizes: Vec<_> = log.observed.published.lock().iter().map(SignedCheckpoint::size).collect();
    assert!(sizes.is_sorted() && sizes.len() > 10);
    log.check(300);
}

/// A monitor can tell a quiet log from one that stands still.
#[test]
fn an_unchanged_head_is_confirmed_at_the_interval() {
    let mut log = TestLog::with(Setup { publish_every: SOON, ..Setup::default() });
    log.submit(&Made::records(0..3));
    eventually("publication", || log.reader().published().size() == 3);
    let mut watch = log.reader().watch_published();
    let before = log.observed.published.lock().len();
    for _ in 0..3 {
        watch.borrow_and_update();
        eventually("confirmation", || watch.has_changed().unwrap());
    }
    assert!(log.observed.published.lock().len() >= before + 3);
    assert_eq!(watch.borrow_and_update().size(), 3);
    log.check(3);
}

/// What cannot be noted outside is not shown; what was acknowledged stays acknowledged; and it heals by itself.
#[test]
fn publication_waits_for_the_evidence() {
    let mut log = TestLog::with(Setup { publish_every: SOON, ..Setup::default() });
    log.submit(&Made::records(0..3));
    eventually("publication", || log.reader().published().size() == 3);
    log.setup.evidence.break_notes(true);
    let failed = log.setup.evidence.refused();
    log.submit(&Made::records(3..9));
    eventually("several attempts", || log.setup.evidence.refused() > failed + 3);
    assert_eq!(log.reader().published().size(), 3);
    assert_eq!(log.status(), Status::Writing);
    log.check(9);
    log.setup.evidence.break_notes(false);
    eventually("publication", || log.reader().published().size() == 9);
    log.check(9);
}

/// A log that is closed while its evidence fails has a head file that is older than its store, and goes on.
#[test]
fn evidence_that_is_older_than_the_store_is_good() {
    let mut log = TestLog::new();
    log.submit(&Made::records(0..300));
    log.setup.evidence.break_notes(true);
    log.close();
    log.setup.evidence.break_notes(false);
    log.restart();
    assert_eq!(log.status(), Status::Writing);
    assert_eq!(log.reader().published().size(), 300, "opening publishes what was durable");
    log.check(300);
}
