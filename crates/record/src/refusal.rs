//! Why a text is not a record, said so that a program can branch on it and a person can repair it.

use std::fmt::{self, Write as _};

/// A refusal: the cause, the field, and the byte.
///
/// `Display` gives one sentence with everything in it; [`code`](Self::code) is what programs branch on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    cause: Cause,
    path: String,
    offset: usize,
}

impl Refusal {
    pub(crate) fn new(cause: Cause, path: impl Into<String>, offset: usize) -> Self {
        Self { cause, path: path.into(), offset }
    }

    /// What is wrong.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The stable name of the cause, such as `duplicate-key`.
    pub fn code(&self) -> &'static str {
        self.cause.code()
    }

    /// The field as a JSON pointer (RFC 6901), such as `/producer/id`; empty for the whole text, or where the field
    /// cannot be told. Names longer than [`limits::PATH_NAME_CHARS_MAX`](crate::limits::PATH_NAME_CHARS_MAX) are cut.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The byte of the text at which the trouble starts, counted from 0.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The limit that was passed, where the cause is one.
    pub fn limit(&self) -> Option<usize> {
        match self.cause {
            Cause::TooLarge { limit, .. } | Cause::TooMany { limit } | Cause::TooDeep { limit } => {
                Some(limit)
            }
            _ => None,
        }
    }

    /// The same refusal, seen from a text that holds the refused one under `path` at byte `offset`.
    pub(crate) fn within(mut self, path: &str, offset: usize) -> Self {
        self.path.insert_str(0, path);
        self.offset += offset;
        self
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.cause)?;
        if !self.path.is_empty() {
            write!(f, "at {}, ", self.path.escape_debug())?;
        }
        write!(f, "byte {})", self.offset)
    }
}

/// What can be wrong with a submitted text, a request body or an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named in each sentence")]
pub enum Cause {
    /// Not UTF-8 (RFC 8259, section 8.1).
    #[error("the text is not UTF-8; encode it as UTF-8")]
    InvalidUtf8,
    /// U+FEFF in front (RFC 8259, section 8.1).
    #[error("the text starts with a byte order mark; send it without one")]
    ByteOrderMark,
    /// Not JSON (RFC 8259).
    #[error("this is not JSON: {expected} was expected here")]
    Syntax { expected: &'static str },
    /// JSON that stops in the middle.
    #[error("the text ends too early: {expected} was expected next; was it cut off on the way?")]
    UnexpectedEnd { expected: &'static str },
    /// U+0000 to U+001F inside a string, not escaped (RFC 8259, section 7).
    #[error("a control character stands in a string as it is; write it as an escape such as \\n or \\u0000")]
    ControlCharacter,
    /// Half of a surrogate pair (RFC 7493, section 2.1).
    #[error("an escape stands for half of a surrogate pair; write both halves, or U+FFFD")]
    LoneSurrogate,
    /// U+FDD0 to U+FDEF, or the last two code points of a plane (RFC 7493, section 2.1).
    #[error(
        "a string holds a Unicode noncharacter, which I-JSON forbids; leave it out or encode the bytes as base64url"
    )]
    Noncharacter,
    /// Two members of one object have the same name (RFC 7493, section 2.3).
    #[error("two members of one object have this name; keep one of them")]
    DuplicateKey,
    /// A number that readers of I-JSON do not all hold (RFC 7493, section 2.2).
    #[error(
        "the number is out of range: integers reach to 9007199254740991 on either side of 0, others as far as a double; \
         send it as a string"
    )]
    NumberOutOfRange,
    /// More digits than a double has (RFC 7493, section 2.2).
    #[error(
        "the number is more precise than a double, so digits would be lost; round it to 17 digits or send it as a string"
    )]
    NumberTooPrecise,
    /// `-0`, whose sign the canonical form would drop.
    #[error("negative zero would lose its sign in canonical form; send 0, or a string")]
    NegativeZero,
    /// Objects and arrays inside each other beyond the limit.
    #[error("objects and arrays nest deeper than {limit} levels; flatten the record")]
    TooDeep { limit: usize },
    /// Something after the end of the value.
    #[error(
        "there are further bytes after the end of the JSON value; send one value, or say that the body is NDJSON"
    )]
    TrailingBytes,
    /// A field that every record has is not there.
    #[error("the record has no `{field}`; every record needs one")]
    MissingField { field: &'static str },
    /// A field holds the wrong kind of value.
    #[error("{expected} must stand here, not {found}")]
    WrongType { expected: &'static str, found: &'static str },
    /// A name of no length.
    #[error("this string must not be empty")]
    EmptyString,
    /// Not a UUID in its one accepted spelling (RFC 9562, section 4).
    #[error("the id must be a UUID in lowercase with hyphens, such as 0198f0c2-7d1e-7c3a-9a54-1f2f6f1f9b10")]
    BadId,
    /// Not a time in its one accepted spelling (RFC 3339).
    #[error("the time must be a real UTC time with exactly milliseconds, such as 2026-11-23T08:14:03.118Z")]
    BadTime,
    /// More bytes than may be.
    #[error("the {what} has {bytes} bytes, and {limit} are allowed; move large content out of the record")]
    TooLarge { what: &'static str, bytes: usize, limit: usize },
    /// More records in one request than may be.
    #[error("the request holds more than {limit} records; send them in several requests")]
    TooMany { limit: usize },
    /// Valid JSON, but not the one spelling that an entry may have (RFC 8785).
    #[error(
        "the bytes are not in canonical form (RFC 8785), so this is no part of an entry as the log made it"
    )]
    NotCanonical,
    /// An entry that is not the envelope.
    #[error("this is not an entry as the log makes it: {expected} was expected here")]
    BadEnvelope { expected: &'static str },
    /// A field with a meaning that holds something else, or that a record of its type lacks.
    #[error("this record cannot be understood: {why}")]
    BadField { why: String },
    /// A field that holds what looks like a secret. The secret itself is not told.
    #[error(
        "this field holds what looks like {kind}, and fields stay in the log for good; send claims and a digest instead,          and if it was a real one, change it"
    )]
    Secret { kind: crate::secret::Kind },
    /// A submitter's name that cannot go into an entry.
    #[error("the submitter's name must have 1 to 256 bytes, without control characters and noncharacters")]
    BadSubmitter,
    /// Not the list of signatures that may stand beside a record.
    #[error("this is not the list of signatures over a record: {expected} was expected here")]
    BadSignatures { expected: &'static str },
}

