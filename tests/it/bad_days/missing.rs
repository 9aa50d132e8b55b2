//! Parts of a log's directory that are missing, open to others, or in use.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sequencer::Kind;

use super::{ask, audit, copy, is_a_sentence, keeps, log_of};
use crate::run::Ran;
use crate::served::Served;

/// A log of some entries, of which something is taken away; then it is started.
fn without(bend: impl FnOnce(&Path)) -> (tempfile::TempDir, Result<Served, Ran>) {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    log_of(&data, 300);
    bend(&data);
    let started = Served::try_start(Served::program(), &data, &["--open"]);
    (home, started)
}

#[track_caller]
fn refused(started: Result<Served, Ran>, words: &[&str]) -> Ran {
    let Err(ran) = started else { panic!("it is served") };
    is_a_sentence(&ran);
    for words in words {
        assert!(ran.out.contains(words), "{words:?} in {}", ran.out);
    }
    ran
}

#[test]
fn a_log_whose_entries_are_gone_is_not_begun_again() {
    let (_home, started) = without(|data| std::fs::remove_dir_all(data.join("store")).unwrap());
    refused(started, &["its entries are gone", "300"]).expect(1);
    let (_home, started) = without(|data| std::fs::remove_file(data.join("store/db")).unwrap());
    refused(started, &["its entries are gone", "300"]).expect(1);
}

/// sled's notes of its own options. They can be made again, or it says what is missing; the entries are all there.
#[test]
fn without_the_stores_own_notes_nothing_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let (list, _) = log_of(&data, 300);
    let whole = home.path().join("whole");
    copy(&data, &whole);
    std::fs::remove_file(data.join("store/conf")).unwrap();
    match Served::try_start(Served::program(), &data, &["--open"]) {
        Ok(served) => {
            assert_eq!(served.said["read_only"], serde_json::Value::Null);
            keeps(&served, &list).expect(0);
        }
        Err(ran) => {
            refused(Err(ran), &["store"]);
            std::fs::copy(whole.join("store/conf"), data.join("store/conf")).unwrap();
            let served = Served::start_with(&data, &[]);
            keeps(&served, &list).expect(0);
        }
    }
}

#[test]
fn without_its_head_file_a_log_is_readable_and_signs_nothing() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let (list, _) = log_of(&data, 300);
    std::fs::remove_file(data.join("head")).unwrap();
    let served = Served::start_with(&data, &[]);
    let why = served.said["read_only"].as_str().unwrap();
    assert!(why.contains("the file `head`") && why.contains("300"), "{why}");
    let (status, body) = ask(&served, "POST", "/add", "one more");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("the file `head`"), "{body}");
    assert_eq!(ask(&served, "GET", "/readyz", "").0, 503);
    keeps(&served, &list).expect(0);
    audit(&served, &home.path().join("state")).expect(0);
    assert!(served.stop().success());
    assert!(!data.join("head").exists(), "it is not made up");
}

#[test]
fn a_key_that_is_missing_or_open_to_others_is_told() {
    let (_home, started) = without(|data| std::fs::remove_file(data.join("log.key")).unwrap());
    refused(started, &["log.key is missing"]).expect(2);
    let (_home, started) = without(|data| std::fs::remove_file(data.join("log.json")).unwrap());
    refused(started, &["log.json is missing"]).expect(2);
    let open = |data: &Path| {
        std::fs::set_permissions(data.join("log.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    };
    let (_home, started) = without(open);
    refused(started, &["log.key", "mode 644", "chmod 600"]).expect(2);
}

#[test]
fn a_second_server_on_the_same_directory_is_refused_and_does_no_harm() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let first = Served::start(&data, Kind::Raw);
    let second = Served::try_start(Served::program(), &data, &["--open"]);
    refused(second, &["in use by another deedbook process", data.to_str().unwrap()]).expect(2);
    assert_eq!(ask(&first, "POST", "/add", "still here"), (200, "0\n".to_owned()));
    first.kill();
    let third = Served::start_with(&data, &[]);
    assert_eq!(ask(&third, "POST", "/add", "and again"), (200, "1\n".to_owned()));
}
