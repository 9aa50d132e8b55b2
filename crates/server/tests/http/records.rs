//! Records to submit: small, and each what a test wants it to be.

use serde_json::{Value, json};
use testkit::{sample::START_MS, stamp};

/// The id of record `n`.
pub(crate) fn id(n: u64) -> String {
    let mut bits = [0; 10];
    bits[2..].copy_from_slice(&n.to_be_bytes());
    stamp::uuid_v7(START_MS, bits)
}

/// Record `n`, of one producer.
pub(crate) fn record(n: u64) -> Value {
    record_of("tests/host-1", n)
}

/// The same of another producer.
pub(crate) fn record_of(producer: &str, n: u64) -> Value {
    json!({
        "action": {"id": format!("call-{n}"), "tool": "crm.update_contact"},
        "agent": {"sub": "agent:tests"},
        "id": id(n),
        "n": n,
        "producer": {"id": producer},
        "session": {"id": "s-1"},
        "time": stamp::rfc3339(START_MS),
        "type": "action.requested",
    })
}

/// The same id and producer, another content.
pub(crate) fn altered(n: u64) -> Value {
    let mut record = record(n);
    record["n"] = json!("another");
    record
}

/// Records as NDJSON.
pub(crate) fn ndjson(records: impl IntoIterator<Item = Value>) -> String {
    let lines: Vec<String> = records.into_iter().map(|record| format!("{record}\n")).collect();
    lines.concat()
}

/// The text of record `n`, with one member more.
pub(crate) fn with_member(n: u64, member: &str) -> String {
    let text = record(n).to_string();
    format!("{},{member}}}", text.strip_suffix('}').unwrap())
}
