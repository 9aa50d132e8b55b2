//! Files that were bent: each byte of the golden one, and what somebody would try.

use evidence::{Class, Evidence, EvidenceError, Question, Role, Show};
use serde_json::{Value, json};
use tlog::policy::Policy;

use crate::desk::{Desk, says, session};

fn document(file: &Evidence) -> Value {
    serde_json::from_slice(&file.to_bytes()).unwrap()
}

fn bent(file: &Evidence, bend: impl FnOnce(&mut Value)) -> Result<Evidence, EvidenceError> {
    let mut document = document(file);
    bend(&mut document);
    Evidence::parse(document.to_string().as_bytes())
}

/// What is proven, as far as it does not rest on the maker's own words.
fn content(file: &Evidence, policy: &Policy) -> Option<Value> {
    let report = file.verify(Some(policy));
    let proven = report.verified.filter(|_| report.sentences.iter().all(|s| s.class != Class::DoesNotHold));
    proven.map(|verified| json!([verified, file.asked()]))
}

#[test]
fn no_byte_of_the_golden_file_can_be_another_and_verify_as_another_content() {
    let desk = Desk::story();
    let (file, policy) = (desk.file(&session("s-71c2"), Show::All), desk.policy());
    let (bytes, whole) = (file.to_bytes(), content(&file, &policy).unwrap());
    let mut parsed = 0;
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut bent = bytes.clone();
            bent[at] ^= flip;
            let Ok(bent) = Evidence::parse(&bent) else { continue };
            parsed += 1;
            if let Some(other) = content(&bent, &policy) {
                assert_eq!(other, whole, "byte {at} by {flip:#x}");
            }
        }
    }
    assert!(parsed > 1_000, "most bends of entries and disclosures are read: {parsed}");
}

#[test]
fn another_spelling_is_not_read() {
    let file = Desk::story().file(&session("s-71c2"), Show::All);
    let bytes = file.to_bytes();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(Evidence::parse(&bytes).unwrap(), file);
    let refused = |text: &str| Evidence::parse(text.as_bytes()).unwrap_err();
    let pretty = serde_json::to_string_pretty(&document(&file)).unwrap();
    assert_eq!(refused(&pretty), EvidenceError::NotOne);
    assert!(matches!(refused(&format!("{text}\n")), EvidenceError::Spelling { .. }));
    assert!(matches!(refused(&text.replacen(":[", ": [", 1)), EvidenceError::Spelling { .. }));
    assert!(matches!(refused(&text.replacen("\"as\"", "\"x\":1,\"as\"", 1)), EvidenceError::Form(_)));
    assert_eq!(refused(&text.replacen("-v1", "-v2", 1)), EvidenceError::Version);
    assert_eq!(refused("{}"), EvidenceError::NotOne);
    let hostile = text.replacen("\"asked\"", "\"\u{202e}\\u001b\"", 1);
    assert!(!refused(&hostile).to_string().contains(['\u{202e}', '\u{1b}']));
}

#[test]
fn parts_out_of_order_and_beyond_the_limits_are_not_read() {
    let file = Desk::story().file(&session("s-71c2"), Show::All);
    let swap = |list: &'static str| bent(&file, move |d| d[list].as_array_mut().unwrap().swap(0, 1));
    assert!(swap("entries").is_err() && swap("disclosures").is_err());
    assert!(bent(&file, |d| d["entries"] = json!([])).is_err());
    assert!(bent(&file, |d| d["keys"] = json!([])).is_err());
    assert!(bent(&file, |d| d["keys"][0]["from"] = json!(1)).is_err());
    assert!(bent(&file, |d| d["made"]["time"] = json!("yesterday")).is_err());
    assert!(bent(&file, |d| d["asked"] = json!({"entries": [[2, 1]]})).is_err());
    let many = json!(vec!["x"; evidence::limits::DISCLOSURES_MAX + 1]);
    let error = bent(&file, |d| d["disclosures"] = many).unwrap_err();
    assert_eq!(error.to_string(), "the evidence file has 65537 disclosures, and 65536 are allowed");
}

