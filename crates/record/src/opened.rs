//! Taking an entry apart, strictly: only the exact bytes that sealing makes are an entry.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::envelope::{
    AFTER_PLACES, AFTER_RECORD, AFTER_SUBMITTER, BEFORE_AGENT, BEFORE_DISCLOSED, BEFORE_LOG,
    BEFORE_PRINCIPAL, BEFORE_RECEIVED, BEFORE_RECORD, BEFORE_SALT, BEFORE_SECRET, BEFORE_SIG,
    BEFORE_SUBMITTER, BETWEEN_PLACES, Grade, SALT_BYTES, Vouched, is_submitter,
};
use crate::id::{RecordId, RecordKey};
use crate::json::string;
use crate::limits::ENTRY_BYTES_MAX;
use crate::place::{Place, Places};
use crate::refusal::{Cause, Refusal, within_limit};
use crate::scan::{self, Facts};
use crate::signature::Signatures;
use crate::submission::{producer_of, slow};
use crate::time::{TIME_BYTES, is_time};

/// An entry taken apart; borrows from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened<'a> {
    log_part: &'a [u8],
    record: &'a [u8],
    sig: &'a [u8],
    signatures: Option<Signatures>,
    facts: Facts,
    agent: Grade,
    disclosed: Places,
    principal: Grade,
    secret: Places,
    received: &'a str,
    salt: [u8; 16],
    submitter: Cow<'a, str>,
}

/// Takes an entry apart.
///
/// # Errors
/// Anything but the exact canonical envelope around a canonical record is refused, with the part that is not.
pub fn open(entry: &[u8]) -> Result<Opened<'_>, Refusal> {
    within_limit("entry", entry.len(), ENTRY_BYTES_MAX)?;
    let mut reader = Reader { entry, at: 0 };
    reader.expect(BEFORE_LOG, "", "`{\"log\":`")?;
    let log_from = reader.at;
    reader.expect(BEFORE_AGENT, "/log", "`{\"agent\":\"`")?;
    let agent = reader.grade("/log/agent")?;
    let disclosed = reader.places(BEFORE_DISCLOSED, "/log/disclosed")?;
    reader.expect_after(disclosed, BEFORE_PRINCIPAL, "`\"principal\"` and nothing else")?;
    let principal = reader.grade("/log/principal")?;
    reader.expect(BEFORE_RECEIVED, "/log", "`\"received\"` and nothing else")?;
    let received = reader.received()?;
    reader.expect(BEFORE_SALT, "/log", "`\"salt\"` and nothing else")?;
    let salt = reader.salt()?;
    let secret = reader.places(BEFORE_SECRET, "/log/secret")?;
    reader.expect_after(secret, BEFORE_SUBMITTER, "`\"submitter\"` and nothing else")?;
    let submitter = reader.submitter()?;
    reader.expect(AFTER_SUBMITTER, "/log", "the end of the `log` part")?;
    let log_part = &entry[log_from..reader.at];
    reader.expect(BEFORE_RECORD, "", "`,\"record\":`")?;
    let (record, facts) = reader.record()?;
    let (sig, signatures) = reader.signatures()?;
    Ok(Opened {
        log_part,
        record,
        sig,
        signatures,
        facts,
        agent,
        disclosed,
        principal,
        secret,
        received,
        salt,
        submitter,
    })
}

/// The places that a `log` part, canonical JSON, says the log put digests in.
pub(crate) fn places_disclosed(log_part: &[u8]) -> Result<Places, Refusal> {
    let mut reader = Reader { entry: log_part, at: 0 };
    reader.expect(BEFORE_AGENT, "/log", "`{\"agent\":\"`")?;
    reader.grade("/log/agent")?;
    reader.places(BEFORE_DISCLOSED, "/log/disclosed")
}

