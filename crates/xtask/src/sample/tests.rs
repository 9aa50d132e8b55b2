use super::convert::{ConvertError, convert};
use super::policy::RULE;
use super::raw::{Conversation, PairingError};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::airline;

fn conversations(source: &Value) -> Vec<Conversation> {
    serde_json::from_value(source.clone()).unwrap()
}

/// All but the first, in which the converter says what it records.
fn records(source: &Value) -> Vec<Value> {
    let records = convert(&conversations(source)).unwrap();
    let mut records: Vec<Value> =
        records.iter().map(|line| airline::told(&serde_json::from_slice(&line.sent).unwrap())).collect();
    let first = records.remove(0);
    assert_eq!((&first["type"], &first["producer"]["seq"]), (&json!("coverage.declared"), &json!(1)));
    records
}

fn conversation(messages: Value) -> Value {
    let Value::Array(mut all) = messages else { panic!("messages are a list") };
    all.insert(0, json!({"role": "system", "content": format!("# Policy\n\n{RULE}\n")}));
    json!({"task_id": 7, "trial": 2, "reward": 0.0, "info": {"task": {"user_id": "mia_li_3668"}}, "traj": all})
}

fn user(content: &str) -> Value {
    json!({"role": "user", "content": content})
}

fn call(id: &str, tool: &str, arguments: &str) -> Value {
    let function = json!({"name": tool, "arguments": arguments});
    json!({"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function", "function": function}]})
}

fn result(id: &str, tool: &str, content: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "name": tool, "content": content})
}

/// Two calls under one id, a yes that serves two writes, a result that is an error.
fn story() -> Value {
    conversation(json!([
        user("Cancel 4WQ150, please. I am mia_li_3668."),
        call("call_1", "get_reservation_details", "{\"reservation_id\": \"4WQ150\"}"),
        result("call_1", "get_reservation_details", "{\"user_id\": \"mia_li_3668\", \"n\": 1.0}"),
        {"role": "assistant", "content": "Cancel 4WQ150? (yes)"},
        user("Yes, do."),
        call("call_1", "cancel_reservation", "{\"reservation_id\":\"4WQ150\"}"),
        result("call_1", "cancel_reservation", "Error: caf\u{e9}\n"),
        call("call_1", "cancel_reservation", "{\"reservation_id\":\"4WQ150\" }"),
        result("call_1", "cancel_reservation", "{\"status\": \"cancelled\"}"),
        user("Thanks ###STOP###"),
    ]))
}

#[test]
fn a_conversation_becomes_a_session_in_the_order_it_happened() {
    let records = records(&json!([story()]));
    let types: Vec<&str> = records.iter().map(|record| record["type"].as_str().unwrap()).collect();
    let wanted = [
        "session.opened",
        "action.requested",
        "action.completed",
        "action.requested",
        "approval.decided",
        "action.completed",
        "action.requested",
        "approval.decided",
        "action.completed",
        "session.closed",
    ];
    assert_eq!(types, wanted);
    for (at, record) in records.iter().enumerate() {
        assert_eq!(record["session"], json!({"id": "airline-trial2-task07", "seq": at + 1}));
        assert_eq!(record["producer"]["seq"], at + 2);
        assert_eq!(record["principal"], json!({"iss": "tau-bench:airline", "sub": "mia_li_3668"}));
        assert_eq!((&record["delivery"], &record["time_note"]), (&json!("backfill"), &json!("invented")));
    }
    assert!(
        records.is_sorted_by(
            |a, b| a["id"].as_str() < b["id"].as_str() && a["time"].as_str() < b["time"].as_str()
        )
    );
    assert_eq!(records[9]["closed"]["records"], 9);
    assert_eq!(records[9]["closed"]["reason"], "user_done");
    assert_eq!(records[0]["principal_note"]["basis"], "said_by_user");
}

#[test]
fn content_is_the_exact_string_and_its_length_in_bytes() {
    let records = records(&json!([story()]));
    let has = |place: &Value, content: &str, media: &str| {
        assert_eq!((&place["content"], &place["bytes"]), (&json!(content), &json!(content.len())));
        assert_eq!(place["media"], media);
        assert_eq!(place["sd"].as_str().unwrap().len(), 43);
    };
    has(&records[5]["output"], "Error: caf\u{e9}\n", "text/plain");
    assert_eq!(records[5]["outcome"]["status"], "error");
    has(&records[6]["input"], "{\"reservation_id\":\"4WQ150\" }", "application/json");
    assert_eq!(records[2]["output"]["content"], "{\"user_id\": \"mia_li_3668\", \"n\": 1.0}");
}

