//! Killed, robbed of the log, of the disk and of single bytes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sequencer::Kind;
use testkit::Chance;

use super::process::{Dying, Mirror, NAME, audit, copy_of, get, id, once, size_in, told, told_anyhow};
use crate::bad_days::disk::Disk;
use crate::run::deedbook;
use crate::served::Served;
use crate::testlog::{TestLog, entry};
use crate::witness::process::until;

fn vkey_of(log: &TestLog) -> String {
    log.policy().logs()[0].key.to_string()
}

/// Killed at any time it holds what it shows, byte by byte, and goes on.
#[test]
fn killed_at_any_time_it_shows_nothing_that_it_does_not_hold_and_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let mut log = TestLog::of_size(0);
    let vkey = vkey_of(&log);
    let copy = copy_of(&data, log.signed().origin().as_str());
    let mut chance = Chance::from_env_or(8);
    let (mut shown, mut cut, mut whole) = (0, 0, 0);
    for number in 0..40 {
        let size = log.edge.size();
        log.grow((size..size + 1 + chance.below(2_500)).map(entry));
        let mut command = Command::new(env!("CARGO_BIN_EXE_deedbook"));
        command.args(["mirror", "run", "--once", "--name", NAME, "--vkey", &vkey, "--data"]).arg(&data);
        command.arg("--log").arg(log.path()).env_clear();
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(chance.below(220)));
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        (cut, whole) = (cut + u64::from(!ended), whole + u64::from(ended));
        let Ok(note) = std::fs::read(copy.join("checkpoint")) else {
            assert_eq!(shown, 0, "kill {number}: a checkpoint was lost");
            continue;
        };
        let size = size_in(&note);
        assert!(size >= shown, "kill {number}: {shown} was shown, now {size}");
        shown = size;
        assert_eq!(audit(copy.to_str().unwrap(), &vkey).expect(0).json()["size"], size, "kill {number}");
    }
    assert!(cut > 5, "{cut} were killed while they worked, {whole} had ended");
    once(&data, log.path(), &vkey, &[]).expect(0);
    assert_eq!(audit(copy.to_str().unwrap(), &vkey).expect(0).json()["size"], log.edge.size());
}

#[test]
fn a_log_that_dies_in_the_middle_is_copied_on_when_it_is_back() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let mut log = TestLog::of_size(300);
    let (vkey, origin) = (vkey_of(&log), log.signed().origin().to_string());
    once(&data, log.path(), &vkey, &[]).expect(0);
    let copy = copy_of(&data, &origin);
    log.grow((300..40_000).map(entry));
    let (there, away) = (log.file("tile/entries/100"), home.path().join("away"));
    std::fs::rename(&there, &away).unwrap();
    let ran = once(&data, log.path(), &vkey, &[]).expect(1);
    assert!(ran.err.contains("tile/entries/100: not there"), "{}", ran.err);
    assert_eq!(audit(copy.to_str().unwrap(), &vkey).expect(0).json()["size"], 300, "what was there is there");
    let kept = copy.join("tile/entries/060");
    let when = std::fs::metadata(&kept).unwrap().modified().unwrap();
    std::fs::rename(&away, &there).unwrap();
    once(&data, log.path(), &vkey, &[]).expect(0);
    assert_eq!(audit(copy.to_str().unwrap(), &vkey).expect(0).json()["size"], 40_000);
    assert_eq!(
        std::fs::metadata(&kept).unwrap().modified().unwrap(),
        when,
        "what was kept was not copied twice"
    );
}

/// The same over HTTP: connections that break in the middle of a copy are no word against the log.
#[test]
fn a_server_that_dies_in_the_middle_is_asked_on_when_it_is_back() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let log = TestLog::of_size(40_000);
    let vkey = vkey_of(&log);
    let server = Dying::serve(log.path(), 120);
    let copy = copy_of(&data, log.signed().origin().as_str());
    let ran = once(&data, Path::new(&server.url), &vkey, &["--timeout", "2"]).expect(2);
    assert!(ran.err.contains(&server.url), "{}", ran.err);
    assert!(
        !copy.join("checkpoint").exists() && copy.join("tile/entries/000").exists(),
        "it was in the middle"
    );
    assert!(told(&data, 0)["problem"].is_string());
    server.revive();
    once(&data, Path::new(&server.url), &vkey, &[]).expect(0);
    assert_eq!(audit(copy.to_str().unwrap(), &vkey).expect(0).json()["size"], 40_000);
}

