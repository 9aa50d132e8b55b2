//! Contents: chosen, bent, secret, erased.

use evidence::{Class, Evidence, MakeError, Question, Show, State};
use record::disclosure::Disclosure;
use record::{Place, Sd};
use serde_json::{Value, json};

use crate::desk::{Desk, record, says, session};

fn with(desk: &Desk, disclosures: &[String]) -> Evidence {
    let file = desk.file(&session("s-71c2"), Show::Nothing);
    let mut document: Value = serde_json::from_slice(&file.to_bytes()).unwrap();
    let mut disclosures = disclosures.to_vec();
    disclosures.sort_by_key(|text| Sd::of(text));
    document["disclosures"] = json!(disclosures);
    Evidence::parse(document.to_string().as_bytes()).unwrap()
}

#[test]
fn another_salt_another_content_and_what_belongs_elsewhere_are_no_contents_of_these_records() {
    let desk = Desk::story();
    let other_salt = Disclosure::make([99; 16], "input", br#"{"contact":42}"#).unwrap();
    let other_content = Disclosure::make([3; 16], "input", br#"{"contact":43}"#).unwrap();
    for other in [other_salt, other_content] {
        let report = with(&desk, &[other.text().to_owned()]).verify(Some(&desk.policy()));
        assert_eq!(report.class(), Class::DoesNotHold);
        says(&report, Class::DoesNotHold, "is of no record in the file");
        assert!(report.verified.unwrap().shown.is_empty(), "what does not hold is not shown");
    }
    let report = with(&desk, &["no base64url!".to_owned()]).verify(Some(&desk.policy()));
    says(&report, Class::DoesNotHold, "the disclosure is not base64url");
}

/// A log in which a record holds a digest where it does not belong, or says something untrue of a content.
fn odd(name: &str, place: &str, bytes: u64, media: &str) -> evidence::Report {
    let mut desk = Desk::empty();
    let mut content = desk.content(name, 1, b"abc", media);
    content["bytes"] = json!(bytes);
    let call = json!({"id": "a", "tool": "t"});
    let outcome = json!({"status": "ok"});
    desk.log(&record(
        "action.completed",
        0,
        Some(("s", 1)),
        &json!({"action": call, "outcome": outcome, place: content}),
    ));
    desk.file(&session("s"), Show::All).verify(Some(&desk.policy()))
}

#[test]
fn a_disclosure_is_of_the_field_whose_name_it_has_and_of_the_length_and_media_that_are_said() {
    says(
        &odd("input", "output", 3, "text/plain"),
        Class::DoesNotHold,
        "is of \"input\", and the record at 0 holds it at /output",
    );
    says(
        &odd("output", "output", 4, "text/plain"),
        Class::DoesNotHold,
        "the record says 4 bytes, and the content has 3",
    );
    says(
        &odd("output", "output", 3, "application/json"),
        Class::DoesNotHold,
        "the record says application/json",
    );
    for (name, place) in [("output", "output"), ("input", "executed")] {
        says(&odd(name, place, 3, "text/plain"), Class::Holds, "1 content is shown");
    }
}

#[test]
fn contents_are_chosen_by_name_or_digest_and_a_choice_that_shows_nothing_is_told() {
    let desk = Desk::story();
    let shown = |show: &str| {
        let file = desk.file(&session("s-71c2"), show.parse().unwrap());
        file.verify(Some(&desk.policy())).verified.unwrap().shown.len()
    };
    let digest = Sd::of(&desk.disclosures[0]).to_string();
    assert_eq!((shown("all"), shown("none"), shown("input"), shown(&digest)), (4, 0, 2, 1));
    assert_eq!(shown(&format!("output,{digest}")), 3);
    assert!("".parse::<Show>().is_err() && "input,,output".parse::<Show>().is_err());
    let file = desk.file(&session("s-71c2"), Show::All);
    let error = file.redact(&"target".parse().unwrap()).unwrap_err();
    assert_eq!(error, MakeError::NothingToShow("\"target\"".into()));
}

#[test]
fn what_looks_like_a_secret_is_shown_by_its_digest_only() {
    let mut desk = Desk::empty();
    let input = desk.content("input", 1, b"password=hunter2", "text/plain");
    let call = json!({"id": "a", "tool": "t"});
    desk.log_secret(
        &record("action.requested", 0, Some(("s", 1)), &json!({"action": call, "input": input})),
        Place::Input,
    );
    let shown = |show: &str| {
        let report = desk.file(&session("s"), show.parse().unwrap()).verify(Some(&desk.policy()));
        let verified = report.verified.unwrap();
        assert!(verified.contents[0].secret);
        verified.shown.len()
    };
    let digest = Sd::of(&desk.disclosures[0]).to_string();
    assert_eq!((shown("all"), shown("input"), shown(&digest)), (0, 0, 1));
}

#[test]
fn an_erased_content_is_told_with_who_and_why_where_the_file_carries_that() {
    let mut desk = Desk::story();
    let sd = Sd::of(&desk.disclosures[1]).to_string();
    let erased = json!({"erased": {"sd": sd, "ground": "GDPR Art. 17", "by": "dpo@acme.example"}});
    let at = desk.log(&record("payload.erased", 11, None, &erased));
    desk.disclosures.remove(1);
    let report = desk.file(&session("s-71c2"), Show::All).verify(Some(&desk.policy()));
    assert_eq!(report.class(), Class::Holds);
    let verified = report.verified.as_ref().unwrap();
    let content = verified.contents.iter().find(|content| content.sd == sd).unwrap();
    let wanted = State::Erased { at, by: "dpo@acme.example".into(), ground: "GDPR Art. 17".into() };
    assert_eq!((content.index, content.path, &content.state), (4, "/output", &wanted));
    says(&report, Class::CannotTell, "what 1 content said that was erased");
    assert!(evidence::html::page(&report).contains("GDPR Art. 17"));
}

#[test]
fn bytes_that_are_no_text_are_shown_as_base64url() {
    let desk = Desk::story();
    let asked = Question::records(vec![crate::desk::id(8)]);
    let report = desk.file(&asked, Show::All).verify(Some(&desk.policy()));
    let verified = report.verified.unwrap();
    let image = Sd::of(&desk.disclosures[3]).to_string();
    assert_eq!(verified.shown[&image].base64url.as_deref(), Some("_wAQ"));
    assert_eq!(format!("{:?}", verified.shown[&image]), "Shown(\"output\", 3 bytes)");
}
