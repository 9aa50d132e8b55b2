//! `deedbook search` against a running log: what is found, what is shown, and what somebody has put into a field.

use sequencer::Kind;
use serde_json::{Value, json};

use crate::care::scripted;
use crate::run::{Ran, deedbook};
use crate::served::Served;

/// A log that holds these records.
struct Desk {
    served: Served,
    size: String,
    _home: tempfile::TempDir,
}

impl Desk {
    fn holding(records: &[Value]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let served = Served::start(&home.path().join("data"), Kind::Records);
        let file = home.path().join("records.ndjson");
        let lines: Vec<String> = records.iter().map(ToString::to_string).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let file = file.to_str().unwrap();
        deedbook(["record", file, "--url", &served.url, "--vkey", &served.vkey, "--published"]).expect(0);
        Self { served, size: records.len().to_string(), _home: home }
    }

    fn search(&self, words: &[&str]) -> Ran {
        let fixed = ["search", "--url", &self.served.url, "--wait-for", &self.size];
        deedbook(fixed.iter().chain(words))
    }

    /// Indexes of what is found.
    fn found(&self, words: &[&str]) -> Vec<u64> {
        let answer = self.search(&[words, &["--json"]].concat()).expect(0).json();
        answer["records"].as_array().unwrap().iter().map(|found| found["index"].as_u64().unwrap()).collect()
    }
}

/// Call `n`, with this text wherever a producer may put one.
fn record(n: u64, text: &str) -> Value {
    json!({
        "id": format!("0198f0c2-7d1e-7c3a-9a54-{n:012x}"), "time": "2026-11-23T08:14:03.118Z",
        "type": "action.completed", "delivery": "backfill", "producer": {"id": text},
        "principal": {"iss": text, "sub": text, "name": text}, "agent": {"sub": text}, "session": {"id": text},
        "act": {"sub": text, "act": {"sub": text}},
        "action": {"id": text, "tool": text, "server": text, "target": text},
        "approval": {"mode": "human", "approver": {"sub": text}}, "outcome": {"status": "ok", "code": text},
    })
}

#[test]
fn what_is_asked_for_is_found_page_by_page() {
    let records: Vec<Value> = (0..7).map(|n| record(n, if n % 2 == 0 { "alice" } else { "bob" })).collect();
    let desk = Desk::holding(&records);
    assert_eq!(desk.found(&["--user", "alice"]), [6, 4, 2, 0]);
    assert_eq!(desk.found(&["--principal", "bob", "bob", "--oldest"]), [1, 3, 5]);
    assert_eq!(desk.found(&["--agent", "alice", "--tool", "bob"]), [0_u64; 0]);
    assert_eq!(
        desk.found(&["--type", "action.completed", "--outcome", "ok", "--first", "2", "--end", "4"]),
        [3, 2]
    );
    assert_eq!(desk.found(&["--record", "0198f0c2-7d1e-7c3a-9a54-000000000005"]), [5]);
    assert_eq!(desk.found(&["--finding", "coverage_undeclared", "--limit", "1"]), [1]);
    assert_eq!(
        desk.found(&["--from", "2026-11-23T00:00:00.000Z", "--to", "2026-11-23T00:00:00.001Z"]),
        [0_u64; 0]
    );

    let page = desk.search(&["--user", "alice", "--limit", "3"]).expect(0).out;
    assert!(page.starts_with("3 records, of 7 entries\n"), "{page}");
    assert!(page.contains("Z   6! ") && page.ends_with("there may be more: --cursor 2\n"), "{page}");
    assert!(
        page.contains("  session  alice\n") && page.contains("action.completed  alice alice  ok"),
        "{page}"
    );
    let last = desk.search(&["--user", "alice", "--cursor", "2"]).expect(0).out;
    assert!(
        last.starts_with("1 record, of 7 entries\n")
            && last.contains("Z   0! ")
            && last.ends_with("that is all\n"),
        "{last}"
    );
    let served = desk.search(&["--user", "alice", "--limit", "1", "--json"]).expect(0);
    assert_eq!((&served.json()["size"], &served.json()["cursor"]), (&json!(7), &json!(6)));
    assert!(served.json()["records"][0]["entry"].is_string());
}

