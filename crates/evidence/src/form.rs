//! The form of a file: JSON in the canonical form of RFC 8785, each member known, each list in order.

use std::fmt;

use record::Sd;
use serde::{Deserialize, Serialize};
use tlog::Hash;
use tlog::checkpoint::SignedCheckpoint;
use tlog::key::VerifierKey;

use crate::limits::{DISCLOSURES_MAX, ENTRIES_MAX, FILE_BYTES_MAX, KEYS_MAX, SIZE_MAX, TEXT_BYTES_MAX};
use crate::question::Question;

/// What a file begins with.
const BEGINS: &[u8] = b"{\"@format\":\"deedbook-evidence-v";
/// The version that is written and read here.
const FORMAT: &str = "deedbook-evidence-v1";

/// A file that was read or made. Nothing in it is believed yet, so nothing of it is shown but what was asked and by whom it
/// was made: [`verify`](Self::verify) is the way to the records.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    pub(crate) document: Document,
    /// The digest of each disclosure, in order.
    pub(crate) sds: Vec<Sd>,
    pub(crate) hashes: Vec<Hash>,
    pub(crate) keys: Vec<(u64, VerifierKey)>,
}

/// The members in the order of RFC 8785; their names are ASCII, so that is the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    #[serde(rename = "@format")]
    pub(crate) format: String,
    pub(crate) asked: Question,
    pub(crate) checkpoint: String,
    pub(crate) disclosures: Vec<String>,
    pub(crate) entries: Vec<Carried>,
    pub(crate) hashes: Vec<String>,
    pub(crate) keys: Vec<LogKey>,
    pub(crate) made: Made,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) policy: Option<String>,
}

/// An entry, and what it is there for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Carried {
    #[serde(rename = "as")]
    pub(crate) role: Role,
    pub(crate) entry: String,
    pub(crate) index: u64,
}

/// What an entry is in a file for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It is among what was asked for.
    Answer,
    /// It belongs to a session that is asked about in part: its opening, or a delegation.
    Session,
    /// It is of a call that is asked about in part.
    Call,
    /// It decides on a call.
    Approval,
    /// A key came, changed or went.
    Key,
    /// A producer says what it records.
    Coverage,
    /// It tells that content was erased.
    Erased,
    /// A finding rests on it.
    Finding,
}

impl Role {
    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Session => "session",
            Self::Call => "call",
            Self::Approval => "approval",
            Self::Key => "key",
            Self::Coverage => "coverage",
            Self::Erased => "erased",
            Self::Finding => "finding",
        }
    }
}

/// A key of the log, and from which size on it signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogKey {
    /// The smallest size of a checkpoint that the key signs; it does so until the next key's.
    pub from: u64,
    /// The key, as a vkey (C2SP signed-note).
    pub vkey: String,
}

impl LogKey {
    /// The keys up to the newest that signed a checkpoint, of those that a log has and had, each with the size from which on
    /// it signs; `None` if none of them did.
    pub fn up_to(keys: &[(u64, VerifierKey)], signed: &SignedCheckpoint) -> Option<Vec<Self>> {
        let signs = |key: &VerifierKey| SignedCheckpoint::open(signed.bytes().clone(), key).is_ok();
        let newest = keys.iter().rposition(|(_, key)| signs(key))?;
        Some(keys[..=newest].iter().map(|(from, key)| Self { from: *from, vkey: key.to_string() }).collect())
    }
}

/// How a file came about, by the word of whoever made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The program and its version.
    pub by: String,
    /// How many entries of the log, from the first on, were looked at for what belongs into the file.
    pub looked_at: u64,
    /// When: RFC 3339, UTC, milliseconds.
    pub time: String,
}

/// Why bytes are no evidence file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Not such a file at all.
    #[error("this is not an evidence file")]
    NotOne,
    /// A later version.
    #[error(
        "the evidence file is of another version than {FORMAT}, which is the one known here; use a newer program"
    )]
    Version,
    /// Over a limit.
    #[error("the evidence file has {count} {what}, and {limit} are allowed")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Not the members that a file has.
    #[error("the evidence file does not have its form: {0}")]
    Form(String),
    /// Another spelling than the one.
    #[error(
        "the evidence file is not in canonical form (RFC 8785): it was changed or printed anew at byte {at}"
    )]
    Spelling {
        /// The first byte that is another.
        at: usize,
    },
}

