//! The life of a log's key through the built binary: rotated, served, followed by whoever verifies, retired.

use std::path::{Path, PathBuf};

use client::keys::{KEYS_PATH, announce};
use sequencer::Kind;
use serde_json::Value;
use testkit::Chance;
use tlog::key::Signer;

use crate::run::{Ran, deedbook};
use crate::served::Served;

/// A log, and what people outside have kept since its first day: its first key, an auditor's memory, a mirror.
struct World {
    home: tempfile::TempDir,
    first: String,
    size: u64,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let served = Served::start(&home.path().join("data"), Kind::Records);
        let first = served.vkey.clone();
        drop(served);
        Self { home, first, size: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn serve(&self) -> Served {
        Served::start(&self.path("data"), Kind::Records)
    }

    /// Changes something at a log that is stopped.
    fn key(&self, verb: &str, more: &[&str]) -> Ran {
        deedbook(["key", verb, "--data", &self.text("data"), "--json"].iter().chain(more))
    }

    /// Logs records under the first key; where they are, and their receipts.
    fn record(&mut self, served: &Served, name: &str, count: u64) -> Ran {
        let records = testkit::sample::typical_ndjson(self.size, count, &mut Chance::seeded(self.size));
        std::fs::write(self.path(name), records).unwrap();
        self.size += count;
        let file = self.text(name);
        deedbook(["record", &file, "--url", &served.url, "--vkey", &self.first, "--published"]).expect(0)
    }

    fn verify(&self, name: &str, more: &[&str]) -> Ran {
        let (receipts, records) = (self.text(&format!("{name}.receipts.ndjson")), self.text(name));
        let fixed = ["verify", &receipts, "--records", &records, "--vkey", &self.first];
        deedbook(fixed.iter().chain(more))
    }

    fn audit(&self, log: &str, more: &[&str]) -> Ran {
        let fixed = ["audit", log, "--vkey", &self.first, "--json"];
        deedbook(fixed.iter().chain(more))
    }

    /// The same by somebody who remembers.
    fn audit_on(&self, log: &str) -> Value {
        self.audit(log, &["--state", &self.text("state")]).expect(0).json()
    }

    /// A file of the entry that announces a key, made by who trusts the first key.
    fn evidence(&self, log: &str, name: &str, more: &[&str]) -> Ran {
        let file = self.text(name);
        let fixed = ["evidence", log, "--vkey", &self.first, "--index", "300", "--out", &file];
        deedbook(fixed.iter().chain(more))
    }

    /// A file, checked offline by who trusts this key.
    fn check(&self, name: &str, vkey: &str, more: &[&str]) -> Ran {
        let file = self.text(name);
        deedbook(["verify", &file, "--vkey", vkey].iter().chain(more))
    }

    /// The operator's copy.
    fn backup(&self, served: &Served) -> Ran {
        let data = self.text("data");
        deedbook(["backup", &self.text("backup"), "--url", &served.url, "--data", &data, "--json"])
    }

    /// A mirror of somebody who trusts the first key; how large its copy is, and which changes an audit of it follows.
    fn mirror(&self, served: &Served) -> (Value, usize) {
        let data = self.path("mirrored");
        crate::mirror::process::once(&data, Path::new(&served.url), &self.first, &[]).expect(0);
        let copy = crate::mirror::process::copy_of(&data, served.said["origin"].as_str().unwrap());
        let audited = self.audit(copy.to_str().unwrap(), &[]).expect(0).json();
        (audited["size"].clone(), changes(&audited))
    }

    fn fsck(&self) {
        deedbook(["fsck", "--data", &self.text("data")]).expect(0);
    }
}

/// The keys that an evidence file names, and from which size on.
fn keys_in(file: &Path) -> Value {
    serde_json::from_slice::<Value>(&std::fs::read(file).unwrap()).unwrap()["keys"].clone()
}

fn changes(ran: &Value) -> usize {
    ran["keys"].as_array().unwrap().len()
}

fn own_lines(served: &Served) -> usize {
    let head = std::fs::read_to_string(served.data.join("head")).unwrap();
    head.lines().filter(|line| line.starts_with('\u{2014}')).count()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            std::fs::copy(file.path(), target).unwrap();
        }
    }
    // What others may not read stays so.
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
}

