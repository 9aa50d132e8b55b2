//! Liveness, readiness, metrics, and what the log is.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use sequencer::{Kind, log::Status};
use serde::Serialize;
use utoipa::ToSchema;
use witnessing::Report;

use crate::{
    app::App,
    body::{Nothing, Params},
    limits,
    problem::Problem,
};

/// The process answers
#[utoipa::path(get, path = crate::routes::HEALTHZ, tag = "operations", responses((status = 200, description = "It does", body = String, content_type = "text/plain")))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the log takes entries
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Whether the log takes entries and publishes.
    ready: bool,
    /// If not, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// What somebody should look at, though the log is ready: about its witnesses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// The log takes entries and publishes
#[utoipa::path(
    get,
    path = crate::routes::READYZ,
    tag = "operations",
    responses(
        (status = 200, description = "It does", body = Readiness),
        (status = 503, description = "It does not, and says why", body = Readiness),
    )
)]
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let report = app.witnesses.as_ref().map(|witnesses| witnesses.report());
    let mut warnings = report.as_ref().map(Report::warnings).unwrap_or_default();
    let unmet = report.and_then(|report| report.unmet_for(limits::UNMET_PUBLICATIONS_MAX));
    let why = match app.log.status() {
        Status::Writing => match app.metrics.published_age() {
            Some(age) if age > app.timeouts.publication_age.max(app.publish_every * 3) => {
                Some(format!("the checkpoint was last published {} seconds ago", age.as_secs()))
            }
            _ if app.holds() => unmet,
            _ => {
                warnings.extend(unmet);
                None
            }
        },
        Status::ReadOnly(standing) => Some(standing.to_string()),
        Status::Failed(_) => Some("the log stopped after a failure and has to be started again".into()),
        Status::Closed => Some("the log is shutting down".into()),
    };
    readiness(why, warnings)
}

/// The answer about readiness; `why` says why not, and the warnings what else somebody should look at.
pub(crate) fn readiness(why: Option<String>, warnings: Vec<String>) -> Response {
    let status = if why.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready: why.is_none(), why, warnings })).into_response()
}

/// Metrics as Prometheus text
#[utoipa::path(get, path = crate::routes::METRICS, tag = "operations", responses((status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Box<Problem>> {
    let report = app.witnesses.as_ref().map(|witnesses| witnesses.report());
    app.metrics.text(&app.log, report.as_ref()).map(open_metrics).map_err(|error| Problem::internal(&error))
}

/// The answer that is such a text.
pub(crate) fn open_metrics(text: String) -> Response {
    let content_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// What the log is
#[derive(Serialize, ToSchema)]
pub(crate) struct LogInfo {
    /// Name of the log and of its key.
    origin: String,
    /// `records` or `raw`.
    kind: &'static str,
    /// The public key, as a verifier key (C2SP signed-note).
    vkey: String,
    /// Size of the published checkpoint.
    size: u64,
    /// What may be sent.
    limits: Limits,
    /// Who cosigns what it publishes; absent where it asks nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnesses: Option<AsksWitnesses>,
}

/// Who cosigns what the log publishes
#[derive(Serialize, ToSchema)]
pub(crate) struct AsksWitnesses {
    /// The log's own policy (C2SP tlog-policy), which `wait=witnessed` satisfies. It is the operator's choice: whom to
    /// believe is the reader's.
    policy: String,
    /// What is published while there are too few cosignatures: `hold`, the last checkpoint that has enough; `publish`, the
    /// newest one.
    when_unwitnessed: &'static str,
    /// Size of the newest checkpoint that has enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

/// What may be sent
#[derive(Serialize, ToSchema)]
pub(crate) struct Limits {
    /// Bytes of an entry.
    entry_bytes: usize,
    /// Bytes of a request body.
    body_bytes: usize,
    /// Records in a request.
    records_per_request: usize,
    /// Milliseconds between publications.
    publish_every_ms: u64,
}

/// What the log is and takes
#[utoipa::path(get, path = crate::routes::LOG, tag = "public log", responses(
    (status = 200, description = "Origin, kind, key, size and limits", body = LogInfo),
    (status = 400, description = "There is a query parameter, and it takes none", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn log_info(
    State(app): State<Arc<App>>,
    Params(Nothing {}): Params<Nothing>,
) -> Json<LogInfo> {
    let identity = app.reader.identity();
    let witnesses = app.witnesses.as_ref().map(|witnesses| AsksWitnesses {
        policy: String::from_utf8_lossy(&witnesses.policy().to_bytes()).into_owned(),
        when_unwitnessed: if app.holds() { "hold" } else { "publish" },
        size: app.reader.witnessed().map(|witnessed| witnessed.size()),
    });
    Json(LogInfo {
        witnesses,
        origin: identity.origin.clone(),
        kind: match identity.kind {
            Kind::Records => "records",
            Kind::Raw => "raw",
        },
        vkey: app.reader.vkey().to_string(),
        size: app.reader.published().size(),
        limits: Limits {
            entry_bytes: limits::ENTRY_BYTES_MAX,
            body_bytes: limits::BODY_BYTES_MAX,
            records_per_request: limits::RECORDS_PER_REQUEST_MAX,
            publish_every_ms: app.publish_every.as_millis() as u64,
        },
    })
}
