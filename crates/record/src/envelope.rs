//! The envelope: record and `log` part together are the entry.

use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::{BufMut, Bytes, BytesMut};

use crate::json::string;
use crate::limits::{ENTRY_BYTES_MAX, SUBMITTER_BYTES_MAX};
use crate::opened::open;
use crate::refusal::{Cause, Refusal, within_limit};
use crate::submission::Submission;
use crate::time::{TIME_BYTES, is_time};

/// Whether an identity in the record was checked by the server, by token or key, or merely said by the submitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grade {
    /// The server checked it.
    Verified,
    /// The submitter said so.
    Asserted,
}

impl Grade {
    /// As it stands in an entry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Asserted => "asserted",
        }
    }
}

/// Bytes of either grade.
pub(crate) const GRADE_BYTES: usize = 8;
/// Bytes of the salt, 128 bits, in base64url without padding.
pub(crate) const SALT_BYTES: usize = 22;

/// What stands between the values of an entry, in order: agent, principal, received, salt, submitter, record, end.
pub(crate) const BEFORE_LOG: &str = "{\"log\":";
pub(crate) const BEFORE_AGENT: &str = "{\"agent\":\"";
pub(crate) const BEFORE_PRINCIPAL: &str = "\",\"principal\":\"";
pub(crate) const BEFORE_RECEIVED: &str = "\",\"received\":\"";
pub(crate) const BEFORE_SALT: &str = "\",\"salt\":\"";
pub(crate) const BEFORE_SUBMITTER: &str = "\",\"submitter\":";
pub(crate) const AFTER_SUBMITTER: &str = "}";
pub(crate) const BEFORE_RECORD: &str = ",\"record\":";
pub(crate) const AFTER_RECORD: &str = "}";

/// Bytes of an entry beside the record and the characters of the submitter's name.
pub(crate) const ENVELOPE_BYTES: usize = BEFORE_LOG.len()
    + BEFORE_AGENT.len()
    + GRADE_BYTES
    + BEFORE_PRINCIPAL.len()
    + GRADE_BYTES
    + BEFORE_RECEIVED.len()
    + TIME_BYTES
    + BEFORE_SALT.len()
    + SALT_BYTES
    + BEFORE_SUBMITTER.len()
    + 2
    + AFTER_SUBMITTER.len()
    + BEFORE_RECORD.len()
    + AFTER_RECORD.len();

/// What the server itself can vouch for about a record: the `log` part of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vouched<'a> {
    /// When the record arrived: RFC 3339, UTC, milliseconds.
    pub received: &'a str,
    /// Which credential submitted it; `open` where none is needed. 1 to [`SUBMITTER_BYTES_MAX`] bytes.
    pub submitter: &'a str,
    /// Whether the principal named in the record was verified.
    pub principal: Grade,
    /// Whether the agent named in the record was verified.
    pub agent: Grade,
    /// 128 random bits, so that nobody confirms a guess about the record from the leaf hash alone.
    pub salt: [u8; 16],
}

impl Vouched<'_> {
    fn check(&self) -> Result<(), Refusal> {
        if !is_time(self.received.as_bytes()) {
            return Err(Refusal::new(Cause::BadTime, "/log/received", 0));
        }
        if !is_submitter(self.submitter) {
            return Err(Refusal::new(Cause::BadSubmitter, "/log/submitter", 0));
        }
        Ok(())
    }

    /// Appends the canonical `log` part.
    fn print(&self, out: &mut BytesMut) {
        let mut salt = [0; SALT_BYTES];
        // 16 bytes are 22 characters, always.
        let written = BASE64_URL_SAFE_NO_PAD.encode_slice(self.salt, &mut salt);
        debug_assert_eq!(written, Ok(SALT_BYTES));
        for part in [
            BEFORE_AGENT,
            self.agent.as_str(),
            BEFORE_PRINCIPAL,
            self.principal.as_str(),
            BEFORE_RECEIVED,
            self.received,
            BEFORE_SALT,
        ] {
            out.put_slice(part.as_bytes());
        }
        out.put_slice(&salt);
        out.put_slice(BEFORE_SUBMITTER.as_bytes());
        string::print(self.submitter, out);
        out.put_slice(AFTER_SUBMITTER.as_bytes());
    }
}

