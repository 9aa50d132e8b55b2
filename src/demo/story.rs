//! What the sample tells: who asked, which agent acted, with whose yes.

use ::record::{Handed, disclosure};
use serde_json::Value;

/// What can be said of the sample, and which of its records is shown.
pub(super) struct Story {
    pub(super) sessions: usize,
    pub(super) principals: usize,
    pub(super) shown: usize,
    pub(super) words: Vec<String>,
}

/// A record in which a human's yes is named: that is what the log is for.
pub(super) fn sample_story(records: &[Handed]) -> Story {
    let parsed: Vec<Value> =
        records.iter().map(|record| serde_json::from_slice(&record.record()).unwrap_or_default()).collect();
    let distinct = |pointer: &str| {
        let all = parsed.iter().filter_map(|record| record.pointer(pointer)?.as_str());
        all.collect::<std::collections::BTreeSet<_>>().len()
    };
    let is_shown = |record: &Value| {
        record["type"] == "action.requested"
            && record["action"]["tool"] == "cancel_reservation"
            && record["approval"]["mode"] == "human"
    };
    let shown = parsed.iter().position(is_shown).unwrap_or_default();
    Story {
        sessions: distinct("/session/id"),
        principals: distinct("/principal/sub"),
        words: words(&parsed[shown], &content(&records[shown], "input"), &answer(records, &parsed, shown)),
        shown,
    }
}

/// What the customer said: in the record of the approval that is bound to this one.
fn answer(records: &[Handed], parsed: &[Value], shown: usize) -> String {
    let id = &parsed[shown]["id"];
    let bound = parsed.iter().position(|record| record.pointer("/approval/binds/record") == Some(id));
    bound.map_or_else(|| "?".to_owned(), |bound| content(&records[bound], "answer"))
}

/// The content that a record brings under this name.
fn content(record: &Handed, name: &str) -> String {
    let opened = record.disclosures().iter().filter_map(|text| disclosure::open(text).ok());
    let content = opened.into_iter().find(|opened| opened.name() == name);
    content.map_or_else(|| "?".to_owned(), |content| String::from_utf8_lossy(content.content()).into_owned())
}

/// Who, what, with whose yes: one line each.
fn words(record: &Value, input: &str, answer: &str) -> Vec<String> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    vec![
        format!("who asked     {} ({})", text("/principal/sub"), text("/principal/iss")),
        format!("which agent   {} ({})", text("/agent/sub"), text("/agent/model")),
        format!("what          {} on {}", text("/action/tool"), text("/action/target")),
        format!("with          {input}"),
        format!(
            "approval      {}, {} by the agent: {answer:?}",
            text("/approval/mode"),
            text("/approval/identity")
        ),
        format!("in session    {}", text("/session/id")),
    ]
}
