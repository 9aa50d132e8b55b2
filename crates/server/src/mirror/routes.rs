//! Where a mirror serves each thing. The table in docs/http-api.md is held against this one by a test.

use std::sync::Arc;

use axum::{
    Router,
    http::Method,
    middleware::map_response,
    routing::{get, post},
};

use super::{App, answer, push};
use crate::{
    counting::CountingLayer,
    problem::{Code, Problem},
    routes::{only, open_to_all_origins},
};

/// The mirror's checkpoint of the log with this hash of its origin.
pub const CHECKPOINT: &str = "/{origin}/checkpoint";
/// Its hash tiles and entry bundles.
pub const TILE: &str = "/{origin}/tile/{*path}";
/// How its keys followed each other.
pub const LOG_KEYS: &str = "/{origin}/v1/log/keys";
/// A checkpoint that is pushed (C2SP tlog-mirror, add-checkpoint).
pub const ADD_CHECKPOINT: &str = "/add-checkpoint";
/// Entries that are pushed (C2SP tlog-mirror, add-entries).
pub const ADD_ENTRIES: &str = "/add-entries";
/// Metrics.
pub const METRICS: &str = crate::routes::METRICS;
/// Liveness.
pub const HEALTHZ: &str = crate::routes::HEALTHZ;
/// Readiness.
pub const READYZ: &str = crate::routes::READYZ;

/// Every route.
pub static ALL: [&str; 8] =
    [CHECKPOINT, TILE, LOG_KEYS, ADD_CHECKPOINT, ADD_ENTRIES, METRICS, HEALTHZ, READYZ];

/// The option by which an operator has entries handed out to everybody.
pub(super) const SERVE_ENTRIES: &str = "--serve-entries";

/// The whole service.
pub fn router(app: Arc<App>) -> Router {
    let public = Router::new()
        .route(CHECKPOINT, only(&Method::GET, get(answer::checkpoint)))
        .route(LOG_KEYS, only(&Method::GET, get(answer::log_keys)))
        .layer(map_response(open_to_all_origins));
    Router::new()
        // What any page may read of it depends on what it is.
        .route(TILE, only(&Method::GET, get(answer::tile)))
        .route(ADD_CHECKPOINT, only(&Method::POST, post(push::add_checkpoint)))
        .route(ADD_ENTRIES, only(&Method::POST, post(push::add_entries)))
        .route(METRICS, only(&Method::GET, get(answer::metrics)))
        .route(HEALTHZ, only(&Method::GET, get(crate::health::healthz)))
        .route(READYZ, only(&Method::GET, get(answer::readyz)))
        .merge(public)
        .fallback(|| async {
            Problem::new(
                Code::NotFound,
                "There is nothing at this path; this is a mirror (C2SP tlog-mirror).",
            )
        })
        .layer(CountingLayer(app.metrics().requests()))
        .with_state(app)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_route_is_told_in_the_documentation() {
        let page = include_str!("../../../../docs/http-api.md");
        let (_, told) = page.split_once("\n## A mirror\n").unwrap();
        let told = told.split("\n## ").next().unwrap();
        for route in super::ALL {
            let of_route = |line: &&str| {
                ["GET", "POST"].iter().any(|method| line.starts_with(&format!("| `{method} {route}`")))
            };
            let rows = told.lines().filter(of_route);
            assert_eq!(rows.count(), 1, "{route} in the table");
        }
    }
}