#[test]
fn a_key_is_rotated_and_retired_and_who_trusts_the_first_one_follows() {
    let mut world = World::new();
    let served = world.serve();
    world.record(&served, "before", 300);
    world.audit_on(&served.url);
    world.backup(&served).expect(0);
    assert_eq!(world.mirror(&served), (300.into(), 0));
    let busy = world.key("rotate", &[]).expect(2);
    assert!(busy.out.contains("in use by another deedbook process"), "{}", busy.out);
    drop(served);

    // Rotated: both keys sign, and nobody outside need notice.
    let told = world.key("rotate", &[]).expect(0).json();
    assert_eq!((&told["changes"][0]["index"], &told["old_signs"]), (&300.into(), &true.into()), "{told}");
    let second = told["vkey"].as_str().unwrap().to_owned();
    assert_ne!(second, world.first);
    world.size += 1;
    world.fsck();
    let served = world.serve();
    assert_eq!((served.vkey.as_str(), own_lines(&served)), (second.as_str(), 2));
    assert_eq!(served.said["old_key_signs"], true);
    world.record(&served, "between", 20);
    world.verify("between", &[]).expect(0);
    let audited = world.audit_on(&served.url);
    assert_eq!((changes(&audited), &audited["continues"]), (0, &300.into()), "{audited}");
    assert_eq!(changes(&world.audit(&served.url, &["--pin-key"]).expect(0).json()), 0);
    deedbook(["audit", &served.url, "--vkey", &second]).expect(0);
    world.backup(&served).expect(0);
    assert_eq!(world.mirror(&served), (321.into(), 0));
    drop(served);
    let again = world.key("rotate", &[]).expect(2);
    assert!(again.out.contains("deedbook key retire"), "{}", again.out);

    // Retired: from now on the announcement is followed, and said.
    world.key("retire", &[]).expect(0);
    assert!(world.key("retire", &[]).expect(2).out.contains("none to retire"));
    world.fsck();
    let served = world.serve();
    assert_eq!(own_lines(&served), 1);
    assert_eq!(served.said["old_key_signs"], false);
    let said = world.record(&served, "after", 20);
    assert!(said.err.contains("the log's key changed at index 300"), "{}", said.err);
    assert!(said.err.contains(&second), "{}", said.err);
    let audited = world.audit_on(&served.url);
    assert_eq!((changes(&audited), &audited["continues"]), (1, &321.into()), "{audited}");
    assert_eq!(audited["keys"][0]["new"], second.as_str());
    let pinned = world.audit(&served.url, &["--pin-key"]).expect(1).json();
    assert_eq!(pinned["findings"]["first"][0]["wrong"], "checkpoint", "{pinned}");
    let spoken = deedbook(["audit", &served.url, "--vkey", &world.first]).expect(0);
    assert!(spoken.out.contains("the log's key changed at index 300"), "{}", spoken.out);
    let session = deedbook(["session", &served.url, "--vkey", &world.first]);
    assert!(session.err.contains("the log's key changed at index 300"), "{session:?}");
    let hammer = ["hammer", "--url", &served.url, "--vkey", &world.first, "--what", "records", "--requests"];
    deedbook(hammer.iter().chain(&["3", "--workers", "1"])).expect(0);

    let (size, followed) = world.mirror(&served);
    assert_eq!((size.as_u64() > Some(321), followed), (true, 1), "{size}");

    // The mirror carries it on, for those who read the mirror only; its own copy from before is still its own.
    let copied = world.backup(&served).expect(0).json();
    assert_eq!(copied["continues"], 321, "{copied}");
    let public = world.text("backup/public");
    assert_eq!(changes(&world.audit(&public, &[]).expect(0).json()), 1);
    let private: Vec<_> = std::fs::read_dir(world.path("backup/private")).unwrap().collect();
    assert!(private.iter().any(|file| file.as_ref().unwrap().file_name() == "log.keys"));
    assert!(!private.iter().any(|file| file.as_ref().unwrap().file_name() == "log.key.old"));
    let history = std::fs::read_to_string(world.path("backup/public").join(KEYS_PATH)).unwrap();
    assert!(!history.contains("PRIVATE"));
    drop(served);

    // Receipts from all three times, offline, under the first key and the history.
    let keys = world.text("data/log.keys");
    for (name, without) in [("before", 0), ("between", 0), ("after", 1)] {
        world.verify(name, &[]).expect(without);
        let ran = world.verify(name, &["--keys", &keys]).expect(0);
        assert!(ran.err.contains("the log's key changed at index 300"), "{}", ran.err);
    }
    let shown = world.key("--history", &[]).expect(0).json();
    assert_eq!(
        (shown["vkey"].as_str(), shown["history"]["first"].as_str()),
        (Some(second.as_str()), Some(world.first.as_str()))
    );
    assert_eq!(shown["history"]["changes"][0]["index"], 300);
}