#[test]
fn calls_under_one_id_stay_apart() {
    let records = records(&json!([story()]));
    let actions: Vec<_> = [1, 3, 6].map(|at| records[at]["action"].clone()).into();
    assert_eq!(actions.iter().map(|a| &a["id"]).collect::<Vec<_>>(), ["call-1", "call-2", "call-3"]);
    assert!(actions.iter().all(|action| action["call_id"] == "call_1"));
    assert_eq!(
        [&records[2]["action"], &records[5]["action"], &records[8]["action"]],
        [0, 1, 2].map(|n| &actions[n])
    );
}

#[test]
fn a_yes_binds_the_request_it_was_found_before_and_says_how_often_it_served() {
    let records = records(&json!([story()]));
    for (request, decided, completed, nth) in [(3, 4, 5, 1), (6, 7, 8, 2)] {
        let approval = &records[decided]["approval"];
        assert_eq!(approval["binds"]["record"], records[request]["id"]);
        assert_eq!(approval["binds"]["sd"], records[request]["input"]["sd"]);
        assert_eq!(approval["evidence"]["message"], 5);
        assert_eq!(approval["answer"]["content"], "Yes, do.");
        assert_eq!(approval["shown"]["content"], "Cancel 4WQ150? (yes)");
        assert_eq!(approval["evidence"]["use"], nth);
        assert_eq!(approval["identity"], "asserted");
        assert_eq!(records[completed]["approval"]["ref"], records[decided]["id"]);
        assert_eq!(records[request]["approval"]["mode"], "human");
    }
    assert_eq!(records[1]["approval"], json!({"mode": "autonomous_not_required"}));
}

#[test]
fn a_write_without_a_yes_is_unknown_and_has_no_decision() {
    let mut source = story();
    source["traj"][5]["content"] = json!("Go ahead.");
    let records = records(&json!([source]));
    assert!(records.iter().all(|record| record["type"] != "approval.decided"));
    let modes: Vec<_> = records.iter().filter_map(|record| record["approval"]["mode"].as_str()).collect();
    assert_eq!(modes, ["autonomous_not_required", "unknown", "unknown"]);
}

#[test]
fn a_conversation_without_calls_is_a_session_all_the_same() {
    let silent =
        conversation(json!([user("Hello?"), {"role": "assistant", "content": "Your id?"}, user("No.")]));
    let records = records(&json!([silent, story()]));
    assert_eq!(
        (&records[0]["type"], &records[1]["type"]),
        (&json!("session.opened"), &json!("session.closed"))
    );
    assert_eq!(records[0]["principal_note"]["basis"], "task_only");
    assert_eq!(records[1]["closed"]["reason"], "cut_off");
    assert_eq!(records[2]["type"], "session.opened");
    assert!(records[1]["id"].as_str() < records[2]["id"].as_str());
}

