//! `deedbook demo`: what the README promises to a newcomer.

use crate::run::deedbook;

/// Lines that the README shows of a demo: each up to where it leaves something out. A port, and a rate, are new each time.
fn shown(command: &str) -> Vec<String> {
    let readme = include_str!("../../README.md");
    let shown = readme.split(&format!("$ cargo run --release -- {command}\n")).nth(1).unwrap();
    let shown = shown.split("```").next().unwrap();
    let lines = shown.lines().filter(|line| !line.trim().is_empty() && line.trim() != "…");
    let fixed = lines.map(|line| line.split('…').next().unwrap().split("127.0.0.1:").next().unwrap());
    let mut fixed: Vec<_> = fixed.map(|line| line.trim_end().to_owned()).collect();
    fixed.dedup();
    fixed
}

#[test]
fn the_demo_does_the_main_job_and_says_what_the_readme_shows() {
    let said = deedbook(["demo"]).expect(0).out;
    let origin = |text: &str| {
        let after = text.split("localhost/").nth(1).unwrap();
        format!("localhost/{}", after.split([' ', ',']).next().unwrap())
    };
    let fixed = shown("demo");
    assert!(fixed.len() > 35, "{fixed:?}");
    let (there, here) = (origin(&fixed.join("\n")), origin(&said));
    for line in fixed {
        let line = line.replace(&there, &here);
        assert!(said.contains(&line), "the README shows {line:?}, and the demo says\n{said}");
    }
}

#[test]
fn what_it_leaves_behind_can_be_checked_by_anybody() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("demo");
    let ran = deedbook(["demo", "--data", dir.to_str().unwrap(), "--json"]).expect(0).json();
    let (vkey, altered) = (ran["vkey"].as_str().unwrap(), ran["altered_index"].as_u64().unwrap());
    assert_eq!((&ran["records"], &ran["later"]), (&2_924.into(), &2_924.into()));
    let erased = ran["erased"]["contents"].as_u64().unwrap();
    // Each erasure is a record of its own, the announcement of the log's key and the destruction of the customer's too.
    assert_eq!(ran["audited"].as_u64().unwrap(), 2_924 + erased + 2);
    assert_eq!((&ran["evidence"]["shown"], &ran["erased"]["erased_in_session"]), (&8.into(), &8.into()));
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let (receipt, record) = (path("receipt.ndjson"), path("record.json"));
    deedbook(["verify", &receipt, "--record", &record, "--vkey", vkey]).expect(0);
    let audit = deedbook(["audit", &path("copy"), "--vkey", vkey]).expect(1);
    assert!(audit.out.contains(&format!("entry {altered}: the entry is not the one that was signed")));
    for (file, state) in [("evidence.json", "shown"), ("redacted.json", "hidden")] {
        let report = deedbook(["verify", &path(file), "--vkey", vkey, "--json"]).expect(0).json();
        let contents = report["verified"]["contents"].as_array().unwrap();
        assert!(contents.len() == 8 && contents.iter().all(|content| content["state"] == state), "{report}");
        assert_eq!(report["verified"]["findings"][0]["rule"], "approval_missing");
    }
    deedbook(["fsck", "--data", &path("log")]).expect(0);
    let again = deedbook(["demo", "--data", dir.to_str().unwrap()]).expect(2);
    assert!(again.err.contains("has a log already"), "{}", again.err);
}

/// A log, two witnesses and three monitors; the log shows one of them another history.
#[test]
fn a_log_that_lies_is_caught_by_monitors_that_talk_and_leaves_a_proof() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("net");
    let ran = deedbook(["demo", "--network", "--data", dir.to_str().unwrap(), "--json"]).expect(0).json();
    let vkey = ran["vkey"].as_str().unwrap();
    assert_eq!((&ran["witnessed"]["records"], &ran["witnessed"]["cosignatures"]), (&254.into(), &2.into()));
    assert_eq!(ran["split"]["guilty"], serde_json::json!([vkey]), "{ran}");
    assert_eq!(ran["monitors"], serde_json::json!([1, 1, 1]), "each of them says that something is wrong");
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let fork = deedbook(["verify", "fork-proof", &path("split.fork-proof"), "--policy", &path("policy.txt")]);
    let said = fork.expect(0).out;
    assert!(said.contains("signed BOTH") && said.contains("size 292") && said.contains("size 294"), "{said}");
    let (receipts, records) = (path("calls.ndjson.receipts.ndjson"), path("calls.ndjson"));
    deedbook(["verify", &receipts, "--records", &records, "--policy", &path("policy.txt")]).expect(0);
    // It is the operator's own two directories that contradict each other.
    for (log, size) in [("log", 294), ("twin", 292)] {
        let held = deedbook(["fsck", "--data", &path(log)]).expect(0).out;
        assert!(held.contains(&size.to_string()), "{held}");
    }
    assert_eq!(dir.join("m3/logs").read_dir().unwrap().count(), 1);
}

#[test]
fn the_network_says_what_the_readme_shows() {
    let said = deedbook(["demo", "--network"]).expect(0).out;
    let fixed = shown("demo --network");
    assert!(fixed.len() > 14, "{fixed:?}");
    for line in fixed {
        assert!(said.contains(&line), "the README shows {line:?}, and the demo says\n{said}");
    }
    assert!(deedbook(["demo", "--network", "--serve"]).expect(2).err.contains("--serve"));
}
