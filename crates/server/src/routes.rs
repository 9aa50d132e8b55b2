//! Where each thing is served. The router and the OpenAPI description are made from one declaration.

use std::sync::Arc;

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, header},
    middleware::{Next, from_fn_with_state, map_response},
    response::{IntoResponse as _, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    add,
    app::App,
    health, index,
    limits::{HEADER_BYTES_MAX, HEADERS_MAX},
    openapi,
    problem::{Code, Problem},
    proofs, read_record, resources, submit,
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
/// Inclusion proofs.
pub const INCLUSION: &str = "/v1/proofs/inclusion";
/// Consistency proofs.
pub const CONSISTENCY: &str = "/v1/proofs/consistency";
/// What the log is.
pub const LOG: &str = "/v1/log";
/// Raw entries.
pub const ADD: &str = "/add";
/// Metrics.
pub const METRICS: &str = "/metrics";
/// Liveness.
pub const HEALTHZ: &str = "/healthz";
/// Readiness.
pub const READYZ: &str = "/readyz";
/// The description of all this.
pub const OPENAPI: &str = "/openapi.json";

/// Every route.
pub const ALL: [&str; 13] = [
    CHECKPOINT,
    TILE,
    RECORDS,
    RECORD,
    INCLUSION,
    CONSISTENCY,
    LOG,
    ADD,
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
        .layer(map_response(open_to_all_origins));
    OpenApiRouter::with_openapi(openapi::frame())
        .merge(public)
        .routes(routes!(submit::submit))
        .routes(routes!(read_record::record))
        .routes(routes!(add::add))
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
        .method_not_allowed_fallback(|| async {
            Problem::new(Code::MethodNotAllowed, "This path does not take this method; see /openapi.json.")
        })
        .layer(from_fn_with_state(app.clone(), watch))
        .with_state(app)
}

/// What is public may be read by any page.
async fn open_to_all_origins(mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// What holds for every request: its header is within limits, it is counted by its route, and no browser takes the
/// answer for something else than its content type says.
async fn watch(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = matched.and_then(|path| ALL.into_iter().find(|known| *known == path)).unwrap_or("other");
    let mut response = match header_within_limits(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    app.metrics.request(route, response.status().as_u16());
    response
}

fn header_within_limits(request: &Request) -> Result<(), Box<Problem>> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let fields = request.headers();
    let bytes: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let over = |limit: usize, of: &str| {
        let detail = format!("A request may have {limit} {of}; leave some of it out.");
        Err(Problem::new(Code::HeaderTooLarge, detail).limit(limit))
    };
    if fields.len() > HEADERS_MAX {
        return over(HEADERS_MAX, "header fields");
    }
    if target + bytes > HEADER_BYTES_MAX {
        return over(HEADER_BYTES_MAX, "bytes in its target and header fields");
    }
    Ok(())
}