#[test]
fn what_the_conversion_has_no_answer_for_is_refused_with_its_place() {
    let bend = |change: fn(&mut Value)| {
        let mut source = json!([story()]);
        change(&mut source[0]["traj"]);
        convert(&conversations(&source)).map(|records| records.len())
    };
    let pairing = |change| match bend(change) {
        Err(ConvertError::Pairing { conversation: 0, source }) => source,
        other => panic!("no pairing error but {other:?}"),
    };
    let cut_after_call = |traj: &mut Value| traj.as_array_mut().unwrap().truncate(3);
    assert!(matches!(pairing(cut_after_call), PairingError::Unanswered { call_at: 2, wanted_at: 3, .. }));
    let other_id = |traj: &mut Value| traj[3]["tool_call_id"] = json!("call_2");
    assert!(matches!(pairing(other_id), PairingError::Mismatched { call_at: 2, found_at: 3, .. }));
    let other_name = |traj: &mut Value| traj[3]["name"] = json!("think");
    assert!(matches!(pairing(other_name), PairingError::Mismatched { call_at: 2, found_at: 3, .. }));
    let twice = |traj: &mut Value| traj.as_array_mut().unwrap().insert(4, result("call_1", "think", ""));
    assert!(matches!(pairing(twice), PairingError::Stray { at: 4 }));

    let new_tool = |traj: &mut Value| {
        traj[2] = call("c", "launch_rocket", "{}");
        traj[3] = result("c", "launch_rocket", "");
    };
    assert!(matches!(bend(new_tool), Err(ConvertError::UnknownTool { tool, .. }) if tool == "launch_rocket"));
    let other_user = |traj: &mut Value| {
        traj[2]["tool_calls"][0]["function"]["arguments"] = json!("{\"user_id\":\"omar_rossi_1241\"}");
    };
    assert!(
        matches!(bend(other_user), Err(ConvertError::OtherUser { called, .. }) if called == "omar_rossi_1241")
    );
    let no_policy = |traj: &mut Value| traj[0]["content"] = json!("Be nice.");
    assert!(matches!(bend(no_policy), Err(ConvertError::NoPolicy { conversation: 0 })));
    let huge = |traj: &mut Value| traj[3]["content"] = json!("x".repeat((16 << 20) + 1));
    assert!(matches!(bend(huge), Err(ConvertError::Refused { source, .. }) if source.code() == "too-large"));
    assert_eq!(bend(|_| ()).unwrap(), 11);
}

/// The numbers straight from the original, by other means than the conversion's; and the same bytes again.
#[test]
fn the_kept_sample_is_the_conversion_of_the_original() {
    let text = airline::original();
    let source: Value = serde_json::from_slice(&text).unwrap();
    let source = source.as_array().unwrap();
    let (mut calls, mut approvals) = (Vec::new(), 0);
    let (mut users, mut named) = (BTreeSet::new(), BTreeSet::new());
    for conversation in source {
        users.insert(conversation["info"]["task"]["user_id"].as_str().unwrap());
        let mut yes = false;
        for message in conversation["traj"].as_array().unwrap() {
            if message["role"] == "user" {
                let words = message["content"].as_str().unwrap().to_lowercase();
                yes = words.split(|c: char| !c.is_ascii_alphabetic()).any(|word| word == "yes");
            }
            for call in message["tool_calls"].as_array().into_iter().flatten() {
                let (tool, arguments) = (&call["function"]["name"], &call["function"]["arguments"]);
                let parsed: Value = serde_json::from_str(arguments.as_str().unwrap()).unwrap();
                named.extend(parsed["user_id"].as_str().map(str::to_owned));
                let tool_name = tool.as_str().unwrap();
                let writes = ["book", "cancel", "send", "transfer", "update"];
                approvals += usize::from(yes && writes.iter().any(|verb| tool_name.starts_with(verb)));
                calls.push((tool.clone(), arguments.clone()));
            }
        }
    }
    let results = source.iter().flat_map(|conversation| conversation["traj"].as_array().unwrap());
    let results: Vec<&Value> =
        results.filter(|message| message["role"] == "tool").map(|message| &message["content"]).collect();
    assert_eq!(source.len(), airline::SESSIONS);
    assert_eq!((calls.len(), results.len(), approvals), (airline::CALLS, airline::CALLS, airline::APPROVALS));
    assert_eq!((users.len(), named.len()), (airline::PRINCIPALS, airline::USER_IDS_IN_CALLS));

    let kept: Vec<Value> = airline::records().collect();
    let of_type = |wanted: &'static str| kept.iter().filter(move |record| record["type"] == wanted);
    let kept_calls: Vec<_> = of_type("action.requested")
        .map(|record| (record["action"]["tool"].clone(), record["input"]["content"].clone()))
        .collect();
    let kept_results: Vec<&Value> =
        of_type("action.completed").map(|record| &record["output"]["content"]).collect();
    assert!(kept_calls == calls, "the kept calls are not those of the original, in order");
    assert!(kept_results == results, "the kept results are not those of the original, in order");

    let again = convert(&serde_json::from_slice::<Vec<Conversation>>(&text).unwrap()).unwrap();
    assert!(super::ndjson(&again) == airline::ndjson().as_bytes(), "converting again gives other bytes");
}
