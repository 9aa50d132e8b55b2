//! The description of the API, generated from the handlers.

use std::sync::LazyLock;

use axum::http::{HeaderValue, Method, header};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use utoipa::OpenApi;
use utoipa::openapi::{
    ContentBuilder, Ref, RefOr, Response, ResponseBuilder,
    path::Operation,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

use crate::{
    access::any_of,
    rights::{self, Who},
};

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
        (name = "content", description = "Content beside the log: shown, erased, held"),
        (name = "tokens", description = "Who may submit, and who may look"),
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
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("dbk_...").build();
    let components = description.components.get_or_insert_default();
    components.security_schemes.insert(TOKEN.into(), SecurityScheme::Http(scheme).into());
    let described = std::mem::take(&mut description.paths.paths);
    for (path, mut item) in described {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            operation.responses.responses.extend(common_problems());
            describe_rights(&method, &path, operation);
        }
        // The router's `{*path}` spans several segments; a template of OpenAPI knows no asterisk.
        description.paths.paths.insert(path.replace("{*", "{"), item);
    }
    description
}

/// The name of the security scheme.
const TOKEN: &str = "token";

/// Says which roles an operation needs, in its words and as a security requirement. Where only some of what it answers
/// needs one, a request without a token is described too.
fn describe_rights(method: &Method, path: &str, operation: &mut Operation) {
    let rows = rights::TABLE.iter().filter(|right| right.method == *method && right.route == path);
    let who: Vec<Who> = rows.map(|right| right.who).collect();
    let Some(Who::Roles(roles)) = who.iter().find(|who| **who != Who::Everybody) else { return };
    let roles = any_of(roles);
    let needs = match who[..] {
        [_] => format!("Needs a token with the role {roles}, unless the log is served open."),
        _ => format!(
            "On logs of records, what shows an entry needs a token with the role {roles}, unless the log is served open."
        ),
    };
    let description = operation.description.take().unwrap_or_default();
    operation.description = Some(format!("{description}\n\n{needs}").trim_start().to_owned());
    let none = SecurityRequirement::default();
    operation.security = Some(vec![none, SecurityRequirement::new::<_, _, &str>(TOKEN, [])]);
    let no_token = problem("No token, or one that is unknown, expired or revoked: see WWW-Authenticate");
    let denied = problem("The token has not the role, or does not speak for whom the record names");
    let responses = [("401", no_token), ("403", denied)];
    operation.responses.responses.extend(responses.map(|(status, problem)| (status.into(), problem.into())));
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

/// What can befall a request on every route.
fn common_problems() -> impl Iterator<Item = (String, RefOr<Response>)> {
    let too_large = problem("The target and header fields are over their limits");
    let failed = problem("The server failed; its operator's log says why");
    [("431", too_large), ("500", failed)].into_iter().map(|(status, problem)| (status.into(), problem.into()))
}
