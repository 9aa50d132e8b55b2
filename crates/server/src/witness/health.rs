//! Readiness and metrics of a witness.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::App;
use crate::{health, problem::Problem};

/// Whether it cosigns.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    health::readiness(app.witness.keeper().stopped(), vec![])
}

/// Metrics as Prometheus text.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Box<Problem>> {
    let text = app.metrics.text(&app.witness);
    text.map(health::open_metrics).map_err(|error| Problem::internal(&error))
}
