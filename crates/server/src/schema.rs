//! `GET /v1/schema`: what a record is, for programs.

use std::sync::{Arc, LazyLock};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;

use crate::{
    app::App,
    body::{Nothing, Params},
    problem::Problem,
};

/// The schema of a record
///
/// JSON Schema (draft 2020-12) with one worked example of each type: what docs/record.md tells people.
#[utoipa::path(get, path = crate::routes::SCHEMA, tag = "records", responses(
    (status = 200, description = "The schema", body = Object, content_type = "application/schema+json"),
    (status = 400, description = "There is a query parameter, and it takes none", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "This log takes raw entries, not records", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn schema(
    State(app): State<Arc<App>>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Response, Box<Problem>> {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| record::model::schema().to_string().into());
    app.custody()?;
    let content_type = HeaderValue::from_static("application/schema+json");
    Ok(([(header::CONTENT_TYPE, content_type)], TEXT.clone()).into_response())
}
