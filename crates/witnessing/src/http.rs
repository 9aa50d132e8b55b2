//! A witness's address, and what comes back from there.

use std::time::{Duration, Instant};

use client::{Authorities, Http, HttpError, HttpOptions, http::AsItCame};
use tlog::witness::{AddCheckpoint, BODY_LEN_MAX};

use crate::reply::{Cause, Reply};

/// Time for one request. It may be longer than a round: a cosignature that comes late counts all the same.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// Prepares connections to the witness below this prefix; they are kept open.
pub(crate) fn connect(url: &str, authorities: Option<&Authorities>) -> Result<Http, HttpError> {
    let authorities = authorities.cloned();
    Http::new(
        url,
        &HttpOptions { authorities, timeout: REQUEST_TIME_MAX, at_once: 2, ..HttpOptions::default() },
    )
}

/// Sends a request; answers with what came back, and how long that took.
pub(crate) async fn send(http: &Http, request: &AddCheckpoint) -> (Result<AsItCame, Reply>, Duration) {
    let started = Instant::now();
    let answer = http.post_once("add-checkpoint", request.to_string().into(), BODY_LEN_MAX).await;
    (answer.map_err(|error| failure(&error)), started.elapsed())
}

fn failure(error: &HttpError) -> Reply {
    let cause = match error {
        HttpError::Unreachable { cause, .. } if cause.is_timeout() => Cause::TimedOut,
        HttpError::Unreachable { .. } => Cause::Unreachable,
        _ => Cause::BadAnswer,
    };
    Reply::Failed { cause, wait: None, what: error.to_string() }
}
