//! `deedbook record` into a running log, and its receipts verified afterwards with no log in sight.

use std::path::{Path, PathBuf};

use sequencer::Kind;
use testkit::Chance;

use crate::run::{Ran, deedbook, deedbook_fed};
use crate::served::Served;

struct Desk {
    // First, so that the server ends before its directory is gone.
    served: Option<Served>,
    home: tempfile::TempDir,
    vkey: String,
    url: String,
}

impl Desk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let served = Served::start(&home.path().join("data"), Kind::Records);
        let (vkey, url) = (served.vkey.clone(), served.url.clone());
        Self { home, served: Some(served), vkey, url }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    fn records(&self, name: &str, from: u64, count: u64) -> String {
        let text = testkit::sample::typical_ndjson(from, count, &mut Chance::seeded(from));
        self.write(name, &String::from_utf8(text).unwrap())
    }

    fn record(&self, file: &str) -> Ran {
        deedbook(["record", file, "--url", &self.url, "--vkey", &self.vkey, "--json"])
    }

    fn verify(&self, file: &str) -> Ran {
        deedbook(["verify", &format!("{file}.receipts.ndjson"), "--records", file, "--vkey", &self.vkey])
    }
}

fn lines(path: impl AsRef<Path>) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn records_are_logged_and_their_receipts_hold_when_the_log_is_gone() {
    let mut desk = Desk::new();
    let file = desk.records("calls.ndjson", 0, 700);
    let ran = desk.record(&file).expect(0).json();
    assert_eq!(
        (&ran["logged"], &ran["before"], &ran["indexes"]),
        (&700.into(), &0.into(), &serde_json::json!([0, 699]))
    );
    desk.served = None;
    let ran = desk.verify(&file).expect(0);
    assert!(
        ran.out.starts_with("holds: 700 records are in the log, each as it stands in the file"),
        "{}",
        ran.out
    );

    // A record that was altered afterwards, a receipt that is gone, a receipt of a record that is gone.
    let text = std::fs::read_to_string(&file).unwrap();
    let altered = text.replacen("\"action\":{\"", "\"action\":{\"a\":1,\"", 1);
    assert_ne!(altered, text);
    std::fs::write(&file, altered).unwrap();
    let ran = desk.verify(&file).expect(1);
    assert!(ran.out.contains("line 1: record "), "{}", ran.out);
    let (_, later) = text.split_once('\n').unwrap();
    std::fs::write(&file, later).unwrap();
    assert!(desk.verify(&file).expect(2).out.contains("no record  1 receipt"), "a record is gone");
    std::fs::write(&file, &text).unwrap();
    let receipts = format!("{file}.receipts.ndjson");
    let kept = lines(&receipts);
    std::fs::write(&receipts, kept[1..].join("\n")).unwrap();
    assert!(desk.verify(&file).expect(2).out.contains("no receipt  1 record"), "a receipt is gone");
}

#[test]
fn run_again_it_goes_on_where_it_stopped() {
    let desk = Desk::new();
    let file = desk.records("calls.ndjson", 0, 600);
    desk.record(&file).expect(0);
    let receipts = format!("{file}.receipts.ndjson");
    let whole = lines(&receipts);
    assert_eq!(whole.len(), 600);

    // Stopped in the middle of a line: what is whole is kept, the rest is asked for again and found to be there.
    std::fs::write(&receipts, format!("{}\n{}", whole[..400].join("\n"), &whole[400][..50])).unwrap();
    let ran = desk.record(&file).expect(0).json();
    assert_eq!((&ran["before"], &ran["logged"], &ran["duplicates"]), (&400.into(), &200.into(), &200.into()));
    assert_eq!(lines(&receipts).len(), 600);
    desk.verify(&file).expect(0);

    // More records in the same file.
    let more = testkit::sample::typical_ndjson(600, 50, &mut Chance::seeded(9));
    let longer = std::fs::read_to_string(&file).unwrap() + &String::from_utf8(more).unwrap();
    std::fs::write(&file, longer).unwrap();
    let ran = desk.record(&file).expect(0).json();
    assert_eq!(
        (&ran["before"], &ran["logged"], &ran["indexes"]),
        (&600.into(), &50.into(), &serde_json::json!([600, 649]))
    );
    desk.verify(&file).expect(0);
}

#[test]
fn what_the_log_refuses_is_told_and_the_others_are_logged() {
    let desk = Desk::new();
    let one = |id: u8, more: &str| {
        format!(
            r#"{{"id":"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b{id:02x}","time":"2026-11-23T08:14:03.118Z","type":"x-t"{more}}}"#
        )
    };
    let first = desk.write("first.json", &one(1, ""));
    desk.record(&first).expect(0);
    let second = desk.write("second.json", &format!("[{}, {}]", one(1, r#","other":true"#), one(2, "")));
    let ran = desk.record(&second).expect(1).json();
    assert_eq!(ran["logged"], 1);
    assert_eq!(ran["rejected"][0]["record"], 1);
    assert!(ran["rejected"][0]["why"].as_str().unwrap().contains("index 0"), "{ran}");
    assert_eq!(lines(format!("{second}.receipts.ndjson")).len(), 1);

    let bad = desk.write("bad.ndjson", &format!("{}\n{{\"id\":\"x\"}}\n", one(3, "")));
    let ran = desk.record(&bad).expect(2);
    assert!(ran.out.contains("record 2: "), "{}", ran.out);
    assert!(!desk.path("bad.ndjson.receipts.ndjson").exists(), "nothing is sent of a file that is not read");
}

#[test]
fn from_standard_input_and_with_the_logs_own_word_for_its_key() {
    let desk = Desk::new();
    let text = std::fs::read_to_string(desk.records("in", 0, 3)).unwrap();
    let receipts = desk.path("out").to_str().unwrap().to_owned();
    let ran = deedbook_fed(["record", "-", "--receipts", &receipts], &[("DEEDBOOK_URL", &desk.url)], &text);
    let ran = ran.expect(0);
    assert!(ran.err.contains("which proves nothing"), "{}", ran.err);
    assert!(ran.err.contains(&desk.vkey), "{}", ran.err);
    assert_eq!(lines(&receipts).len(), 3);
    deedbook_fed(["record", "-"], &[("DEEDBOOK_URL", &desk.url)], &text).expect(2);
}

#[test]
fn another_key_than_the_logs_is_noticed_at_the_first_answer() {
    let desk = Desk::new();
    let file = desk.records("calls.ndjson", 0, 3);
    let other = tlog::key::Signer::from_seed(
        testkit::keys::IMPOSTOR.name.parse().unwrap(),
        &testkit::keys::IMPOSTOR.seed,
    );
    let vkey = other.verifier_key().to_string();
    let ran = deedbook(["record", &file, "--url", &desk.url, "--vkey", &vkey]).expect(1);
    assert!(ran.err.contains("the log's answer for the record"), "{}", ran.err);
}
