//! `deedbook restore`: from a backup onto an empty disk, from a mirror into a log that fell behind, and what is refused.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sequencer::Kind;

use crate::fsck::{Stopped, backup};
use crate::run::{Ran, deedbook};
use crate::served::Served;

fn restore(from: &Path, data: &Path, newest: &[&Path]) -> Ran {
    let mut args = vec!["restore", from.to_str().unwrap(), "--data", data.to_str().unwrap(), "--json"];
    for path in newest {
        args.extend(["--newest", path.to_str().unwrap()]);
    }
    deedbook(args)
}

#[test]
fn onto_an_empty_disk_a_log_goes_on_once_somebody_says_which_head_is_the_newest() {
    let log = Stopped::of_records(700);
    let copy = backup(&log);
    let newest = copy.join("public/checkpoint");
    let data = log.home.path().join("restored");
    let ran = restore(&copy, &data, &[&newest]).expect(0).json();
    assert_eq!((&ran["size"], &ran["read_only"]), (&700.into(), &serde_json::Value::Null), "{ran}");
    let mode = |name: &str| std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("log.key"), mode("log.vkey")), (0o600, 0o644));

    // Same bytes, same ids: what was logged before is known, what is new goes on at the next index.
    let served = Served::start(&data, Kind::Records);
    assert_eq!(served.vkey, log.vkey);
    let file = log.home.path().join("records-0");
    let ran = deedbook([
        "record",
        file.to_str().unwrap(),
        "--url",
        &served.url,
        "--vkey",
        &log.vkey,
        "--json",
        "--receipts",
        log.home.path().join("again").to_str().unwrap(),
    ]);
    assert_eq!(ran.expect(0).json()["duplicates"], 700);
    log.add(&served, 700, 10);
    drop(served);
    deedbook(["fsck", "--data", data.to_str().unwrap()]).expect(0);
}

#[test]
fn without_a_word_on_newer_heads_it_is_for_reading_only() {
    let log = Stopped::of_records(300);
    let copy = backup(&log);
    let data = log.home.path().join("restored");
    let ran = restore(&copy, &data, &[]).expect(0).json();
    assert!(ran["read_only"].as_str().unwrap().contains("--newest"), "{ran}");
    let served = Served::start(&data, Kind::Records);
    assert!(served.said["read_only"].is_string(), "{}", served.said);
    deedbook(["audit", &served.url, "--vkey", &log.vkey]).expect(0);
    let file = log.home.path().join("records-0");
    let args =
        ["record", file.to_str().unwrap(), "--url", &served.url, "--vkey", &log.vkey, "--timeout", "2"];
    let refused = deedbook(args.iter().chain(&["--receipts", log.home.path().join("r").to_str().unwrap()]));
    assert!(refused.expect(2).err.contains("takes no entries"));
    drop(served);
    // Afterwards is early enough.
    let (dir, newest) = (data.to_str().unwrap(), copy.join("public/checkpoint"));
    deedbook(["restore", "--data", dir, "--newest", newest.to_str().unwrap()]).expect(0);
    assert!(Served::start(&data, Kind::Records).said["read_only"].is_null());
}

#[test]
fn an_old_backup_is_never_mistaken_for_the_log_and_a_mirror_completes_it() {
    let log = Stopped::of_records(300);
    let old = backup(&log);
    let served = Served::start(&log.data, Kind::Records);
    log.add(&served, 300, 400);
    drop(served);
    let newest = log.data.join("head");
    let data = log.home.path().join("restored");
    let ran = restore(&old, &data, &[&newest]).expect(0).json();
    assert_eq!(ran["size"], 300);
    assert!(ran["read_only"].as_str().unwrap().contains("a head of 700 was signed"), "{ran}");
    assert!(Served::start(&data, Kind::Records).said["read_only"].is_string());

    // Somebody has all of it: the running log itself stands for a mirror here.
    let mirror = Served::start(&log.data, Kind::Records);
    let ran = deedbook(["restore", &mirror.url, "--data", data.to_str().unwrap(), "--json"]).expect(0).json();
    assert_eq!((&ran["size"], &ran["read_only"]), (&700.into(), &serde_json::Value::Null), "{ran}");
    drop(mirror);
    deedbook(["fsck", "--data", data.to_str().unwrap()]).expect(0);
}

#[test]
fn nothing_is_replaced_by_less_or_by_another_history() {
    let log = Stopped::of_records(300);
    let old = backup(&log);
    let served = Served::start(&log.data, Kind::Records);
    log.add(&served, 300, 10);
    drop(served);
    let ran = restore(&old, &log.data, &[]).expect(1);
    assert!(ran.out.contains("the copy only 300; nothing was changed"), "{}", ran.out);

    // The same key, another history.
    let fork = log.home.path().join("fork");
    restore(&old, &fork, &[&old.join("public/checkpoint")]).expect(0);
    let served = Served::start(&fork, Kind::Records);
    log.add(&served, 500, 30);
    let ran = deedbook(["restore", &served.url, "--data", log.data.to_str().unwrap()]).expect(1);
    assert!(ran.err.contains("forked"), "{}", ran.err);
    drop(served);
    let ran = log.run("fsck", &[]).expect(0).json();
    assert_eq!(ran["size"], 310, "nothing was changed");

    // Another log altogether.
    let other = Stopped::of_records(3);
    assert!(restore(&old, &other.data, &[]).expect(1).out.contains("another log"));
}

#[test]
fn a_backup_that_was_altered_is_not_restored() {
    let log = Stopped::of_records(300);
    let copy = backup(&log);
    let bundle = copy.join("public/tile/entries/000");
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    let data = log.home.path().join("restored");
    let ran = restore(&copy, &data, &[]).expect(1);
    assert!(ran.out.contains("not in accord with their hashes: entries 0 to 255"), "{}", ran.out);
    assert!(!data.join("store").exists());
}
