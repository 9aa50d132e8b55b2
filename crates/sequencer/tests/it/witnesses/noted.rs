//! What everybody was shown is noted outside the store: evidence like the newest head, and what is shown again.

use std::{fs, path::PathBuf};

use sequencer::recover::RecoverError;

use super::*;
use crate::testlog::Place;

fn file(log: &TestLog, name: &str) -> PathBuf {
    let Place::Sled(directory) = &log.setup.place else { panic!("in memory") };
    directory.path().join(name)
}

/// A closed log of three entries, all of them witnessed.
fn closed() -> (TestLog, Arc<Script>) {
    let (mut log, script) = log_with(WhenUnwitnessed::Hold, true);
    log.submit(&Made::records(0..3));
    log.close();
    (log, script)
}

/// Opens the log, and demands that it only be read; what it shows.
fn read_only(log: &mut TestLog, expected: impl Fn(&Standing) -> bool) -> SignedCheckpoint {
    log.open().unwrap();
    let status = log.status();
    assert!(matches!(&status, Status::ReadOnly(standing) if expected(standing)), "{status:?}");
    log.try_submit(&Made::records(500..501)).unwrap_err();
    let shown = log.reader().published();
    assert_eq!(log.store().commits(), 0, "nothing is written");
    log.close();
    shown
}

#[test]
fn a_store_without_what_everybody_was_shown_signs_nothing() {
    let (mut log, script) = closed();
    let published = file(&log, "published");
    let good = fs::read(&published).unwrap();
    let witnessing = log.setup.witnessing.clone();
    for asks in [true, false] {
        log.setup.witnessing = witnessing.clone().filter(|_| asks);
        for (bad, expected) in [
            (checkpoint(2), Standing::Fork { size: 2 }),
            (checkpoint(9), Standing::Behind { stored: 3, known: 9 }),
        ] {
            fs::write(&published, bad.bytes()).unwrap();
            let shown = read_only(&mut log, |standing| *standing == expected);
            assert_eq!(shown.size(), 3, "what there is");
            assert_eq!(&fs::read(&published).unwrap(), bad.bytes(), "the evidence is left alone");
        }
        fs::write(&published, "nothing").unwrap();
        let unreadable = |standing: &Standing| {
            let words = standing.to_string();
            matches!(standing, Standing::EvidenceUnreadable { file: "published", .. })
                && words.contains("`published`")
                && words.contains("--newest")
        };
        assert_eq!(read_only(&mut log, unreadable).size(), 3);
    }
    fs::write(&published, good).unwrap();
    log.setup.witnessing = witnessing;
    log.open().unwrap();
    assert_eq!(log.status(), Status::Writing);
    assert_eq!(script.state.lock().ended, 1, "the log that was closed let go of its witnesses");
}

#[test]
fn of_two_later_heads_the_one_that_is_later_still_is_told() {
    let (mut log, _) = closed();
    for (head, published) in [(5, 9), (9, 5)] {
        fs::write(file(&log, "head"), checkpoint(head).bytes()).unwrap();
        fs::write(file(&log, "published"), checkpoint(published).bytes()).unwrap();
        read_only(&mut log, |standing| *standing == Standing::Behind { stored: 3, known: 9 });
    }
}

#[test]
fn an_empty_store_beside_what_everybody_was_shown_is_not_a_new_log() {
    let (mut log, _) = closed();
    fs::write(file(&log, "head"), checkpoint(0).bytes()).unwrap();
    fs::remove_dir_all(file(&log, "store")).unwrap();
    let error = log.open().unwrap_err();
    assert!(matches!(error, RecoverError::StoreGone { known: 3 }), "{error}");
}

/// What was held is shown again by a log that only is read, unless it does not contain it.
#[test]
fn a_log_that_is_read_only_shows_what_it_showed() {
    let (mut log, script) = closed();
    let held = script.state.lock().witnessed.clone().unwrap();
    script.willing(false);
    log.open().unwrap();
    log.submit(&Made::records(3..9));
    log.close();
    let (head, published) = (file(&log, "head"), file(&log, "published"));
    let newest = fs::read(&head).unwrap();
    fs::remove_file(&head).unwrap();
    let missing = |standing: &Standing| *standing == Standing::EvidenceMissing { stored: 9 };
    assert_eq!(read_only(&mut log, missing), held, "byte for byte");
    fs::write(&published, checkpoint(12).bytes()).unwrap();
    assert_eq!(read_only(&mut log, missing).bytes(), &newest, "it has no more");
}
