//! Records sent to a log, and every answer verified before it is believed.
//!
//! An answer is taken apart here, offline: the entry is rebuilt from what was sent and the `log` part of the answer, its
//! hash must be the one stated, the proof must lead from it to the root of the checkpoint, and the checkpoint must
//! satisfy the policy. A record's id makes sending it twice harmless, so a request is repeated while the log is busy or
//! cannot be reached.

use std::collections::BTreeMap;

use bytes::{BufMut as _, Bytes, BytesMut};
use record::Handed;
use serde::Deserialize;
use serde_json::Value;
use tlog::policy::Policy;

use crate::http::{Answer, Http, HttpError};
use crate::receipt::{Receipt, ReceiptError};

/// Records in one request, at most.
pub const BATCH_RECORDS_MAX: usize = 256;
/// Bytes of one request, about: a batch ends with the record that reaches it.
pub const BATCH_BYTES: usize = 1 << 20;
/// Bytes of the answer for one record, at most: proof, checkpoint with many cosignatures, `log` part.
const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// Bytes of what a log says of itself, at most.
const INFO_BYTES_MAX: usize = 64 * 1024;

/// What the log is asked to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Durable, with an index, under a checkpoint that the log signed.
    Durable,
    /// Under a checkpoint that is publicly served.
    Published,
    /// Under a checkpoint that enough witnesses have cosigned, for the log's own policy.
    Witnessed,
}

/// A way to one log.
#[derive(Debug, Clone)]
pub struct Submitter {
    /// Where it is.
    pub http: Http,
    /// What its checkpoints must satisfy.
    pub policy: Policy,
    /// What it is asked to wait for.
    pub wait: Wait,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is in the log, as was verified.
    Logged {
        /// The proof, to be kept.
        receipt: Receipt,
        /// Whether it had been there before.
        duplicate: bool,
    },
    /// The log refuses it.
    Rejected(Problem),
}

/// Why the log refuses a record (RFC 9457).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Problem {
    /// A stable URI.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// HTTP status.
    #[serde(default)]
    pub status: u16,
    /// The sentence for people.
    #[serde(default)]
    pub title: String,
    /// More about this case.
    #[serde(default)]
    pub detail: String,
    /// The whole object.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = if self.detail.is_empty() { &self.title } else { &self.detail };
        write!(f, "{words} ({}, status {})", self.kind, self.status)?;
        self.more.get("index").map_or(Ok(()), |index| write!(f, "; index {index}"))
    }
}

/// Why a submission brought nothing that can be relied on.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The log could not be reached, was busy for too long, or refused the whole request.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The log refused the whole request.
    #[error("the log refuses the request: {0}")]
    Refused(Box<Problem>),
    /// The answer is not one that a log gives.
    #[error("the log's answer cannot be used: {0}")]
    Answer(String),
    /// The log's answer does not hold: a broken promise, to be kept as evidence.
    #[error("the log's answer for the record {id} does not hold: {cause}")]
    DoesNotHold {
        /// Of the record.
        id: String,
        /// What does not hold.
        #[source]
        cause: ReceiptError,
        /// The receipt as the log gave it.
        receipt: Box<Receipt>,
    },
}

/// What a log says of itself at `v1/log`. Nobody vouches for it.
#[derive(Debug, Clone, Deserialize)]
pub struct LogInfo {
    /// Name of the log.
    pub origin: String,
    /// `records` or `raw`.
    pub kind: String,
    /// Its public key, by its own word.
    pub vkey: String,
}

impl LogInfo {
    /// Asks the log.
    ///
    /// # Errors
    /// It could not be reached, or does not say.
    pub async fn ask(http: &Http) -> Result<Self, SubmitError> {
        let answer = http.get("v1/log", INFO_BYTES_MAX).await?;
        let answer =
            answer.ok_or_else(|| SubmitError::Answer("it does not say who it is (v1/log)".to_owned()))?;
        serde_json::from_slice(&answer).map_err(|error| SubmitError::Answer(error.to_string()))
    }
}