#[test]
fn while_the_log_is_away_the_copy_is_served_and_it_is_told() {
    let home = tempfile::tempdir().unwrap();
    let (data, place) = (home.path().join("mirror"), home.path().join("log"));
    let served = Served::start(&place, Kind::Raw);
    for number in 0..5 {
        let added = served.exchange("POST", "/add", "", format!("{number}").as_bytes());
        assert_eq!(added.unwrap().0, 200);
    }
    let origin = served.said["origin"].as_str().unwrap().to_owned();
    let mirror = Mirror::start(&data, &served.url, &served.vkey, &["--timeout", "1"]);
    until("there is a copy", || mirror.size(&origin) == Some(5));
    let vkey = served.vkey.clone();
    drop(served);
    until("it is told", || mirror.metric(&format!("deedbook_mirror_trouble{{origin=\"{origin}\"}}")) == 1);
    audit(&format!("{}/{}", mirror.url, id(&origin)), &vkey).expect(0);
    assert_eq!(get(&mirror.url, "/readyz", &[]).status, 200);
    let status = told(&data, 0);
    assert!(status["problem"].is_string() && status["size"] == 5, "{status}");
    assert!(mirror.stop().success());

    let served = Served::start(&place, Kind::Raw);
    assert_eq!(served.exchange("POST", "/add", "", b"more").unwrap().0, 200);
    until("it is published", || size_in(&get(&served.url, "/checkpoint", &[]).body) == 6);
    once(&data, Path::new(&served.url), &vkey, &[]).expect(0);
    assert!(told(&data, 0)["problem"].is_null());
}

#[test]
fn what_rots_is_noticed_at_the_start_and_mended_from_the_log() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let log = TestLog::of_size(700);
    let vkey = vkey_of(&log);
    once(&data, log.path(), &vkey, &[]).expect(0);
    let copy = copy_of(&data, log.signed().origin().as_str());
    for rotten in
        ["tile/entries/000", "tile/entries/002.p/188", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"]
    {
        let file = copy.join(rotten);
        let mut bytes = log.read(rotten);
        bytes[20] ^= 4;
        std::fs::write(&file, bytes).unwrap();
        audit(copy.to_str().unwrap(), &vkey).expect(1);
        let ran = once(&data, log.path(), &vkey, &[]).expect(0);
        assert!(ran.err.contains("damaged"), "{rotten}: {}", ran.err);
        assert_eq!(std::fs::read(&file).unwrap(), log.read(rotten), "{rotten}");
        audit(copy.to_str().unwrap(), &vkey).expect(0);
        std::fs::remove_file(&file).unwrap();
        once(&data, log.path(), &vkey, &[]).expect(0);
        assert_eq!(std::fs::read(&file).unwrap(), log.read(rotten), "{rotten} was gone");
    }
    // Not even the log has it any more.
    for file in [copy.join("tile/entries/000"), log.file("tile/entries/000")] {
        std::fs::write(file, "x").unwrap();
    }
    let ran = once(&data, log.path(), &vkey, &[]).expect(1);
    assert!(ran.err.contains("files of the copy are damaged"), "{}", ran.err);
    assert!(ran.err.contains("stopped; 0 logs held whole"), "{}", ran.err);
    assert!(ran.err.contains("tile/entries/000"), "{}", ran.err);
    once(&data, log.path(), &vkey, &["--no-check"]).expect(0);
}

/// Files beside the entries, of one log: they stop nothing.
#[test]
fn a_damaged_checkpoint_and_a_damaged_key_history_stop_nothing() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let mut log = TestLog::of_size(300);
    let vkey = vkey_of(&log);
    once(&data, log.path(), &vkey, &[]).expect(0);
    let copy = copy_of(&data, log.signed().origin().as_str());
    std::fs::write(copy.join("checkpoint"), "rotten").unwrap();
    std::fs::create_dir_all(copy.join("v1/log")).unwrap();
    std::fs::write(copy.join("v1/log/keys"), "rotten").unwrap();
    log.grow((300..400).map(entry));
    let ran = once(&data, log.path(), &vkey, &[]).expect(0);
    assert!(ran.err.contains("checkpoint was damaged") && ran.err.contains("key history"), "{}", ran.err);
    assert_eq!(std::fs::read(copy.join("checkpoint.damaged")).unwrap(), b"rotten");
    assert_eq!(size_in(&std::fs::read(copy.join("checkpoint")).unwrap()), 400);
}

