//! An old copy of a log's store put back, while its `head` is newer.

use super::{ask, audit, copy, keeps, log_of};
use crate::served::Served;

#[test]
fn an_old_copy_is_served_for_reading_and_takes_no_entries() {
    let home = tempfile::tempdir().unwrap();
    let (data, old) = (home.path().join("data"), home.path().join("old"));
    let (early, _) = log_of(&data, 300);
    copy(&data, &old);
    let (late, _) = log_of(&data, 200);
    let state = home.path().join("state");
    let served = Served::start_with(&data, &[]);
    keeps(&served, &late).expect(0);
    audit(&served, &state).expect(0);
    assert!(served.stop().success());

    std::fs::remove_dir_all(data.join("store")).unwrap();
    copy(&old.join("store"), &data.join("store"));
    let head = std::fs::read(data.join("head")).unwrap();
    let served = Served::start_with(&data, &[]);
    let why = served.said["read_only"].as_str().unwrap().to_owned();
    for words in ["holds 300 entries", "a head of 500 was signed", "old copy"] {
        assert!(why.contains(words), "{words:?} in {why}");
    }
    let (status, body) = ask(&served, "POST", "/add", "a fork");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("old copy"), "{body}");
    let (status, body) = ask(&served, "GET", "/readyz", "");
    assert_eq!(status, 503);
    assert!(body.contains("old copy"), "{body}");
    keeps(&served, &early).expect(0);
    assert!(audit(&served, &state).expect(1).out.contains("went back"));
    assert!(served.stop().success());
    assert_eq!(std::fs::read(data.join("head")).unwrap(), head, "the evidence is left alone");

    // With its old head beside it nobody here can tell, but whoever saw the newer one can.
    std::fs::copy(old.join("head"), data.join("head")).unwrap();
    let served = Served::start_with(&data, &[]);
    assert_eq!(served.said["read_only"], serde_json::Value::Null);
    assert!(audit(&served, &state).expect(1).out.contains("went back"));
}
