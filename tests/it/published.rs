//! The file `published`, what everybody was shown: evidence for whoever opens, checks or restores a log, witnesses or not.

use std::path::Path;

use sequencer::Kind;

use crate::bad_days::copy;
use crate::fsck::{Stopped, backup};
use crate::run::{Ran, deedbook};
use crate::served::Served;

fn restore(log: &Stopped, from: &[&Path], newest: &[&Path]) -> Ran {
    let from = from.iter().map(|path| path.to_str().unwrap());
    let newest = newest.iter().flat_map(|path| ["--newest", path.to_str().unwrap()]);
    deedbook(
        ["restore", "--json", "--data", log.data.to_str().unwrap()].into_iter().chain(from).chain(newest),
    )
}

/// Why the log is read-only, by the server; empty if it is not.
fn read_only(log: &Stopped) -> String {
    let served = Served::start(&log.data, Kind::Records);
    served.said["read_only"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn an_old_copy_is_known_by_it_and_it_is_not_forgotten() {
    let log = Stopped::of_records(300);
    let (published, image) = (log.data.join("published"), log.home.path().join("image"));
    copy(&log.data, &image);
    let served = Served::start(&log.data, Kind::Records);
    log.add(&served, 300, 200);
    assert!(served.stop().success());
    let whole = backup(&log);
    let newest = std::fs::read(log.data.join("head")).unwrap();

    // Store and head are put back, and what everybody was shown is not.
    std::fs::remove_dir_all(log.data.join("store")).unwrap();
    copy(&image.join("store"), &log.data.join("store"));
    std::fs::copy(image.join("head"), log.data.join("head")).unwrap();
    std::fs::write(&published, &newest).unwrap();
    for _ in 0..2 {
        assert!(read_only(&log).contains("a head of 500 was signed"));
        assert_eq!(std::fs::read(&published).unwrap(), newest, "it is left alone");
    }
    assert!(log.run("fsck", &[]).expect(1).out.contains("a head of 500 was signed"));
    let ran = restore(&log, &[], &[&image.join("head")]).expect(0).json();
    assert_eq!(ran["newest_known"], 500, "it counts beside what is named: {ran}");
    assert!(ran["read_only"].as_str().unwrap().contains("a head of 500 was signed"), "{ran}");

    let ran = restore(&log, &[&whole], &[]).expect(0).json();
    assert_eq!((&ran["size"], &ran["read_only"]), (&500.into(), &serde_json::Value::Null), "{ran}");
    assert_eq!(read_only(&log), "");
    assert!(!published.exists(), "a log that asks nobody shows its newest head");
}

#[test]
fn where_nobody_can_read_it_somebody_has_to_name_the_newest_head() {
    let log = Stopped::of_records(3);
    let (published, head) = (log.data.join("published"), log.data.join("head"));
    std::fs::write(&published, "nothing").unwrap();
    let why = read_only(&log);
    assert!(why.contains("`published`") && why.contains("--newest"), "{why}");
    let whole = backup(&log);
    let ran = restore(&log, &[&whole], &[]).expect(0).json();
    assert!(ran["read_only"].as_str().unwrap().contains("`published`"), "{ran}");
    assert!(published.exists());
    let ran = restore(&log, &[], &[&head]).expect(0).json();
    assert!(ran["read_only"].is_null() && !published.exists(), "{ran}");
    assert_eq!(read_only(&log), "");
}