impl<'a> Opened<'a> {
    /// The record, canonical JSON.
    pub fn record(&self) -> &'a [u8] {
        self.record
    }

    /// The `log` part, canonical JSON.
    pub fn log_part(&self) -> &'a [u8] {
        self.log_part
    }

    /// The list of signatures, canonical JSON; empty where there is none.
    pub fn sig(&self) -> &'a [u8] {
        self.sig
    }

    /// The signatures, where the record is signed. Nobody has checked them yet.
    pub fn signatures(&self) -> Option<&Signatures> {
        self.signatures.as_ref()
    }

    /// Where the log put digests in the place of what was submitted.
    pub fn disclosed(&self) -> Places {
        self.disclosed
    }

    /// Where the content beside the log holds what looks like a secret.
    pub fn secret(&self) -> Places {
        self.secret
    }

    /// What the server vouched for: the `log` part, taken apart.
    pub fn vouched(&self) -> Vouched<'_> {
        Vouched {
            received: self.received,
            submitter: &self.submitter,
            principal: self.principal,
            agent: self.agent,
            disclosed: self.disclosed,
            secret: self.secret,
            salt: self.salt,
        }
    }

    /// The record's `id`.
    pub fn id(&self) -> RecordId {
        self.facts.id
    }

    /// The record's `type`.
    pub fn record_type(&self) -> Cow<'a, str> {
        string::unescape(self.facts.record_type.of(self.record))
    }

    /// The record's `time`, by the producer's word.
    pub fn time(&self) -> Cow<'a, str> {
        string::unescape(self.facts.time.of(self.record))
    }

    /// The record's `producer.id`; empty where no producer is named.
    pub fn producer(&self) -> Cow<'a, str> {
        producer_of(&self.facts, self.record)
    }

    /// What makes the record one record; costs one SHA-256 over the producer's name.
    pub fn key(&self) -> RecordKey {
        RecordKey::new(self.facts.id, &self.producer())
    }

    /// SHA-256 of the canonical form of what was submitted, which retries are compared by; computed at each call. Not
    /// told where the log put digests in the place of content: the entry does not hold what was submitted then.
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.disclosed.is_empty().then(|| Sha256::digest(self.record).into())
    }

    /// When the log received the record: RFC 3339, UTC, milliseconds.
    pub fn received(&self) -> &'a str {
        self.received
    }

    /// Which credential submitted the record.
    pub fn submitter(&self) -> &str {
        &self.submitter
    }

    /// Whether the principal was verified.
    pub fn principal(&self) -> Grade {
        self.principal
    }

    /// Whether the agent was verified.
    pub fn agent(&self) -> Grade {
        self.agent
    }

    /// The 128 bits that make the leaf hash unguessable.
    pub fn salt(&self) -> [u8; 16] {
        self.salt
    }
}

