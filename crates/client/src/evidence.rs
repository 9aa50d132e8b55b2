//! Evidence files that a log makes: `POST /v1/evidence`.
//!
//! What comes back is bytes. Whether they are to be believed is for `evidence::Evidence` to say.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::StatusCode;
use serde::Serialize;

use crate::http::{Http, HttpError};
use crate::submit::Problem;

/// Bytes of a file, at most.
pub const FILE_BYTES_MAX: usize = 256 << 20;

/// What a file is to answer: one of the first four, and what it is to show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewEvidence {
    /// A session, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Ranges of entries, by their first and last indexes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<(u64, u64)>>,
    /// Records, by their ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<String>>,
    /// What a search finds: its parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<BTreeMap<String, String>>,
    /// `all`, `none`, or names and digests with commas between.
    pub disclose: String,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// No useful answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The log does not make it.
    #[error("the log answers {}: {}", .0.status, .0.detail)]
    Refused(Box<Problem>),
    /// The answer is none.
    #[error("the log answers {0} without saying why")]
    Answer(StatusCode),
}

/// Has a log make a file.
///
/// # Errors
/// See [`EvidenceError`].
pub async fn evidence(http: &Http, asked: &NewEvidence) -> Result<Bytes, EvidenceError> {
    let body = serde_json::to_vec(asked).unwrap_or_default();
    let answer = http.post("v1/evidence", "application/json", body.into(), FILE_BYTES_MAX).await?;
    if answer.status == StatusCode::OK {
        return Ok(answer.body);
    }
    let problem = serde_json::from_slice(&answer.body).map_err(|_| EvidenceError::Answer(answer.status))?;
    Err(EvidenceError::Refused(Box::new(problem)))
}