/// Whether an entry can carry this submitter's name.
pub fn is_submitter(name: &str) -> bool {
    (1..=SUBMITTER_BYTES_MAX).contains(&name.len())
        && !name.chars().any(|c| c.is_control() || string::is_noncharacter(c))
}

/// Where the parts of an entry lie, counted from its first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryShape {
    /// Bytes of the whole entry.
    pub len: usize,
    /// The canonical `log` part.
    pub log: Range<usize>,
    /// The canonical record.
    pub record: Range<usize>,
}

/// The bytes the tree hashes for one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    bytes: Bytes,
    shape: EntryShape,
}

impl Entry {
    /// The whole entry.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The whole entry, taken.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Its `log` part, canonical JSON: what the submitter's answer carries.
    pub fn log_part(&self) -> &[u8] {
        &self.bytes[self.shape.log.clone()]
    }

    /// Its record, canonical JSON.
    pub fn record(&self) -> &[u8] {
        &self.bytes[self.shape.record.clone()]
    }
}

/// Puts a record and what the server vouches for into the envelope.
///
/// # Errors
/// [`Cause::TooLarge`] for an entry over [`ENTRY_BYTES_MAX`]; [`Cause::BadTime`] or [`Cause::BadSubmitter`] for a `vouched`
/// that no entry can carry, which is the server's fault and not the submitter's.
pub fn seal(submission: &Submission, vouched: &Vouched<'_>) -> Result<Entry, Refusal> {
    let room = ENVELOPE_BYTES + vouched.submitter.len() + submission.canonical().len();
    let mut bytes = BytesMut::with_capacity(room);
    let shape = seal_into(submission, vouched, &mut bytes)?;
    Ok(Entry { bytes: bytes.freeze(), shape })
}

/// Like [`seal`], but appends the entry to `out`, and says where its parts lie from where `out` ended before.
///
/// # Errors
/// As [`seal`]; `out` is left as it was.
pub fn seal_into(
    submission: &Submission,
    vouched: &Vouched<'_>,
    out: &mut BytesMut,
) -> Result<EntryShape, Refusal> {
    vouched.check()?;
    let start = out.len();
    out.put_slice(BEFORE_LOG.as_bytes());
    let log = BEFORE_LOG.len();
    vouched.print(out);
    let log = log..out.len() - start;
    let record = log.end + BEFORE_RECORD.len();
    let record = record..record + submission.canonical().len();
    let len = record.end + AFTER_RECORD.len();
    if let Err(refusal) = within_limit("entry", len, ENTRY_BYTES_MAX) {
        out.truncate(start);
        return Err(refusal);
    }
    out.put_slice(BEFORE_RECORD.as_bytes());
    out.put_slice(submission.canonical());
    out.put_slice(AFTER_RECORD.as_bytes());
    Ok(EntryShape { len, log, record })
}

/// Rebuilds an entry from a record and the `log` part of the log's answer, both canonical: what a submitter does offline
/// before it checks its receipt. [`Submission::canonical`] and [`canonical`](crate::canonical) make such bytes.
///
/// # Errors
/// As [`open`], on the entry so made.
pub fn entry_of(record_canonical: &[u8], log_part_canonical: &[u8]) -> Result<Entry, Refusal> {
    let log = BEFORE_LOG.len()..BEFORE_LOG.len() + log_part_canonical.len();
    let record = log.end + BEFORE_RECORD.len();
    let record = record..record + record_canonical.len();
    let len = record.end + AFTER_RECORD.len();
    within_limit("entry", len, ENTRY_BYTES_MAX)?;
    let mut bytes = BytesMut::with_capacity(len);
    for part in [
        BEFORE_LOG.as_bytes(),
        log_part_canonical,
        BEFORE_RECORD.as_bytes(),
        record_canonical,
        AFTER_RECORD.as_bytes(),
    ] {
        bytes.put_slice(part);
    }
    let opened = open(&bytes)?;
    // Both parts must be what they were handed in as, not one the beginning of the other.
    if opened.record() != record_canonical {
        return Err(Refusal::new(Cause::BadEnvelope { expected: "one record" }, "/record", record.start));
    }
    Ok(Entry { bytes: bytes.freeze(), shape: EntryShape { len, log, record } })
}