/// A mirror that serves finds it beside following, says so while the log cannot help, and mends it when it can.
#[test]
fn a_running_mirror_says_what_has_rotted_and_mends_it_when_it_can() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let mut log = TestLog::of_size(700);
    let (vkey, origin) = (vkey_of(&log), log.signed().origin().to_string());
    once(&data, log.path(), &vkey, &[]).expect(0);
    let file = copy_of(&data, &origin).join("tile/entries/000");
    let good = std::fs::read(&file).unwrap();
    std::fs::write(&file, "rotten").unwrap();
    std::fs::write(log.file("tile/entries/000"), "rotten").unwrap();
    let mirror = Mirror::start(&data, log.path().to_str().unwrap(), &vkey, &[]);
    until("it is told", || get(&mirror.url, "/readyz", &[]).status == 503);
    let ready = String::from_utf8(get(&mirror.url, "/readyz", &[]).body).unwrap();
    assert!(ready.contains("tile/entries/000"), "{ready}");
    log.grow((700..800).map(entry));
    let new = copy_of(&data, &origin).join("tile/entries/003.p/32");
    until("what is new is copied nevertheless", || new.exists());
    until("it is told why that is not cosigned", || {
        told_anyhow(&data)["problem"].as_str().is_some_and(|why| why.contains("nothing new is cosigned"))
    });
    assert_eq!(mirror.size(&origin), Some(700), "its cosignature would say that all of it is here");
    assert!(told_anyhow(&data)["damage"].as_str().unwrap().contains("tile/entries/000"));
    std::fs::write(log.file("tile/entries/000"), &good).unwrap();
    until("it is mended", || get(&mirror.url, "/readyz", &[]).status == 200);
    assert_eq!(std::fs::read(&file).unwrap(), good);
    until("and cosigned", || mirror.size(&origin) == Some(800));
    audit(&format!("{}/{}", mirror.url, id(&origin)), &vkey).expect(0);
}

#[test]
fn files_that_cannot_be_written_are_named_and_nothing_is_promised() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let log = TestLog::of_size(300);
    let copy = copy_of(&data, log.signed().origin().as_str());
    std::fs::create_dir_all(&copy).unwrap();
    std::fs::write(copy.join("tile"), "in the way").unwrap();
    let ran = once(&data, log.path(), &vkey_of(&log), &[]).expect(2);
    assert!(ran.err.contains("tile/entries/000") && ran.err.contains(copy.to_str().unwrap()), "{}", ran.err);
    assert!(!copy.join("checkpoint").exists());
    std::fs::remove_file(copy.join("tile")).unwrap();
    once(&data, log.path(), &vkey_of(&log), &[]).expect(0);
}

#[test]
fn a_full_disk_is_told_and_the_copy_is_served_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(&home.path().join("disk"), "8m") else { return };
    let data = disk.path().join("mirror");
    let mut log = TestLog::of_size(300);
    let vkey = vkey_of(&log);
    let once = || {
        let mut command = disk.command(env!("CARGO_BIN_EXE_deedbook"));
        command.args(["mirror", "run", "--once", "--name", NAME, "--vkey", &vkey, "--data"]).arg(&data);
        let output = command.arg("--log").arg(log.path()).env_clear().stdin(Stdio::null()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(once().0, 0);
    log.grow((300..2_000).map(|index| format!("{index} {}", "x".repeat(10_000)).into()));
    let once = || {
        let mut command = disk.command(env!("CARGO_BIN_EXE_deedbook"));
        command.args(["mirror", "run", "--once", "--name", NAME, "--vkey", &vkey, "--data"]).arg(&data);
        let output = command.arg("--log").arg(log.path()).env_clear().stdin(Stdio::null()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, words) = once();
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("No space left") && words.contains("size 300"), "{words}");
    let copy = copy_of(&data, log.signed().origin().as_str());
    let audit = || {
        let mut command = disk.command(env!("CARGO_BIN_EXE_deedbook"));
        let output = command.arg("audit").arg(&copy).args(["--vkey", &vkey, "--json"]).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, words) = audit();
    assert!(code == 0 && words.contains("\"size\":300"), "{words}");
    disk.remount("size=64m");
    assert_eq!(once().0, 0);
    let (code, words) = audit();
    assert!(code == 0 && words.contains("\"size\":2000"), "{words}");
}

/// A copy whose source is a tree that is not what was signed: told with the place, and nothing of it kept.
#[test]
fn entries_that_were_not_signed_are_not_kept() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let log = TestLog::of_size(1_000);
    let vkey = vkey_of(&log);
    log.flip("tile/entries/002", 3);
    let ran = once(&data, log.path(), &vkey, &[]).expect(1);
    assert!(ran.err.contains("tile/entries/002: the entries are not those that were signed"), "{}", ran.err);
    let copy = copy_of(&data, log.signed().origin().as_str());
    assert!(!copy.join("checkpoint").exists() && !copy.join("tile/entries/002").exists());
    log.flip("tile/entries/002", 3);
    once(&data, log.path(), &vkey, &[]).expect(0);
    deedbook(["audit", copy.to_str().unwrap(), "--vkey", &vkey]).expect(0);
}
