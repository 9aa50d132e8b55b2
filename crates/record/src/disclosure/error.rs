//! Why something is no disclosure, or not the one that was meant.

use crate::limits::{DISCLOSURE_NAME_BYTES_MAX, DISCLOSURE_SALT_BYTES_MAX};
use crate::refusal::Refusal;

/// Why a disclosure was not made, or not opened. No error holds a part of the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named in each sentence")]
pub enum DisclosureError {
    /// More bytes than may be; of a content that is still being written, those seen so far.
    #[error(
        "the {what} has {bytes} bytes, and {limit} are allowed; nothing is cut, so keep it elsewhere and record its digest"
    )]
    TooLarge { what: &'static str, bytes: usize, limit: usize },
    /// A name that no disclosure has: empty, too long, with a noncharacter, or `_sd` or `...` (RFC 9901, section 4.2.1).
    #[error(
        "the name in a disclosure must have 1 to {} bytes of Unicode text and be neither `_sd` nor `...`",
        DISCLOSURE_NAME_BYTES_MAX
    )]
    BadName,
    /// Not the text of a digest.
    #[error("`sd` must be the SHA-256 of a disclosure as 43 characters of base64url without padding")]
    BadSd,
    /// The text is not base64url.
    #[error(
        "the disclosure is not base64url without padding (RFC 4648, section 5); was it cut or wrapped on the way?"
    )]
    NotBase64Url,
    /// What the text stands for is not JSON as this crate takes it.
    #[error("the disclosure does not hold JSON: {0}")]
    NotJson(Refusal),
    /// JSON, but not an array of salt, name and value.
    #[error(
        "the disclosure is not an array of salt, name and value: {expected} was expected at byte {at} of its JSON"
    )]
    NotATriple { expected: &'static str, at: usize },
    /// A salt that does not hide enough, or is not base64url.
    #[error(
        "the salt in the disclosure must be base64url of 16 to {} random bytes (128 bits at least)",
        DISCLOSURE_SALT_BYTES_MAX
    )]
    BadSalt,
    /// `{"base64url": ...}` with something else in it.
    #[error(
        "the value in the disclosure says base64url and is not, or not without padding (RFC 4648, section 5)"
    )]
    BadContent,
    /// The text has another digest than the record names.
    #[error(
        "this is not the disclosure that the record names: its digest is another; it was altered or exchanged"
    )]
    OtherDigest,
    /// The writer was told [`Form::Text`](super::Form::Text), and the content is not.
    #[error(
        "the content was written as text and holds bytes that I-JSON has no string for; write it as bytes"
    )]
    NotText,
    /// The writer was told [`Form::Bytes`](super::Form::Bytes), and the content is text, which has its own form.
    #[error("the content was written as bytes and is text, which has one form only; write it as text")]
    IsText,
}

/// Refuses more than `limit` bytes of `what`.
pub(super) fn within_limit(what: &'static str, bytes: usize, limit: usize) -> Result<(), DisclosureError> {
    if bytes <= limit { Ok(()) } else { Err(DisclosureError::TooLarge { what, bytes, limit }) }
}
