//! How a witness comes into being, and when it refuses to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sequencer::Kind;
use testkit::keys::LOG;
use tlog::key::{KeyType, VerifierKey};

use super::process::{NAME, Witness, enrol, grown, verb};
use crate::history::History;
use crate::served::Served;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_are_made_once_and_for_their_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("w");
    let refused = verb(&data, &["run", "--listen", "127.0.0.1:0"]).expect(2);
    assert!(refused.err.contains("needs a name"), "{}", refused.err);
    let witness = Witness::start(&data);
    assert_eq!((witness.said["new"].as_bool(), witness.said["name"].as_str()), (Some(true), Some(NAME)));
    let first = witness.vkeys();
    assert_eq!(first.iter().map(VerifierKey::key_type).collect::<Vec<_>>(), [KeyType::Cosignature]);
    assert_eq!(mode(&data.join("ed25519.key")), 0o600);
    assert_eq!(verb(&data, &["keys"]).expect(0).out, format!("{}\n", first[0]), "while it runs");
    let busy = verb(&data, &["run", "--listen", "127.0.0.1:0"]).expect(2);
    assert!(busy.err.contains("one witness has one process"), "{}", busy.err);
    assert!(witness.stop().success());

    let again = Witness::try_start(&data, &["--ml-dsa"]).unwrap();
    let both = again.vkeys();
    assert_eq!(
        both.iter().map(VerifierKey::key_type).collect::<Vec<_>>(),
        [KeyType::Cosignature, KeyType::MlDsa44]
    );
    assert_eq!(both[0], first[0]);
    assert_eq!(mode(&data.join("ml-dsa-44.key")), 0o600);
    assert!(again.stop().success());
    assert_eq!(Witness::try_start(&data, &[]).unwrap().vkeys(), both, "a key that is there is used");
    assert_eq!(verb(&data, &["keys", "--json"]).expect(0).json()["vkeys"].as_array().unwrap().len(), 2);
}

#[test]
fn what_contradicts_what_is_there_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (data, log) = (home.path().join("w"), home.path().join("log"));
    assert!(Witness::start(&data).stop().success());
    let start = |data: &Path, options: &[&str]| Witness::try_start(data, options).err().unwrap();
    let refused = start(&data, &["--name", "witness.test/w2"]);
    assert!(refused.code == 2 && refused.out.contains("for good"), "{refused:?}");
    let key = data.join("ed25519.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = start(&data, &[]);
    assert!(refused.code == 2 && refused.out.contains("chmod 600"), "{refused:?}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(data.join("logs"), "nonsense\n").unwrap();
    let refused = start(&data, &[]);
    assert!(refused.code == 2 && refused.out.contains("line 1 of the log list"), "{refused:?}");

    assert!(Served::start(&log, Kind::Raw).stop().success());
    let refused = start(&log, &["--name", NAME]);
    assert!(refused.code == 2 && refused.out.contains("holds a log"), "{refused:?}");
    let refused = Served::try_start(Served::program(), &data, &["--open"]).err().unwrap();
    assert!(refused.code == 2 && refused.out.contains("holds a witness"), "{refused:?}");
    assert!(!data.join("log.key").exists());
    for words in [&["keys"][..], &["logs"], &["forks"], &["forget", "x"]] {
        let refused = verb(&log, words).expect(2);
        assert!(refused.err.contains("holds no witness"), "{words:?}: {}", refused.err);
    }
}

/// Whoever loses what the witness has answered for must not cosign with its key again.
#[test]
fn a_witness_that_has_lost_its_memory_does_not_begin_again() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("w");
    let witness = Witness::start(&data);
    enrol(&data, LOG);
    let body = grown(&History::honest(), 0, 10, LOG);
    super::process::until("the log is taken up", || witness.status(&body) == 200);
    assert!(witness.stop().success());

    let key = fs::read(data.join("ed25519.key")).unwrap();
    fs::remove_file(data.join("ed25519.key")).unwrap();
    refused(&data, &[], "put that key back");
    write_key(&data, "ed25519.key", &key);
    let witness = Witness::try_start(&data, &[]).unwrap();
    assert_eq!(witness.add(&grown(&History::honest(), 0, 20, LOG)).unwrap(), (409, "10\n".into()));
    assert!(witness.stop().success());

    fs::remove_dir_all(data.join("store")).unwrap();
    refused(&data, &[], "must not cosign again");
    assert!(!data.join("store").exists(), "nothing is put in its place");
    empty_store(&data);
    refused(&data, &[], "must not cosign again");
}

