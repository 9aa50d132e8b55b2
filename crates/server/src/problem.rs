//! What a caller is told when something is wrong: RFC 9457 problem details.
//!
//! Each kind of problem is one variant of [`Code`], with its status and its title; nothing else in this crate
//! chooses a status for an error. The `detail` is a sentence for the caller. Causes that are the operator's business
//! go to the log and never into an answer.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sequencer::pool::Refusal as Busy;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{ListError, TokensError},
    limits,
};

/// Kinds of problems. The name that a program sees is the one of [`Code::name`], and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request cannot be understood.
    BadRequest,
    /// A query parameter is unknown, missing or malformed.
    BadQuery,
    /// The body is not what the content type says, or a record is not one.
    BadRecord,
    /// The content type is not one that this takes.
    UnsupportedMediaType,
    /// The body or an entry is over its limit.
    TooLarge,
    /// The target and header fields are over their limits.
    HeaderTooLarge,
    /// The body has more records than one request may.
    TooMany,
    /// The body did not arrive in time.
    BodyTimeout,
    /// A token is needed.
    NoToken,
    /// The token is unknown, expired or revoked.
    BadToken,
    /// The token has not the role.
    RoleMissing,
    /// The token does not speak for whom the record names.
    NotYours,
    /// A signature does not hold, or a key does not change so.
    BadSignature,
    /// The content was erased.
    Erased,
    /// A hold stands against it, or it is not as the request supposes.
    Held,
    /// Nothing is there.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// Other bytes stand under this id already.
    IdTaken,
    /// Several producers have a record with this id.
    Ambiguous,
    /// The log has as many tokens as it can hold.
    TokensFull,
    /// The log is busy.
    Busy,
    /// The log takes no entries at present.
    NotWriting,
    /// The records are durable; a checkpoint that contains them was not published in time.
    NotPublished,
    /// The records are durable; too few witnesses have cosigned a checkpoint that contains them in time.
    NotWitnessed,
    /// The commit failed; whether the record is there is not known.
    OutcomeUnknown,
    /// The server failed. The operator's log says why.
    Internal,
}

impl Code {
    /// All of them, for the documentation.
    pub const ALL: [Self; 26] = [
        Self::BadRequest,
        Self::BadQuery,
        Self::BadRecord,
        Self::UnsupportedMediaType,
        Self::TooLarge,
        Self::HeaderTooLarge,
        Self::TooMany,
        Self::BodyTimeout,
        Self::NoToken,
        Self::BadToken,
        Self::RoleMissing,
        Self::NotYours,
        Self::BadSignature,
        Self::Erased,
        Self::Held,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::IdTaken,
        Self::Ambiguous,
        Self::TokensFull,
        Self::Busy,
        Self::NotWriting,
        Self::NotPublished,
        Self::NotWitnessed,
        Self::OutcomeUnknown,
        Self::Internal,
    ];

    /// The stable name, last part of the problem's `type`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// HTTP status.
    pub fn status(self) -> StatusCode {
        self.row().1
    }

    /// Short title; the same for each problem of the kind.
    pub fn title(self) -> &'static str {
        self.row().2
    }

    /// How to authenticate (RFC 6750 section 3), where that is the trouble.
    fn challenge(self) -> Option<&'static str> {
        match self {
            Self::NoToken => Some("Bearer"),
            Self::BadToken => Some("Bearer error=\"invalid_token\""),
            Self::RoleMissing => Some("Bearer error=\"insufficient_scope\""),
            _ => None,
        }
    }

    fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", StatusCode::BAD_REQUEST, "The request cannot be understood"),
            Self::BadQuery => ("bad-query", StatusCode::BAD_REQUEST, "A query parameter is wrong"),
            Self::BadRecord => ("bad-record", StatusCode::UNPROCESSABLE_ENTITY, "This is not a record"),
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The content type is not one of those taken",
            ),
            Self::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "Over a size limit"),
            Self::HeaderTooLarge => (
                "header-too-large",
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The header is over a limit",
            ),
            Self::TooMany => ("too-many", StatusCode::PAYLOAD_TOO_LARGE, "Too many records in one request"),
            Self::BodyTimeout => {
                ("body-timeout", StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time")
            }
            Self::NoToken => ("no-token", StatusCode::UNAUTHORIZED, "A token is needed"),
            Self::BadToken => ("bad-token", StatusCode::UNAUTHORIZED, "The token is not taken"),
            Self::RoleMissing => ("role-missing", StatusCode::FORBIDDEN, "The token is not for that"),
            Self::NotYours => {
                ("not-yours", StatusCode::FORBIDDEN, "The token does not speak for whom the record names")
            }
            Self::BadSignature => {
                ("bad-signature", StatusCode::UNPROCESSABLE_ENTITY, "A signature does not hold")
            }
            Self::Erased => ("erased", StatusCode::GONE, "The content was erased"),
            Self::Held => ("held", StatusCode::CONFLICT, "It must not be, as things stand"),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "Nothing is there"),
            Self::MethodNotAllowed => {
                ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "Not with this method")
            }
            Self::IdTaken => ("id-taken", StatusCode::CONFLICT, "Another record stands under this id"),
            Self::Ambiguous => {
                ("ambiguous", StatusCode::CONFLICT, "Several producers have a record with this id")
            }
            Self::TokensFull => {
                ("tokens-full", StatusCode::CONFLICT, "The log has as many tokens as it can hold")
            }
            Self::Busy => ("busy", StatusCode::SERVICE_UNAVAILABLE, "The log is busy"),
            Self::NotWriting => {
                ("not-writing", StatusCode::SERVICE_UNAVAILABLE, "The log takes no entries at present")
            }
            Self::NotPublished => {
                ("not-published", StatusCode::SERVICE_UNAVAILABLE, "Durable, and not published yet")
            }
            Self::NotWitnessed => {
                ("not-witnessed", StatusCode::SERVICE_UNAVAILABLE, "Durable, and not witnessed yet")
            }
            Self::OutcomeUnknown => {
                ("outcome-unknown", StatusCode::SERVICE_UNAVAILABLE, "Whether this was logged is not known")
            }
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "The server failed"),
        }
    }
}

