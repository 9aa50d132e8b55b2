//! How the log's keys followed each other.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    body::{Nothing, Params},
    problem::Problem,
};

/// The name of the document's form.
const FORMAT: &str = "deedbook-log-keys/1";

/// How the log's keys followed each other
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyHistory {
    /// `deedbook-log-keys/1`.
    format: &'static str,
    /// Name of the log and of its keys.
    origin: String,
    /// The key that the log began with, as a verifier key (C2SP signed-note).
    first: String,
    /// The changes, in order.
    rotations: Vec<KeyRotation>,
}

/// One change of the log's key
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyRotation {
    /// The entry that announces the new key, byte for byte: a record `key.rotated` signed by the old one.
    entry: String,
    /// The proof that it is in the log, under a checkpoint that the old key signed (C2SP tlog-proof).
    proof: String,
}

/// How the log's keys followed each other
///
/// Whoever trusts one of the keys comes to trust those after it, and needs nobody's word for it.
#[utoipa::path(get, path = crate::routes::LOG_KEYS, tag = "public log", responses(
    (status = 200, description = "The first key, and each change with its proof", body = KeyHistory),
    (status = 400, description = "There is a query parameter, and it takes none", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn log_keys(State(app): State<Arc<App>>, Params(Nothing {}): Params<Nothing>) -> Response {
    let document = app.reader.key_history().cloned().unwrap_or_else(|| of_one_key(&app));
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document).into_response()
}

/// The document of a log that has only ever had one key.
fn of_one_key(app: &App) -> Bytes {
    let history = KeyHistory {
        format: FORMAT,
        origin: app.origin().to_owned(),
        first: app.reader.vkey().to_string(),
        rotations: vec![],
    };
    serde_json::to_vec(&history).unwrap_or_default().into()
}
