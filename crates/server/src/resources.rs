//! The public log: checkpoint, tiles and entry bundles, byte for byte as C2SP tlog-tiles has them.

use std::{io::Write as _, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use sequencer::reader::AtHand;
use tlog::tile::Resource;

use crate::{
    access::Caller,
    app::App,
    clerk::looks::Look,
    limits::INLINE_WORK_BYTES_MAX,
    problem::{Code, Problem},
};

const IMMUTABLE: &str = "public, max-age=604800, immutable";
const NO_STORE: &str = "no-store";

/// The published checkpoint
///
/// A signed note: origin, size, root hash (C2SP tlog-checkpoint). Also for the empty log.
#[utoipa::path(
    get,
    path = crate::routes::CHECKPOINT,
    tag = "public log",
    responses((status = 200, description = "The signed note", body = String, content_type = "text/plain; charset=utf-8"))
)]
pub(crate) async fn checkpoint(State(app): State<Arc<App>>) -> Response {
    let note = app.reader.published().bytes().clone();
    respond_checkpoint(note)
}

/// A hash tile or an entry bundle
///
/// `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]` (C2SP tlog-tiles). Bundles are compressed with gzip where
/// Accept-Encoding asks for it. Any width that exists is served, from the moment it exists.
#[utoipa::path(
    get,
    path = crate::routes::TILE,
    tag = "public log",
    params(("path" = String, Path, description = "The rest of the path, in its only spelling", example = "0/000.p/3")),
    responses(
        (status = 200, description = "32 bytes a hash; or for each entry 2 bytes of length and the entry", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 503, description = "An entry bundle under tokens: that somebody looks cannot be written into the log, so nobody may", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such tile, or not yet, or the path has another spelling", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn tile(
    State(app): State<Arc<App>>,
    caller: Option<Extension<Caller>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Box<Problem>> {
    // The path as it was sent: one with escapes or with a query is another spelling.
    let path = uri.path_and_query().map_or("", |target| target.as_str());
    let resource = Resource::parse(path.strip_prefix('/').unwrap_or(path)).map_err(|_| not_found())?;
    if let (Resource::Bundle(_), Some(Extension(caller))) = (&resource, &caller) {
        app.look(caller, Look::Entries, None).await?;
    }
    let bytes = match app.reader.at_hand(resource) {
        AtHand::Known(bytes) => bytes,
        AtHand::InStore => {
            let read = app.read(move |reader| reader.get(resource)).await?;
            read.map_err(|error| Problem::internal(&error))?
        }
    };
    let bytes = bytes.ok_or_else(not_found)?;
    match resource {
        Resource::Bundle(_) => respond_bundle(bytes, &headers).await,
        _ => Ok(respond_tile(bytes)),
    }
}

/// The answer that is a hash tile.
pub(crate) fn respond_tile(bytes: Bytes) -> Response {
    respond(bytes, "application/octet-stream", IMMUTABLE)
}

/// The answer that is an entry bundle, compressed if that is asked for.
pub(crate) async fn respond_bundle(bytes: Bytes, headers: &HeaderMap) -> Result<Response, Box<Problem>> {
    let mut response = if accepts_gzip(headers) {
        let packed = if bytes.len() <= INLINE_WORK_BYTES_MAX {
            gzip(&bytes)
        } else {
            let packing = tokio::task::spawn_blocking(move || gzip(&bytes)).await;
            packing.map_err(|error| Problem::internal(&error))?
        };
        let mut response = respond(packed, "application/octet-stream", IMMUTABLE);
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        respond(bytes, "application/octet-stream", IMMUTABLE)
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}

/// The answer that is a checkpoint.
pub(crate) fn respond_checkpoint(note: Bytes) -> Response {
    respond(note, "text/plain; charset=utf-8", NO_STORE)
}

pub(crate) fn not_found() -> Box<Problem> {
    Problem::new(Code::NotFound, "The log has no such resource, or not yet, or its path is spelt otherwise.")
}

fn respond(bytes: Bytes, content_type: &'static str, caching: &'static str) -> Response {
    let mut response = (StatusCode::OK, Body::from(bytes)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

/// The same bytes each time: no time, no name, one level.
fn gzip(bytes: &[u8]) -> Bytes {
    let mut packer =
        GzBuilder::new().mtime(0).write(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    // Writing into memory does not fail.
    let _ = packer.write_all(bytes);
    packer.finish().unwrap_or_default().into()
}

/// Whether Accept-Encoding lists gzip (RFC 9110 section 12.5.3), with a quality above 0.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(header::ACCEPT_ENCODING);
    let quality = |wanted: &str| {
        let values = listed.iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).find_map(|coding| {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, "q=1"));
            let quality = parameters.trim().strip_prefix("q=")?.trim().parse::<f32>().ok()?;
            name.trim().eq_ignore_ascii_case(wanted).then_some(quality > 0.0)
        })
    };
    quality("gzip").or_else(|| quality("*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_negotiated() {
        for (value, expected) in [
            ("gzip", true),
            ("GZIP", true),
            ("deflate, gzip;q=0.5", true),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip; q=0.0, *", false),
            ("*", true),
            ("*;q=0", false),
            ("br", false),
            ("xgzip", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts_gzip(&headers), expected, "{value:?}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn gzip_is_the_same_each_time() {
        let bytes = [7; 1000];
        assert_eq!(gzip(&bytes), gzip(&bytes));
        assert_eq!(gzip(&bytes)[4..8], [0; 4], "no time in it");
    }
}
