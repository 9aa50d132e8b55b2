//! The envelope: record and `log` part together are the entry.

use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::{BufMut, Bytes, BytesMut};

use crate::json::string;
use crate::limits::{ENTRY_BYTES_MAX, SUBMITTER_BYTES_MAX};
use crate::opened::open;
use crate::place::Places;
use crate::refusal::{Cause, Refusal, within_limit};
use crate::signature::Signatures;
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

/// What stands between the values of an entry, in order: agent, places disclosed (where there are any), principal,
/// received, salt, places that hold a secret (where there are any), submitter, record, signatures (where there are any), end.
pub(crate) const BEFORE_LOG: &str = "{\"log\":";
pub(crate) const BEFORE_AGENT: &str = "{\"agent\":\"";
pub(crate) const BEFORE_DISCLOSED: &str = "\",\"disclosed\":[\"";
/// Where places stand before it, the bracket closes the string too.
pub(crate) const BEFORE_PRINCIPAL: &str = "\",\"principal\":\"";
pub(crate) const BEFORE_RECEIVED: &str = "\",\"received\":\"";
pub(crate) const BEFORE_SALT: &str = "\",\"salt\":\"";
pub(crate) const BEFORE_SECRET: &str = "\",\"secret\":[\"";
pub(crate) const BEFORE_SUBMITTER: &str = "\",\"submitter\":";
pub(crate) const AFTER_SUBMITTER: &str = "}";
pub(crate) const BEFORE_RECORD: &str = ",\"record\":";
pub(crate) const BEFORE_SIG: &str = ",\"sig\":";
pub(crate) const AFTER_RECORD: &str = "}";

/// Between two places, and after the last.
pub(crate) const BETWEEN_PLACES: &str = "\",\"";
pub(crate) const AFTER_PLACES: &str = "\"]";

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
    /// Where the log put digests in the place of what was submitted.
    pub disclosed: Places,
    /// Where the content, which stands beside the log, holds what looks like a secret.
    pub secret: Places,
    /// 128 random bits, so that nobody confirms a guess about the record from the leaf hash alone.
    pub salt: [u8; 16],
}

impl<'a> Vouched<'a> {
    /// A record of which nobody was verified, and nothing is disclosed.
    pub const fn asserted(received: &'a str, submitter: &'a str, salt: [u8; 16]) -> Self {
        let (principal, agent) = (Grade::Asserted, Grade::Asserted);
        Self { received, submitter, principal, agent, disclosed: Places::NONE, secret: Places::NONE, salt }
    }

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
        out.put_slice(BEFORE_AGENT.as_bytes());
        out.put_slice(self.agent.as_str().as_bytes());
        let closing = print_places(BEFORE_DISCLOSED, self.disclosed, out);
        for part in [
            &BEFORE_PRINCIPAL[closing..],
            self.principal.as_str(),
            BEFORE_RECEIVED,
            self.received,
            BEFORE_SALT,
        ] {
            out.put_slice(part.as_bytes());
        }
        out.put_slice(&salt);
        let closing = print_places(BEFORE_SECRET, self.secret, out);
        out.put_slice(&BEFORE_SUBMITTER.as_bytes()[closing..]);
        string::print(self.submitter, out);
        out.put_slice(AFTER_SUBMITTER.as_bytes());
    }
}

/// Appends a list of places, where there are any; how many bytes of what follows it has written then: the quote that
/// closes the string before.
fn print_places(before: &str, places: Places, out: &mut BytesMut) -> usize {
    if places.is_empty() {
        return 0;
    }
    for (n, place) in places.iter().enumerate() {
        out.put_slice(if n == 0 { before } else { BETWEEN_PLACES }.as_bytes());
        out.put_slice(place.pointer().as_bytes());
    }
    out.put_slice(AFTER_PLACES.as_bytes());
    1
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
    /// The canonical list of signatures; empty where there is none.
    pub sig: Range<usize>,
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

    /// Its list of signatures, canonical JSON; empty where there is none.
    pub fn sig(&self) -> &[u8] {
        &self.bytes[self.shape.sig.clone()]
    }
}

