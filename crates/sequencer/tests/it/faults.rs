//! Each fault of a commit at each place where a commit matters, and what a restart finds.

use std::time::Duration;

use sequencer::{ids::Outcome, log::Status, pool::Refusal, recover::RecoverError};
use store::{CommitError, Fault};

use crate::testlog::{Made, Setup, TestLog};

/// What the log held before, and what is submitted when the fault strikes.
pub struct Place {
    pub name: &'static str,
    pub before: u64,
    pub group: Vec<Made>,
}

pub fn places() -> Vec<Place> {
    let mixed = || {
        let mut group = Made::records(100..105);
        // Duplicates and conflicts of what was there, and of the group itself.
        group.extend([Made::record(3, 0), Made::record(3, 1), Made::record(100, 0), Made::record(101, 1)]);
        group
    };
    let far = |n: u64| Made::records(1_000_000..1_000_000 + n);
    vec![
        Place { name: "the first entry", before: 0, group: Made::records(100..101) },
        Place { name: "a few entries", before: 10, group: mixed() },
        Place { name: "the entry that closes a bundle", before: 255, group: far(1) },
        Place { name: "entries across a bundle's end", before: 250, group: far(20) },
        Place { name: "entries that close three bundles", before: 10, group: far(800) },
        Place { name: "the first entry after a full bundle", before: 256, group: far(1) },
        Place { name: "the entry that closes a tile of level 1", before: 65_535, group: far(1) },
        Place { name: "entries across the end of a tile of level 1", before: 65_500, group: far(300) },
    ]
}

/// The log as it is just before the fault. Several runs lie at the edge.
pub fn grown(place: &Place) -> TestLog {
    let mut log = TestLog::new();
    let runs = [place.before / 2, place.before.saturating_sub(3), place.before];
    let mut from = 0;
    for to in runs {
        if to > from {
            log.submit(&Made::records(from..to));
            from = to;
        }
    }
    log
}

/// A commit of which nobody knows whether it took place: nothing was acknowledged, and after a restart all of it is
/// there or none of it.
#[test]
fn a_commit_that_nobody_knows_of_is_all_or_nothing() {
    for place in places() {
        for (fault, kept) in [(Fault::Lost, false), (Fault::Kept, true)] {
            eprintln!("{}: {fault:?}", place.name);
            let mut log = grown(&place);
            log.faults().fail_commit(0, fault);
            assert_eq!(log.try_submit(&place.group).unwrap_err(), Refusal::Unknown);
            stops_for_good(&log, &place.group);

            log.restart();
            assert_eq!(log.status(), Status::Writing);
            if kept {
                log.model.log(&place.group);
            }
            log.check(log.model.size());

            // Whoever got no answer submits again under the same ids, twice, and the log goes on.
            let again = log.submit(&place.group);
            let logged = again.iter().any(|outcome| matches!(outcome, Outcome::Logged { .. }));
            assert_eq!(logged, !kept, "logged now, or then, never both");
            let twice = log.submit(&place.group);
            assert!(!twice.iter().any(|outcome| matches!(outcome, Outcome::Logged { .. })));
            log.submit(&Made::records(2_000_000..2_000_003));
            log.glance(log.model.size());
            log.restart();
            log.check(log.model.size());
        }
    }
}

/// After a failure the log answers reads as before and takes nothing.
fn stops_for_good(log: &TestLog, group: &[Made]) {
    let size = log.model.size();
    let Status::Failed(why) = log.status() else { panic!("{:?}", log.status()) };
    assert!(why.contains("has to be opened anew"), "{why}");
    assert_eq!(*log.observed.failures.lock(), [why]);
    let refused = log.send(&[Made::record(9_999, 0)]).unwrap_err();
    assert!(matches!(refused, Refusal::NotWriting(_)), "{refused}");
    let reader = log.reader();
    assert_eq!(reader.committed().head().size, size, "nothing of it is shown");
    assert!(reader.published().size() <= size);
    assert_eq!(reader.entry(size).unwrap(), None);
    for key in group.iter().filter_map(Made::key) {
        assert_eq!(reader.find(&key).unwrap().is_some(), log.model.ids.contains_key(&key));
    }
}

#[test]
fn a_slow_commit_is_a_commit() {
    for place in places() {
        let mut log = grown(&place);
        log.faults().fail_commit(0, Fault::Slow(Duration::from_millis(30)));
        log.submit(&place.group);
        log.glance(log.model.size());
        log.restart();
        log.check(log.model.size());
    }
}