/// What is in a field is a value, whatever it looks like: to the log, to the URL, and to whoever reads the answer.
#[test]
fn every_field_takes_and_shows_any_text() {
    let evil = [
        "'; DROP TABLE records; --",
        "\" OR \"1\"=\"1",
        "../../../etc/passwd",
        "/v1/tokens?x=1#y",
        "x&user=alice&limit=1000",
        "%2e%2e%2f%00",
        "\u{1b}]0;owned\u{7}\u{1b}[2J",
        "\u{202e}ecila\u{200b}",
        "--json",
        "*",
        "a|b",
        " \n\t",
    ];
    let records: Vec<Value> = (0..).zip(evil).map(|(n, text)| record(n, text)).collect();
    let desk = Desk::holding(&records);
    let free = [
        "user", "name", "agent", "actor", "session", "tool", "server", "target", "approver", "producer",
        "action",
    ];
    for (n, text) in (0..).zip(evil) {
        for field in free {
            assert_eq!(desk.found(&[&format!("--{field}={text}")]), [n], "{field}={text:?}");
        }
    }
    for text in [evil[0], evil[2], evil[4], evil[6]] {
        for field in ["approval", "outcome", "finding", "type", "trace", "record"] {
            assert!(desk.found(&[&format!("--{field}={text}")]).is_empty(), "{field}={text:?}");
        }
        assert_eq!(desk.found(&["--principal", text, text]).len(), 1, "{text:?}");
    }
    let shown = desk.search(&[]).expect(0);
    let (shown, refused) = (shown.out + &shown.err, desk.search(&["--from", "\u{1b}[2J\u{202e}"]).expect(2));
    assert!(shown.contains("DROP") && shown.contains("\\u{202e}eci…"), "{shown}");
    assert!(refused.err.contains("`from` is a moment such as"), "{}", refused.err);
    for text in [shown, refused.out + &refused.err] {
        let unsafe_to_show = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{200b}'));
        assert!(!text.contains(unsafe_to_show), "{text:?}");
        assert!(
            text.lines().all(|line| line.starts_with("could not tell") || line.chars().count() <= 100),
            "{text}"
        );
    }
}

#[test]
fn a_log_that_has_no_search_is_said_to_have_none() {
    let home = tempfile::tempdir().unwrap();
    let raw = Served::start(&home.path().join("data"), Kind::Raw);
    let ran = deedbook(["search", "--url", &raw.url]).expect(2);
    assert!(ran.err.contains("a log of raw entries"), "{}", ran.err);
    deedbook(["search", "--url", "http://127.0.0.1:1", "--limit", "1001"]).expect(2);
}

/// So many that the lookups cannot have come that far when the verb that logged them has ended.
#[test]
fn what_was_just_published_is_found() {
    let mut records: Vec<Value> = (0..3_000).map(|n| record(n, "somebody")).collect();
    records.push(record(3_000, "the last"));
    let desk = Desk::holding(&records);
    let said = deedbook(["search", "--url", &desk.served.url, "--user", "the last"]).expect(0).out;
    assert!(said.starts_with("1 record, of 3,001 entries\n"), "{said}");
}

#[test]
fn the_lookups_are_waited_for_once_and_what_they_lack_is_said() {
    let answer = |size: u64, behind: u64| {
        let found = json!({"index": 0, "entry": record(1, "alice").to_string(), "findings": []});
        let records: Vec<_> = (0..size).map(|_| &found).collect();
        json!({"size": size, "behind": behind, "records": records}).to_string()
    };
    let said = |answers: Vec<String>, words: &[&str]| {
        let url = scripted(answers);
        deedbook([&["search", "--url", &url], words].concat()).expect(0).out
    };
    assert!(said(vec![answer(1, 2), answer(3, 0)], &[]).starts_with("3 records, of 3 entries\n"));
    let lacking = "1 record, of 1 entry; 2 are published and not in the lookups yet\n";
    assert!(said(vec![answer(1, 2)], &[]).starts_with(lacking), "the second answer does not come");
    assert!(said(vec![answer(1, 2), answer(3, 0)], &["--wait-for", "1"]).starts_with(lacking));
}