#[test]
fn evidence_names_every_key_and_is_checked_under_each_of_those_that_signed() {
    let mut world = World::new();
    let served = world.serve();
    world.record(&served, "before", 300);
    drop(served);
    world.key("rotate", &[]).expect(0);
    world.size += 1;
    let served = world.serve();
    let second = served.vkey.clone();
    let both = serde_json::json!([{"from": 0, "vkey": world.first}, {"from": 301, "vkey": second}]);

    // While both sign, who trusts either is told the same.
    world.evidence(&served.url, "early", &[]).expect(0);
    assert_eq!(keys_in(&world.path("early")), both);
    for vkey in [&world.first, &second] {
        let told = world.check("early", vkey, &[]).expect(0);
        assert!(told.out.contains("whether the log's key changed as 1 record announces"), "{}", told.out);
        assert!(told.out.contains("when the log changed its keys"), "{}", told.out);
        assert!(!told.out.contains("signature_invalid"), "{}", told.out);
    }
    world.evidence(&served.url, "pinned", &["--pin-key"]).expect(0);
    assert_eq!(keys_in(&world.path("pinned")), serde_json::json!([{"from": 0, "vkey": world.first}]));
    world.check("pinned", &second, &[]).expect(0);
    drop(served);

    // Afterwards the announcement is followed by who makes a file, and by who checks it with the history at hand.
    world.key("retire", &[]).expect(0);
    let served = world.serve();
    let made = world.evidence(&served.url, "late", &[]).expect(0);
    assert!(made.err.contains("the log's key changed at index 300"), "{}", made.err);
    assert_eq!(keys_in(&world.path("late")), both);
    world.check("late", &second, &[]).expect(0);
    world.check("late", &world.first, &[]).expect(1);
    world.check("late", &world.first, &["--keys", &world.text("data/log.keys")]).expect(0);
    world.check("early", &world.first, &[]).expect(0);
    world.evidence(&served.url, "refused", &["--pin-key"]).expect(1);
    assert!(!world.path("refused").exists());

    // A copy carries the history, and a copy without one does with the history at hand.
    world.backup(&served).expect(0);
    drop(served);
    let public = world.text("backup/public");
    world.evidence(&public, "of-copy", &[]).expect(0);
    assert_eq!(keys_in(&world.path("of-copy")), both);
    std::fs::remove_file(world.path("backup/public").join(KEYS_PATH)).unwrap();
    world.evidence(&public, "without", &[]).expect(1);
    world.evidence(&public, "with", &["--keys", &world.text("data/log.keys")]).expect(0);
    assert_eq!(keys_in(&world.path("with")), both);
}

#[test]
fn a_log_that_changed_its_key_is_rebuilt_and_restored_under_all_of_its_keys() {
    let mut world = World::new();
    let served = world.serve();
    world.record(&served, "first", 270);
    world.backup(&served).expect(0);
    copy(&world.path("backup"), &world.path("old-backup"));
    drop(served);
    let old_head = std::fs::read(world.path("data/head")).unwrap();
    world.key("rotate", &["--at-once"]).expect(0);
    world.size += 1;
    let served = world.serve();
    assert_eq!(own_lines(&served), 1, "the old key signs nothing more");
    world.record(&served, "second", 20);
    world.backup(&served).expect(0);
    drop(served);
    world.key("rotate", &[]).expect(0);
    world.size += 1;

    // The evidence beside the store is older than the last change, and than the one before.
    let head = std::fs::read(world.path("data/head")).unwrap();
    for evidence in [&old_head, &std::fs::read(world.path("backup/private/head")).unwrap()] {
        std::fs::write(world.path("data/head"), evidence).unwrap();
        world.fsck();
        assert!(world.serve().said["read_only"].is_null());
        assert_eq!(std::fs::read(world.path("data/head")).unwrap(), head, "it signs as it did");
    }
    let data = world.text("data");
    deedbook(["rebuild", "--data", &data]).expect(0);
    deedbook(["lookup", "rebuild", "--data", &data]).expect(0);
    world.fsck();
    let served = world.serve();
    world.record(&served, "third", 10);
    assert_eq!(world.backup(&served).expect(0).json()["size"], world.size);
    drop(served);

    // Onto an empty disk, from the new backup: the log goes on with the key that it had.
    let restored = world.text("restored");
    let newest = world.text("backup/public/checkpoint");
    let restore = |from: &str, to: &str, newest: &str| {
        deedbook(["restore", &world.text(from), "--data", to, "--newest", newest, "--json"])
    };
    let ran = restore("backup", &restored, &newest).expect(0).json();
    assert_eq!((&ran["size"], &ran["read_only"]), (&world.size.into(), &Value::Null), "{ran}");
    let served = Served::start(Path::new(&restored), Kind::Records);
    assert_eq!(changes(&world.audit(&served.url, &[]).expect(0).json()), 2);
    drop(served);
    deedbook(["fsck", "--data", &restored]).expect(0);

    // The old backup knows nothing of the change: it is the same log, and behind. Nothing is replaced by it.
    let ran = restore("old-backup", &data, &newest).expect(1);
    assert!(ran.out.contains("the copy only 270; nothing was changed"), "{}", ran.out);
    let ran = restore("old-backup", &world.text("elsewhere"), &newest).expect(2);
    assert!(ran.out.contains("not a checkpoint of this log"), "{}", ran.out);
    let outdated = world.text("outdated");
    let first_head = world.text("old-backup/public/checkpoint");
    restore("old-backup", &outdated, &first_head).expect(0);
    let ran = restore("backup", &outdated, &newest).expect(1);
    assert!(ran.out.contains("a key that the log has changed since"), "{}", ran.out);
}

