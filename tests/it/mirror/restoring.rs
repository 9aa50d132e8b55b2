//! A log made anew from a mirror.

use sequencer::Kind;

use super::process::{Mirror, copy_of, get, id, once, size_in};
use crate::fsck::{Stopped, flip};
use crate::run::deedbook;
use crate::served::Served;
use crate::witness::process::until;

/// The log's own files, without its store: what an operator has who backs up the keys, and has a mirror for the rest.
fn keys_of(log: &Stopped) -> std::path::PathBuf {
    let data = log.home.path().join("restored");
    std::fs::create_dir(&data).unwrap();
    for name in ["log.key", "log.json", "log.vkey"] {
        std::fs::copy(log.data.join(name), data.join(name)).unwrap();
    }
    data
}

#[test]
fn a_log_whose_store_is_lost_is_restored_from_a_mirrors_directory_and_from_its_address() {
    let log = Stopped::of_records(700);
    let mirrored = log.home.path().join("mirror");
    let served = Served::start(&log.data, Kind::Records);
    let origin = served.said["origin"].as_str().unwrap().to_owned();
    once(&mirrored, std::path::Path::new(&served.url), &served.vkey, &[]).expect(0);
    let root = get(&served.url, "/checkpoint", &[]).body;
    let root: Vec<String> = String::from_utf8(root).unwrap().lines().take(3).map(str::to_owned).collect();
    let mirror = Mirror::start(&mirrored, &served.url, &served.vkey, &[]);
    until("it serves", || mirror.size(&origin) == Some(700));
    drop(served);

    let copy = copy_of(&mirrored, &origin);
    let newest = copy.join("checkpoint");
    for from in [copy.to_str().unwrap().to_owned(), format!("{}/{}", mirror.url, id(&origin))] {
        let data = keys_of(&log);
        let dir = data.to_str().unwrap();
        let restored = ["restore", &from, "--data", dir, "--newest", newest.to_str().unwrap(), "--json"];
        let ran = deedbook(restored).expect(0).json();
        assert_eq!((&ran["size"], &ran["read_only"]), (&700.into(), &serde_json::Value::Null), "{ran}");
        deedbook(["fsck", "--data", dir]).expect(0);
        let again = Served::start(&data, Kind::Records);
        let note = String::from_utf8(get(&again.url, "/checkpoint", &[]).body).unwrap();
        assert_eq!(
            note.lines().take(3).collect::<Vec<_>>(),
            root,
            "the same origin, size and root, from {from}"
        );
        assert_eq!(size_in(note.as_bytes()), 700);
        log.add(&again, 700, 5);
        drop(again);
        std::fs::remove_dir_all(&data).unwrap();
    }
}

#[test]
fn entries_that_are_damaged_are_had_from_a_mirror() {
    let log = Stopped::of_records(700);
    let mirrored = log.home.path().join("mirror");
    let served = Served::start(&log.data, Kind::Records);
    let origin = served.said["origin"].as_str().unwrap().to_owned();
    once(&mirrored, std::path::Path::new(&served.url), &served.vkey, &[]).expect(0);
    drop(served);
    log.with_tree("bundle", flip(300));
    deedbook(["fsck", "--data", log.data.to_str().unwrap()]).expect(1);
    let copy = copy_of(&mirrored, &origin);
    let ran = log.run("rebuild", &["--from", copy.to_str().unwrap()]).expect(0).json();
    assert_eq!(ran["helped"], 256, "{ran}");
    deedbook(["fsck", "--data", log.data.to_str().unwrap()]).expect(0);
}
