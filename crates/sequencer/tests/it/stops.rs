//! Failures that are nobody's plan: a panic on the writer's thread, a store that breaks its contract.

use sequencer::{log::Status, pool::Refusal, recover::RecoverError};
use store::Fault;

use crate::{
    faults::{grown, places},
    testlog::{Made, Place, Setup, TestLog},
};

/// A panic on the writer's thread (sled panics where it might answer an error) is a failure like any other: those
/// who wait are answered, those who come are refused.
#[test]
fn a_panic_of_the_writer_stops_the_log_and_leaves_nobody_waiting() {
    let mut log = TestLog::new();
    log.submit(&Made::records(0..10));
    log.observed.panic_at_commit.store(true, std::sync::atomic::Ordering::SeqCst);
    let groups = [Made::records(20..30), Made::records(30..40)];
    let replies = log.try_as_one_commit(&Made::record(10, 0), &groups);
    assert!(replies.iter().all(|reply| *reply.as_ref().unwrap_err() == Refusal::Unknown), "{replies:?}");
    let Status::Failed(why) = log.status() else { panic!("{:?}", log.status()) };
    assert!(why.contains("injected panic"), "{why}");
    assert!(matches!(log.send(&[Made::record(11, 0)]), Err(Refusal::NotWriting(_))));
    log.restart();
    log.model.log(&[Made::record(10, 0)]);
    log.check(11);
}

/// Two writers on one store, as when a lock was lost or never held: the slower one stops at its first commit, and the
/// log has one history.
#[test]
fn of_two_writers_one_stops_and_nothing_forks() {
    let mut first = TestLog::new();
    first.submit(&Made::records(0..250));
    let Place::Memory(store) = &first.setup.place else { unreachable!() };
    let place = Place::Memory(store.clone());
    let setup = Setup { place, evidence: first.setup.evidence.clone(), ..Setup::default() };
    let mut second = TestLog::with(setup);
    assert_eq!(second.size(), 250);
    first.submit(&Made::records(250..260));

    assert_eq!(second.try_submit(&Made::records(300..310)).unwrap_err(), Refusal::Unknown);
    let Status::Failed(why) = second.status() else { panic!("{:?}", second.status()) };
    assert!(why.contains("another writer has moved the head"), "{why}");
    second.close();
    first.submit(&Made::records(260..261));
    first.check(261);
    first.restart();
    first.check(261);
}

/// A store that tears a commit breaks its contract. The log cannot promise to go on then; it does promise that
/// whatever it signs contains all that was acknowledged, and that it never calls logged what is not in it.
#[test]
fn a_torn_commit_is_refused_or_harmless() {
    let (mut refused, mut stopped, mut harmless) = (0, 0, 0);
    for place in places() {
        eprintln!("{}", place.name);
        let mut log = grown(&place);
        let before = log.model.size();
        log.faults().fail_commit(0, Fault::Torn);
        assert_eq!(log.try_submit(&place.group).unwrap_err(), Refusal::Unknown);
        log.close();
        log.faults().reopen();
        match log.open() {
            Err(RecoverError::Edge(error)) => {
                assert!(error.to_string().contains("is not the edge of a log of size"), "{error}");
                refused += 1;
                continue;
            }
            other => other.unwrap(),
        }
        assert_eq!(log.size(), before);
        match log.try_submit(&place.group) {
            Ok(answer) => {
                assert_eq!(answer.outcomes, log.model.log(&place.group));
                harmless += 1;
            }
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Unknown);
                let Status::Failed(why) = log.status() else { panic!("{:?}", log.status()) };
                assert!(why.contains("rebuild"), "{why}");
                log.check_tree(before);
                stopped += 1;
            }
        }
    }
    assert!(stopped > 0 && refused + stopped + harmless == 8, "{refused} {stopped} {harmless}");
}
