//! `deedbook demo`: what the README promises to a newcomer.

use crate::run::deedbook;

#[test]
fn the_demo_does_the_main_job_and_catches_the_forgery_at_its_index() {
    let ran = deedbook(["demo"]).expect(0);
    for told in [
        "2,924 records of 200 sessions",
        "each answer was checked before it was believed",
        "cancel_reservation on reservation/",
        "c2sp.org/tlog-proof@v1",
        "holds: this record is entry ",
        "is the beginning of the log of 2,924",
        "the entry is not the one that was signed",
        "caught, at index ",
    ] {
        assert!(ran.out.contains(told), "{told:?} is not in\n{}", ran.out);
    }
}

#[test]
fn what_it_leaves_behind_can_be_checked_by_anybody() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("demo");
    let ran = deedbook(["demo", "--data", dir.to_str().unwrap(), "--json"]).expect(0).json();
    let (vkey, altered) = (ran["vkey"].as_str().unwrap(), ran["altered_index"].as_u64().unwrap());
    assert_eq!(
        (&ran["records"], &ran["audited"], &ran["later"]),
        (&2_924.into(), &2_924.into(), &2_924.into())
    );
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let (receipt, record) = (path("receipt.ndjson"), path("record.json"));
    deedbook(["verify", &receipt, "--record", &record, "--vkey", vkey]).expect(0);
    let audit = deedbook(["audit", &path("copy"), "--vkey", vkey]).expect(1);
    assert!(audit.out.contains(&format!("entry {altered}: the entry is not the one that was signed")));
    deedbook(["fsck", "--data", &path("log")]).expect(0);
    let again = deedbook(["demo", "--data", dir.to_str().unwrap()]).expect(2);
    assert!(again.err.contains("has a log already"), "{}", again.err);
}
