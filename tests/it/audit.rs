//! `deedbook audit` on directories: exit codes, words, JSON, memory.

use crate::run::{deedbook, deedbook_fed};
use crate::testlog::{TestLog, entry};

const TESSERA_VKEY: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";

fn vkey(log: &TestLog) -> String {
    log.policy().logs()[0].key.to_string()
}

#[test]
fn the_test_log_of_tessera_holds() {
    let log = testkit::vectors::path("tessera-testlog/testdata/log");
    let ran = deedbook(["audit", log.to_str().unwrap(), "--vkey", TESSERA_VKEY]).expect(0);
    assert!(ran.out.starts_with("holds: example.com/log/testdata at size 15\n"), "{}", ran.out);
    assert!(ran.out.contains("15 entries, 1 tile"), "{}", ran.out);
    assert_eq!(ran.err, "", "no progress bar where nobody looks");
}

#[test]
fn every_byte_that_was_bent_is_told_with_path_and_index() {
    let log = TestLog::of_size(66_000);
    let in_bundle = log.offset_in_bundle(4_500);
    for (path, byte, index) in [
        ("tile/entries/017", in_bundle, 4_500),
        ("tile/0/017", 32 * 148, 4_500),
        ("tile/1/000", 32 * 200, 51_200),
        ("tile/0/257.p/208", 0, 65_792),
        ("tile/1/001.p/1", 0, 65_536),
    ] {
        log.flip(path, byte);
        let ran =
            deedbook(["audit", log.path().to_str().unwrap(), "--vkey", &vkey(&log), "--json"]).expect(1);
        let ran_for_people =
            deedbook(["audit", log.path().to_str().unwrap(), "--vkey", &vkey(&log)]).expect(1);
        log.flip(path, byte);
        let told = ran.json();
        assert_eq!(told["verdict"], "does not hold");
        assert_eq!(told["findings"]["first"][0]["path"], path);
        assert_eq!(told["findings"]["first"][0]["index"], index);
        let words = format!("{path}, entry {index}: ");
        assert!(ran_for_people.out.contains(&words), "{words} in {}", ran_for_people.out);
        assert!(ran_for_people.out.contains("expected "), "{}", ran_for_people.out);
    }
    deedbook(["audit", log.path().to_str().unwrap(), "--vkey", &vkey(&log)]).expect(0);
}

#[test]
fn an_auditor_remembers_and_catches_a_log_that_goes_back_or_forks() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("agents.audit");
    let audit = |log: &TestLog, more: &[&str]| {
        let fixed =
            ["audit", log.path().to_str().unwrap(), "--vkey", &vkey(log), "--state", state.to_str().unwrap()];
        deedbook(fixed.iter().chain(more))
    };
    let mut log = TestLog::of_size(300);
    let old = log.signed();
    assert!(audit(&log, &[]).expect(0).out.contains("continues  nothing"));
    log.grow((300..900).map(entry));
    let ran = audit(&log, &[]).expect(0);
    assert!(ran.out.contains("continues  size 300, which this auditor verified at 20"), "{}", ran.out);
    log.grow((900..1_000).map(entry));
    let ran = audit(&log, &["--incremental", "--json"]).expect(0).json();
    assert_eq!((&ran["first"], &ran["counted"]["entries"]), (&768.into(), &232.into()));

    log.write("checkpoint", old.bytes());
    assert!(audit(&log, &[]).expect(1).out.contains("the log went back"));
    log.publish();

    for size in [1_000, 1_100] {
        let mut fork = TestLog::of_size(0);
        fork.grow((0..size).map(|i| if i == 950 { "another".into() } else { entry(i) }));
        let ran = audit(&fork, &["--json"]).expect(1).json();
        let finding = &ran["findings"]["first"][0];
        assert_eq!(finding["wrong"], "fork", "{finding}");
        let evidence = finding["detail"].as_str().unwrap();
        for note in [log.signed(), fork.signed()] {
            assert!(evidence.contains(String::from_utf8_lossy(note.bytes()).trim_end()), "{evidence}");
        }
    }
    audit(&log, &[]).expect(0);
}

#[test]
fn what_cannot_be_told_is_not_called_wrong() {
    let log = TestLog::of_size(3);
    let path = log.path().to_str().unwrap();
    let good = vkey(&log);
    for (bend, args) in [
        ("no key", vec!["audit", path]),
        ("a key that is none", vec!["audit", path, "--vkey", "hello"]),
        ("two keys", vec!["audit", path, "--vkey", &good, "--policy", "p"]),
        ("no such directory", vec!["audit", "/nowhere/at/all", "--vkey", &good]),
        ("a file", vec!["audit", "/proc/version", "--vkey", &good]),
        ("a URL that is none", vec!["audit", "http://", "--vkey", &good]),
        ("incremental without a state", vec!["audit", path, "--vkey", &good, "--incremental"]),
        ("an unknown option", vec!["audit", path, "--vkey", &good, "--quick"]),
        ("an unknown verb", vec!["audti"]),
        ("a directory as state", vec!["audit", path, "--vkey", &good, "--state", path]),
    ] {
        let ran = deedbook(&args);
        assert_eq!(ran.code, 2, "{bend}: {ran:?}");
        assert!(!ran.err.is_empty(), "{bend}");
    }
    let told = deedbook(["audit", "/nowhere/at/all", "--vkey", &good, "--json"]).expect(2).json();
    assert_eq!(told["verdict"], "could not tell");
}

#[test]
fn the_key_may_come_from_a_file_a_policy_or_the_environment() {
    let log = TestLog::of_size(3);
    let path = log.path().to_str().unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let vkey_file = file("log.vkey", format!("{}\n", vkey(&log)));
    let policy = file("policy", format!("log {}\nquorum none\n", vkey(&log)));
    deedbook(["audit", path, "--vkey-file", &vkey_file]).expect(0);
    deedbook(["audit", path, "--policy", &policy]).expect(0);
    deedbook_fed(["audit", path], &[("DEEDBOOK_VKEY", &vkey(&log))], "").expect(0);
    deedbook_fed(["audit", path], &[("DEEDBOOK_POLICY", &policy)], "").expect(0);
    // What was typed wins.
    let ran = deedbook_fed(["audit", path, "--vkey", TESSERA_VKEY], &[("DEEDBOOK_POLICY", &policy)], "");
    assert!(ran.expect(1).out.contains("which the policy does not name"));
}