#[test]
fn whoever_shows_two_successors_of_one_key_is_found_out_and_a_raw_log_has_none() {
    let mut world = World::new();
    let served = world.serve();
    world.record(&served, "first", 3);
    drop(served);
    copy(&world.path("data"), &world.path("fork"));
    world.key("rotate", &["--at-once"]).expect(0);
    world.size += 1;
    let served = world.serve();
    assert_eq!(changes(&world.audit_on(&served.url)), 1);
    drop(served);
    // The same key, rotated once more elsewhere: by a thief, or by an operator with two faces.
    deedbook(["key", "rotate", "--at-once", "--data", &world.text("fork")]).expect(0);
    let fork = Served::start(&world.path("fork"), Kind::Records);
    let state = world.text("state");
    let before = std::fs::read(&state).unwrap();
    let ran = world.audit(&fork.url, &["--state", &state]).expect(1).json();
    let finding = &ran["findings"]["first"][0];
    assert_eq!((&finding["wrong"], &finding["path"]), (&"keys".into(), &KEYS_PATH.into()), "{finding}");
    let evidence = finding["detail"].as_str().unwrap();
    assert_eq!(evidence.matches("key.rotated").count(), 2, "both sides: {evidence}");
    assert_eq!(std::fs::read(&state).unwrap(), before, "the memory is left as it was");
    drop(fork);

    // A history at hand that lies is refused, whatever it says otherwise.
    let keys = std::fs::read_to_string(world.path("data/log.keys")).unwrap();
    for (lie, code) in [
        (keys.replacen("key.rotated", "key.revoked", 1), 1),
        (keys.replacen("index 3", "index 2", 1), 1),
        (keys.replacen("deedbook-log-keys/1", "deedbook-log-keys/9", 1), 2),
        ("{}".to_owned(), 2),
    ] {
        std::fs::write(world.path("lie"), lie).unwrap();
        world.verify("first", &["--keys", &world.text("lie")]).expect(code);
    }
    let raw = world.text("raw");
    drop(Served::start(Path::new(&raw), Kind::Raw));
    let ran = deedbook(["key", "rotate", "--data", &raw]).expect(2);
    assert!(ran.err.contains("the announcement is a record"), "{}", ran.err);
    let ran = deedbook(["key", "rotate", "--data", &world.text("nothing-here")]).expect(2);
    assert!(ran.err.contains("holds no log"), "{}", ran.err);

    // Nobody but the log announces its keys.
    let signer = Signer::from_seed("someone.test/else".parse().unwrap(), &[3; 32]);
    let next = Signer::from_seed("someone.test/else".parse().unwrap(), &[4; 32]);
    let (record, _) = announce(&signer, next.verifier_key(), "2026-11-25T08:00:00.000Z").unwrap();
    std::fs::write(world.path("forged"), record.canonical()).unwrap();
    let served = world.serve();
    let forged = world.text("forged");
    let ran = deedbook(["record", &forged, "--url", &served.url, "--vkey", &world.first, "--published"]);
    assert!(ran.expect(1).out.contains("The log itself announces its keys"));
    assert_eq!(changes(&world.audit_on(&served.url)), 1);
}
