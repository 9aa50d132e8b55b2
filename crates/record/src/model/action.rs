//! A call: what was asked for, what went in, what came back.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::text::{Masked, Text};

/// A call of a tool
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Action<'a> {
    /// The call's name within its session: request, approval and outcome carry the same.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// The tool.
    #[serde(default, borrow)]
    pub tool: Option<Text<'a>>,
    /// Who offers the tool.
    #[serde(default, borrow)]
    pub server: Option<Text<'a>>,
    /// What the call is about.
    #[serde(default, borrow)]
    pub target: Option<Masked<'a>>,
    /// The one word of the scope that the call needs.
    #[serde(default, borrow)]
    pub requires: Option<Text<'a>>,
    /// Whether it changes anything.
    #[serde(default)]
    pub effect: Option<Effect>,
}

/// What a call does to the world
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Nothing.
    Read,
    /// It changes something.
    Write,
    /// It takes something away that does not come back.
    Delete,
    /// It runs a program, which may do anything.
    Execute,
}

impl Effect {
    /// The word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Execute => "execute",
        }
    }

    /// Whether anything may be other after the call.
    pub const fn changes(self) -> bool {
        !matches!(self, Self::Read)
    }
}

/// Content: beside the log under its digest, or, on its way there, itself
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Content<'a> {
    /// base64url(SHA-256(disclosure)), 43 characters: the content stands beside the log (RFC 9901, section 4.2.3).
    #[serde(default, borrow)]
    pub sd: Option<Text<'a>>,
    /// Bytes of the content, before any encoding.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Its media type.
    #[serde(default, borrow)]
    pub media: Option<Text<'a>>,
    /// The content itself: a string is its exact bytes, any other value stands for its RFC 8785 form. Only in what is
    /// submitted without a signature; the log puts `sd` in its place.
    #[serde(default, borrow)]
    #[schemars(with = "Option<serde_json::Value>")]
    #[serde(rename = "content")]
    value: Option<&'a RawValue>,
    /// The content as base64url, where it is not UTF-8.
    #[serde(default, borrow)]
    #[schemars(with = "Option<String>")]
    #[serde(rename = "content_base64url")]
    base64url: Option<&'a RawValue>,
}

/// Content that stands in the record itself, as JSON text
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inline<'a> {
    /// Under `content`: any JSON value.
    Json(&'a str),
    /// Under `content_base64url`: a JSON string.
    Base64url(&'a str),
}

impl<'a> Content<'a> {
    /// The content where it stands in the record itself.
    ///
    /// # Errors
    /// A sentence, where it is said more than once.
    pub fn inline(&self) -> Result<Option<Inline<'a>>, &'static str> {
        match (self.value, self.base64url, &self.sd) {
            (None, None, _) => Ok(None),
            (Some(json), None, None) => Ok(Some(Inline::Json(json.get()))),
            (None, Some(text), None) => Ok(Some(Inline::Base64url(text.get()))),
            _ => Err("content is one of sd, content and content_base64url"),
        }
    }

    /// The digest of its disclosure.
    pub fn sd(&self) -> Option<&str> {
        self.sd.as_deref()
    }
}

impl PartialEq for Content<'_> {
    fn eq(&self, other: &Self) -> bool {
        (&self.sd, self.bytes, &self.media, self.inline())
            == (&other.sd, other.bytes, &other.media, other.inline())
    }
}

/// How a call ended
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Outcome<'a> {
    /// In a word.
    pub status: Status,
    /// Closer, by the producer's code: tells the two failures of MCP apart (`jsonrpc:-32602`, `isError`).
    #[serde(default, borrow)]
    pub code: Option<Text<'a>>,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub ms: Option<u64>,
}

/// How a call ended, in a word
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As asked.
    Ok,
    /// It failed.
    Error,
    /// It was not let through.
    Denied,
    /// Nobody waited any longer.
    Timeout,
    /// It was called off.
    Cancelled,
    /// Nobody knows.
    Unknown,
}

impl Status {
    /// The word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}
