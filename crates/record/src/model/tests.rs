//! What is read, and what is refused, field by field.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::Submission;
use crate::limits::{ACTORS_MAX, CONTENT_BYTES_MAX, NAME_BYTES_MAX};

/// The example of a type, as a value to bend.
fn example(kind: &str) -> Value {
    let (_, json) = examples().find(|(k, _)| k.as_str() == kind).unwrap();
    serde_json::from_str(json).unwrap()
}

/// The example of a type with one field set, or with `null` taken out, at a JSON pointer.
fn bent(kind: &str, pointer: &str, value: Value) -> Vec<u8> {
    let mut record = example(kind);
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = record.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => drop(parent.remove(name)),
        value => drop(parent.insert(name.to_owned(), value)),
    }
    crate::canonical(&serde_json::to_vec(&record).unwrap()).unwrap()
}

#[test]
fn there_is_one_example_for_each_type_in_canonical_form() {
    let kinds: BTreeSet<String> = examples().map(|(kind, _)| kind.as_str().to_owned()).collect();
    let words: BTreeSet<String> = Kind::WORDS.iter().map(|&word| word.to_owned()).collect();
    assert_eq!(kinds, words);
    assert_eq!(examples().count(), words.len());
    for (kind, json) in examples() {
        assert_eq!(Submission::parse(json.as_bytes()).unwrap().canonical(), json.as_bytes(), "{kind}");
    }
}

