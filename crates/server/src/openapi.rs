//! The description of the API, generated from the handlers.

use utoipa::OpenApi;

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

/// The whole description: what `/openapi.json` serves.
pub fn description() -> utoipa::openapi::OpenApi {
    crate::routes::described().split_for_parts().1
}
