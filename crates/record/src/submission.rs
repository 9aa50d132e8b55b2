//! One submitted record, checked and canonical.

use std::borrow::Cow;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::fields;
use crate::id::{RecordId, RecordKey};
use crate::json::{self, string};
use crate::limits::{RECORD_BYTES_MAX, TEXT_BYTES_MAX};
use crate::refusal::{Cause, Refusal, within_limit};
use crate::scan::{self, Facts};

/// A record as somebody submitted it, checked, in canonical form. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    canonical: Bytes,
    facts: Facts,
    key: RecordKey,
    digest: [u8; 32],
}

impl Submission {
    /// Checks one JSON text and brings it into canonical form; what is canonical already is walked once and copied.
    ///
    /// # Errors
    /// Whatever the crate's documentation excludes: text that is not I-JSON, missing or malformed `id`, `type`, `time` or
    /// `producer.id`, and a record or text over the [limits](crate::limits).
    pub fn parse(json: &[u8]) -> Result<Self, Refusal> {
        match fast(json) {
            Some(facts) => Ok(Self::new(Bytes::copy_from_slice(json), facts)),
            None => Self::rebuild(json),
        }
    }

    /// Like [`parse`](Self::parse), but shares the bytes instead of copying them where they are canonical already: right
    /// for the records of one request body, which stays in memory as long as any of its submissions.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_shared(json: &Bytes) -> Result<Self, Refusal> {
        match fast(json) {
            Some(facts) => Ok(Self::new(json.clone(), facts)),
            None => Self::rebuild(json),
        }
    }

    fn rebuild(json: &[u8]) -> Result<Self, Refusal> {
        let canonical = slow(json)?;
        // What the printer makes, the scanner accepts; were they ever to disagree, refusing is the safe side.
        let facts = scan::record(&canonical).ok_or_else(|| Refusal::new(Cause::NotCanonical, "", 0))?;
        Ok(Self::new(Bytes::from(canonical), facts))
    }

    pub(crate) fn new(canonical: Bytes, facts: Facts) -> Self {
        let key = RecordKey::new(facts.id, &producer_of(&facts, &canonical));
        let digest = Sha256::digest(&canonical).into();
        Self { canonical, facts, key, digest }
    }

    /// The record in canonical form.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// The same, shared.
    pub fn shared(&self) -> Bytes {
        self.canonical.clone()
    }

    /// `id`.
    pub fn id(&self) -> RecordId {
        self.facts.id
    }

    /// `type`.
    pub fn record_type(&self) -> Cow<'_, str> {
        string::unescape(self.facts.record_type.of(&self.canonical))
    }

    /// `time`: when it happened, by the producer's word; RFC 3339, UTC, milliseconds.
    pub fn time(&self) -> Cow<'_, str> {
        string::unescape(self.facts.time.of(&self.canonical))
    }

    /// `producer.id`; empty where no producer is named.
    pub fn producer(&self) -> Cow<'_, str> {
        producer_of(&self.facts, &self.canonical)
    }

    /// What makes this record one record: producer and id.
    pub fn key(&self) -> RecordKey {
        self.key
    }

    /// SHA-256 of the canonical form: what a retry is compared by.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

/// The facts of a text that is a canonical record.
pub(crate) fn fast(json: &[u8]) -> Option<Facts> {
    if json.len() > RECORD_BYTES_MAX { None } else { scan::record(json) }
}

/// The canonical form of a text that is a record.
pub(crate) fn slow(json: &[u8]) -> Result<Vec<u8>, Refusal> {
    within_limit("submitted text", json.len(), TEXT_BYTES_MAX)?;
    let record = json::parse(json)?;
    fields::check(&record)?;
    let mut canonical = Vec::with_capacity(json.len());
    json::print(&record, &mut canonical);
    within_limit("record in canonical form", canonical.len(), RECORD_BYTES_MAX)?;
    Ok(canonical)
}

pub(crate) fn producer_of<'a>(facts: &Facts, canonical: &'a [u8]) -> Cow<'a, str> {
    facts.producer.map_or(Cow::Borrowed(""), |span| string::unescape(span.of(canonical)))
}
