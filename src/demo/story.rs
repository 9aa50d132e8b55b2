//! What the sample tells: who asked, which agent acted, with whose yes.

use ::record::Handed;
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
    let parsed: Vec<Value> = records
        .iter()
        .map(|record| serde_json::from_slice(&record.canonical()).unwrap_or_default())
        .collect();
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
        words: words(&parsed[shown], answer(&parsed, &parsed[shown])),
        shown,
    }
}

/// What the customer said: in the record of the approval that is bound to this one.
fn answer<'a>(all: &'a [Value], shown: &Value) -> &'a str {
    let bound = all.iter().find(|record| record.pointer("/approval/binds/record") == Some(&shown["id"]));
    bound.and_then(|record| record.pointer("/approval/evidence/answer/content")?.as_str()).unwrap_or("?")
}

/// Who, what, with whose yes: one line each.
fn words(record: &Value, answer: &str) -> Vec<String> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    vec![
        format!("who asked     {} ({})", text("/principal/sub"), text("/principal/iss")),
        format!("which agent   {} ({})", text("/agent/sub"), text("/agent/model")),
        format!("what          {} on {}", text("/action/tool"), text("/action/target")),
        format!("with          {}", text("/input/content")),
        format!(
            "approval      {}, {} by the agent: {answer:?}",
            text("/approval/mode"),
            text("/approval/identity")
        ),
        format!("in session    {}", text("/session/id")),
    ]
}
