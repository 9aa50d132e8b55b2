//! Where a witness serves each thing. The table in docs/http-api.md is held against this one by a test.

use std::sync::Arc;

use axum::{
    Router,
    http::Method,
    middleware::map_response,
    routing::{get, post},
};

use super::{App, answer, health};
use crate::{
    counting::CountingLayer,
    problem::{Code, Problem},
    routes::{only, open_to_all_origins},
};

/// Cosignatures (C2SP tlog-witness, add-checkpoint).
pub const ADD_CHECKPOINT: &str = "/add-checkpoint";
/// Cosignatures of subtrees (C2SP tlog-witness, sign-subtree).
pub const SIGN_SUBTREE: &str = "/sign-subtree";
/// What was cosigned last of the log with this hash of its origin (C2SP tlog-witness, monitoring).
pub const CHECKPOINT: &str = "/{origin}/checkpoint";
/// Metrics.
pub const METRICS: &str = crate::routes::METRICS;
/// Liveness.
pub const HEALTHZ: &str = crate::routes::HEALTHZ;
/// Readiness.
pub const READYZ: &str = crate::routes::READYZ;

/// Every route.
pub static ALL: [&str; 6] = [ADD_CHECKPOINT, SIGN_SUBTREE, CHECKPOINT, METRICS, HEALTHZ, READYZ];

/// The whole service.
pub fn router(app: Arc<App>) -> Router {
    let public = Router::new()
        .route(CHECKPOINT, only(&Method::GET, get(answer::checkpoint)))
        .layer(map_response(open_to_all_origins));
    Router::new()
        .route(ADD_CHECKPOINT, only(&Method::POST, post(answer::add_checkpoint)))
        .route(SIGN_SUBTREE, only(&Method::POST, post(answer::sign_subtree)))
        .route(METRICS, only(&Method::GET, get(health::metrics)))
        .route(HEALTHZ, only(&Method::GET, get(crate::health::healthz)))
        .route(READYZ, only(&Method::GET, get(health::readyz)))
        .merge(public)
        .fallback(|| async {
            Problem::new(
                Code::NotFound,
                "There is nothing at this path; this is a witness (C2SP tlog-witness).",
            )
        })
        .layer(CountingLayer(app.metrics.requests()))
        .with_state(app)
}
