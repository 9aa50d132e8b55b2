//! `deedbook verify`: the sentences of an offline check, and its exit codes.

use crate::run::{deedbook, deedbook_fed};

fn vector(name: &str) -> String {
    testkit::vectors::path(&format!("generated/{name}")).to_str().unwrap().to_owned()
}

fn file(home: &tempfile::TempDir, name: &str, bytes: &[u8]) -> String {
    let path = home.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_vectors_proof_holds_for_its_entry_and_for_no_other() {
    let home = tempfile::tempdir().unwrap();
    let (proof, policy) = (vector("entry-300-of-513.tlog-proof"), vector("policy.txt"));
    let entry = file(&home, "entry", b"entry 300");
    let ran = deedbook(["verify", &proof, "--entry", &entry, "--policy", &policy]).expect(0);
    assert!(
        ran.out.starts_with("holds: the entry is in the log log.example.org/agents-1 at index 300\n"),
        "{}",
        ran.out
    );
    for words in
        ["size       513", "witness.example.net/w1 at 2026-01-01T00:00:00Z", "witness.example.com/w2"]
    {
        assert!(ran.out.contains(words), "{words} in {}", ran.out);
    }
    let from_stdin = deedbook_fed(["verify", &proof, "--entry", "-", "--policy", &policy], &[], "entry 300");
    from_stdin.expect(0);

    let other = file(&home, "other", b"entry 301");
    let ran = deedbook(["verify", &proof, "--entry", &other, "--policy", &policy]).expect(1);
    assert!(ran.out.contains("nothing shows that this entry is in the log"), "{}", ran.out);
    assert!(ran.out.contains("DOES NOT HOLD: the proof leads to another root"), "{}", ran.out);
    assert!(ran.out.contains("witness.example.net/w1"), "what holds is still told: {}", ran.out);
}

#[test]
fn a_policy_that_asks_for_more_than_there_is_is_not_satisfied() {
    let home = tempfile::tempdir().unwrap();
    let proof = String::from_utf8(testkit::vectors::bytes("generated/entry-300-of-513.tlog-proof")).unwrap();
    let with_one = proof.lines().filter(|line| !line.contains("witness.example.com/w2")).collect::<Vec<_>>();
    let with_one = file(&home, "proof", format!("{}\n", with_one.join("\n")).as_bytes());
    let entry = file(&home, "entry", b"entry 300");
    let ran = deedbook(["verify", &with_one, "--entry", &entry, "--policy", &vector("policy.txt"), "--json"])
        .expect(1);
    assert!(ran.json()["problem"].as_str().unwrap().contains("not enough cosignatures"), "{}", ran.out);
    let vkey = "log.example.org/agents-1+78f53b44+AZAN/CWkaR4tcBmF6B6S9apERIH/1lx7yGGWmlF/dAbp";
    deedbook(["verify", &with_one, "--entry", &entry, "--vkey", vkey]).expect(0);
}

#[test]
fn what_is_missing_or_no_proof_is_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let (proof, policy) = (vector("entry-300-of-513.tlog-proof"), vector("policy.txt"));
    let junk = file(&home, "junk", b"c2sp.org/tlog-proof@v1\nindex x\n");
    let entry = file(&home, "entry", b"entry 300");
    for (bend, code, args) in [
        ("no entry", 2, vec!["verify", &proof, "--policy", &policy]),
        ("no key", 2, vec!["verify", &proof, "--entry", &entry]),
        ("no such proof", 2, vec!["verify", "/nowhere", "--entry", &entry, "--policy", &policy]),
        ("not a proof", 1, vec!["verify", &junk, "--entry", &entry, "--policy", &policy]),
    ] {
        assert_eq!(deedbook(&args).code, code, "{bend}");
    }
}

#[test]
fn completions_and_manual_pages_are_made_from_the_definition() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(deedbook(["completions", shell]).expect(0).out.contains("incremental"), "{shell}");
    }
    let man = home.path().join("man1");
    deedbook(["man", man.to_str().unwrap()]).expect(0);
    let page = std::fs::read_to_string(man.join("deedbook-audit.1")).unwrap();
    assert!(page.contains("Verify a whole log"), "{page}");
}
