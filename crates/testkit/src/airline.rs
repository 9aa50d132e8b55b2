//! The airline sample: real conversations of a service agent as audit records, in
//! `tests/data/airline/records.ndjson`. The README beside it says where they come from and what was invented.
//!
//! A line is what is sent to a log: a record, or one with the disclosures of its content beside it.

use crate::vectors;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Conversations, each a session.
pub const SESSIONS: usize = 200;
/// Tool calls, each with its result.
pub const CALLS: usize = 1_164;
/// Customers that the conversations are about, as the benchmark's tasks name them.
pub const PRINCIPALS: usize = 34;
/// User ids that tool calls carry as an argument: one customer never appears in any.
pub const USER_IDS_IN_CALLS: usize = 33;
/// State-changing calls that follow a user message with the word yes.
pub const APPROVALS: usize = 195;
/// Records: the converter says what it records, a session opens and closes, a call is requested and completed, an
/// approval is one.
pub const RECORDS: usize = 1 + 2 * SESSIONS + 2 * CALLS + APPROVALS;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    std::fs::read_to_string(path()).unwrap_or_else(|error| panic!("airline sample: {error}"))
});

/// Where the lines lie: NDJSON, each in canonical form.
pub fn path() -> PathBuf {
    vectors::data().join("airline/records.ndjson")
}

/// The conversations as the benchmark's authors published them: JSON, a list.
///
/// # Panics
/// When the file is not there.
pub fn original() -> Vec<u8> {
    let packed = std::fs::read(vectors::data().join("airline/gpt-4o-airline.json.gz"));
    let packed = packed.unwrap_or_else(|error| panic!("airline conversations: {error}"));
    let mut json = Vec::new();
    let unpacked = flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut json);
    unpacked.unwrap_or_else(|error| panic!("airline conversations: {error}"));
    json
}

/// The whole file.
pub fn ndjson() -> &'static str {
    &TEXT
}

/// What is sent to a log, in the order it was made.
pub fn lines() -> impl Iterator<Item = &'static str> {
    TEXT.lines()
}

/// The records in canonical form, without their content.
pub fn bare() -> impl Iterator<Item = &'static str> {
    lines().map(|line| {
        let wrapped = line.split_once("],\"record\":").filter(|_| line.starts_with("{\"disclosures\":["));
        wrapped.map_or(line, |(_, record)| &record[..record.len() - 1])
    })
}

/// The records as JSON values, with the content of each beside its digest.
///
/// # Panics
/// When a line is not JSON.
pub fn records() -> impl Iterator<Item = Value> {
    lines().map(|line| told(&serde_json::from_str(line).expect("a line of the airline sample is JSON")))
}

