//! What somebody hands in: a record, alone or with signatures and disclosures beside it.
//!
//! ```text
//! {"id":...,"type":...,...}                                              a record
//! {"record":{...},"sig":[...],"disclosures":["...",...]}                 the same, signed; either list may be left out
//! ```
//!
//! A record that is handed in without a signature may carry its content: [`Handed::ready`] puts the digests of disclosures
//! in its place. A signed one is never changed, so it names its content by digest, and brings the disclosures along.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::envelope::{Entry, entry_of};
use crate::fields;
use crate::id::{RecordId, RecordKey};
use crate::json::{self, Member, Value, string};
use crate::limits::{HANDED_BYTES_MAX, RECORD_BYTES_MAX, TEXT_BYTES_MAX};
use crate::model::Record;
use crate::opened::places_disclosed;
use crate::place::{Place, Places};
use crate::ready::{Ready, given, made};
use crate::refusal::{Cause, Refusal, within_limit};
use crate::salts::Salts;
use crate::scan;
use crate::signature::Signatures;
use crate::submission::{Submission, fast};

/// A record as it was handed in, checked as far as that goes without understanding it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    pub(crate) text: Text,
    pub(crate) signatures: Option<Signatures>,
    pub(crate) disclosures: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    /// A record that fits into an entry as it is.
    Record(Submission),
    /// The canonical JSON of a record that does so only when its content stands beside the log.
    WithContent { key: RecordKey, id: RecordId, canonical: Bytes },
}

impl Handed {
    /// Reads one JSON text.
    ///
    /// # Errors
    /// As [`Submission::parse`]; with signatures or disclosures beside the record also what [`Signatures::parse`] refuses,
    /// unknown members, and disclosures that are no array of strings.
    pub fn parse(json: &Bytes) -> Result<Self, Refusal> {
        match fast(json) {
            Some(facts) => Ok(Self::bare(Text::Record(Submission::new(json.clone(), facts)))),
            None => Self::signed_canonically(json).map_or_else(|| Self::slowly(json), Ok),
        }
    }

    fn bare(text: Text) -> Self {
        Self { text, signatures: None, disclosures: Vec::new() }
    }

    /// `{"record":...,"sig":...}` around a canonical record: what a program that signs sends.
    fn signed_canonically(json: &Bytes) -> Option<Self> {
        let from = "{\"record\":".len();
        let rest = json.strip_prefix(b"{\"record\":".as_slice())?;
        if rest.len() > RECORD_BYTES_MAX + TEXT_BYTES_MAX {
            return None;
        }
        let (facts, end) = scan::record_within(rest)?;
        let sig = rest[end..].strip_prefix(b",\"sig\":".as_slice())?.strip_suffix(b"}")?;
        let signatures = Signatures::parse(sig).ok()?;
        let record = json.slice(from..from + end);
        let text = Text::Record(Submission::new(record, facts));
        (end <= RECORD_BYTES_MAX).then_some(Self {
            text,
            signatures: Some(signatures),
            disclosures: Vec::new(),
        })
    }

    fn slowly(json: &Bytes) -> Result<Self, Refusal> {
        bounded(json)?;
        match json::parse(json)? {
            Value::Object(members) if is_wrapper(&members) => Self::wrapped(json, &members),
            record => text_of(json, &record).map(Self::bare),
        }
    }

