//! What the record crate promises, from the outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod disclosure;
mod documents;
mod envelope;
mod folding;
mod golden;
mod handed;
mod json;
mod properties;
mod refusals;
mod rfc8785;
mod secret;
mod signature;
mod split;
mod submission;

/// A small valid record, canonical.
const RECORD: &str = r#"{"id":"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10","time":"2026-11-23T08:14:03.118Z","type":"action.requested"}"#;

/// The same with `extra` members put first, as a producer might write them: `"a":1,`.
fn record_with(extra: &str) -> String {
    format!("{{{extra}{}", &RECORD[1..])
}
