//! Witnesses that have seen more of a log than there is: nothing is signed any more, whatever else goes wrong.

use sequencer::pool::Refusal;
use tokio::sync::oneshot;

use super::*;
use crate::testlog::{At, PATIENCE, answer};

const AHEAD: Standing = Standing::WitnessesAhead { stored: 3, known: 8 };

/// A log of three entries that publishes every few milliseconds, and its witnesses.
fn restless() -> (TestLog, Arc<Script>) {
    let (mut log, script) = log_with(WhenUnwitnessed::Publish, true);
    log.close();
    log.setup.publish_every = Duration::from_millis(5);
    log.open().unwrap();
    log.submit(&Made::records(0..3));
    (log, script)
}

fn until_it_stands_down(log: &TestLog) {
    let start = std::time::Instant::now();
    while log.status() != Status::ReadOnly(AHEAD) {
        assert!(start.elapsed() < PATIENCE, "{:?}", log.status());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn they_stop_the_log_before_it_signs_anything_more() {
    let (mut log, script) = log_with(WhenUnwitnessed::Publish, true);
    log.submit(&Made::records(0..3));
    log.close();
    script.state.lock().stop = Some(AHEAD);
    log.open().unwrap();
    assert_eq!(log.status(), Status::ReadOnly(AHEAD));
    assert_eq!(log.reader().published().size(), 3, "it is read as before");
    log.try_submit(&Made::records(3..4)).unwrap_err();
    let asked = script.state.lock().asked.len();
    log.close();
    assert_eq!(script.state.lock().asked.len(), asked, "and nobody is asked any more");
    assert_eq!(log.observed.failures.lock().len(), 1);
}

#[test]
fn what_waits_then_is_refused_and_never_signed() {
    let (mut log, script) = restless();
    log.store().hold(At::Start);
    let under_way = log.send(&[Made::record(3, 0)]).unwrap();
    log.store().wait_until_held();
    let waiting: Vec<oneshot::Receiver<_>> =
        [4..6, 6..9].into_iter().map(|range| log.send(&Made::records(range)).unwrap()).collect();
    script.state.lock().stop = Some(AHEAD);
    until_it_stands_down(&log);
    log.store().release();
    log.settle(&[Made::record(3, 0)], answer(under_way));
    for reply in waiting {
        assert_eq!(answer(reply).unwrap_err(), Refusal::NotWriting(AHEAD.to_string()));
    }
    log.check(4);
    log.close();
    assert_eq!(log.observed.failures.lock().len(), 1, "it has not failed");
}

#[test]
fn a_disk_that_takes_no_notes_does_not_keep_the_log_from_it() {
    let (log, script) = restless();
    log.setup.evidence.break_published(true);
    script.state.lock().stop = Some(AHEAD);
    until_it_stands_down(&log);
    log.try_submit(&Made::records(3..4)).unwrap_err();
}
