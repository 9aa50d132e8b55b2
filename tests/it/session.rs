//! `deedbook session` against a running log and against copies of one: lists, stories, what is unsafe to show, what lies.

use std::path::Path;

use sequencer::Kind;
use serde_json::{Value, json};

use crate::run::{Ran, deedbook};
use crate::served::Served;

/// A log that holds these records.
struct Desk {
    served: Served,
    home: tempfile::TempDir,
}

impl Desk {
    fn holding(records: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let served = Served::start(&home.path().join("data"), Kind::Records);
        let file = home.path().join("records.ndjson");
        std::fs::write(&file, records).unwrap();
        let file = file.to_str().unwrap();
        deedbook(["record", file, "--url", &served.url, "--vkey", &served.vkey, "--published"]).expect(0);
        Self { served, home }
    }

    fn session(&self, more: &[&str]) -> Ran {
        self.session_at(&self.served.url, more)
    }

    fn session_at(&self, log: &str, more: &[&str]) -> Ran {
        let published = ["session", log, "--vkey", &self.served.vkey];
        deedbook(published.iter().chain(more))
    }

    fn copy(&self) -> String {
        let place = self.home.path().join("copy");
        let (to, data) = (place.to_str().unwrap(), self.served.data.to_str().unwrap());
        deedbook(["backup", to, "--url", &self.served.url, "--data", data]).expect(0);
        place.join("public").to_str().unwrap().to_owned()
    }
}

#[test]
fn the_airline_log_lists_its_sessions_and_tells_one() {
    let desk = Desk::holding(testkit::airline::ndjson());
    let listed = desk.session(&[]).expect(1);
    assert!(listed.out.contains(" at size 2,924, 200 sessions, 85 findings\n"), "{}", listed.out);
    assert_eq!(listed.out.lines().filter(|line| line.contains("approval_missing")).count(), 41);
    let json = desk.session(&["--json"]).expect(1).json();
    let sessions = json["sessions"].as_array().unwrap();
    assert_eq!((sessions.len(), &json["size"]), (200, &json!(2_924)));
    assert!(sessions.iter().all(|session| session["completeness"] == "COMPLETE"));

    let told = desk.session(&["airline-trial0-task03"]).expect(1).out;
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let shown = readme.split("$ deedbook session ").nth(1).unwrap().split("```").next().unwrap();
    let words: Vec<&str> =
        shown.lines().skip(1).filter(|line| !line.trim().is_empty() && line.trim() != "...").collect();
    assert!(words.len() >= 10, "{shown}");
    for line in words {
        let line = line.trim_end_matches(" ...");
        assert!(told.contains(line), "the README shows {line:?}, and the verb says\n{told}");
    }
    let story = desk.session(&["airline-trial0-task03", "--json"]).expect(1).json();
    let wrong: Vec<&Value> = story["calls"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|call| call["findings"].as_array().unwrap())
        .collect();
    assert_eq!(wrong.len(), 5);
    assert!(wrong.iter().all(|found| found["rule"] == "approval_missing" && found["version"] == 1));
    desk.session(&["airline-trial0-task00"]).expect(0);
}

#[test]
fn a_session_that_nobody_names_and_a_log_without_a_key_cannot_be_told() {
    let desk = Desk::holding(&testkit::airline::lines().take(30).collect::<Vec<_>>().join("\n"));
    let ran = desk.session(&["no-such"]).expect(2);
    assert!(ran.err.contains("has no session \"no-such\" (3 sessions)"), "{}", ran.err);
    deedbook(["session", &desk.served.url]).expect(2);
    // A session that is not closed yet.
    let open = desk.session(&["airline-trial0-task02"]).expect(2);
    assert!(open.out.contains("why           the session is not closed"), "{}", open.out);
}