/// Reads an entry from front to back.
struct Reader<'a> {
    entry: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn expect(&mut self, bytes: &str, path: &str, expected: &'static str) -> Result<(), Refusal> {
        if !self.entry[self.at..].starts_with(bytes.as_bytes()) {
            return Err(self.refuse(Cause::BadEnvelope { expected }, path));
        }
        self.at += bytes.len();
        Ok(())
    }

    /// Like [`expect`](Self::expect), where the quote in front was read with the places before, if there were any.
    fn expect_after(&mut self, places: Places, bytes: &str, expected: &'static str) -> Result<(), Refusal> {
        self.expect(&bytes[usize::from(!places.is_empty())..], "/log", expected)
    }

    /// A list of places, each once and in order; none where the list is not there.
    fn places(&mut self, before: &str, path: &str) -> Result<Places, Refusal> {
        let mut places = Places::NONE;
        if !self.eat(before) {
            return Ok(places);
        }
        let mut left = Place::ALL.iter();
        loop {
            // No pointer is the beginning of another, so the first that fits is the one.
            let Some(place) = left.find(|place| self.eat(place.pointer())) else {
                let expected = "places of the record that may stand beside the log, each once and in order";
                return Err(self.refuse(Cause::BadEnvelope { expected }, path));
            };
            places = places.with(*place);
            if self.eat(AFTER_PLACES) {
                return Ok(places);
            }
            self.expect(BETWEEN_PLACES, path, "the next place, or the end of the list")?;
        }
    }

    fn eat(&mut self, bytes: &str) -> bool {
        let there = self.entry[self.at..].starts_with(bytes.as_bytes());
        self.at += if there { bytes.len() } else { 0 };
        there
    }

    fn grade(&mut self, path: &str) -> Result<Grade, Refusal> {
        for grade in [Grade::Verified, Grade::Asserted] {
            if self.entry[self.at..].starts_with(grade.as_str().as_bytes()) {
                self.at += grade.as_str().len();
                return Ok(grade);
            }
        }
        Err(self.refuse(Cause::BadEnvelope { expected: "`verified` or `asserted`" }, path))
    }

    fn received(&mut self) -> Result<&'a str, Refusal> {
        let time = self.entry.get(self.at..self.at + TIME_BYTES).filter(|time| is_time(time));
        let Some(Ok(time)) = time.map(str::from_utf8) else {
            return Err(self.refuse(Cause::BadTime, "/log/received"));
        };
        self.at += TIME_BYTES;
        Ok(time)
    }

    fn salt(&mut self) -> Result<[u8; 16], Refusal> {
        let mut salt = [0; 16];
        let text = self.entry.get(self.at..self.at + SALT_BYTES).unwrap_or_default();
        if BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut salt) != Ok(salt.len()) {
            let expected = "16 bytes in base64url without padding";
            return Err(self.refuse(Cause::BadEnvelope { expected }, "/log/salt"));
        }
        self.at += SALT_BYTES;
        Ok(salt)
    }

    fn submitter(&mut self) -> Result<Cow<'a, str>, Refusal> {
        let bad = |reader: &Self| reader.refuse(Cause::BadSubmitter, "/log/submitter");
        let (span, end) = scan::text(self.entry, self.at).ok_or_else(|| bad(self))?;
        let inside = span.of(self.entry);
        if simdutf8::basic::from_utf8(inside).is_err() {
            return Err(self.refuse(Cause::InvalidUtf8, "/log/submitter"));
        }
        let name = string::unescape(inside);
        if !is_submitter(&name) {
            return Err(bad(self));
        }
        self.at = end;
        Ok(name)
    }

    fn record(&mut self) -> Result<(&'a [u8], Facts), Refusal> {
        let rest = &self.entry[self.at..];
        if let Some((facts, end)) = scan::record_within(rest) {
            self.at += end;
            return Ok((&rest[..end], facts));
        }
        // Why not is told of what should be the record: all up to the signatures, or to the end.
        let end = memchr::memmem::rfind(rest, BEFORE_SIG.as_bytes());
        let rest = end.map(|end| &rest[..end]).or_else(|| rest.strip_suffix(AFTER_RECORD.as_bytes()));
        let record =
            rest.ok_or_else(|| self.refuse(Cause::BadEnvelope { expected: "`}` at the end" }, ""))?;
        Err(why_not(record).within("/record", self.at))
    }

    /// The list of signatures, if there is one, and the end of the entry.
    fn signatures(&mut self) -> Result<(&'a [u8], Option<Signatures>), Refusal> {
        if &self.entry[self.at..] == AFTER_RECORD.as_bytes() {
            return Ok((&[], None));
        }
        self.expect(BEFORE_SIG, "", "`,\"sig\":` or the end")?;
        let sig = self.entry[self.at..]
            .strip_suffix(AFTER_RECORD.as_bytes())
            .ok_or_else(|| self.refuse(Cause::BadEnvelope { expected: "`}` at the end" }, ""))?;
        let signatures = Signatures::parse(sig).map_err(|refusal| refusal.within("/sig", self.at))?;
        if signatures.canonical().as_bytes() != sig {
            return Err(self.refuse(Cause::NotCanonical, "/sig"));
        }
        self.at = self.entry.len();
        Ok((sig, Some(signatures)))
    }

    fn refuse(&self, cause: Cause, path: &str) -> Refusal {
        Refusal::new(cause, path, self.at)
    }
}

/// Why the scanner gave up on bytes that should have been a canonical record.
fn why_not(record: &[u8]) -> Refusal {
    match slow(record) {
        Err(refusal) => refusal,
        Ok(canonical) => {
            let same = canonical.iter().zip(record).take_while(|(a, b)| a == b).count();
            Refusal::new(Cause::NotCanonical, "", same)
        }
    }
}
