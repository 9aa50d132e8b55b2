//! The golden file and its page: `tests/data/evidence`. `DEEDBOOK_BLESS=1 cargo test -p evidence golden` writes them anew.

use std::path::PathBuf;

use evidence::{Class, Evidence, Question, Range, Show, Standing, State, html};

use crate::desk::{Desk, says, session};

fn golden(name: &str) -> PathBuf {
    testkit::vectors::data().join("evidence").join(name)
}

/// Compares, or writes.
#[track_caller]
fn same(name: &str, bytes: &[u8]) {
    let path = golden(name);
    if std::env::var_os("DEEDBOOK_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }
    let kept = std::fs::read(&path).unwrap();
    assert_eq!(String::from_utf8_lossy(&kept), String::from_utf8_lossy(bytes), "{name}");
}

#[test]
fn the_golden_file_and_its_page_are_made_again_byte_for_byte() {
    let desk = Desk::story();
    let file = desk.file(&session("s-71c2"), Show::All);
    same("session.evidence.json", &file.to_bytes());
    same("session.html", html::page(&file.verify(Some(&desk.policy()))).as_bytes());
    same("log.vkey", format!("{}\n", desk.vkey()).as_bytes());
    let redacted = file.redact(&"input".parse().unwrap()).unwrap();
    same("redacted.evidence.json", &redacted.to_bytes());
    assert_eq!(record::canonical(&file.to_bytes()).unwrap(), file.to_bytes(), "RFC 8785");
}

#[test]
fn the_golden_file_holds_and_tells_the_session() {
    let file = Evidence::parse(&std::fs::read(golden("session.evidence.json")).unwrap()).unwrap();
    let report = file.verify(Some(&Desk::story().policy()));
    assert_eq!(report.class(), Class::Holds, "{report:#?}");
    let verified = report.verified.as_ref().unwrap();
    let carried: Vec<_> =
        verified.records.iter().map(|record| (record.index, record.role.as_str())).collect();
    let wanted =
        [(0, "coverage"), (2, "answer"), (3, "answer"), (4, "answer"), (6, "answer"), (7, "approval")];
    assert_eq!(carried[..6], wanted);
    assert_eq!(carried[6..], [(8, "answer"), (9, "answer")]);
    assert!(
        verified.findings.iter().all(|found| found.standing == Standing::IfNothingIsLeftOut),
        "{verified:#?}"
    );
    assert!(verified.contents.iter().all(|content| content.state == State::Shown));
    assert_eq!(verified.sessions[0].verdict, "COMPLETE");
    let decided = &verified.sessions[0].calls[1].decisions[0];
    assert_eq!((decided.index, decided.approver.as_deref()), (7, Some("bea@acme.example")));
    assert!(decided.binds_request && decided.session.as_deref() == Some("desk-of-bea"), "{decided:?}");
    for part in [
        "signed by a key that you trust",
        "8 entries are in that log",
        "6 entries are what was asked for",
        "the session is COMPLETE",
        "4 contents are shown",
    ] {
        says(&report, Class::Holds, part);
    }
    for part in [
        "it looked at all of 11",
        "what was done and never recorded",
        "`received` the log's own",
        "no witness",
    ] {
        says(&report, Class::CannotTell, part);
    }
}

#[test]
fn a_session_is_told_with_its_own_calls_and_no_others() {
    let report = Desk::story()
        .file(&Question::entries(vec![Range(0, 10)]), Show::Nothing)
        .verify(Some(&Desk::story().policy()));
    let sessions = &report.verified.as_ref().unwrap().sessions;
    let calls = |id: &str| -> Vec<&str> {
        let session = sessions.iter().find(|session| session.session == id).unwrap();
        session.calls.iter().map(|call| call.id.as_str()).collect()
    };
    assert_eq!((calls("s-71c2"), calls("desk-of-bea")), (vec!["a1", "a2"], vec!["x7"]));
    assert!(!calls("s-other").is_empty() && calls("s-other").iter().all(|id| id.starts_with('b')));
}

#[test]
fn a_redacted_file_verifies_like_a_full_one_and_differs_in_its_disclosures_only() {
    let desk = Desk::story();
    let full = desk.file(&session("s-71c2"), Show::All);
    for (show, hidden) in [(Show::Nothing, 4), ("output".parse().unwrap(), 2)] {
        let redacted = full.redact(&show).unwrap();
        assert_eq!(redacted, desk.file(&session("s-71c2"), show), "made so at once");
        let (mut a, mut b): (serde_json::Value, serde_json::Value) = (
            serde_json::from_slice(&full.to_bytes()).unwrap(),
            serde_json::from_slice(&redacted.to_bytes()).unwrap(),
        );
        assert!(a != b);
        a["disclosures"].take();
        b["disclosures"].take();
        assert_eq!(a, b);
        let report = redacted.verify(Some(&desk.policy()));
        assert_eq!(report.class(), Class::Holds);
        let verified = report.verified.as_ref().unwrap();
        let gone: Vec<_> =
            verified.contents.iter().filter(|content| content.state == State::Hidden).collect();
        assert_eq!(gone.len(), hidden);
        assert!(gone.iter().all(|content| content.bytes.is_some() && content.sd.len() == 43));
        says(&report, Class::CannotTell, &format!("what {hidden} contents say that are hidden"));
        let page = html::page(&report);
        let one = gone[0];
        assert!(
            page.contains(&format!("hidden ({} bytes, sd <code>{}</code>)", one.bytes.unwrap(), one.sd)),
            "{page}"
        );
    }
}
