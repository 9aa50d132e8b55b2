//! A mirror's directory: made, held, and what it must not go on with.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::process::{Mirror, NAME, copy_of, once, run, vkey};
use crate::run::deedbook;
use crate::testlog::{TestLog, entry};
use crate::witness::process::{Witness, until};

fn vkey_of(log: &TestLog) -> String {
    log.policy().logs()[0].key.to_string()
}

#[test]
fn keys_are_made_once_for_their_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let log = TestLog::of_size(3);
    let place = log.path().to_str().unwrap().to_owned();
    let nameless = run(&data, &["--log", &place, "--vkey", &vkey_of(&log), "--once"]).expect(2);
    assert!(nameless.err.contains("a new mirror needs a name"), "{}", nameless.err);
    once(&data, log.path(), &vkey_of(&log), &["--ml-dsa"]).expect(0);
    for key in ["ed25519.key", "ml-dsa-44.key"] {
        let mode = std::fs::metadata(data.join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700, "entries are in it");
    let made = vkey(&data);
    assert_eq!(made.lines().count(), 2);
    assert!(made.lines().all(|line| line.starts_with(&format!("{NAME}+"))), "{made}");
    let note =
        std::fs::read_to_string(copy_of(&data, log.signed().origin().as_str()).join("checkpoint")).unwrap();
    assert_eq!(note.matches(&format!("— {NAME} ")).count(), 2, "both keys sign");
    once(&data, log.path(), &vkey_of(&log), &[]).expect(0);
    assert_eq!(vkey(&data), made);
    let other = ["--log", &place, "--vkey", &vkey_of(&log), "--once", "--name", "mirror.test/other"];
    assert!(run(&data, &other).expect(2).err.contains("its name is chosen when it is made"));
    std::fs::set_permissions(data.join("ed25519.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(once(&data, log.path(), &vkey_of(&log), &[]).expect(2).err.contains("can be read by others"));
}

#[test]
fn one_directory_has_one_process_and_one_use() {
    let home = tempfile::tempdir().unwrap();
    let (data, witness) = (home.path().join("mirror"), home.path().join("witness"));
    let log = TestLog::of_size(3);
    let (place, key) = (log.path().to_str().unwrap(), vkey_of(&log));
    let running = Mirror::start(&data, place, &key, &[]);
    assert!(once(&data, log.path(), &key, &[]).expect(2).err.contains("in use by another deedbook process"));
    assert!(running.stop().success());
    drop(Witness::start(&witness));
    assert!(once(&witness, log.path(), &key, &[]).expect(2).err.contains("holds a witness"));
    let refused = Witness::try_start(&data, &["--name", "w.test/1"]).map(|_| ()).unwrap_err();
    assert!(refused.out.contains("holds a mirror"), "{refused:?}");
    let served = crate::served::Served::try_start(crate::served::Served::program(), &data, &["--open"]);
    assert!(served.map(|_| ()).unwrap_err().out.contains("holds a mirror"));
    let missing =
        deedbook(["mirror", "logs", "--data", home.path().join("none").to_str().unwrap()]).expect(2);
    assert!(missing.err.contains("holds no mirror"), "{}", missing.err);
}

#[test]
fn what_may_be_cosigned_is_not_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let (data, old) = (home.path().join("mirror"), home.path().join("old"));
    let mut log = TestLog::of_size(300);
    let key = vkey_of(&log);
    once(&data, log.path(), &key, &[]).expect(0);
    copy(&data.join("store"), &old);
    log.grow((300..700).map(entry));
    once(&data, log.path(), &key, &[]).expect(0);
    // An older copy of the store, beside files that tell that there was more.
    let new = home.path().join("new");
    std::fs::rename(data.join("store"), &new).unwrap();
    copy(&old, &data.join("store"));
    let ran = once(&data, log.path(), &key, &[]).expect(1);
    assert!(ran.err.contains("has lost something"), "{}", ran.err);
    let noted = home.path().join("answered");
    std::fs::rename(data.join("answered"), &noted).unwrap();
    let ran = once(&data, log.path(), &key, &[]).expect(1);
    assert!(ran.err.contains("an older copy of its store was put back"), "{}", ran.err);
    std::fs::rename(&noted, data.join("answered")).unwrap();
    std::fs::remove_dir_all(data.join("store")).unwrap();
    let ran = once(&data, log.path(), &key, &[]).expect(1);
    assert!(ran.err.contains("and what it has answered for is gone"), "{}", ran.err);
    std::fs::rename(&new, data.join("store")).unwrap();
    once(&data, log.path(), &key, &[]).expect(0);
    // Files of another mirror are not gone on with.
    let other = home.path().join("other");
    once(&other, log.path(), &key, &[]).expect(0);
    let checkpoint = copy_of(&data, log.signed().origin().as_str()).join("checkpoint");
    std::fs::copy(copy_of(&other, log.signed().origin().as_str()).join("checkpoint"), checkpoint).unwrap();
    let ran = once(&data, log.path(), &key, &[]).expect(1);
    assert!(ran.err.contains("is not cosigned by this mirror"), "{}", ran.err);
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

#[test]
fn options_that_make_no_sense_are_told() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let log = TestLog::of_size(3);
    let place = log.path().to_str().unwrap();
    for (bend, options, why) in [
        ("no log", &["--once"][..], "which log?"),
        ("nobody to believe", &["--log", place, "--once"], "whom to believe?"),
        ("a time that is none", &["--log", place, "--vkey", &vkey_of(&log), "--poll=0"], "--poll 0"),
        (
            "one log twice",
            &["--log", place, "--log", place, "--vkey", &vkey_of(&log), "--once", "--name", NAME],
            "is to be mirrored twice",
        ),
    ] {
        let ran = run(&data, options).expect(2);
        assert!(ran.err.contains(why), "{bend}: {}", ran.err);
    }
    let stopped = Mirror::start(&data, place, &vkey_of(&log), &[]);
    until("it runs", || stopped.size(log.signed().origin().as_str()) == Some(3));
    assert!(stopped.words().is_empty(), "{}", stopped.words());
    assert!(stopped.stop().success());
}
