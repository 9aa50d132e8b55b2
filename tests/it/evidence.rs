//! `deedbook evidence` and `deedbook verify FILE`: made from a running log and from a copy, checked with the log gone.

use std::path::Path;

use sequencer::Kind;

use crate::run::{Ran, deedbook};
use crate::served::Served;

const SESSION: &str = "airline-trial0-task03";

/// The airline log, and a place for files.
struct Desk {
    served: Served,
    home: tempfile::TempDir,
}

impl Desk {
    fn airline() -> Self {
        let home = tempfile::tempdir().unwrap();
        let served = Served::start(&home.path().join("data"), Kind::Records);
        // Receipts are written beside it.
        let file = home.path().join("records.ndjson");
        std::fs::write(&file, testkit::airline::ndjson()).unwrap();
        deedbook([
            "record",
            file.to_str().unwrap(),
            "--url",
            &served.url,
            "--vkey",
            &served.vkey,
            "--published",
        ])
        .expect(0);
        Self { served, home }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    fn evidence(&self, log: &str, more: &[&str]) -> Ran {
        deedbook(["evidence", log, "--vkey", &self.served.vkey].iter().chain(more))
    }

    fn copy(&self) -> String {
        let (to, data) = (self.path("copy"), self.served.data.to_str().unwrap());
        deedbook(["backup", &to, "--url", &self.served.url, "--data", data]).expect(0);
        format!("{to}/public")
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_session_of_the_airline_is_taken_away_and_checked_without_the_log() {
    let desk = Desk::airline();
    let (file, page) = (desk.path("s.evidence.json"), desk.path("s.html"));
    let made = desk.evidence(&desk.served.url, &["--session", SESSION, "--out", &file]).expect(0);
    assert!(made.out.contains("written: ") && made.out.contains(" at size 2,924\n"), "{}", made.out);
    let copied = desk.evidence(&desk.copy(), &["--session", SESSION]).expect(0);
    let Desk { served, home } = desk;
    let vkey = served.vkey.clone();
    drop(served);

    let ran = deedbook(["verify", &file, "--vkey", &vkey, "--report", &page]).expect(0);
    for said in [
        "holds: evidence of all records of session \"airline-trial0-task03\", from ",
        "is signed by a key that you trust",
        "1 more is there because the findings rest on it",
        "the session is COMPLETE",
        "approval_missing [",
        "; if the file leaves nothing out that bears on it",
        "it looked at all of 2924",
        "what was done and never recorded",
    ] {
        assert!(ran.out.contains(said), "{said:?} is not in\n{}", ran.out);
    }
    assert_eq!(ran.out.matches("approval_missing [").count(), 5);
    let shown = read(&page);
    assert!(shown.contains("<!DOCTYPE html>") && shown.contains("book_reservation"), "{shown}");
    let json = deedbook(["verify", &file, "--vkey", &vkey, "--json"]).expect(0).json();
    assert_eq!((&json["verdict"], &json["verified"]["size"]), (&"holds".into(), &2_924.into()));
    assert_eq!(json["verified"]["sessions"][0]["session"], SESSION);

    // A copy of the log gives the same file, but for the moment at which it was made.
    let same = |text: &str| text.split("\"time\":\"20").next().unwrap().len() > 1_000;
    assert!(same(&copied.out));
    let without_made = |text: &str| {
        let mut document: serde_json::Value = serde_json::from_str(text).unwrap();
        document["made"].take();
        document
    };
    assert_eq!(without_made(&copied.out), without_made(&read(&file)));
    drop(home);
}

#[test]
fn without_a_key_with_another_and_after_a_bend_a_file_is_told_for_what_it_is() {
    let home = tempfile::tempdir().unwrap();
    let golden =
        |name: &str| testkit::vectors::data().join("evidence").join(name).to_str().unwrap().to_owned();
    let (file, key) = (golden("session.evidence.json"), golden("log.vkey"));
    deedbook(["verify", &file, "--vkey-file", &key]).expect(0);
    deedbook(["verify", &golden("redacted.evidence.json"), "--vkey-file", &key]).expect(0);
    let ran = deedbook(["verify", &file]).expect(2);
    assert!(ran.out.starts_with("could not tell: evidence of"), "{}", ran.out);
    assert!(ran.out.contains("MISSING HERE  nobody said which log is believed"), "{}", ran.out);
    let other = "log.example.org/agents-1+78f53b44+AZAN/CWkaR4tcBmF6B6S9apERIH/1lx7yGGWmlF/dAbp";
    let ran = deedbook(["verify", &file, "--vkey", other]).expect(1);
    assert!(ran.out.contains("nothing of it is shown"), "{}", ran.out);

    let bent = home.path().join("bent.evidence.json");
    std::fs::write(&bent, read(&file).replace("u-1842", "u-1843")).unwrap();
    let (bent, page) = (bent.to_str().unwrap(), home.path().join("page.html"));
    let page = page.to_str().unwrap();
    let ran = deedbook(["verify", bent, "--vkey-file", &key, "--report", page]).expect(1);
    assert!(ran.out.contains("the entries are not shown to be in that log, so none is shown"), "{}", ran.out);
    assert!(!read(page).contains("u-1843") && read(page).contains("Does not hold"));
    std::fs::write(bent, format!("{} ", read(&file))).unwrap();
    let ran = deedbook(["verify", bent, "--vkey-file", &key]).expect(1);
    assert!(ran.err.contains("not in canonical form"), "{}", ran.err);
    let receipts = home.path().join("r.ndjson");
    std::fs::write(&receipts, "{}\n").unwrap();
    let page = ["verify", receipts.to_str().unwrap(), "--vkey-file", &key, "--report", page];
    assert!(deedbook(page).expect(2).err.contains("there is a page for evidence files only"));
}

#[test]
fn entries_and_ids_bring_what_they_rest_on_and_what_is_not_there_is_told() {
    let desk = Desk::airline();
    let copy = desk.copy();
    let file = desk.path("calls.evidence.json");
    desk.evidence(&copy, &["--index", "12,5-6", "--out", &file]).expect(0);
    let json = deedbook(["verify", &file, "--vkey", &desk.served.vkey, "--json"]).expect(0).json();
    let records = json["verified"]["records"].as_array().unwrap();
    let answers: Vec<_> =
        records.iter().filter(|r| r["role"] == "answer").map(|r| r["index"].as_u64().unwrap()).collect();
    assert_eq!(answers, [5, 6, 12]);
    assert!(records.iter().any(|r| r["type"] == "session.opened" && r["role"] == "session"));
    assert!(records.len() < 14, "{records:?}");
    let id = records.iter().find(|r| r["index"] == 12).unwrap()["id"].as_str().unwrap();
    let told = desk.evidence(&copy, &["--id", id, "--out", &file, "--json"]).expect(0).json();
    assert_eq!(told["asked"], serde_json::json!({"records": [id]}));

    for (more, words) in [
        (["--session", "no-such"], "does not hold all records of session \"no-such\""),
        (["--index", "2924"], "does not hold the entries at 2924"),
    ] {
        let ran = desk.evidence(&copy, &more).expect(2);
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    // A part of what was asked is no answer to it.
    let ran = desk.evidence(&copy, &["--index", "2920-2930"]).expect(2);
    assert!(
        ran.err.contains("nothing was written: 11 entries were asked for, and 4 are there"),
        "{}",
        ran.err
    );
    desk.evidence(&copy, &["--index", "9-3"]).expect(2);
    desk.evidence(&copy, &[]).expect(2);
    assert!(
        desk.evidence(&copy, &["--session", SESSION, "--disclose", "input"])
            .expect(2)
            .err
            .contains("nothing is at hand")
    );
    assert!(!Path::new(&desk.path("none")).exists());
}

/// What the log makes from its lookups is what whoever reads all of it makes, and is believed no more.
#[test]
fn the_log_makes_the_same_file_and_one_of_what_a_search_finds() {
    let desk = Desk::airline();
    let (read, made) = (desk.path("read.evidence.json"), desk.path("made.evidence.json"));
    let asked = ["--session", SESSION, "--disclose", "input,answer", "--out"];
    desk.evidence(&desk.served.url, &[&asked[..], &[&read]].concat()).expect(0);
    desk.evidence(&desk.served.url, &[&asked[..], &[&made, "--by-log"]].concat()).expect(0);
    let document = |path: &str| {
        let mut document: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let by = document["made"].take()["by"].as_str().unwrap().to_owned();
        (document, by.contains("the log itself"))
    };
    let ((read, by_log), (made, made_by_log)) = (document(&read), document(&made));
    assert_eq!((by_log, made_by_log), (false, true));
    assert!(read["disclosures"].as_array().unwrap().len() > 10);
    assert_eq!(read, made);

    let found = desk.path("found.evidence.json");
    let query =
        ["--query", "finding=approval_missing", "--query", "tool=cancel_reservation", "--out", &found];
    let ran = desk.evidence(&desk.served.url, &query).expect(0);
    assert!(
        ran.out.contains("the records found by finding \"approval_missing\", tool \"cancel_reservation\""),
        "{}",
        ran.out
    );
    let ran = deedbook(["verify", &found, "--vkey", &desk.served.vkey]).expect(2);
    assert!(
        ran.out.contains("19 findings") && ran.out.contains("a search is not repeated here"),
        "{}",
        ran.out
    );

    let copy = desk.copy();
    for more in [&["--query", "tool=x"][..], &["--session", SESSION, "--by-log"]] {
        let ran = desk.evidence(&copy, more).expect(2);
        assert!(ran.err.contains("name a running log"), "{}", ran.err);
    }
    let none = desk.evidence(&desk.served.url, &["--query", "tool=no.such"]).expect(2);
    assert!(none.err.contains("404") && none.err.contains("does not hold"), "{}", none.err);
    let bad = desk.evidence(&desk.served.url, &["--query", "colour=red"]).expect(2);
    assert!(bad.err.contains("400"), "{}", bad.err);
    deedbook(["evidence", "x", "--query", "tool"]).expect(2);
}