#[test]
fn what_is_read_is_what_was_written() {
    let json = serde_json::to_vec(&example("action.requested")).unwrap();
    let record = Record::read(&json).unwrap();
    assert_eq!(record.kind, Kind::ActionRequested);
    assert_eq!(record.time.to_string(), "2026-11-23T08:14:03.118Z");
    let action = record.action.unwrap();
    assert_eq!((action.id.as_str(), action.tool.as_deref()), ("toolu_01", Some("crm.update_contact")));
    assert_eq!((action.effect, action.requires.as_deref()), (Some(Effect::Write), Some("crm:write")));
    assert_eq!(action.target.unwrap().plain(), Some("contact/42"));
    let chain: Vec<_> = record.act.as_ref().unwrap().chain().map(|actor| actor.sub.as_str()).collect();
    assert_eq!(chain, ["spiffe://acme.example/agent/crm", "spiffe://acme.example/agent/planner"]);
    assert_eq!(record.trace.unwrap().id(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(record.input.unwrap().bytes, Some(812));
}

#[test]
fn escapes_are_undone_and_unknown_fields_left_alone() {
    let json = bent("action.requested", "/agent/sub", json!("a\"b\u{1}\u{202e}"));
    assert_eq!(Record::read(&json).unwrap().agent.unwrap().sub.as_str(), "a\"b\u{1}\u{202e}");
    for (pointer, value) in [("/x-mine", json!({"deep": [1, null]})), ("/action/colour", json!("red"))] {
        assert!(Record::read(&bent("action.requested", pointer, value)).is_ok(), "{pointer}");
    }
}

#[test]
fn a_type_of_the_users_own_needs_nothing_but_what_every_record_has() {
    let json = br#"{"id":"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10","time":"2026-11-23T08:14:03.118Z","type":"x-lunch"}"#;
    assert_eq!(Record::read(json).unwrap().kind.group(), Group::Own);
}

#[test]
fn what_a_type_needs_is_refused_by_name_when_it_is_missing() {
    let table = [
        ("action.requested", "/agent", "/agent"),
        ("action.requested", "/action", "/action"),
        ("action.requested", "/action/tool", "/action/tool"),
        ("action.requested", "/action/id", "/action/id"),
        ("action.completed", "/agent", "/agent"),
        ("action.completed", "/action", "/action"),
        ("action.completed", "/outcome", "/outcome"),
        ("action.completed", "/outcome/status", "/outcome/status"),
        ("action.denied", "/action", "/action"),
        ("action.denied", "/denial/reason", "/denial/reason"),
        ("approval.requested", "/approval", "/approval"),
        ("approval.decided", "/approval", "/approval"),
        ("approval.decided", "/approval/decision", "/approval/decision"),
        ("approval.decided", "/approval/mode", "/approval/mode"),
        ("approval.decided", "/approval/approver", "/approval/approver"),
        ("approval.decided", "/approval/binds/record", "/approval/binds/record"),
        ("session.opened", "/session", "/session"),
        ("session.closed", "/session", "/session"),
        ("session.opened", "/session/id", "/session/id"),
        ("session.opened", "/principal/iss", "/principal/iss"),
        ("session.opened", "/agent/sub", "/agent/sub"),
        ("delegation.granted", "/delegation", "/delegation"),
        ("delegation.granted", "/delegation/to", "/delegation/to"),
        ("delegation.revoked", "/delegation", "/delegation"),
        ("policy.decided", "/policy", "/policy"),
        ("coverage.declared", "/coverage", "/coverage"),
        ("coverage.declared", "/producer", "/producer"),
        ("gap.declared", "/gap", "/gap"),
        ("gap.declared", "/gap/lost", "/gap/lost"),
        ("key.registered", "/key", "/key"),
        ("key.registered", "/key/public", "/key/public"),
        ("key.rotated", "/key/replaces", "/key/replaces"),
        ("key.revoked", "/key", "/key"),
        ("key.revoked", "/key/kid", "/key/kid"),
        ("access.read", "/access", "/access"),
        ("access.exported", "/access", "/access"),
        ("payload.erased", "/erased", "/erased"),
        ("payload.erased", "/erased/ground", "/erased/ground"),
        ("hold.placed", "/hold", "/hold"),
        ("hold.released", "/hold", "/hold"),
        ("retention.applied", "/retention", "/retention"),
    ];
    for (kind, taken_out, named) in table {
        let refusal = Record::read(&bent(kind, taken_out, Value::Null)).unwrap_err();
        assert_eq!((refusal.code(), refusal.path()), ("bad-field", named), "{kind} without {taken_out}");
    }
}

#[test]
fn a_principal_stands_for_the_agent_where_none_acts_and_a_trace_for_the_session() {
    for kind in ["session.opened", "delegation.granted", "approval.decided", "policy.decided"] {
        let mut record = example(kind);
        record.as_object_mut().unwrap().remove("agent");
        assert!(Record::read(&serde_json::to_vec(&record).unwrap()).is_ok(), "{kind}");
        record.as_object_mut().unwrap().remove("principal");
        let refusal = Record::read(&serde_json::to_vec(&record).unwrap()).unwrap_err();
        assert_eq!(refusal.path(), "/agent", "{kind}");
    }
    let mut record = example("delegation.granted");
    record.as_object_mut().unwrap().remove("session");
    let refusal = Record::read(&serde_json::to_vec(&record).unwrap()).unwrap_err();
    assert_eq!(refusal.path(), "/session");
    record["trace"] = json!({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"});
    assert!(Record::read(&serde_json::to_vec(&record).unwrap()).is_ok());
}

#[test]
fn a_field_that_holds_something_else_is_refused_by_name() {
    let digest = "A".repeat(43);
    let long = "a".repeat(NAME_BYTES_MAX + 1);
    let table = [
        ("/v", json!(2), "version 2"),
        ("/v", json!("1"), "invalid type"),
        ("/type", json!("action.invented"), "begin with x-"),
        ("/delivery", json!("soon"), "unknown variant `soon`"),
        ("/agent", json!("crm"), "invalid type"),
        ("/agent/sub", json!(7), "expected a string"),
        ("/agent/sub", json!(""), "must not be empty"),
        ("/agent/sub", json!(long), "4097 bytes, and 4096 are allowed"),
        ("/scope", json!(["crm:read"]), "expected a string"),
        ("/producer/seq", json!(-1), "invalid value"),
        ("/producer/seq", json!(1.5), "invalid type"),
        ("/action/effect", json!("destroy"), "unknown variant `destroy`"),
        ("/expires", json!("2026-11-23T09:14:00Z"), "exactly milliseconds"),
        ("/input/bytes", json!("812"), "invalid type"),
        ("/input", json!("{}"), "invalid type"),
        ("/input", json!({"media": "text/plain"}), "sd, content or content_base64url"),
        ("/input", json!({"sd": digest, "content": "x"}), "one of sd"),
        ("/input", json!({"content": "x", "content_base64url": "eA"}), "one of sd"),
        ("/input", json!({"sd": "AAAA"}), "43 characters"),
        ("/input", json!({"sd": format!("{}B", &digest[1..])}), "43 characters"),
        ("/input", json!({"sd": format!("{}=", &digest[1..])}), "43 characters"),
    ];
    for (pointer, value, why) in table {
        let refusal = Record::read(&bent("action.requested", pointer, value.clone())).unwrap_err();
        assert_eq!((refusal.code(), refusal.path()), ("bad-field", pointer), "{value}");
        assert!(refusal.to_string().contains(why), "{refusal}");
        assert!(!refusal.to_string().contains('\n'), "{refusal}");
    }
}

#[test]
fn content_is_counted_and_a_chain_ends() {
    let at_most = json!({"sd": "A".repeat(43), "bytes": CONTENT_BYTES_MAX});
    assert!(Record::read(&bent("action.requested", "/input", at_most)).is_ok());
    let more = json!({"sd": "A".repeat(43), "bytes": CONTENT_BYTES_MAX + 1});
    let refusal = Record::read(&bent("action.requested", "/input", more)).unwrap_err();
    assert_eq!((refusal.code(), refusal.path(), refusal.limit()), ("too-large", "/input", Some(16_777_216)));

    let actors = |n| (1..n).fold(json!({"sub": "a"}), |inner, _| json!({"sub": "a", "act": inner}));
    assert!(Record::read(&bent("action.requested", "/act", actors(ACTORS_MAX))).is_ok());
    let refusal = Record::read(&bent("action.requested", "/act", actors(ACTORS_MAX + 1))).unwrap_err();
    assert_eq!((refusal.code(), refusal.path()), ("bad-field", "/act"));
}

#[test]
fn a_trace_id_has_its_form_or_is_none() {
    for traceparent in [
        "00",
        "00-4bf9-00f0-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    ] {
        let json = bent("action.requested", "/trace/traceparent", json!(traceparent));
        assert_eq!(Record::read(&json).unwrap().trace.unwrap().id(), None, "{traceparent}");
    }
}

#[test]
fn content_in_the_record_itself_is_found_in_either_spelling() {
    let json = bent("action.requested", "/input", json!({"content": {"b": 1, "a": "\u{e9}"}}));
    let record = Record::read(&json).unwrap();
    assert_eq!(record.input.unwrap().inline(), Ok(Some(Inline::Json("{\"a\":\"\u{e9}\",\"b\":1}"))));
    let json = bent("action.requested", "/input", json!({"content_base64url": "_w"}));
    assert_eq!(Record::read(&json).unwrap().input.unwrap().inline(), Ok(Some(Inline::Base64url("\"_w\""))));
}

#[test]
fn the_schema_describes_every_field_and_takes_every_example() {
    let schema = schema();
    for (kind, json) in examples() {
        let record: Value = serde_json::from_str(json).unwrap();
        for name in record.as_object().unwrap().keys() {
            let described = &schema["properties"][name]["description"];
            assert!(described.as_str().is_some_and(|text| !text.is_empty()), "{kind}: {name}");
        }
    }
    assert_eq!(schema["required"], json!(["type", "id", "time"]));
    assert_eq!(schema["examples"].as_array().unwrap().len(), Kind::WORDS.len());
}
