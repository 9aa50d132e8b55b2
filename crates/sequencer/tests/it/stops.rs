//! Failures that are nobody's plan: a panic on the writer's thread, a store that breaks its contract.

use sequencer::{log::Status, pool::Refusal};

use crate::testlog::{Made, TestLog};

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