#[derive(Deserialize)]
struct Reply {
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Item {
    Logged(LoggedItem),
    Duplicate(LoggedItem),
    Rejected { problem: Problem },
}

#[derive(Deserialize)]
struct LoggedItem {
    index: u64,
    id: String,
    leaf_hash: String,
    log: Value,
    #[serde(default)]
    salts: BTreeMap<String, String>,
    proof: String,
}

impl Submitter {
    /// Sends records in one request and verifies the answer for each. In their order.
    ///
    /// # Errors
    /// Nothing can be said about any of them; sending them again is harmless.
    pub async fn submit(&self, records: &[Handed]) -> Result<Vec<Outcome>, SubmitError> {
        if records.is_empty() {
            return Ok(vec![]);
        }
        let wait = match self.wait {
            Wait::Durable => "durable",
            Wait::Published => "published",
            Wait::Witnessed => "witnessed",
        };
        let path = format!("v1/records?wait={wait}&proof=true");
        let limit = ANSWER_BYTES_MAX * records.len();
        let answer = self.http.post(&path, "application/x-ndjson", body_of(records), limit).await?;
        let items = items_of(&answer)?;
        if items.len() != records.len() {
            let (have, want) = (items.len(), records.len());
            return Err(SubmitError::Answer(format!("{have} items for {want} records")));
        }
        records.iter().zip(items).map(|(record, item)| self.verify(record, item)).collect()
    }

