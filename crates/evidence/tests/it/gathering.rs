//! What belongs into a file: nothing less than the findings rest on, and nothing else.

use evidence::{Class, Question, Range, Role, Show};
use serde_json::json;

use crate::desk::{Desk, id, record, says};

fn carried(desk: &Desk, asked: &Question) -> Vec<(u64, &'static str)> {
    desk.gather(asked).entries.iter().map(|(index, role, _)| (*index, role.as_str())).collect()
}

#[test]
fn an_answer_brings_its_call_its_session_its_approval_and_its_coverage_and_nothing_else() {
    let desk = Desk::story();
    let by_index = Question::Entries(vec![Range(8, 8)]);
    let wanted = [(0, "coverage"), (2, "session"), (6, "call"), (7, "approval"), (8, "answer")];
    assert_eq!(carried(&desk, &by_index), wanted);
    assert_eq!(carried(&desk, &Question::records(vec![id(8)])), wanted);
    let gathered = desk.gather(&by_index);
    assert_eq!((gathered.looked_at, gathered.lost.len()), (11, 0));
    let report = desk.file(&by_index, Show::All).verify(Some(&desk.policy()));
    assert_eq!(report.class(), Class::Holds);
    let verified = report.verified.unwrap();
    assert!(verified.findings.is_empty(), "{:?}", verified.findings);
    assert_eq!(verified.sessions[0].verdict, "CANNOT TELL", "a part of a session is not judged");
}

#[test]
fn a_signed_record_brings_the_key_and_what_became_of_it() {
    let mut desk = Desk::empty();
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let public = record::PublicKey::from_bytes(key.verifying_key().as_bytes()).unwrap();
    let change = |more: serde_json::Value| {
        let mut change = json!({"kid": public.id().to_string()});
        change.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "key": change })
    };
    let announced = change(json!({"alg": "EdDSA", "party": {"sub": "agent:crm"}, "role": "agent",
        "public": base64url(public.to_bytes().as_slice())}));
    desk.log(&record("key.registered", 0, None, &announced));
    desk.log(&record("x-noise", 1, Some(("other", 1)), &json!({})));
    let mut call =
        record("action.requested", 2, Some(("s", 1)), &json!({"action": {"id": "a", "tool": "t"}}));
    call["aud"] = json!(desk.key.name);
    let at = desk.log_signed(&call, &key);
    desk.log(&record("key.revoked", 3, None, &change(json!({"reason": "lost"}))));
    let asked = Question::Entries(vec![Range(at, at)]);
    assert_eq!(carried(&desk, &asked), [(0, "key"), (2, "answer"), (3, "key")]);
    let report = desk.file(&asked, Show::All).verify(Some(&desk.policy()));
    says(&report, Class::Holds, "1 record is signed by keys that the log announced before");
    // Without the key, nobody can tell.
    let mut entries = desk.gather(&asked).entries;
    entries.retain(|(_, role, _)| *role == Role::Answer);
    let report = desk.file_of(&asked, Show::All, entries).verify(Some(&desk.policy()));
    assert_eq!(report.class(), Class::CannotTell);
    says(&report, Class::CannotTell, "signature_invalid at 2");
}

#[test]
fn the_announcement_of_a_log_key_is_signed_by_no_key_that_a_record_announced() {
    let mut desk = Desk::empty();
    let old = ed25519_dalek::SigningKey::from_bytes(&desk.key.seed);
    let kid = |key: &ed25519_dalek::SigningKey| record::PublicKey::of(key).id().to_string();
    let next = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let told = json!({"aud": desk.key.name, "key": {"alg": "EdDSA", "kid": kid(&next), "role": "log",
        "public": record::PublicKey::of(&next).to_string(), "replaces": kid(&old)}});
    let at = desk.log_signed(&record("key.rotated", 0, None, &told), &old);
    let report = desk.file(&Question::Entries(vec![Range(at, at)]), Show::All).verify(Some(&desk.policy()));
    assert_eq!(report.class(), Class::Holds);
    says(&report, Class::CannotTell, "whether the log's key changed as 1 record announces");
    assert!(report.sentences.iter().all(|sentence| !sentence.words.contains("announced before")));
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn the_airlines_sessions_are_told_from_files_as_from_the_whole_log() {
    let mut desk = Desk::empty();
    for line in testkit::airline::bare().take(60) {
        desk.log(&serde_json::from_str(line).unwrap());
    }
    let asked = crate::desk::session("airline-trial0-task00");
    let gathered = desk.gather(&asked);
    assert_eq!(gathered.lost.len(), 0);
    let report = desk.file(&asked, Show::All).verify(Some(&desk.policy()));
    assert_eq!(report.class(), Class::Holds, "{:?}", report.sentences);
    says(&report, Class::Holds, "the session is COMPLETE");
}