    fn wrapped(json: &Bytes, members: &[Member<'_>]) -> Result<Self, Refusal> {
        let (mut record, mut signatures, mut disclosures) = (None, None, Vec::new());
        for Member { name, name_at, value, value_at } in members {
            match &**name {
                "record" => {
                    let text = text_of(json, value).map_err(|refusal| refusal.within("/record", 0))?;
                    record = Some(text);
                }
                "sig" => {
                    let mut list = Vec::new();
                    json::print(value, &mut list);
                    let read =
                        Signatures::parse(&list).map_err(|refusal| refusal.within("/sig", *value_at))?;
                    signatures = Some(read);
                }
                "disclosures" => disclosures = strings(value, *value_at)?,
                _ => {
                    let why = "beside `record` there may be `sig` and `disclosures`".to_owned();
                    return Err(Refusal::new(Cause::BadField { why }, "", *name_at));
                }
            }
        }
        let missing = || Refusal::new(Cause::MissingField { field: "record" }, "/record", 0);
        Ok(Self { text: record.ok_or_else(missing)?, signatures, disclosures })
    }

    /// The signatures that came with the record.
    pub fn signatures(&self) -> Option<&Signatures> {
        self.signatures.as_ref()
    }

    /// The record's id.
    pub fn id(&self) -> RecordId {
        match &self.text {
            Text::Record(submission) => submission.id(),
            Text::WithContent { id, .. } => *id,
        }
    }

    /// What makes the record one record: producer and id.
    pub fn key(&self) -> RecordKey {
        match &self.text {
            Text::Record(submission) => submission.key(),
            Text::WithContent { key, .. } => *key,
        }
    }

    /// SHA-256 of the record's canonical form as it was handed in: what a retry is compared by.
    pub fn digest(&self) -> [u8; 32] {
        match &self.text {
            Text::Record(submission) => submission.digest(),
            Text::WithContent { canonical, .. } => Sha256::digest(canonical).into(),
        }
    }

    /// The canonical form of the record alone.
    pub fn record(&self) -> Bytes {
        match &self.text {
            Text::Record(submission) => submission.shared(),
            Text::WithContent { canonical, .. } => canonical.clone(),
        }
    }

    /// The disclosures that came with it; nobody has looked at them yet.
    pub fn disclosures(&self) -> &[String] {
        &self.disclosures
    }

    /// The canonical form of all that was handed in, which is one line.
    pub fn canonical(&self) -> Bytes {
        let record = self.record();
        if self.signatures.is_none() && self.disclosures.is_empty() {
            return record;
        }
        let mut out = b"{".to_vec();
        if !self.disclosures.is_empty() {
            let list = self.disclosures.iter().map(|text| Value::String(text.as_str().into())).collect();
            out.extend_from_slice(b"\"disclosures\":");
            json::print(&Value::Array(list), &mut out);
            out.push(b',');
        }
        out.extend_from_slice(b"\"record\":");
        out.extend_from_slice(&record);
        if let Some(signatures) = &self.signatures {
            out.extend_from_slice(b",\"sig\":");
            out.extend_from_slice(signatures.canonical().as_bytes());
        }
        out.push(b'}');
        out.into()
    }

    /// Rebuilds the entry that the log made of this, from its `log` part and the salts of its answer: what a submitter
    /// does offline before it checks its receipt.
    ///
    /// # Errors
    /// A `log` part that no entry can have, or that goes with another record; a salt that is missing.
    pub fn entry(&self, log_part_canonical: &[u8], salts: &Salts) -> Result<Entry, Refusal> {
        let sig = self.signatures.as_ref().map(Signatures::canonical).unwrap_or_default();
        let disclosed = places_disclosed(log_part_canonical)?;
        if let (true, Text::Record(submission)) = (disclosed.is_empty(), &self.text) {
            return entry_of(submission.canonical(), sig.as_bytes(), log_part_canonical);
        }
        let fields = disclosed.iter().filter(|place| place.is_field()).collect();
        let (ready, ()) = self.clone().ready(fields, salts, |_| Ok::<_, Refusal>(()))?;
        entry_of(ready.submission().canonical(), sig.as_bytes(), log_part_canonical)
    }

    /// Makes the record ready for the envelope: understood, without secrets in its fields, its content beside it.
    ///
    /// `sensitive` names fields that are to stand beside the log too; content always does. `salts` are used for
    /// this record alone: whoever knows them and what was handed in makes the same again. `look` is shown the record as it goes
    /// into the envelope, and may refuse it.
    ///
    /// # Errors
    /// As [`admit`](crate::admit()); content over its limit or not as it says; content in a signed record; disclosures that
    /// no place of the record names; and what `look` refuses.
    pub fn ready<T, E: From<Refusal>>(
        self,
        sensitive: Places,
        salts: &Salts,
        look: impl FnOnce(&Record<'_>) -> Result<T, E>,
    ) -> Result<(Ready, T), E> {
        if self.signatures.is_some() || !self.disclosures.is_empty() {
            return given(self, look);
        }
        made(self.text, sensitive, salts, look)
    }
}

/// A record names what happened; what is around one does not.
fn is_wrapper(members: &[Member<'_>]) -> bool {
    let has = |name: &str| members.iter().any(|member| member.name == name);
    has("record") && !has("type") && !has("id")
}

/// A text that may hold content: long strings may stand in it, and not much else. What is built of it in memory is bounded
/// by that.
fn bounded(json: &[u8]) -> Result<(), Refusal> {
    within_limit("submitted text", json.len(), HANDED_BYTES_MAX)?;
    if json.len() <= TEXT_BYTES_MAX {
        return Ok(());
    }
    let (mut at, mut outside) = (0, 0);
    while at < json.len() {
        let opening = memchr::memchr(b'"', &json[at..]).map_or(json.len(), |quote| at + quote);
        outside += opening - at;
        within_limit("submitted text outside of its strings", outside, TEXT_BYTES_MAX)?;
        at = string::after(json, (opening + 1).min(json.len()));
    }
    Ok(())
}

/// The record in `json` as text: canonical where it fits into an entry, else as it came.
fn text_of(json: &Bytes, record: &Value<'_>) -> Result<Text, Refusal> {
    let (id, producer) = fields::check(record)?;
    let mut canonical = Vec::new();
    json::print(record, &mut canonical);
    if canonical.len() > RECORD_BYTES_MAX {
        let key = RecordKey::new(id, producer.unwrap_or_default());
        return Ok(Text::WithContent { key, id, canonical: canonical.into() });
    }
    // What the printer makes, the scanner accepts; were they ever to disagree, refusing is the safe side.
    let facts = scan::record(&canonical).ok_or_else(|| Refusal::new(Cause::NotCanonical, "", json.len()))?;
    Ok(Text::Record(Submission::new(canonical.into(), facts)))
}

fn strings(value: &Value<'_>, at: usize) -> Result<Vec<String>, Refusal> {
    let wrong = |expected, value: &Value<'_>| {
        let cause = Cause::WrongType { expected, found: value.kind() };
        Refusal::new(cause, "/disclosures", at)
    };
    let Value::Array(elements) = value else { return Err(wrong("an array of disclosures", value)) };
    if elements.len() > Place::ALL.len() {
        return Err(Refusal::new(Cause::TooMany { limit: Place::ALL.len() }, "/disclosures", at));
    }
    let text = |element: &Value<'_>| match element {
        Value::String(text) => Ok(text.to_string()),
        other => Err(wrong("a disclosure, which is a string,", other)),
    };
    elements.iter().map(text).collect()
}