#[test]
fn an_entry_at_another_index_or_another_entry_is_not_proven_and_nothing_is_shown() {
    let desk = Desk::story();
    let file = desk.file(&session("s-71c2"), Show::All);
    let moved = bent(&file, |d| d["entries"][0]["index"] = json!(1)).unwrap();
    let other = bent(&file, |d| d["entries"][0]["entry"] = d["entries"][1]["entry"].clone()).unwrap();
    let without = bent(&file, |d| drop(d["entries"].as_array_mut().unwrap().remove(2))).unwrap();
    let no_hash = bent(&file, |d| drop(d["hashes"].as_array_mut().unwrap().pop())).unwrap();
    for bent in [moved, other, without, no_hash] {
        let report = bent.verify(Some(&desk.policy()));
        assert_eq!(report.class(), Class::DoesNotHold);
        assert!(report.verified.is_none());
        says(&report, Class::DoesNotHold, "the entries are not shown to be in that log, so none is shown");
    }
}

#[test]
fn entries_that_do_not_answer_what_was_asked_are_told() {
    let desk = Desk::story();
    let policy = desk.policy();
    let file = desk.file(&session("s-71c2"), Show::Nothing);
    let told = |bend: &dyn Fn(&mut Value), part: &str| {
        let report = bent(&file, bend).unwrap().verify(Some(&policy));
        assert_eq!(report.class(), Class::DoesNotHold, "{part}");
        says(&report, Class::DoesNotHold, part);
    };
    told(&|d| d["asked"] = json!({"session": "s-other"}), "is said to be asked for, and is not");
    told(
        &|d| d["entries"][1]["as"] = json!("finding"),
        "was asked for, and is said to be there for another reason",
    );
    told(&|d| d["entries"][0]["as"] = json!("answer"), "the entry at 0 is said to be asked for, and is not");
    told(&|d| d["made"]["looked_at"] = json!(12), "12 entries were looked at, and the log has 11");
    let lists = desk.file(&Question::Entries(vec![evidence::Range(3, 4)]), Show::Nothing);
    let more = bent(&lists, |d| d["asked"] = json!({"entries": [[3, 5]]})).unwrap();
    says(&more.verify(Some(&policy)), Class::DoesNotHold, "3 entries were asked for, and 2 are there");
    let ids = desk.file(&Question::records(vec![crate::desk::id(3)]), Show::Nothing);
    assert_eq!(ids.verify(Some(&policy)).class(), Class::Holds);
    let other =
        bent(&ids, |d| d["asked"] = json!({"records": [crate::desk::id(3), crate::desk::id(4)]})).unwrap();
    says(&other.verify(Some(&policy)), Class::DoesNotHold, "was asked for, and");
    let query = bent(&file, |d| d["asked"] = json!({"query": {"agent": "agent:crm"}})).unwrap();
    let report = query.verify(Some(&policy));
    assert_eq!(report.class(), Class::CannotTell);
    says(&report, Class::CannotTell, "a search is not repeated here");
}

#[test]
fn what_is_left_out_shows_where_it_can_and_cannot_be_told_where_it_cannot() {
    let desk = Desk::story();
    let asked = session("s-71c2");
    let without = |gone: &[u64]| {
        let mut entries = desk.gather(&asked).entries;
        entries.retain(|(index, ..)| !gone.contains(index));
        desk.file_of(&asked, Show::Nothing, entries).verify(Some(&desk.policy()))
    };
    // The opening.
    let report = without(&[2]);
    assert_eq!(report.class(), Class::CannotTell);
    says(&report, Class::CannotTell, "session_unknown at 3");
    says(&report, Class::CannotTell, "whether the session is complete");
    // A record in the middle: its number is missing.
    let report = without(&[4]);
    assert_eq!(report.class(), Class::CannotTell);
    says(&report, Class::CannotTell, "sequence_gap at 9");
    assert_eq!(report.verified.unwrap().sessions[0].verdict, "CANNOT TELL");
    // The end.
    says(&without(&[9]), Class::CannotTell, "the session is not closed");
    // The human's yes from elsewhere: found missing, but only if nothing is left out.
    let report = without(&[7]);
    let verified = report.verified.unwrap();
    let missing = verified.findings.iter().find(|found| found.rule == "approval_missing").unwrap();
    assert_eq!((missing.index, missing.standing), (8, evidence::Standing::IfNothingIsLeftOut));
}

#[test]
fn a_file_that_carries_the_whole_log_leaves_nothing_out() {
    let desk = Desk::story();
    let all = Question::Entries(vec![evidence::Range(0, 10)]);
    let report = desk.file(&all, Show::All).verify(Some(&desk.policy()));
    let verified = report.verified.as_ref().unwrap();
    assert!(verified.whole && verified.records.iter().all(|record| record.role == Role::Answer));
    assert!(verified.findings.iter().all(|found| found.standing == evidence::Standing::Shown));
    says(&report, Class::Holds, "the file carries every entry of the log up to this size");
}