#[test]
fn what_an_approver_decided_under_a_session_of_his_own_is_told() {
    let record = |n: u64, kind: &str, session: &str, more: Value| {
        let mut record = json!({
            "id": format!("0198f0c2-7d1e-7c3a-9a54-{n:012x}"), "time": "2026-11-23T08:14:03.118Z", "type": kind,
            "delivery": "backfill", "agent": {"sub": "a"}, "principal": {"iss": "i", "sub": "alice"},
            "producer": {"id": "crm"}, "session": {"id": session}, "action": {"id": "a1", "tool": "crm.delete"},
        });
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    let requested = record(1, "action.requested", "s-9", json!({}));
    let approval = json!({"mode": "human", "decision": "approved", "approver": {"sub": "bea"},
        "binds": {"record": requested["id"]}});
    let more = json!({"action": {"id": "x7"}, "approval": approval});
    let decided = record(2, "approval.decided", "desk-of-bea", more);
    let desk = Desk::holding(&format!("{requested}\n{decided}"));
    let told = desk.session(&["s-9"]).expect(1).out;
    let line = "[1] by bea (human, asserted), in session desk-of-bea, binds this request";
    assert!(told.contains(line), "{told}");
    let told = desk.session(&["desk-of-bea"]).expect(1).out;
    assert!(told.contains("does not bind this request"), "{told}");
}

#[test]
fn nothing_is_told_from_a_copy_that_was_altered() {
    let desk = Desk::holding(testkit::airline::ndjson());
    let copy = desk.copy();
    desk.session_at(&copy, &["airline-trial0-task03"]).expect(1);
    let bundle = Path::new(&copy).join("tile/entries/000");
    let text = std::fs::read(&bundle).unwrap();
    let at = text.windows(14).position(|window| window == b"sofia_kim_7287").unwrap();
    let mut bent = text.clone();
    bent[at] = b'S';
    std::fs::write(&bundle, bent).unwrap();
    let ran = desk.session_at(&copy, &["airline-trial0-task03"]).expect(1);
    assert!(ran.err.contains("the log is not what was signed, so nothing is told from it"), "{}", ran.err);
    assert_eq!(ran.out, "");
}

/// Names that would take over a terminal or turn the direction of what follows.
#[test]
fn whatever_a_record_says_is_shown_safely() {
    let evil = "\u{1b}]0;owned\u{7}\u{202e}ecila\n\r\t\u{200b}'; DROP TABLE records;--../../etc/passwd";
    let record = |kind: &str, seq: u64, more: Value| {
        let mut record = json!({
            "id": format!("0198f0c2-7d1e-7c3a-9a54-{seq:012x}"), "time": "2026-11-23T08:14:03.118Z", "type": kind,
            "delivery": "backfill", "agent": {"sub": evil, "model": evil}, "principal": {"iss": evil, "sub": evil},
            "producer": {"id": evil}, "session": {"id": evil, "seq": seq}, "purpose": evil, "scope": evil,
        });
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record.to_string()
    };
    let action = json!({"id": evil, "tool": evil, "target": evil, "server": evil, "requires": evil});
    let records = [
        record("session.opened", 1, json!({"approval_policy": {"tools": [evil]}})),
        record("action.requested", 2, json!({"action": action, "input": {"content": evil}})),
        record(
            "approval.decided",
            3,
            json!({"action": action, "approval": {"mode": "human", "decision": "denied",
            "approver": {"sub": evil}, "answer": {"content": evil}}}),
        ),
        record("action.denied", 4, json!({"action": action, "denial": {"reason": evil}})),
        record(
            "action.completed",
            5,
            json!({"action": action, "outcome": {"status": "error", "code": evil},
            "output": {"content": evil}}),
        ),
        record("gap.declared", 6, json!({"gap": {"lost": 1, "reason": evil}})),
    ];
    let desk = Desk::holding(&records.join("\n"));
    for ran in [desk.session(&[]), desk.session(&[evil]), desk.session(&["no\u{1b}[2Jsuch"])] {
        for c in ran.out.chars().chain(ran.err.chars()) {
            assert!(
                c == '\n' || !c.is_control() && !matches!(c, '\u{202e}' | '\u{200b}'),
                "{c:?} in {:?}",
                ran.out
            );
        }
    }
    let told = desk.session(&[evil]).expect(1).out;
    assert!(
        told.contains("\\u{1b}]0;owned\\u{7}\\u{202e}ecila\\n\\r\\t\\u{200b}'; DROP TABLE records;"),
        "{told}"
    );
    assert!(told.contains("WRONG      gap_declared"), "{told}");
}
