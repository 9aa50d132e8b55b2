//! The content beside a log, by its digest: what the log shows of it to whoever asks.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use record::Sd;
use record::limits::DISCLOSURE_BYTES_MAX;

use crate::http::{Http, HttpError};

/// What the log answers for a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// The text of its disclosure. It has this digest; nothing else of it was looked at.
    Shown(String),
    /// The log does not have it.
    Hidden,
    /// The log has it, and not for this caller.
    Withheld,
    /// It was erased.
    Erased,
}

/// Why nothing can be said of a content.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// No useful answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The log answered something else.
    #[error("the log answered for the content {0} with another one; what it shows cannot be relied on")]
    OtherDigest(Sd),
}

/// Asks for contents, `at_once` at a time.
///
/// # Errors
/// See [`PayloadError`].
pub async fn payloads(
    http: &Http,
    asked: impl IntoIterator<Item = Sd>,
    at_once: usize,
) -> Result<BTreeMap<Sd, Payload>, PayloadError> {
    let answers = stream::iter(asked).map(async |sd| Ok((sd, payload(http, &sd).await?)));
    answers.buffer_unordered(at_once.max(1)).try_collect().await
}

/// Asks for a content.
///
/// # Errors
/// See [`PayloadError`].
pub async fn payload(http: &Http, sd: &Sd) -> Result<Payload, PayloadError> {
    let answer = http.get(&format!("v1/payloads/{sd}"), DISCLOSURE_BYTES_MAX).await;
    match answer {
        Ok(None) => Ok(Payload::Hidden),
        Ok(Some(bytes)) => {
            let text = String::from_utf8(bytes.into()).ok().filter(|text| Sd::of(text) == *sd);
            text.map(Payload::Shown).ok_or(PayloadError::OtherDigest(*sd))
        }
        Err(HttpError::Refused { status, .. }) if status.as_u16() == 403 => Ok(Payload::Withheld),
        Err(HttpError::Refused { status, .. }) if status.as_u16() == 410 => Ok(Payload::Erased),
        Err(error) => Err(error.into()),
    }
}
