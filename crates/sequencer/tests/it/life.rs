//! Normal days: sizes around every boundary, restarts at each, groups of all sorts, closing.

use sequencer::{
    Kind,
    ids::Outcome::{self, Conflict, Duplicate, Logged},
    log::Status,
    pool::Limits,
    pool::Refusal,
};
use tlog::bundle::ENTRY_BYTES_MAX;

use crate::testlog::{At, Made, NEVER, Setup, TestLog, answer};

const SIZES: [u64; 8] = [0, 1, 2, 255, 256, 257, 511, 513];

fn grow_to(log: &mut TestLog, size: u64) {
    let from = log.model.size();
    if size > from {
        log.submit(&Made::records(from..size));
    }
}

/// Closes the log, opens it again, and demands that every byte it serves is the same.
fn restart_and_compare(log: &mut TestLog) {
    log.log().close();
    assert_eq!(log.status(), Status::Closed);
    let before = log.served();
    log.restart();
    assert_eq!(log.status(), Status::Writing);
    let after = log.served();
    let differs = before.iter().find(|(path, hash)| after.get(*path) != Some(hash));
    assert_eq!(differs, None, "the same bytes before and after");
    assert_eq!(before.len(), after.len());
}

#[test]
fn every_boundary_in_memory() {
    let mut log = TestLog::new();
    for size in SIZES {
        grow_to(&mut log, size);
        log.check(size);
        restart_and_compare(&mut log);
        log.check(size);
    }
}

#[test]
fn every_boundary_on_disk() {
    let mut log = TestLog::with(Setup::on_disk());
    for size in SIZES {
        grow_to(&mut log, size);
        log.check(size);
        restart_and_compare(&mut log);
        log.check(size);
    }
}

#[test]
fn entry_by_entry_over_two_bundles() {
    let mut log = TestLog::new();
    for size in 1..=515 {
        log.submit(&[Made::record(size, 0)]);
        if size % 37 == 0 || size % 256 <= 1 {
            log.restart();
            log.check(size);
        }
    }
    log.check(515);
}

#[test]
fn a_level_1_tile_is_closed_on_disk() {
    let mut log = TestLog::with(Setup::on_disk());
    for bulk in 0..4 {
        let to = if bulk == 3 { 65_535 } else { (bulk + 1) * 16_384 };
        grow_to(&mut log, to);
    }
    for size in [65_535, 65_536, 65_537] {
        grow_to(&mut log, size);
        log.check(size);
        restart_and_compare(&mut log);
    }
    log.check(65_537);
}

/// One group, one commit: it may be larger than a commit of many groups may be.
#[test]
fn a_level_1_tile_is_closed_within_one_group() {
    let mut log = TestLog::new();
    grow_to(&mut log, 100);
    grow_to(&mut log, 131_100);
    assert_eq!(log.store().commits(), 3);
    log.check(131_100);
    log.restart();
    log.submit(&Made::records(131_000..131_200));
    log.check(131_200);
}

#[test]
fn mixed_groups_in_one_commit() {
    let mut log = TestLog::new();
    log.submit(&Made::records(0..10));
    let group = |versions: &[(u64, u8)]| versions.iter().map(|(id, v)| Made::record(*id, *v)).collect();
    let groups: Vec<Vec<Made>> = vec![
        group(&[(3, 0), (3, 1), (20, 0), (20, 0), (20, 1)]),
        group(&[(20, 1), (20, 0), (21, 7), (3, 1)]),
        vec![Made::by(1, 20, 0), Made::by(1, 3, 0), Made::by(1, 3, 0)],
        group(&[(0, 0), (1, 0)]),
        vec![],
    ];
    let before = log.store().commits();
    let replies = log.submit_as_one_commit(&Made::record(99, 0), &groups);
    assert_eq!(log.store().commits(), before + 2, "the plug's commit, and one for all groups");
    assert_eq!(
        replies[1].as_ref().unwrap().outcomes,
        [
            Duplicate { index: 3 },
            Conflict { index: 3 },
            Logged { index: 11 },
            Duplicate { index: 11 },
            Conflict { index: 11 }
        ]
    );
    assert_eq!(replies[5].as_ref().unwrap().outcomes, []);
    log.check(15);
    let commit = *log.observed.commits.lock().last().unwrap();
    assert_eq!((commit.entries, commit.duplicates, commit.conflicts, commit.size), (4, 6, 4, 15));
}