/// A store that comes up with less than was in it looks whole: evidence beside it shows what is missing.
#[test]
fn a_store_that_has_lost_its_end_is_not_believed() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("w");
    let witness = Witness::start(&data);
    enrol(&data, LOG);
    let honest = History::honest();
    super::process::until("the log is taken up", || witness.status(&grown(&honest, 0, 1, LOG)) == 200);
    (1..120).for_each(|old| assert_eq!(witness.status(&grown(&honest, old, old + 1, LOG)), 200));
    let commits =
        || fs::read_to_string(data.join("answered")).unwrap_or_default().trim().parse().unwrap_or(0);
    super::process::until("it is noted while it runs", || commits() >= 120);
    assert!(witness.stop().success());
    let db = fs::read(data.join("store/db")).unwrap();
    let used = db.iter().rposition(|byte| *byte != 0).unwrap();
    let mut noticed = 0;
    for part in 1..6 {
        let mut bent = db.clone();
        bent[used * part / 6..][..48].iter_mut().for_each(|byte| *byte ^= 0x55);
        fs::write(data.join("store/db"), bent).unwrap();
        for file in fs::read_dir(data.join("store")).unwrap().map(|file| file.unwrap().path()) {
            if file.file_name().unwrap().to_string_lossy().starts_with("snap") {
                fs::remove_file(file).unwrap();
            }
        }
        match Witness::try_start(&data, &[]) {
            // What was bent was nothing.
            Ok(witness) => {
                assert_eq!(
                    witness.add(&grown(&honest, 0, 120, LOG)).unwrap(),
                    (409, "120\n".into()),
                    "{part}"
                );
            }
            Err(ran) => {
                assert!(ran.code == 1 && ran.out.contains("make a new witness with another name"), "{ran:?}");
                noticed += usize::from(ran.out.contains("has lost something"));
            }
        }
    }
    assert!(noticed > 0, "some came up with less, and looked whole");
}

/// Where nothing else is left of a witness than its second key, that one does not begin again either.
#[test]
fn neither_key_is_used_beside_a_store_that_does_not_know_it() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("w");
    assert!(Witness::try_start(&data, &["--name", NAME, "--ml-dsa"]).unwrap().stop().success());
    let second = fs::read(data.join("ml-dsa-44.key")).unwrap();
    fs::remove_file(data.join("ml-dsa-44.key")).unwrap();
    for options in [&[][..], &["--ml-dsa"]] {
        refused(&data, options, "has no ml-dsa-44.key any more");
        assert!(!data.join("ml-dsa-44.key").exists());
    }
    write_key(&data, "ml-dsa-44.key", &second);
    assert_eq!(Witness::try_start(&data, &[]).unwrap().vkeys().len(), 2);

    fs::remove_file(data.join("ed25519.key")).unwrap();
    fs::remove_dir_all(data.join("store")).unwrap();
    refused(&data, &["--ml-dsa"], "must not cosign again");
    empty_store(&data);
    refused(&data, &["--ml-dsa"], "must not cosign again");
    assert!(!data.join("ed25519.key").exists());
}