impl Evidence {
    /// Whether these bytes begin as an evidence file of any version does.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(BEGINS)
    }

    /// Reads a file. What is accepted prints back to the same bytes.
    ///
    /// # Errors
    /// See [`EvidenceError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        within("bytes", bytes.len(), FILE_BYTES_MAX)?;
        if !Self::is_one(bytes) {
            return Err(EvidenceError::NotOne);
        }
        if !bytes[BEGINS.len()..].starts_with(b"1\"") {
            return Err(EvidenceError::Version);
        }
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| form(&record::visible(&error.to_string())))?;
        let evidence = Self::of(document)?;
        let printed = evidence.to_bytes();
        if printed == bytes {
            return Ok(evidence);
        }
        let at = printed.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        Err(EvidenceError::Spelling { at })
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A document of strings, numbers and lists always prints.
        serde_json::to_vec(&self.document).unwrap_or_default()
    }

    /// What was asked.
    pub fn asked(&self) -> &Question {
        &self.document.asked
    }

    /// How the file came about, by the word of whoever made it.
    pub fn made(&self) -> &Made {
        &self.document.made
    }

    /// A document whose parts are within the limits, in order and of their kinds.
    pub(crate) fn of(document: Document) -> Result<Self, EvidenceError> {
        within("entries", document.entries.len(), ENTRIES_MAX)?;
        within("disclosures", document.disclosures.len(), DISCLOSURES_MAX)?;
        within("keys", document.keys.len(), KEYS_MAX)?;
        // A tree has 63 levels.
        within("hashes", document.hashes.len(), ENTRIES_MAX * 63)?;
        document.asked.check().map_err(form)?;
        check_made(&document.made)?;
        check_entries(&document.entries)?;
        let sds: Vec<Sd> = document.disclosures.iter().map(|text| Sd::of(text)).collect();
        if !sds.is_sorted_by(|a, b| a < b) {
            return Err(form("disclosures must ascend by their digests"));
        }
        let hashes = document.hashes.iter().map(|text| hash(text)).collect::<Result<_, _>>()?;
        let keys = document.keys.iter().map(log_key).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() || keys[0].0 != 0 || !keys.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(form("`keys` must hold the log's keys, the first from size 0 on, in order"));
        }
        Ok(Self { document, sds, hashes, keys })
    }
}

impl Document {
    pub(crate) fn format() -> String {
        FORMAT.to_owned()
    }
}

/// No content is printed.
impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entries, shown) = (self.document.entries.len(), self.sds.len());
        write!(f, "Evidence({:?}, {entries} entries, {shown} disclosures)", self.document.asked)
    }
}

fn check_made(made: &Made) -> Result<(), EvidenceError> {
    if !(1..=TEXT_BYTES_MAX).contains(&made.by.len()) || made.looked_at > SIZE_MAX {
        return Err(form("`made` must say by which program, and how many entries it looked at"));
    }
    let time = record::model::Instant::parse(&made.time);
    time.map(|_| ()).ok_or_else(|| form("the time in `made` must be UTC with milliseconds"))
}

fn check_entries(entries: &[Carried]) -> Result<(), EvidenceError> {
    let ascending = entries.is_sorted_by(|a, b| a.index < b.index);
    if !ascending || entries.last().is_none_or(|last| last.index >= SIZE_MAX) {
        return Err(form("there must be entries, and they must ascend by index"));
    }
    if entries.iter().any(|carried| carried.entry.len() > record::limits::ENTRY_BYTES_MAX) {
        return Err(form("an entry is longer than any in a log"));
    }
    Ok(())
}

fn hash(text: &str) -> Result<Hash, EvidenceError> {
    let bytes = tlog::encoding::parse_base64_array(text);
    bytes.map(Hash::from_bytes).map_err(|error| EvidenceError::Form(format!("a hash: {error}")))
}

fn log_key(key: &LogKey) -> Result<(u64, VerifierKey), EvidenceError> {
    let parsed =
        key.vkey.parse().map_err(|error| EvidenceError::Form(format!("a key of the log: {error}")))?;
    Ok((key.from, parsed))
}

fn form(what: &str) -> EvidenceError {
    EvidenceError::Form(what.to_owned())
}

fn within(what: &'static str, count: usize, limit: usize) -> Result<(), EvidenceError> {
    if count <= limit { Ok(()) } else { Err(EvidenceError::TooMany { what, count, limit }) }
}
