//! The description of the API, generated from the handlers.

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use utoipa::OpenApi;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Deedbook",
        description = "A transparency log for what AI agents do. The public log follows C2SP tlog-tiles, tlog-checkpoint \
                       and signed-note; proofs follow RFC 9162; problems follow RFC 9457.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "public log", description = "What anybody reads to check the log"),
        (name = "proofs", description = "For clients that do not read tiles"),
        (name = "records", description = "Submitting and reading audit records"),
        (name = "raw entries", description = "Logs that were created for raw entries"),
        (name = "operations", description = "For whoever runs the server"),
    )
)]
struct Frame;

/// Title, licence and tags.
pub(crate) fn frame() -> utoipa::openapi::OpenApi {
    Frame::openapi()
}

/// The description of the API
///
/// OpenAPI 3.1, made from the code that answers.
#[utoipa::path(get, path = crate::routes::OPENAPI, tag = "operations", responses((status = 200, description = "The description", body = Object)))]
pub(crate) async fn serve() -> axum::response::Response {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| description().to_json().unwrap_or_default().into());
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], TEXT.clone()).into_response()
}

/// The whole description: what `/openapi.json` serves.
pub fn description() -> utoipa::openapi::OpenApi {
    let mut description = crate::routes::described().split_for_parts().1;
    let described = std::mem::take(&mut description.paths.paths);
    for (path, mut item) in described {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.responses.responses.extend(common_problems());
        }
        // The router's `{*path}` spans several segments; a template of OpenAPI knows no asterisk.
        description.paths.paths.insert(path.replace("{*", "{"), item);
    }
    description
}

/// What can befall a request on every route.
fn common_problems() -> impl Iterator<Item = (String, RefOr<Response>)> {
    let problem = |description: &str| {
        let schema = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        ResponseBuilder::new().description(description).content("application/problem+json", content).build()
    };
    let too_large = problem("The target and header fields are over their limits");
    let failed = problem("The server failed; its operator's log says why");
    [("431", too_large), ("500", failed)].into_iter().map(|(status, problem)| (status.into(), problem.into()))
}
