//! Where each thing is served. The router and the OpenAPI description are made from one declaration.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderValue, Method, header},
    middleware::map_response,
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    add,
    app::App,
    care,
    counting::CountingLayer,
    evidence,
    guard::GuardLayer,
    health, index, log_keys, openapi, payloads,
    problem::{Code, Problem},
    proofs, read_record, resources, schema, search, sessions, submit, tokens,
};

/// What this server is.
pub const INDEX: &str = "/";
/// The published checkpoint.
pub const CHECKPOINT: &str = "/checkpoint";
/// Hash tiles and entry bundles.
pub const TILE: &str = "/tile/{*path}";
/// Submission of records.
pub const RECORDS: &str = "/v1/records";
/// One record.
pub const RECORD: &str = "/v1/records/{record}";
/// One session.
pub const SESSION: &str = "/v1/sessions/{id}";
/// What a record is.
pub const SCHEMA: &str = "/v1/schema";
/// Evidence files.
pub const EVIDENCE: &str = "/v1/evidence";
/// Inclusion proofs.
pub const INCLUSION: &str = "/v1/proofs/inclusion";
/// Consistency proofs.
pub const CONSISTENCY: &str = "/v1/proofs/consistency";
/// What the log is.
pub const LOG: &str = "/v1/log";
/// How its keys followed each other.
pub const LOG_KEYS: &str = "/v1/log/keys";
/// Raw entries.
pub const ADD: &str = "/add";
/// Tokens.
pub const TOKENS: &str = "/v1/tokens";
/// One token.
pub const TOKEN: &str = "/v1/tokens/{id}";
/// One content beside the log.
pub const PAYLOAD: &str = "/v1/payloads/{digest}";
/// Erasures.
pub const ERASURES: &str = "/v1/erasures";
/// Holds.
pub const HOLDS: &str = "/v1/holds";
/// The end of a hold.
pub const HOLD_RELEASE: &str = "/v1/holds/{id}/release";
/// Metrics.
pub const METRICS: &str = "/metrics";
/// Liveness.
pub const HEALTHZ: &str = "/healthz";
/// Readiness.
pub const READYZ: &str = "/readyz";
/// The description of all this.
pub const OPENAPI: &str = "/openapi.json";

/// Every route.
pub const ALL: [&str; 23] = [
    CHECKPOINT,
    TILE,
    RECORDS,
    RECORD,
    SESSION,
    SCHEMA,
    EVIDENCE,
    INCLUSION,
    CONSISTENCY,
    LOG,
    LOG_KEYS,
    ADD,
    TOKENS,
    TOKEN,
    PAYLOAD,
    ERASURES,
    HOLDS,
    HOLD_RELEASE,
    METRICS,
    HEALTHZ,
    READYZ,
    OPENAPI,
    INDEX,
];

/// All routes, each with its description.
pub(crate) fn described() -> OpenApiRouter<Arc<App>> {
    let public = OpenApiRouter::new()
        .routes(routes!(resources::checkpoint))
        .routes(routes!(resources::tile))
        .routes(routes!(proofs::inclusion))
        .routes(routes!(proofs::consistency))
        .routes(routes!(health::log_info))
        .routes(routes!(log_keys::log_keys))
        .routes(routes!(schema::schema))
        .layer(map_response(open_to_all_origins));
    OpenApiRouter::with_openapi(openapi::frame())
        .merge(public)
        .routes(routes!(submit::submit, search::search))
        .routes(routes!(sessions::session))
        .routes(routes!(evidence::evidence))
        .routes(routes!(read_record::record))
        .routes(routes!(add::add))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(payloads::payload))
        .routes(routes!(care::erase))
        .routes(routes!(care::place_hold, care::holds))
        .routes(routes!(care::release_hold))
        .routes(routes!(health::metrics))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(openapi::serve))
        .routes(routes!(index::index))
}

/// The whole service.
pub fn router(app: Arc<App>) -> Router {
    described()
        .split_for_parts()
        .0
        .fallback(|| async {
            Problem::new(Code::NotFound, "There is nothing at this path; see /openapi.json.")
        })
        .layer(GuardLayer(app.clone()))
        .layer(CountingLayer(app.metrics.requests()))
        .with_state(app)
}

/// Tells whoever uses another method which one a path takes.
pub(crate) fn only<S: Clone + Send + Sync + 'static>(
    method: &Method,
    router: MethodRouter<S>,
) -> MethodRouter<S> {
    let allowed = if method == Method::GET { "GET,HEAD" } else { "POST" };
    router.fallback(move || async move {
        let detail = format!("This path takes {allowed} and no other method.");
        Problem::new(Code::MethodNotAllowed, detail).allow(allowed.into()).into_response()
    })
}

/// What is public may be read by any page.
pub(crate) async fn open_to_all_origins(mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