/// Two directories mixed up: no key signs beside the other's store.
#[test]
fn a_witness_does_not_take_what_belongs_to_another() {
    let home = tempfile::tempdir().unwrap();
    let [one, same, other] = ["one", "same", "other"].map(|name| home.path().join(name));
    for (data, name) in [(&one, NAME), (&same, NAME), (&other, "witness.test/w2")] {
        assert!(Witness::try_start(data, &["--name", name, "--ml-dsa"]).unwrap().stop().success());
    }
    let keep = |data: &Path, name: &str| fs::read(data.join(name)).unwrap();
    let (own, second) = (keep(&one, "ed25519.key"), keep(&one, "ml-dsa-44.key"));
    write_key(&one, "ed25519.key", &keep(&same, "ed25519.key"));
    refused(&one, &[], "is another key than the one");
    write_key(&one, "ed25519.key", &second);
    refused(&one, &[], "is another key than the one");
    write_key(&one, "ed25519.key", &keep(&other, "ed25519.key"));
    refused(&one, &[], "is another key than the one");
    write_key(&one, "ed25519.key", &own);
    fs::rename(one.join("store"), home.path().join("aside")).unwrap();
    fs::rename(other.join("store"), one.join("store")).unwrap();
    refused(&one, &[], "the store in it is that of witness.test/w2");

    fs::remove_file(same.join("witness.json")).unwrap();
    refused(&same, &["--name", "witness.test/w2"], "the store in it is that of witness.test/w1");
    assert!(Witness::start(&same).stop().success(), "whoever mistook the name may try again");

    let plain = home.path().join("plain");
    assert!(Witness::start(&plain).stop().success());
    write_key(&plain, "ml-dsa-44.key", &second);
    refused(&plain, &["--ml-dsa"], "was not made for this witness");
}

#[track_caller]
fn refused(data: &Path, options: &[&str], words: &str) {
    let ran = Witness::try_start(data, options).err().unwrap();
    assert!(ran.code != 0 && ran.out.contains(words), "{ran:?}");
}

fn write_key(data: &Path, name: &str, key: &[u8]) {
    fs::write(data.join(name), key).unwrap();
    fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o600)).unwrap();
}

/// Puts a store there that nothing was written to.
fn empty_store(data: &Path) {
    drop(store::SledStore::open(&data.join("store"), &store::SledOptions::default()).unwrap());
}

/// The first start, broken off before any of its steps, is gone on with by the next one. Between the store and the keys:
/// src/witness/keys/tests.rs.
#[test]
fn a_first_start_that_was_broken_off_is_gone_on_with() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("w");
    assert!(Witness::try_start(&data, &["--name", NAME, "--ml-dsa"]).unwrap().stop().success());
    for (number, gone) in [
        &["witness.vkeys"][..],
        &["logs", "witness.vkeys"],
        &["logs", "witness.vkeys", "ml-dsa-44.key", "ed25519.key", "store", "answered"],
        &["logs", "witness.vkeys", "ml-dsa-44.key", "ed25519.key", "store", "answered", "witness.json"],
    ]
    .into_iter()
    .enumerate()
    {
        for name in gone {
            let path = data.join(name);
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        let witness = Witness::try_start(&data, &["--name", NAME, "--ml-dsa"]);
        let witness = witness.unwrap_or_else(|ran| panic!("step {number}: {ran:?}"));
        assert_eq!(witness.vkeys().len(), 2, "step {number}");
        assert!(witness.stop().success());
    }
}

/// The process killed at any time of its first start: the next one makes a whole witness of what is there.
#[test]
fn a_first_start_that_was_killed_is_gone_on_with() {
    let home = tempfile::tempdir().unwrap();
    let mut chance = testkit::Chance::from_env_or(11);
    for number in 0..12 {
        let data = home.path().join(number.to_string());
        let (mut child, _words) = Witness::spawn(&data, &["--name", NAME]);
        std::thread::sleep(std::time::Duration::from_millis(chance.below(60)));
        child.kill().unwrap();
        child.wait().unwrap();
        let witness = Witness::start(&data);
        assert_eq!(witness.vkeys().len(), 1, "{number}");
        let first = witness.vkeys();
        assert!(witness.stop().success());
        assert_eq!(Witness::start(&data).vkeys(), first, "{number}");
    }
}