/// A record as it is sent, with the content of its disclosures beside their digests.
///
/// # Panics
/// When a disclosure is none, or of no place that is known.
pub fn told(sent: &Value) -> Value {
    let Some(disclosures) = sent["disclosures"].as_array() else { return sent.clone() };
    let mut record = sent["record"].clone();
    for text in disclosures.iter().filter_map(Value::as_str) {
        let json = BASE64_URL_SAFE_NO_PAD.decode(text).expect("a disclosure is base64url");
        let disclosed: Value = serde_json::from_slice(&json).expect("a disclosure is JSON");
        let place = match disclosed[1].as_str().expect("a disclosure has a name") {
            name @ ("input" | "output") => &mut record[name],
            name => &mut record["approval"][name],
        };
        place["content"] = disclosed[2].clone();
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;
    use std::collections::{BTreeMap, BTreeSet};

    fn of_type(wanted: &str) -> Vec<Value> {
        records().filter(|record| record["type"] == wanted).collect()
    }

    /// All but the first, in which the converter says what it records.
    fn of_sessions() -> impl Iterator<Item = Value> {
        records().skip(1)
    }

    fn text<'a>(record: &'a Value, pointer: &str) -> &'a str {
        record.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {record}"))
    }

    #[test]
    fn it_holds_what_the_source_holds() {
        let principals: BTreeSet<String> =
            of_sessions().map(|r| text(&r, "/principal/sub").to_owned()).collect();
        let called = of_type("action.requested");
        let arguments =
            called.iter().map(|r| serde_json::from_str::<Value>(text(r, "/input/content")).unwrap());
        let named: BTreeSet<String> =
            arguments.filter_map(|a| Some(a["user_id"].as_str()?.to_owned())).collect();
        assert_eq!((principals.len(), named.len()), (PRINCIPALS, USER_IDS_IN_CALLS));
        assert!(named.is_subset(&principals));
        assert_eq!((of_type("session.opened").len(), of_type("session.closed").len()), (SESSIONS, SESSIONS));
        assert_eq!((called.len(), of_type("action.completed").len()), (CALLS, CALLS));
        assert_eq!((of_type("approval.decided").len(), lines().count()), (APPROVALS, RECORDS));
    }

    #[test]
    fn each_line_is_a_canonical_record_that_fits_an_entry() {
        for (line, record) in lines().zip(bare()) {
            assert!(record.len() <= 60_000, "{} bytes", record.len());
            for text in [line, record] {
                assert_eq!(canonical(&serde_json::from_str(text).unwrap()), text.as_bytes());
            }
        }
        assert!(ndjson().ends_with("}\n"));
    }

    #[test]
    fn ids_ascend_with_the_times_they_hold() {
        let (mut before, mut position) = (String::new(), 0_u64);
        for record in records() {
            let (id, time) = (text(&record, "/id"), text(&record, "/time"));
            let uuid = uuid::Uuid::parse_str(id).unwrap();
            let (seconds, nanoseconds) = uuid.get_timestamp().unwrap().to_unix();
            assert_eq!(crate::stamp::rfc3339(seconds * 1_000 + u64::from(nanoseconds) / 1_000_000), time);
            assert_eq!((uuid.hyphenated().to_string().as_str(), uuid.get_version_num()), (id, 7));
            assert!(before.as_str() < id, "{id} after {before}");
            position += 1;
            assert_eq!(record["producer"]["seq"], position);
            id.clone_into(&mut before);
        }
    }

    #[test]
    fn sessions_count_from_1_and_close_with_their_count() {
        let mut open: BTreeMap<String, u64> = BTreeMap::new();
        for record in of_sessions() {
            let session = text(&record, "/session/id").to_owned();
            let place = open.entry(session.clone()).and_modify(|place| *place += 1).or_insert(1);
            assert_eq!(record["session"]["seq"], *place);
            assert_eq!(record["type"] == "session.opened", *place == 1);
            if record["type"] == "session.closed" {
                assert_eq!(record["closed"]["records"], *place - 1);
                open.remove(&session);
            }
        }
        assert!(open.is_empty(), "never closed: {open:?}");
    }

    #[test]
    fn a_call_comes_before_its_outcome_and_an_approval_between_them() {
        let mut called: Option<Value> = None;
        let mut decided: Option<Value> = None;
        for record in records() {
            match text(&record, "/type") {
                "action.requested" => assert!(called.replace(record).is_none(), "two calls at once"),
                "approval.decided" => {
                    let call = called.as_ref().expect("a decision is about a call");
                    let binds = &record["approval"]["binds"];
                    assert_eq!((&binds["record"], &binds["sd"]), (&call["id"], &call["input"]["sd"]));
                    assert_eq!(
                        (&call["action"]["effect"], &record["action"]),
                        (&"write".into(), &call["action"])
                    );
                    let answer = text(&record, "/approval/answer/content").to_lowercase();
                    assert!(
                        answer.split(|c: char| !c.is_alphanumeric()).any(|word| word == "yes"),
                        "{answer}"
                    );
                    decided = Some(record);
                }
                "action.completed" => {
                    let call = called.take().expect("an outcome has a call");
                    assert_eq!(record["action"], call["action"]);
                    let reference = decided.take().map(|decided| decided["id"].clone());
                    assert_eq!(record["approval"].get("ref"), reference.as_ref());
                    assert_eq!(call["approval"]["mode"] == "human", reference.is_some());
                }
                other => {
                    let between = called.is_some() || decided.is_some();
                    assert!(!between, "{other} between a call and its outcome");
                }
            }
        }
    }

    #[test]
    fn lengths_are_those_of_the_content() {
        let mut contents = 0;
        for record in records() {
            let approval = &record["approval"];
            for content in [&record["input"], &record["output"], &approval["answer"], &approval["shown"]] {
                if let Some(text) = content["content"].as_str() {
                    assert_eq!(content["bytes"], text.len());
                    contents += 1;
                }
            }
        }
        assert_eq!(contents, 2 * CALLS + 2 * APPROVALS);
    }
}
