//! `deedbook fsck` finds whatever was altered in a store, and `deedbook rebuild` mends what can be mended.

use std::path::{Path, PathBuf};

use sequencer::Kind;
use testkit::Chance;

use crate::run::{Ran, deedbook};
use crate::served::Served;

/// A stopped log of 700 records in a directory: two full bundles and a partial one.
pub(crate) struct Stopped {
    pub(crate) home: tempfile::TempDir,
    pub(crate) data: PathBuf,
    pub(crate) vkey: String,
}

impl Stopped {
    pub(crate) fn of_records(count: u64) -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let served = Served::start(&data, Kind::Records);
        let log = Self { home, data, vkey: served.vkey.clone() };
        log.add(&served, 0, count);
        assert!(served.stop().success());
        log
    }

    /// Puts records into the log that is served.
    pub(crate) fn add(&self, served: &Served, from: u64, count: u64) {
        let file = self.home.path().join(format!("records-{from}"));
        std::fs::write(&file, testkit::sample::typical_ndjson(from, count, &mut Chance::seeded(from)))
            .unwrap();
        let file = file.to_str().unwrap();
        deedbook(["record", file, "--url", &served.url, "--vkey", &served.vkey, "--published"]).expect(0);
    }

    pub(crate) fn run(&self, verb: &str, more: &[&str]) -> Ran {
        deedbook([verb, "--data", self.data.to_str().unwrap(), "--json"].iter().chain(more))
    }

    /// Changes a tree of the store behind everybody's back.
    pub(crate) fn with_tree(&self, name: &str, change: impl FnOnce(&sled::Tree)) {
        let config = sled::Config::new().path(self.data.join("store"));
        let db = config.segment_size(store::limits::SEGMENT_BYTES).open().unwrap();
        change(&db.open_tree(name).unwrap());
        db.flush().unwrap();
    }
}

/// Flips one bit of the first value of a tree.
pub(crate) fn flip(at: usize) -> impl FnOnce(&sled::Tree) {
    move |tree| {
        let (key, value) = tree.first().unwrap().unwrap();
        let mut value = value.to_vec();
        let at = at.min(value.len() - 1);
        value[at] ^= 1;
        tree.insert(key, value).unwrap();
    }
}

fn remove_first(tree: &sled::Tree) {
    tree.pop_min().unwrap().unwrap();
}

/// A value that the log knows nothing of.
fn add_stray(tree: &sled::Tree) {
    let (key, value) = tree.first().unwrap().unwrap();
    let mut key = key.to_vec();
    let last = key.len() - 3;
    key[last] ^= 0x40;
    tree.insert(key, value).unwrap();
}

#[test]
fn a_sound_store_holds_and_says_what_was_read() {
    let log = Stopped::of_records(700);
    let ran = log.run("fsck", &[]).expect(0).json();
    assert_eq!((&ran["size"], &ran["ids"], &ran["wrong"]), (&700.into(), &700.into(), &0.into()), "{ran}");
    assert_eq!(ran["counted"]["entries"], 700);
    let raw = tempfile::tempdir().unwrap();
    let data = raw.path().join("data");
    drop(Served::start(&data, Kind::Raw));
    let ran = deedbook(["fsck", "--data", data.to_str().unwrap(), "--json"]).expect(0).json();
    assert_eq!((&ran["size"], &ran["ids"]), (&0.into(), &serde_json::Value::Null));
}

#[test]
fn whatever_is_altered_in_a_store_is_found_and_rebuilt_if_the_entries_are_whole() {
    type Change = Box<dyn FnOnce(&sled::Tree)>;
    let cases: [(&str, Change, &str); 9] = [
        ("tile", Box::new(flip(100)), "tile/0/000"),
        ("tile", Box::new(remove_first), "tile/0/000"),
        ("tile", Box::new(add_stray), "no such full tile"),
        ("bundle", Box::new(add_stray), "no such full bundle"),
        ("id", Box::new(flip(60)), "id "),
        ("id", Box::new(flip(500)), "id "),
        ("id", Box::new(remove_first), "id"),
        ("identity", Box::new(flip(30)), "identity"),
        ("run", Box::new(add_stray), "run 576"),
    ];
    for (tree, change, named) in cases {
        let log = Stopped::of_records(700);
        log.with_tree(tree, change);
        let ran = log.run("fsck", &[]);
        assert!(ran.code == 1 && ran.out.contains(named), "{tree}, {named}: {ran:?}");
        log.run("rebuild", &[]).expect(0);
        let ran = log.run("fsck", &[]).expect(0).json();
        assert_eq!((&ran["size"], &ran["ids"]), (&700.into(), &700.into()), "{tree}");
    }
}

#[test]
fn an_entry_that_is_lost_is_had_back_from_a_copy_and_never_invented() {
    for change in [flip(300), flip(40)] {
        let log = Stopped::of_records(700);
        let copy = backup(&log);
        log.with_tree("bundle", change);
        let ran = log.run("fsck", &[]).expect(1);
        assert!(ran.out.contains("tile/entries/000"), "{}", ran.out);
        let before = walk(&log.data.join("store"));
        let ran = log.run("rebuild", &[]).expect(1);
        assert!(ran.out.contains("entries 0 to 255"), "{}", ran.out);
        assert_eq!(walk(&log.data.join("store")), before, "nothing was changed");
        let ran = log.run("rebuild", &["--from", copy.join("public").to_str().unwrap()]).expect(0).json();
        assert_eq!(ran["helped"], 256, "{ran}");
        log.run("fsck", &[]).expect(0);
        // It goes on as the same log.
        let served = Served::start(&log.data, Kind::Records);
        log.add(&served, 700, 5);
        assert!(served.stop().success());
        log.run("fsck", &[]).expect(0);
    }
}

#[test]
fn a_log_in_use_or_of_nobody_is_not_checked() {
    let log = Stopped::of_records(3);
    let served = Served::start(&log.data, Kind::Records);
    for verb in ["fsck", "rebuild"] {
        assert!(log.run(verb, &[]).expect(2).out.contains("in use by another deedbook process"));
    }
    drop(served);
    let nowhere = log.home.path().join("nowhere");
    let ran = deedbook(["fsck", "--data", nowhere.to_str().unwrap()]).expect(2);
    assert!(ran.err.contains("holds no log"), "{}", ran.err);
    assert!(!nowhere.exists(), "looking makes nothing");
    std::fs::remove_dir_all(log.data.join("store")).unwrap();
    assert!(log.run("fsck", &[]).expect(1).out.contains("holds no store"));
}

/// A backup of a stopped log.
pub(crate) fn backup(log: &Stopped) -> PathBuf {
    let served = Served::start(&log.data, Kind::Records);
    let dest = log.home.path().join("backup");
    let (to, data) = (dest.to_str().unwrap(), log.data.to_str().unwrap());
    deedbook(["backup", to, "--url", &served.url, "--data", data]).expect(0);
    assert!(served.stop().success());
    dest
}

fn walk(path: &Path) -> Vec<(PathBuf, u64)> {
    let mut files: Vec<_> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.path(), entry.metadata().unwrap().len()))
        .collect();
    files.sort();
    files
}