/// Groups that wait behind a commit that fails are answered, and are not in the log.
#[test]
fn groups_behind_a_failed_commit_are_answered() {
    for (fault, kept) in [(Fault::Lost, 0), (Fault::Kept, 1)] {
        let mut log = TestLog::new();
        log.faults().fail_commit(0, fault);
        let groups: Vec<_> = (0..5).map(|n| Made::records(n * 10..n * 10 + 10)).collect();
        let replies = log.try_as_one_commit(&Made::record(500, 0), &groups);
        assert!(replies.iter().all(|reply| *reply.as_ref().unwrap_err() == Refusal::Unknown));
        log.restart();
        if kept == 1 {
            log.model.log(&[Made::record(500, 0)]);
        }
        log.check(kept);
        groups.iter().for_each(|group| drop(log.submit(group)));
        log.check(kept + 50);
    }
}

/// The groups of one commit share its fate, whatever it is.
#[test]
fn groups_of_one_commit_are_there_together_or_not_at_all() {
    for (fault, kept) in [(Fault::Lost, false), (Fault::Kept, true)] {
        let mut log = TestLog::new();
        log.faults().fail_commit(1, fault);
        let groups: Vec<_> = (0..5).map(|n| Made::records(n * 100..n * 100 + 110)).collect();
        let plug = [Made::record(5_000, 0)];
        let replies = log.try_as_one_commit(&plug[0], &groups);
        log.settle(&plug, replies[0].clone());
        assert!(replies[1..].iter().all(|reply| *reply.as_ref().unwrap_err() == Refusal::Unknown));
        log.restart();
        if kept {
            groups.iter().for_each(|group| drop(log.model.log(group)));
        }
        log.check(if kept { 511 } else { 1 });
        groups.iter().for_each(|group| drop(log.submit(group)));
        log.check(511);
    }
}

/// The creation of a log may fail in each way, and be tried again.
#[test]
fn a_creation_that_fails_can_be_repeated() {
    for fault in [Fault::Lost, Fault::Kept, Fault::Torn, Fault::Slow(Duration::from_millis(5))] {
        eprintln!("{fault:?}");
        let mut log = TestLog::closed(Setup::default());
        log.faults().fail_commit(0, fault);
        match log.open() {
            Ok(()) => assert!(matches!(fault, Fault::Slow(_))),
            Err(error) => assert!(matches!(error, RecoverError::Create(CommitError::Unknown(_))), "{error}"),
        }
        log.restart();
        assert_eq!(log.status(), Status::Writing, "a log that never took an entry is no old copy of itself");
        log.check(0);
        log.submit(&Made::records(0..3));
        log.restart();
        log.check(3);
    }
}

#[test]
fn a_creation_whose_evidence_cannot_be_noted_can_be_repeated() {
    let mut log = TestLog::closed(Setup::default());
    log.setup.evidence.break_notes(true);
    for _ in 0..3 {
        let error = log.open().unwrap_err();
        assert!(matches!(error, RecoverError::Evidence(_)), "{error}");
        assert!(error.to_string().contains("no space left"), "{error}");
    }
    log.setup.evidence.break_notes(false);
    log.open().unwrap();
    assert_eq!(log.status(), Status::Writing);
    log.submit(&Made::records(0..300));
    log.check(300);
}

/// A log that cannot note its head is not opened for writing, and nothing is lost by that.
#[test]
fn an_opening_whose_evidence_cannot_be_noted_can_be_repeated() {
    let mut log = TestLog::new();
    log.submit(&Made::records(0..300));
    log.setup.evidence.break_notes(true);
    log.close();
    assert!(matches!(log.open(), Err(RecoverError::Evidence(_))));
    log.setup.evidence.break_notes(false);
    log.restart();
    log.check(300);
}

/// A batch that cannot be decided because the id table cannot be read is not logged, and the log stops.
#[test]
fn reads_that_fail_during_admission_stop_the_log_before_anything_is_written() {
    let mut log = TestLog::new();
    log.submit(&Made::records(0..300));
    let commits = log.store().commits();
    log.faults().break_reads(true);
    assert_eq!(log.try_submit(&Made::records(300..310)).unwrap_err(), Refusal::Unknown);
    let Status::Failed(why) = log.status() else { panic!("{:?}", log.status()) };
    assert!(why.contains("the store cannot be read"), "{why}");
    assert_eq!(log.store().commits(), commits);
    log.close();
    assert!(
        matches!(log.open(), Err(RecoverError::Store(_))),
        "a store that cannot be read cannot be opened"
    );
    log.faults().break_reads(false);
    log.restart();
    log.check(300);
    log.submit(&Made::records(290..310));
    log.check(310);
}