impl Cause {
    /// The stable name of this cause; part of the HTTP interface.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid-utf8",
            Self::ByteOrderMark => "byte-order-mark",
            Self::Syntax { .. } => "syntax",
            Self::UnexpectedEnd { .. } => "unexpected-end",
            Self::ControlCharacter => "control-character",
            Self::LoneSurrogate => "lone-surrogate",
            Self::Noncharacter => "noncharacter",
            Self::DuplicateKey => "duplicate-key",
            Self::NumberOutOfRange => "number-out-of-range",
            Self::NumberTooPrecise => "number-too-precise",
            Self::NegativeZero => "negative-zero",
            Self::TooDeep { .. } => "too-deep",
            Self::TrailingBytes => "trailing-bytes",
            Self::MissingField { .. } => "missing-field",
            Self::WrongType { .. } => "wrong-type",
            Self::EmptyString => "empty-string",
            Self::BadId => "bad-id",
            Self::BadTime => "bad-time",
            Self::TooLarge { .. } => "too-large",
            Self::TooMany { .. } => "too-many",
            Self::NotCanonical => "not-canonical",
            Self::BadEnvelope { .. } => "bad-envelope",
            Self::BadField { .. } => "bad-field",
            Self::Secret { .. } => "secret",
            Self::BadSubmitter => "bad-submitter",
            Self::BadSignatures { .. } => "bad-signatures",
        }
    }
}

/// Refuses more than `limit` bytes of `what`.
pub(crate) fn within_limit(what: &'static str, bytes: usize, limit: usize) -> Result<(), Refusal> {
    if bytes <= limit {
        return Ok(());
    }
    Err(Refusal::new(Cause::TooLarge { what, bytes, limit }, "", 0))
}

/// Appends one step to a JSON pointer: `~` and `/` escaped (RFC 6901, section 3), long names cut.
pub(crate) fn push_name(pointer: &mut String, name: &str) {
    pointer.push('/');
    for (at, c) in name.chars().enumerate() {
        if at == crate::limits::PATH_NAME_CHARS_MAX {
            pointer.push('…');
            return;
        }
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// Appends the position in an array to a JSON pointer.
pub(crate) fn push_position(pointer: &mut String, position: usize) {
    // Writing to a String cannot fail.
    let _ = write!(pointer, "/{position}");
}