/// Puts a record and what the server vouches for into the envelope.
///
/// # Errors
/// [`Cause::TooLarge`] for an entry over [`ENTRY_BYTES_MAX`]; [`Cause::BadTime`] or [`Cause::BadSubmitter`] for a `vouched`
/// that no entry can carry, which is the server's fault and not the submitter's.
pub fn seal(
    submission: &Submission,
    signatures: Option<&Signatures>,
    vouched: &Vouched<'_>,
) -> Result<Entry, Refusal> {
    let room = ENVELOPE_BYTES + vouched.submitter.len() + submission.canonical().len();
    let mut bytes = BytesMut::with_capacity(room);
    let shape = seal_into(submission, signatures, vouched, &mut bytes)?;
    Ok(Entry { bytes: bytes.freeze(), shape })
}

/// Like [`seal`], but appends the entry to `out`, and says where its parts lie from where `out` ended before.
///
/// # Errors
/// As [`seal`]; `out` is left as it was.
pub fn seal_into(
    submission: &Submission,
    signatures: Option<&Signatures>,
    vouched: &Vouched<'_>,
    out: &mut BytesMut,
) -> Result<EntryShape, Refusal> {
    vouched.check()?;
    let sig = signatures.map(Signatures::canonical).unwrap_or_default();
    let start = out.len();
    out.put_slice(BEFORE_LOG.as_bytes());
    let log_from = out.len();
    vouched.print(out);
    let shape = EntryShape::of(out.len() - log_from, submission.canonical().len(), sig.len());
    if let Err(refusal) = within_limit("entry", shape.len, ENTRY_BYTES_MAX) {
        out.truncate(start);
        return Err(refusal);
    }
    put_rest(submission.canonical(), sig.as_bytes(), out);
    Ok(shape)
}

/// Appends all that comes after the `log` part.
fn put_rest(record: &[u8], sig: &[u8], out: &mut BytesMut) {
    out.put_slice(BEFORE_RECORD.as_bytes());
    out.put_slice(record);
    if !sig.is_empty() {
        out.put_slice(BEFORE_SIG.as_bytes());
        out.put_slice(sig);
    }
    out.put_slice(AFTER_RECORD.as_bytes());
}

impl EntryShape {
    /// The shape of an entry whose parts have so many bytes.
    fn of(log: usize, record: usize, sig: usize) -> Self {
        let log = BEFORE_LOG.len()..BEFORE_LOG.len() + log;
        let from = log.end + BEFORE_RECORD.len();
        let record = from..from + record;
        let from = if sig == 0 { record.end } else { record.end + BEFORE_SIG.len() };
        let sig = from..from + sig;
        Self { len: sig.end + AFTER_RECORD.len(), log, record, sig }
    }
}

/// Rebuilds an entry from a record, its signatures (empty for none) and the `log` part of the log's answer, all canonical:
/// what a submitter does offline before it checks its receipt. [`Submission::canonical`], [`Signatures::canonical`] and
/// [`canonical`](crate::canonical) make such bytes. Where the log put digests in the place of content, the record is what
/// [`Handed::ready`](crate::Handed::ready) makes with the seed of the answer.
///
/// # Errors
/// As [`open`], on the entry so made.
pub fn entry_of(
    record_canonical: &[u8],
    sig_canonical: &[u8],
    log_part_canonical: &[u8],
) -> Result<Entry, Refusal> {
    let shape = EntryShape::of(log_part_canonical.len(), record_canonical.len(), sig_canonical.len());
    within_limit("entry", shape.len, ENTRY_BYTES_MAX)?;
    let mut bytes = BytesMut::with_capacity(shape.len);
    bytes.put_slice(BEFORE_LOG.as_bytes());
    bytes.put_slice(log_part_canonical);
    put_rest(record_canonical, sig_canonical, &mut bytes);
    let opened = open(&bytes)?;
    // The parts must be what they were handed in as, not one the beginning of the other.
    if opened.record() != record_canonical || opened.sig() != sig_canonical {
        return Err(Refusal::new(
            Cause::BadEnvelope { expected: "one record" },
            "/record",
            shape.record.start,
        ));
    }
    Ok(Entry { bytes: bytes.freeze(), shape })
}