#[test]
fn a_group_without_anything_new_commits_nothing() {
    let mut log = TestLog::new();
    log.submit(&Made::records(0..300));
    let before = log.store().commits();
    log.submit(&[Made::record(299, 0), Made::record(0, 0), Made::record(7, 1)]);
    log.submit(&[]);
    assert_eq!(log.store().commits(), before);
    log.check(300);
    log.restart();
    log.submit(&[Made::record(299, 0), Made::record(7, 1)]);
    log.check(300);
}

#[test]
fn ids_in_no_order_survive_restarts() {
    let mut log = TestLog::with(Setup::on_disk());
    for round in 0..8 {
        let ids = (round * 90..round * 90 + 120).map(|id: u64| id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        log.submit(&ids.map(|id| Made::by((id % 3) as u8, id, 0)).collect::<Vec<_>>());
        log.restart();
    }
    log.check(750);
}

#[test]
fn a_raw_log_takes_the_same_bytes_again() {
    for setup in [Setup::default(), Setup::on_disk()] {
        let mut log = TestLog::with(Setup { kind: Kind::Raw, ..setup });
        let twice =
            [Made::raw("same"), Made::raw("same"), Made::raw(""), Made::raw(vec![7; ENTRY_BYTES_MAX])];
        assert_eq!(log.submit(&twice).last(), Some(&Outcome::Logged { index: 3 }));
        log.submit(&twice);
        log.check(8);
        restart_and_compare(&mut log);
        log.submit(&vec![Made::raw(vec![0xff; ENTRY_BYTES_MAX]); 255]);
        log.check(263);
        restart_and_compare(&mut log);
        log.check(263);
    }
}

#[test]
fn closing_drains_what_was_accepted_and_publishes_it() {
    let mut log = TestLog::new();
    log.store().hold(At::Start);
    let plug = log.send(&[Made::record(500, 0)]).unwrap();
    log.store().wait_until_held();
    let waiting: Vec<_> = (0..40).map(|id| log.send(&Made::records(id..id + 3)).unwrap()).collect();
    assert_eq!(log.log().waiting(), 120);
    let mut refused = None;
    std::thread::scope(|scope| {
        scope.spawn(|| log.log().close());
        // Until the pool is closed, this one slips in; it is the plug's record once more.
        while refused.is_none() {
            refused = log.send(&[Made::record(500, 0)]).err();
        }
        log.store().release();
    });
    assert_eq!(refused, Some(Refusal::NotWriting("it is shutting down".into())));
    assert_eq!(log.status(), Status::Closed);
    log.settle(&[Made::record(500, 0)], answer(plug));
    for (id, reply) in (0..).zip(waiting) {
        log.settle(&Made::records(id..id + 3), answer(reply));
    }
    assert_eq!(log.reader().published().size(), 43);
    log.check(43);
    log.restart();
    log.check(43);
}

#[test]
fn dropping_drains_as_closing_does() {
    let mut log = TestLog::with(Setup { publish_every: NEVER, ..Setup::on_disk() });
    let replies: Vec<_> = (0..50).map(|id| log.send(&[Made::record(id, 0)]).unwrap()).collect();
    log.close();
    for (id, reply) in (0..).zip(replies) {
        log.settle(&[Made::record(id, 0)], answer(reply));
    }
    log.open().unwrap();
    log.check(50);
}

#[test]
fn a_full_pool_is_a_typed_refusal_and_passes() {
    let limits = Limits { pool_entries_max: 10, batch_entries_max: 4, ..Limits::default() };
    let mut log = TestLog::with(Setup { limits, ..Setup::default() });
    log.store().hold(At::Start);
    let plug = log.send(&[Made::record(0, 0)]).unwrap();
    log.store().wait_until_held();
    let accepted: Vec<_> = (0..5).map(|n| log.send(&Made::records(n * 2 + 1..n * 2 + 3)).unwrap()).collect();
    assert_eq!(log.log().waiting(), 10);
    assert_eq!(log.try_submit(&[Made::record(50, 0)]).unwrap_err(), Refusal::PoolFull { waiting: 10 });
    log.store().release();
    log.settle(&[Made::record(0, 0)], answer(plug));
    for (n, reply) in (0..).zip(accepted) {
        log.settle(&Made::records(n * 2 + 1..n * 2 + 3), answer(reply));
    }
    assert!(log.observed.commits.lock().iter().all(|commit| commit.entries <= 4));
    log.submit(&[Made::record(50, 0)]);
    log.check(12);
}

#[test]
fn a_submitter_that_went_away_is_logged_all_the_same() {
    let mut log = TestLog::new();
    drop(log.send(&[Made::record(0, 0)]).unwrap());
    log.model.log(&[Made::record(0, 0)]);
    log.submit(&[Made::record(1, 0), Made::record(0, 0)]);
    log.check(2);
}
