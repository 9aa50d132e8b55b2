//! `deedbook demo`: what the README promises to a newcomer.

use crate::run::deedbook;

/// The README shows what the demo says: each of its lines, up to where it leaves something out.
#[test]
fn the_demo_does_the_main_job_and_says_what_the_readme_shows() {
    let readme = include_str!("../../README.md");
    let shown = readme.split("$ cargo run --release -- demo\n").nth(1).unwrap().split("```").next().unwrap();
    let said = deedbook(["demo"]).expect(0).out;
    let origin = |text: &str| {
        let after = text.split("localhost/").nth(1).unwrap();
        format!("localhost/{}", after.split([' ', ',']).next().unwrap())
    };
    let shown = shown.replace(&origin(shown), &origin(&said));
    let lines = shown.lines().filter(|line| !line.trim().is_empty() && line.trim() != "…");
    // A port, and a rate, are new each time.
    let fixed = lines.map(|line| line.split('…').next().unwrap().split("127.0.0.1:").next().unwrap());
    let mut fixed: Vec<&str> = fixed.map(str::trim_end).collect();
    fixed.dedup();
    assert!(fixed.len() > 35, "{fixed:?}");
    for line in fixed {
        assert!(said.contains(line), "the README shows {line:?}, and the demo says\n{said}");
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
