//! `POST /add`: one raw entry, for generic load tools and for logs that hold something else than records.

use std::sync::Arc;

use axum::{body::Body, extract::State};
use sequencer::{Kind, pool::Submission};
use tlog::integrate::Entry;

use crate::{
    app::App,
    body::{self, Nothing, Params},
    limits::ENTRY_BYTES_MAX,
    problem::{Code, Problem},
    submit::wait_for_commit,
};

/// Add a raw entry
///
/// The body is the entry, byte for byte. The answer comes when it is durable: its index in decimal, and a line feed.
/// Exists on logs that were created for raw entries only.
#[utoipa::path(
    post,
    path = crate::routes::ADD,
    tag = "raw entries",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The entry, at most 65,535 bytes; any content type is taken."),
    responses(
        (status = 200, description = "The index", body = String, content_type = "text/plain", example = "41"),
        (status = 400, description = "The body broke off, or there is a query parameter", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "This log takes records, not raw entries", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The entry is over the limit", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The log is busy, or not writing; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    Params(Nothing {}): Params<Nothing>,
    body: Body,
) -> Result<String, Box<Problem>> {
    if app.reader.identity().kind != Kind::Raw {
        let detail = "This log takes records (POST /v1/records); raw entries have logs of their own.";
        return Err(Problem::new(Code::NotFound, detail));
    }
    let received = body::read(&app, body, ENTRY_BYTES_MAX).await?;
    let entry = Entry::new(received.bytes.clone())
        .map_err(|error| Problem::new(Code::TooLarge, error.to_string()))?;
    let answer = wait_for_commit(&app, vec![Submission::new(entry, None)]).await?;
    let index = answer.outcomes.first().map(sequencer::ids::Outcome::index);
    index
        .map(|index| format!("{index}\n"))
        .ok_or_else(|| Problem::new(Code::Internal, "The log gave no answer."))
}