/// Problem details (RFC 9457), with the members that some kinds add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:deedbook:problem:` and the kind's stable name.
    #[serde(rename = "type")]
    kind: String,
    /// Title of the kind.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// What happened, and what to do about it.
    detail: String,
    /// For `bad-record`: what is wrong with the record, as a stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// For `bad-record`, `bad-signature` and `not-yours`: the field, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// For `bad-record`: the byte at which the trouble starts, counted from the start of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<usize>,
    /// The limit that was passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
    /// For `id-taken`: index of the entry that stands under the id. For `ambiguous`: of one of them. For `erased`: of the
    /// record that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    /// Whether the same request may succeed later: the answer then says when.
    #[serde(skip)]
    retry: bool,
    /// How to authenticate, where that is the trouble.
    #[serde(skip)]
    challenge: Option<&'static str>,
    /// The methods that the path takes, where another one is the trouble.
    #[serde(skip)]
    allow: Option<String>,
}

impl Problem {
    /// A problem of this kind, and what happened. Boxed, so that results stay small.
    pub fn new(code: Code, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            kind: format!("urn:deedbook:problem:{}", code.name()),
            title: code.title(),
            status: code.status().as_u16(),
            detail: detail.into(),
            code: None,
            path: None,
            offset: None,
            limit: None,
            index: None,
            retry: code.status() == StatusCode::SERVICE_UNAVAILABLE,
            challenge: code.challenge(),
            allow: None,
        })
    }

    /// Names the limit that was passed.
    #[must_use]
    pub fn limit(mut self: Box<Self>, limit: usize) -> Box<Self> {
        self.limit = Some(limit);
        self
    }

    /// Names the field of the record, as a JSON pointer.
    #[must_use]
    pub(crate) fn path(mut self: Box<Self>, path: &str) -> Box<Self> {
        self.path = Some(path.into());
        self
    }

    /// Names the methods that the path takes.
    #[must_use]
    pub(crate) fn allow(mut self: Box<Self>, methods: String) -> Box<Self> {
        self.allow = Some(methods);
        self
    }

    /// Names the entry it is about.
    #[must_use]
    pub fn index(mut self: Box<Self>, index: u64) -> Box<Self> {
        self.index = Some(index);
        self
    }

    /// The body of an answer that is this problem.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What happened, and what to do about it.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Something failed that the caller cannot help. The cause goes to the log.
    pub fn internal(cause: &dyn std::error::Error) -> Box<Self> {
        tracing::error!(%cause, "a request failed");
        Self::new(
            Code::Internal,
            "The server could not do this. It is not your fault; its operator's log says why.",
        )
    }
}

/// A cause that is fit to be told, as a sentence.
pub(crate) fn sentence(words: &str) -> String {
    let mut characters = words.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

/// Why a record was refused.
impl From<record::Refusal> for Box<Problem> {
    fn from(refusal: record::Refusal) -> Self {
        let code = match refusal.cause() {
            record::Cause::TooLarge { .. } => Code::TooLarge,
            record::Cause::TooMany { .. } => Code::TooMany,
            _ => Code::BadRecord,
        };
        let mut problem = Problem::new(code, refusal.to_string());
        problem.code = Some(refusal.code());
        problem.path = Some(refusal.path().to_string());
        problem.offset = Some(refusal.offset());
        problem.limit = refusal.limit();
        problem
    }
}

/// Why the list of tokens does not change so.
impl From<ListError> for Box<Problem> {
    fn from(error: ListError) -> Self {
        let code = match error {
            ListError::Bad(_) => Code::BadRequest,
            ListError::Full => Code::TokensFull,
            ListError::Unknown => Code::NotFound,
            ListError::IdTaken => Code::Internal,
        };
        Problem::new(code, format!("{error}."))
    }
}

impl From<TokensError> for Box<Problem> {
    fn from(error: TokensError) -> Self {
        match error {
            TokensError::List(error) => error.into(),
            other => Problem::internal(&other),
        }
    }
}

/// Why the log did not take a group.
impl From<Busy> for Box<Problem> {
    fn from(refusal: Busy) -> Self {
        let code = match refusal {
            Busy::PoolFull { .. } | Busy::Overtaken => Code::Busy,
            Busy::NotWriting(_) => Code::NotWriting,
            // Only a decision about what is beside the log.
            Busy::NotAllowed(_) => Code::Held,
            Busy::Unknown => Code::OutcomeUnknown,
        };
        Problem::new(code, format!("{refusal}."))
    }
}

impl IntoResponse for Box<Problem> {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.to_json()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(Ok(methods)) = self.allow.map(HeaderValue::try_from) {
            headers.insert(header::ALLOW, methods);
        }
        if self.retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(limits::RETRY_AFTER.as_secs()));
        }
        response
    }
}