    fn verify(&self, record: &Handed, item: Item) -> Result<Outcome, SubmitError> {
        let (item, duplicate) = match item {
            Item::Rejected { problem } => return Ok(Outcome::Rejected(problem)),
            Item::Logged(item) => (item, false),
            Item::Duplicate(item) => (item, true),
        };
        let LoggedItem { index, id, leaf_hash, log, salts, proof } = item;
        let receipt = Receipt { index, id, leaf_hash, log, salts, proof };
        match receipt.verify(record, &self.policy) {
            Ok(_) => Ok(Outcome::Logged { receipt, duplicate }),
            Err(cause) => Err(SubmitError::DoesNotHold {
                id: record.id().to_string(),
                cause,
                receipt: Box::new(receipt),
            }),
        }
    }
}

/// How many of these records go into one request.
pub fn batch_len(records: &[Handed]) -> usize {
    let mut bytes = 0;
    let fits = |record: &&Handed| {
        let before = bytes;
        bytes += record.canonical().len() + 1;
        before < BATCH_BYTES
    };
    records.iter().take(BATCH_RECORDS_MAX).take_while(fits).count()
}

/// NDJSON: canonical JSON has no line breaks.
fn body_of(records: &[Handed]) -> Bytes {
    let records: Vec<Bytes> = records.iter().map(Handed::canonical).collect();
    let bytes = records.iter().map(|record| record.len() + 1).sum();
    let mut body = BytesMut::with_capacity(bytes);
    for record in records {
        body.put_slice(&record);
        body.put_u8(b'\n');
    }
    body.freeze()
}

fn items_of(answer: &Answer) -> Result<Vec<Item>, SubmitError> {
    let unusable = |error: serde_json::Error| SubmitError::Answer(error.to_string());
    if answer.status == reqwest::StatusCode::OK {
        return Ok(serde_json::from_slice::<Reply>(&answer.body).map_err(unusable)?.items);
    }
    match serde_json::from_slice(&answer.body) {
        Ok(problem) => Err(SubmitError::Refused(Box::new(problem))),
        Err(_) => Err(SubmitError::Answer(format!("status {} without a problem", answer.status))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpOptions;
    use crate::receipt::tests::honest;

    fn submitter(policy: Policy) -> Submitter {
        let http = Http::new("http://127.0.0.1:1", &HttpOptions::default()).unwrap();
        Submitter { http, policy, wait: Wait::Durable }
    }

    fn answer(items: &[Value]) -> Answer {
        let body = serde_json::json!({"size": 9, "checkpoint": "", "items": items});
        Answer { status: reqwest::StatusCode::OK, body: body.to_string().into() }
    }

    fn item(status: &str, receipt: &Receipt) -> Value {
        let mut item = serde_json::to_value(receipt).unwrap();
        item["status"] = status.into();
        item
    }

    #[test]
    fn an_answer_is_believed_only_when_everything_in_it_holds() {
        let (records, receipts, policy) = honest(3);
        let submitter = submitter(policy);
        let problem = serde_json::json!({"type": "urn:deedbook:problem:bad-id", "title": "no", "status": 400, "offset": 3});
        let items = items_of(&answer(&[
            item("logged", &receipts[0]),
            item("duplicate", &receipts[1]),
            serde_json::json!({"status": "rejected", "problem": problem}),
        ]))
        .unwrap();
        let mut outcomes =
            records.iter().zip(items).map(|(record, item)| submitter.verify(record, item).unwrap());
        assert_eq!(outcomes.next(), Some(Outcome::Logged { receipt: receipts[0].clone(), duplicate: false }));
        assert!(matches!(outcomes.next(), Some(Outcome::Logged { duplicate: true, .. })));
        let Some(Outcome::Rejected(problem)) = outcomes.next() else { panic!("rejected") };
        assert_eq!(problem.to_string(), "no (urn:deedbook:problem:bad-id, status 400)");
        assert_eq!(problem.more["offset"], 3);

        let swapped = items_of(&answer(&[item("logged", &receipts[1])])).unwrap().remove(0);
        let error = submitter.verify(&records[0], swapped).unwrap_err();
        assert!(
            matches!(error, SubmitError::DoesNotHold { cause: ReceiptError::OtherRecord { .. }, .. }),
            "{error}"
        );
    }

    #[test]
    fn answers_that_no_log_gives_are_told_apart_from_refusals() {
        let refused = Answer {
            status: reqwest::StatusCode::PAYLOAD_TOO_LARGE,
            body: r#"{"type":"urn:deedbook:problem:too-large","title":"too large","status":413}"#.into(),
        };
        assert!(matches!(items_of(&refused), Err(SubmitError::Refused(_))));
        for (bend, status, body) in [
            ("no JSON", 200, "ok"),
            ("no items", 200, "{}"),
            ("an unknown status", 200, r#"{"items":[{"status":"perhaps"}]}"#),
            ("no proof", 200, r#"{"items":[{"status":"logged","index":0,"id":"","leaf_hash":"","log":{}}]}"#),
            ("a refusal in no words", 404, "not found"),
        ] {
            let answer = Answer { status: reqwest::StatusCode::from_u16(status).unwrap(), body: body.into() };
            assert!(matches!(items_of(&answer), Err(SubmitError::Answer(_))), "{bend}");
        }
    }

    #[test]
    fn batches_are_bounded_in_records_and_bytes() {
        let (records, ..) = honest(3);
        let many: Vec<_> = records.iter().cycle().take(1_000).cloned().collect();
        assert_eq!(batch_len(&many), BATCH_RECORDS_MAX);
        assert_eq!(batch_len(&many[..5]), 5);
        assert_eq!(batch_len(&[]), 0);
        let filler = "x".repeat(60_000);
        let big = format!(
            r#"{{"filler":"{filler}","id":"0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10","time":"2026-11-23T08:14:03.118Z","type":"t"}}"#
        );
        let big = vec![Handed::parse(&big.into()).unwrap(); 100];
        assert_eq!(batch_len(&big), BATCH_BYTES / big[0].canonical().len() + 1);
        assert_eq!(String::from_utf8(body_of(&records).to_vec()).unwrap().lines().count(), 3);
    }
}
