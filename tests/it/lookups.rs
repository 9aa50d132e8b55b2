//! `deedbook lookup`: how far the lookups of a log are, and made anew on the server's own road.

use serde_json::Value;

use crate::fsck::{Stopped, flip};
use crate::run::deedbook;
use crate::served::Served;

fn lookup(log: &Stopped, verb: &str) -> crate::run::Ran {
    deedbook(["lookup", verb, "--json", "--data", log.data.to_str().unwrap()])
}

/// What a served log answers, once its lookups have followed so far.
fn answer(served: &Served, size: u64, words: &[&str]) -> Value {
    let size = size.to_string();
    let fixed = ["search", "--json", "--url", &served.url, "--wait-for", &size];
    deedbook(fixed.iter().chain(words)).expect(0).json()
}

/// What was found: indexes and entries. Findings come after a start, as soon as the fold is there again.
fn found(answer: &Value) -> Vec<(Value, Value)> {
    let records = answer["records"].as_array().unwrap().iter();
    records.map(|record| (record["index"].clone(), record["entry"].clone())).collect()
}

#[test]
fn a_server_is_not_disturbed_and_a_small_log_is_read_again_at_each_start() {
    let log = Stopped::of_records(300);
    let status = lookup(&log, "status").expect(0).json();
    assert_eq!(
        (&status["size"], &status["entries"], &status["behind"]),
        (&300.into(), &0.into(), &300.into())
    );
    let rebuilt = lookup(&log, "rebuild").expect(0).json();
    assert_eq!((&rebuilt["verdict"], &rebuilt["size"]), (&"holds".into(), &300.into()), "{rebuilt}");

    let served = Served::start_with(&log.data, &[]);
    for verb in ["rebuild", "status"] {
        let ran = lookup(&log, verb).expect(2);
        assert!(ran.out.contains("in use by another deedbook process"), "{}", ran.out);
    }
    assert_eq!(answer(&served, 300, &["--limit", "1"])["records"][0]["index"], 299);
    assert!(served.stop().success());

    // None at all: said so, and made at the next start.
    std::fs::remove_dir_all(log.data.join("lookup")).unwrap();
    assert!(lookup(&log, "status").expect(2).out.contains("no lookups yet"));
    let served = Served::start_with(&log.data, &[]);
    assert_eq!(answer(&served, 300, &[])["size"], 300);
}

#[test]
fn lookups_are_not_made_from_a_log_that_is_not_what_was_signed() {
    let log = Stopped::of_records(300);
    log.with_tree("bundle", flip(200));
    let ran = lookup(&log, "rebuild").expect(1);
    assert!(ran.out.contains("deedbook fsck"), "{}", ran.out);
    let raw = tempfile::tempdir().unwrap();
    drop(Served::start(raw.path(), sequencer::Kind::Raw));
    let ran = deedbook(["lookup", "rebuild", "--data", raw.path().to_str().unwrap()]).expect(2);
    assert!(ran.err.contains("takes raw entries"), "{}", ran.err);
}

/// Many records in one request, as somebody sends them who asks for no receipts.
fn post(served: &Served, from: u64, count: u64) {
    let body = testkit::sample::typical_ndjson(from, count, &mut testkit::Chance::seeded(from));
    let patience = std::time::Instant::now();
    loop {
        match served.exchange("POST", "/v1/records?wait=published", "application/x-ndjson", &body) {
            Some((200, _)) => return,
            // Busy, or not published in time: sent again it is the same.
            Some((503, _)) if patience.elapsed().as_secs() < 90 => {}
            other => panic!("{other:?}; the server: {}", served.words()),
        }
    }
}

#[test]
fn what_is_made_anew_answers_as_what_was_there() {
    let size: u64 = 66_000;
    let log = Stopped::of_records(1);
    let served = Served::start_with(&log.data, &[]);
    (0..size / 6_000).for_each(|n| post(&served, n * 6_000 + 1, 6_000));
    let size = size + 1;
    let asked = ["--outcome", "error", "--limit", "1000"];
    let before = found(&answer(&served, size, &asked));
    assert_eq!(before.len(), 1_000);
    assert!(served.stop().success());

    let rebuilt = lookup(&log, "rebuild").expect(0).json();
    assert_eq!((&rebuilt["entries"], &rebuilt["findings"]), (&65_536.into(), &65_536.into()), "{rebuilt}");
    let each = rebuilt["bytes_per_record"].as_f64().unwrap();
    assert!(each > 1.0 && each < 1_000.0, "{rebuilt}");
    let status = lookup(&log, "status").expect(0).json();
    assert_eq!((&status["entries"], &status["behind"]), (&65_536.into(), &465.into()), "{status}");
    let served = Served::start_with(&log.data, &[]);
    assert!(found(&answer(&served, size, &asked)) == before);
}
