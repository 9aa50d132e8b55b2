//! Reading what a caller sends, within bounds, and saying which bound was passed.

use axum::{
    body::Body,
    extract::{FromRequestParts, Query, rejection::QueryRejection},
    http::{HeaderMap, header, request::Parts},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde::de::DeserializeOwned;

use crate::{
    limits::{BODY_TIME_MAX, COPIED_BODY_BYTES_MAX},
    problem::{Code, Problem},
};

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Box<Problem>> {
    let too_large = || {
        Problem::new(Code::TooLarge, format!("The body is over {limit} bytes; send it in parts."))
            .limit(limit)
    };
    // What announces itself as too large is refused before it is sent.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let collecting = Limited::new(body, limit).collect();
    match tokio::time::timeout(BODY_TIME_MAX, collecting).await {
        Ok(Ok(collected)) => Ok(own(collected.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Code::BadRequest, "The body broke off before its end.")),
        Err(_) => {
            let seconds = BODY_TIME_MAX.as_secs();
            Err(Problem::new(Code::BodyTimeout, format!("The body did not arrive within {seconds} seconds.")))
        }
    }
}

/// A small body in memory of its own size. As it arrives it is a part of the connection's read buffer, and would keep
/// all of that as long as it waits in the log's pool or belongs to its edge.
fn own(body: Bytes) -> Bytes {
    if body.len() <= COPIED_BODY_BYTES_MAX { Bytes::copy_from_slice(&body) } else { body }
}

/// The media type of a body, in lower case and without parameters; empty if none is named.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Query parameters; unknown ones are refused by `deny_unknown_fields` on the type.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => {
                let cause =
                    std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                Err(Problem::new(Code::BadQuery, format!("The query string is not understood: {cause}.")))
            }
            Err(_) => Err(Problem::new(Code::BadQuery, "The query string is not understood.")),
        }
    }
}
