//! A log that forks, or goes back: the copy stays, and what proves it is kept.

use std::path::Path;

use super::process::{Mirror, audit, copy_of, id, once, size_in, told};
use crate::run::deedbook;
use crate::testlog::{TestLog, entry};
use crate::witness::process::until;

/// A log under the same key with other entries from `from` on.
fn fork(size: u64, from: u64) -> TestLog {
    let mut fork = TestLog::of_size(0);
    fork.grow(
        (0..size).map(|index| if index < from { entry(index) } else { format!("other {index}").into() }),
    );
    fork
}

fn proofs(data: &Path) -> Vec<String> {
    let files =
        std::fs::read_dir(data.join("forks")).map(|files| files.map(|file| file.unwrap().path()).collect());
    let files: Vec<std::path::PathBuf> = files.unwrap_or_default();
    files.iter().map(|path| path.to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_second_history_is_refused_with_a_proof_and_the_first_served_on() {
    for (what, other, proven) in [
        ("a larger one", fork(900, 500), true),
        ("one of equal size", fork(700, 300), true),
        ("a smaller one of another history", fork(600, 300), true),
        ("an old copy", TestLog::of_size(400), false),
        ("an empty one", TestLog::of_size(0), false),
    ] {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("mirror");
        let mut log = TestLog::of_size(700);
        let vkey = log.policy().logs()[0].key.to_string();
        once(&data, log.path(), &vkey, &[]).expect(0);
        let copy = copy_of(&data, log.signed().origin().as_str());
        let before = std::fs::read(copy.join("checkpoint")).unwrap();

        let ran = once(&data, other.path(), &vkey, &[]).expect(1);
        let word = if other.edge.size() < 700 { "went back" } else { "another history" };
        assert!(ran.err.contains(word), "{what}: {}", ran.err);
        assert_eq!(std::fs::read(copy.join("checkpoint")).unwrap(), before, "{what}");
        audit(copy.to_str().unwrap(), &vkey).expect(0);
        let kept = proofs(&data);
        assert_eq!(kept.len(), usize::from(proven), "{what}: {kept:?}");
        for proof in kept {
            deedbook(["verify", "fork-proof", &proof, "--vkey", &vkey]).expect(0);
        }
        let status = told(&data, 1);
        assert!(status["problem"].as_str().unwrap().contains(word), "{what}: {status}");

        // The first history is followed on, when the log shows it again.
        log.grow((700..800).map(entry));
        once(&data, log.path(), &vkey, &[]).expect(0);
        assert_eq!(size_in(&std::fs::read(copy.join("checkpoint")).unwrap()), 800, "{what}");
        assert!(told(&data, 0)["problem"].is_null(), "{what}");
    }
}

#[test]
fn an_alarm_is_raised_while_the_copy_is_served() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let log = TestLog::of_size(700);
    let (origin, vkey) = (log.signed().origin().to_string(), log.policy().logs()[0].key.to_string());
    let mirror = Mirror::start(&data, log.path().to_str().unwrap(), &vkey, &[]);
    until("there is a copy", || mirror.size(&origin) == Some(700));
    let other = fork(900, 500);
    // The checkpoint last and in one step, as logs do it.
    put(&other.path().join("tile"), &log.path().join("tile"));
    put(&other.path().join("checkpoint"), &log.path().join("new"));
    std::fs::rename(log.path().join("new"), log.path().join("checkpoint")).unwrap();
    let broken = format!("deedbook_mirror_broken{{origin=\"{origin}\"}}");
    until("it is told", || mirror.metric(&broken) == 1);
    assert_eq!(mirror.size(&origin), Some(700));
    assert_eq!(mirror.metric("deedbook_mirror_forks"), 1);
    audit(&format!("{}/{}", mirror.url, id(&origin)), &vkey).expect(0);
    let ready = super::process::get(&mirror.url, "/readyz", &[]);
    assert_eq!(ready.status, 200, "it serves");
    assert!(String::from_utf8_lossy(&ready.body).contains("another history"), "{ready:?}");
    until("the proof is copied to a file", || proofs(&data).len() == 1);
    let words = mirror.words();
    assert_eq!(
        words.matches("what was copied before is served on").count(),
        1,
        "once, not at each look: {words}"
    );
}

/// Puts one directory or file in the place of another.
fn put(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").args(["-rT"]).arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

#[test]
fn a_checkpoint_that_another_key_signed_is_not_copied() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let log = TestLog::of_size(10);
    let vkey = log.policy().logs()[0].key.to_string();
    once(&data, log.path(), &vkey, &[]).expect(0);
    let other = tlog::key::Signer::from_seed(log.signed().origin().clone(), &[99; 32]);
    let ran = once(&data, log.path(), &other.verifier_key().to_string(), &[]).expect(1);
    assert!(ran.err.contains("checkpoint"), "{}", ran.err);
}

/// Its entries never came, so what is shown is older than what the log has shown.
#[test]
fn a_log_that_goes_back_to_what_is_shown_here_is_told() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("mirror");
    let mut log = TestLog::of_size(700);
    let vkey = log.policy().logs()[0].key.to_string();
    once(&data, log.path(), &vkey, &[]).expect(0);
    let shown = log.read("checkpoint");
    log.grow((700..1_500).map(entry));
    let (there, away) = (log.file("tile/entries/004"), home.path().join("away"));
    std::fs::rename(&there, &away).unwrap();
    once(&data, log.path(), &vkey, &[]).expect(1);
    log.write("checkpoint", &shown);
    let ran = once(&data, log.path(), &vkey, &[]).expect(1);
    assert!(ran.err.contains("it went back: it shows 700 entries, and has shown 1500"), "{}", ran.err);
}
